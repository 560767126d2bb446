//! The log as projections read it: decoded once for all projections of a process that are at about the same place.

use events::HubEvent;
use kernel::Recorded;
use std::collections::VecDeque;
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use store::Log;
use tokio::sync::{Mutex, watch};
use tokio::time::sleep;

/// How many batches are kept for projections that come a little later.
const KEPT: usize = 8;

/// How long an event that the log has may take to arrive over the bus before it is read from the log. While the bus is
/// away, views are behind by this much, and nothing is lost.
const BUS_GRACE: Duration = Duration::from_millis(25);

/// Where what arrives over the bus goes in, for every projector of a process. The bus only hints: what it doubles is passed
/// over, and what it lacks or withholds is read from the log.
#[derive(Clone)]
pub struct Inlet {
    feed: Arc<Feed>,
}

impl Inlet {
    pub(super) fn of(feed: Arc<Feed>) -> Self {
        feed.over_bus.store(true, Ordering::Relaxed);
        Self { feed }
    }

    /// Takes consecutive events that arrived.
    pub async fn offer(&self, events: Vec<Recorded<HubEvent>>) {
        let Some(last) = events.last().map(|recorded| recorded.seq) else { return };
        Feed::keep(&mut *self.feed.recent.lock().await, Arc::new(Batch { events, broken: None }));
        self.told(last);
    }

    /// Takes the news that the log reaches at least this far, without the events themselves.
    pub fn told(&self, seq: u64) {
        self.feed.arrived.send_if_modified(|arrived| {
            let further = seq > *arrived;
            *arrived = seq.max(*arrived);
            further
        });
    }
}

/// Consecutive events, and the one after them if that cannot be read.
pub(super) struct Batch {
    pub(super) events: Vec<Recorded<HubEvent>>,
    pub(super) broken: Option<Broken>,
}

/// An event that cannot be read.
#[derive(Clone, Debug)]
pub(super) struct Broken {
    pub(super) seq: u64,
    pub(super) error: String,
}

/// A part of a batch: the events from a place on.
pub(super) struct Part {
    batch: Arc<Batch>,
    from: usize,
}

impl Part {
    pub(super) fn events(&self) -> &[Recorded<HubEvent>] {
        &self.batch.events[self.from..]
    }

    /// The event after them, if it cannot be read.
    pub(super) fn broken(&self) -> Option<&Broken> {
        self.batch.broken.as_ref()
    }
}

/// Reads the log for the projections of one process.
pub(super) struct Feed {
    log: Log,
    recent: Mutex<VecDeque<Arc<Batch>>>,
    /// How far the events go that arrived over the bus.
    arrived: watch::Sender<u64>,
    /// Whether a bus brings events at all.
    over_bus: AtomicBool,
}

impl Feed {
    pub(super) fn new(log: Log) -> Self {
        Self { log, recent: Mutex::default(), arrived: watch::Sender::new(0), over_bus: AtomicBool::new(false) }
    }

    /// The next events after this place, at most so many unless more are at hand; none if the log ends there.
    ///
    /// # Errors
    /// The database cannot be reached. An event that cannot be read is no error here but the part's last word.
    pub(super) async fn after(&self, seq: u64, limit: u32) -> Result<Part, store::Error> {
        // Whoever comes first reads; the others wait for that, and need not read.
        let mut recent = self.recent.lock().await;
        for batch in recent.iter() {
            if let Some(from) = batch.events.iter().position(|recorded| recorded.seq == seq + 1) {
                return Ok(Part { batch: Arc::clone(batch), from });
            }
        }
        let batch = Arc::new(read(&self.log, seq, limit).await?);
        if !batch.events.is_empty() {
            Self::keep(&mut recent, Arc::clone(&batch));
        }
        Ok(Part { batch, from: 0 })
    }

    fn keep(recent: &mut VecDeque<Arc<Batch>>, batch: Arc<Batch>) {
        recent.push_back(batch);
        if recent.len() > KEPT {
            recent.pop_front();
        }
    }

    /// Waits until there is something after this place: until it arrived over the bus, or, where no bus is at work or the
    /// event takes too long, until the log has it.
    pub(super) async fn news(&self, head: &mut watch::Receiver<u64>, checkpoint: u64) {
        let in_log = async {
            if head.wait_for(|head| *head > checkpoint).await.is_err() {
                pending::<()>().await;
            }
        };
        if !self.over_bus.load(Ordering::Relaxed) {
            return in_log.await;
        }
        let mut arrived = self.arrived.subscribe();
        tokio::select! {
            _ = arrived.wait_for(|arrived| *arrived > checkpoint) => {}
            () = async { in_log.await; sleep(BUS_GRACE).await } => {}
        }
    }
}

/// Reads and decodes the events after a place.
pub(super) async fn read(log: &Log, seq: u64, limit: u32) -> Result<Batch, store::Error> {
    let recorded = match log.read(seq, limit).await {
        Ok(recorded) => recorded,
        Err(error) if error.is_unavailable() => return Err(error),
        // One of them cannot be read; those before it can, one by one.
        Err(_) if limit > 1 => return Box::pin(read(log, seq, 1)).await,
        Err(store::Error::Database(error)) => return Err(store::Error::Database(error)),
        Err(error) => return Ok(Batch { events: Vec::new(), broken: Some(Broken { seq: seq + 1, error: error.to_string() }) }),
    };
    let mut batch = Batch { events: Vec::with_capacity(recorded.len()), broken: None };
    for payload in recorded {
        let seq = payload.seq;
        match events::decode(payload) {
            Ok(recorded) => batch.events.push(recorded),
            Err(error) => {
                batch.broken = Some(Broken { seq, error: error.to_string() });
                break;
            }
        }
    }
    Ok(batch)
}
