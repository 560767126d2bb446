//! Throw-away databases for tests.

use crate::append::{Append, AppendError, Appended};
use crate::database;
use crate::keys::KeyRing;
use crate::log::Log;
use crate::reads::Reads;
use kernel::Ids as _;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection, PgPool};
use std::str::FromStr;

/// The variable that names the server on which tests make their databases.
pub const SERVER: &str = "HUB_TEST_DATABASE_URL";

/// A database of a test's own, migrated and empty. It is dropped with this guard.
#[derive(Debug)]
pub struct Database {
    pool: PgPool,
    name: String,
    server: PgConnectOptions,
    reads: Reads,
}

/// Makes a database of its own for the calling test, with a pool of ten connections.
///
/// # Panics
/// If [`SERVER`] is unset (a test that cannot run must fail, not pass), or the server refuses.
pub async fn database() -> Database {
    database_with(10).await
}

/// The same with a pool of so many connections; with one, a test behaves as on the embedded database.
///
/// # Panics
/// As [`database`].
pub async fn database_with(max_connections: u32) -> Database {
    let url = std::env::var(SERVER).unwrap_or_else(|_| {
        panic!("{SERVER} is not set. `cargo xtask test` starts a server and sets it; or give the address of one where a test may create databases")
    });
    let server = PgConnectOptions::from_str(&url).unwrap_or_else(|error| panic!("{SERVER} is not an address of PostgreSQL: {error}"));
    let name = format!("hub_test_{}", kernel::RandomIds.next().simple());
    let mut connection = server.connect().await.unwrap_or_else(|error| panic!("cannot connect to the server of {SERVER}: {error}"));
    sqlx::query(AssertSqlSafe(format!("create database {name}"))).execute(&mut connection).await.expect("a test may create a database");
    connection.close().await.expect("the connection closes");
    let options = server.clone().database(&name).application_name("hub test");
    let pool = database::pool_options(max_connections).connect_with(options).await.expect("the new database answers");
    database::migrate(&pool).await.expect("the migrations apply to an empty database");
    let reads = Reads::from(pool.clone());
    Database { pool, name, server, reads }
}

/// Appends within a transaction that the caller has begun on `connection` and will end as it likes, which nothing but a
/// test should do: readers must cope with transactions that commit late, roll back, or are cut off.
///
/// # Errors
/// As [`Log::append`]; a race that is lost shows as the database's error.
pub async fn append_within(log: &Log, connection: &mut PgConnection, append: Append) -> Result<Appended, AppendError> {
    log.append_within(connection, append).await
}

impl Database {
    /// The pool on this database.
    pub fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// Reads on this database.
    pub fn reads(&self) -> &Reads {
        &self.reads
    }

    /// A log on this database, under a random key.
    pub fn log(&self) -> Log {
        Log::new(self.pool.clone(), KeyRing::random())
    }

    /// How to connect to this database by other means.
    pub fn connect_options(&self) -> PgConnectOptions {
        self.server.clone().database(&self.name)
    }

    /// Its address, for another process.
    pub fn url(&self) -> String {
        self.connect_options().to_url_lossy().to_string()
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let (server, name) = (self.server.clone(), std::mem::take(&mut self.name));
        // The test's own runtime may be of one thread, which waits here; so another one drops the database.
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                let mut connection = server.connect().await?;
                sqlx::query(AssertSqlSafe(format!("drop database if exists {name} with (force)"))).execute(&mut connection).await?;
                connection.close().await
            })
        });
        if !matches!(dropped.join(), Ok(Ok(()))) {
            tracing::warn!("a test's database could not be dropped");
        }
    }
}
