//! A hub with people in it: organisations, persons, communities, categories, and threads of every audience. Its log is
//! written in bulk; its views are filled from that by the hub's own projectors.

use anyhow::Context;
use communities::{charter::Charter, community};
use discussions::{
    category::{self, Format},
    thread,
};
use events::WireEvent;
use identity::ApiTokens;
use kernel::{
    Audience, CategoryId, Clock, CommandId, CommunityId, EventId, Metadata, OrganisationId, PersonId, PostId, ProviderId, StreamId,
    SystemClock, ThreadId, TokenId, Viewer, Who,
};
use organisations::{
    organisation,
    person::{self, TokenScope},
};
use secrecy::ExposeSecret as _;
use std::sync::Arc;
use store::{Append, Leadership, Log, NewEvent, Sequencer};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{database::Database, world::fresh};

const ORGANISATIONS: usize = 8;
const PERSONS: usize = 400;
const COMMUNITIES: usize = 12;
/// Of each community.
const CATEGORIES: usize = 4;
/// How many communities each person is a member of.
const MEMBERSHIPS: usize = 3;
/// One thread in so many is for the author's own organisation alone.
const NARROWED: usize = 5;

/// How open the communities are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Openness {
    /// A third for anyone, a third for everyone signed in, a third for their members.
    Mixed,
    /// All for their members, but for one thread in a thousand.
    Closed,
}

/// The view of what is written in bulk.
const THREADS: &str = "threads";

/// Who is there.
pub(crate) struct Population {
    /// Everyone, each with an organisation and the communities they are members of.
    pub(crate) persons: Vec<(PersonId, OrganisationId, Vec<CommunityId>)>,
    /// Someone who is a member of no community.
    pub(crate) newcomer: (PersonId, OrganisationId),
    /// The thread with the many replies.
    pub(crate) long: ThreadId,
}

/// Each thread becomes one of the templates, by another author. Its identifiers are those of its number.
const MULTIPLY: &str = r"
with template as (
    select e.*, row_number() over (order by pos) - 1 as place,
           coalesce(e.data::jsonb ->> 'post', e.data::jsonb -> 'data' ->> 'post') as post,
           coalesce(e.data::jsonb ->> 'author', e.data::jsonb -> 'data' ->> 'author') as author
    from log.events e where e.kind = 'hub.discussions.thread_opened'
), choice as (
    select n, case when not $4 then (n * 31) % many when n % 1000 = 0 then 0 else 1 + (n * 31) % (many - 1) end as place,
           ($2::uuid[])[1 + (n * 7) % cardinality($2::uuid[])] as person, ($3::uuid[])[1 + (n * 7) % cardinality($3::uuid[])] as organisation
    from generate_series(1, $1::bigint) n, (select count(*) as many from template) t
)
insert into log.events (id, context, aggregate, stream, version, kind, schema, data, occurred_at, recorded_at, actor, organisation, command, correlation, digest)
select gen_random_uuid(), t.context, t.aggregate, md5('thread' || n)::uuid, 1, t.kind, t.schema,
       replace(replace(replace(t.data, t.post, md5('post' || n)::uuid::text), t.author, c.person::text), 'org:' || t.organisation, 'org:' || c.organisation),
       t.occurred_at + n * interval '1 second', t.recorded_at, t.actor, c.organisation, gen_random_uuid(), gen_random_uuid(), t.digest
from choice c join template t using (place) order by n";

/// The first thread gets replies.
const REPLIES: &str = r"
with template as (select * from log.events where kind = 'hub.discussions.thread_replied')
insert into log.events (id, context, aggregate, stream, version, kind, schema, data, occurred_at, recorded_at, actor, organisation, command, correlation, digest)
select gen_random_uuid(), t.context, t.aggregate, t.stream, t.version + n, t.kind, t.schema,
       replace(t.data, coalesce(t.data::jsonb ->> 'post', t.data::jsonb -> 'data' ->> 'post'), md5('reply' || n)::uuid::text),
       t.occurred_at + n * interval '1 microsecond', t.recorded_at, t.actor, t.organisation, gen_random_uuid(), gen_random_uuid(), t.digest
from template t, generate_series(1, $1::bigint) n order by n";

/// Gives everything that was written in bulk its place, as the sequencer would.
pub(crate) const SEQUENCE: &str = r"
insert into log.sequence (seq, xid, pos, hash)
select s.last + row_number() over (order by e.xid, e.pos), e.xid, e.pos, e.digest
from log.events e, (select max(seq) as last from log.sequence) s
where not exists (select from log.sequence known where known.pos = e.pos)";

/// Fills an empty database. The first thread of all gets a tenth as many replies as there are threads.
pub(crate) async fn fill(database: &Database, threads: u64, openness: Openness) -> anyhow::Result<Population> {
    let log = &database.log;
    let population = found(log, openness).await?;
    Sequencer::new(log.clone(), Leadership::SessionLock).catch_up().await?;
    let persons: Vec<Uuid> = population.persons.iter().map(|(person, _, _)| person.uuid()).collect();
    let organisations: Vec<Uuid> = population.persons.iter().map(|(_, organisation, _)| organisation.uuid()).collect();
    let count = i64::try_from(threads).context("too many threads")?;
    for view in projections::runtime::all() {
        projections::runtime::rebuild(log, view.name(), &CancellationToken::new(), |_| {}).await?;
    }
    sqlx::query(MULTIPLY).bind(count).bind(persons).bind(organisations).bind(openness == Openness::Closed).execute(&database.pool).await?;
    sqlx::query(REPLIES).bind(count / 10).execute(&database.pool).await?;
    sqlx::query(SEQUENCE).execute(&database.pool).await?;
    // What was written in bulk concerns this view alone. The others need not read it.
    projections::runtime::rebuild(log, THREADS, &CancellationToken::new(), |_| {}).await?;
    sqlx::query("update views.projection set checkpoint = (select max(seq) from log.sequence) where name <> $1")
        .bind(THREADS)
        .execute(&database.pool)
        .await?;
    sqlx::raw_sql("vacuum analyze").execute(&database.pool).await?;
    Ok(population)
}

/// Gives someone an API token.
pub(crate) async fn token(
    database: &Database,
    person: PersonId,
    organisation: OrganisationId,
    scope: TokenScope,
) -> anyhow::Result<String> {
    let tokens = ApiTokens::new(database.pool.clone(), Arc::new(SystemClock));
    let until = SystemClock.now() + chrono::TimeDelta::days(1);
    let secret = tokens.issue(TokenId(fresh()), person, organisation, "bench", scope, until).await?;
    Ok(secret.expose_secret().to_owned())
}

/// What one of the persons sees.
pub(crate) fn viewer((person, organisation, communities): &(PersonId, OrganisationId, Vec<CommunityId>)) -> Viewer {
    Viewer::person(*person, *organisation, communities.iter().copied())
}

/// Everything but the many threads: of those, one of each kind.
async fn found(log: &Log, openness: Openness) -> anyhow::Result<Population> {
    let organisations: Vec<OrganisationId> = (0..ORGANISATIONS).map(|_| OrganisationId(fresh())).collect();
    for (n, organisation) in organisations.iter().enumerate() {
        let registered = organisation::Event::Registered { slug: format!("department-{n}"), name: format!("Department {n}") };
        happens(log, organisation.0, 0, *organisation, registered).await?;
    }
    let communities: Vec<CommunityId> = (0..COMMUNITIES).map(|_| CommunityId(fresh())).collect();
    let mut persons = Vec::new();
    for n in 0..PERSONS {
        let (id, organisation) = (PersonId(fresh()), organisations[n % ORGANISATIONS]);
        join(log, id, organisation, n).await?;
        let member_of: Vec<CommunityId> = (0..MEMBERSHIPS).map(|m| communities[(n + m * 5) % COMMUNITIES]).collect();
        persons.push((id, organisation, member_of));
    }
    let newcomer = (PersonId(fresh()), organisations[0]);
    join(log, newcomer.0, newcomer.1, PERSONS).await?;
    let mut first_thread = None;
    for (n, community) in communities.iter().enumerate() {
        let audience = match (openness, n % 3) {
            (Openness::Mixed, 0) => Audience::public(),
            (Openness::Mixed, 1) => Audience::members(),
            (Openness::Mixed | Openness::Closed, _) => Audience::community(*community),
        };
        let place = Place { number: n, community: *community, home: organisations[n % ORGANISATIONS], audience, openness };
        let members: Vec<Member> = persons.iter().filter(|(_, _, of)| of.contains(community)).map(|(id, at, _)| (*id, *at)).collect();
        place.found(log, &members).await?;
        for (position, author) in members.iter().enumerate().take(CATEGORIES) {
            let first = place.open_category(log, position, *author).await?;
            first_thread = first_thread.or(Some(first));
        }
    }
    let (first, author) = first_thread.context("there are communities")?;
    let reply = thread::Event::Replied {
        post: PostId(fresh()),
        to: None,
        author: author.0,
        body: "We do it *this* way, and it has served us well for years. ".repeat(3),
        source: None,
    };
    happens(log, first.0, 1, author.1, reply).await?;
    Ok(Population { persons, newcomer, long: first })
}

type Member = (PersonId, OrganisationId);

/// A community to be.
struct Place {
    number: usize,
    community: CommunityId,
    home: OrganisationId,
    audience: Audience,
    openness: Openness,
}

impl Place {
    async fn found(&self, log: &Log, members: &[Member]) -> anyhow::Result<()> {
        let founded = community::Event::Founded {
            slug: format!("practice-{}", self.number),
            name: format!("Community of practice {}", self.number),
            subject: "What we practise".to_owned(),
            home: self.home,
            audience: self.audience.clone(),
            charter: Charter::default(),
            core_members: 5,
        };
        happens(log, self.community.0, 0, self.home, founded).await?;
        for (version, (person, organisation)) in (1..).zip(members) {
            let joined = community::Event::MemberJoined {
                person: *person,
                organisation: *organisation,
                kind: community::MemberKind::Member,
                team: None,
            };
            happens(log, self.community.0, version, *organisation, joined).await?;
        }
        Ok(())
    }

    /// Opens a category with a thread of each kind; gives the first thread and its author.
    async fn open_category(&self, log: &Log, position: usize, author: Member) -> anyhow::Result<(ThreadId, Member)> {
        let category = CategoryId(fresh());
        let opened = category::Event::Opened {
            community: self.community,
            slug: format!("category-{position}"),
            name: format!("Category {position}"),
            description: "Anything that belongs here".to_owned(),
            format: Format::Open,
            audience: self.audience.clone(),
            position: u16::try_from(position)?,
        };
        happens(log, category.0, 0, self.home, opened).await?;
        let mut first = None;
        for variant in 0..NARROWED {
            let audience = match self.openness {
                Openness::Mixed if variant == NARROWED - 1 => Audience::organisation(author.1),
                // The rare one that everybody sees.
                Openness::Closed if (self.number, position, variant) == (0, 0, 0) => Audience::public(),
                Openness::Mixed | Openness::Closed => self.audience.clone(),
            };
            let id = ThreadId(fresh());
            let opened = thread::Event::Opened {
                community: self.community,
                category,
                format: Format::Open,
                audience,
                author: author.0,
                post: PostId(fresh()),
                title: "How do you hand over a service that nobody wants to run any more?".to_owned(),
                body: "Some words about *how* we do it here. ".repeat(8),
                source: None,
            };
            happens(log, id.0, 0, author.1, opened).await?;
            first = first.or(Some(id));
        }
        Ok((first.context("there are threads")?, author))
    }
}

async fn join(log: &Log, id: PersonId, organisation: OrganisationId, number: usize) -> anyhow::Result<()> {
    let identity = person::Identity {
        provider: ProviderId(fresh()),
        issuer: "https://id.example".to_owned(),
        subject: format!("subject-{number}").into(),
    };
    let joined = person::Event::Joined { organisation, identity, name: format!("Person {number}").into(), email: None };
    happens(log, id.0, 0, organisation, joined).await
}

/// Writes what happened to a stream, without asking whether it may.
async fn happens<E: WireEvent>(log: &Log, stream: Uuid, expected: u64, organisation: OrganisationId, event: E) -> anyhow::Result<()> {
    let payload = event.into_hub().to_payload();
    let mut words = payload.kind.split(['.', '_']).skip(1).map(str::to_owned);
    let (context, aggregate) = words.next().zip(words.next()).context("a kind names its context and aggregate")?;
    let (command, now) = (CommandId(fresh()), SystemClock.now());
    let append = Append {
        personal: (aggregate == "person").then_some(PersonId(stream)),
        stream: StreamId { context, aggregate, id: stream },
        expected,
        command,
        fingerprint: [0; 32],
        meta: Metadata {
            occurred_at: now,
            actor: Who::System("bench".to_owned()),
            organisation: Some(organisation),
            command,
            correlation: command.0,
            causation: None,
            traceparent: None,
        },
        events: vec![NewEvent { id: EventId(fresh()), payload }],
        claims: Vec::new(),
        now,
    };
    log.append(append).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{database, process::Tree};
    use projections::{
        Page,
        discussions::thread::{self, ThreadFilter, ThreadOrder},
    };
    use sqlx::{AssertSqlSafe, Row as _};

    /// One of each kind that is founded.
    const FOUNDED: u64 = (COMMUNITIES * CATEGORIES * NARROWED) as u64;

    async fn small(openness: Openness) -> (Database, Population) {
        let admin = std::env::var(store::testing::SERVER).expect("the tests' PostgreSQL is named");
        let database = database::fresh(&admin, &format!("bench_test_{}", fresh().simple()), 4).await.unwrap();
        let population = fill(&database, 1_000, openness).await.unwrap();
        (database, population)
    }

    async fn gone(database: Database) {
        let name: String = sqlx::query_scalar("select current_database()").fetch_one(&database.pool).await.unwrap();
        database.pool.close().await;
        let admin = sqlx::PgPool::connect(&std::env::var(store::testing::SERVER).unwrap()).await.unwrap();
        sqlx::raw_sql(AssertSqlSafe(format!("drop database {name} with (force)"))).execute(&admin).await.unwrap();
    }

    #[tokio::test]
    async fn a_small_hub_is_filled_and_its_list_is_what_its_statement_gives() {
        let (database, population) = small(Openness::Mixed).await;
        let member = viewer(&population.persons[0]);
        let (filter, order, page) = (ThreadFilter::default(), ThreadOrder::default(), Page::first(20));
        let rows = thread::page(&member, &database.pool.clone().into(), &filter, order, &page).await.unwrap().into_rows();
        assert_eq!(rows.len(), 20);
        assert!(rows.iter().all(|row| row.author.visible && row.author.organisation.is_some() && !row.category.name.is_empty()));

        // What pgbench runs is what the hub runs; it reads one row more, to know whether there are more.
        let sql = thread::page_sql(&member, &filter, order, &page);
        let alone = sqlx::query(AssertSqlSafe(sql)).fetch_all(&database.pool).await.unwrap();
        let ids: Vec<Uuid> = alone.iter().take(20).map(|row| row.get(0)).collect();
        assert_eq!(ids, rows.iter().map(|row| row.id.uuid()).collect::<Vec<_>>());
        assert_eq!(alone.len(), 21);

        let all: i64 = sqlx::query_scalar("select count(*) from views.thread").fetch_one(&database.pool).await.unwrap();
        assert_eq!(all.cast_unsigned(), 1_000 + FOUNDED);
        let seen = thread::total(&member, &database.pool.clone().into(), &filter).await.unwrap();
        assert!(u64::midpoint(1_000, FOUNDED) < seen && seen < 1_000 + FOUNDED, "{seen}");
        let replies: i32 = sqlx::query_scalar("select max(reply_count) from views.thread").fetch_one(&database.pool).await.unwrap();
        assert_eq!(replies, 1 + 100);
        assert!(Tree::of_postgres(&database.pool).await.unwrap().seconds().unwrap() >= 0.0);
        token(&database, population.newcomer.0, population.newcomer.1, TokenScope::Read).await.unwrap();
        gone(database).await;
    }

    #[tokio::test]
    async fn in_a_closed_hub_a_newcomer_sees_one_thread_in_a_thousand() {
        let (database, population) = small(Openness::Closed).await;
        let newcomer = Viewer::person(population.newcomer.0, population.newcomer.1, []);
        let seen = thread::total(&newcomer, &database.pool.clone().into(), &ThreadFilter::default()).await.unwrap();
        assert_eq!(seen, 2, "the founded one and the thousandth");
        gone(database).await;
    }
}
