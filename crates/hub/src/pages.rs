//! Pages ask the gateway in the same process.

use async_trait::async_trait;
use gateway::{Api, Caller};
use http::Extensions;
use http::request::Parts;
use serde_json::Value;
use web::{Execute, PageError};

/// The gateway, as pages see it.
pub(crate) struct Gateway(pub(crate) Api);

fn of(error: gateway::PageError) -> PageError {
    match error {
        gateway::PageError::Unauthenticated => PageError::SignedOut,
        gateway::PageError::NotAllowed(message) => PageError::NotAllowed(message),
        gateway::PageError::Invalid(message) => PageError::Rejected(message),
        gateway::PageError::Unavailable { retry_after } => PageError::Unavailable { retry_after: retry_after.into() },
        fault @ gateway::PageError::Fault => PageError::Internal(fault.to_string()),
    }
}

/// Who makes the request: whoever `identify` found, or a stranger.
fn caller(extensions: &Extensions) -> Caller {
    extensions.get::<Caller>().cloned().unwrap_or_default()
}

#[async_trait]
impl Execute for Gateway {
    async fn identify(&self, request: &mut Parts) -> Result<(), PageError> {
        match self.0.caller(request).await {
            Ok(caller) => {
                request.extensions.insert(caller);
                Ok(())
            }
            Err(error) if error.status() == http::StatusCode::SERVICE_UNAVAILABLE => Err(PageError::Unavailable { retry_after: 5 }),
            Err(_) => Err(PageError::SignedOut),
        }
    }

    fn form_token(&self, extensions: &Extensions) -> Option<String> {
        self.0.form_token(&caller(extensions))
    }

    fn check_form_token(&self, extensions: &Extensions, token: &str) -> bool {
        self.0.check_form_token(&caller(extensions), token)
    }

    async fn page_query(
        &self,
        extensions: &Extensions,
        document: &'static str,
        operation: &'static str,
        variables: Value,
    ) -> Result<Value, PageError> {
        self.0.page_query(&caller(extensions), document, Some(operation), variables).await.map_err(of)
    }
}
