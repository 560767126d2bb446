//! A request that is not carried out, and the answer that says why: a status, a code, and a sentence.

use super::negotiation::Media;
use super::statuses::{Statuses, Wrong};
use async_graphql::{ErrorExtensionValues, ServerError, Value};
use axum::response::{IntoResponse, Response};
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderName, HeaderValue, StatusCode};
use identity::AuthError;
use serde::Serialize;

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
    details: Vec<(&'static str, Value)>,
    /// What is wrong with the request, where the editions of GraphQL over HTTP have different statuses for it.
    wrong: Option<Wrong>,
}

impl Problem {
    /// A problem.
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), headers: Vec::new(), details: Vec::new(), wrong: None }
    }

    /// A problem that will pass: with `Retry-After`.
    pub fn again(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self::new(status, code, message).with(RETRY_AFTER, &RETRY_SECONDS.to_string())
    }

    /// The request itself cannot be read: 400.
    pub fn bad(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "BAD_REQUEST", message)
    }

    /// The request can be read, but is no GraphQL request: 400 or 422.
    pub fn malformed(message: impl Into<String>) -> Self {
        Self { wrong: Some(Wrong::Malformed), ..Self::bad(message) }
    }

    /// The database or a service does not answer: 503 with `Retry-After`.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::again(StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE", message)
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

    /// With one more entry in the error's extensions.
    pub fn tell(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.details.push((name, value.into()));
        self
    }

    /// With the status of that edition.
    pub fn by(self, statuses: Statuses) -> Self {
        let status = self.wrong.map_or(self.status, |wrong| wrong.status(statuses));
        Self { status, ..self }
    }

    /// The error as answers carry it.
    pub fn error(&self) -> ServerError {
        let mut extensions = ErrorExtensionValues::default();
        extensions.set("code", self.code);
        for (name, value) in &self.details {
            extensions.set(*name, value.clone());
        }
        let mut error = ServerError::new(self.message.clone(), None);
        error.extensions = Some(extensions);
        error
    }

    /// The answer in this media type.
    ///
    /// # Panics
    /// Never: an error is text and plain data.
    pub fn respond(self, media: Media) -> Response {
        let body = serde_json::to_string(&Body { errors: [self.error()] }).expect("an error is text and plain data");
        let mut response = (self.status, body).into_response();
        let headers = response.headers_mut();
        headers.extend(self.headers);
        let media = if media == Media::EventStream { Media::Json } else { media };
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(media.content_type()));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}

/// The body of the answer, written as it is: the message first, for who reads it.
#[derive(Serialize)]
struct Body {
    errors: [ServerError; 1],
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
