//! What every input of a command says of the command itself, beside what is asked.

use async_graphql::{InputObject, InputType};
use uuid::Uuid;

/// A command that brings something into being.
#[derive(Clone, Copy, Debug, InputObject)]
pub(super) struct Opening {
    /// A fresh UUID; send the same one again only to repeat the command.
    command_id: Uuid,
    /// Only say what would come of it: the events that would follow, or why it would be refused. Nothing is written.
    #[graphql(default_with = "Some(false)")]
    validate_only: Option<bool>,
}

/// A command to something that is there.
#[derive(Clone, Copy, Debug, InputObject)]
pub(super) struct Changing {
    /// A fresh UUID; send the same one again only to repeat the command.
    command_id: Uuid,
    /// The version that you have seen (for posts: of their thread; for providers: of their organisation); refused if there is a later
    /// one, and then you are told what has changed.
    expected_version: Option<i32>,
    /// Only say what would come of it: the events that would follow, or why it would be refused. Nothing is written.
    #[graphql(default_with = "Some(false)")]
    validate_only: Option<bool>,
}

/// The fields that say nothing of what is asked. A client secret is left out with them: what tells commands apart is kept for ever, and
/// must tell nothing of a secret.
pub(super) const APART: [&str; 4] = ["commandId", "expectedVersion", "validateOnly", "clientSecret"];

/// What an input says of its command.
#[derive(Clone, Copy, Debug)]
pub(super) struct Envelope {
    pub(super) command_id: Uuid,
    pub(super) expected_version: Option<i32>,
    pub(super) validate_only: bool,
}

impl From<Opening> for Envelope {
    fn from(Opening { command_id, validate_only }: Opening) -> Self {
        Self { command_id, expected_version: None, validate_only: validate_only.unwrap_or(false) }
    }
}

impl From<Changing> for Envelope {
    fn from(Changing { command_id, expected_version, validate_only }: Changing) -> Self {
        Self { command_id, expected_version, validate_only: validate_only.unwrap_or(false) }
    }
}

/// An input of a command.
pub(super) trait Input: InputType {
    /// What it says of the command itself.
    fn envelope(&self) -> Envelope;
}

/// Inputs whose field `command` is an [`Opening`] or a [`Changing`].
macro_rules! commands {
    ($($input:ident),* $(,)?) => {$(
        impl super::envelope::Input for $input {
            fn envelope(&self) -> super::envelope::Envelope {
                self.command.into()
            }
        }
    )*};
}
