//! What the views show of what happened.

#![allow(
    clippy::unwrap_used,
    clippy::similar_names,
    clippy::too_many_lines,
    reason = "in a test a surprise ends the test, and what is alike is named alike"
)]

mod support;

use ::discussions::thread::{CloseReason, Event, Reaction};
use ::organisations::person::{Event as PersonEvent, GrantedRole};
use ::organisations::{organisation as organisations, team};
use communities::charter::{Charter, Clause};
use communities::community::Event as CommunityEvent;
use kernel::{Action, Audience, Reach, Role, Scope, Token, Viewer};
use projections::communities::community;
use projections::discussions::thread::Closing;
use projections::discussions::{post, thread};
use projections::grants;
use projections::organisations::{organisation, person};
use support::World;

#[tokio::test]
async fn a_thread_shows_what_was_said_and_done() {
    let mut world = World::new().await;
    let home = world.organisation("north").await;
    let (ada, bob) = (world.person(home, "Ada").await, world.person(home, "Bob").await);
    let community = world.community("c", home, Some(Audience::members()), &[(ada, home), (bob, home)]).await;
    let category = world.category(community, "g", Audience::members()).await;
    let (id, opening) = world.thread(community, category, Audience::members(), ada, home, "How?").await;
    let opened_at = world.now();
    let reply = world.reply(id, bob, None).await;
    let nested = world.reply(id, ada, Some(reply)).await;
    let replied_at = world.now();
    let viewer = Viewer::person(ada, home, [community]);
    let of = |events: Vec<Event>| events;
    world
        .happens(
            id.0,
            Some(bob),
            Some(home),
            of(vec![
                Event::Upvoted { post: opening, person: bob },
                Event::Upvoted { post: opening, person: ada },
                Event::UpvoteWithdrawn { post: opening, person: bob },
                Event::Upvoted { post: reply, person: ada },
                Event::Reacted { post: reply, person: ada, reaction: Reaction::Heart },
                Event::Reacted { post: reply, person: bob, reaction: Reaction::Heart },
                Event::Reacted { post: reply, person: bob, reaction: Reaction::Eyes },
                Event::ReactionWithdrawn { post: reply, person: bob, reaction: Reaction::Eyes },
                Event::PostEdited { post: reply, body: "first edit".into() },
                Event::PostEdited { post: reply, body: "second edit".into() },
                Event::Retitled { title: "How exactly?".into() },
                Event::Locked,
            ]),
        )
        .await;
    world.project().await;
    let db = world.reads();

    let row = thread::by_ids(&viewer, db, &[id]).await.unwrap().remove(0);
    assert_eq!((row.title.as_str(), row.reply_count, row.upvote_count, row.version), ("How exactly?", 2, 1, 15));
    assert_eq!((row.opened_at, row.last_activity_at), (opened_at, replied_at), "votes, edits and locks are no activity");
    assert_eq!((row.locked, row.closing, row.answered), (true, None, false));
    assert_eq!((row.author.name.as_str(), row.author.organisation.unwrap().slug.as_str()), ("Ada", "north"));
    assert_eq!((row.community.slug.as_str(), row.category.slug.as_str()), ("c", "g"));
    assert_eq!(thread::upvoted(&viewer, db, &[id]).await.unwrap(), [id]);

    let posts = post::by_ids(&viewer, db, &[(id, reply), (id, nested), (id, opening)]).await.unwrap();
    let find = |post| posts.iter().find(|row| row.id == post).unwrap();
    assert!(find(opening).opening && find(opening).upvote_count == 1);
    assert_eq!((find(reply).body.as_str(), find(reply).reply_count, find(reply).upvote_count), ("second edit", 1, 1));
    assert_eq!(find(nested).reply_to, Some(reply));
    let reactions = post::reactions(&viewer, db, &[(id, reply)]).await.unwrap();
    assert_eq!(reactions.len(), 1);
    assert_eq!((reactions[0].reaction, reactions[0].count, reactions[0].by_viewer), (Reaction::Heart, 2, true));
    let revisions = post::revisions(&viewer, db, &[(id, reply)]).await.unwrap();
    assert_eq!(revisions.iter().map(|row| row.body.as_str()).collect::<Vec<_>>(), ["A reply", "first edit", "second edit"]);
    assert_eq!(revisions[1].by.as_ref().unwrap().name, "Bob");
    assert_eq!(post::upvoted(&viewer, db, &[(id, reply), (id, nested)]).await.unwrap(), [reply]);

    let other = world.thread(community, category, Audience::members(), bob, home, "Other").await.0;
    world.happens(id.0, Some(ada), None, vec![Event::AnswerMarked { post: reply }, Event::Unlocked]).await;
    world.happens(id.0, Some(ada), None, vec![Event::Closed { reason: CloseReason::Duplicate(Some(other)) }]).await;
    world.project().await;
    let row = thread::by_ids(&viewer, world.reads(), &[id]).await.unwrap().remove(0);
    assert_eq!((row.locked, row.closing, row.duplicate_of, row.answered), (false, Some(Closing::Duplicate), Some(other), true));
    assert_eq!(row.last_activity_at, world.now());
    assert_eq!(post::answers(&viewer, world.reads(), &[id]).await.unwrap()[0].id, reply);
    world.happens(id.0, Some(ada), None, vec![Event::AnswerUnmarked { post: reply }, Event::Reopened]).await;
    world.project().await;
    let row = thread::by_ids(&viewer, world.reads(), &[id]).await.unwrap().remove(0);
    assert_eq!((row.closing, row.duplicate_of, row.answered), (None, None, false));
}

#[tokio::test]
async fn an_erased_person_is_a_former_member() {
    let mut world = World::new().await;
    let home = world.organisation("north").await;
    let (ada, bob) = (world.person(home, "Ada").await, world.person(home, "Bob").await);
    let community = world.community("c", home, Some(Audience::public()), &[(ada, home)]).await;
    let category = world.category(community, "g", Audience::public()).await;
    let (id, _) = world.thread(community, category, Audience::public(), ada, home, "t").await;
    let profile = PersonEvent::ProfileChanged { name: "Ada B.".to_owned().into(), about: "I build bridges".to_owned().into() };
    world.happens(ada.0, Some(ada), Some(home), vec![profile]).await;
    world.project().await;
    let member = Viewer::person(bob, home, []);
    let name = async |viewer: &Viewer, world: &World| thread::by_ids(viewer, world.reads(), &[id]).await.unwrap().remove(0).author.name;
    assert_eq!(name(&member, &world).await, "Ada B.");
    assert_eq!(name(&Viewer::stranger(), &world).await, "A member of Department north");
    let row = person::by_ids(&member, world.reads(), &[ada]).await.unwrap().remove(0);
    assert_eq!((row.about.as_str(), row.version), ("I build bridges", 2));
    let oneself = person::oneself(&Viewer::person(ada, home, []), world.reads()).await.unwrap().unwrap();
    assert_eq!(oneself.email.as_deref(), Some("Ada@example.org"));
    assert!(person::by_ids(&Viewer::stranger(), world.reads(), &[ada]).await.unwrap().is_empty());

    world.happens(ada.0, Some(ada), Some(home), vec![PersonEvent::Erased]).await;
    world.log.destroy_key(ada).await.unwrap();
    world.project().await;
    for viewer in [&member, &Viewer::stranger()] {
        assert_eq!(name(viewer, &world).await, "Former member");
    }
    let left: String =
        sqlx::query_scalar("select p::text from views.person p where id = $1").bind(ada.0).fetch_one(world.reads()).await.unwrap();
    assert!(!left.contains("Ada") && !left.contains("bridges") && !left.contains("sub-"), "{left}");
    assert!(grants::of(world.reads(), ada).await.unwrap().is_none());
    // Drawn anew, when the key is gone, it is the same.
    let stop = tokio_util::sync::CancellationToken::new();
    projections::rebuild(&world.log, "people", &stop, |_| {}).await.unwrap();
    let anew: String =
        sqlx::query_scalar("select p::text from views.person p where id = $1").bind(ada.0).fetch_one(world.reads()).await.unwrap();
    assert_eq!(anew, left);
}

#[tokio::test]
async fn grants_follow_roles_teams_and_communities() {
    let mut world = World::new().await;
    let home = world.organisation("north").await;
    let (ada, bob) = (world.person(home, "Ada").await, world.person(home, "Bob").await);
    let team = world.team(home, "bridge", &[ada, bob]).await;
    let disbanded = world.team(home, "tunnel", &[ada]).await;
    world.happens(disbanded.0, None, None, vec![team::Event::Disbanded]).await;
    let community = world.community("c", home, None, &[(ada, home), (bob, home)]).await;
    let granted = [GrantedRole::Steward, GrantedRole::OrganisationAdmin].map(|role| PersonEvent::RoleGranted { role });
    world.happens(ada.0, None, None, granted.to_vec()).await;
    world.project().await;
    let standing = grants::of(world.reads(), ada).await.unwrap().unwrap();
    assert_eq!(
        standing.actor.roles,
        [Role::Steward, Role::OrganisationAdmin(home), Role::TeamMember(team), Role::Coordinator(community), Role::CoreMember(community)]
            .into()
    );
    assert_eq!(standing.viewer, Viewer::person(ada, home, [community]));
    assert!(standing.is_admitted() && standing.actor.may(Action::CommunityManage, &Scope::community(community)).is_ok());
    let other = grants::of(world.reads(), bob).await.unwrap().unwrap();
    assert_eq!(other.actor.roles, [Role::TeamMember(team), Role::Member(community)].into());

    world.happens(ada.0, None, None, vec![PersonEvent::RoleRevoked { role: GrantedRole::Steward }]).await;
    world.happens(bob.0, None, None, vec![PersonEvent::Suspended { reason: "left".into() }]).await;
    world.happens(home.0, None, None, vec![organisations::Event::Suspended { reason: "merged".into() }]).await;
    world.happens(community.0, None, None, vec![CommunityEvent::MemberLeft { person: ada }]).await;
    world.project().await;
    let standing = grants::of(world.reads(), ada).await.unwrap().unwrap();
    assert_eq!(standing.actor.roles, [Role::OrganisationAdmin(home), Role::TeamMember(team)].into());
    assert!(!standing.viewer.grants.contains(Token::Community(community)));
    assert!(standing.organisation_suspended && !standing.suspended && !standing.is_admitted());
    assert!(grants::of(world.reads(), bob).await.unwrap().unwrap().suspended);
    assert!(grants::of(world.reads(), support::id()).await.unwrap().is_none());
}

#[tokio::test]
async fn communities_and_providers_show_what_became_of_them() {
    let mut world = World::new().await;
    let home = world.organisation("north").await;
    let ada = world.person(home, "Ada").await;
    let community = world.community("c", home, Some(Audience::public()), &[(ada, home)]).await;
    let charter = Charter { purpose: Clause::Stated("Share".into()), sponsor: Clause::ToBeConfirmed("who".into()), ..Charter::default() };
    let events = vec![
        CommunityEvent::CharterAmended { charter: charter.clone(), summary: "first".into() },
        CommunityEvent::ClosedToJoiners,
        CommunityEvent::Archived { reason: "done".into() },
    ];
    world.happens(community.0, None, None, events).await;
    let (one, two) = (support::id(), support::id());
    let registered = |provider, name: &str| organisations::Event::ProviderRegistered {
        provider,
        name: name.into(),
        issuer: "https://id.example".into(),
        client_id: "hub".into(),
        scopes: vec!["email".into()],
    };
    let events = vec![registered(one, "Staff"), registered(two, "Guests"), organisations::Event::ProviderDisabled { provider: two }];
    world.happens(home.0, None, None, events).await;
    world.project().await;
    let (viewer, db) = (Viewer::stranger(), world.reads());
    let row = community::by_slug(&viewer, db, "c").await.unwrap().unwrap();
    assert_eq!((row.charter, row.open, row.archived, row.archive_reason.as_deref()), (charter, false, true, Some("done")));
    assert_eq!((row.member_count, row.core_member_limit, row.home.slug.as_str(), row.audience.reach()), (1, 15, "north", Reach::Public));
    assert_eq!(organisation::providers(&viewer, db, &[home]).await.unwrap().len(), 2);
    let open = organisation::sign_in_options(&viewer, db).await.unwrap();
    assert_eq!(open.iter().map(|provider| provider.id).collect::<Vec<_>>(), [one]);
    assert!(!organisation::provider(&viewer, db, two).await.unwrap().unwrap().enabled);

    world.happens(home.0, None, None, vec![organisations::Event::ProviderRemoved { provider: two }]).await;
    world.happens(home.0, None, None, vec![organisations::Event::Suspended { reason: "x".into() }]).await;
    world.project().await;
    assert!(organisation::provider(&viewer, world.reads(), two).await.unwrap().is_none());
    assert!(organisation::sign_in_options(&viewer, world.reads()).await.unwrap().is_empty());
    assert!(organisation::by_slug(&viewer, world.reads(), "north").await.unwrap().unwrap().suspended);
}
