//! What everything stands on: the database, the keys, the log.

use crate::config::{Config, make_data_dir};
use anyhow::{Context, bail};
use kernel::{Clock, Ids, RandomIds, SystemClock};
use services::Services;
use sqlx::PgPool;
use std::path::Path;
use std::sync::Arc;
use store::{KeyRing, Leadership, Log};

/// The database, the keys and the log, opened.
pub(crate) struct Foundation {
    /// Connections to the database; exactly one if it is the embedded one.
    pub(crate) pool: PgPool,
    /// The hub's keys.
    pub(crate) keys: KeyRing,
    /// The event log.
    pub(crate) log: Log,
    /// The machine's time.
    pub(crate) clock: Arc<dyn Clock>,
    /// New identifiers.
    pub(crate) ids: Arc<dyn Ids>,
    embedded: Option<embedded::Embedded>,
}

impl Foundation {
    /// Opens a hub that is there already: a mistyped folder must not pass for an empty hub.
    ///
    /// # Errors
    /// There is none, or as [`Foundation::open`].
    pub(crate) async fn open_existing(config: &Config) -> anyhow::Result<Self> {
        if config.database_url.is_none() && !embedded::is_there(&config.data_dir) {
            bail!(
                "There is no hub in the folder {}. Name its folder with --data-dir (HUB_DATA_DIR), or its database with HUB_DATABASE_URL.",
                config.data_dir.display()
            );
        }
        Self::open(config).await
    }

    /// Opens what the configuration names, and brings the database's tables up to date.
    ///
    /// # Errors
    /// One sentence that names the setting and the remedy.
    pub(crate) async fn open(config: &Config) -> anyhow::Result<Self> {
        let (pool, embedded, keys) = if let Some(url) = &config.database_url {
            let Some(keys) = config.master_key()? else {
                bail!(
                    "With a database of its own the hub needs a master key: set HUB_MASTER_KEY_FILE to a file with 32 random bytes in base64 \
                     (openssl rand -base64 32)."
                );
            };
            let pool = store::connect(&url.0, config.database_connections).await.context(
                "The database does not answer (setting database_url). Check that PostgreSQL runs there and that name and password are right",
            )?;
            (pool, None, keys)
        } else {
            make_data_dir(&config.data_dir)?;
            let embedded = embedded::database(&config.data_dir).await?;
            let keys = match config.master_key()? {
                Some(keys) => keys,
                None => key_in(&config.data_dir)?,
            };
            let pool = store::connect(embedded.url(), 1).await.context("The embedded database does not answer")?;
            (pool, Some(embedded), keys)
        };
        store::migrate(&pool).await.context("The database's tables cannot be brought up to date")?;
        let log = Log::new(pool.clone(), keys.clone());
        Ok(Self { pool, keys, log, clock: Arc::new(SystemClock), ids: Arc::new(RandomIds), embedded })
    }

    /// Whether the database is the embedded one, which only this process can have open.
    pub(crate) fn is_embedded(&self) -> bool {
        self.embedded.is_some()
    }

    /// How this process may become the sequencer.
    pub(crate) fn leadership(&self) -> Leadership {
        if self.is_embedded() { Leadership::Sole } else { Leadership::SessionLock }
    }

    /// The services over this log, in process.
    pub(crate) fn services(&self) -> Services {
        Services::new(self.log.clone(), self.clock.clone(), self.ids.clone())
    }

    /// Closes connections, then the embedded database.
    ///
    /// # Errors
    /// The embedded database does not close.
    pub(crate) async fn close(self) -> anyhow::Result<()> {
        self.pool.close().await;
        if let Some(embedded) = self.embedded {
            embedded.stop().await.context("The embedded database did not close in order; it recovers at the next start")?;
        }
        Ok(())
    }
}

/// The master key of an installation on the embedded database: made at the first start, readable to its owner only.
fn key_in(data_dir: &Path) -> anyhow::Result<KeyRing> {
    let file = data_dir.join("master.key");
    KeyRing::from_file_or_new(&file).with_context(|| format!("The master key in {} cannot be read or made", file.display()))
}
