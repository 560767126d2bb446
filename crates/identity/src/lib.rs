//! Who is this? The relying party of OpenID Connect, sessions and API tokens.
//!
//! [`Identity`] holds it all together. A request is asked who makes it by [`Identity::authenticate`]; a person comes in by
//! [`SignIn::start`] and [`SignIn::finish`], after which the caller finds or creates the person and opens a session with
//! [`Sessions::create`]. What the log says of suspensions is handed to [`Bars`].
//!
//! No secret is kept as it is: cookies, tokens and states as SHA-256, client secrets sealed. Tokens of the provider never
//! reach the browser, and are dropped once they are verified. Every fetch goes through [`GuardedClient`].

mod address;
pub mod api_tokens;
pub mod authentication;
pub mod bars;
pub mod guarded_client;
pub mod id_token;
pub mod provider_metadata;
pub mod providers;
pub mod return_to;
mod secret;
pub mod sessions;
pub mod sign_in;
pub mod site;

pub use api_tokens::{ApiToken, ApiTokens, ListedToken};
pub use authentication::{AuthError, Credential, Recognised};
pub use bars::Bars;
pub use guarded_client::{FetchError, FetchPolicy, GuardedClient};
pub use providers::{DirectoryError, ProviderDirectory, ProviderError, ProviderRecord, ProviderSettings, Providers};
pub use return_to::ReturnTo;
pub use sessions::{Device, Opened, Session, SessionId, SessionLimits, Sessions};
pub use sign_in::{Callback, Finished, SignIn, SignInError, Started, Verified};
pub use site::{SetCookie, Site, SiteError};

use http::HeaderMap;
use kernel::{Clock, Ids};
use std::sync::Arc;
use store::KeyRing;
use store::Reads;

/// What identity is made of.
pub struct Parts {
    /// The database.
    pub db: Reads,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Identifiers.
    pub ids: Arc<dyn Ids>,
    /// The hub's public address.
    pub site: Site,
    /// How long sessions last.
    pub limits: SessionLimits,
    /// What may be fetched from.
    pub fetch: FetchPolicy,
    /// The hub's keys.
    pub keys: Arc<KeyRing>,
    /// The facts about providers.
    pub directory: Arc<dyn ProviderDirectory>,
}

/// Everything that says who someone is. Cheap to clone.
#[derive(Clone)]
pub struct Identity {
    /// The hub's public address.
    pub site: Site,
    /// Sessions.
    pub sessions: Sessions,
    /// API tokens.
    pub tokens: ApiTokens,
    /// Providers and their secrets.
    pub providers: Providers,
    /// Signing in.
    pub sign_in: SignIn,
    /// Consequences of suspensions.
    pub bars: Bars,
    /// The client for every fetch.
    pub client: GuardedClient,
}

impl Identity {
    /// Put the parts together. The tables of the schema `identity` must exist.
    ///
    /// # Errors
    /// [`FetchError::NoClient`] if this machine has no usable TLS settings.
    pub fn new(parts: Parts) -> Result<Self, FetchError> {
        let Parts { db, clock, ids, site, limits, fetch, keys, directory } = parts;
        let client = GuardedClient::new(fetch)?;
        let sessions = Sessions::new(db.clone(), clock.clone(), ids, site.clone(), limits, &keys.derive("identity/form-tokens"));
        let tokens = ApiTokens::new(db.clone(), clock.clone());
        let bars = Bars::new(db.pool().clone(), clock.clone(), sessions.clone(), tokens.clone());
        let sign_in_key = keys.derive("identity/sign-in");
        let providers = Providers::new(directory, db.pool().clone(), keys, clock.clone());
        let sign_in = SignIn::new(db.pool().clone(), clock, site.clone(), providers.clone(), client.clone(), &sign_in_key);
        Ok(Self { site, sessions, tokens, providers, sign_in, bars, client })
    }

    /// Who makes a request: nobody in particular, or someone proved.
    ///
    /// # Errors
    /// [`AuthError`]: a token was presented and does not hold (401), or it could not be checked (503).
    pub async fn authenticate(&self, headers: &HeaderMap) -> Result<Option<Credential>, AuthError> {
        Ok(self.recognise(headers).await?.map(|recognised| recognised.credential))
    }

    /// The same, with what that person may see and do at this moment.
    ///
    /// # Errors
    /// As [`authenticate`](Self::authenticate).
    pub async fn recognise(&self, headers: &HeaderMap) -> Result<Option<Recognised>, AuthError> {
        authentication::authenticate(&self.sessions, &self.tokens, headers).await
    }
}
