//! Writing a log out as JSON Lines.
//!
//! An export is taken from one snapshot and goes up to the last event that has its place in it. Claims and commands of
//! later events, a moment's worth on a busy hub, are left out with them. For an exact copy, stop the hub first.

use crate::digest::GENESIS;
use crate::error::Error;
use crate::lines::{ClaimLine, CommandLine, End, EventLine, FORMAT, Header, KeyLine, Line, VERSION};
use crate::log::{Log, rows};
use crate::row::{signed, unsigned};
use sqlx::PgConnection;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use uuid::Uuid;

const BATCH: u32 = 500;

/// What was exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exported {
    /// How many events.
    pub events: u64,
    /// The position of the last one.
    pub head: u64,
}

/// Why an export failed.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] Error),
    /// What was read cannot be written.
    #[error("the export cannot be written: {0}")]
    Write(#[from] std::io::Error),
}

impl From<sqlx::Error> for ExportError {
    fn from(error: sqlx::Error) -> Self {
        Self::Log(error.into())
    }
}

/// Writes the events after position `after` (0 for the whole log, which alone can be imported), with the keys, commands
/// and claims that belong to them. Personal data stays sealed, and is of use only together with the master key.
/// `progress` is told how many events of how many are done.
///
/// # Errors
/// [`ExportError`] if the log cannot be read or the writer refuses.
pub async fn export(
    log: &Log,
    after: u64,
    mut writer: impl AsyncWrite + Unpin,
    mut progress: impl FnMut(u64, u64),
) -> Result<Exported, ExportError> {
    let mut transaction = log.pool().begin().await?;
    sqlx::query("set transaction isolation level repeatable read, read only").execute(&mut *transaction).await?;
    // Whoever reads at the other end of a pipe may take their time.
    sqlx::query("set local idle_in_transaction_session_timeout = 0").execute(&mut *transaction).await?;
    let head = sqlx::query_scalar!("select max(seq) from log.sequence").fetch_one(&mut *transaction).await?.map_or(0, unsigned);
    let after = after.min(head);
    let master_key = log.keys().check_value();
    write(&mut writer, &Line::Header(Header { format: FORMAT.to_owned(), version: VERSION, after, head, master_key })).await?;
    keys(&mut transaction, &mut writer).await?;
    commands(&mut transaction, after, &mut writer).await?;
    claims(&mut transaction, &mut writer).await?;
    let mut done = after;
    let mut hash = sqlx::query_scalar!("select hash from log.sequence where seq = $1", signed(after))
        .fetch_optional(&mut *transaction)
        .await?
        .unwrap_or_else(|| GENESIS.to_vec());
    progress(0, head - after);
    while done < head {
        let batch = rows(&mut *transaction, done, BATCH).await?;
        let Some(last) = batch.last() else {
            return Err(Error::Gap { seq: done + 1 }.into());
        };
        hash = last.hash.clone().unwrap_or_default();
        for row in batch {
            if row.seq != Some(signed(done + 1)) {
                return Err(Error::Gap { seq: done + 1 }.into());
            }
            done += 1;
            write(&mut writer, &Line::Event(Box::new(EventLine::from(row)))).await?;
        }
        progress(done - after, head - after);
    }
    write(&mut writer, &Line::End(End { events: done - after, hash })).await?;
    writer.flush().await?;
    transaction.rollback().await?;
    Ok(Exported { events: done - after, head })
}

async fn write(writer: &mut (impl AsyncWrite + Unpin), line: &Line) -> Result<(), ExportError> {
    let mut text = serde_json::to_vec(line).map_err(std::io::Error::from)?;
    text.push(b'\n');
    Ok(writer.write_all(&text).await?)
}

async fn keys(connection: &mut PgConnection, writer: &mut (impl AsyncWrite + Unpin)) -> Result<(), ExportError> {
    let mut after = Uuid::nil();
    loop {
        let batch = sqlx::query_as!(
            KeyLine,
            "select person, sealed_key as sealed from log.person_keys where person > $1 order by person limit $2",
            after,
            i64::from(BATCH)
        )
        .fetch_all(&mut *connection)
        .await?;
        let Some(last) = batch.last() else { return Ok(()) };
        after = last.person;
        for line in batch {
            write(writer, &Line::Key(line)).await?;
        }
    }
}

/// The commands whose last event is among those exported, and with a whole log those that had none.
async fn commands(connection: &mut PgConnection, from: u64, writer: &mut (impl AsyncWrite + Unpin)) -> Result<(), ExportError> {
    let mut after = Uuid::nil();
    loop {
        let batch = sqlx::query_as!(
            CommandLine,
            "select c.id, c.fingerprint, c.context, c.aggregate, c.stream, c.first_version, c.last_version, c.recorded_at
             from log.commands c
             where c.id > $1 and case when c.last_version < c.first_version then $2 = 0::bigint else exists (
                 select from log.events e join log.sequence s on s.pos = e.pos
                 where e.stream = c.stream and e.version = c.last_version and s.seq > $2) end
             order by c.id limit $3",
            after,
            signed(from),
            i64::from(BATCH)
        )
        .fetch_all(&mut *connection)
        .await?;
        let Some(last) = batch.last() else { return Ok(()) };
        after = last.id;
        for line in batch {
            write(writer, &Line::Command(line)).await?;
        }
    }
}

/// The claims of streams all of whose events are exported.
async fn claims(connection: &mut PgConnection, writer: &mut (impl AsyncWrite + Unpin)) -> Result<(), ExportError> {
    let (mut space, mut value_hash) = (String::new(), Vec::new());
    loop {
        let batch = sqlx::query_as!(
            ClaimLine,
            "select c.space, c.value_hash, c.stream from log.claims c
             where (c.space, c.value_hash) > ($1, $2) and not exists (
                 select from log.events e where e.stream = c.stream
                 and not exists (select from log.sequence s where s.pos = e.pos))
             order by c.space, c.value_hash limit $3",
            space,
            value_hash,
            i64::from(BATCH)
        )
        .fetch_all(&mut *connection)
        .await?;
        let Some(last) = batch.last() else { return Ok(()) };
        (space, value_hash) = (last.space.clone(), last.value_hash.clone());
        for line in batch {
            write(writer, &Line::Claim(line)).await?;
        }
    }
}
