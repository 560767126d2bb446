//! Walking the hash chain: is the log what it was?
//!
//! What the chain cannot show by itself is that its end was cut off, or that all of it was made anew. Keep the
//! [head](Verified::head_hash) of an earlier walk in another place to compare with.

use crate::digest::{GENESIS, link};
use crate::error::Error;
use crate::log::{Log, rows};
use crate::row::{signed, unsigned};
use kernel::EventId;

const BATCH: u32 = 1_000;

/// A log whose chain is whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// How many events the chain holds.
    pub events: u64,
    /// How many more events wait for their place.
    pub waiting: u64,
    /// The hash of the last event, which stands for all of them; 32 zero bytes if there is none.
    pub head_hash: [u8; 32],
}

/// The first place at which the log is not what it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the log is broken at position {seq}: {what}")]
pub struct Broken {
    /// The position.
    pub seq: u64,
    /// What is wrong there.
    pub what: Fault,
}

/// What can be wrong at a position of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The row differs from its digest.
    #[error("event {0} was altered after it was recorded")]
    Altered(EventId),
    /// The row agrees with its digest, but not with the chain.
    #[error("event {0} is not the one that was recorded here: its hash does not follow from the one before")]
    Link(EventId),
    /// The sequence names an event that is not there.
    #[error("the event was deleted")]
    Deleted,
    /// No event has the position.
    #[error("the position was taken out of the sequence")]
    Gap,
    /// An event that was settled has no position.
    #[error("event {0} belongs before this position, but has none of its own")]
    Skipped(EventId),
}

/// Why a log is not verified.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// It is not what it was.
    #[error(transparent)]
    Broken(#[from] Broken),
    /// It cannot be read.
    #[error(transparent)]
    Log(#[from] Error),
}

impl From<sqlx::Error> for VerifyError {
    fn from(error: sqlx::Error) -> Self {
        Self::Log(error.into())
    }
}

/// Recomputes every digest from the columns and the chain from the digests, up to where the log reaches now, and checks
/// that nothing was left out. `progress` is told how many events of how many are done.
///
/// # Errors
/// [`VerifyError::Broken`] names the first fault.
pub async fn verify(log: &Log, mut progress: impl FnMut(u64, u64)) -> Result<Verified, VerifyError> {
    let head = log.head().await?;
    let mut done = 0;
    let mut hash = GENESIS;
    progress(done, head);
    while done < head {
        let limit = u32::try_from(head - done).unwrap_or(BATCH).min(BATCH);
        let before = done;
        for row in rows(log.pool(), before, limit).await? {
            let seq = done + 1;
            let broken = |what| Broken { seq, what };
            if row.seq.map(unsigned) != Some(seq) {
                return Err(missing(log, seq).await?.into());
            }
            let digest = row.computed_digest();
            if row.digest != digest {
                return Err(broken(Fault::Altered(EventId(row.id))).into());
            }
            hash = link(&hash, &digest);
            if row.hash.as_deref() != Some(hash.as_slice()) {
                return Err(broken(Fault::Link(EventId(row.id))).into());
            }
            done = seq;
        }
        if done < before + u64::from(limit) {
            return Err(missing(log, done + 1).await?.into());
        }
        if let Some(skipped) = skipped(log, before, done).await? {
            return Err(skipped.into());
        }
        progress(done, head);
    }
    let waiting = sqlx::query_scalar!(
        r#"select count(*) as "waiting!" from log.events e
           where (e.xid, e.pos) > (coalesce((select s.xid from log.sequence s where s.seq = $1), '0'::xid8),
                                   coalesce((select s.pos from log.sequence s where s.seq = $1), 0))"#,
        signed(head)
    )
    .fetch_one(log.pool())
    .await?;
    Ok(Verified { events: done, waiting: unsigned(waiting), head_hash: hash })
}

/// What is missing at a position that has no row.
async fn missing(log: &Log, seq: u64) -> Result<Broken, VerifyError> {
    let listed = sqlx::query_scalar!(r#"select exists (select from log.sequence where seq = $1) as "listed!""#, signed(seq))
        .fetch_one(log.pool())
        .await?;
    Ok(Broken { seq, what: if listed { Fault::Deleted } else { Fault::Gap } })
}

/// The first event that lies after position `first` and not after `last` in the order of transactions, but was given
/// no position.
async fn skipped(log: &Log, first: u64, last: u64) -> Result<Option<Broken>, VerifyError> {
    let found = sqlx::query!(
        r#"select e.id, (select min(s.seq) from log.sequence s where s.seq > $1 and s.seq <= $2
                         and (s.xid, s.pos) > (e.xid, e.pos)) as next
           from log.events e
           where (e.xid, e.pos) > (coalesce((select s.xid from log.sequence s where s.seq = $1), '0'::xid8),
                                   coalesce((select s.pos from log.sequence s where s.seq = $1), 0))
             and (e.xid, e.pos) <= ((select s.xid from log.sequence s where s.seq = $2),
                                    (select s.pos from log.sequence s where s.seq = $2))
             and not exists (select from log.sequence s where s.pos = e.pos)
           order by e.xid, e.pos limit 1"#,
        signed(first),
        signed(last)
    )
    .fetch_optional(log.pool())
    .await?;
    Ok(found.map(|row| Broken { seq: row.next.map_or(last, unsigned), what: Fault::Skipped(EventId(row.id)) }))
}
