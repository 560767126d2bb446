//! Invariant 3 under load and faults: no event is ever skipped, doubled or reordered.

use crate::support::{PATIENCE, append, id, sequenced, stream, until};
use kernel::{EventId, Payload, Recorded, StreamId};
use rand::rngs::StdRng;
use rand::{Rng as _, RngExt as _, SeedableRng as _};
use sqlx::{Connection as _, PgConnection};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use store::{AppendError, KeyRing, Leadership, Log, Sequencer, testing, verify};
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

const QUICK_WRITERS: u64 = 12;
const SLOW_WRITERS: u64 = 12;
const COMMANDS: u32 = 40;
const STREAMS: usize = 10;

/// What the writers know to have come of their appends.
#[derive(Default)]
struct Ledger {
    committed: BTreeSet<EventId>,
    rolled_back: BTreeSet<EventId>,
    /// The connection was cut at commit or before; either may have happened, but all or nothing.
    unknown: Vec<Vec<EventId>>,
}

struct Scene {
    log: Log,
    streams: Vec<StreamId>,
    ledger: Mutex<Ledger>,
    options: sqlx::postgres::PgConnectOptions,
}

impl Scene {
    async fn version(&self, stream: &StreamId) -> u64 {
        self.log.load(stream).await.unwrap().len() as u64
    }

    /// Appends as the hub does.
    async fn quick_writer(&self, seed: u64) {
        let mut random = StdRng::seed_from_u64(seed);
        for _ in 0..COMMANDS {
            let stream = &self.streams[random.random_range(0..STREAMS)];
            loop {
                let append = append(stream, self.version(stream).await, random.random_range(1..4));
                match self.log.append(append).await {
                    Ok(appended) => {
                        self.ledger.lock().await.committed.extend(appended.receipt.events);
                        break;
                    }
                    Err(AppendError::Conflict { .. }) => {}
                    Err(error) => panic!("{error}"),
                }
            }
        }
    }

    /// Appends in transactions that stay open for a while and then commit, roll back, or are cut off.
    async fn slow_writer(&self, seed: u64) {
        let mut random = StdRng::seed_from_u64(seed);
        let mut connection = PgConnection::connect_with(&self.options).await.unwrap();
        for _ in 0..COMMANDS / 2 {
            // Half of them write to streams of their own, so that they do not only wait for one another.
            let stream = if random.random() { stream() } else { self.streams[random.random_range(0..STREAMS)].clone() };
            let append = append(&stream, self.version(&stream).await, random.random_range(1..4));
            let events: Vec<EventId> = append.events.iter().map(|event| event.id).collect();
            let pid: i32 = sqlx::query_scalar("select pg_backend_pid()").fetch_one(&mut connection).await.unwrap();
            let mut transaction = connection.begin().await.unwrap();
            if testing::append_within(&self.log, &mut transaction, append).await.is_err() {
                transaction.rollback().await.unwrap();
                self.ledger.lock().await.rolled_back.extend(events);
                continue;
            }
            tokio::time::sleep(Duration::from_millis(random.random_range(0..40))).await;
            match random.next_u32() % 4 {
                0 => {
                    transaction.rollback().await.unwrap();
                    self.ledger.lock().await.rolled_back.extend(events);
                }
                1 => {
                    let cut = sqlx::query("select pg_terminate_backend($1)").bind(pid);
                    let (_cut, committed) = tokio::join!(cut.execute(self.log.pool()), transaction.commit());
                    let mut ledger = self.ledger.lock().await;
                    match committed {
                        Ok(()) => ledger.committed.extend(events),
                        Err(_) => ledger.unknown.push(events),
                    }
                    drop(ledger);
                    connection = PgConnection::connect_with(&self.options).await.unwrap();
                }
                _ => {
                    transaction.commit().await.unwrap();
                    self.ledger.lock().await.committed.extend(events);
                }
            }
        }
    }
}

/// A would-be leader in a process of its own, as far as the log can tell.
struct Process {
    log: Log,
    task: JoinHandle<()>,
    stop: CancellationToken,
}

impl Process {
    async fn start(options: &sqlx::postgres::PgConnectOptions, keys: &KeyRing) -> Self {
        let pool = store::pool_options(2).connect_with(options.clone()).await.unwrap();
        let log = Log::new(pool, keys.clone());
        let stop = CancellationToken::new();
        let task = tokio::spawn(Sequencer::new(log.clone(), Leadership::SessionLock).run(stop.clone()));
        Self { log, task, stop }
    }
}

/// Kills and replaces sequencers in turn, each time after some progress, until it is told to stop: by dropping the
/// process where it stands, by cutting its connection, and by an orderly stop.
async fn chaos(scene: Arc<Scene>, keys: KeyRing, stop: CancellationToken, kills: Arc<AtomicU32>) -> Vec<Process> {
    let mut processes = Vec::new();
    for _ in 0..3 {
        processes.push(Process::start(&scene.options, &keys).await);
    }
    for round in 0.. {
        let seen = scene.log.head().await.unwrap();
        tokio::select! {
            () = stop.cancelled() => return processes,
            () = until("the sequence goes on after a kill", async || scene.log.head().await.unwrap() > seen + 5) => {}
        }
        match round % 3 {
            0 => {
                sqlx::query(
                    "select pg_terminate_backend(pid) from pg_stat_activity
                     where datname = current_database() and application_name = 'hub sequencer'",
                )
                .execute(scene.log.pool())
                .await
                .unwrap();
            }
            1 => {
                let killed = processes.remove(0);
                killed.task.abort();
                processes.push(Process::start(&scene.options, &keys).await);
            }
            _ => {
                let stopped = processes.remove(0);
                stopped.stop.cancel();
                stopped.task.await.unwrap();
                processes.push(Process::start(&scene.options, &keys).await);
            }
        }
        kills.fetch_add(1, Ordering::Relaxed);
    }
    unreachable!("the rounds do not end by themselves")
}

/// Reads along while everything happens, as a projection does.
async fn consumer(log: Log, stop: CancellationToken) -> Vec<Recorded<Payload>> {
    let mut read: Vec<Recorded<Payload>> = Vec::new();
    loop {
        let ended = stop.is_cancelled();
        let batch = log.read(read.len() as u64, 100).await.unwrap();
        for event in &batch {
            assert_eq!(event.seq, read.len() as u64 + 1, "dense at every moment");
            read.push(event.clone());
        }
        if batch.is_empty() {
            if ended {
                return read;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn stress_no_event_is_skipped_doubled_or_reordered() {
    let database = testing::database_with(20).await;
    let keys = KeyRing::random();
    let log = Log::new(database.pool().clone(), keys.clone());
    let scene = Arc::new(Scene {
        log: log.clone(),
        streams: (0..STREAMS).map(|_| stream()).collect(),
        ledger: Mutex::default(),
        options: database.connect_options(),
    });
    let (writing, reading) = (CancellationToken::new(), CancellationToken::new());
    let kills = Arc::new(AtomicU32::new(0));
    let chaos = tokio::spawn(chaos(scene.clone(), keys, writing.clone(), kills.clone()));
    let consumer = tokio::spawn(consumer(log.clone(), reading.clone()));
    let mut writers = Vec::new();
    for seed in 0..QUICK_WRITERS {
        let scene = scene.clone();
        writers.push(tokio::spawn(async move { scene.quick_writer(seed).await }));
    }
    for seed in 0..SLOW_WRITERS {
        let scene = scene.clone();
        writers.push(tokio::spawn(async move { scene.slow_writer(1_000 + seed).await }));
    }
    for writer in writers {
        writer.await.unwrap();
    }
    writing.cancel();
    let processes = chaos.await.unwrap();
    assert!(kills.load(Ordering::Relaxed) >= 6, "sequencers were killed while events were written");

    let stored: Vec<uuid::Uuid> = sqlx::query_scalar("select id from log.events").fetch_all(log.pool()).await.unwrap();
    let stored: BTreeSet<EventId> = stored.into_iter().map(EventId).collect();
    until("every committed event has its place", async || log.head().await.unwrap() >= stored.len() as u64).await;
    for process in &processes {
        let known = process.log.progress().wait_for(|head| *head == stored.len() as u64).await.map(|head| *head);
        assert_eq!(known.unwrap(), stored.len() as u64, "standbys follow");
    }
    reading.cancel();
    let read = tokio::time::timeout(PATIENCE, consumer).await.unwrap().unwrap();

    // Everything that was committed came out once, and nothing else did.
    let came_out: BTreeSet<EventId> = read.iter().map(|event| event.id).collect();
    assert_eq!(came_out.len(), read.len(), "nothing twice");
    assert_eq!(came_out, stored, "exactly what is in the table");
    let ledger = scene.ledger.lock().await;
    assert!(ledger.committed.is_subset(&came_out), "nothing acknowledged is missing");
    assert!(ledger.rolled_back.is_disjoint(&came_out), "nothing rolled back came out");
    assert!(ledger.rolled_back.len() > 20 && !ledger.unknown.is_empty(), "the faults did happen");
    for events in &ledger.unknown {
        let came = events.iter().filter(|event| came_out.contains(event)).count();
        assert!(came == 0 || came == events.len(), "all events of a command or none");
    }
    let known: usize = ledger.committed.len() + ledger.unknown.iter().flatten().filter(|event| came_out.contains(event)).count();
    assert_eq!(known, came_out.len(), "every event is accounted for");
    // Each stream in the order of its versions, from the first on.
    let mut versions = BTreeMap::new();
    for event in &read {
        let version = versions.entry(event.stream.id).or_insert(0);
        *version += 1;
        assert_eq!(event.version, *version, "stream {} at position {}", event.stream, event.seq);
    }
    let verified = verify(&log, |_, _| {}).await.unwrap();
    assert_eq!((verified.events, verified.waiting), (read.len() as u64, 0));

    for process in processes {
        process.stop.cancel();
        process.task.await.unwrap();
    }
    // The chain goes on for whoever comes next.
    log.append(append(&StreamId { id: id(), ..stream() }, 0, 1)).await.unwrap();
    sequenced(&log, read.len() as u64 + 1).await;
}
