//! The hub's clock as the rate limiters read it.

use governor::clock::Clock as Ticking;
use governor::nanos::Nanos;
use kernel::{Clock, Timestamp};
use std::sync::{Arc, Mutex, PoisonError};

/// The time since the start, by the hub's clock. A clock that is set back does not hold anyone up: the time goes on from where it was.
#[derive(Clone)]
pub(crate) struct Ticks {
    clock: Arc<dyn Clock>,
    last: Arc<Mutex<(Timestamp, u64)>>,
}

impl Ticks {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        let last = Arc::new(Mutex::new((clock.now(), 0)));
        Self { clock, last }
    }
}

impl Ticking for Ticks {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.now();
        let passed = (now - last.0).num_nanoseconds().and_then(|nanos| u64::try_from(nanos).ok()).unwrap_or_default();
        *last = (now, last.1.saturating_add(passed));
        last.1.into()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use chrono::TimeDelta;

    /// A clock that stands until it is moved.
    #[derive(Clone)]
    pub(crate) struct Hand(Arc<Mutex<Timestamp>>);

    impl Hand {
        pub(crate) fn new() -> Self {
            Self(Arc::new(Mutex::new(Timestamp::UNIX_EPOCH)))
        }
        pub(crate) fn moves(&self, by: TimeDelta) {
            *self.0.lock().unwrap() += by;
        }
    }

    impl Clock for Hand {
        fn now(&self) -> Timestamp {
            *self.0.lock().unwrap()
        }
    }

    #[test]
    fn time_passes_and_never_goes_back() {
        let hand = Hand::new();
        let ticks = Ticks::new(Arc::new(hand.clone()));
        hand.moves(TimeDelta::seconds(2));
        assert_eq!(ticks.now(), Nanos::from(2_000_000_000));
        hand.moves(TimeDelta::hours(-1));
        assert_eq!(ticks.now(), Nanos::from(2_000_000_000));
        hand.moves(TimeDelta::milliseconds(500));
        assert_eq!(ticks.now(), Nanos::from(2_500_000_000));
    }
}
