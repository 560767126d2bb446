//! Command handling against a real log: idempotency, races, stale versions, denials, and the same over a transport.

#![allow(clippy::unwrap_used, reason = "in a test a surprise ends the test")]

use bus::{CommandSettings, InProcessCommands};
use communities::charter::Charter;
use communities::community::{self, Community};
use discussions::category::{self, Format};
use discussions::thread::{self, Home, Thread};
use kernel::{Actor, Audience, CategoryId, CommandId, CommunityId, Ids, OrganisationId, PersonId, PostId, RandomIds, Role, SystemClock};
use organisations::{organisation, person};
use services::remote::{RemoteServices, serve};
use services::{Asked, Dispatch, Failure, HubCommand, Request, Services, Trial};
use std::sync::Arc;
use store::testing::{Database, database};
use uuid::Uuid;

struct World {
    database: Database,
    services: Services,
    organisation: OrganisationId,
    community: CommunityId,
    category: CategoryId,
}

fn fresh() -> Uuid {
    RandomIds.next()
}

async fn world() -> World {
    let database = database().await;
    let services = Services::new(database.log(), Arc::new(SystemClock), Arc::new(RandomIds));
    let organisation = OrganisationId(fresh());
    let community = CommunityId(fresh());
    let category = CategoryId(fresh());
    let hub = || Actor::system("test");
    let register = organisation::Command::Register { slug: "rivers".to_owned(), name: "Rivers".to_owned() };
    send(&services, hub(), organisation.0, HubCommand::Organisation(register)).await.unwrap();
    let found = community::Command::Found {
        slug: "practice".to_owned(),
        name: "Practice".to_owned(),
        subject: "What we practise".to_owned(),
        home: organisation,
        audience: Audience::public(),
        charter: Charter::default(),
    };
    send(&services, hub(), community.0, HubCommand::Community(found)).await.unwrap();
    let open = category::Command::Open {
        community,
        slug: "general".to_owned(),
        name: "General".to_owned(),
        description: "Anything".to_owned(),
        format: Format::Open,
        audience: Audience::public(),
        within: Audience::public(),
        position: 0,
    };
    send(&services, hub(), category.0, HubCommand::Category(open)).await.unwrap();
    World { database, services, organisation, community, category }
}

async fn send(services: &Services, by: Actor, target: Uuid, command: HubCommand) -> Result<services::Receipt, Failure> {
    services.execute(Request::new(CommandId(fresh()), by, target, command)).await
}

impl World {
    fn member(&self) -> Actor {
        Actor::person(PersonId(fresh()), self.organisation).with(Role::Member(self.community))
    }

    fn open(&self, by: &Actor, title: &str) -> HubCommand {
        let home = Home {
            community: self.community,
            category: self.category,
            // What a lagging view might say: the service puts the truth in its place.
            format: Format::QuestionAndAnswer,
            audience: Audience::members(),
            open: false,
        };
        HubCommand::Thread(thread::Command::Open {
            home,
            author: by.person_id().unwrap(),
            post: PostId(fresh()),
            title: title.to_owned(),
            body: "A body".to_owned(),
            audience: None,
            source: None,
        })
    }

    async fn thread(&self) -> Uuid {
        let by = self.member();
        let target = fresh();
        send(&self.services, by.clone(), target, self.open(&by, "A thread")).await.unwrap();
        target
    }
}

fn reply(by: &Actor, body: &str) -> HubCommand {
    let author = by.person_id().unwrap();
    HubCommand::Thread(thread::Command::Reply { post: PostId(fresh()), to: None, author, body: body.to_owned(), source: None })
}

fn refused(outcome: Result<services::Receipt, Failure>) -> services::Refused {
    match outcome {
        Err(Failure::Refused(refused)) => refused,
        other => panic!("expected a refusal, got {other:?}"),
    }
}

#[tokio::test]
async fn the_same_command_again_has_the_first_outcome_and_appends_nothing() {
    let world = world().await;
    let by = world.member();
    let request = Request::new(CommandId(fresh()), by.clone(), fresh(), world.open(&by, "Once"));
    let first = world.services.execute(request.clone()).await.unwrap();
    // By now the thread exists, so deciding it again would be refused; the outcome is the first one all the same.
    let second = world.services.execute(request.clone()).await.unwrap();
    assert_eq!(first, second);
    let (_, version) = world.services.state::<Thread>(request.target).await.unwrap();
    assert_eq!(version, 1);
}

#[tokio::test]
async fn a_command_id_is_not_used_for_something_else() {
    let world = world().await;
    let by = world.member();
    let target = world.thread().await;
    let first = Request::new(CommandId(fresh()), by.clone(), target, reply(&by, "one"));
    world.services.execute(first.clone()).await.unwrap();
    let other = Request { command: reply(&by, "two"), ..first };
    assert_eq!(refused(world.services.execute(other).await).code, "COMMAND_REUSED");
}

#[tokio::test]
async fn many_replies_at_once_all_land_in_one_order() {
    let world = world().await;
    let target = world.thread().await;
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..12 {
        let services = world.services.clone();
        let by = world.member();
        tasks.spawn(async move { send(&services, by.clone(), target, reply(&by, &format!("reply {number}"))).await });
    }
    while let Some(outcome) = tasks.join_next().await {
        outcome.unwrap().expect("each is decided anew until it lands");
    }
    let (thread, version) = world.services.state::<Thread>(target).await.unwrap();
    assert_eq!(version, 13);
    assert_eq!(thread.posts().len(), 13);
}

#[tokio::test]
async fn a_stale_version_is_a_conflict_that_says_the_current_one() {
    let world = world().await;
    let by = world.member();
    let target = world.thread().await;
    send(&world.services, by.clone(), target, reply(&by, "first")).await.unwrap();
    let mut request = Request::new(CommandId(fresh()), by.clone(), target, reply(&by, "second"));
    request.expected_version = Some(1);
    let refused = refused(world.services.execute(request).await);
    assert_eq!((refused.code.as_str(), refused.current_version), ("VERSION_CONFLICT", Some(2)));
}

#[tokio::test]
async fn the_truth_of_the_streams_replaces_what_the_sender_saw() {
    let world = world().await;
    let target = world.thread().await;
    let (thread, _) = world.services.state::<Thread>(target).await.unwrap();
    assert_eq!(thread.audience(), Some(&Audience::public()), "the sender claimed another audience");
}

#[tokio::test]
async fn an_archived_community_takes_nothing_more() {
    let world = world().await;
    let target = world.thread().await;
    let archive = community::Command::Archive { reason: "Its work is done".to_owned() };
    send(&world.services, Actor::system("test"), world.community.0, HubCommand::Community(archive)).await.unwrap();
    let by = world.member();
    assert_eq!(refused(send(&world.services, by.clone(), target, reply(&by, "late")).await).code, "COMMUNITY_ARCHIVED");
    assert_eq!(refused(send(&world.services, by.clone(), fresh(), world.open(&by, "later")).await).code, "COMMUNITY_ARCHIVED");
}

#[tokio::test]
async fn who_does_not_belong_is_denied() {
    let world = world().await;
    let target = world.thread().await;
    let stranger = Actor::person(PersonId(fresh()), world.organisation);
    let refused = refused(send(&world.services, stranger.clone(), target, reply(&stranger, "hello")).await);
    assert_eq!(refused.kind, kernel::Kind::Denied);
}

#[tokio::test]
async fn an_address_is_taken_once_across_all_streams() {
    let world = world().await;
    let register = organisation::Command::Register { slug: "rivers".to_owned(), name: "Other rivers".to_owned() };
    let refused = refused(send(&world.services, Actor::system("test"), fresh(), HubCommand::Organisation(register)).await);
    assert_eq!((refused.code.as_str(), refused.field.as_deref()), ("TAKEN", Some("slug")));
}

#[tokio::test]
async fn someone_elses_identity_is_taken_without_being_told() {
    let world = world().await;
    let join = || {
        HubCommand::Person(person::Command::Join {
            organisation: world.organisation,
            identity: person::Identity {
                provider: kernel::ProviderId(Uuid::from_u128(7)),
                issuer: "https://login.rivers.example".to_owned(),
                subject: kernel::Personal::Known("secret-subject".to_owned()),
            },
            name: "Ada".to_owned(),
            email: None,
        })
    };
    send(&world.services, Actor::system("sign-in"), fresh(), join()).await.unwrap();
    let refused = refused(send(&world.services, Actor::system("sign-in"), fresh(), join()).await);
    assert_eq!(refused.code, "TAKEN");
    assert!(!refused.message.contains("secret-subject"), "{}", refused.message);
}

#[tokio::test]
async fn a_coordinator_brings_nobody_in_for_an_organisation_that_is_not_theirs() {
    let world = world().await;
    let coordinator = world.member().with(Role::Coordinator(world.community));
    let join = community::Command::Join {
        person: PersonId(fresh()),
        organisation: world.organisation,
        kind: community::MemberKind::Member,
        team: None,
    };
    let refused = refused(send(&world.services, coordinator, world.community.0, HubCommand::Community(join)).await);
    assert_eq!((refused.kind, refused.field.as_deref()), (kernel::Kind::NotFound, Some("person")));
}

/// Everything that the log's tables hold.
async fn contents(world: &World) -> Vec<String> {
    let mut all = Vec::new();
    for table in ["events", "sequence", "commands", "claims", "person_keys"] {
        let sql = format!("select coalesce(string_agg(t::text, ';' order by t::text), '') from log.{table} t");
        all.push(sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_one(world.database.pool()).await.unwrap());
    }
    all
}

#[tokio::test]
async fn what_is_tried_is_what_comes_of_it_and_nothing_is_written() {
    let world = world().await;
    let (by, target) = (world.member(), world.thread().await);
    let stranger = Actor::person(PersonId(fresh()), world.organisation);
    let slug = |slug: &str| HubCommand::Organisation(organisation::Command::Register { slug: slug.to_owned(), name: "Rivers".to_owned() });
    let mut stale = Request::new(CommandId(fresh()), by.clone(), target, reply(&by, "late"));
    stale.expected_version = Some(7);
    let requests = [
        Request::new(CommandId(fresh()), by.clone(), target, reply(&by, "hello")),
        Request::new(CommandId(fresh()), by.clone(), fresh(), world.open(&by, "Another thread")),
        Request::new(CommandId(fresh()), by.clone(), target, reply(&by, "  ")),
        Request::new(CommandId(fresh()), stranger.clone(), target, reply(&stranger, "hello")),
        Request::new(CommandId(fresh()), Actor::system("test"), fresh(), slug("rivers")),
        Request::new(CommandId(fresh()), Actor::system("test"), fresh(), slug("lakes")),
        stale,
    ];
    for request in requests {
        let before = contents(&world).await;
        let tried = world.services.try_out(request.clone()).await;
        assert_eq!(contents(&world).await, before, "{request:?}");
        let done = world.services.execute(request.clone()).await;
        match (tried, &done) {
            (Ok(Trial::Would(planned)), Ok(receipt)) => {
                assert_eq!((&planned.stream, planned.first_version), (&receipt.stream, receipt.first_version));
                let log = world.database.log();
                let written = log.load_range(&receipt.stream, receipt.first_version, receipt.last_version).await.unwrap();
                let planned = planned.into_events().unwrap();
                assert_eq!(planned.len(), written.len());
                for (planned, written) in planned.into_iter().zip(written) {
                    assert_eq!((planned.seq, planned.version), (0, written.version));
                    assert_eq!(planned.event, events::HubEvent::from_payload(&written.event).unwrap());
                    assert_eq!((&planned.meta.actor, planned.meta.command), (&written.meta.actor, written.meta.command));
                }
            }
            (Err(tried), Err(done)) => assert_eq!(&tried, done),
            (tried, done) => panic!("{request:?}: tried {tried:?}, but then {done:?}"),
        }
        // Tried again, it is what it came to.
        let again = world.services.try_out(request).await;
        assert_eq!(again.map(|trial| if let Trial::Did(receipt) = trial { Some(receipt) } else { None }), done.map(Some));
    }
}

#[tokio::test]
async fn what_was_done_stands_although_the_community_was_archived_since() {
    let world = world().await;
    let (by, target) = (world.member(), world.thread().await);
    let request = Request::new(CommandId(fresh()), by.clone(), target, reply(&by, "in time"));
    let first = world.services.execute(request.clone()).await.unwrap();
    let archive = community::Command::Archive { reason: "Its work is done".to_owned() };
    send(&world.services, Actor::system("test"), world.community.0, HubCommand::Community(archive)).await.unwrap();
    assert_eq!(world.services.execute(request).await.unwrap(), first);
}

#[tokio::test]
async fn a_command_is_told_from_others_by_what_the_sender_was_asked() {
    let world = world().await;
    let (by, target) = (world.member(), world.thread().await);
    let mut request = Request::new(CommandId(fresh()), by.clone(), target, reply(&by, "one"));
    request.asked = Some(Asked::of(b"one"));
    let first = world.services.execute(request.clone()).await.unwrap();
    let looked_up_anew = Request { command: reply(&by, "one, as it is now"), ..request.clone() };
    assert_eq!(world.services.execute(looked_up_anew).await.unwrap(), first);
    let other = Request { asked: Some(Asked::of(b"two")), ..request.clone() };
    assert_eq!(refused(world.services.execute(other).await).code, "COMMAND_REUSED");
    let by_someone_else = Request { actor: world.member(), ..request };
    assert_eq!(refused(world.services.execute(by_someone_else).await).code, "COMMAND_REUSED");
}

#[tokio::test]
async fn over_a_transport_it_is_the_same() {
    let world = world().await;
    let transport = Arc::new(InProcessCommands::new(CommandSettings::default()));
    let handles = serve(Arc::new(world.services.clone()), transport.as_ref()).await.unwrap();
    let remote = RemoteServices::new(transport.clone());
    let by = world.member();
    let target = world.thread().await;
    let request = Request::new(CommandId(fresh()), by.clone(), target, reply(&by, "from afar"));
    let there = remote.execute(request.clone()).await.unwrap();
    assert_eq!(there, world.services.execute(request.clone()).await.unwrap());
    assert_eq!(remote.try_out(request).await.unwrap(), Trial::Did(there));
    let request = Request::new(CommandId(fresh()), by.clone(), target, reply(&by, "to be tried"));
    let (far, near) = (remote.try_out(request.clone()).await.unwrap(), world.services.try_out(request).await.unwrap());
    let (Trial::Would(far), Trial::Would(near)) = (far, near) else { panic!("it was not done before") };
    assert_eq!(far.events[0].1, near.events[0].1);
    let stranger = Actor::person(PersonId(fresh()), world.organisation);
    let request = Request::new(CommandId(fresh()), stranger.clone(), target, reply(&stranger, "hello"));
    let far = refused(remote.execute(request.clone()).await);
    assert_eq!(far, refused(world.services.execute(request.clone()).await));
    assert!(matches!(remote.try_out(request).await, Err(Failure::Refused(tried)) if tried == far));
    for handle in handles {
        handle.stop().await;
    }
    let request = Request::new(CommandId(fresh()), by.clone(), target, reply(&by, "too late"));
    assert!(matches!(remote.execute(request).await, Err(Failure::Unavailable(_))));
}

#[tokio::test]
async fn a_kept_state_is_never_mistaken_for_the_stream() {
    let world = world().await;
    let target = world.thread().await;
    // A second process with a memory of its own writes to the same stream.
    let other = Services::new(world.database.log(), Arc::new(SystemClock), Arc::new(RandomIds));
    let by = world.member();
    send(&other, by.clone(), target, reply(&by, "by the other")).await.unwrap();
    send(&world.services, by.clone(), target, reply(&by, "by this one")).await.unwrap();
    let (thread, _) = world.services.state::<Thread>(target).await.unwrap();
    assert_eq!(thread.posts().len(), 3);
    let (community, _) = other.state::<Community>(world.community).await.unwrap();
    assert_eq!(community.slug(), Some("practice"));
}
