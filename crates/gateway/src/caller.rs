//! Who sends a request, from where, and what goes with it.

use crate::api::Api;
use crate::graphql::Standing;
use crate::http::problem::Problem;
use axum::extract::{ConnectInfo, FromRef, FromRequestParts};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderMap;
use http::request::Parts;
use identity::{AuthError, Credential, Device, Session};
use projections::Reach;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

/// The header that carries a consistency token, in both directions.
pub const CONSISTENCY_HEADER: &str = "hub-consistency-token";
/// How many characters of a `User-Agent` are kept.
const LONGEST_BROWSER: usize = 300;

/// How long a standing that was read with the credential is taken for the present one, for as long as this process knows of nothing
/// that happened since. Other processes may know more, a moment earlier.
const JUST_NOW: Duration = Duration::from_secs(1);

/// A place in the log up to which the views shall have come before they are read: what a mutation's answer hands out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConsistencyToken(pub u64);

impl ConsistencyToken {
    /// The token as clients hold it.
    pub fn encode(self) -> String {
        URL_SAFE_NO_PAD.encode([b"c".as_slice(), &self.0.to_be_bytes()].concat())
    }

    /// Reads a client's token.
    pub fn decode(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let number: [u8; 8] = bytes.strip_prefix(b"c")?.try_into().ok()?;
        Some(Self(u64::from_be_bytes(number)))
    }
}

/// Who sends a request. Taken from a request by axum, or by [`Api::caller`] where a failure wants an answer of its own.
#[derive(Clone, Debug, Default)]
pub struct Caller {
    /// What the request proved itself by; none for strangers.
    pub credential: Option<Credential>,
    /// The client's address.
    pub address: Option<IpAddr>,
    /// The browser, as it describes itself.
    pub browser: String,
    /// The views must have come this far before they are read.
    pub consistency: Option<ConsistencyToken>,
    /// What the person may see and do, as it was when the credential was looked up.
    standing: Option<Looked>,
}

/// What someone may see and do, as it was looked up.
#[derive(Clone, Debug)]
struct Looked {
    standing: Standing,
    /// How far the views were known to be before.
    reach: Reach,
    at: Instant,
}

impl Caller {
    /// A stranger without an address, for calls within the process.
    pub fn stranger() -> Self {
        Self::default()
    }

    /// Someone who proved to be that, for calls within the process.
    pub fn with(credential: Credential) -> Self {
        Self { credential: Some(credential), ..Self::default() }
    }

    /// The session, unless it is a token's request or a stranger's.
    pub fn session(&self) -> Option<&Session> {
        match &self.credential {
            Some(Credential::Session(session)) => Some(session),
            Some(Credential::Token(_)) | None => None,
        }
    }

    /// Whether someone is signed in.
    pub fn is_signed_in(&self) -> bool {
        self.credential.is_some()
    }

    /// What the person may see and do, if that was read together with the credential just now, and the views are as far as they were
    /// then. Else it is to be read: an answer must not say that it is of a position and go by rights that are older.
    pub(crate) fn standing(&self, reach: Reach) -> Option<&Standing> {
        let looked = self.standing.as_ref()?;
        (looked.reach == reach && looked.at.elapsed() <= JUST_NOW).then_some(&looked.standing)
    }

    /// What a new session shall remember of the browser.
    pub fn device(&self) -> Device {
        Device { browser: self.browser.clone(), address: self.address.map(|address| address.to_string()).unwrap_or_default() }
    }
}

impl Api {
    /// Who sends this request.
    ///
    /// # Errors
    /// A credential was presented in the `Authorization` header and does not hold, or could not be checked.
    pub async fn caller(&self, parts: &Parts) -> Result<Caller, AuthError> {
        Ok(Caller { standing: None, ..self.caller_now(parts).await? })
    }

    /// Who sends this request, and what they may see and do: for a request that asks one thing, at once.
    ///
    /// # Errors
    /// As [`caller`](Self::caller).
    pub(crate) async fn caller_now(&self, parts: &Parts) -> Result<Caller, AuthError> {
        let (reach, at) = (self.backend().progress.known(), Instant::now());
        let recognised = self.backend().identity.recognise(&parts.headers).await?;
        let (credential, standing) =
            recognised.map(|recognised| (recognised.credential, Looked { standing: recognised.standing.into(), reach, at })).unzip();
        Ok(Caller {
            credential,
            standing,
            address: address(parts, self.settings().behind_proxy),
            browser: text(&parts.headers, "user-agent")
                .unwrap_or_default()
                .chars()
                .filter(|c| !c.is_control())
                .take(LONGEST_BROWSER)
                .collect(),
            consistency: text(&parts.headers, CONSISTENCY_HEADER).and_then(ConsistencyToken::decode),
        })
    }

    /// A token for the hidden field of a form; none for who has no session.
    pub fn form_token(&self, caller: &Caller) -> Option<String> {
        caller.session().map(|session| self.backend().identity.sessions.form_token(session))
    }

    /// Whether a form's token was made for the caller's session.
    pub fn check_form_token(&self, caller: &Caller, token: &str) -> bool {
        caller.session().is_some_and(|session| self.backend().identity.sessions.check_form_token(session, token))
    }
}

impl<S> FromRequestParts<S> for Caller
where
    Api: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        Api::from_ref(state).caller(parts).await.map_err(|error| Problem::from(&error))
    }
}

/// The client's address: the connection's, or what the proxy in front appended to `X-Forwarded-For`.
pub(crate) fn address(parts: &Parts, behind_proxy: bool) -> Option<IpAddr> {
    if behind_proxy && let Some(forwarded) = parts.headers.get_all("x-forwarded-for").iter().next_back() {
        // The last entry is the proxy's own; what stands before it came from the client and proves nothing.
        let last = forwarded.to_str().ok().and_then(|value| value.rsplit(',').next()).and_then(|entry| entry.trim().parse::<IpAddr>().ok());
        if let Some(address) = last {
            return Some(address.to_canonical());
        }
    }
    parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(address)| address.ip().to_canonical())
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_consistency_token_survives_its_text(position in any::<u64>(), text in "\\PC{0,30}") {
            prop_assert_eq!(ConsistencyToken::decode(&ConsistencyToken(position).encode()), Some(ConsistencyToken(position)));
            let _ = ConsistencyToken::decode(&text);
        }
    }
}
