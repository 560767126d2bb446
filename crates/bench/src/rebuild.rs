//! Rebuilding a view from a long log, beside `COPY` of the rows that come out.

use std::time::Instant;

use anyhow::Context;
use futures::TryStreamExt as _;
use sqlx::{AssertSqlSafe, PgPool, postgres::PgPoolCopyExt as _};
use store::{Leadership, Sequencer};
use tokio_util::sync::CancellationToken;

use crate::{
    Arguments, database,
    report::{Row, median},
    world::World,
};

/// The view that most events concern.
const VIEW: &str = "threads";

/// The log in which there is one opened thread and one reply to it becomes one of many, all of the same size as those two.
const MULTIPLY: &str = r"
with template as (
    select e.*, e.kind = 'hub.discussions.thread_opened' as opening,
           coalesce(e.data::jsonb ->> 'post', e.data::jsonb -> 'data' ->> 'post') as post
    from log.events e where e.kind in ('hub.discussions.thread_opened', 'hub.discussions.thread_replied')
)
insert into log.events (id, context, aggregate, stream, version, kind, schema, data, occurred_at, recorded_at, actor, organisation, command, correlation, digest)
select gen_random_uuid(), t.context, t.aggregate, md5('thread' || n / 50)::uuid, n % 50 + 1, t.kind, t.schema,
       replace(t.data, t.post, md5('post' || n)), t.occurred_at + n * interval '1 second', t.recorded_at, t.actor, t.organisation,
       gen_random_uuid(), gen_random_uuid(), t.digest
from generate_series(0, $1::bigint - 1) n join template t on t.opening = (n % 50 = 0) order by n";

const SEQUENCE: &str = r"
insert into log.sequence (seq, xid, pos, hash)
select s.last + row_number() over (order by e.xid, e.pos), e.xid, e.pos, e.digest
from log.events e, (select max(seq) as last from log.sequence) s
where not exists (select from log.sequence known where known.pos = e.pos)";

pub(crate) async fn measure(arguments: &Arguments) -> anyhow::Result<Vec<Row>> {
    let database = database::fresh(&arguments.database, "bench_rebuild", 16).await?;
    let log = &database.log;
    let world = World::found(log).await?;
    let thread = world.open_thread().await?;
    world.reply(thread).await?;
    Sequencer::new(log.clone(), Leadership::SessionLock).catch_up().await?;
    println!("rebuild: writing {} events", arguments.events());
    let events = i64::try_from(arguments.events()).context("too many events")?;
    sqlx::query(MULTIPLY).bind(events).execute(&database.pool).await?;
    sqlx::query(SEQUENCE).execute(&database.pool).await?;
    sqlx::raw_sql("analyze").execute(&database.pool).await?;

    let tables = projections::runtime::all().into_iter().find(|view| view.name() == VIEW).context("the view is there")?.tables();
    let (mut ours, mut copies) = (Vec::new(), Vec::new());
    for round in 1..=arguments.rounds() {
        let start = Instant::now();
        projections::runtime::rebuild(log, VIEW, &CancellationToken::new(), |_| {}).await?;
        ours.push(start.elapsed().as_secs_f64());
        copies.push(copy(&database.pool, tables).await?);
        println!("rebuild, round {round}: {:.1} s; COPY {:.1} s", ours[ours.len() - 1], copies[copies.len() - 1]);
    }
    let (ours, copies) = (median(ours), median(copies));
    Ok(vec![Row {
        what: format!("rebuild of the view `{VIEW}` from {} events", arguments.events()),
        hub: format!("{ours:.1} s"),
        control: format!("{copies:.1} s: `COPY` of the same rows into tables with the same indexes"),
        // Durations: the shorter, the better.
        ratio: Some(copies / ours),
        aim: "0.3",
    }])
}

/// Seconds that `COPY` takes for the rows of these tables, into empty ones with the same constraints and indexes.
async fn copy(pool: &PgPool, tables: &[&str]) -> anyhow::Result<f64> {
    sqlx::raw_sql("drop schema if exists copied cascade; create schema copied").execute(pool).await?;
    let mut seconds = 0.0;
    for table in tables {
        sqlx::raw_sql(AssertSqlSafe(format!("create table copied.{table} (like views.{table} including all)"))).execute(pool).await?;
        let rows: Vec<_> = pool.copy_out_raw(&format!("copy views.{table} to stdout (format binary)")).await?.try_collect().await?;
        let start = Instant::now();
        let mut into = pool.copy_in_raw(&format!("copy copied.{table} from stdin (format binary)")).await?;
        for chunk in rows.chunks(64) {
            into.send(chunk.concat()).await?;
        }
        into.finish().await?;
        seconds += start.elapsed().as_secs_f64();
    }
    Ok(seconds)
}
