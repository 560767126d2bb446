//! Connecting to the database and bringing it up to date.

use crate::reads;
use sqlx::PgPool;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use std::borrow::Cow;
use std::str::FromStr;
use std::time::Duration;

/// What every connection of the hub's pools is set to. Statements are prepared, and planned once: each is written so that one
/// plan is right for all values, and planning anew takes several times as long as running a list does.
const SETTINGS: &str = "select set_config('search_path', 'views, public', false),
       set_config('timezone', 'UTC', false),
       set_config('plan_cache_mode', 'force_generic_plan', false),
       set_config('statement_timeout', '60s', false),
       set_config('client_connection_check_interval', $1, false),
       set_config('lock_timeout', '20s', false),
       set_config('idle_in_transaction_session_timeout', '10s', false)";

static MIGRATIONS: Migrator = sqlx::migrate!("../../migrations");

/// Why there is no connection to the database.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The address cannot be understood.
    #[error("the database's address is not understood: {0}; it should look like postgres://user:password@host:5432/database")]
    Address(#[source] sqlx::Error),
    /// The database does not answer.
    #[error("cannot connect to the database: {0}")]
    Connection(#[source] sqlx::Error),
}

/// How the hub's pools behave. Whoever connects in another way than by [`connect`] (the embedded database) starts here.
///
/// Each connection finds the views without their schema's name, waits neither for ever on a lock nor in an idle
/// transaction (which would hold up the sequencer), and reads its dates in UTC.
pub fn pool_options(max_connections: u32) -> PgPoolOptions {
    PgPoolOptions::new()
        .max_connections(max_connections)
        .acquire_timeout(Duration::from_secs(5))
        // The pool already tests a connection when it comes back; a second test is worth its round trip only after a rest.
        .test_before_acquire(false)
        .before_acquire(|connection, about| {
            Box::pin(async move {
                if about.idle_for > Duration::from_secs(1) {
                    sqlx::Connection::ping(connection).await?;
                }
                Ok(true)
            })
        })
        .after_connect(|connection, _| {
            Box::pin(async move {
                sqlx::query(SETTINGS).bind(format!("{} ms", reads::CHECK.as_millis())).execute(connection).await?;
                Ok(())
            })
        })
}

/// Connects to PostgreSQL, 15 or later.
///
/// # Errors
/// [`ConnectError`] if the address is wrong or nobody answers there within five seconds.
pub async fn connect(url: &str, max_connections: u32) -> Result<PgPool, ConnectError> {
    let options = PgConnectOptions::from_str(url).map_err(ConnectError::Address)?.application_name("hub");
    pool_options(max_connections).connect_with(options).await.map_err(ConnectError::Connection)
}

/// Brings the database's tables up to date. Several processes may do so at once: they wait for each other.
///
/// # Errors
/// [`MigrateError`] if a migration fails, or the database was migrated by a later version of the hub.
pub async fn migrate(pool: &PgPool) -> Result<(), MigrateError> {
    // The record of migrations is named in full: by the search path alone it would be looked for in the schema `views`
    // as soon as that exists.
    let migrator =
        Migrator { migrations: MIGRATIONS.migrations.clone(), table_name: Cow::Borrowed("public._sqlx_migrations"), ..Migrator::DEFAULT };
    let mut connection = pool.acquire().await?;
    // A migration of a large table may take its time. A connection on which one failed is not used again.
    sqlx::query("select set_config('statement_timeout', '0', false), set_config('lock_timeout', '0', false)")
        .execute(&mut *connection)
        .await?;
    connection.close_on_drop();
    migrator.run_direct(None, &mut *connection, false).await
}
