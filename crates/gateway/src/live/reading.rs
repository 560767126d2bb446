//! Events as they are read from the log, whatever may be wrong with one of them.

use events::HubEvent;
use kernel::{Payload, Recorded, StreamId};
use store::Log;

/// At most `limit` events after a position, in the order of the log and without gaps. One that cannot be read, because it was altered
/// or is newer than this program, is none: views stop there and say so, and live updates go on without it.
///
/// # Errors
/// The database's.
pub(super) async fn of_log(log: &Log, after: u64, limit: u32) -> Result<Vec<Option<Recorded<HubEvent>>>, store::Error> {
    match log.read(after, limit).await {
        Ok(events) => Ok(events.into_iter().map(decoded).collect()),
        Err(error) if is_of_database(&error) => Err(error),
        // One of them cannot be read; those before it can, one by one.
        Err(_) if limit > 1 => Box::pin(of_log(log, after, 1)).await,
        Err(error) => {
            unreadable(after + 1, &error);
            Ok(vec![None])
        }
    }
}

/// At most `limit` events of a stream from a version on, and whether the stream ends with them. One that cannot be read is none.
///
/// # Errors
/// The database's.
pub(super) async fn of_stream(
    log: &Log,
    stream: &StreamId,
    first: u64,
    limit: u64,
) -> Result<(Vec<Option<Recorded<HubEvent>>>, bool), store::Error> {
    match log.load_range(stream, first, first.saturating_add(limit - 1)).await {
        Ok(events) => {
            let ends = (events.len() as u64) < limit;
            Ok((events.into_iter().map(decoded).collect(), ends))
        }
        Err(error) if is_of_database(&error) => Err(error),
        Err(_) if limit > 1 => Box::pin(of_stream(log, stream, first, 1)).await,
        Err(error) => {
            unreadable(0, &error);
            Ok((vec![None], false))
        }
    }
}

pub(super) fn is_of_database(error: &store::Error) -> bool {
    match error {
        store::Error::Unavailable(_) | store::Error::Database(_) => true,
        store::Error::Malformed { .. } | store::Error::Gap { .. } | store::Error::Key { .. } => false,
    }
}

fn decoded(recorded: Recorded<Payload>) -> Option<Recorded<HubEvent>> {
    let seq = recorded.seq;
    events::decode(recorded).inspect_err(|error| unreadable(seq, error)).ok()
}

fn unreadable(seq: u64, error: &dyn std::error::Error) {
    tracing::error!(%error, seq, "an event cannot be read, so live updates leave it out");
    metrics::counter!("hub_live_unreadable_total").increment(1);
}
