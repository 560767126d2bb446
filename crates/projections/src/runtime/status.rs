//! What the projections are doing, and the controls for those that stopped.

use kernel::Timestamp;
use sqlx::PgPool;

/// Whether a projection runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It follows the log.
    Running,
    /// It was paused by hand.
    Paused,
    /// It failed on an event and waits for `retry` or `skip`.
    Poisoned,
}

impl std::fmt::Display for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Poisoned => "poisoned",
        })
    }
}

/// How one projection stands.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Status {
    /// Its name.
    pub name: String,
    /// Whether it runs.
    pub state: State,
    /// The last event that is in the view.
    pub checkpoint: u64,
    /// Where the log ends.
    pub head: u64,
    /// What it failed on, if it did.
    pub error: Option<String>,
    /// The event that it failed on.
    pub error_seq: Option<u64>,
    /// How often that event was tried.
    pub attempts: u32,
    /// How many events were skipped by hand since the last rebuild. The view lacks them.
    pub skipped: u64,
    /// When it last moved or changed state.
    pub updated_at: Timestamp,
    /// The rebuild under way, if one is.
    pub rebuild: Option<RebuildStatus>,
}

/// How a rebuild stands.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct RebuildStatus {
    /// The last event that is in the shadow copy.
    pub position: u64,
    /// Where the log ended when that was written.
    pub target: u64,
    /// When it began.
    pub started_at: Timestamp,
    /// When it last moved; a rebuild that was interrupted moves no more, and the next one starts anew.
    pub updated_at: Timestamp,
}

impl Status {
    /// Whether it follows the log.
    pub fn is_healthy(&self) -> bool {
        self.state == State::Running
    }

    /// How many events it is behind the log.
    pub fn lag(&self) -> u64 {
        self.head.saturating_sub(self.checkpoint)
    }
}

/// How every projection stands, by name.
///
/// # Errors
/// The database's.
pub async fn status(db: &PgPool) -> Result<Vec<Status>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"select p.name, p.checkpoint, p.state, p.error, p.error_seq, p.attempts, p.skipped, p.updated_at,
                  coalesce((select max(seq) from log.sequence), 0) as "head!",
                  r.position as "position?", r.target as "target?", r.started_at as "started_at?", r.updated_at as "rebuilt_at?"
           from views.projection p left join views.rebuild r on r.name = p.name
           order by p.name"#
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Status {
                name: row.name,
                state: crate::code::read(&row.state)?,
                checkpoint: row.checkpoint.cast_unsigned(),
                head: row.head.cast_unsigned(),
                error: row.error,
                error_seq: row.error_seq.map(i64::cast_unsigned),
                attempts: row.attempts.cast_unsigned(),
                skipped: row.skipped.cast_unsigned(),
                updated_at: row.updated_at,
                rebuild: match (row.position, row.target, row.started_at, row.rebuilt_at) {
                    (Some(position), Some(target), Some(started_at), Some(updated_at)) => {
                        Some(RebuildStatus { position: position.cast_unsigned(), target: target.cast_unsigned(), started_at, updated_at })
                    }
                    _ => None,
                },
            })
        })
        .collect()
}

/// Why a control did nothing.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// No such projection runs on this database.
    #[error("there is no projection “{0}”; `hub projections status` lists them")]
    Unknown(String),
    /// It has not failed on an event.
    #[error("the projection “{0}” has not failed on an event, so there is nothing to skip")]
    NotPoisoned(String),
    /// The database failed.
    #[error("the database failed: {0}")]
    Database(#[from] sqlx::Error),
}

/// Stops a projection after the batch it is at. `retry` starts it again.
///
/// # Errors
/// [`ControlError`].
pub async fn pause(db: &PgPool, name: &str) -> Result<(), ControlError> {
    let paused =
        sqlx::query!("update views.projection set state = 'paused', updated_at = now() where name = $1 and state <> 'poisoned'", name)
            .execute(db)
            .await?;
    if paused.rows_affected() == 0 && !exists(db, name).await? {
        return Err(ControlError::Unknown(name.to_owned()));
    }
    Ok(())
}

/// Starts a projection again that was paused or failed; the event that it failed on is tried again.
///
/// # Errors
/// [`ControlError`].
pub async fn retry(db: &PgPool, name: &str) -> Result<(), ControlError> {
    let resumed = sqlx::query!(
        "update views.projection set state = 'running', error = null, error_seq = null, attempts = 0, updated_at = now() where name = $1",
        name
    )
    .execute(db)
    .await?;
    if resumed.rows_affected() == 0 { Err(ControlError::Unknown(name.to_owned())) } else { Ok(()) }
}

/// Leaves out the event that a projection failed on, and goes on after it. Returns the event. A rebuild makes the view whole
/// once the cause is mended.
///
/// # Errors
/// [`ControlError`].
pub async fn skip(db: &PgPool, name: &str) -> Result<u64, ControlError> {
    let skipped = sqlx::query_scalar!(
        r#"update views.projection
           set checkpoint = error_seq, skipped = skipped + 1, state = 'running', error = null, error_seq = null, attempts = 0, updated_at = now()
           where name = $1 and state = 'poisoned' and error_seq = checkpoint + 1
           returning checkpoint"#,
        name
    )
    .fetch_optional(db)
    .await?;
    match skipped {
        Some(seq) => {
            tracing::warn!(projection = name, seq, "event skipped by hand: the view lacks it until it is rebuilt");
            Ok(seq.cast_unsigned())
        }
        None if exists(db, name).await? => Err(ControlError::NotPoisoned(name.to_owned())),
        None => Err(ControlError::Unknown(name.to_owned())),
    }
}

async fn exists(db: &PgPool, name: &str) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar!(r#"select exists (select from views.projection where name = $1) as "exists!""#, name).fetch_one(db).await
}
