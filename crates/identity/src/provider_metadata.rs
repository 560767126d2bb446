//! What providers publish about themselves: the discovery document and the keys, fetched through the guarded client and kept.

use crate::guarded_client::{FetchError, GuardedClient};
use crate::sign_in::SignInError;
use crate::site::is_loopback_host;
use chrono::TimeDelta;
use kernel::{Clock, Timestamp};
use openidconnect::core::{
    CoreAuthDisplay, CoreClaimName, CoreClaimType, CoreClientAuthMethod, CoreGrantType, CoreJsonWebKey, CoreJsonWebKeySet,
    CoreJweContentEncryptionAlgorithm, CoreJweKeyManagementAlgorithm, CoreResponseMode, CoreResponseType, CoreSubjectIdentifierType,
};
use openidconnect::{AdditionalProviderMetadata, IssuerUrl};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::Mutex;

/// How long a discovery document and a key set are believed without being read again.
const BELIEVED: TimeDelta = TimeDelta::hours(1);
/// How long after reading the keys they are read again at the earliest, whatever tokens come by.
const KEYS_AGAIN_AFTER: TimeDelta = TimeDelta::minutes(1);

/// What RFC 9207 adds to the discovery document.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssuerIdentification {
    /// Whether every answer of the provider names its issuer.
    #[serde(default)]
    pub authorization_response_iss_parameter_supported: bool,
}

impl AdditionalProviderMetadata for IssuerIdentification {}

/// A provider's discovery document.
pub type Metadata = openidconnect::ProviderMetadata<
    IssuerIdentification,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

/// What is known of every issuer so far.
#[derive(Clone)]
pub(crate) struct Publications {
    client: GuardedClient,
    clock: Arc<dyn Clock>,
    // One lock for each issuer, held while fetching, so that many sign-ins cause one fetch and a slow provider holds up its own
    // people only. There are as many entries as organisations have registered issuers.
    known: Arc<Mutex<HashMap<String, Arc<Mutex<Known>>>>>,
}

#[derive(Default)]
struct Known {
    metadata: Option<(Arc<Metadata>, Timestamp)>,
    keys: Option<(Arc<CoreJsonWebKeySet>, Timestamp)>,
}

impl Publications {
    pub(crate) fn new(client: GuardedClient, clock: Arc<dyn Clock>) -> Self {
        Self { client, clock, known: Arc::default() }
    }

    async fn known(&self, issuer: &str) -> Arc<Mutex<Known>> {
        self.known.lock().await.entry(issuer.to_owned()).or_default().clone()
    }

    /// The discovery document of an issuer. It must name exactly that issuer, to the last slash.
    pub(crate) async fn metadata(&self, provider: &str, issuer: &str) -> Result<Arc<Metadata>, SignInError> {
        let known = self.known(issuer).await;
        let mut known = known.lock().await;
        let now = self.clock.now();
        if let Some((metadata, read_at)) = &known.metadata
            && now - *read_at < BELIEVED
        {
            return Ok(metadata.clone());
        }
        let metadata = discover(&self.client, provider, issuer).await?;
        let metadata = Arc::new(metadata);
        known.metadata = Some((metadata.clone(), now));
        Ok(metadata)
    }

    /// The keys of an issuer.
    pub(crate) async fn keys(&self, provider: &str, metadata: &Metadata) -> Result<Arc<CoreJsonWebKeySet>, SignInError> {
        self.keys_younger_than(provider, metadata, BELIEVED).await
    }

    /// The keys of an issuer, after one of them was found missing or a signature wrong: read again, but not if that was done within
    /// the last minute, since anyone can make up a token with an unknown key.
    pub(crate) async fn keys_again(&self, provider: &str, metadata: &Metadata) -> Result<Arc<CoreJsonWebKeySet>, SignInError> {
        self.keys_younger_than(provider, metadata, KEYS_AGAIN_AFTER).await
    }

    async fn keys_younger_than(&self, provider: &str, metadata: &Metadata, age: TimeDelta) -> Result<Arc<CoreJsonWebKeySet>, SignInError> {
        let known = self.known(metadata.issuer().as_str()).await;
        let mut known = known.lock().await;
        let now = self.clock.now();
        if let Some((keys, read_at)) = &known.keys
            && now - *read_at < age
        {
            return Ok(keys.clone());
        }
        match self.client.get_json::<CoreJsonWebKeySet>(metadata.jwks_uri().url(), None).await {
            Ok(keys) => {
                let keys = Arc::new(keys);
                known.keys = Some((keys.clone(), now));
                Ok(keys)
            }
            Err(source) => {
                // An attempt that failed counts, or a provider that is down would be asked at every sign-in.
                if let Some((_, read_at)) = &mut known.keys {
                    *read_at = now;
                }
                Err(SignInError::Fetch { provider: provider.to_owned(), source })
            }
        }
    }
}

/// Whether an issuer can be signed in through as far as that can be told without a person: its discovery document and its keys
/// can be read and name it.
///
/// # Errors
/// What keeps people from signing in, as they would be told.
pub async fn check(client: &GuardedClient, issuer: &str) -> Result<(), SignInError> {
    let metadata = discover(client, issuer, issuer).await?;
    let keys: CoreJsonWebKeySet = client
        .get_json(metadata.jwks_uri().url(), None)
        .await
        .map_err(|source| SignInError::Fetch { provider: issuer.to_owned(), source })?;
    tracing::debug!(issuer, keys = keys.keys().len(), "the provider answers");
    Ok(())
}

async fn discover(client: &GuardedClient, provider: &str, issuer: &str) -> Result<Metadata, SignInError> {
    let fetch = |source| SignInError::Fetch { provider: provider.to_owned(), source };
    let issuer_url = IssuerUrl::new(issuer.to_owned()).map_err(|_| fetch(FetchError::BadAddress(issuer.to_owned())))?;
    let address = issuer_url.join(".well-known/openid-configuration").map_err(|_| fetch(FetchError::BadAddress(issuer.to_owned())))?;
    let metadata: Metadata = client.get_json(&address, None).await.map_err(fetch)?;
    if metadata.issuer().as_str() != issuer {
        let found = metadata.issuer().as_str().chars().filter(|c| !c.is_control()).take(200).collect();
        return Err(SignInError::DiscoveryMismatch { provider: provider.to_owned(), expected: issuer.to_owned(), found });
    }
    // The browser is sent to the authorization endpoint. It may be on a network of its own, but not in the clear.
    let page = metadata.authorization_endpoint().url();
    let in_the_clear = page.scheme() == "http" && client.policy().allow_loopback && is_loopback_host(page);
    if page.scheme() != "https" && !in_the_clear {
        return Err(fetch(FetchError::NotHttps(page.origin().ascii_serialization())));
    }
    Ok(metadata)
}
