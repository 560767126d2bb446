//! A request that is not carried out, and the answer that says why: a status, a code, and a sentence.

use super::negotiation::Media;
use axum::response::{IntoResponse, Response};
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderName, HeaderValue, StatusCode};
use identity::AuthError;

/// Seconds after which a client may try again when the database does not answer.
pub const RETRY_SECONDS: u32 = 2;

/// Why a request is not carried out.
#[derive(Clone, Debug)]
pub struct Problem {
    /// The HTTP status.
    pub status: StatusCode,
    /// A stable code, for programs.
    pub code: &'static str,
    /// What was wrong and what to do, for people.
    pub message: String,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Problem {
    /// A problem.
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), headers: Vec::new() }
    }

    /// The request itself is malformed: 400.
    pub fn bad(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "BAD_REQUEST", message)
    }

    /// The database or a service does not answer: 503 with `Retry-After`.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE", message).with(RETRY_AFTER, &RETRY_SECONDS.to_string())
    }

    /// The method is not one of these: 405 with `Allow`.
    pub fn method(allowed: &'static str) -> Self {
        let message = format!("This address answers {allowed} only.");
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED", message).with(ALLOW, allowed)
    }

    /// A fault of the hub: 500. What it was is in the log.
    pub fn internal() -> Self {
        let message = "The hub made a mistake while answering. It has been recorded; try again later.";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL", message)
    }

    /// With one more header.
    pub fn with(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.push((name, value));
        }
        self
    }

    /// The answer in this media type.
    pub fn respond(self, media: Media) -> Response {
        let body = serde_json::json!({ "errors": [{ "message": self.message, "extensions": { "code": self.code } }] });
        let mut response = (self.status, body.to_string()).into_response();
        let headers = response.headers_mut();
        headers.extend(self.headers);
        let media = if media == Media::EventStream { Media::Json } else { media };
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(media.content_type()));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        self.respond(Media::Json)
    }
}

impl From<&AuthError> for Problem {
    fn from(error: &AuthError) -> Self {
        match error {
            AuthError::Unavailable(_) => Self::unavailable(error.to_string()),
            AuthError::Malformed | AuthError::InvalidToken => {
                let problem = Self::new(StatusCode::UNAUTHORIZED, "UNAUTHENTICATED", error.to_string());
                match error.challenge() {
                    Some(challenge) => problem.with(WWW_AUTHENTICATE, challenge),
                    None => problem,
                }
            }
        }
    }
}
