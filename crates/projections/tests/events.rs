//! Who sees which event: the rule as audiences and the rule in SQL, both compared with a table in plain Rust, for every kind of event
//! there is and viewers of every kind.

#![allow(
    clippy::unwrap_used,
    clippy::similar_names,
    clippy::too_many_lines,
    reason = "in a test a surprise ends the test, and what is alike is named alike"
)]

mod support;

use ::communities::{charter::Charter, community};
use ::discussions::{category, thread};
use ::events::wire::{WIRES, Wire};
use ::events::{HubEvent, decode, samples};
use ::organisations::{organisation, person, team};
use kernel::{Audience, CommunityId, OrganisationId, PersonId, ProviderId, Recorded, TokenId, Viewer, Who};
use projections::Page;
use projections::events::{Earlier, Place, Subject, audiences, earlier, history, rule, totals};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use support::World;
use uuid::Uuid;

/// Events that the person concerned alone is shown, and whoever did it.
const PRIVATE: [&str; 5] = ["profile_changed", "role_granted", "role_revoked", "token_issued", "token_revoked"];
/// Events that whoever sees both the community and the member is shown, and the member.
const MEMBERSHIP: [&str; 3] = ["member_joined", "member_left", "member_kind_changed"];

struct Seed {
    world: World,
    events: Vec<Recorded<HubEvent>>,
    /// Who may see each thing, by the id of its stream.
    audiences: BTreeMap<Uuid, Audience>,
    erased: BTreeSet<Uuid>,
    members: HashMap<CommunityId, Vec<PersonId>>,
    persons: Vec<(PersonId, OrganisationId)>,
    subjects: Vec<Subject>,
}

/// Every kind of event, on things of every audience, some of it done by the persons themselves, some by others, some by the hub.
async fn seed() -> Seed {
    let mut world = World::new().await;
    let (mut audiences, mut subjects) = (BTreeMap::new(), Vec::new());
    let organisations = [world.organisation("north").await, world.organisation("south").await];
    for id in organisations {
        audiences.insert(id.0, Audience::public());
        subjects.push(Subject::Organisation(id));
    }
    let mut persons = Vec::new();
    for (n, name) in ["ada", "bob", "cem", "dee"].into_iter().enumerate() {
        persons.push((world.person(organisations[n % 2], name).await, organisations[n % 2]));
    }
    let [ada, bob, cem, dee] = [0, 1, 2, 3].map(|n| persons[n].0);
    let placeholder: PersonId = support::id();
    let created =
        person::Event::PlaceholderCreated { source: "github".into(), handle: "octo".to_owned().into(), name: "Octo".to_owned().into() };
    world.happens(placeholder.0, None, None, vec![created]).await;
    for (person, _) in &persons {
        audiences.insert(person.0, Audience::members());
        subjects.push(Subject::Person(*person));
    }
    audiences.insert(placeholder.0, Audience::public());
    subjects.push(Subject::Person(placeholder));

    let (provider, token): (ProviderId, TokenId) = (support::id(), support::id());
    let registered = organisation::Event::ProviderRegistered {
        provider,
        name: "Staff sign-in".into(),
        issuer: "https://id.example".into(),
        client_id: "hub".into(),
        scopes: Vec::new(),
    };
    let on_north = vec![
        organisation::Event::Renamed { name: "North".into() },
        organisation::Event::Suspended { reason: "A dispute".into() },
        organisation::Event::Reinstated,
        registered,
        organisation::Event::ProviderDisabled { provider },
        organisation::Event::ProviderEnabled { provider },
        organisation::Event::ProviderRemoved { provider },
    ];
    world.happens(organisations[0].0, Some(bob), None, on_north).await;
    // By others, and by themselves.
    let profile = |about: &str| person::Event::ProfileChanged { name: "Ada".to_owned().into(), about: about.to_owned().into() };
    let issued = person::Event::TokenIssued {
        token,
        name: "Nightly".into(),
        scope: person::TokenScope::Read,
        expires_at: world.now() + chrono::TimeDelta::days(3),
    };
    world.happens(ada.0, Some(ada), None, vec![profile("one"), profile("two"), issued, person::Event::TokenRevoked { token }]).await;
    let role = person::GrantedRole::Steward;
    let by_bob = vec![
        person::Event::RoleGranted { role },
        person::Event::RoleRevoked { role },
        person::Event::Suspended { reason: "A long leave".into() },
        person::Event::Reinstated,
    ];
    world.happens(ada.0, Some(bob), None, by_bob).await;
    world.happens(cem.0, None, None, vec![person::Event::RoleGranted { role }]).await;
    world.happens(dee.0, Some(bob), None, vec![person::Event::RoleGranted { role }, person::Event::Erased]).await;

    let team = world.team(organisations[0], "team", &[ada, cem]).await;
    let on_team = vec![team::Event::Renamed { name: "Team".into() }, team::Event::MemberRemoved { person: cem }, team::Event::Disbanded];
    world.happens(team.0, Some(ada), None, on_team).await;
    audiences.insert(team.0, Audience::members());
    subjects.push(Subject::Team(team));

    let mut members = HashMap::new();
    for n in 0..4 {
        let audience =
            [Some(Audience::public()), Some(Audience::members()), Some(Audience::organisation(organisations[0])), None][n].clone();
        let joined: Vec<_> = persons.iter().copied().skip(n % 2).take(2).collect();
        let community = world.community(&format!("c{n}"), organisations[n % 2], audience.clone(), &joined).await;
        let audience = audience.unwrap_or_else(|| Audience::community(community));
        let on_community = vec![
            community::Event::CharterAmended { charter: Charter::default(), summary: "Nothing".into() },
            community::Event::ClosedToJoiners,
            community::Event::OpenedToJoiners,
            // A person whose name is for anyone, and one whose name is for those who are signed in.
            community::Event::MemberJoined {
                person: placeholder,
                organisation: organisations[0],
                kind: community::MemberKind::Member,
                team: None,
            },
            community::Event::MemberKindChanged { person: joined[1].0, kind: community::MemberKind::Core },
            community::Event::CoordinatorReleased { person: joined[0].0 },
            community::Event::MemberLeft { person: joined[1].0 },
            community::Event::OrganisationLeft { organisation: organisations[1] },
            community::Event::Archived { reason: "Done".into() },
        ];
        world.happens(community.0, Some(joined[0].0), None, on_community).await;
        members.insert(community, vec![joined[0].0]);
        audiences.insert(community.0, audience.clone());
        subjects.push(Subject::Community(community));

        let category = world.category(community, &format!("g{n}"), audience.clone()).await;
        let on_category = vec![
            category::Event::Described { name: "Category".into(), description: "Anything".into() },
            category::Event::Reordered { position: 3 },
            category::Event::Closed,
        ];
        world.happens(category.0, Some(joined[0].0), None, on_category).await;
        audiences.insert(category.0, audience.clone());
        subjects.push(Subject::Category(category));

        for audience in [audience, Audience::persons([bob])] {
            let (thread, opening) = world.thread(community, category, audience.clone(), joined[0].0, joined[0].1, "A thread").await;
            let reply = world.reply(thread, bob, None).await;
            let (reaction, reason) = (thread::Reaction::Heart, thread::CloseReason::Outdated);
            let on_thread = vec![
                thread::Event::Retitled { title: "Another title".into() },
                thread::Event::PostEdited { post: reply, body: "Edited".into() },
                thread::Event::Locked,
                thread::Event::Unlocked,
                thread::Event::Closed { reason },
                thread::Event::Reopened,
                thread::Event::AnswerMarked { post: reply },
                thread::Event::AnswerUnmarked { post: reply },
                thread::Event::Reacted { post: reply, person: ada, reaction },
                thread::Event::ReactionWithdrawn { post: reply, person: ada, reaction },
                thread::Event::Upvoted { post: opening, person: ada },
                thread::Event::UpvoteWithdrawn { post: opening, person: ada },
            ];
            world.happens(thread.0, Some(ada), None, on_thread).await;
            audiences.insert(thread.0, audience);
            subjects.extend([Subject::Thread(thread), Subject::Post(thread, opening), Subject::Post(thread, reply)]);
        }
    }
    world.project().await;
    let events: Vec<Recorded<HubEvent>> =
        world.log.read(0, 1_000).await.unwrap().into_iter().map(|recorded| decode(recorded).unwrap()).collect();
    let found: BTreeSet<String> = events.iter().map(|recorded| recorded.event.wire().kind()).collect();
    assert_eq!(found, WIRES.iter().map(Wire::kind).collect(), "every kind of event happens");
    Seed { world, events, audiences, erased: BTreeSet::from([dee.0]), members, persons, subjects }
}

impl Seed {
    fn viewers(&self) -> Vec<Viewer> {
        let mut viewers = vec![Viewer::stranger()];
        for (person, organisation) in &self.persons {
            let communities = self.members.iter().filter(|(_, members)| members.contains(person)).map(|(community, _)| *community);
            viewers.push(Viewer::person(*person, *organisation, communities));
            viewers.push(Viewer::person(support::id(), *organisation, []));
        }
        viewers
    }

    /// Whether the viewer sees what is private in it.
    fn private(&self, viewer: &Viewer, recorded: &Recorded<HubEvent>) -> bool {
        let stream = recorded.stream.id;
        let did = viewer.person.is_some_and(|person| recorded.meta.actor == Who::Person(person));
        match recorded.stream.aggregate.as_str() {
            "person" => !self.erased.contains(&stream) && (did || viewer.person == Some(PersonId(stream))),
            "organisation" => did || viewer.organisation == Some(OrganisationId(stream)),
            _ => false,
        }
    }

    /// The rule in plain Rust.
    fn sees(&self, viewer: &Viewer, recorded: &Recorded<HubEvent>) -> bool {
        let thing = viewer.sees(&self.audiences[&recorded.stream.id]);
        let kind = (recorded.stream.aggregate.as_str(), recorded.event.tag());
        match kind {
            ("person", tag) if PRIVATE.contains(&tag) => self.private(viewer, recorded),
            ("community", tag) if MEMBERSHIP.contains(&tag) => {
                let member = rule::part(&recorded.event).unwrap();
                viewer.person == Some(PersonId(member)) || (thing && viewer.sees(&self.audiences[&member]))
            }
            _ => thing,
        }
    }

    /// Whether an event belongs to the history of this thing.
    fn concerns(subject: Subject, recorded: &Recorded<HubEvent>) -> bool {
        let stream = recorded.stream.id;
        match subject {
            Subject::Organisation(id) => stream == id.0,
            Subject::Person(id) => stream == id.0,
            Subject::Team(id) => stream == id.0,
            Subject::Community(id) => stream == id.0,
            Subject::Category(id) => stream == id.0,
            Subject::Thread(id) => stream == id.0,
            Subject::Post(thread, post) => stream == thread.0 && rule::part(&recorded.event) == Some(post.0),
        }
    }
}

#[tokio::test]
async fn every_event_obeys_the_rule() {
    let seed = seed().await;
    let seen = audiences(seed.world.reads(), &seed.events).await.unwrap();
    for viewer in seed.viewers() {
        for (recorded, seen) in seed.events.iter().zip(&seen) {
            let seen = seen.as_ref().expect("the views hold every thing");
            let what = format!("{} of {} for {viewer:?}", recorded.event.wire().kind(), recorded.stream);
            assert_eq!(viewer.sees(&seen.audience), seed.sees(&viewer, recorded), "{what}");
            assert_eq!(viewer.sees(&seen.private), seed.private(&viewer, recorded), "private: {what}");
        }
        let lists = history(&viewer, seed.world.reads(), &seed.subjects, &Page::first(100)).await.unwrap();
        let counts = totals(&viewer, seed.world.reads(), &seed.subjects).await.unwrap();
        for subject in &seed.subjects {
            let expected: Vec<Place> = seed
                .events
                .iter()
                .filter(|recorded| Seed::concerns(*subject, recorded) && seed.sees(&viewer, recorded))
                .map(|recorded| Place { stream: recorded.stream.id, version: recorded.version })
                .collect();
            assert_eq!(counts[subject], expected.len() as u64, "{subject:?} for {viewer:?}");
            assert_eq!(lists[subject].clone().into_rows(), expected, "{subject:?} for {viewer:?}");
        }
    }
}

/// What a command would do is shown before it is done: to whom it would show afterwards.
#[tokio::test]
async fn what_is_not_in_the_views_goes_by_the_event_that_brings_it_into_being() {
    let mut seed = seed().await;
    let (bob, north) = (seed.persons[1].0, seed.persons[0].1);
    let mut planned = Vec::new();
    for (n, event) in samples().into_iter().enumerate() {
        let mut recorded = seed.events[0].clone();
        recorded.seq = 0;
        recorded.stream.id = Uuid::from_u128(1 + n as u128);
        recorded.event = event;
        planned.push(recorded);
    }
    let seen = audiences(seed.world.reads(), &planned).await.unwrap();
    let shown: BTreeSet<String> =
        planned.iter().zip(&seen).filter(|(_, seen)| seen.is_some()).map(|(planned, _)| planned.event.wire().kind()).collect();
    let founding = ["organisation_registered", "person_joined", "person_placeholder_created", "team_formed"]
        .map(|kind| format!("hub.organisations.{kind}"));
    let further =
        ["hub.communities.community_founded", "hub.discussions.category_opened", "hub.discussions.thread_opened"].map(str::to_owned);
    assert_eq!(shown, founding.into_iter().chain(further).collect(), "only what begins a thing says who sees it");

    // What follows it in the same command goes by it too.
    let founded = community::Event::Founded {
        slug: "new".into(),
        name: "New".into(),
        subject: "News".into(),
        home: north,
        audience: Audience::organisation(north),
        charter: Charter::default(),
        core_members: 15,
    };
    let joined = community::Event::MemberJoined { person: bob, organisation: north, kind: community::MemberKind::Core, team: None };
    let both: Vec<Recorded<HubEvent>> =
        [founded, joined].into_iter().map(|event| seed.events[0].clone().map(|_| HubEvent::Community(event))).collect();
    let both: Vec<_> = both
        .into_iter()
        .map(|mut recorded| {
            recorded.stream.id = Uuid::from_u128(9);
            recorded
        })
        .collect();
    let seen = audiences(seed.world.reads(), &both).await.unwrap();
    assert_eq!(seen[0].as_ref().unwrap().audience, Audience::organisation(north));
    assert_eq!(seen[1].as_ref().unwrap().audience, Audience::organisation(north).and(kernel::Token::Person(bob)));

    // The views have the last word over what an event says about itself.
    let opened = seed.events.iter().find(|recorded| recorded.event.tag() == "opened" && recorded.stream.aggregate == "thread").unwrap();
    let mut forged = opened.clone();
    if let HubEvent::Thread(thread::Event::Opened { audience, .. }) = &mut forged.event {
        *audience = Audience::persons([bob]);
    }
    let now = audiences(seed.world.reads(), &[forged]).await.unwrap();
    assert_eq!(now[0].as_ref().unwrap().audience, seed.audiences[&opened.stream.id]);
    seed.events.clear();
    assert!(audiences(seed.world.reads(), &seed.events).await.unwrap().is_empty());
}

/// The database finds the part that an event concerns where the event's own type has it.
#[tokio::test]
async fn the_part_is_the_same_in_the_database_and_here() {
    let world = World::new().await;
    for event in samples() {
        let data = event.to_payload().data.to_string();
        let found: String = sqlx::query_scalar("select log.part($1)").bind(&data).fetch_one(world.reads()).await.unwrap();
        assert_eq!(found, rule::part(&event).map(|part| part.to_string()).unwrap_or_default(), "{data}");
    }
    // Nothing that anyone writes is taken for it.
    let body = r#"","post":"00000000-0000-0000-0000-000000000000","person":"x"#;
    for event in
        [thread::Event::Retitled { title: body.to_owned() }, thread::Event::PostEdited { post: support::id(), body: body.to_owned() }]
    {
        let event = HubEvent::Thread(event);
        let data = event.to_payload().data.to_string();
        let found: String = sqlx::query_scalar("select log.part($1)").bind(&data).fetch_one(world.reads()).await.unwrap();
        assert_eq!(found, rule::part(&event).map(|part| part.to_string()).unwrap_or_default(), "{data}");
    }
}

/// What sets the body of a post, and what sets a title.
const BODY: &[&str] = &["hub.discussions.thread_opened", "hub.discussions.thread_replied", "hub.discussions.thread_post_edited"];
const TITLE: &[&str] = &["hub.discussions.thread_retitled"];

#[tokio::test]
async fn an_earlier_event_is_the_latest_that_set_the_same_thing() {
    let mut world = World::new().await;
    let organisation = world.organisation("north").await;
    let ada = world.person(organisation, "ada").await;
    let community = world.community("c", organisation, Some(Audience::public()), &[(ada, organisation)]).await;
    let category = world.category(community, "g", Audience::public()).await;
    let (thread, opening) = world.thread(community, category, Audience::public(), ada, organisation, "One").await;
    let reply = world.reply(thread, ada, None).await;
    let happened = vec![
        thread::Event::PostEdited { post: opening, body: "3".into() },
        thread::Event::PostEdited { post: reply, body: "4".into() },
        thread::Event::Retitled { title: "5".into() },
        thread::Event::PostEdited { post: opening, body: "6".into() },
        thread::Event::Upvoted { post: opening, person: ada },
        thread::Event::Retitled { title: "8".into() },
        thread::Event::PostEdited { post: reply, body: "9".into() },
    ];
    world.happens(thread.0, Some(ada), None, happened).await;
    let asked = |version: u64, kinds: &'static [&'static str], part: Option<Uuid>| Earlier {
        than: Place { stream: thread.0, version },
        kinds,
        part,
        from_the_start: part.is_none(),
    };
    let expected = [
        (asked(1, TITLE, None), None),
        (asked(5, TITLE, None), Some(1)),
        (asked(8, TITLE, None), Some(5)),
        (asked(2, BODY, Some(reply.0)), None),
        (asked(4, BODY, Some(reply.0)), Some(2)),
        (asked(9, BODY, Some(reply.0)), Some(4)),
        (asked(3, BODY, Some(opening.0)), Some(1)),
        (asked(6, BODY, Some(opening.0)), Some(3)),
        (asked(100, BODY, Some(opening.0)), Some(6)),
        (asked(6, &["hub.discussions.thread_closed"], None), Some(1)),
        (Earlier { from_the_start: false, ..asked(6, &["hub.discussions.thread_closed"], None) }, None),
        (Earlier { than: Place { stream: support::id(), version: 1 }, ..asked(0, TITLE, None) }, None),
    ];
    let wanted: Vec<Earlier> = expected.iter().map(|(earlier, _)| *earlier).collect();
    let found = earlier(world.reads(), &wanted).await.unwrap();
    for ((asked, version), found) in expected.into_iter().zip(found) {
        assert_eq!(found.map(|place| place.version), version, "{asked:?}");
    }
    assert!(earlier(world.reads(), &[]).await.unwrap().is_empty());
}
