//! What the bus's tests share: a NATS server of their own, a log in memory, and a consumer as it should be.

#![allow(dead_code, unreachable_pub, reason = "each test binary uses a part")]

use async_trait::async_trait;
use bus::{Delivery, EventSource, EventStream, SourceError};
use futures::StreamExt as _;
use kernel::{EventId, Metadata, Payload, Recorded, StreamId, Who};
use serde_json::json;
use std::future::Future;
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::watch;
use uuid::Uuid;

/// Waits for something that must happen; far longer than it ever takes.
pub async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(90), future).await.unwrap_or_else(|_| panic!("waited too long: {what}"))
}

/// Tries again until it holds.
pub async fn eventually<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    within(what, async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
}

/// A real nats-server with JetStream, on a free port and in a folder of its own; killed when dropped.
pub struct NatsServer {
    child: Option<Child>,
    port: u16,
    folder: TempDir,
    arguments: Vec<String>,
}

impl NatsServer {
    pub fn start() -> Self {
        Self::with(&[])
    }

    pub fn with(arguments: &[&str]) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let arguments = arguments.iter().map(ToString::to_string).collect();
        let mut server = Self { child: None, port, folder: TempDir::new().unwrap(), arguments };
        server.up();
        server
    }

    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Starts it (again) on the same port, with the data that is there.
    pub fn up(&mut self) {
        let binary = std::env::var_os("HUB_TEST_NATS_SERVER").map_or_else(|| PathBuf::from("nats-server"), PathBuf::from);
        let mut child = Command::new(&binary)
            .args(["--addr", "127.0.0.1", "--port", &self.port.to_string(), "--jetstream", "--store_dir"])
            .arg(self.folder.path().join("data"))
            .args(&self.arguments)
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(self.folder.path().join("log")).unwrap())
            .spawn()
            .unwrap_or_else(|error| {
                panic!(
                    "{} cannot be started: {error}. Install nats-server 2.9 or later, or name its binary in HUB_TEST_NATS_SERVER.",
                    binary.display()
                )
            });
        for _ in 0..1_000 {
            if TcpStream::connect(self.address()).is_ok() {
                self.child = Some(child);
                return;
            }
            if let Some(status) = child.try_wait().unwrap() {
                panic!("nats-server ended with {status}: {}", std::fs::read_to_string(self.folder.path().join("log")).unwrap());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = child.kill();
        panic!("nats-server does not listen: {}", std::fs::read_to_string(self.folder.path().join("log")).unwrap());
    }

    /// Kills it, as a power cut would.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Throws its data away; it must be down.
    pub fn lose_data(&self) {
        assert!(self.child.is_none(), "kill it first");
        std::fs::remove_dir_all(self.folder.path().join("data")).unwrap();
    }
}

impl Drop for NatsServer {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The event with this `seq`, the same every time.
pub fn event(seq: u64) -> Recorded<Payload> {
    let id = |space: u128| Uuid::from_u128((space << 64) + u128::from(seq));
    let at = "2026-01-01T00:00:00.000001Z".parse().unwrap();
    Recorded {
        seq,
        id: EventId(id(1)),
        stream: StreamId { context: "discussions".into(), aggregate: "thread".into(), id: Uuid::from_u128(u128::from(seq % 7)) },
        version: seq / 7 + 1,
        recorded_at: at,
        meta: Metadata {
            occurred_at: at,
            actor: Who::System("test".into()),
            organisation: None,
            command: id(2).into(),
            correlation: id(2),
            causation: None,
            traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".into()),
        },
        event: Payload { kind: "hub.discussions.thread_replied".into(), schema: 1, data: json!({ "n": seq }) },
    }
}

pub fn events(seqs: impl IntoIterator<Item = u64>) -> Vec<Recorded<Payload>> {
    seqs.into_iter().map(event).collect()
}

/// A log in memory.
#[derive(Clone)]
pub struct Log {
    events: Arc<Mutex<Vec<Recorded<Payload>>>>,
    progress: Arc<watch::Sender<u64>>,
    failures: Arc<AtomicU32>,
}

impl Log {
    pub fn with(length: u64) -> Self {
        let log = Self { events: Arc::default(), progress: Arc::new(watch::Sender::new(0)), failures: Arc::default() };
        log.grow_to(length);
        log
    }

    pub fn grow_to(&self, length: u64) {
        let mut all = self.events.lock().unwrap();
        let from = all.len() as u64 + 1;
        all.extend(events(from..=length));
        self.progress.send_replace(length);
    }

    /// The next so many reads fail.
    pub fn fail(&self, times: u32) {
        self.failures.store(times, Ordering::SeqCst);
    }

    pub fn after(&self, seq: u64) -> Vec<Recorded<Payload>> {
        self.events.lock().unwrap().iter().skip(usize::try_from(seq).unwrap()).cloned().collect()
    }
}

#[async_trait]
impl EventSource for Log {
    async fn read(&self, after: u64, limit: u32) -> Result<Vec<Recorded<Payload>>, SourceError> {
        if self.failures.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok() {
            return Err(SourceError("the test says so".into()));
        }
        let mut found = self.after(after);
        found.truncate(limit as usize);
        Ok(found)
    }

    fn progress(&self) -> watch::Receiver<u64> {
        self.progress.subscribe()
    }
}

/// What one subscription yielded, and what its consumer made of it.
#[derive(Debug, Default)]
pub struct Consumed {
    /// How many gaps were told of.
    pub gaps: usize,
    /// The `seq` of each event that was delivered.
    pub delivered: Vec<u64>,
    /// Each event the consumer took, from the bus or the log.
    pub taken: Vec<Recorded<Payload>>,
}

/// Consumes as a projector does: keys on `seq`, and takes what is missing from the log. Ends at `until`.
/// Checks on the way what the bus promises: order, nothing twice, and every gap told of.
pub async fn consume(stream: &mut EventStream, log: &Log, after: u64, until: u64) -> Consumed {
    let mut consumed = Consumed::default();
    let mut checkpoint = after;
    let mut told = false;
    while checkpoint < until {
        let delivery = within(&format!("a delivery after {checkpoint}"), stream.next()).await.expect("a subscription has no end");
        match delivery {
            Delivery::Gap { after } => {
                assert_eq!(after, consumed.delivered.last().copied().unwrap_or(after), "a gap starts where the deliveries end");
                told = true;
                consumed.gaps += 1;
                let missing = log.after(checkpoint);
                checkpoint += missing.len() as u64;
                consumed.taken.extend(missing);
            }
            Delivery::Event(event) => {
                if let Some(last) = consumed.delivered.last() {
                    assert!(event.seq > *last, "{} came after {last}", event.seq);
                    assert!(told || event.seq == last + 1, "the gap between {last} and {} was not told of", event.seq);
                }
                told = false;
                consumed.delivered.push(event.seq);
                if event.seq > checkpoint {
                    assert_eq!(event.seq, checkpoint + 1, "the gap after {checkpoint} was not told of");
                    checkpoint = event.seq;
                    consumed.taken.push((*event).clone());
                }
            }
        }
    }
    let seqs: Vec<u64> = consumed.taken.iter().map(|event| event.seq).collect();
    let all: Vec<u64> = (after + 1..=checkpoint).collect();
    assert!(seqs == all, "every event once and in order");
    consumed
}
