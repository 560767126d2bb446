//! Names and versions on the wire, and the way from and to what the log stores.

use crate::HubEvent;
use kernel::{Payload, Recorded};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// One kind of event as the wire knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wire {
    /// The context: `discussions`.
    pub context: &'static str,
    /// The aggregate: `thread`.
    pub aggregate: &'static str,
    /// What happened: `opened`.
    pub event: &'static str,
    /// The version that is written today; older ones are upcast on reading.
    pub version: u16,
}

impl Wire {
    /// Its name: `hub.discussions.thread_opened`.
    pub fn kind(&self) -> String {
        format!("hub.{}.{}_{}", self.context, self.aggregate, self.event)
    }

    /// Its name with a version, as `CloudEvents` carry it: `hub.discussions.thread_opened.v1`.
    pub fn wire_type(&self) -> String {
        format!("{}.v{}", self.kind(), self.version)
    }

    /// The kind of that name; none if there is no such kind.
    pub fn find(kind: &str) -> Option<&'static Self> {
        let (context, rest) = kind.strip_prefix("hub.")?.split_once('.')?;
        let (aggregate, event) = rest.split_once('_')?;
        WIRES.iter().find(|wire| wire.context == context && wire.aggregate == aggregate && wire.event == event)
    }
}

const fn organisation(event: &'static str, version: u16) -> Wire {
    Wire { context: "organisations", aggregate: "organisation", event, version }
}
const fn person(event: &'static str, version: u16) -> Wire {
    Wire { context: "organisations", aggregate: "person", event, version }
}
const fn team(event: &'static str, version: u16) -> Wire {
    Wire { context: "organisations", aggregate: "team", event, version }
}
const fn community(event: &'static str, version: u16) -> Wire {
    Wire { context: "communities", aggregate: "community", event, version }
}
const fn category(event: &'static str, version: u16) -> Wire {
    Wire { context: "discussions", aggregate: "category", event, version }
}
const fn thread(event: &'static str, version: u16) -> Wire {
    Wire { context: "discussions", aggregate: "thread", event, version }
}

/// Every kind of event with its current version: the one table of names and versions.
pub const WIRES: &[Wire] = &[
    organisation("registered", 1),
    organisation("renamed", 1),
    organisation("suspended", 1),
    organisation("reinstated", 1),
    organisation("provider_registered", 1),
    organisation("provider_disabled", 1),
    organisation("provider_enabled", 1),
    organisation("provider_removed", 1),
    person("joined", 1),
    person("placeholder_created", 1),
    person("profile_changed", 1),
    person("role_granted", 1),
    person("role_revoked", 1),
    person("suspended", 1),
    person("reinstated", 1),
    person("token_issued", 1),
    person("token_revoked", 1),
    person("erased", 1),
    team("formed", 1),
    team("renamed", 1),
    team("member_added", 1),
    team("member_removed", 1),
    team("disbanded", 1),
    community("founded", 1),
    community("charter_amended", 1),
    community("opened_to_joiners", 1),
    community("closed_to_joiners", 1),
    community("organisation_joined", 1),
    community("organisation_left", 1),
    community("member_joined", 1),
    community("member_left", 1),
    community("member_kind_changed", 1),
    community("coordinator_appointed", 1),
    community("coordinator_released", 1),
    community("archived", 1),
    category("opened", 1),
    category("described", 1),
    category("reordered", 1),
    category("closed", 1),
    thread("opened", 1),
    thread("replied", 1),
    thread("retitled", 1),
    thread("post_edited", 1),
    thread("locked", 1),
    thread("unlocked", 1),
    thread("closed", 1),
    thread("reopened", 1),
    thread("answer_marked", 1),
    thread("answer_unmarked", 1),
    thread("reacted", 1),
    thread("reaction_withdrawn", 1),
    thread("upvoted", 1),
    thread("upvote_withdrawn", 1),
];

/// One step of upcasting: from one version of a kind's data to the next.
#[derive(Clone, Copy, Debug)]
pub struct Upcast {
    /// The kind: `hub.discussions.thread_opened`.
    pub kind: &'static str,
    /// The version it starts from; it leads to the next.
    pub from: u16,
    /// What it does to the data.
    pub step: fn(Value) -> Value,
}

/// Every step of upcasting. No shape has changed yet, so there is none.
pub const UPCASTS: &[Upcast] = &[];

/// What the log holds cannot be read as an event.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// No such kind is known.
    #[error(
        "“{kind}” is no kind of event that this hub knows. It was written by another version of the hub: run that one, or a later one."
    )]
    UnknownKind {
        /// The kind.
        kind: String,
    },
    /// The version is not known.
    #[error("{kind} stands in version {found}, but this hub knows versions 1 to {known}. Run a later version of the hub.")]
    UnknownVersion {
        /// The kind.
        kind: String,
        /// The version found.
        found: u16,
        /// The latest version known.
        known: u16,
    },
    /// A step of upcasting is missing: a fault of this hub.
    #[error("{kind} cannot be brought from version {from} to the next: the step is missing in the table of upcasts. Report this.")]
    MissingUpcast {
        /// The kind.
        kind: String,
        /// The version from which no step leads on.
        from: u16,
    },
    /// The data do not have the shape of that kind and version.
    #[error("{kind} version {version} does not have the shape it should: {source}. Check the log with `hub events verify`.")]
    Shape {
        /// The kind.
        kind: String,
        /// The version it was stored in.
        version: u16,
        /// What is wrong.
        source: serde_json::Error,
    },
}

impl HubEvent {
    /// What the log stores: in the current version of its kind.
    ///
    /// # Panics
    /// Never: every event has a row in [`WIRES`] and serialises to JSON; tests hold both over every event.
    pub fn to_payload(&self) -> Payload {
        let (tag, data) = match self {
            Self::Organisation(event) => parts(event),
            Self::Person(event) => parts(event),
            Self::Team(event) => parts(event),
            Self::Community(event) => parts(event),
            Self::Category(event) => parts(event),
            Self::Thread(event) => parts(event),
        };
        let kind = format!("hub.{}.{}_{tag}", self.context(), self.aggregate());
        let schema = Wire::find(&kind).expect("every event has a row in WIRES").version;
        Payload { kind, schema, data }
    }

    /// The event that the log stored, upcast from whichever version it was written in.
    ///
    /// # Errors
    /// [`DecodeError`], if the kind or version is not known or the data have another shape.
    pub fn from_payload(payload: &Payload) -> Result<Self, DecodeError> {
        let wire = Wire::find(&payload.kind).ok_or_else(|| DecodeError::UnknownKind { kind: payload.kind.clone() })?;
        let data = upcast(UPCASTS, wire.version, &payload.kind, payload.schema, payload.data.clone())?;
        let event = match (wire.context, wire.aggregate) {
            ("organisations", "organisation") => whole(wire, data).map(Self::Organisation),
            ("organisations", "person") => whole(wire, data).map(Self::Person),
            ("organisations", "team") => whole(wire, data).map(Self::Team),
            ("communities", "community") => whole(wire, data).map(Self::Community),
            ("discussions", "category") => whole(wire, data).map(Self::Category),
            ("discussions", "thread") => whole(wire, data).map(Self::Thread),
            _ => return Err(DecodeError::UnknownKind { kind: payload.kind.clone() }),
        };
        event.map_err(|source| DecodeError::Shape { kind: payload.kind.clone(), version: payload.schema, source })
    }
}

/// The recorded payload as a recorded event.
///
/// # Errors
/// [`DecodeError`], if the payload cannot be read.
pub fn decode(recorded: Recorded<Payload>) -> Result<Recorded<HubEvent>, DecodeError> {
    let event = HubEvent::from_payload(&recorded.event)?;
    Ok(recorded.map(|_| event))
}

/// Tag and data of an event, as serde writes them; an event without data has an empty object.
fn parts<E: Serialize>(event: &E) -> (String, Value) {
    let Ok(Value::Object(mut whole)) = serde_json::to_value(event) else {
        unreachable!("an event serialises to an object");
    };
    let Some(Value::String(tag)) = whole.remove("type") else {
        unreachable!("an event carries its tag");
    };
    (tag, whole.remove("data").unwrap_or_else(|| Value::Object(Map::new())))
}

/// The event of that kind with these data; an empty object stands for no data.
fn whole<E: DeserializeOwned>(wire: &Wire, data: Value) -> Result<E, serde_json::Error> {
    let mut whole = Map::new();
    whole.insert("type".into(), wire.event.into());
    if !data.as_object().is_some_and(Map::is_empty) {
        whole.insert("data".into(), data);
    }
    serde_json::from_value(Value::Object(whole))
}

/// Brings data from the version they were written in to the current one, step by step.
fn upcast(steps: &[Upcast], current: u16, kind: &str, written: u16, mut data: Value) -> Result<Value, DecodeError> {
    if written == 0 || written > current {
        return Err(DecodeError::UnknownVersion { kind: kind.to_owned(), found: written, known: current });
    }
    for from in written..current {
        let upcast = steps
            .iter()
            .find(|upcast| upcast.kind == kind && upcast.from == from)
            .ok_or_else(|| DecodeError::MissingUpcast { kind: kind.to_owned(), from })?;
        data = (upcast.step)(data);
    }
    Ok(data)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;
    use serde_json::json;
    use std::collections::BTreeSet;

    #[test]
    fn every_sample_survives_the_wire() {
        for event in samples() {
            let payload = event.to_payload();
            assert_eq!(HubEvent::from_payload(&payload).unwrap(), event, "{}", payload.kind);
            assert!(payload.data.is_object(), "{}", payload.kind);
        }
    }

    #[test]
    fn the_table_names_every_kind_once_and_no_other() {
        let rows: BTreeSet<String> = WIRES.iter().map(Wire::kind).collect();
        assert_eq!(rows.len(), WIRES.len(), "a row stands twice");
        let samples: BTreeSet<String> = samples().iter().map(|event| event.to_payload().kind).collect();
        assert_eq!(rows, samples);
    }

    #[test]
    fn every_older_version_has_a_step_to_the_next() {
        for wire in WIRES {
            for from in 1..wire.version {
                let steps = UPCASTS.iter().filter(|upcast| upcast.kind == wire.kind() && upcast.from == from).count();
                assert_eq!(steps, 1, "{} from version {from}", wire.kind());
            }
        }
    }

    #[test]
    fn old_data_are_upcast_step_by_step() {
        let steps = [
            Upcast { kind: "k", from: 2, step: |data| json!({ "third": data["second"] }) },
            Upcast { kind: "k", from: 1, step: |data| json!({ "second": data["first"] }) },
        ];
        assert_eq!(upcast(&steps, 3, "k", 1, json!({ "first": 7 })).unwrap(), json!({ "third": 7 }));
        assert_eq!(upcast(&steps, 3, "k", 3, json!({ "third": 7 })).unwrap(), json!({ "third": 7 }));
        assert!(matches!(upcast(&steps, 4, "k", 1, json!({})), Err(DecodeError::MissingUpcast { from: 3, .. })));
    }

    #[test]
    fn what_a_later_hub_wrote_is_refused_with_advice() {
        let payload = Payload { kind: "hub.discussions.thread_locked".into(), schema: 2, data: json!({}) };
        let error = HubEvent::from_payload(&payload).unwrap_err();
        assert_eq!(
            error.to_string(),
            "hub.discussions.thread_locked stands in version 2, but this hub knows versions 1 to 1. Run a later version of the hub."
        );
    }

    #[test]
    fn unknown_kinds_and_broken_data_are_refused() {
        for kind in ["hub.discussions.thread_exploded", "hub.discussions", "thread_opened", "hub.communities.thread_opened"] {
            let payload = Payload { kind: kind.into(), schema: 1, data: json!({}) };
            assert!(matches!(HubEvent::from_payload(&payload), Err(DecodeError::UnknownKind { .. })), "{kind}");
        }
        let payload = Payload { kind: "hub.discussions.thread_retitled".into(), schema: 1, data: json!({ "name": "x" }) };
        assert!(matches!(HubEvent::from_payload(&payload), Err(DecodeError::Shape { version: 1, .. })));
        let payload = Payload { kind: "hub.discussions.thread_retitled".into(), schema: 0, data: json!({ "title": "x" }) };
        assert!(matches!(HubEvent::from_payload(&payload), Err(DecodeError::UnknownVersion { .. })));
    }
}
