//! The seam to the gateway: pages ask it to run their documents, in process, on behalf of whoever makes the request.

use async_trait::async_trait;
use http::Extensions;
use http::request::Parts;
use serde_json::Value;

/// Runs documents for pages. The gateway does; tests bring canned answers.
///
/// `caller` is the request's extensions, in which [`Execute::identify`] left who makes the request.
#[async_trait]
pub trait Execute: Send + Sync + 'static {
    /// Find out who makes the request, and leave it in its extensions.
    ///
    /// # Errors
    /// [`PageError`] if a credential was presented that does not hold, or none can be checked at present.
    async fn identify(&self, request: &mut Parts) -> Result<(), PageError>;

    /// A token for the hidden field of a form, tied to the caller's session; none for a stranger.
    fn form_token(&self, caller: &Extensions) -> Option<String>;

    /// Whether a form's token was made for the caller's session.
    fn check_form_token(&self, caller: &Extensions, token: &str) -> bool;

    /// Run one operation of a document and yield its data.
    ///
    /// # Errors
    /// [`PageError`] if the answer has errors of the whole request. What a command refuses is no such error: it is part of the data.
    async fn page_query(
        &self,
        caller: &Extensions,
        document: &'static str,
        operation: &'static str,
        variables: Value,
    ) -> Result<Value, PageError>;
}

/// A document could not be answered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PageError {
    /// A part of the hub is away: 503.
    #[error("the hub cannot be reached at the moment; try again in {retry_after} seconds")]
    Unavailable {
        /// When to try again, in seconds.
        retry_after: u64,
    },
    /// Too much was asked in too short a time: 429.
    #[error("too many requests; try again in {retry_after} seconds")]
    TooMany {
        /// When to try again, in seconds.
        retry_after: u64,
    },
    /// One must sign in, or the session has ended: 401.
    #[error("sign in to do this")]
    SignedOut,
    /// The caller may not: 403.
    #[error("{0}")]
    NotAllowed(String),
    /// The variables are no good: an id in the address that was cut short, a cursor of another list. 404 for a page, 400 for a form.
    #[error("{0}")]
    Rejected(String),
    /// A fault of the hub: 500.
    #[error("{0}")]
    Internal(String),
}
