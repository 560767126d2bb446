//! Distribution of events: what a bus promises, and what it does not.

use crate::error::BusError;
use async_trait::async_trait;
use futures::stream::BoxStream;
use kernel::{Payload, Recorded};
use std::sync::Arc;

/// What a subscription yields.
#[derive(Clone, Debug, PartialEq)]
pub enum Delivery {
    /// An event. Its `seq` is greater than that of every event this subscription yielded before.
    Event(Arc<Recorded<Payload>>),
    /// Events after this `seq` may be missing here: read the log from there. It precedes every event that
    /// does not follow directly on the one before, and follows every interruption.
    Gap {
        /// The `seq` of the last event that this subscription yielded, or the one it started after.
        after: u64,
    },
}

/// The deliveries of one subscription, without end as long as the bus lives. Dropping it ends the subscription.
pub type EventStream = BoxStream<'static, Delivery>;

/// Distributes events, in the order of the log, to whoever subscribed.
///
/// **The bus hints, the log knows.** Every implementation promises order (`seq` only ever grows within a
/// subscription, so nothing comes twice) and tells of every gap it knows of. None promises completeness: a
/// consumer compares `seq` with its own checkpoint, reads what is missing from the log, and looks into the
/// log now and then even if nothing arrives, for while NATS is down nothing will.
///
/// **Events may be withheld.** The publisher reads opened personal values from the log. In process they are
/// handed on as they are; but on NATS no plain personal value may ever stand, so [`JetStreamBus`] publishes
/// [`CloudEvent::redacted`], and also withholds the content of an event that is larger than the server
/// takes. A consumer checks [`is_withheld`] and takes such an event from the log; it has the `seq`.
///
/// [`JetStreamBus`]: crate::JetStreamBus
/// [`CloudEvent::redacted`]: crate::CloudEvent::redacted
/// [`is_withheld`]: crate::is_withheld
#[async_trait]
pub trait EventBus: Send + Sync + 'static {
    /// Publishes events in the order of the log. The batch must follow directly on what was published last,
    /// and be dense: event 7 comes after event 6, whoever published that.
    ///
    /// After an error some of the batch may be published, from its start on and without holes:
    /// [`last_published`](Self::last_published) says how far.
    ///
    /// # Errors
    /// [`BusError::Fenced`] if another publisher got there first; [`BusError::Malformed`] if the batch leaves
    /// a gap; [`BusError::Unavailable`] or [`BusError::Timeout`] if the bus does not take it now.
    async fn publish(&self, batch: &[Recorded<Payload>]) -> Result<(), BusError>;

    /// The `seq` of the last event that was published, or none if the bus is empty.
    ///
    /// # Errors
    /// If the bus does not answer, or holds what is no event of the hub.
    async fn last_published(&self) -> Result<Option<u64>, BusError>;

    /// Follows events with a `seq` greater than `after`. What is published once this has returned is
    /// delivered, or told of as a gap; what was published before, as far as the bus still has it.
    ///
    /// # Errors
    /// If the bus does not answer. Once subscribed, interruptions are healed and show as gaps.
    async fn subscribe(&self, after: u64) -> Result<EventStream, BusError>;

    /// Forgets everything that was published, so that it can be published again from the first event.
    /// Subscriptions live on, and do not yield again what they yielded before.
    ///
    /// # Errors
    /// If the bus does not answer.
    async fn reset(&self) -> Result<(), BusError>;

    /// Whether the bus answers and can take events.
    ///
    /// # Errors
    /// Why not.
    async fn health(&self) -> Result<(), BusError>;
}

/// Checks that a batch is dense and follows on `last`.
pub(crate) fn must_follow(last: Option<u64>, batch: &[Recorded<Payload>]) -> Result<(), BusError> {
    let Some(first) = batch.first() else { return Ok(()) };
    let expected = last.unwrap_or(0) + 1;
    if first.seq < expected {
        return Err(BusError::Fenced { seq: first.seq });
    }
    for (next, event) in (expected..).zip(batch) {
        if event.seq != next {
            return Err(BusError::malformed(format!(
                "event {} was to be published where event {next} is due; publish without gaps",
                event.seq
            )));
        }
    }
    Ok(())
}

/// Turns events as they arrive into deliveries: drops what was yielded before, and tells of gaps.
#[derive(Debug)]
pub(crate) struct Sequence {
    position: u64,
    gap_told: bool,
}

impl Sequence {
    pub(crate) fn after(position: u64) -> Self {
        Self { position, gap_told: false }
    }

    /// The `seq` of the last event that was yielded.
    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// There was an interruption.
    pub(crate) fn interrupted(&mut self) -> Option<Delivery> {
        (!std::mem::replace(&mut self.gap_told, true)).then_some(Delivery::Gap { after: self.position })
    }

    /// An event arrived: what to yield, in order.
    pub(crate) fn arrived(&mut self, event: Arc<Recorded<Payload>>) -> impl Iterator<Item = Delivery> + use<> {
        let (gap, event) = if event.seq <= self.position {
            (None, None)
        } else {
            let gap = if event.seq == self.position + 1 { None } else { self.interrupted() };
            self.position = event.seq;
            self.gap_told = false;
            (gap, Some(Delivery::Event(event)))
        };
        gap.into_iter().chain(event)
    }
}
