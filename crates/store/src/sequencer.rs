//! Giving every event its place in the one order that all readers share.
//!
//! Writers run in parallel, and what PostgreSQL numbers as it is written becomes visible as it is committed: in another
//! order. A reader that remembers the last number it saw would pass over what commits late. So:
//!
//! - a row carries the id of its transaction (`xid`), and the sequencer reads only rows whose transaction is older than
//!   every one that still runs, as of the very snapshot that it reads with. Behind such a row nothing can appear any more;
//! - among those it goes by `(xid, pos)`, which follows the versions of every stream (`log.append` in the migrations sees to that), and
//!   numbers them 1, 2, 3 …, linking each into the hash chain;
//! - one leader does so at a time. It holds an advisory lock on the very connection that it writes with: if the
//!   connection is gone, so is the lock, and it cannot write. Were there two after all, the primary key of
//!   `log.sequence` would let only one of them pass; the other steps down.
//!
//! The order is thus a function of the log alone. That is why the leader's own commits need not wait for the disk: what
//! a crash takes away comes again exactly as it was.
//!
//! A transaction that has written and stays open, in whichever database of the server, therefore holds up the sequence
//! (not the writers) until it ends. `idle_in_transaction_session_timeout` bounds that for the hub's own connections; a
//! server that is shared with others wants the same setting there.
//!
//! The ids of transactions belong to one database server and its physical copies. A logical dump restored elsewhere
//! carries ids that mean nothing there; the sequencer notices and refuses. Logs move by [`export()`](crate::export()).

use crate::digest::{GENESIS, Hash, link};
use crate::error::Error;
use crate::log::{FOLLOW, Log};
use crate::row::unsigned;
use sqlx::pool::PoolConnection;
use sqlx::{Connection as _, PgConnection, PgPool, Postgres};
use std::ops::{Deref, DerefMut};
use std::time::Duration;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

/// The advisory lock that the leader holds, in every database of a hub: "hub seq" in ASCII.
pub const LOCK: i64 = 0x0068_7562_2073_6571;

/// How many events get their place in one statement.
const BATCH: i64 = 1_000;
/// The pause after a batch, in which more events gather. Under load it costs each little and spares many statements.
const GATHER: Duration = Duration::from_millis(1);
/// How often a standby asks for the lock.
const CANDIDACY: Duration = Duration::from_millis(200);
/// After this long without an answer the connection counts as lost.
const PATIENCE: Duration = Duration::from_secs(15);

/// How it is made sure that one process sequences at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leadership {
    /// By an advisory lock on a connection of its own, outside the pool. When the leader dies, another takes over.
    SessionLock,
    /// This process is the only one anyway: the embedded database has one connection, and its folder one opener.
    Sole,
}

/// Gives events their places. Run one in each process that may; one of them leads, the others stand by.
#[derive(Clone, Debug)]
pub struct Sequencer {
    log: Log,
    leadership: Leadership,
}

/// Why a sequencer stops leading.
#[derive(Debug, thiserror::Error)]
pub enum SequencerError {
    /// The database cannot be read or written.
    #[error(transparent)]
    Log(#[from] Error),
    /// The database does not answer.
    #[error("the database has not answered for {} seconds", PATIENCE.as_secs())]
    Silent,
    /// Another one gave out the same places.
    #[error("another sequencer is at work on this log; this one steps down")]
    Overtaken,
    /// The rows come from another server.
    #[error(
        "the log was restored from a dump of another database server: its rows carry transaction ids that this server has not \
         reached, so that new events could not be told from old ones. Restore a physical backup, or move logs with \
         `hub events export` and `hub events import`"
    )]
    OtherServer,
}

impl From<sqlx::Error> for SequencerError {
    fn from(error: sqlx::Error) -> Self {
        let overtaken = error.as_database_error().is_some_and(sqlx::error::DatabaseError::is_unique_violation);
        if overtaken { Self::Overtaken } else { Self::Log(error.into()) }
    }
}

/// Up to where the log has been sequenced.
struct Position {
    seq: i64,
    hash: Hash,
    /// As text: PostgreSQL's 64-bit transaction ids have no type of their own here.
    xid: String,
    pos: i64,
}

impl Sequencer {
    /// A sequencer of this log; it does nothing until it [runs](Sequencer::run).
    pub fn new(log: Log, leadership: Leadership) -> Self {
        Self { log, leadership }
    }

    /// Sequences, or stands by to, until it is cancelled. Failures are logged and overcome; while it stands by, it
    /// follows the leader's progress.
    pub async fn run(self, cancelled: CancellationToken) {
        let mut pause = Duration::from_millis(50);
        while !cancelled.is_cancelled() {
            match self.term(&cancelled).await {
                Ok(()) => return,
                Err(error @ SequencerError::Overtaken) => {
                    tracing::warn!("{error}");
                    pause = Duration::from_millis(50);
                }
                Err(error) => {
                    tracing::error!(%error, "the sequencer stopped and will try again");
                    pause = (pause * 2).min(Duration::from_secs(2));
                }
            }
            cancelled.run_until_cancelled(sleep(pause)).await;
        }
    }

    /// Sequences everything that can be sequenced now, and says up to where the log reaches. If another process leads,
    /// it is left to that one.
    ///
    /// # Errors
    /// [`SequencerError`] if the database fails or the log is not of this server.
    pub async fn catch_up(&self) -> Result<u64, SequencerError> {
        let mut means = self.means().await?;
        if let Means::Own(connection) = &mut means
            && !try_lock(connection).await?
        {
            return Ok(self.log.head().await?);
        }
        let mut position = start(&mut *means.connection().await?).await?;
        while batch(&mut *means.connection().await?, &mut position).await? == BATCH {}
        means.close().await?;
        self.log.advance(unsigned(position.seq));
        Ok(unsigned(position.seq))
    }

    /// One term of leadership, with the wait for it. Ends well only by being cancelled.
    async fn term(&self, cancelled: &CancellationToken) -> Result<(), SequencerError> {
        let mut means = bounded(self.means()).await?;
        if let Means::Own(connection) = &mut means
            && !self.stand_by(connection, cancelled).await?
        {
            return Ok(());
        }
        let mut position = bounded(async { start(&mut *means.connection().await?).await }).await?;
        tracing::info!(head = position.seq, "leading the sequence");
        self.log.advance(unsigned(position.seq));
        // Other processes append without a word to this one, so a leader among several looks often.
        let longest = match self.leadership {
            Leadership::SessionLock => FOLLOW,
            Leadership::Sole => Duration::from_millis(250),
        };
        let mut pause = GATHER;
        while !cancelled.is_cancelled() {
            let sequenced = bounded(async { batch(&mut *means.connection().await?, &mut position).await }).await?;
            if sequenced > 0 {
                self.log.advance(unsigned(position.seq));
                pause = GATHER;
            }
            if sequenced == BATCH {
                continue;
            }
            sleep(GATHER).await;
            tokio::select! {
                () = cancelled.cancelled() => {}
                // What was just appended may have to wait for an older transaction to end, so look again soon.
                () = self.log.appended() => pause = GATHER,
                () = sleep(pause) => pause = (pause * 2).min(longest),
            }
        }
        // Closed in order, the lock is free at once.
        means.close().await
    }

    /// Waits for the lock, following the leader meanwhile. False if cancelled.
    async fn stand_by(&self, connection: &mut PgConnection, cancelled: &CancellationToken) -> Result<bool, SequencerError> {
        loop {
            if bounded(try_lock(connection)).await? {
                return Ok(true);
            }
            for _ in 0..CANDIDACY.as_millis() / FOLLOW.as_millis() {
                let head =
                    bounded(async { Ok(sqlx::query_scalar!("select max(seq) from log.sequence").fetch_one(&mut *connection).await?) });
                self.log.advance(head.await?.map(unsigned).unwrap_or_default());
                if cancelled.run_until_cancelled(sleep(FOLLOW)).await.is_none() {
                    return Ok(false);
                }
            }
        }
    }

    async fn means(&self) -> Result<Means, SequencerError> {
        Ok(match self.leadership {
            Leadership::SessionLock => Means::Own(Box::new(self.own_connection().await?)),
            Leadership::Sole => Means::Pool(self.log.pool().clone()),
        })
    }

    /// A connection on which to lead. If the network swallows it, the server notices within half a minute and frees
    /// the lock.
    async fn own_connection(&self) -> Result<PgConnection, SequencerError> {
        let options = self.log.pool().connect_options().as_ref().clone().application_name("hub sequencer");
        let mut connection = PgConnection::connect_with(&options).await?;
        sqlx::query(
            "select set_config('synchronous_commit', 'off', false),
                    set_config('statement_timeout', '10s', false),
                    set_config('lock_timeout', '5s', false),
                    set_config('idle_in_transaction_session_timeout', '10s', false),
                    set_config('tcp_keepalives_idle', '10', false),
                    set_config('tcp_keepalives_interval', '5', false),
                    set_config('tcp_keepalives_count', '3', false)",
        )
        .execute(&mut connection)
        .await?;
        Ok(connection)
    }
}

/// What a leader works with: a connection of its own, which holds the lock, or one that the pool lends for each step.
enum Means {
    Own(Box<PgConnection>),
    Pool(PgPool),
}

enum Lent<'a> {
    Own(&'a mut PgConnection),
    Pool(PoolConnection<Postgres>),
}

impl Means {
    async fn connection(&mut self) -> Result<Lent<'_>, SequencerError> {
        Ok(match self {
            Self::Own(connection) => Lent::Own(connection),
            Self::Pool(pool) => Lent::Pool(pool.acquire().await?),
        })
    }

    async fn close(self) -> Result<(), SequencerError> {
        match self {
            Self::Own(connection) => Ok(connection.close().await?),
            Self::Pool(_) => Ok(()),
        }
    }
}

impl Deref for Lent<'_> {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        match self {
            Self::Own(connection) => connection,
            Self::Pool(connection) => connection,
        }
    }
}

impl DerefMut for Lent<'_> {
    fn deref_mut(&mut self) -> &mut PgConnection {
        match self {
            Self::Own(connection) => connection,
            Self::Pool(connection) => connection,
        }
    }
}

async fn bounded<T>(step: impl Future<Output = Result<T, SequencerError>>) -> Result<T, SequencerError> {
    timeout(PATIENCE, step).await.unwrap_or(Err(SequencerError::Silent))
}

async fn try_lock(connection: &mut PgConnection) -> Result<bool, SequencerError> {
    Ok(sqlx::query_scalar!(r#"select pg_try_advisory_lock($1) as "locked!""#, LOCK).fetch_one(connection).await?)
}

/// Where the log stands at the beginning of a term.
async fn start(connection: &mut PgConnection) -> Result<Position, SequencerError> {
    let ours = sqlx::query_scalar!(
        r#"select coalesce((select e.xid < pg_snapshot_xmax(pg_current_snapshot())
                            from log.events e order by e.xid desc, e.pos desc limit 1), true) as "ours!""#
    )
    .fetch_one(&mut *connection)
    .await?;
    if !ours {
        return Err(SequencerError::OtherServer);
    }
    let last = sqlx::query!(r#"select seq, hash, xid::text as "xid!", pos from log.sequence order by seq desc limit 1"#)
        .fetch_optional(connection)
        .await?;
    Ok(match last {
        Some(last) => Position { seq: last.seq, hash: last.hash.try_into().unwrap_or(GENESIS), xid: last.xid, pos: last.pos },
        None => Position { seq: 0, hash: GENESIS, xid: "0".to_owned(), pos: 0 },
    })
}

/// Gives the next events their places. Returns how many there were; with [`BATCH`] of them there may be more.
async fn batch(connection: &mut PgConnection, position: &mut Position) -> Result<i64, SequencerError> {
    // One statement, one snapshot: the rows and the oldest running transaction are seen at the same moment.
    let settled = sqlx::query!(
        r#"select e.xid::text as "xid!", e.pos, e.digest from log.events e
           where (e.xid, e.pos) > ($1::text::xid8, $2) and e.xid < pg_snapshot_xmin(pg_current_snapshot())
           order by e.xid, e.pos limit $3"#,
        position.xid,
        position.pos,
        BATCH
    )
    .fetch_all(&mut *connection)
    .await?;
    let Some(last) = settled.last() else { return Ok(0) };
    let mut next = Position { seq: position.seq, hash: position.hash, xid: last.xid.clone(), pos: last.pos };
    let (mut seqs, mut xids, mut places, mut hashes) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for event in settled {
        next.seq += 1;
        next.hash = link(&next.hash, &event.digest);
        seqs.push(next.seq);
        xids.push(event.xid);
        places.push(event.pos);
        hashes.push(next.hash.to_vec());
    }
    sqlx::query!(
        "insert into log.sequence (seq, xid, pos, hash)
         select n.seq, n.xid::xid8, n.pos, n.hash from unnest($1::bigint[], $2::text[], $3::bigint[], $4::bytea[]) as n (seq, xid, pos, hash)",
        &seqs,
        &xids,
        &places,
        &hashes
    )
    .execute(connection)
    .await?;
    *position = next;
    Ok(i64::try_from(seqs.len()).unwrap_or(BATCH))
}
