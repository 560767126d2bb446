//! Keeps one view: reads the log from the view's checkpoint, and moves rows and checkpoint together.

use super::Projection;
use super::feed::{Feed, Inlet, Part};
use super::progress::{Place, Progress};
use super::status::State;
use events::HubEvent;
use futures::FutureExt;
use kernel::{Clock, Recorded};
use sqlx::{PgConnection, PgPool, Postgres, Transaction};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;
use store::Log;
use store::error::unavailable;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// The most events of one transaction.
const BATCH: u32 = 500;
/// How often an event is tried before it counts as poison.
const ATTEMPTS: u32 = 5;
/// How long to wait after the first failure; doubled after each further one.
const PAUSE: Duration = Duration::from_millis(50);
/// The longest wait after failures in a row.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// How often the checkpoint is looked at when nothing happens: it may have been moved, paused or resumed elsewhere.
const LOOK: Duration = Duration::from_secs(1);

/// The projectors of one process, one for each projection.
pub struct Projectors {
    each: Vec<Projector>,
    progress: Progress,
    feed: Arc<Feed>,
}

impl Projectors {
    /// Projectors of every view of the hub.
    pub fn new(log: &Log, clock: &Arc<dyn Clock>) -> Self {
        Self::of(log, clock, super::all())
    }

    /// Projectors of these views only.
    pub fn of(log: &Log, clock: &Arc<dyn Clock>, projections: Vec<Arc<dyn Projection>>) -> Self {
        let feed = Arc::new(Feed::new(log.clone()));
        let db = log.pool().clone();
        let projectors: Vec<Projector> = projections
            .into_iter()
            .map(|projection| Projector {
                projection,
                db: db.clone(),
                log: log.clone(),
                feed: Arc::clone(&feed),
                clock: Arc::clone(clock),
                place: watch::Sender::default(),
            })
            .collect();
        let progress = Progress::local(db, projectors.iter().map(|projector| projector.place.subscribe()).collect());
        Self { each: projectors, progress, feed }
    }

    /// How far these views are.
    pub fn progress(&self) -> Progress {
        self.progress.clone()
    }

    /// Where events that arrive over the bus go in. Without one the projectors read the log whenever it grows.
    pub fn inlet(&self) -> Inlet {
        Inlet::of(Arc::clone(&self.feed))
    }

    /// Runs every projector as a task of its own, until told to stop.
    pub fn spawn(self, tasks: &mut JoinSet<()>, stop: &CancellationToken) {
        for projector in self.each {
            let stop = stop.clone();
            tasks.spawn(async move { projector.run(stop).await });
        }
    }
}

/// What became of an attempt to bring events into a view.
#[derive(Debug)]
pub enum Outcome {
    /// They are in it; this is the checkpoint now.
    Advanced(u64),
    /// The checkpoint was moved elsewhere, or the projection was paused; nothing was written.
    Overtaken,
    /// The events do not follow the checkpoint; nothing was written.
    Gap {
        /// The position that must come next.
        expected: u64,
        /// The one that was brought.
        found: u64,
    },
}

/// Why events could not be brought into a view.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("{0}")]
    Database(#[from] sqlx::Error),
    #[error("the handler panicked: {0}")]
    Panicked(String),
}

impl Failure {
    /// Whether trying again later may help without anyone doing anything.
    fn is_passing(&self) -> bool {
        match self {
            Self::Database(error) => unavailable(error) || contended(error),
            Self::Panicked(_) => false,
        }
    }
}

/// Whether other transactions were in the way: class 40 (serialisation, deadlock) and 55P03 (lock not available).
pub(super) fn contended(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Database(error) if error.code().is_some_and(|code| code.starts_with("40") || code == "55P03"))
}

/// Keeps one view.
pub struct Projector {
    projection: Arc<dyn Projection>,
    db: PgPool,
    log: Log,
    feed: Arc<Feed>,
    clock: Arc<dyn Clock>,
    place: watch::Sender<Place>,
}

/// Where the database says that the view stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stored {
    checkpoint: u64,
    state: State,
    lacking: bool,
}

/// What to do next.
enum Next {
    /// Look at the checkpoint again.
    Look,
    /// There may be more.
    GoOn(u64),
    /// There is nothing more for now.
    Rest(u64),
    /// Something failed that will pass.
    Pause,
}

impl Projector {
    /// Runs until told to stop; it stops between transactions.
    pub async fn run(self, stop: CancellationToken) {
        let name = self.projection.name();
        let mut head = self.log.progress();
        let mut at: Option<u64> = None;
        let mut pause = PAUSE;
        while !stop.is_cancelled() {
            let next = match at {
                None => self.look().await,
                Some(checkpoint) => self.step(checkpoint).await,
            };
            let wait = match next {
                Next::GoOn(checkpoint) => {
                    at = Some(checkpoint);
                    pause = PAUSE;
                    continue;
                }
                Next::Rest(checkpoint) => {
                    at = Some(checkpoint);
                    pause = PAUSE;
                    stop.run_until_cancelled(async {
                        tokio::select! {
                            () = self.feed.news(&mut head, checkpoint) => {}
                            () = sleep(LOOK) => at = None,
                        }
                    })
                    .await;
                    continue;
                }
                Next::Look => {
                    // Not at once if it is stopped: someone has to do something first.
                    let stopped = at.is_none();
                    at = None;
                    if stopped { LOOK } else { continue }
                }
                Next::Pause => {
                    at = None;
                    let wait = pause;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                    wait
                }
            };
            stop.run_until_cancelled(sleep(wait)).await;
        }
        tracing::debug!(projection = name, "projector stopped");
    }

    /// Reads where the view stands, and whether it runs.
    async fn look(&self) -> Next {
        match self.stored().await {
            Ok(Stored { checkpoint, state: State::Running, lacking }) => {
                self.lack(lacking);
                self.publish(checkpoint, false);
                Next::GoOn(checkpoint)
            }
            Ok(Stored { checkpoint, state: State::Paused | State::Poisoned, lacking }) => {
                self.lack(lacking);
                self.publish(checkpoint, true);
                Next::Look
            }
            Err(error) => {
                tracing::warn!(projection = self.projection.name(), %error, "the checkpoint cannot be read");
                Next::Pause
            }
        }
    }

    async fn stored(&self) -> Result<Stored, sqlx::Error> {
        let name = self.projection.name();
        let row =
            sqlx::query!("select checkpoint, state, skipped from views.projection where name = $1", name).fetch_optional(&self.db).await?;
        if let Some(row) = row {
            let state = crate::code::read(&row.state)?;
            return Ok(Stored { checkpoint: row.checkpoint.cast_unsigned(), state, lacking: row.skipped > 0 });
        }
        sqlx::query!("insert into views.projection (name, updated_at) values ($1, $2) on conflict do nothing", name, self.clock.now())
            .execute(&self.db)
            .await?;
        Ok(Stored { checkpoint: 0, state: State::Running, lacking: false })
    }

    /// Remembers whether the view lacks events, beside where it stands.
    fn lack(&self, lacking: bool) {
        self.place.send_if_modified(|place| std::mem::replace(&mut place.lacking, lacking) != lacking);
    }

    fn publish(&self, checkpoint: u64, stopped: bool) {
        #[allow(clippy::cast_precision_loss, reason = "a gauge need not be exact beyond 2^53 events")]
        metrics::gauge!("hub_projection_checkpoint", "projection" => self.projection.name()).set(checkpoint as f64);
        metrics::gauge!("hub_projection_stopped", "projection" => self.projection.name()).set(f64::from(u8::from(stopped)));
        self.place.send_modify(|place| {
            place.checkpoint = checkpoint;
            place.stopped = stopped;
        });
    }

    /// Brings the next events into the view, if there are any.
    async fn step(&self, checkpoint: u64) -> Next {
        let name = self.projection.name();
        let part = match self.feed.after(checkpoint, BATCH).await {
            Ok(part) => part,
            Err(error) => {
                tracing::warn!(projection = name, %error, "the log cannot be read");
                return Next::Pause;
            }
        };
        match (part.events(), part.broken()) {
            ([], Some(broken)) => self.poisoned(checkpoint, broken.seq, &broken.error, 1).await,
            ([], None) => Next::Rest(checkpoint),
            (events, _) => match self.advance(checkpoint, events).await {
                Ok(outcome) => self.after(&outcome),
                Err(failure) if failure.is_passing() => {
                    tracing::warn!(projection = name, error = %failure, "events could not be projected; trying again");
                    Next::Pause
                }
                Err(_) => self.one_by_one(checkpoint, &part).await,
            },
        }
    }

    fn after(&self, outcome: &Outcome) -> Next {
        match *outcome {
            Outcome::Advanced(checkpoint) => {
                self.publish(checkpoint, false);
                Next::GoOn(checkpoint)
            }
            Outcome::Overtaken => Next::Look,
            Outcome::Gap { expected, found } => {
                tracing::error!(projection = self.projection.name(), expected, found, "the log has a gap; trying again");
                Next::Pause
            }
        }
    }

    /// A batch failed: finds the event that it failed on, and whether that passes.
    async fn one_by_one(&self, mut checkpoint: u64, part: &Part) -> Next {
        for recorded in part.events() {
            let mut pause = PAUSE;
            let mut attempt = 1;
            loop {
                match self.advance(checkpoint, std::slice::from_ref(recorded)).await {
                    Ok(Outcome::Advanced(further)) => {
                        checkpoint = further;
                        self.publish(checkpoint, false);
                        break;
                    }
                    Ok(outcome) => return self.after(&outcome),
                    Err(failure) if failure.is_passing() => return Next::Pause,
                    Err(failure) if attempt == ATTEMPTS => {
                        return self.poisoned(checkpoint, recorded.seq, &failure.to_string(), attempt).await;
                    }
                    Err(failure) => {
                        tracing::warn!(projection = self.projection.name(), seq = recorded.seq, attempt, error = %failure, "event failed");
                        sleep(pause).await;
                        pause *= 2;
                        attempt += 1;
                    }
                }
            }
        }
        Next::GoOn(checkpoint)
    }

    /// Stops the projection at an event that it cannot take.
    async fn poisoned(&self, checkpoint: u64, seq: u64, error: &str, attempts: u32) -> Next {
        let name = self.projection.name();
        tracing::error!(projection = name, seq, error, "projection stopped at an event that it cannot take; see `hub projections status`");
        let stopped = sqlx::query!(
            "update views.projection set state = 'poisoned', error = $3, error_seq = $4, attempts = $5, updated_at = $6 \
             where name = $1 and checkpoint = $2 and state = 'running'",
            name,
            checkpoint.cast_signed(),
            error,
            seq.cast_signed(),
            attempts.cast_signed(),
            self.clock.now()
        )
        .execute(&self.db)
        .await;
        match stopped {
            Ok(_) => Next::Look,
            Err(error) => {
                tracing::warn!(projection = name, %error, "that the projection stopped could not be recorded");
                Next::Pause
            }
        }
    }

    /// Brings events into the view, which must follow its checkpoint without a gap: rows and checkpoint in one transaction.
    async fn advance(&self, checkpoint: u64, events: &[Recorded<HubEvent>]) -> Result<Outcome, Failure> {
        let mut to = checkpoint;
        for recorded in events {
            if recorded.seq != to + 1 {
                return Ok(Outcome::Gap { expected: to + 1, found: recorded.seq });
            }
            to = recorded.seq;
        }
        if !events.iter().any(|recorded| self.projection.concerns(&recorded.event)) {
            let moved = self.move_checkpoint(&mut *self.db.acquire().await?, checkpoint, to).await?;
            return Ok(if moved { Outcome::Advanced(to) } else { Outcome::Overtaken });
        }
        let mut transaction = begin(&self.db).await?;
        // The checkpoint first: it locks the row, so that of two projectors one waits, and then finds itself overtaken.
        if !self.move_checkpoint(&mut transaction, checkpoint, to).await? {
            transaction.rollback().await?;
            return Ok(Outcome::Overtaken);
        }
        let applied = AssertUnwindSafe(self.projection.apply_all(events, &mut transaction)).catch_unwind().await;
        match applied {
            Ok(Ok(())) => transaction.commit().await?,
            Ok(Err(error)) => {
                transaction.rollback().await?;
                return Err(error.into());
            }
            Err(panic) => {
                transaction.rollback().await?;
                return Err(Failure::Panicked(message(&*panic)));
            }
        }
        Ok(Outcome::Advanced(to))
    }

    /// Moves the checkpoint if it still stands there and the projection runs.
    ///
    /// The commit need not wait for the disk: rows and checkpoint are lost together or not at all, and the log has the events.
    async fn move_checkpoint(&self, db: &mut PgConnection, from: u64, to: u64) -> Result<bool, sqlx::Error> {
        let row = sqlx::query!(
            r#"with moved as (
                 update views.projection set checkpoint = $3, updated_at = $4
                 where name = $1 and checkpoint = $2 and state = 'running' returning name)
               select set_config('synchronous_commit', 'off', true) as setting, exists (select from moved) as "moved!""#,
            self.projection.name(),
            from.cast_signed(),
            to.cast_signed(),
            self.clock.now()
        )
        .fetch_one(db)
        .await?;
        Ok(row.moved)
    }
}

/// Begins a transaction, as a task of its own.
///
/// A `begin` that is broken off after the server heard of it leaves its transaction open on a connection that goes back to
/// the pool (sqlx 0.9 counts the transaction only afterwards), where it would swallow what others write. A task of its own
/// is not broken off with its caller.
pub(super) async fn begin(db: &PgPool) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
    let db = db.clone();
    tokio::spawn(async move { db.begin().await }).await.map_err(|_| sqlx::Error::WorkerCrashed)?
}

/// What a panic said.
pub(super) fn message(panic: &(dyn std::any::Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(ToString::to_string)
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "without a message".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use kernel::{CommandId, EventId, Metadata, StreamId, SystemClock, Who};
    use organisations::organisation::Event;
    use uuid::Uuid;

    fn recorded(seq: u64) -> Recorded<HubEvent> {
        let at = chrono::DateTime::from_timestamp(1_767_225_600, 0).unwrap();
        let stream = Uuid::from_u128(u128::from(seq));
        Recorded {
            seq,
            id: EventId(stream),
            stream: StreamId { context: "organisations".into(), aggregate: "organisation".into(), id: stream },
            version: 1,
            recorded_at: at,
            meta: Metadata {
                occurred_at: at,
                actor: Who::System("test".into()),
                organisation: None,
                command: CommandId(stream),
                correlation: stream,
                causation: None,
                traceparent: None,
            },
            event: HubEvent::Organisation(Event::Registered { slug: format!("o{seq}"), name: "O".into() }),
        }
    }

    #[tokio::test]
    async fn what_does_not_follow_the_checkpoint_is_refused() {
        let database = store::testing::database().await;
        let projectors = Projectors::new(&database.log(), &(Arc::new(SystemClock) as Arc<dyn Clock>));
        let projector = &projectors.each[0];
        projector.stored().await.unwrap();
        let advance = async |from, events: &[u64]| {
            let events: Vec<_> = events.iter().copied().map(recorded).collect();
            projector.advance(from, &events).await.unwrap()
        };
        assert!(matches!(advance(0, &[2]).await, Outcome::Gap { expected: 1, found: 2 }));
        assert!(matches!(advance(0, &[1, 2, 4]).await, Outcome::Gap { expected: 3, found: 4 }));
        assert!(matches!(advance(0, &[1, 2]).await, Outcome::Advanced(2)));
        // Someone who does not know that it was done already writes nothing.
        assert!(matches!(advance(0, &[1, 2]).await, Outcome::Overtaken));
        assert!(matches!(advance(1, &[2, 3]).await, Outcome::Overtaken));
        let rows: i64 = sqlx::query_scalar("select count(*) from organisation").fetch_one(database.pool()).await.unwrap();
        let stands = Stored { checkpoint: 2, state: State::Running, lacking: false };
        assert_eq!((rows, projector.stored().await.unwrap()), (2, stands));
    }
}
