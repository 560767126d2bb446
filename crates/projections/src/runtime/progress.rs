//! How far the views are, so that whoever changed something can wait until it shows.

use sqlx::PgPool;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout_at};

/// How often the checkpoints are looked at when the projectors run in another process.
const POLL: Duration = Duration::from_millis(10);

/// Where one projection stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) checkpoint: u64,
    /// Whether it has stopped: nobody waits for it then.
    pub(super) stopped: bool,
}

/// Whether the views have come as far as was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Projected {
    /// Every running view has.
    Reached,
    /// Not within the time given.
    Behind {
        /// Where the last of the running views stands.
        least: u64,
    },
}

impl Projected {
    /// Whether every running view has come that far.
    pub fn is_reached(self) -> bool {
        matches!(self, Self::Reached)
    }
}

/// How far the views are. Views that are paused or poisoned are not waited for.
#[derive(Clone, Debug)]
pub struct Progress {
    db: PgPool,
    local: Option<Vec<watch::Receiver<Place>>>,
}

impl Progress {
    /// Progress of projectors in other processes, read from their checkpoints.
    pub fn of(db: PgPool) -> Self {
        Self { db, local: None }
    }

    pub(super) fn local(db: PgPool, places: Vec<watch::Receiver<Place>>) -> Self {
        Self { db, local: Some(places) }
    }

    /// Waits until every running view holds the log up to this position, but not longer than that.
    pub async fn await_projected(&self, seq: u64, most: Duration) -> Projected {
        let deadline = Instant::now() + most;
        match &self.local {
            Some(places) => {
                for place in places {
                    let mut place = place.clone();
                    let waited = timeout_at(deadline, place.wait_for(|place| place.stopped || place.checkpoint >= seq)).await;
                    if !matches!(waited, Ok(Ok(_))) {
                        return Projected::Behind { least: least(places) };
                    }
                }
                Projected::Reached
            }
            None => self.poll(seq, deadline).await,
        }
    }

    async fn poll(&self, seq: u64, deadline: Instant) -> Projected {
        let mut least = 0;
        loop {
            match self.stored().await {
                Ok(stored) if stored >= seq => return Projected::Reached,
                Ok(stored) => least = stored,
                Err(error) => tracing::warn!(%error, "checkpoints cannot be read"),
            }
            if Instant::now() + POLL > deadline {
                return Projected::Behind { least };
            }
            sleep(POLL).await;
        }
    }

    /// Up to where every running view holds the log.
    ///
    /// # Errors
    /// The database's.
    pub async fn position(&self) -> Result<u64, sqlx::Error> {
        match &self.local {
            Some(places) => Ok(least(places)),
            None => self.stored().await,
        }
    }

    async fn stored(&self) -> Result<u64, sqlx::Error> {
        let least = sqlx::query_scalar!("select min(checkpoint) from views.projection where state = 'running'").fetch_one(&self.db).await?;
        Ok(least.map(i64::cast_unsigned).unwrap_or_default())
    }
}

fn least(places: &[watch::Receiver<Place>]) -> u64 {
    places.iter().map(|place| *place.borrow()).filter(|place| !place.stopped).map(|place| place.checkpoint).min().unwrap_or_default()
}
