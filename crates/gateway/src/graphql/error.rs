//! What went wrong: user errors within a mutation's payload, and request-level errors with a code.
#![allow(clippy::duplicated_attributes, reason = "the fields of a GraphQL interface are given as attributes of one name")]

use super::event::Since;
use super::later::ReadLater;
use async_graphql::{ErrorExtensionValues, Interface, SimpleObject};
use kernel::Kind;
use services::{Failure, Refused};

/// Something in the input is not valid; sending it again unchanged will not help.
#[derive(Clone, Debug, PartialEq, Eq, SimpleObject)]
pub struct InvalidInput {
    /// A stable code, for programs.
    pub code: String,
    /// What was wrong and what to do, for people.
    pub message: String,
    /// The input field at fault, if one is.
    pub field: Option<String>,
}

/// You may not do this.
#[derive(Clone, Debug, PartialEq, Eq, SimpleObject)]
pub struct NotAllowed {
    /// A stable code, for programs.
    pub code: String,
    /// What was wrong and what to do, for people.
    pub message: String,
    /// The input field at fault, if one is.
    pub field: Option<String>,
}

/// There is no such thing, or you may not see it: the two look alike on purpose.
#[derive(Clone, Debug, PartialEq, Eq, SimpleObject)]
pub struct NotFound {
    /// A stable code, for programs.
    pub code: String,
    /// What was wrong and what to do, for people.
    pub message: String,
    /// The input field at fault, if one is.
    pub field: Option<String>,
}

/// The state of things does not allow it, or others have changed it since you looked.
#[derive(Clone, Debug, PartialEq, Eq, SimpleObject)]
pub struct Conflict {
    /// A stable code, for programs.
    pub code: String,
    /// What was wrong and what to do, for people.
    pub message: String,
    /// The input field at fault, if one is.
    pub field: Option<String>,
    /// The version it has now, if another was expected.
    pub current_version: Option<i32>,
    /// What has happened to it since the version that was expected, as far as you see it: the latest 20 events, the newest last.
    pub changes: ReadLater<Since>,
}

/// Why a mutation did not do what was asked. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, Interface)]
#[graphql(
    field(name = "code", ty = "&String", desc = "A stable code, for programs."),
    field(name = "message", ty = "&String", desc = "What was wrong and what to do, for people."),
    field(name = "field", ty = "&Option<String>", desc = "The input field at fault, if one is.")
)]
pub enum UserError {
    /// The input is not valid.
    InvalidInput(InvalidInput),
    /// The actor may not.
    NotAllowed(NotAllowed),
    /// There is no such thing.
    NotFound(NotFound),
    /// The state of things does not allow it.
    Conflict(Conflict),
}

impl UserError {
    /// A field's value is not valid.
    pub fn invalid(code: &str, message: impl Into<String>, field: &str) -> Self {
        Self::InvalidInput(InvalidInput { code: code.to_owned(), message: message.into(), field: Some(field.to_owned()) })
    }

    /// There is no such thing, or it may not be seen.
    pub fn not_found(what: &str, field: &str) -> Self {
        Refused::not_found(what, field).into()
    }

    /// The actor may not.
    pub fn not_allowed(message: impl Into<String>) -> Self {
        Self::NotAllowed(NotAllowed { code: "NOT_ALLOWED".to_owned(), message: message.into(), field: None })
    }

    /// The state of things does not allow it.
    pub fn conflict(code: &str, message: impl Into<String>, field: Option<&str>) -> Self {
        Self::Conflict(Conflict {
            code: code.to_owned(),
            message: message.into(),
            field: field.map(str::to_owned),
            current_version: None,
            changes: ReadLater(Since::default()),
        })
    }

    /// The code.
    pub fn as_code(&self) -> &str {
        match self {
            Self::InvalidInput(InvalidInput { code, .. })
            | Self::NotAllowed(NotAllowed { code, .. })
            | Self::NotFound(NotFound { code, .. })
            | Self::Conflict(Conflict { code, .. }) => code,
        }
    }

    /// The message.
    pub fn as_message(&self) -> &str {
        match self {
            Self::InvalidInput(InvalidInput { message, .. })
            | Self::NotAllowed(NotAllowed { message, .. })
            | Self::NotFound(NotFound { message, .. })
            | Self::Conflict(Conflict { message, .. }) => message,
        }
    }

    /// The field at fault.
    pub fn as_field(&self) -> Option<&str> {
        match self {
            Self::InvalidInput(InvalidInput { field, .. })
            | Self::NotAllowed(NotAllowed { field, .. })
            | Self::NotFound(NotFound { field, .. })
            | Self::Conflict(Conflict { field, .. }) => field.as_deref(),
        }
    }
}

impl From<Refused> for UserError {
    fn from(refused: Refused) -> Self {
        let Refused { code, kind, message, field, current_version } = refused;
        match kind {
            Kind::Invalid => Self::InvalidInput(InvalidInput { code, message, field }),
            Kind::Denied => Self::NotAllowed(NotAllowed { code, message, field }),
            Kind::NotFound => Self::NotFound(NotFound { code, message, field }),
            Kind::Conflict => {
                let current_version = current_version.and_then(|version| i32::try_from(version).ok());
                Self::Conflict(Conflict { code, message, field, current_version, changes: ReadLater(Since::default()) })
            }
        }
    }
}

/// The codes of request-level errors, as `extensions.code` carries them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultCode {
    /// Sign in, or present an API token.
    Unauthenticated,
    /// Signed in, but this credential or person may not do that.
    NotAllowed,
    /// There is no such thing, or you may not see it.
    NotFound,
    /// An argument of a query is not valid.
    InvalidArgument,
    /// An id is not one of this hub's.
    InvalidId,
    /// A list was asked for without saying how much of it, or with a cursor from elsewhere.
    InvalidPage,
    /// The document asks for more than is answered at once.
    TooComplex,
    /// The database or a service does not answer; try again shortly.
    Unavailable,
    /// A fault of the hub.
    Internal,
}

impl FaultCode {
    /// The code as text.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unauthenticated => "UNAUTHENTICATED",
            Self::NotAllowed => "NOT_ALLOWED",
            Self::NotFound => "NOT_FOUND",
            Self::InvalidArgument => "INVALID_ARGUMENT",
            Self::InvalidId => "INVALID_ID",
            Self::InvalidPage => "INVALID_PAGE",
            Self::TooComplex => "TOO_COMPLEX",
            Self::Unavailable => "UNAVAILABLE",
            Self::Internal => "INTERNAL",
        }
    }
}

/// A request-level error: what is wrong with a query, or with the hub.
pub fn fault(code: FaultCode, message: impl Into<String>) -> async_graphql::Error {
    let mut extensions = ErrorExtensionValues::default();
    extensions.set("code", code.as_str());
    async_graphql::Error { message: message.into(), source: None, extensions: Some(extensions) }
}

/// The database failed: the detail goes to the log, the caller is told to try again. A fault that is not of the connection
/// is one of ours, and said to be.
pub fn database(error: &sqlx::Error) -> async_graphql::Error {
    if is_passing(error) {
        tracing::warn!(%error, "database unavailable");
        fault(FaultCode::Unavailable, "The hub cannot read its database at the moment. Try again shortly.")
    } else {
        tracing::error!(%error, "database error");
        fault(FaultCode::Internal, "The hub made a mistake while answering. It has been recorded; try again later.")
    }
}

/// Whether a database error will pass by itself: a lost connection, a pool without a free one, a server that is starting,
/// stopping or out of connections.
pub fn is_passing(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => true,
        // Class 08: connection; 53: resources; 57: operator intervention (PostgreSQL, appendix A).
        sqlx::Error::Database(error) => {
            error.code().is_some_and(|code| code.starts_with("08") || code.starts_with("53") || code.starts_with("57"))
        }
        _ => false,
    }
}

/// A command that did not go through: a user error if a rule was broken, else a request-level error.
///
/// # Errors
/// When the service could not be reached.
pub fn refused(failure: Failure) -> Result<UserError, async_graphql::Error> {
    match failure {
        Failure::Refused(refused) => Ok(refused.into()),
        failure @ Failure::Unavailable(_) => Err(fault(FaultCode::Unavailable, failure.to_string())),
    }
}
