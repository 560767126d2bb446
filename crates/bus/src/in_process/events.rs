//! Events within one process: a bounded broadcast. Whoever lags behind is told so, and reads the log.

use crate::error::BusError;
use crate::event_bus::{Delivery, EventBus, EventStream, Sequence, must_follow};
use async_trait::async_trait;
use futures::{StreamExt as _, stream};
use kernel::{Payload, Recorded};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::broadcast;

/// How many events are held for a subscriber before it is told that it lags.
const CAPACITY: usize = 1024;

/// Distributes events to subscribers in the same process, with their personal values as the log opened them.
///
/// It holds no history: a subscriber that starts behind gets a gap first.
#[derive(Debug)]
pub struct InProcessBus {
    sender: broadcast::Sender<Arc<Recorded<Payload>>>,
    last: Mutex<Option<u64>>,
}

impl InProcessBus {
    /// A bus that starts after this event of the log: its end, at the start of the process. (Publishing the
    /// whole log again to nobody would be idle work; consumers read what is old from the log anyway.)
    pub fn starting_after(seq: u64) -> Self {
        Self { sender: broadcast::Sender::new(CAPACITY), last: Mutex::new((seq > 0).then_some(seq)) }
    }

    fn last(&self) -> std::sync::MutexGuard<'_, Option<u64>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl EventBus for InProcessBus {
    async fn publish(&self, batch: &[Recorded<Payload>]) -> Result<(), BusError> {
        let mut last = self.last();
        must_follow(*last, batch)?;
        for event in batch {
            // An error only says that nobody listens.
            let _ = self.sender.send(Arc::new(event.clone()));
            *last = Some(event.seq);
        }
        Ok(())
    }

    async fn last_published(&self) -> Result<Option<u64>, BusError> {
        Ok(*self.last())
    }

    async fn subscribe(&self, after: u64) -> Result<EventStream, BusError> {
        let mut sequence = Sequence::after(after);
        let mut pending = VecDeque::new();
        let receiver = {
            let last = self.last();
            if last.unwrap_or(0) > after {
                pending.extend(sequence.interrupted());
            }
            self.sender.subscribe()
        };
        let deliveries = stream::unfold((receiver, sequence, pending), |(mut receiver, mut sequence, mut pending)| async move {
            loop {
                if let Some(delivery) = pending.pop_front() {
                    return Some((delivery, (receiver, sequence, pending)));
                }
                let arrived: Vec<Delivery> = match receiver.recv().await {
                    Ok(event) => sequence.arrived(event).collect(),
                    Err(broadcast::error::RecvError::Lagged(_)) => sequence.interrupted().into_iter().collect(),
                    Err(broadcast::error::RecvError::Closed) => return None,
                };
                pending.extend(arrived);
            }
        });
        Ok(deliveries.boxed())
    }

    async fn reset(&self) -> Result<(), BusError> {
        *self.last() = None;
        Ok(())
    }

    async fn health(&self) -> Result<(), BusError> {
        Ok(())
    }
}
