//! Why a command did not go through.

use kernel::{Kind, Refusal};
use serde::{Deserialize, Serialize};
use store::AppendError;

/// Why a command did not go through.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Failure {
    /// It breaks a rule.
    #[error("{}", .0.message)]
    Refused(Refused),
    /// The log or the service could not be reached; nothing is known to have happened, and sending the same command again is safe.
    #[error("The hub cannot take commands at the moment ({0}). Send the same command again shortly; it will not be done twice.")]
    Unavailable(String),
}

/// A rule was broken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// A stable code, for programs.
    pub code: String,
    /// The kind of failure.
    pub kind: Kind,
    /// What was wrong and what to do, for people.
    pub message: String,
    /// The input field at fault, if one is.
    pub field: Option<String>,
    /// For conflicts of version: the version that the stream has now.
    pub current_version: Option<u64>,
}

impl Refused {
    /// From an aggregate's own refusal.
    pub fn by(refusal: &impl Refusal) -> Self {
        Self {
            code: refusal.code().to_owned(),
            kind: refusal.kind(),
            message: refusal.to_string(),
            field: refusal.field().map(str::to_owned),
            current_version: None,
        }
    }

    /// There is no such thing, or it may not be seen.
    pub fn not_found(what: &str, field: &str) -> Self {
        Self {
            code: "NOT_FOUND".to_owned(),
            kind: Kind::NotFound,
            message: format!("There is no such {what}, or you may not see it. Check the id."),
            field: Some(field.to_owned()),
            current_version: None,
        }
    }

    /// Others have changed it since.
    pub fn conflict(expected: u64, actual: u64) -> Self {
        Self {
            code: "VERSION_CONFLICT".to_owned(),
            kind: Kind::Conflict,
            message: format!(
                "It has changed since you looked: you saw version {expected}, it is at version {actual}. Look again, then repeat."
            ),
            field: Some("expectedVersion".to_owned()),
            current_version: Some(actual),
        }
    }
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

/// A value that is unique across the hub is already taken.
fn taken(space: &str, value: &str) -> Refused {
    let (what, field) = match space {
        "organisation_slug" => ("organisation", "slug"),
        "community_slug" => ("community", "slug"),
        "category_slug" => ("category of this community", "slug"),
        _ => ("item", "input"),
    };
    let shown = value.rsplit('/').next().unwrap_or(value);
    let message = if field == "slug" {
        format!("Another {what} has the address “{shown}” already. Choose another.")
    } else {
        // Identities and the like are personal: they are not repeated to anyone.
        "Another item has this value already. Choose another.".to_owned()
    };
    Refused { code: "TAKEN".to_owned(), kind: Kind::Conflict, message, field: Some(field.to_owned()), current_version: None }
}

impl From<AppendError> for Failure {
    fn from(error: AppendError) -> Self {
        match error {
            AppendError::Conflict { expected, actual } => Refused::conflict(expected, actual).into(),
            AppendError::Taken { space, value } => taken(space, &value).into(),
            AppendError::CommandReused => Refused {
                code: "COMMAND_REUSED".to_owned(),
                kind: Kind::Conflict,
                message: "This commandId was used for another command. Take a new one (a fresh UUID) for each command.".to_owned(),
                field: Some("commandId".to_owned()),
                current_version: None,
            }
            .into(),
            other => {
                tracing::error!(error = %other, "append failed");
                Self::Unavailable("the event log does not answer".to_owned())
            }
        }
    }
}
