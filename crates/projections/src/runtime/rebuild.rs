//! Rebuilds a view from the log beside the running one, and swaps it in.
//!
//! The shadow copy lies in a schema of its own, which is all that the handlers see meanwhile. Its secondary indexes are made
//! after the bulk of the events. The running view is touched in the last transaction only, so a rebuild that is interrupted
//! leaves it as it was, and the next one starts anew.

use super::Projection;
use super::feed::{Batch, read};
use super::projector::{begin, contended, message};
use futures::FutureExt;
use sqlx::{AssertSqlSafe, Executor, PgConnection, PgPool};
use std::panic::AssertUnwindSafe;
use std::time::Duration;
use store::Log;
use store::error::unavailable;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// The most events of one transaction.
const BATCH: u32 = 5_000;
/// How close to the end of the log the shadow is when its secondary indexes are made.
const NEAR: u64 = 10_000;
/// How long to wait when other transactions are in the way, or the database is not there.
const PAUSE: Duration = Duration::from_millis(200);
/// How long the swap waits for readers of the old tables before it lets new ones pass and tries again.
const SWAP_LOCK: &str = "2s";

/// How far a rebuild is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rebuilding {
    /// Events are brought into the shadow copy.
    Filling {
        /// The last one that is in it.
        position: u64,
        /// Where the log ends.
        target: u64,
    },
    /// The shadow copy gets its indexes.
    Indexing,
    /// It is put in the view's place.
    Swapping,
    /// It is the view now, and holds the log up to there.
    Done {
        /// The last event that is in it.
        position: u64,
    },
}

/// Why a view was not rebuilt. The running view is as it was.
#[derive(Debug, thiserror::Error)]
pub enum RebuildError {
    /// There is no such projection.
    #[error("there is no projection “{name}”; there are: {known}")]
    Unknown {
        /// The name given.
        name: String,
        /// Those there are.
        known: String,
    },
    /// An event cannot be read or taken.
    #[error(
        "event {seq} cannot be brought into the view “{name}”: {error}. The running view is as it was; mend the cause and rebuild again."
    )]
    Poison {
        /// The projection.
        name: &'static str,
        /// The event, or the first of the batch that holds it.
        seq: u64,
        /// What was wrong.
        error: String,
    },
    /// A later rebuild of the same view has begun.
    #[error("another rebuild of the view “{0}” has begun; this one gave way to it")]
    TakenOver(&'static str),
    /// It was told to stop.
    #[error("the rebuild was stopped; the running view is as it was")]
    Stopped,
    /// The database failed.
    #[error("the database failed: {0}")]
    Database(#[from] sqlx::Error),
}

/// Rebuilds the view of this name; see [`rebuild_projection`].
///
/// # Errors
/// [`RebuildError`]; the running view is then as it was.
pub async fn rebuild(log: &Log, name: &str, stop: &CancellationToken, told: impl FnMut(Rebuilding) + Send) -> Result<u64, RebuildError> {
    let all = super::all();
    let Some(projection) = all.iter().find(|projection| projection.name() == name) else {
        let known: Vec<&str> = all.iter().map(|projection| projection.name()).collect();
        return Err(RebuildError::Unknown { name: name.to_owned(), known: known.join(", ") });
    };
    rebuild_projection(log, projection.as_ref(), stop, told).await
}

/// Rebuilds a view from the log while the running one goes on, tells how far it is, and returns the position that the new
/// view holds. It may run in any process. A view that was poisoned or paused runs again afterwards.
///
/// # Errors
/// [`RebuildError`]; the running view is then as it was.
pub async fn rebuild_projection(
    log: &Log,
    projection: &dyn Projection,
    stop: &CancellationToken,
    mut told: impl FnMut(Rebuilding) + Send,
) -> Result<u64, RebuildError> {
    let shadow = Shadow::begin(log.pool(), projection).await?;
    let mut position = 0;
    let mut indexed = false;
    let mut next = read_ahead(log, 0);
    loop {
        if stop.is_cancelled() {
            shadow.abandon().await;
            return Err(RebuildError::Stopped);
        }
        let target = *log.progress().borrow();
        let batch = match next.await {
            Ok(Ok(batch)) => batch,
            Ok(Err(error)) => {
                tracing::warn!(projection = projection.name(), %error, "the log cannot be read; the rebuild waits");
                sleep(PAUSE).await;
                next = read_ahead(log, position);
                continue;
            }
            Err(error) => return Err(RebuildError::Poison { name: projection.name(), seq: position + 1, error: error.to_string() }),
        };
        if let (true, Some(broken)) = (batch.events.is_empty(), &batch.broken) {
            shadow.abandon().await;
            return Err(RebuildError::Poison { name: projection.name(), seq: broken.seq, error: broken.error.clone() });
        }
        if let Some(last) = batch.events.last() {
            let (from, to) = (position, last.seq);
            // While these are written, the next are read and decoded.
            next = read_ahead(log, to);
            let target = target.max(to);
            if let Err(error) = shadow.fill(&batch, from, to, target).await {
                shadow.abandon().await;
                return Err(error);
            }
            position = to;
            told(Rebuilding::Filling { position, target });
            if indexed || target - position > NEAR {
                continue;
            }
        }
        if !indexed {
            told(Rebuilding::Indexing);
            shadow.index().await?;
            indexed = true;
            next = read_ahead(log, position);
            continue;
        }
        told(Rebuilding::Swapping);
        if shadow.swap(position).await? {
            told(Rebuilding::Done { position });
            return Ok(position);
        }
        next = read_ahead(log, position);
    }
}

fn read_ahead(log: &Log, after: u64) -> tokio::task::JoinHandle<Result<Batch, store::Error>> {
    let log = log.clone();
    tokio::spawn(async move { read(&log, after, BATCH).await })
}

/// The shadow copy of a view.
struct Shadow<'p> {
    db: PgPool,
    projection: &'p dyn Projection,
    schema: String,
    /// Who rebuilds: a later rebuild has another token.
    token: Uuid,
}

impl<'p> Shadow<'p> {
    /// Makes an empty copy of the view's tables with their keys, in place of whatever an earlier rebuild left.
    async fn begin(db: &PgPool, projection: &'p dyn Projection) -> Result<Self, RebuildError> {
        let name = projection.name();
        let schema = format!("views_rebuild_{name}");
        let mut transaction = begin(db).await?;
        let token = sqlx::query_scalar!(
            "insert into views.rebuild (name, token) values ($1, gen_random_uuid()) on conflict (name) do update \
             set token = excluded.token, position = 0, target = 0, started_at = now(), updated_at = now() returning token",
            name
        )
        .fetch_one(&mut *transaction)
        .await?;
        sqlx::query!("insert into views.projection (name) values ($1) on conflict do nothing", name).execute(&mut *transaction).await?;
        run(&mut transaction, format!("drop schema if exists {schema} cascade")).await?;
        run(&mut transaction, format!("create schema {schema}")).await?;
        for table in projection.tables() {
            run(&mut transaction, format!("create table {schema}.{table} (like views.{table} including all excluding indexes)")).await?;
            for (constraint, definition) in keys(&mut transaction, table).await? {
                run(&mut transaction, format!("alter table {schema}.{table} add constraint {constraint} {definition}")).await?;
            }
        }
        transaction.commit().await?;
        Ok(Self { db: db.clone(), projection, schema, token })
    }

    /// Brings a batch into the copy. What fails for a passing reason is tried until it does not.
    async fn fill(&self, batch: &Batch, from: u64, to: u64, target: u64) -> Result<(), RebuildError> {
        loop {
            match self.try_fill(batch, from, to, target).await {
                Err(RebuildError::Database(error)) if unavailable(&error) || contended(&error) => {
                    tracing::warn!(projection = self.projection.name(), %error, "the rebuild waits for the database");
                    sleep(PAUSE).await;
                }
                done => return done,
            }
        }
    }

    async fn try_fill(&self, batch: &Batch, from: u64, to: u64, target: u64) -> Result<(), RebuildError> {
        let name = self.projection.name();
        let mut transaction = begin(&self.db).await?;
        let held = sqlx::query_scalar!(
            "update views.rebuild set position = $4, target = $5, updated_at = now() where name = $1 and token = $2 and position = $3 \
             returning set_config('synchronous_commit', 'off', true)",
            name,
            self.token,
            from.cast_signed(),
            to.cast_signed(),
            target.cast_signed()
        )
        .fetch_optional(&mut *transaction)
        .await?;
        if held.is_none() {
            return Err(RebuildError::TakenOver(name));
        }
        sqlx::query("select set_config('search_path', $1, true), set_config('statement_timeout', '0', true)")
            .bind(&self.schema)
            .execute(&mut *transaction)
            .await?;
        let applied = AssertUnwindSafe(self.projection.apply_all(&batch.events, &mut transaction)).catch_unwind().await;
        let poison = |error: String| RebuildError::Poison { name, seq: from + 1, error };
        match applied {
            Ok(Ok(())) => Ok(transaction.commit().await?),
            Ok(Err(error)) if unavailable(&error) || contended(&error) => Err(error.into()),
            Ok(Err(error)) => Err(poison(error.to_string())),
            Err(panic) => Err(poison(message(&*panic))),
        }
    }

    /// Makes the secondary indexes of the copy, named as the view's own are.
    async fn index(&self) -> Result<(), RebuildError> {
        let mut transaction = begin(&self.db).await?;
        run(&mut transaction, "set local statement_timeout = 0".to_owned()).await?;
        for table in self.projection.tables() {
            for definition in indexes(&mut transaction, table).await? {
                let there = format!(" ON views.{table} ");
                let here = format!(" ON {}.{table} ", self.schema);
                run(&mut transaction, definition.replacen(&there, &here, 1)).await?;
            }
            run(&mut transaction, format!("analyze {}.{table}", self.schema)).await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    /// Puts the copy in the view's place, unless the running view has gone further meanwhile.
    async fn swap(&self, position: u64) -> Result<bool, RebuildError> {
        loop {
            match self.try_swap(position).await {
                Err(RebuildError::Database(error)) if unavailable(&error) || contended(&error) => {
                    tracing::debug!(projection = self.projection.name(), %error, "readers are in the way of the swap; trying again");
                    sleep(PAUSE).await;
                }
                done => return done,
            }
        }
    }

    async fn try_swap(&self, position: u64) -> Result<bool, RebuildError> {
        let name = self.projection.name();
        let mut transaction = begin(&self.db).await?;
        run(&mut transaction, format!("set local lock_timeout = '{SWAP_LOCK}'")).await?;
        // From here on the running projector waits at its checkpoint.
        let checkpoint = sqlx::query_scalar!("select checkpoint from views.projection where name = $1 for update", name)
            .fetch_one(&mut *transaction)
            .await?;
        if checkpoint.cast_unsigned() > position {
            transaction.rollback().await?;
            return Ok(false);
        }
        let ended =
            sqlx::query!("delete from views.rebuild where name = $1 and token = $2", name, self.token).execute(&mut *transaction).await?;
        if ended.rows_affected() == 0 {
            return Err(RebuildError::TakenOver(name));
        }
        for table in self.projection.tables() {
            run(&mut transaction, format!("drop table views.{table}")).await?;
            run(&mut transaction, format!("alter table {}.{table} set schema views", self.schema)).await?;
        }
        run(&mut transaction, format!("drop schema {}", self.schema)).await?;
        sqlx::query!(
            "update views.projection set checkpoint = $2, state = 'running', error = null, error_seq = null, attempts = 0, skipped = 0, \
             updated_at = now() where name = $1",
            name,
            position.cast_signed()
        )
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// Clears up after a rebuild that came to nothing, unless another one has begun. If that fails too, the next rebuild clears up.
    async fn abandon(&self) {
        let cleared: Result<(), sqlx::Error> = async {
            let mut transaction = begin(&self.db).await?;
            let ours = sqlx::query!("delete from views.rebuild where name = $1 and token = $2", self.projection.name(), self.token)
                .execute(&mut *transaction)
                .await?;
            if ours.rows_affected() == 1 {
                run(&mut transaction, format!("drop schema if exists {} cascade", self.schema)).await?;
            }
            transaction.commit().await
        }
        .await;
        if let Err(error) = cleared {
            tracing::warn!(projection = self.projection.name(), %error, "what the rebuild left could not be cleared; the next one does");
        }
    }
}

/// Runs a statement about tables, whose names come from the projections themselves and from the database's catalogue.
async fn run(db: &mut PgConnection, statement: String) -> Result<(), sqlx::Error> {
    db.execute(AssertSqlSafe(statement)).await?;
    Ok(())
}

/// The primary and unique keys of a view's table, each with its definition.
async fn keys(db: &mut PgConnection, table: &str) -> Result<Vec<(String, String)>, sqlx::Error> {
    sqlx::query_as(
        "select quote_ident(conname), pg_get_constraintdef(oid) from pg_constraint \
         where conrelid = ('views.' || quote_ident($1))::regclass and contype in ('p', 'u') order by conname",
    )
    .bind(table)
    .fetch_all(db)
    .await
}

/// The definitions of the indexes of a view's table that belong to no key.
async fn indexes(db: &mut PgConnection, table: &str) -> Result<Vec<String>, sqlx::Error> {
    sqlx::query_scalar(
        "select pg_get_indexdef(i.indexrelid) from pg_index i \
         where i.indrelid = ('views.' || quote_ident($1))::regclass \
         and not exists (select from pg_constraint c where c.conindid = i.indexrelid and c.contype in ('p', 'u')) \
         order by i.indexrelid",
    )
    .bind(table)
    .fetch_all(db)
    .await
}
