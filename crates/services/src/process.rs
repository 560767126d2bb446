//! Processes: what follows from events outside the views, such as ending sessions or destroying a key.
//!
//! A process reads the log from a checkpoint of its own. It never runs during a rebuild of a view, because no view
//! calls it. After a crash the last event may be handed to it again, so what it does must bear being done twice.

use async_trait::async_trait;
use events::HubEvent;
use kernel::Recorded;
use std::sync::Arc;
use std::time::Duration;
use store::Log;
use tokio_util::sync::CancellationToken;

/// How many events are read at once.
const BATCH: u32 = 500;
/// How long to wait after a failure before the same event is tried again; doubled up to [`LONGEST_WAIT`].
const FIRST_WAIT: Duration = Duration::from_millis(200);
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// Something that reacts to events.
#[async_trait]
pub trait Process: Send + Sync + 'static {
    /// Its name, under which its checkpoint is kept.
    fn name(&self) -> &'static str;

    /// Reacts to one event. Doing so twice must have the effect of once.
    ///
    /// # Errors
    /// Anything that may go away; the event is tried again until it does.
    async fn react(&self, event: &Recorded<HubEvent>) -> Result<(), Box<dyn std::error::Error + Send + Sync>>;
}

/// Runs a process until told to stop.
pub async fn run(log: Log, process: Arc<dyn Process>, stop: CancellationToken) {
    let mut wait = FIRST_WAIT;
    let mut progress = log.progress();
    while !stop.is_cancelled() {
        match advance(&log, process.as_ref(), &stop).await {
            Ok(true) => wait = FIRST_WAIT,
            Ok(false) => {
                wait = FIRST_WAIT;
                tokio::select! {
                    () = stop.cancelled() => return,
                    changed = progress.changed() => if changed.is_err() { return },
                }
            }
            Err(error) => {
                tracing::warn!(process = process.name(), %error, "a process could not go on; it tries again");
                metrics::counter!("hub_process_failures_total", "process" => process.name()).increment(1);
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = tokio::time::sleep(wait) => wait = (wait * 2).min(LONGEST_WAIT),
                }
            }
        }
    }
}

/// One batch. Whether there was anything to do.
async fn advance(log: &Log, process: &dyn Process, stop: &CancellationToken) -> Result<bool, Box<dyn std::error::Error + Send + Sync>> {
    let after = checkpoint(log, process.name()).await?;
    let batch = log.read(after, BATCH).await?;
    if batch.is_empty() {
        return Ok(false);
    }
    let mut reached = after;
    let mut outcome = Ok(true);
    for recorded in batch {
        if stop.is_cancelled() {
            break;
        }
        let seq = recorded.seq;
        let reaction = match events::decode(recorded) {
            Ok(event) => process.react(&event).await,
            Err(error) => Err(error.into()),
        };
        if let Err(error) = reaction {
            outcome = Err(error);
            break;
        }
        reached = seq;
    }
    if reached > after {
        keep(log, process.name(), reached).await?;
    }
    outcome
}

async fn checkpoint(log: &Log, name: &str) -> Result<u64, sqlx::Error> {
    let row = sqlx::query_scalar!("select checkpoint from identity.process where name = $1", name).fetch_optional(log.pool()).await?;
    Ok(row.map_or(0, |checkpoint| u64::try_from(checkpoint).unwrap_or(0)))
}

async fn keep(log: &Log, name: &str, checkpoint: u64) -> Result<(), sqlx::Error> {
    let checkpoint = i64::try_from(checkpoint).unwrap_or(i64::MAX);
    sqlx::query!(
        "insert into identity.process (name, checkpoint) values ($1, $2)
         on conflict (name) do update set checkpoint = greatest(process.checkpoint, excluded.checkpoint)",
        name,
        checkpoint
    )
    .execute(log.pool())
    .await?;
    Ok(())
}
