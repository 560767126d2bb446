//! A log to write to and views to look at, for tests against a real PostgreSQL.

#![allow(
    clippy::unwrap_used,
    clippy::similar_names,
    clippy::too_many_lines,
    reason = "in a test a surprise ends the test, and what is alike is named alike"
)]
#![allow(dead_code, reason = "each test uses its part of it")]

use chrono::TimeDelta;
use communities::charter::Charter;
use communities::community::{self, MemberKind};
use discussions::category::{self, Format};
use discussions::thread;
use events::WireEvent;
use kernel::{
    Actor, Audience, CategoryId, CommandId, CommunityId, EventId, Ids, Metadata, OrganisationId, PersonId, PostId, RandomIds, StreamId,
    SystemClock, ThreadId, Timestamp, Who,
};
use organisations::{organisation, person, team};
use projections::{Progress, Projection, Projectors};
use sqlx::PgPool;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use store::testing::Database;
use store::{Append, Leadership, Log, NewEvent, Reads, Sequencer};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// How long anything may take before a test gives up.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// A hub without services: events are written straight into the log.
pub(crate) struct World {
    pub(crate) log: Log,
    database: Database,
    versions: HashMap<Uuid, u64>,
    now: Timestamp,
}

pub(crate) fn id<I: From<Uuid>>() -> I {
    RandomIds.next().into()
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with_connections(10).await
    }

    /// With one connection it is as on the embedded database.
    pub(crate) async fn with_connections(most: u32) -> Self {
        let database = store::testing::database_with(most).await;
        let now = chrono::DateTime::from_timestamp(1_767_225_600, 0).unwrap();
        Self { log: database.log(), database, versions: HashMap::new(), now }
    }

    pub(crate) fn db(&self) -> &PgPool {
        self.database.pool()
    }

    pub(crate) fn reads(&self) -> &Reads {
        self.database.reads()
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.now
    }

    /// Writes what happened to one stream, a second after whatever was before.
    pub(crate) async fn happens<E: WireEvent>(
        &mut self,
        stream: Uuid,
        by: Option<PersonId>,
        organisation: Option<OrganisationId>,
        events: Vec<E>,
    ) {
        self.now += TimeDelta::seconds(1);
        let events: Vec<NewEvent> =
            events.into_iter().map(|event| NewEvent { id: id::<EventId>(), payload: event.into_hub().to_payload() }).collect();
        let mut words = events[0].payload.kind.split(['.', '_']);
        let (_, context, aggregate) = (words.next(), words.next().unwrap().to_owned(), words.next().unwrap().to_owned());
        let version = self.versions.entry(stream).or_default();
        let command: CommandId = id();
        let append = Append {
            stream: StreamId { context, aggregate: aggregate.clone(), id: stream },
            expected: *version,
            command,
            fingerprint: [0; 32],
            meta: Metadata {
                occurred_at: self.now,
                actor: by.map_or_else(|| Who::System("test".to_owned()), Who::Person),
                organisation,
                command,
                correlation: command.0,
                causation: None,
                traceparent: None,
            },
            personal: (aggregate == "person").then_some(PersonId(stream)),
            claims: Vec::new(),
            now: self.now,
            events,
        };
        *version = self.log.append(append).await.unwrap().receipt.last_version;
    }

    /// Gives every event its place, and says how many there are.
    pub(crate) async fn sequence(&self) -> u64 {
        let sequencer = Sequencer::new(self.log.clone(), Leadership::Sole);
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            sequencer.catch_up().await.unwrap();
            let waiting: i64 = sqlx::query_scalar("select (select count(*) from log.events) - (select count(*) from log.sequence)")
                .fetch_one(self.db())
                .await
                .unwrap();
            if waiting == 0 {
                return self.log.head().await.unwrap();
            }
            assert!(tokio::time::Instant::now() < deadline, "{waiting} events are still without a place");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Brings everything into every view.
    pub(crate) async fn project(&self) {
        let head = self.sequence().await;
        let running = self.run(projections::all());
        running.reaches(head).await;
        running.stop().await;
    }

    /// Runs projectors of these views.
    pub(crate) fn run(&self, projections: Vec<Arc<dyn Projection>>) -> Running {
        let projectors = Projectors::of(&self.log, &(Arc::new(SystemClock) as Arc<dyn kernel::Clock>), projections);
        let (progress, stop, mut tasks) = (projectors.progress(), CancellationToken::new(), JoinSet::new());
        projectors.spawn(&mut tasks, &stop);
        Running { progress, stop, tasks }
    }

    pub(crate) async fn organisation(&mut self, slug: &str) -> OrganisationId {
        let organisation: OrganisationId = id();
        let name = format!("Department {slug}");
        self.happens(organisation.0, None, None, vec![organisation::Event::Registered { slug: slug.to_owned(), name }]).await;
        organisation
    }

    pub(crate) async fn person(&mut self, organisation: OrganisationId, name: &str) -> PersonId {
        let person: PersonId = id();
        let identity =
            person::Identity { provider: id(), issuer: "https://id.example".to_owned(), subject: format!("sub-{person}").into() };
        let joined = person::Event::Joined {
            organisation,
            identity,
            name: name.to_owned().into(),
            email: Some(format!("{name}@example.org").into()),
        };
        self.happens(person.0, None, None, vec![joined]).await;
        person
    }

    pub(crate) async fn team(&mut self, organisation: OrganisationId, name: &str, members: &[PersonId]) -> kernel::TeamId {
        let team: kernel::TeamId = id();
        let mut events = vec![team::Event::Formed { organisation, name: name.to_owned() }];
        events.extend(members.iter().map(|person| team::Event::MemberAdded { person: *person }));
        self.happens(team.0, None, None, events).await;
        team
    }

    pub(crate) async fn community(
        &mut self,
        slug: &str,
        home: OrganisationId,
        audience: Option<Audience>,
        members: &[(PersonId, OrganisationId)],
    ) -> CommunityId {
        let community: CommunityId = id();
        let audience = audience.unwrap_or_else(|| Audience::community(community));
        let mut events = vec![community::Event::Founded {
            slug: slug.to_owned(),
            name: format!("Community {slug}"),
            subject: "How we work".to_owned(),
            home,
            audience,
            charter: Charter::default(),
            core_members: community::CORE_MEMBERS,
        }];
        for (n, (person, organisation)) in members.iter().enumerate() {
            events.push(community::Event::OrganisationJoined { organisation: *organisation });
            let kind = [MemberKind::Core, MemberKind::Member, MemberKind::InterestedParty][n % 3];
            events.push(community::Event::MemberJoined { person: *person, organisation: *organisation, kind, team: None });
            if n == 0 {
                events.push(community::Event::CoordinatorAppointed { person: *person });
            }
        }
        self.happens(community.0, None, None, events).await;
        community
    }

    pub(crate) async fn category(&mut self, community: CommunityId, slug: &str, audience: Audience) -> CategoryId {
        let category: CategoryId = id();
        let opened = category::Event::Opened {
            community,
            slug: slug.to_owned(),
            name: format!("Category {slug}"),
            description: String::new(),
            format: Format::QuestionAndAnswer,
            audience,
            position: 0,
        };
        self.happens(category.0, None, None, vec![opened]).await;
        category
    }

    pub(crate) async fn thread(
        &mut self,
        community: CommunityId,
        category: CategoryId,
        audience: Audience,
        author: PersonId,
        organisation: OrganisationId,
        title: &str,
    ) -> (ThreadId, PostId) {
        let (thread, post): (ThreadId, PostId) = (id(), id());
        let opened = thread::Event::Opened {
            community,
            category,
            format: Format::QuestionAndAnswer,
            audience,
            author,
            post,
            title: title.to_owned(),
            body: format!("Opening **{title}**"),
            source: None,
        };
        self.happens(thread.0, Some(author), Some(organisation), vec![opened]).await;
        (thread, post)
    }

    pub(crate) async fn reply(&mut self, thread: ThreadId, author: PersonId, to: Option<PostId>) -> PostId {
        let post: PostId = id();
        let replied = thread::Event::Replied { post, to, author, body: "A reply".to_owned(), source: None };
        self.happens(thread.0, Some(author), None, vec![replied]).await;
        post
    }
}

/// Projectors at work.
pub(crate) struct Running {
    pub(crate) progress: Progress,
    stop: CancellationToken,
    tasks: JoinSet<()>,
}

impl Running {
    /// Waits until every running view has come that far.
    pub(crate) async fn reaches(&self, seq: u64) {
        let projected = self.progress.await_projected(seq, PATIENCE).await;
        assert!(projected.is_reached(), "the views have not reached {seq}: {projected:?}");
    }

    /// Stops them between transactions.
    pub(crate) async fn stop(mut self) {
        self.stop.cancel();
        while let Some(ended) = self.tasks.join_next().await {
            ended.unwrap();
        }
    }

    /// Breaks them off wherever they are, as a crash does.
    pub(crate) async fn kill(mut self) {
        self.tasks.abort_all();
        while self.tasks.join_next().await.is_some() {}
    }
}

/// Waits until the condition holds.
pub(crate) async fn until<F, Fut>(what: &str, mut holds: F)
where
    F: FnMut() -> Fut,
    Fut: Future<Output = bool>,
{
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while !holds().await {
        assert!(tokio::time::Instant::now() < deadline, "in vain: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A reader's actor, for what needs one.
pub(crate) fn actor(person: PersonId, organisation: OrganisationId) -> Actor {
    Actor::person(person, organisation)
}

/// All rows of these tables as text, in an order of their own, to compare views.
pub(crate) async fn contents(db: &PgPool, tables: &[&str]) -> Vec<(String, Vec<String>)> {
    let mut all = Vec::new();
    for table in tables {
        let rows: Vec<String> =
            sqlx::query_scalar(sqlx::AssertSqlSafe(format!("select t::text from views.{table} t order by 1"))).fetch_all(db).await.unwrap();
        all.push(((*table).to_owned(), rows));
    }
    all
}
