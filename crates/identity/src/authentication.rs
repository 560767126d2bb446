//! Who makes a request: a session's cookie or an API token in the `Authorization` header.

use crate::api_tokens::{ApiToken, ApiTokens};
use crate::sessions::{Session, Sessions};
use http::HeaderMap;
use http::header::AUTHORIZATION;
use kernel::{OrganisationId, PersonId};
use organisations::person::TokenScope;
use projections::grants::Standing;

/// What a request proved itself by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credential {
    /// A browser's session. What changes something needs proof of our own pages as well: a form token, or JSON from the same origin.
    Session(Session),
    /// An API token. It cannot be sent by a foreign page, so it needs no further proof.
    Token(ApiToken),
}

impl Credential {
    /// Who it is.
    pub fn person(&self) -> PersonId {
        match self {
            Self::Session(session) => session.person,
            Self::Token(token) => token.person,
        }
    }

    /// The person's organisation.
    pub fn organisation(&self) -> OrganisationId {
        match self {
            Self::Session(session) => session.organisation,
            Self::Token(token) => token.organisation,
        }
    }

    /// Whether commands may be sent with it, or queries only.
    pub fn may_write(&self) -> bool {
        match self {
            Self::Session(_) => true,
            Self::Token(token) => match token.scope {
                TokenScope::Write => true,
                TokenScope::Read => false,
            },
        }
    }
}

/// Who makes a request, and what that person may see and do at this moment, read by one statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recognised {
    /// What the request proved itself by.
    pub credential: Credential,
    /// What the person may see and do; none if the views do not know the person (yet), or know that there is none any more.
    pub standing: Option<Standing>,
}

/// The request claims to be someone and does not prove it. Never answered as if it came from a stranger.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// The `Authorization` header is not `Bearer` and one token.
    #[error("the Authorization header must read “Bearer” and one API token; make a token on your profile page")]
    Malformed,
    /// No such token, or it has expired, was revoked, or its owner is suspended. Which of these is not told.
    #[error("this API token is unknown, expired or revoked; make a new one on your profile page")]
    InvalidToken,
    /// It could not be looked up.
    #[error("sign-in cannot be checked at the moment; try again shortly")]
    Unavailable(#[from] sqlx::Error),
}

impl AuthError {
    /// The answer's status: 401, or 503 if it is not the caller's fault.
    pub fn status(&self) -> http::StatusCode {
        match self {
            Self::Malformed | Self::InvalidToken => http::StatusCode::UNAUTHORIZED,
            Self::Unavailable(_) => http::StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// The `WWW-Authenticate` header of a 401 (RFC 6750).
    pub fn challenge(&self) -> Option<&'static str> {
        match self {
            Self::Malformed => Some("Bearer realm=\"hub\", error=\"invalid_request\""),
            Self::InvalidToken => Some("Bearer realm=\"hub\", error=\"invalid_token\""),
            Self::Unavailable(_) => None,
        }
    }
}

/// Who makes the request: nobody in particular, or someone proved. An `Authorization` header decides alone, so that a bad token is
/// an error even if a good cookie lies beside it; a cookie that has ended makes a stranger.
///
/// # Errors
/// [`AuthError`]: a credential was presented in the header and does not hold, or could not be checked.
pub async fn authenticate(sessions: &Sessions, tokens: &ApiTokens, headers: &HeaderMap) -> Result<Option<Recognised>, AuthError> {
    let mut authorizations = headers.get_all(AUTHORIZATION).iter();
    let Some(header) = authorizations.next() else {
        let recognised = sessions.recognise(headers).await?;
        return Ok(recognised.map(|(session, standing)| Recognised { credential: Credential::Session(session), standing }));
    };
    if authorizations.next().is_some() {
        return Err(AuthError::Malformed);
    }
    let (scheme, secret) = header.to_str().ok().and_then(|text| text.split_once(' ')).ok_or(AuthError::Malformed)?;
    let secret = secret.trim();
    if !scheme.eq_ignore_ascii_case("bearer") || secret.is_empty() || secret.contains(' ') {
        return Err(AuthError::Malformed);
    }
    let (token, standing) = tokens.recognise(secret).await?.ok_or(AuthError::InvalidToken)?;
    Ok(Some(Recognised { credential: Credential::Token(token), standing }))
}

/// Who presents this API token, wherever it came from (a WebSocket's `connection_init`, for one).
///
/// # Errors
/// [`AuthError`], as [`authenticate`].
pub async fn authenticate_token(tokens: &ApiTokens, secret: &str) -> Result<ApiToken, AuthError> {
    tokens.resolve(secret).await?.ok_or(AuthError::InvalidToken)
}
