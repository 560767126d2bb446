//! Connections for what people ask for: given back without a word to the server, and torn off with what runs on them when
//! whoever asked is no longer there.
//!
//! A pool tests each connection that comes back, which costs a round trip for each statement, and lets a statement that nobody waits
//! for run to its end. Here a connection on which everything went well is laid aside as it is. One whose statement was still
//! running is closed instead, and the server, which looks for that now and then ([`CHECK`]), ends the statement.
//!
//! A pool of one connection (the embedded database has no second one) has none to tear off: there its own ways hold.

use futures::future::BoxFuture;
use futures::stream::{self, BoxStream};
use futures::{FutureExt, StreamExt, TryFutureExt, TryStreamExt};
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgQueryResult, PgRow, PgStatement, PgTypeInfo};
use sqlx::{Connection, Describe, Either, Error, Execute, Executor, PgConnection, PgPool, Postgres, SqlStr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How often the server looks, while a statement runs, whether its client is still there.
pub const CHECK: Duration = Duration::from_millis(500);
/// After so long a connection is tested before it is used again.
const REST: Duration = Duration::from_secs(1);
/// After so long a connection goes back to the pool, which ends what is old.
const LIFETIME: Duration = Duration::from_mins(30);

/// Reads from the database on at most half of a pool's connections. Cheap to clone.
#[derive(Clone)]
pub struct Reads {
    inner: Arc<Inner>,
}

struct Inner {
    pool: PgPool,
    /// How many connections may be used at once; none if the pool has too few for any to be kept from it.
    places: Option<Arc<Semaphore>>,
    idle: Mutex<Vec<Kept>>,
}

/// A connection that was taken from the pool and is kept.
struct Kept {
    connection: PoolConnection<Postgres>,
    taken: Instant,
    used: Instant,
}

impl Kept {
    fn is_young(&self) -> bool {
        self.taken.elapsed() < LIFETIME
    }
}

impl std::fmt::Debug for Reads {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reads").field("pool", &self.inner.pool).finish_non_exhaustive()
    }
}

impl From<PgPool> for Reads {
    /// Called within a runtime: what is kept is let go when the pool is closed.
    fn from(pool: PgPool) -> Self {
        let half = usize::try_from(pool.options().get_max_connections() / 2).unwrap_or(1);
        let places = (half > 0).then(|| Arc::new(Semaphore::new(half)));
        let closed = pool.close_event();
        let inner = Arc::new(Inner { pool, places, idle: Mutex::default() });
        if inner.places.is_some() {
            let weak = Arc::downgrade(&inner);
            tokio::spawn(async move {
                closed.await;
                if let Some(inner) = weak.upgrade() {
                    drop(std::mem::take(&mut *inner.lock()));
                }
            });
        }
        Self { inner }
    }
}

impl Inner {
    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Kept>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection for one statement. Unless it is [given back](Self::give_back), it is closed.
struct Lent<'r> {
    inner: &'r Inner,
    kept: Option<Kept>,
    /// None if the pool's own ways hold.
    place: Option<OwnedSemaphorePermit>,
}

impl Lent<'_> {
    fn connection(&mut self) -> &mut PgConnection {
        &mut self.kept.as_mut().expect("it is there until it is given back").connection
    }

    /// Lays the connection aside if it is as good as before, and passes the outcome on.
    fn give_back<T>(mut self, outcome: Result<T, Error>) -> Result<T, Error> {
        let good = match &outcome {
            Ok(_) | Err(Error::Database(_) | Error::RowNotFound | Error::ColumnDecode { .. } | Error::Decode(_) | Error::Encode(_)) => true,
            Err(_) => false,
        };
        if good && self.place.is_some() {
            let kept = self.kept.take().expect("it is there until it is given back");
            let mut idle = self.inner.lock();
            // Asked while the lock is held: what is laid aside after it was closed would be there for ever.
            if !self.inner.pool.is_closed() && kept.is_young() {
                idle.push(Kept { used: Instant::now(), ..kept });
            }
        }
        outcome
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        let Some(kept) = self.kept.take() else { return };
        let Some(place) = self.place.take() else { return };
        // The socket closes here and now. Its process works on until it looks, and holds its place until then.
        drop(kept.connection.detach());
        tokio::spawn(async move {
            tokio::time::sleep(CHECK).await;
            drop(place);
        });
    }
}

impl Reads {
    /// The pool, for whatever is no single statement, or must not be torn off.
    pub fn pool(&self) -> &PgPool {
        &self.inner.pool
    }

    async fn lend(&self) -> Result<Lent<'_>, Error> {
        let wait = self.inner.pool.options().get_acquire_timeout();
        tokio::time::timeout(wait, self.lend_in_time()).await.map_err(|_| Error::PoolTimedOut)?
    }

    async fn lend_in_time(&self) -> Result<Lent<'_>, Error> {
        let inner = &*self.inner;
        let place = match &inner.places {
            Some(places) => Some(Arc::clone(places).acquire_owned().await.expect("the semaphore is never closed")),
            None => None,
        };
        let mut lent = Lent { inner, kept: None, place };
        loop {
            // In a statement of its own, so that the lock is not held while waiting.
            let kept = inner.lock().pop();
            let Some(mut kept) = kept else { break };
            if !kept.is_young() {
                continue;
            }
            if kept.used.elapsed() <= REST || kept.connection.ping().await.is_ok() {
                lent.kept = Some(kept);
                return Ok(lent);
            }
            drop(kept.connection.detach());
        }
        let (connection, now) = (inner.pool.acquire().await?, Instant::now());
        lent.kept = Some(Kept { connection, taken: now, used: now });
        Ok(lent)
    }
}

/// What is asked of a connection that is lent for it, and given back.
macro_rules! lent {
    ($reads:expr, $connection:ident => $asked:expr) => {{
        let reads = $reads.clone();
        async move {
            let mut lent = reads.lend().await?;
            let $connection = lent.connection();
            let outcome = $asked.await;
            lent.give_back(outcome)
        }
    }};
}

impl<'c> Executor<'c> for &Reads {
    type Database = Postgres;

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> BoxStream<'e, Result<Either<PgQueryResult, PgRow>, Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        // What is asked for here fits into memory, and a connection is not held for as long as someone takes to look at rows.
        let all = lent!(self, connection => connection.fetch_many(query).try_collect::<Vec<_>>());
        all.map_ok(|all| stream::iter(all.into_iter().map(Ok))).try_flatten_stream().boxed()
    }

    fn fetch_all<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Vec<PgRow>, Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        lent!(self, connection => connection.fetch_all(query)).boxed()
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<PgRow>, Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        lent!(self, connection => connection.fetch_optional(query)).boxed()
    }

    fn prepare_with<'e>(self, sql: SqlStr, parameters: &'e [PgTypeInfo]) -> BoxFuture<'e, Result<PgStatement, Error>>
    where
        'c: 'e,
    {
        lent!(self, connection => connection.prepare_with(sql, parameters)).boxed()
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, Result<Describe<Postgres>, Error>>
    where
        'c: 'e,
    {
        lent!(self, connection => connection.describe(sql)).boxed()
    }
}
