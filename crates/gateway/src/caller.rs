//! Who sends a request, from where, and what goes with it.

use crate::api::Api;
use crate::http::problem::Problem;
use axum::extract::{ConnectInfo, FromRef, FromRequestParts};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderMap;
use http::request::Parts;
use identity::{AuthError, Credential, Device, Session};
use std::net::{IpAddr, SocketAddr};

/// The header that carries a consistency token, in both directions.
pub const CONSISTENCY_HEADER: &str = "hub-consistency-token";
/// How many characters of a `User-Agent` are kept.
const LONGEST_BROWSER: usize = 300;

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
        let credential = self.backend().identity.authenticate(&parts.headers).await?;
        Ok(Caller {
            credential,
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
        let last = forwarded.to_str().ok().and_then(|value| value.rsplit(',').next()).and_then(|entry| entry.trim().parse().ok());
        if last.is_some() {
            return last;
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
