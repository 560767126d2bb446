//! The shape of every aggregate: pure decisions over a state that events build.

use crate::actor::Actor;
use crate::clock::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What kind of failure a refusal is; it decides the log level and how a client should react.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// What was sent is not valid; sending it again will not help.
    Invalid,
    /// The actor may not.
    Denied,
    /// There is no such thing, or it may not be seen.
    NotFound,
    /// The state of things does not allow it (now).
    Conflict,
}

/// Why a command was refused. Every aggregate has an enum of its own; this is what they share.
pub trait Refusal: std::error::Error + Send + Sync + 'static {
    /// A stable code in upper case with underscores, such as `THREAD_LOCKED`, for programs.
    fn code(&self) -> &'static str;
    /// The kind of failure.
    fn kind(&self) -> Kind;
    /// The input field that is wrong, if it is one field's fault.
    fn field(&self) -> Option<&'static str> {
        None
    }
}

/// A value that may be taken once across all streams of a hub, such as a slug or a sign-in identity.
/// It is claimed or released in the transaction that appends the event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// Take the value; refused if another stream holds it.
    Take {
        /// What the value names: `community_slug`, `identity` …
        space: &'static str,
        /// The value.
        value: String,
    },
    /// Give the value back.
    Release {
        /// What the value names.
        space: &'static str,
        /// The value.
        value: String,
    },
}

/// One aggregate: a stream of events, the state they build, and the decisions taken on that state.
///
/// `decide` is pure: it reads no clock but the moment it is given and reaches nothing outside.
///
/// **To add a new aggregate:** write one file in its context crate that holds its commands, events, state,
/// `decide` and `apply` in that order; add its event to `HubEvent` and its command to `HubCommand`; the
/// compiler names every place that is left.
pub trait Aggregate: Clone + Send + Sync + 'static {
    /// The context, as wire names carry it: `discussions`.
    const CONTEXT: &'static str;
    /// The aggregate, as wire names carry it: `thread`.
    const NAME: &'static str;
    /// What may be asked of it.
    type Command: Serialize + DeserializeOwned + Clone + std::fmt::Debug + Send + Sync + 'static;
    /// What can happen to it.
    type Event: Serialize + DeserializeOwned + Clone + std::fmt::Debug + PartialEq + Send + Sync + 'static;
    /// Why it may refuse.
    type Refusal: Refusal;

    /// The aggregate whose stream has this id, before anything happened to it. It keeps the id, because
    /// its rules ask how an actor stands towards this very thing: a coordinator of *this* community.
    fn new(id: Uuid) -> Self;

    /// The events that follow from a command, or why not. No event means that it is so already.
    ///
    /// # Errors
    /// The rule that the command would break.
    fn decide(&self, command: Self::Command, by: &Actor, now: Timestamp) -> Result<Vec<Self::Event>, Self::Refusal>;

    /// Takes an event into the state. Exhaustive, without a wildcard arm.
    fn apply(&mut self, event: &Self::Event);

    /// The values this event takes or releases across all streams, given the state before it.
    fn claims(&self, _event: &Self::Event) -> Vec<Claim> {
        Vec::new()
    }
}
