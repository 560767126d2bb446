//! What pages in the same process ask: the same requests, answered with data alone.

use crate::api::{Answer, Api, Way};
use crate::caller::Caller;
use crate::http::ask::Ask;
use crate::http::problem::RETRY_SECONDS;
use async_graphql::{ServerError, Value, Variables};

/// Why a page got no data. The sentence is for people.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    /// Nobody is signed in, and someone must be.
    #[error("Sign in to do this.")]
    Unauthenticated,
    /// The caller may not.
    #[error("{0}")]
    NotAllowed(String),
    /// What the page asked with was not valid, such as an id or a cursor in its address.
    #[error("{0}")]
    Invalid(String),
    /// The database or a service does not answer.
    #[error("The hub cannot answer at the moment. Try again in a few seconds.")]
    Unavailable {
        /// Seconds after which to try again.
        retry_after: u32,
    },
    /// A fault of the hub. What it was is in the log.
    #[error("The hub made a mistake while answering. It has been recorded; try again later.")]
    Fault,
}

impl Api {
    /// Asks for a page's data. The page has checked its form's token before it sends a mutation.
    ///
    /// # Errors
    /// [`PageError`]. Rules that a mutation breaks are no errors: they stand in the data as `userErrors`.
    pub async fn page_query(
        &self,
        caller: &Caller,
        document: &'static str,
        operation_name: Option<&str>,
        variables: serde_json::Value,
    ) -> Result<serde_json::Value, PageError> {
        let ask = Ask {
            query: Some(document.to_owned()),
            operation_name: operation_name.map(str::to_owned),
            variables: Variables::from_json(variables),
            ..Ask::default()
        };
        let errors = match self.execute(caller, ask, Way::Page).await {
            Answer::Executed { response, .. } if response.errors.is_empty() => {
                return response.data.into_json().map_err(|error| {
                    tracing::error!(%error, "a page's data is no JSON");
                    PageError::Fault
                });
            }
            Answer::Executed { response, .. } => response.errors,
            Answer::Refused(refused) => refused.errors,
            // Only a conditional GET is answered so.
            Answer::Unchanged { .. } => Vec::new(),
        };
        Err(page_error(&errors))
    }
}

fn page_error(errors: &[ServerError]) -> PageError {
    let Some(error) = errors.first() else { return PageError::Fault };
    let code = error.extensions.as_ref().and_then(|extensions| extensions.get("code"));
    match code {
        Some(Value::String(code)) => match code.as_str() {
            "UNAUTHENTICATED" => PageError::Unauthenticated,
            "NOT_ALLOWED" => PageError::NotAllowed(error.message.clone()),
            "UNAVAILABLE" | "STALE" | "TIMEOUT" => PageError::Unavailable { retry_after: RETRY_SECONDS },
            "INVALID_ID" | "INVALID_PAGE" | "INVALID_ARGUMENT" | "INVALID_VARIABLE" => PageError::Invalid(error.message.clone()),
            _ => {
                tracing::error!(code, message = error.message, "a page's document was refused");
                PageError::Fault
            }
        },
        _ => PageError::Fault,
    }
}
