//! Signing in: the authorization code flow of OpenID Connect with PKCE, as its relying party.
//!
//! [`SignIn::start`] sends the browser to the provider; [`SignIn::finish`] takes the provider's answer. In between lies one row,
//! found by the hash of the `state`, good for ten minutes and once, for one provider and one browser. The nonce and the PKCE
//! verifier are derived from the state under a key of the hub, so nothing that lies in the database could complete a sign-in.

use crate::guarded_client::{FetchError, GuardedClient};
use crate::id_token::{self, Flaw};
use crate::provider_metadata::{Metadata, Publications};
use crate::providers::{ProviderError, ProviderSettings, Providers};
use crate::return_to::ReturnTo;
use crate::secret;
use crate::site::{SetCookie, Site};
use chrono::TimeDelta;
use http::HeaderMap;
use kernel::{Clock, OrganisationId, ProviderId};
use openidconnect::core::{CoreAuthenticationFlow, CoreClient, CoreClientAuthMethod, CoreIdTokenClaims, CoreTokenResponse};
use openidconnect::{
    AccessToken, AuthType, AuthorizationCode, ClientId, ClientSecret, CsrfToken, HttpRequest, Nonce, OAuth2TokenResponse as _,
    PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, RequestTokenError, Scope, TokenResponse as _,
};
use ring::hmac;
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use sqlx::PgPool;
use std::sync::Arc;
use subtle::ConstantTimeEq as _;
use url::Url;

/// The name of the cookie that binds a sign-in to a browser, less the `__Host-` prefix.
const COOKIE: &str = "hub_sign_in";
/// How long a sign-in may take.
const TIME_ALLOWED: TimeDelta = TimeDelta::minutes(10);
/// The longest subject that OpenID Connect allows, in characters.
const LONGEST_SUBJECT: usize = 255;
/// The longest name that is taken over from a provider, in characters.
const LONGEST_NAME: usize = 100;
/// The longest email address there is (RFC 5321), in bytes.
const LONGEST_EMAIL: usize = 254;

/// A sign-in that has begun: set the cookie and send the browser on.
#[derive(Debug)]
pub struct Started {
    /// The provider's page.
    pub redirect_url: Url,
    /// Binds the sign-in to this browser.
    pub browser_cookie: SetCookie,
}

/// The provider's answer: the query of the redirect URI.
#[derive(Clone, Default, Deserialize)]
pub struct Callback {
    /// The authorization code.
    pub code: Option<String>,
    /// The state that the sign-in began with.
    pub state: Option<String>,
    /// The issuer (RFC 9207).
    pub iss: Option<String>,
    /// Why there is no code.
    pub error: Option<String>,
    /// The same in words.
    pub error_description: Option<String>,
}

/// Someone for whom a provider vouches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The provider.
    pub provider: ProviderId,
    /// The organisation whose provider it is.
    pub organisation: OrganisationId,
    /// The issuer.
    pub issuer: String,
    /// The subject. With provider and issuer, it is the person's identity; name and email are not.
    pub subject: String,
    /// The name to show, as the provider states it.
    pub name: String,
    /// The email address, if the provider states one.
    pub email: Option<String>,
    /// Whether the provider says that it has verified the address.
    pub email_verified: bool,
}

/// A sign-in that has succeeded.
#[derive(Debug)]
pub struct Finished {
    /// Who it is.
    pub verified: Verified,
    /// Where to go now.
    pub return_to: ReturnTo,
    /// Makes the browser forget the sign-in's cookie.
    pub forget_cookie: SetCookie,
}

/// A sign-in that failed. The sentence is for people; it holds no secret.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// There is no such provider.
    #[error("There is no such way to sign in. Choose your organisation from the list.")]
    UnknownProvider,
    /// The provider is disabled or its organisation suspended.
    #[error("Signing in through “{0}” is closed at the moment. Ask your organisation's administrator.")]
    Closed(String),
    /// The state is missing, unknown, expired or used before.
    #[error("This sign-in has expired or was used before. Please start again.")]
    Stale,
    /// The answer came to another provider's address than the sign-in began with.
    #[error("This sign-in began with another provider. Please start again.")]
    WrongProvider,
    /// The answer came in another browser than the sign-in began in.
    #[error("This sign-in began in another browser, or cookies are switched off. Please start again in this one.")]
    OtherBrowser,
    /// The answer names another issuer, or none although the provider always names it (RFC 9207): a mix-up attack.
    #[error("The answer did not come from “{0}”. Please start again; if it happens again, tell your organisation's administrator.")]
    IssuerMismatch(String),
    /// The provider did not sign the person in.
    #[error("“{provider}” did not sign you in ({code}). You may try again.")]
    Declined {
        /// The provider's name.
        provider: String,
        /// The error code of OAuth 2: `access_denied`.
        code: String,
    },
    /// The answer had neither code nor error.
    #[error("The answer of “{0}” was incomplete. Please start again.")]
    Incomplete(String),
    /// The provider could not be asked.
    #[error("“{provider}” cannot be asked at the moment: {source}. Try again later, or tell your organisation's administrator.")]
    Fetch {
        /// The provider's name.
        provider: String,
        /// Why.
        source: FetchError,
    },
    /// The discovery document names another issuer than was registered.
    #[error(
        "“{provider}” is set up wrongly: it calls itself “{found}”, but was registered as “{expected}”. Tell your organisation's administrator."
    )]
    DiscoveryMismatch {
        /// The provider's name.
        provider: String,
        /// The issuer as registered.
        expected: String,
        /// The issuer as the document names it.
        found: String,
    },
    /// The provider refused the code, or its answer to it could not be read.
    #[error(
        "“{provider}” did not confirm the sign-in ({reason}). Please start again; if it happens again, tell your organisation's administrator."
    )]
    Exchange {
        /// The provider's name.
        provider: String,
        /// The error code of OAuth 2, or what could not be read.
        reason: String,
    },
    /// The ID token does not hold.
    #[error("The proof that “{provider}” sent cannot be accepted: {flaw}. Tell your organisation's administrator.")]
    Unverified {
        /// The provider's name.
        provider: String,
        /// What is wrong with it.
        flaw: Flaw,
    },
    /// The hub lacks the provider's secret.
    #[error("Signing in through this provider is not set up completely: {0}.")]
    Misconfigured(String),
    /// The hub's own database or directory cannot be read.
    #[error("Signing in is not possible at the moment. Try again shortly.")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl SignInError {
    /// The status of the page that shows it.
    pub fn status(&self) -> http::StatusCode {
        use http::StatusCode;
        match self {
            Self::UnknownProvider => StatusCode::NOT_FOUND,
            Self::Closed(_) => StatusCode::FORBIDDEN,
            Self::Stale
            | Self::WrongProvider
            | Self::OtherBrowser
            | Self::IssuerMismatch(_)
            | Self::Declined { .. }
            | Self::Incomplete(_)
            | Self::Exchange { .. }
            | Self::Unverified { .. } => StatusCode::BAD_REQUEST,
            Self::Fetch { .. } | Self::DiscoveryMismatch { .. } | Self::Misconfigured(_) => StatusCode::BAD_GATEWAY,
            Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

impl From<sqlx::Error> for SignInError {
    fn from(error: sqlx::Error) -> Self {
        Self::Unavailable(error.into())
    }
}

impl From<ProviderError> for SignInError {
    fn from(error: ProviderError) -> Self {
        match error {
            ProviderError::Unknown => Self::UnknownProvider,
            ProviderError::Closed(name) => Self::Closed(name),
            ProviderError::NoSecret(_) | ProviderError::Sealed(_) => Self::Misconfigured(error.to_string()),
            ProviderError::Directory(_) | ProviderError::Database(_) => Self::Unavailable(error.into()),
        }
    }
}

/// The relying party.
#[derive(Clone)]
pub struct SignIn {
    db: PgPool,
    clock: Arc<dyn Clock>,
    site: Site,
    providers: Providers,
    client: GuardedClient,
    publications: Publications,
    key: hmac::Key,
}

impl SignIn {
    /// Signing in to the hub at this address through these providers. The nonce and the PKCE verifier are derived under `key`.
    pub fn new(db: PgPool, clock: Arc<dyn Clock>, site: Site, providers: Providers, client: GuardedClient, key: &[u8; 32]) -> Self {
        let publications = Publications::new(client.clone(), clock.clone());
        Self { db, clock, site, providers, client, publications, key: hmac::Key::new(hmac::HMAC_SHA256, key) }
    }

    /// Begin a sign-in.
    ///
    /// # Errors
    /// [`SignInError`]: no such provider, closed, or it cannot be asked.
    pub async fn start(&self, provider: ProviderId, return_to: &ReturnTo) -> Result<Started, SignInError> {
        let settings = self.providers.settings(provider).await?;
        let metadata = self.publications.metadata(&settings.name, &settings.issuer).await?;
        let (state, browser) = (secret::random_text(), secret::random_text());
        let now = self.clock.now();
        sqlx::query!("delete from identity.sign_ins where expires_at <= $1", now).execute(&self.db).await?;
        sqlx::query!(
            "insert into identity.sign_ins (state_hash, provider, browser_hash, return_to, expires_at) values ($1, $2, $3, $4, $5)",
            secret::hash(&state),
            provider.uuid(),
            secret::hash(&browser),
            return_to.as_str(),
            now + TIME_ALLOWED,
        )
        .execute(&self.db)
        .await?;
        let challenge = PkceCodeChallenge::from_code_verifier_sha256(&self.verifier(&state));
        let nonce = self.nonce(&state);
        let client = client(&settings, &metadata).set_redirect_uri(self.redirect_uri(provider));
        let request = client
            .authorize_url(CoreAuthenticationFlow::AuthorizationCode, || CsrfToken::new(state), || nonce)
            .add_scopes(settings.scopes.iter().filter(|scope| *scope != "openid").cloned().map(Scope::new))
            .set_pkce_challenge(challenge);
        let (redirect_url, _, _) = request.url();
        let browser_cookie = self.site.set_cookie(COOKIE, &browser, Some(TIME_ALLOWED.num_seconds()));
        Ok(Started { redirect_url, browser_cookie })
    }

    /// Take the provider's answer, which came to its own redirect URI with these headers.
    ///
    /// # Errors
    /// [`SignInError`]: whatever does not hold. The sign-in is used up all the same.
    pub async fn finish(&self, provider: ProviderId, answer: &Callback, headers: &HeaderMap) -> Result<Finished, SignInError> {
        let state = answer.state.as_deref().filter(|state| secret::is_well_formed(state)).ok_or(SignInError::Stale)?;
        // Taking the row out is what makes the state good for once, also for two answers at the same time.
        let begun = sqlx::query!(
            "delete from identity.sign_ins where state_hash = $1 returning provider, browser_hash, return_to, expires_at",
            secret::hash(state)
        )
        .fetch_optional(&self.db)
        .await?;
        let now = self.clock.now();
        let begun = begun.filter(|begun| begun.expires_at > now).ok_or(SignInError::Stale)?;
        if begun.provider != provider.uuid() {
            return Err(SignInError::WrongProvider);
        }
        let browser = self.site.read_cookie(headers, COOKIE).ok_or(SignInError::OtherBrowser)?;
        if !bool::from(secret::hash(browser).ct_eq(&begun.browser_hash)) {
            return Err(SignInError::OtherBrowser);
        }
        let settings = self.providers.settings(provider).await?;
        let metadata = self.publications.metadata(&settings.name, &settings.issuer).await?;
        check_issuer(answer.iss.as_deref(), &settings, &metadata)?;
        if let Some(code) = &answer.error {
            return Err(SignInError::Declined { provider: settings.name, code: error_code(code) });
        }
        let code = answer.code.as_ref().ok_or_else(|| SignInError::Incomplete(settings.name.clone()))?;
        let tokens = self.exchange(&settings, &metadata, provider, code, self.verifier(state)).await?;
        let verified = self.verify(&settings, &metadata, &tokens, &self.nonce(state)).await?;
        Ok(Finished {
            verified,
            return_to: ReturnTo::or_home(Some(&begun.return_to)),
            forget_cookie: self.site.set_cookie(COOKIE, "", Some(0)),
        })
    }

    /// Exchange the code for tokens, which stay here.
    async fn exchange(
        &self,
        settings: &ProviderSettings,
        metadata: &Metadata,
        provider: ProviderId,
        code: &str,
        verifier: PkceCodeVerifier,
    ) -> Result<CoreTokenResponse, SignInError> {
        let client = client(settings, metadata)
            .set_client_secret(ClientSecret::new(settings.secret.expose_secret().to_owned()))
            .set_redirect_uri(self.redirect_uri(provider));
        let failed = |reason: &str| SignInError::Exchange { provider: settings.name.clone(), reason: reason.to_owned() };
        let send = |request: HttpRequest| {
            let client = self.client.clone();
            async move { client.send(request).await }
        };
        let request = client.exchange_code(AuthorizationCode::new(code.to_owned())).map_err(|_| failed("no token endpoint"))?;
        request.set_pkce_verifier(verifier).request_async(&send).await.map_err(|error| match error {
            RequestTokenError::Request(source) => SignInError::Fetch { provider: settings.name.clone(), source },
            RequestTokenError::ServerResponse(answer) => failed(&error_code(answer.error().as_ref())),
            RequestTokenError::Parse(..) | RequestTokenError::Other(_) => failed("unreadable answer"),
        })
    }

    async fn verify(
        &self,
        settings: &ProviderSettings,
        metadata: &Metadata,
        tokens: &CoreTokenResponse,
        nonce: &Nonce,
    ) -> Result<Verified, SignInError> {
        let unverified = |flaw| SignInError::Unverified { provider: settings.name.clone(), flaw };
        let token = tokens.id_token().ok_or_else(|| unverified(Flaw::Missing))?;
        let now = self.clock.now();
        let keys = self.publications.keys(&settings.name, metadata).await?;
        let mut claims = id_token::verify(token, tokens.access_token(), settings, &keys, nonce, now);
        if claims.is_err_and(Flaw::may_be_old_keys) {
            let keys = self.publications.keys_again(&settings.name, metadata).await?;
            claims = id_token::verify(token, tokens.access_token(), settings, &keys, nonce, now);
        }
        let claims = claims.map_err(unverified)?;
        let subject = claims.subject().as_str();
        if subject.is_empty() || subject.chars().count() > LONGEST_SUBJECT || subject.chars().any(char::is_control) {
            return Err(unverified(Flaw::Malformed));
        }
        let mut about = About::of(claims);
        if (about.name.is_none() || about.email.is_none())
            && let Some(more) = self.user_information(settings, metadata, tokens.access_token()).await
        {
            if more.sub.as_deref() != Some(subject) {
                return Err(unverified(Flaw::Subject));
            }
            about = about.or(more);
        }
        Ok(Verified {
            provider: settings.id,
            organisation: settings.organisation,
            issuer: settings.issuer.clone(),
            subject: subject.to_owned(),
            name: about.shown_name(),
            email_verified: about.email.is_some() && about.email_verified,
            email: about.email,
        })
    }

    /// What the user information endpoint adds, if there is one. That it fails is no reason to keep someone out.
    async fn user_information(&self, settings: &ProviderSettings, metadata: &Metadata, token: &AccessToken) -> Option<About> {
        let endpoint = metadata.userinfo_endpoint()?;
        match self.client.get_json::<About>(endpoint.url(), Some(token.secret())).await {
            Ok(about) => Some(about.cleaned()),
            Err(error) => {
                tracing::warn!(provider = %settings.id, %error, "the user information endpoint did not answer");
                None
            }
        }
    }

    fn redirect_uri(&self, provider: ProviderId) -> RedirectUrl {
        RedirectUrl::from_url(self.site.redirect_uri(provider))
    }

    fn verifier(&self, state: &str) -> PkceCodeVerifier {
        PkceCodeVerifier::new(self.derived("pkce", state))
    }

    fn nonce(&self, state: &str) -> Nonce {
        Nonce::new(self.derived("nonce", state))
    }

    fn derived(&self, purpose: &str, state: &str) -> String {
        secret::encode(hmac::sign(&self.key, format!("{purpose}\n{state}").as_bytes()).as_ref())
    }
}

type Client = CoreClient<
    openidconnect::EndpointSet,
    openidconnect::EndpointNotSet,
    openidconnect::EndpointNotSet,
    openidconnect::EndpointNotSet,
    openidconnect::EndpointMaybeSet,
    openidconnect::EndpointMaybeSet,
>;

/// The client as the provider knows it, without its secret.
fn client(settings: &ProviderSettings, metadata: &Metadata) -> Client {
    let methods = metadata.token_endpoint_auth_methods_supported();
    // Where nothing is said, the secret goes into the header (OpenID Connect Discovery 1.0); into the body only if that is all there is.
    let body_only = methods.is_some_and(|methods| {
        methods.contains(&CoreClientAuthMethod::ClientSecretPost) && !methods.contains(&CoreClientAuthMethod::ClientSecretBasic)
    });
    CoreClient::from_provider_metadata(metadata.clone(), ClientId::new(settings.client_id.clone()), None).set_auth_type(if body_only {
        AuthType::RequestBody
    } else {
        AuthType::BasicAuth
    })
}

/// RFC 9207: the answer names the issuer that it comes from, so that no other provider's answer is taken for it.
fn check_issuer(named: Option<&str>, settings: &ProviderSettings, metadata: &Metadata) -> Result<(), SignInError> {
    let holds = match named {
        Some(issuer) => issuer == settings.issuer,
        None => !metadata.additional_metadata().authorization_response_iss_parameter_supported,
    };
    if holds { Ok(()) } else { Err(SignInError::IssuerMismatch(settings.name.clone())) }
}

/// An error code of OAuth 2 as it may be shown: a short word, or nothing of what a stranger wrote.
fn error_code(code: &str) -> String {
    let proper = code.len() <= 60 && code.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'));
    if proper && !code.is_empty() { code.to_owned() } else { "unknown error".to_owned() }
}

/// What a provider says about someone, in the ID token or at the user information endpoint.
#[derive(Default, Deserialize)]
struct About {
    sub: Option<String>,
    name: Option<String>,
    given_name: Option<String>,
    family_name: Option<String>,
    preferred_username: Option<String>,
    email: Option<String>,
    #[serde(default)]
    email_verified: bool,
}

impl About {
    fn of(claims: &CoreIdTokenClaims) -> Self {
        let text = |text: Option<&str>| text.map(str::to_owned);
        Self {
            sub: Some(claims.subject().to_string()),
            name: text(claims.name().and_then(|name| name.get(None)).map(|name| name.as_str())),
            given_name: text(claims.given_name().and_then(|name| name.get(None)).map(|name| name.as_str())),
            family_name: text(claims.family_name().and_then(|name| name.get(None)).map(|name| name.as_str())),
            preferred_username: text(claims.preferred_username().map(|name| name.as_str())),
            email: text(claims.email().map(|email| email.as_str())),
            email_verified: claims.email_verified().unwrap_or(false),
        }
        .cleaned()
    }

    /// Each text on one line and of a decent length; what is no email address is dropped.
    fn cleaned(self) -> Self {
        let email = self.email.map(|email| email.trim().to_owned());
        Self {
            sub: self.sub,
            name: self.name.and_then(|text| one_line(&text)),
            given_name: self.given_name.and_then(|text| one_line(&text)),
            family_name: self.family_name.and_then(|text| one_line(&text)),
            preferred_username: self.preferred_username.and_then(|text| one_line(&text)),
            email: email.filter(|email| is_email(email)),
            email_verified: self.email_verified,
        }
    }

    /// This, and from `more` what is missing here.
    fn or(self, more: Self) -> Self {
        let email_verified = if self.email.is_some() { self.email_verified } else { more.email_verified };
        Self {
            sub: self.sub,
            name: self.name.or(more.name),
            given_name: self.given_name.or(more.given_name),
            family_name: self.family_name.or(more.family_name),
            preferred_username: self.preferred_username.or(more.preferred_username),
            email: self.email.or(more.email),
            email_verified,
        }
    }

    fn shown_name(&self) -> String {
        let parts = [self.given_name.as_deref(), self.family_name.as_deref()];
        let joined = parts.into_iter().flatten().collect::<Vec<_>>().join(" ");
        let joined = (!joined.is_empty()).then_some(joined);
        let mailbox = self.email.as_deref().and_then(|email| email.split('@').next()).map(str::to_owned);
        let name = self.name.clone().or(joined).or_else(|| self.preferred_username.clone()).or(mailbox);
        name.unwrap_or_else(|| "New member".to_owned())
    }
}

fn one_line(text: &str) -> Option<String> {
    let words: Vec<&str> = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()).collect();
    let line: String = words.join(" ").chars().take(LONGEST_NAME).collect();
    (!line.is_empty()).then_some(line)
}

fn is_email(text: &str) -> bool {
    let parts = text.rsplit_once('@');
    text.len() <= LONGEST_EMAIL
        && !text.chars().any(|c| c.is_whitespace() || c.is_control())
        && parts.is_some_and(|(mailbox, host)| !mailbox.is_empty() && !host.is_empty())
}
