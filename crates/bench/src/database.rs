//! A database for each measurement, so that none finds the leavings of another.

use anyhow::Context;
use base64::Engine as _;
use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool};
use store::{KeyRing, Log};

use crate::world;

/// A migrated database that goes with the server.
pub(crate) struct Database {
    pub(crate) url: String,
    pub(crate) pool: PgPool,
    pub(crate) log: Log,
}

/// A new key, as text, for a hub that is started on the database afterwards.
pub(crate) fn random_key() -> String {
    let halves = [world::fresh().into_bytes(), world::fresh().into_bytes()];
    base64::engine::general_purpose::STANDARD.encode(halves.concat())
}

/// Makes a database and applies every migration.
pub(crate) async fn fresh(admin: &str, name: &str, connections: u32) -> anyhow::Result<Database> {
    sealed_by(admin, name, connections, &random_key()).await
}

/// The same, with this key.
pub(crate) async fn sealed_by(admin: &str, name: &str, connections: u32, key: &str) -> anyhow::Result<Database> {
    let mut server = PgConnection::connect(admin).await.context("the PostgreSQL of the measurements does not answer")?;
    for statement in [format!("drop database if exists {name} with (force)"), format!("create database {name}")] {
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut server).await?;
    }
    let (server_address, _) = admin.rsplit_once('/').context("the address of the PostgreSQL names a database")?;
    let url = format!("{server_address}/{name}");
    let pool = store::connect(&url, connections).await?;
    store::migrate(&pool).await?;
    let log = Log::new(pool.clone(), KeyRing::from_text(key)?);
    Ok(Database { url, pool, log })
}
