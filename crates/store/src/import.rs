//! Reading an exported log into an empty one.
//!
//! All of it is one transaction: a file that turns out to be wrong at its last line leaves nothing behind. The rows get
//! the importing transaction's id and ascending places in the order of their positions, so that the sequencer goes on
//! right behind them.

use crate::digest::{GENESIS, Hash, link};
use crate::error::Error;
use crate::lines::{ClaimLine, CommandLine, End, EventLine, FORMAT, Header, KeyLine, Line, VERSION};
use crate::log::Log;
use crate::row::{Row, unsigned};
use crate::sequencer::LOCK;
use sqlx::PgConnection;
use tokio::io::{AsyncBufRead, AsyncBufReadExt};

const BATCH: usize = 500;

/// What was imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Imported {
    /// How many events.
    pub events: u64,
    /// How many commands, so that those who send them again get their first outcome.
    pub commands: u64,
    /// The hash of the last event; the same as where the log came from.
    pub head_hash: [u8; 32],
}

/// Why nothing was imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// A line is not what it should be.
    #[error("line {line}: {what}")]
    Line {
        /// The line, from 1.
        line: u64,
        /// What is wrong with it.
        what: String,
    },
    /// The file ends too early.
    #[error("the file was cut off after line {lines}: its last line, which tells the number of events, is missing")]
    CutOff {
        /// How many lines there are.
        lines: u64,
    },
    /// The hub holds something already.
    #[error("this hub's log is not empty; import into a hub that has nothing in it yet")]
    NotEmpty,
    /// The hub is running.
    #[error("a hub is running on this database; stop it, import, and start it again")]
    Running,
    /// The master key is another one.
    #[error(
        "this log was sealed under another master key; give this hub the key of the hub that it came from, or personal data and claims would be lost"
    )]
    OtherMasterKey,
    /// The export begins in the middle.
    #[error("this export begins after position {after}; only one of the whole log (after 0) can be imported")]
    Partial {
        /// The position after which it begins.
        after: u64,
    },
    /// The file cannot be read.
    #[error("the export cannot be read: {0}")]
    Read(#[from] std::io::Error),
    /// The database cannot be written.
    #[error(transparent)]
    Log(#[from] Error),
}

impl From<sqlx::Error> for ImportError {
    fn from(error: sqlx::Error) -> Self {
        Self::Log(error.into())
    }
}

/// Reads what [`export()`](crate::export()) wrote into an empty log: the same events at the same positions, and the
/// same chain, each link recomputed. `progress` is told how many events of how many are done.
///
/// # Errors
/// [`ImportError`], with the number of the line where one is at fault. Nothing was imported then.
pub async fn import(log: &Log, mut reader: impl AsyncBufRead + Unpin, mut progress: impl FnMut(u64, u64)) -> Result<Imported, ImportError> {
    let mut transaction = log.pool().begin().await?;
    match read(log, &mut transaction, &mut reader, &mut progress).await {
        Ok(imported) => {
            transaction.commit().await?;
            log.advance(imported.events);
            Ok(imported)
        }
        Err(error) => {
            // Waited for, so that the log is free again when the error is heard of.
            transaction.rollback().await?;
            Err(error)
        }
    }
}

async fn read(
    log: &Log,
    connection: &mut PgConnection,
    reader: &mut (impl AsyncBufRead + Unpin),
    progress: &mut impl FnMut(u64, u64),
) -> Result<Imported, ImportError> {
    prepare(connection).await?;
    let mut import = Import { header: None, end: None, hash: GENESIS, events: 0, commands: 0, pending: Pending::default() };
    let (mut number, mut text) = (0, String::new());
    loop {
        text.clear();
        if reader.read_line(&mut text).await? == 0 {
            break;
        }
        number += 1;
        let wrong = |what: String| ImportError::Line { line: number, what };
        let line = serde_json::from_str(&text).map_err(|error| wrong(format!("this is not a line of an exported log ({error})")))?;
        import.take(log, line, wrong)?;
        if import.pending.len() >= BATCH {
            import.pending.write(connection).await?;
            progress(import.events, import.header.as_ref().map_or(0, |header| header.head));
        }
    }
    if import.end.is_none() {
        return Err(ImportError::CutOff { lines: number });
    }
    import.pending.write(connection).await?;
    progress(import.events, import.events);
    Ok(Imported { events: import.events, commands: import.commands, head_hash: import.hash })
}

/// Keeps everybody else out, and makes sure that there is nothing yet.
async fn prepare(connection: &mut PgConnection) -> Result<(), ImportError> {
    sqlx::query("select set_config('idle_in_transaction_session_timeout', '0', true), set_config('statement_timeout', '0', true)")
        .execute(&mut *connection)
        .await?;
    let alone = sqlx::query_scalar!(r#"select pg_try_advisory_xact_lock($1) as "alone!""#, LOCK).fetch_one(&mut *connection).await?;
    if !alone {
        return Err(ImportError::Running);
    }
    sqlx::query("lock table log.events, log.sequence, log.commands, log.claims, log.person_keys in exclusive mode")
        .execute(&mut *connection)
        .await?;
    let empty = sqlx::query_scalar!(
        r#"select not exists (select from log.events) and not exists (select from log.commands)
              and not exists (select from log.claims) and not exists (select from log.person_keys) as "empty!""#
    )
    .fetch_one(connection)
    .await?;
    if empty { Ok(()) } else { Err(ImportError::NotEmpty) }
}

struct Import {
    header: Option<Header>,
    end: Option<End>,
    hash: Hash,
    events: u64,
    commands: u64,
    pending: Pending,
}

impl Import {
    fn take(&mut self, log: &Log, line: Line, wrong: impl Fn(String) -> ImportError) -> Result<(), ImportError> {
        if self.end.is_some() {
            return Err(wrong("nothing may follow the line that ends the log".to_owned()));
        }
        match (line, &self.header) {
            (Line::Header(header), None) => {
                check_header(log, &header, wrong)?;
                self.header = Some(header);
            }
            (Line::Header(_), Some(_)) => return Err(wrong("there is a second header".to_owned())),
            (_, None) => return Err(wrong("the header is missing; an exported log begins with it".to_owned())),
            (Line::Key(key), _) => self.pending.keys.push(key),
            (Line::Claim(claim), _) => self.pending.claims.push(claim),
            (Line::Command(command), _) => {
                self.commands += 1;
                self.pending.commands.push(command);
            }
            (Line::Event(event), _) => self.take_event(*event, wrong)?,
            (Line::End(end), Some(header)) => {
                if end.events != self.events || header.head != self.events {
                    return Err(wrong(format!(
                        "{} events were found, but the header tells of {} and the end of {}",
                        self.events, header.head, end.events
                    )));
                }
                if end.hash != self.hash {
                    return Err(wrong("the hash of the whole log is not the one that its events give".to_owned()));
                }
                self.end = Some(end);
            }
        }
        Ok(())
    }

    fn take_event(&mut self, event: EventLine, wrong: impl Fn(String) -> ImportError) -> Result<(), ImportError> {
        let (seq, id) = (self.events + 1, event.id);
        if unsigned(event.seq) != seq {
            return Err(wrong(format!("position {seq} was expected, but the event has position {}", event.seq)));
        }
        let row = Row::from(event);
        let digest = row.computed_digest();
        if row.digest != digest {
            return Err(wrong(format!("event {id} was altered: it does not agree with its digest")));
        }
        self.hash = link(&self.hash, &digest);
        if row.hash.as_deref() != Some(self.hash.as_slice()) {
            return Err(wrong(format!("event {id} is not the one that was at position {seq}: the hash chain breaks here")));
        }
        self.events = seq;
        self.pending.events.push(EventLine::from(row));
        Ok(())
    }
}

fn check_header(log: &Log, header: &Header, wrong: impl Fn(String) -> ImportError) -> Result<(), ImportError> {
    if header.format != FORMAT || header.version != VERSION {
        return Err(wrong(format!(
            "this is \"{}\" version {}; only \"{FORMAT}\" version {VERSION} is understood here",
            header.format, header.version
        )));
    }
    if header.master_key != log.keys().check_value() {
        return Err(ImportError::OtherMasterKey);
    }
    if header.after != 0 {
        return Err(ImportError::Partial { after: header.after });
    }
    Ok(())
}

/// What was read and not yet written.
#[derive(Default)]
struct Pending {
    keys: Vec<KeyLine>,
    commands: Vec<CommandLine>,
    claims: Vec<ClaimLine>,
    events: Vec<EventLine>,
}

/// One column of many lines.
fn column<L, T>(lines: &[L], of: impl Fn(&L) -> T) -> Vec<T> {
    lines.iter().map(of).collect()
}

impl Pending {
    fn len(&self) -> usize {
        self.keys.len() + self.commands.len() + self.claims.len() + self.events.len()
    }

    async fn write(&mut self, connection: &mut PgConnection) -> Result<(), ImportError> {
        let Self { keys, commands, claims, events } = std::mem::take(self);
        sqlx::query!(
            "insert into log.person_keys (person, sealed_key) select * from unnest($1::uuid[], $2::bytea[])",
            &column(&keys, |line| line.person),
            &column(&keys, |line| line.sealed.clone()) as &[Option<Vec<u8>>]
        )
        .execute(&mut *connection)
        .await?;
        sqlx::query!(
            "insert into log.commands (id, fingerprint, context, aggregate, stream, first_version, last_version, recorded_at)
             select * from unnest($1::uuid[], $2::bytea[], $3::text[], $4::text[], $5::uuid[], $6::bigint[], $7::bigint[], $8::timestamptz[])",
            &column(&commands, |line| line.id),
            &column(&commands, |line| line.fingerprint.clone()),
            &column(&commands, |line| line.context.clone()),
            &column(&commands, |line| line.aggregate.clone()),
            &column(&commands, |line| line.stream),
            &column(&commands, |line| line.first_version),
            &column(&commands, |line| line.last_version),
            &column(&commands, |line| line.recorded_at)
        )
        .execute(&mut *connection)
        .await?;
        sqlx::query!(
            "insert into log.claims (space, value_hash, stream) select * from unnest($1::text[], $2::bytea[], $3::uuid[])",
            &column(&claims, |line| line.space.clone()),
            &column(&claims, |line| line.value_hash.clone()),
            &column(&claims, |line| line.stream)
        )
        .execute(&mut *connection)
        .await?;
        write_events(connection, &events).await
    }
}

async fn write_events(connection: &mut PgConnection, events: &[EventLine]) -> Result<(), ImportError> {
    sqlx::query!(
        "with lines as (
             select * from unnest($1::bigint[], $2::uuid[], $3::text[], $4::text[], $5::uuid[], $6::bigint[], $7::text[], $8::smallint[],
                                  $9::text[], $10::timestamptz[], $11::timestamptz[], $12::text[], $13::uuid[], $14::uuid[], $15::uuid[],
                                  $16::uuid[], $17::text[], $18::uuid[], $19::bytea[], $20::bytea[])
             as l (seq, id, context, aggregate, stream, version, kind, schema, data, occurred_at, recorded_at, actor, organisation,
                   command, correlation, causation, traceparent, person, digest, hash)
         ), written as (
             insert into log.events (id, context, aggregate, stream, version, kind, schema, data, occurred_at, recorded_at, actor,
                                     organisation, command, correlation, causation, traceparent, person, digest)
             select id, context, aggregate, stream, version, kind, schema, data, occurred_at, recorded_at, actor,
                    organisation, command, correlation, causation, traceparent, person, digest
             from lines order by seq
             returning id, xid, pos
         )
         insert into log.sequence (seq, xid, pos, hash)
         select l.seq, w.xid, w.pos, l.hash from lines l join written w on w.id = l.id",
        &column(events, |line| line.seq),
        &column(events, |line| line.id),
        &column(events, |line| line.context.clone()),
        &column(events, |line| line.aggregate.clone()),
        &column(events, |line| line.stream),
        &column(events, |line| line.version),
        &column(events, |line| line.kind.clone()),
        &column(events, |line| line.schema),
        &column(events, |line| line.data.clone()),
        &column(events, |line| line.occurred_at),
        &column(events, |line| line.recorded_at),
        &column(events, |line| line.actor.clone()),
        &column(events, |line| line.organisation) as &[Option<uuid::Uuid>],
        &column(events, |line| line.command),
        &column(events, |line| line.correlation),
        &column(events, |line| line.causation) as &[Option<uuid::Uuid>],
        &column(events, |line| line.traceparent.clone()) as &[Option<String>],
        &column(events, |line| line.person) as &[Option<uuid::Uuid>],
        &column(events, |line| line.digest.clone()),
        &column(events, |line| line.hash.clone())
    )
    .execute(connection)
    .await?;
    Ok(())
}
