//! How far the views are, so that whoever changed something can wait until it shows, and whoever reads can say as of when.

use sqlx::PgPool;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout_at};

/// How often the checkpoints are looked at when the projectors run in another process.
const POLL: Duration = Duration::from_millis(10);
/// How often they are looked at for those who do not wait.
const FOLLOW: Duration = Duration::from_millis(50);
/// How long to wait before they are looked at again after a failure.
const PAUSE: Duration = Duration::from_secs(1);

/// Where one projection stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) checkpoint: u64,
    /// Whether it has stopped: nobody waits for it then.
    pub(super) stopped: bool,
    /// Whether it lacks events that were skipped by hand.
    pub(super) lacking: bool,
}

/// How far the views are together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// Up to where every running view holds the log.
    pub position: u64,
    /// Whether every view holds the log up to that position and no further: none is ahead, none has stopped, none lacks an event. What
    /// is read from the views then depends on the position alone.
    pub level: bool,
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
    from: Source,
}

/// Where the progress is known from.
#[derive(Clone, Debug)]
enum Source {
    /// From the projectors of this process.
    Here(Vec<watch::Receiver<Place>>),
    /// From the checkpoints, for projectors in other processes; what was last read is remembered.
    Elsewhere(Arc<watch::Sender<Reach>>),
}

impl Progress {
    /// Progress of projectors in other processes, read from their checkpoints.
    pub fn of(db: PgPool) -> Self {
        Self { db, from: Source::Elsewhere(Arc::default()) }
    }

    pub(super) fn local(db: PgPool, places: Vec<watch::Receiver<Place>>) -> Self {
        Self { db, from: Source::Here(places) }
    }

    /// How far the views are, as far as this process knows: they may be further. Costs no statement, so it is for every answer. Where
    /// the projectors run in other processes, [`follow`](Self::follow) must run.
    pub fn known(&self) -> Reach {
        match &self.from {
            Source::Here(places) => together(places),
            Source::Elsewhere(last) => *last.borrow(),
        }
    }

    /// How far the views are, read from the checkpoints: true at the moment of reading, whichever processes write them.
    ///
    /// # Errors
    /// The database's.
    pub async fn read(&self) -> Result<Reach, sqlx::Error> {
        let row = sqlx::query!(
            r#"select coalesce(min(checkpoint) filter (where state = 'running'), 0) as "position!",
                      coalesce(bool_and(state = 'running' and skipped = 0) and min(checkpoint) = max(checkpoint), false) as "level!"
               from views.projection"#
        )
        .fetch_one(&self.db)
        .await?;
        let reach = Reach { position: row.position.cast_unsigned(), level: row.level };
        if let Source::Elsewhere(last) = &self.from {
            last.send_replace(reach);
        }
        Ok(reach)
    }

    /// Keeps what is [known](Self::known) up to date in a process without projectors; where there are some it has nothing to do. Never
    /// ends by itself.
    pub async fn follow(&self) {
        if let Source::Here(_) = &self.from {
            return std::future::pending().await;
        }
        loop {
            let pause = match self.read().await {
                Ok(_) => FOLLOW,
                Err(error) => {
                    tracing::warn!(%error, "checkpoints cannot be read");
                    PAUSE
                }
            };
            sleep(pause).await;
        }
    }

    /// Waits until every running view holds the log up to this position, but not longer than that.
    pub async fn await_projected(&self, seq: u64, most: Duration) -> Projected {
        let deadline = Instant::now() + most;
        match &self.from {
            Source::Here(places) => {
                for place in places {
                    let mut place = place.clone();
                    let waited = timeout_at(deadline, place.wait_for(|place| place.stopped || place.checkpoint >= seq)).await;
                    if !matches!(waited, Ok(Ok(_))) {
                        return Projected::Behind { least: together(places).position };
                    }
                }
                Projected::Reached
            }
            Source::Elsewhere(last) if last.borrow().position >= seq => Projected::Reached,
            Source::Elsewhere(_) => self.poll(seq, deadline).await,
        }
    }

    async fn poll(&self, seq: u64, deadline: Instant) -> Projected {
        let mut least = 0;
        loop {
            match self.read().await {
                Ok(reach) if reach.position >= seq => return Projected::Reached,
                Ok(reach) => least = reach.position,
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
        match &self.from {
            Source::Here(places) => Ok(together(places).position),
            Source::Elsewhere(_) => Ok(self.read().await?.position),
        }
    }
}

fn together(places: &[watch::Receiver<Place>]) -> Reach {
    let (mut least, mut most, mut whole) = (None, 0, true);
    for place in places {
        let place = *place.borrow();
        most = most.max(place.checkpoint);
        whole &= !place.stopped && !place.lacking;
        if !place.stopped {
            least = Some(least.map_or(place.checkpoint, |least: u64| least.min(place.checkpoint)));
        }
    }
    let position = least.unwrap_or_default();
    Reach { position, level: whole && position == most }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reach(places: &[(u64, bool, bool)]) -> (u64, bool) {
        let places: Vec<_> = places
            .iter()
            .map(|&(checkpoint, stopped, lacking)| watch::Sender::new(Place { checkpoint, stopped, lacking }).subscribe())
            .collect();
        let Reach { position, level } = together(&places);
        (position, level)
    }

    #[test]
    fn views_are_level_when_all_of_them_stand_at_one_place() {
        assert_eq!(reach(&[(7, false, false), (7, false, false)]), (7, true));
        assert_eq!(reach(&[(7, false, false), (8, false, false)]), (7, false));
        assert_eq!(reach(&[(7, false, false), (7, true, false)]), (7, false));
        assert_eq!(reach(&[(9, false, false), (7, true, false)]), (9, false));
        assert_eq!(reach(&[(7, false, false), (7, false, true)]), (7, false));
        assert_eq!(reach(&[(7, true, false)]), (0, false));
    }
}
