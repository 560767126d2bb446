//! From a command's acceptance to the moment at which queries see what followed from it, at a hundred commands a second.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use kernel::{Clock, SystemClock};
use projections::Projectors;
use store::{Leadership, Sequencer};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::{
    Arguments, database,
    report::{Row, percentile},
    world::World,
};

/// Between two commands.
const EVERY: Duration = Duration::from_millis(10);
/// How many commands are sent.
const COMMANDS: u32 = 3_000;
/// Threads that are replied in, each often enough to be loaded as usual.
const THREADS: usize = 60;
const PATIENCE: Duration = Duration::from_secs(10);

/// Milliseconds from one command's start and from its acceptance until it was visible.
struct Sample {
    from_start: f64,
    from_acceptance: f64,
}

pub(crate) async fn measure(arguments: &Arguments) -> anyhow::Result<Vec<Row>> {
    let database = database::fresh(&arguments.database, "bench_visible", 16).await?;
    let (log, stop, mut roles) = (database.log.clone(), CancellationToken::new(), JoinSet::new());
    roles.spawn(Sequencer::new(log.clone(), Leadership::SessionLock).run(stop.clone()));
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let projectors = Projectors::new(&log, &clock);
    let progress = projectors.progress();
    projectors.spawn(&mut roles, &stop);

    let world = World::found(&log).await?;
    let mut threads = Vec::new();
    for _ in 0..THREADS {
        threads.push(world.open_thread().await?);
    }
    let mut ticks = tokio::time::interval(EVERY);
    let mut tasks = JoinSet::new();
    for number in 0..COMMANDS {
        ticks.tick().await;
        let (world, log, progress, thread) = (world.clone(), log.clone(), progress.clone(), threads[number as usize % THREADS]);
        tasks.spawn(async move {
            let start = Instant::now();
            let receipt = world.reply(thread).await?;
            let accepted = Instant::now();
            let event = *receipt.events.last().context("a reply is an event")?;
            let seq = log.await_sequenced(event, PATIENCE).await?.context("an event got no place in time")?;
            if !progress.await_projected(seq, PATIENCE).await.is_reached() {
                bail!("a view did not get an event in time");
            }
            Ok(Sample { from_start: start.elapsed().as_secs_f64() * 1000.0, from_acceptance: accepted.elapsed().as_secs_f64() * 1000.0 })
        });
    }
    let (mut start, mut accepted) = (Vec::new(), Vec::new());
    while let Some(sample) = tasks.join_next().await {
        let sample = sample??;
        start.push(sample.from_start);
        accepted.push(sample.from_acceptance);
    }
    stop.cancel();
    while roles.join_next().await.is_some() {}
    let row = |what: &str, mut values: Vec<f64>, aim| {
        values.sort_by(f64::total_cmp);
        let hub = format!("p50 {:.1} ms, p99 {:.1} ms", percentile(&values, 0.5), percentile(&values, 0.99));
        Row { what: what.to_owned(), hub, control: "–".to_owned(), ratio: None, aim }
    };
    Ok(vec![
        row("command accepted → visible to queries, 100 commands/s", accepted, "p50 10 ms, p99 50 ms"),
        row("command sent → visible to queries, 100 commands/s", start, "–"),
    ])
}
