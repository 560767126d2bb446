//! Organisations' identity providers, as the relying party needs them: the public facts from the organisation's stream, the
//! client secret from its sealed row.

use async_trait::async_trait;
use kernel::{Clock, OrganisationId, ProviderId, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use sqlx::PgPool;
use std::sync::Arc;
use store::KeyRing;

/// What the log says of a provider. It holds no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderRecord {
    /// The provider's id.
    pub id: ProviderId,
    /// Whose it is.
    pub organisation: OrganisationId,
    /// The organisation's name.
    pub organisation_name: String,
    /// What people call it: “Staff sign-in”.
    pub name: String,
    /// The issuer, exactly as the provider writes it.
    pub issuer: String,
    /// The client id that the provider gave the hub.
    pub client_id: String,
    /// Scopes to ask for besides `openid`.
    pub scopes: Vec<String>,
    /// Whether people may sign in through it.
    pub enabled: bool,
    /// Whether its organisation is suspended.
    pub organisation_suspended: bool,
}

impl ProviderRecord {
    /// Whether people may sign in through it now.
    pub fn is_open(&self) -> bool {
        self.enabled && !self.organisation_suspended
    }
}

/// The directory could not be read. The source is for the log, not for people.
#[derive(Debug, thiserror::Error)]
#[error("the directory of identity providers cannot be read")]
pub struct DirectoryError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// Where the facts about providers come from: a view of the log; in tests, a list.
#[async_trait]
pub trait ProviderDirectory: Send + Sync + 'static {
    /// One provider, disabled or not.
    async fn provider(&self, id: ProviderId) -> Result<Option<ProviderRecord>, DirectoryError>;
    /// Every provider of an organisation, by name.
    async fn by_organisation(&self, organisation: OrganisationId) -> Result<Vec<ProviderRecord>, DirectoryError>;
    /// Every provider that is open, by organisation and name: what the sign-in page offers.
    async fn open(&self) -> Result<Vec<ProviderRecord>, DirectoryError>;
}

/// A provider with everything that signing in needs.
#[derive(Clone, Debug)]
pub struct ProviderSettings {
    /// The provider's id.
    pub id: ProviderId,
    /// Whose it is.
    pub organisation: OrganisationId,
    /// What people call it.
    pub name: String,
    /// The issuer.
    pub issuer: String,
    /// The client id.
    pub client_id: String,
    /// Scopes to ask for besides `openid`.
    pub scopes: Vec<String>,
    /// The client secret. It shows itself neither in logs nor in debug output.
    pub secret: SecretString,
}

/// A provider's settings could not be had.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// There is no such provider.
    #[error("there is no such identity provider")]
    Unknown,
    /// It is disabled, or its organisation suspended.
    #[error("signing in through “{0}” is closed at the moment")]
    Closed(String),
    /// No client secret was stored.
    #[error("no client secret is stored for “{0}”; an administrator of the organisation must enter it again")]
    NoSecret(String),
    /// The stored secret does not open with the hub's master key.
    #[error("the client secret of “{0}” cannot be opened: it was sealed under another master key, or changed")]
    Sealed(String),
    /// The directory could not be read.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// The database could not be read.
    #[error("the database cannot be reached")]
    Database(#[from] sqlx::Error),
}

/// Reads providers' settings and keeps their secrets.
#[derive(Clone)]
pub struct Providers {
    directory: Arc<dyn ProviderDirectory>,
    db: PgPool,
    keys: Arc<KeyRing>,
    clock: Arc<dyn Clock>,
}

impl Providers {
    /// Providers of this directory, their secrets sealed with these keys.
    pub fn new(directory: Arc<dyn ProviderDirectory>, db: PgPool, keys: Arc<KeyRing>, clock: Arc<dyn Clock>) -> Self {
        Self { directory, db, keys, clock }
    }

    /// The directory.
    pub fn directory(&self) -> &dyn ProviderDirectory {
        self.directory.as_ref()
    }

    /// Everything that signing in through a provider needs.
    ///
    /// # Errors
    /// [`ProviderError`]: there is none, it is closed, or its secret is missing.
    pub async fn settings(&self, id: ProviderId) -> Result<ProviderSettings, ProviderError> {
        let record = self.directory.provider(id).await?.ok_or(ProviderError::Unknown)?;
        // The bar is asked as well: it is drawn from the log at once, where the directory's view may lag.
        let barred = sqlx::query_scalar!(
            r#"select exists (select from identity.barred where subject in ($1, $2)) as "barred!""#,
            id.uuid(),
            record.organisation.uuid()
        )
        .fetch_one(&self.db)
        .await?;
        if barred || !record.is_open() {
            return Err(ProviderError::Closed(record.name));
        }
        let sealed = sqlx::query_scalar!("select sealed from identity.provider_secrets where provider = $1", id.uuid())
            .fetch_optional(&self.db)
            .await?;
        let sealed = sealed.ok_or_else(|| ProviderError::NoSecret(record.name.clone()))?;
        let opened = self.keys.open(&associated(id), &sealed).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let secret = opened.ok_or_else(|| ProviderError::Sealed(record.name.clone()))?;
        Ok(ProviderSettings {
            id,
            organisation: record.organisation,
            name: record.name,
            issuer: record.issuer,
            client_id: record.client_id,
            scopes: record.scopes,
            secret: secret.into(),
        })
    }

    /// Keep a provider's client secret, sealed. An earlier one is replaced.
    ///
    /// # Errors
    /// The database's.
    pub async fn store_secret(&self, id: ProviderId, secret: &SecretString) -> Result<(), sqlx::Error> {
        store_secret(&self.db, &self.keys, id, secret, self.clock.now()).await
    }

    /// Destroy a provider's client secret. False if none was kept.
    ///
    /// # Errors
    /// The database's.
    pub async fn remove_secret(&self, id: ProviderId) -> Result<bool, sqlx::Error> {
        Ok(sqlx::query!("delete from identity.provider_secrets where provider = $1", id.uuid()).execute(&self.db).await?.rows_affected()
            > 0)
    }
}

/// Keep a provider's client secret, sealed, where there is no more of identity than the database: on the command line.
///
/// # Errors
/// The database's.
pub async fn store_secret(db: &PgPool, keys: &KeyRing, id: ProviderId, secret: &SecretString, now: Timestamp) -> Result<(), sqlx::Error> {
    let sealed = keys.seal(&associated(id), secret.expose_secret().as_bytes());
    sqlx::query!(
        "insert into identity.provider_secrets (provider, sealed, stored_at) values ($1, $2, $3)
         on conflict (provider) do update set sealed = excluded.sealed, stored_at = excluded.stored_at",
        id.uuid(),
        sealed,
        now,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// What a sealed secret is bound to, so that no row's secret opens in another's place.
fn associated(id: ProviderId) -> String {
    format!("identity.provider_secrets/{id}")
}
