//! What feeds the bus from the log.
//!
//! The bus is its own checkpoint. What was published last is read from the bus itself, never from a note
//! beside it: a note written after publishing may lag behind the bus (then events would be doubled), and a
//! bus that lost its data lags behind the note (then events would be missing). The architecture asks to
//! resume from the smaller of the two; the bus's last event is that smaller one by construction, because
//! there is no other, and a bus that lost everything is filled again from the first event on.

use crate::backoff::Backoff;
use crate::error::BusError;
use crate::event_bus::EventBus;
use async_trait::async_trait;
use kernel::{Payload, Recorded};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// How many events are read and published at a time.
const BATCH: u32 = 1_000;
/// How often in a row a publisher is overtaken by another before it leaves the field.
const STRIKES: u32 = 3;
/// How often the bus is looked at while nothing happens, so that a bus that lost its data is refilled.
const LOOK: Duration = Duration::from_secs(30);

/// The log could not be read.
#[derive(Debug, thiserror::Error)]
#[error("the event log could not be read: {0}")]
pub struct SourceError(#[from] pub Box<dyn std::error::Error + Send + Sync>);

/// Where events come from: the log, in the order of `seq` and without gaps.
#[async_trait]
pub trait EventSource: Send + Sync + 'static {
    /// At most `limit` events with a `seq` greater than `after`, in order.
    ///
    /// # Errors
    /// If the log cannot be read; it is tried again.
    async fn read(&self, after: u64, limit: u32) -> Result<Vec<Recorded<Payload>>, SourceError>;

    /// The `seq` of the log's last event, as it grows; 0 while the log is empty. It wakes the publisher.
    fn progress(&self) -> watch::Receiver<u64>;
}

/// Why a publisher ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It was asked to stop.
    Stopped,
    /// Another publisher is at work on the same bus.
    SteppedDown,
}

/// Publishes what the log takes in, in order, for as long as it runs.
pub struct Publisher<S> {
    source: S,
    bus: Arc<dyn EventBus>,
    published: watch::Sender<u64>,
}

enum Next {
    Resume,
    Pause,
    End(Ended),
}

impl<S: EventSource> Publisher<S> {
    /// A publisher that takes from the source and gives to the bus.
    pub fn new(source: S, bus: Arc<dyn EventBus>) -> Self {
        Self { source, bus, published: watch::Sender::new(0) }
    }

    /// The `seq` of the event that was published last, as far as this publisher knows: what the lag of the
    /// bus behind the log is computed from.
    pub fn published(&self) -> watch::Receiver<u64> {
        self.published.subscribe()
    }

    /// Publishes until it is stopped, or until another publisher turns out to be at work. Whatever fails is
    /// tried again, with growing pauses; a batch in flight is finished before it stops.
    pub async fn run(&self, stop: CancellationToken) -> Ended {
        let mut backoff = Backoff::new();
        let mut strikes = 0;
        loop {
            match self.publish_on(&stop, &mut backoff, &mut strikes).await {
                Next::End(ended) => return ended,
                Next::Resume => {}
                Next::Pause => {
                    tokio::select! {
                        () = stop.cancelled() => return Ended::Stopped,
                        () = tokio::time::sleep(backoff.next()) => {}
                    }
                }
            }
        }
    }

    /// Publishes from where the bus ends, until something is in the way.
    async fn publish_on(&self, stop: &CancellationToken, backoff: &mut Backoff, strikes: &mut u32) -> Next {
        let mut position = match self.resume().await {
            Ok(position) => position,
            Err(error) => {
                tracing::warn!(%error, "cannot tell what was published last; trying again");
                return Next::Pause;
            }
        };
        let mut progress = self.source.progress();
        loop {
            self.published.send_replace(position);
            if stop.is_cancelled() {
                return Next::End(Ended::Stopped);
            }
            let batch = match self.source.read(position, BATCH).await {
                Ok(batch) => batch,
                Err(error) => {
                    tracing::warn!(%error, position, "trying again");
                    return Next::Pause;
                }
            };
            // Once overtaken, it tries with one event: of two publishers exactly one wins that event, so that
            // they never both lose heart.
            let batch = if *strikes > 0 { &batch[..batch.len().min(1)] } else { &batch[..] };
            let Some(last) = batch.last() else {
                return tokio::select! {
                    () = stop.cancelled() => Next::End(Ended::Stopped),
                    grown = progress.wait_for(|end| *end > position) => match grown {
                        Ok(_) => continue,
                        // Whoever tells of progress is gone; the pause stands in for it.
                        Err(_) => Next::Pause,
                    },
                    () = tokio::time::sleep(LOOK) => Next::Resume,
                };
            };
            match self.bus.publish(batch).await {
                Ok(()) => {
                    position = last.seq;
                    *strikes = 0;
                    backoff.reset();
                }
                // An event of our own that was thought lost and arrived late looks like another publisher,
                // but only once; and a publisher that has just ended leaves no more than one batch behind.
                Err(BusError::Fenced { seq }) => {
                    *strikes += 1;
                    if *strikes >= STRIKES {
                        tracing::warn!(seq, "another publisher is at work on this bus; stepping down");
                        return Next::End(Ended::SteppedDown);
                    }
                    tracing::info!(seq, strikes, "overtaken by another publisher; going on from where it is");
                    return Next::Resume;
                }
                Err(error) => {
                    tracing::warn!(%error, position, "cannot publish; trying again");
                    return Next::Pause;
                }
            }
        }
    }

    /// Where the bus ends, if that is a place in this log.
    async fn resume(&self) -> Result<u64, RepublishError> {
        let Some(last) = self.bus.last_published().await? else { return Ok(0) };
        let known = self.source.read(last.saturating_sub(1), 1).await?;
        if known.first().is_some_and(|event| event.seq == last) {
            Ok(last)
        } else {
            Err(RepublishError::Bus(BusError::Config {
                problem: format!("The bus holds events up to {last}, but the log has no event {last}: they do not belong together."),
                remedy: "Check the addresses of both; if the log was restored from an older copy, run `hub events republish`.".to_owned(),
            }))
        }
    }
}

/// Why the bus could not be refilled.
#[derive(Debug, thiserror::Error)]
pub enum RepublishError {
    /// The bus would not take it.
    #[error(transparent)]
    Bus(#[from] BusError),
    /// The log would not give it.
    #[error(transparent)]
    Source(#[from] SourceError),
}

/// Empties the bus and publishes the whole log again; `progress` hears after each batch the `seq` that was
/// reached and the `seq` to be reached. Returns the last `seq`.
///
/// If a publisher is at work meanwhile the two overtake each other, and the bus is filled all the same.
///
/// # Errors
/// If the bus or the log fails; running it again starts afresh.
pub async fn republish<S: EventSource + ?Sized>(
    source: &S,
    bus: &dyn EventBus,
    mut progress: impl FnMut(u64, u64),
) -> Result<u64, RepublishError> {
    bus.reset().await?;
    let mut position = 0;
    loop {
        let batch = source.read(position, BATCH).await?;
        let Some(last) = batch.last() else { return Ok(position) };
        position = match bus.publish(&batch).await {
            Ok(()) => last.seq,
            Err(BusError::Fenced { .. }) => bus.last_published().await?.unwrap_or(0),
            Err(error) => return Err(error.into()),
        };
        let end = *source.progress().borrow();
        progress(position, end.max(position));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::in_process::InProcessBus;

    /// A log without any event.
    struct Empty(watch::Sender<u64>);

    #[async_trait]
    impl EventSource for Empty {
        async fn read(&self, _: u64, _: u32) -> Result<Vec<Recorded<Payload>>, SourceError> {
            Ok(Vec::new())
        }
        fn progress(&self) -> watch::Receiver<u64> {
            self.0.subscribe()
        }
    }

    #[tokio::test]
    async fn a_bus_that_is_ahead_of_the_log_belongs_to_another() {
        let publisher = |bus| Publisher::new(Empty(watch::Sender::new(0)), Arc::new(bus));
        assert_eq!(publisher(InProcessBus::starting_after(0)).resume().await.unwrap(), 0);
        let error = publisher(InProcessBus::starting_after(7)).resume().await.unwrap_err();
        assert!(error.to_string().contains("no event 7"), "{error}");
    }
}
