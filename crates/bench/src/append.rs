//! Appending one event a command by many clients at once, beside pgbench that inserts the same row into the same table.

use std::time::{Duration, Instant};

use kernel::{Clock, CommandId, EventId, Metadata, Payload, StreamId, SystemClock, actor::Who};
use store::{Append, Log, NewEvent};
use tokio::task::JoinSet;

use crate::{
    Arguments, database, pgbench,
    report::{Row, median},
    world::fresh,
};

/// The control: the columns that an append fills, with values of the same size, and nothing else.
const INSERT: &str = r#"insert into log.events (id, context, aggregate, stream, version, kind, schema, data, occurred_at, recorded_at, actor, command, correlation, digest)
values (gen_random_uuid(), 'discussions', 'thread', gen_random_uuid(), 1, 'hub.discussions.thread_locked', 1,
'{"body": "We do it this way, and it has served us well for years. We do it this way, and it has served us well for years."}',
now(), now(), '{"process":"bench"}', gen_random_uuid(), gen_random_uuid(), decode(repeat('ab', 32), 'hex'));
"#;

/// The same with the record of the command, which an append writes too.
const BOTH: &str = r#"with command as (insert into log.commands (id, fingerprint, context, aggregate, stream, first_version, last_version, recorded_at)
values (gen_random_uuid(), decode(repeat('ab', 32), 'hex'), 'discussions', 'thread', gen_random_uuid(), 1, 1, now()))
insert into log.events (id, context, aggregate, stream, version, kind, schema, data, occurred_at, recorded_at, actor, command, correlation, digest)
values (gen_random_uuid(), 'discussions', 'thread', gen_random_uuid(), 1, 'hub.discussions.thread_locked', 1,
'{"body": "We do it this way, and it has served us well for years. We do it this way, and it has served us well for years."}',
now(), now(), '{"process":"bench"}', gen_random_uuid(), gen_random_uuid(), decode(repeat('ab', 32), 'hex'));
"#;

/// Measures with few clients and with many.
pub(crate) async fn measure(arguments: &Arguments) -> anyhow::Result<Vec<Row>> {
    let mut rows = Vec::new();
    for clients in [8, 64] {
        rows.extend(with_clients(arguments, clients).await?);
    }
    Ok(rows)
}

async fn with_clients(arguments: &Arguments, clients: u32) -> anyhow::Result<Vec<Row>> {
    let database = database::fresh(&arguments.database, &format!("bench_append_{clients}"), clients).await?;
    let (mut ours, mut inserts, mut both) = (Vec::new(), Vec::new(), Vec::new());
    for round in 1..=arguments.rounds() {
        ours.push(hub(&database.log, clients, arguments.run()).await?);
        inserts.push(pgbench::rate(arguments, &database.url, clients, arguments.run(), INSERT).await?);
        both.push(pgbench::rate(arguments, &database.url, clients, arguments.run(), BOTH).await?);
        println!(
            "append, {clients} clients, round {round}: {:.0}/s; insert {:.0}/s; with the command's record {:.0}/s",
            ours[ours.len() - 1],
            inserts[inserts.len() - 1],
            both[both.len() - 1]
        );
    }
    let (ours, inserts, both) = (median(ours), median(inserts), median(both));
    let row = |control: &str, rate: f64, aim| Row {
        what: format!("append, one event a command, {clients} clients"),
        hub: format!("{ours:.0}/s"),
        control: format!("{rate:.0}/s: {control}"),
        ratio: Some(ours / rate),
        aim,
    };
    Ok(vec![
        row("`pgbench`, a plain insert of the event alone", inserts, "0.8"),
        row("`pgbench`, that and the record of the command", both, "–"),
    ])
}

/// Appends a second, by as many tasks.
async fn hub(log: &Log, clients: u32, run: Duration) -> anyhow::Result<f64> {
    let end = Instant::now() + run;
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    for _ in 0..clients {
        let log = log.clone();
        tasks.spawn(async move {
            let mut appended = 0_u32;
            while Instant::now() < end {
                log.append(one()).await?;
                appended += 1;
            }
            anyhow::Ok(appended)
        });
    }
    let mut total = 0.0;
    while let Some(appended) = tasks.join_next().await {
        total += f64::from(appended??);
    }
    Ok(total / start.elapsed().as_secs_f64())
}

fn one() -> Append {
    let command = CommandId(fresh());
    let now = SystemClock.now();
    let body = "We do it this way, and it has served us well for years. We do it this way, and it has served us well for years.";
    let data = serde_json::json!({ "body": body });
    let payload = Payload { kind: "hub.discussions.thread_locked".to_owned(), schema: 1, data };
    Append {
        stream: StreamId { context: "discussions".to_owned(), aggregate: "thread".to_owned(), id: fresh() },
        expected: 0,
        command,
        fingerprint: [0xab; 32],
        meta: Metadata {
            occurred_at: now,
            actor: Who::System("bench".to_owned()),
            organisation: None,
            command,
            correlation: command.0,
            causation: None,
            traceparent: None,
        },
        events: vec![NewEvent { id: EventId(fresh()), payload }],
        claims: Vec::new(),
        personal: None,
        now,
    }
}
