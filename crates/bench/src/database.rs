//! A database for each measurement, so that none finds the leavings of another.

use anyhow::Context;
use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool};
use store::{KeyRing, Log};

/// A migrated database that goes with the server.
pub(crate) struct Database {
    pub(crate) url: String,
    pub(crate) pool: PgPool,
    pub(crate) log: Log,
}

/// Makes a database and applies every migration.
pub(crate) async fn fresh(admin: &str, name: &str, connections: u32) -> anyhow::Result<Database> {
    let mut server = PgConnection::connect(admin).await.context("the PostgreSQL of the measurements does not answer")?;
    for statement in [format!("drop database if exists {name} with (force)"), format!("create database {name}")] {
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut server).await?;
    }
    let (server_address, _) = admin.rsplit_once('/').context("the address of the PostgreSQL names a database")?;
    let url = format!("{server_address}/{name}");
    let pool = store::connect(&url, connections).await?;
    store::migrate(&pool).await?;
    let log = Log::new(pool.clone(), KeyRing::random());
    Ok(Database { url, pool, log })
}
