//! The log as projections read it: decoded once for all projections of a process that are at about the same place.

use events::HubEvent;
use kernel::Recorded;
use std::collections::VecDeque;
use std::sync::Arc;
use store::Log;
use tokio::sync::Mutex;

/// How many batches are kept for projections that come a little later.
const KEPT: usize = 8;

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
}

impl Feed {
    pub(super) fn new(log: Log) -> Self {
        Self { log, recent: Mutex::default() }
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
            recent.push_back(Arc::clone(&batch));
            if recent.len() > KEPT {
                recent.pop_front();
            }
        }
        Ok(Part { batch, from: 0 })
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
