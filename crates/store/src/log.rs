//! The log, and how it is read.

use crate::append::Receipt;
use crate::error::Error;
use crate::keys::KeyRing;
use crate::person;
use crate::row::{Row, signed, unsigned};
use crate::writer::Writer;
use kernel::{CommandId, EventId, Payload, PersonId, Recorded, StreamId};
use sqlx::{PgExecutor, PgPool};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// How often a process looks for events that another one sequenced.
pub(crate) const FOLLOW: Duration = Duration::from_millis(20);

/// The event log. Cheap to clone; all clones share one pool and one view of the progress.
#[derive(Clone, Debug)]
pub struct Log {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    pool: PgPool,
    keys: KeyRing,
    writer: Writer,
    /// Something was appended in this process.
    appended: Notify,
    /// The last position known to be sequenced.
    progress: watch::Sender<u64>,
}

impl Log {
    /// The log in this database, whose personal data and claims are under these keys.
    pub fn new(pool: PgPool, keys: KeyRing) -> Self {
        let writer = Writer::new(pool.options().get_max_connections());
        Self { inner: Arc::new(Inner { pool, keys, writer, appended: Notify::new(), progress: watch::Sender::new(0) }) }
    }

    /// The pool that the log reads and writes with.
    pub fn pool(&self) -> &PgPool {
        &self.inner.pool
    }

    /// The keys that the log seals with.
    pub fn keys(&self) -> &KeyRing {
        &self.inner.keys
    }

    pub(crate) fn writer(&self) -> &Writer {
        &self.inner.writer
    }

    /// What became of a command, if it was decided.
    ///
    /// # Errors
    /// [`Error`] if the database cannot be read.
    pub async fn receipt(&self, command: CommandId) -> Result<Option<Receipt>, Error> {
        let row = sqlx::query!(
            r#"select context, aggregate, stream, first_version, last_version,
                      array(select e.id from log.events e where e.stream = c.stream
                            and e.version between c.first_version and c.last_version order by e.version) as "events!"
               from log.commands c where id = $1"#,
            command.uuid()
        )
        .fetch_optional(self.pool())
        .await?;
        Ok(row.map(|row| Receipt {
            command,
            stream: StreamId { context: row.context, aggregate: row.aggregate, id: row.stream },
            first_version: unsigned(row.first_version),
            last_version: unsigned(row.last_version),
            events: row.events.into_iter().map(EventId).collect(),
        }))
    }

    /// Every event of a stream in the order of its versions, also those that have no place in the log yet (`seq` 0).
    ///
    /// # Errors
    /// [`Error`] if the database cannot be read or an event cannot be understood.
    pub async fn load(&self, stream: &StreamId) -> Result<Vec<Recorded<Payload>>, Error> {
        self.load_range(stream, 1, u64::MAX).await
    }

    /// The events of a stream with the versions `first` to `last`, both included.
    ///
    /// # Errors
    /// As [`Log::load`].
    pub async fn load_range(&self, stream: &StreamId, first: u64, last: u64) -> Result<Vec<Recorded<Payload>>, Error> {
        let rows = sqlx::query_as!(
            Row,
            r#"select s.seq as "seq?", s.hash as "hash?", e.id, e.context, e.aggregate, e.stream, e.version, e.kind, e.schema, e.data,
                      e.occurred_at, e.recorded_at, e.actor, e.organisation, e.command, e.correlation, e.causation,
                      e.traceparent, e.person, e.digest, k.sealed_key as "sealed_key?"
               from log.events e
               left join lateral (select * from log.sequence n where n.pos = e.pos offset 0) s on true
               left join lateral (select * from log.person_keys p where p.person = e.person offset 0) k on true
               where e.stream = $1 and e.context = $2 and e.aggregate = $3 and e.version between $4 and $5
               order by e.version"#,
            stream.id,
            stream.context,
            stream.aggregate,
            signed(first),
            signed(last)
        )
        .fetch_all(self.pool())
        .await?;
        self.open(rows)
    }

    /// At most `limit` events after the position `after`, in the order of the log and without gaps.
    ///
    /// # Errors
    /// As [`Log::load`].
    pub async fn read(&self, after: u64, limit: u32) -> Result<Vec<Recorded<Payload>>, Error> {
        let rows = rows(self.pool(), after, limit).await?;
        self.open(rows)
    }

    pub(crate) fn open(&self, rows: Vec<Row>) -> Result<Vec<Recorded<Payload>>, Error> {
        rows.into_iter().map(|row| row.open(self.keys())).collect()
    }

    /// The position of the last event that has one; 0 if none has.
    ///
    /// # Errors
    /// [`Error`] if the database cannot be read.
    pub async fn head(&self) -> Result<u64, Error> {
        let head = sqlx::query_scalar!("select max(seq) from log.sequence").fetch_one(self.pool()).await?;
        let head = head.map(unsigned).unwrap_or_default();
        self.advance(head);
        Ok(head)
    }

    /// The stream that holds a value, if one does.
    ///
    /// # Errors
    /// [`Error`] if the database cannot be read.
    pub async fn claim_holder(&self, space: &str, value: &str) -> Result<Option<Uuid>, Error> {
        let hash = self.keys().claim_hash(space, value);
        let holder = sqlx::query_scalar!("select stream from log.claims where space = $1 and value_hash = $2", space, hash)
            .fetch_optional(self.pool())
            .await?;
        Ok(holder)
    }

    /// The position of an event, once it has one.
    ///
    /// # Errors
    /// [`Error`] if the database cannot be read.
    pub async fn seq_of(&self, event: EventId) -> Result<Option<u64>, Error> {
        let seq = sqlx::query_scalar!("select s.seq from log.events e join log.sequence s on s.pos = e.pos where e.id = $1", event.uuid())
            .fetch_optional(self.pool())
            .await?;
        Ok(seq.map(unsigned))
    }

    /// Waits until an event has its position; none if it has not within `timeout`.
    ///
    /// # Errors
    /// [`Error`] if the database cannot be read.
    pub async fn await_sequenced(&self, event: EventId, timeout: Duration) -> Result<Option<u64>, Error> {
        let deadline = Instant::now() + timeout;
        let mut progress = self.progress();
        loop {
            progress.mark_unchanged();
            if let Some(seq) = self.seq_of(event).await? {
                self.advance(seq);
                return Ok(Some(seq));
            }
            let now = Instant::now();
            if now >= deadline {
                return Ok(None);
            }
            // Without a sequencer or a follower in this process nothing moves the progress: then it polls.
            let _moved_or_not = tokio::time::timeout_at(deadline.min(now + FOLLOW), progress.changed()).await;
        }
    }

    /// The last position known to be sequenced. It moves while this process runs a [`Sequencer`](crate::Sequencer) or
    /// [follows](Log::follow) another one's.
    pub fn progress(&self) -> watch::Receiver<u64> {
        self.inner.progress.subscribe()
    }

    /// Keeps [`progress`](Log::progress) up to date in a process that runs no sequencer, until it is cancelled.
    pub async fn follow(&self, cancelled: CancellationToken) {
        let follow = async {
            loop {
                let pause = match self.head().await {
                    Ok(_) => FOLLOW,
                    Err(error) => {
                        tracing::warn!(%error, "the log's progress cannot be read");
                        Duration::from_secs(1)
                    }
                };
                tokio::time::sleep(pause).await;
            }
        };
        cancelled.run_until_cancelled(follow).await;
    }

    /// Tells the sequencer of this process that there is something to do. Appending does it by itself.
    pub fn wake(&self) {
        self.inner.appended.notify_one();
    }

    /// Completes when something was appended in this process since the last time.
    pub(crate) async fn appended(&self) {
        self.inner.appended.notified().await;
    }

    /// The log is known to reach this position.
    pub(crate) fn advance(&self, head: u64) {
        self.inner.progress.send_if_modified(|known| {
            let further = head > *known;
            *known = head.max(*known);
            further
        });
    }

    /// Destroys the key of a person's data. From then on every process reads `{"$erased": true}` in its place, and
    /// nothing personal can be appended for that person again. The log's rows and its chain stay as they are.
    ///
    /// The database's own files and backups hold the key until they are vacuumed or expire.
    ///
    /// # Errors
    /// [`Error`] if the database cannot be written.
    pub async fn destroy_key(&self, person: PersonId) -> Result<(), Error> {
        person::destroy(self.pool(), person).await
    }
}

/// The rows at the positions `after + 1` to `after + limit`. They are bounded on both sides, rather than limited, so
/// that the planner knows how few they are, however long the log; and each is looked up by itself (`offset 0`), so that no
/// lack of statistics, which the embedded database never gathers by itself, makes it read whole tables.
pub(crate) async fn rows(database: impl PgExecutor<'_>, after: u64, limit: u32) -> Result<Vec<Row>, sqlx::Error> {
    sqlx::query_as!(
        Row,
        r#"select s.seq as "seq?", s.hash as "hash?", e.id, e.context, e.aggregate, e.stream, e.version, e.kind, e.schema, e.data,
                  e.occurred_at, e.recorded_at, e.actor, e.organisation, e.command, e.correlation, e.causation,
                  e.traceparent, e.person, e.digest, k.sealed_key as "sealed_key?"
           from log.sequence s
           cross join lateral (select * from log.events n where n.xid = s.xid and n.pos = s.pos offset 0) e
           left join lateral (select * from log.person_keys p where p.person = e.person offset 0) k on true
           where s.seq > $1 and s.seq <= $2
           order by s.seq"#,
        signed(after),
        signed(after.saturating_add(u64::from(limit)))
    )
    .fetch_all(database)
    .await
}
