//! What surrounds an event: where it stands, when, by whom, and because of what.

use crate::actor::Who;
use crate::clock::Timestamp;
use crate::id::{CommandId, EventId, OrganisationId};
use serde::{Deserialize, Serialize};
use std::fmt;
use uuid::Uuid;

/// The stream of one aggregate.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct StreamId {
    /// The context: `discussions`.
    pub context: String,
    /// The aggregate: `thread`.
    pub aggregate: String,
    /// Which one.
    pub id: Uuid,
}

impl StreamId {
    /// The stream of aggregate `A` with this id.
    pub fn of<A: crate::Aggregate>(id: impl Into<Uuid>) -> Self {
        Self { context: A::CONTEXT.to_owned(), aggregate: A::NAME.to_owned(), id: id.into() }
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.aggregate, self.id)
    }
}

/// Everything about an event but the event itself and its place in the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Metadata {
    /// When it happened. For imported content this is when it happened at its source.
    pub occurred_at: Timestamp,
    /// Who did it.
    pub actor: Who,
    /// For which organisation.
    pub organisation: Option<OrganisationId>,
    /// The command it followed from.
    pub command: CommandId,
    /// What ties together everything that followed from one first cause; the first command's id.
    pub correlation: Uuid,
    /// The event that a process reacted to, if one did.
    pub causation: Option<EventId>,
    /// W3C trace context, so that one trace runs from the request to the view.
    pub traceparent: Option<String>,
}

/// What an event says, as the log stores it: a name, the version of its shape, and JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Payload {
    /// Its name: `hub.discussions.thread_opened`.
    pub kind: String,
    /// The version of its shape, from 1.
    pub schema: u16,
    /// Its content.
    pub data: serde_json::Value,
}

/// An event as the log holds it.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded<E> {
    /// Its place in the whole log: 1, 2, 3 … without gaps.
    pub seq: u64,
    /// Its own id.
    pub id: EventId,
    /// Its stream.
    pub stream: StreamId,
    /// Its place in its stream: 1, 2, 3 …
    pub version: u64,
    /// When the log took it in.
    pub recorded_at: Timestamp,
    /// Who, when, why.
    pub meta: Metadata,
    /// What happened.
    pub event: E,
}

impl<E> Recorded<E> {
    /// The same envelope around something else.
    pub fn map<F>(self, f: impl FnOnce(E) -> F) -> Recorded<F> {
        Recorded {
            seq: self.seq,
            id: self.id,
            stream: self.stream,
            version: self.version,
            recorded_at: self.recorded_at,
            meta: self.meta,
            event: f(self.event),
        }
    }
}
