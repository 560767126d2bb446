//! Time and chance, injected.

use std::sync::Arc;
use uuid::Uuid;

/// A moment, in UTC.
pub type Timestamp = chrono::DateTime<chrono::Utc>;

/// Where the time comes from. Tests bring a clock of their own, so that a term of office ends in no time.
pub trait Clock: Send + Sync + 'static {
    /// The present moment.
    fn now(&self) -> Timestamp;
}

/// The machine's clock, to the microsecond: PostgreSQL keeps no more, and what is written must read back equal.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
    fn now(&self) -> Timestamp {
        to_microseconds(chrono::Utc::now())
    }
}

impl<C: Clock> Clock for Arc<C> {
    fn now(&self) -> Timestamp {
        (**self).now()
    }
}

/// The moment cut to whole microseconds.
pub fn to_microseconds(at: Timestamp) -> Timestamp {
    chrono::DateTime::from_timestamp_micros(at.timestamp_micros()).unwrap_or(at)
}

/// Where identifiers come from.
pub trait Ids: Send + Sync + 'static {
    /// An identifier never given before.
    fn next(&self) -> Uuid;
}

/// UUIDs of version 7: the time in milliseconds, a counter within the millisecond, and randomness.
#[derive(Clone, Copy, Debug, Default)]
pub struct RandomIds;

impl Ids for RandomIds {
    #[allow(clippy::disallowed_methods, reason = "the one place that draws identifiers")]
    fn next(&self) -> Uuid {
        Uuid::now_v7()
    }
}
