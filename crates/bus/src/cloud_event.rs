//! The event on the wire: CloudEvents 1.0 in JSON.
//!
//! | attribute | holds |
//! |---|---|
//! | `id` | the event's id, a UUID of version 7 |
//! | `source` | `/services/<context>` |
//! | `type` | `<kind>.v<schema>`, such as `hub.discussions.thread_opened.v1` |
//! | `subject` | the stream, `<aggregate>/<uuid>` |
//! | `time` | when it happened, RFC 3339 with microseconds |
//! | `data` | the payload |
//! | `hubseq`, `hubversion` | its place in the log and in its stream, **as decimal strings**: the integers of CloudEvents have 32 bits |
//! | `hubactor` | `person:<uuid>` or `system:<process>` |
//! | `huborg`, `hubcommand`, `hubcorrelation`, `hubcausation` | UUIDs; `huborg` and `hubcausation` may be missing |
//! | `hubrecorded` | when the log took it in, RFC 3339 with microseconds |
//! | `traceparent` | W3C trace context; may be missing |

use crate::error::BusError;
use chrono::SecondsFormat;
use kernel::{Metadata, Payload, Recorded, StreamId, Timestamp, Who};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::str::FromStr;

/// The media type of an event on the wire.
pub const MEDIA_TYPE: &str = "application/cloudevents+json";

const PERSONAL: &str = "$personal";
const SEALED: &str = "$sealed";
const WITHHELD: &str = "$withheld";

/// An event as CloudEvents 1.0 has it; see the [module](self) for what the attributes hold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the module's table says what each holds")]
pub struct CloudEvent {
    pub specversion: String,
    pub id: String,
    pub source: String,
    #[serde(rename = "type")]
    pub kind: String,
    pub subject: String,
    pub time: String,
    pub datacontenttype: String,
    pub hubseq: String,
    pub hubversion: String,
    pub hubactor: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub huborg: Option<String>,
    pub hubcommand: String,
    pub hubcorrelation: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hubcausation: Option<String>,
    pub hubrecorded: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    pub data: Value,
}

impl From<&Recorded<Payload>> for CloudEvent {
    fn from(event: &Recorded<Payload>) -> Self {
        let Recorded { seq, id, stream, version, recorded_at, meta, event } = event;
        Self {
            specversion: "1.0".to_owned(),
            id: id.to_string(),
            source: format!("/services/{}", stream.context),
            kind: format!("{}.v{}", event.kind, event.schema),
            subject: stream.to_string(),
            time: moment(meta.occurred_at),
            datacontenttype: "application/json".to_owned(),
            hubseq: seq.to_string(),
            hubversion: version.to_string(),
            hubactor: match &meta.actor {
                Who::Person(id) => format!("person:{id}"),
                Who::System(process) => format!("system:{process}"),
            },
            huborg: meta.organisation.map(|id| id.to_string()),
            hubcommand: meta.command.to_string(),
            hubcorrelation: meta.correlation.to_string(),
            hubcausation: meta.causation.map(|id| id.to_string()),
            hubrecorded: moment(*recorded_at),
            traceparent: meta.traceparent.clone(),
            data: event.data.clone(),
        }
    }
}

impl TryFrom<CloudEvent> for Recorded<Payload> {
    type Error = BusError;

    fn try_from(event: CloudEvent) -> Result<Self, BusError> {
        if event.specversion != "1.0" {
            return Err(wrong("specversion", &event.specversion));
        }
        let (kind, schema) = event.kind.rsplit_once(".v").ok_or_else(|| wrong("type", &event.kind))?;
        let context = event.source.strip_prefix("/services/").ok_or_else(|| wrong("source", &event.source))?;
        let (aggregate, stream) = event.subject.rsplit_once('/').ok_or_else(|| wrong("subject", &event.subject))?;
        let actor = match event.hubactor.split_once(':') {
            Some(("person", id)) => Who::Person(parse("hubactor", id)?),
            Some(("system", process)) => Who::System(process.to_owned()),
            _ => return Err(wrong("hubactor", &event.hubactor)),
        };
        Ok(Self {
            seq: parse("hubseq", &event.hubseq)?,
            id: parse("id", &event.id)?,
            stream: StreamId { context: context.to_owned(), aggregate: aggregate.to_owned(), id: parse("subject", stream)? },
            version: parse("hubversion", &event.hubversion)?,
            recorded_at: parse("hubrecorded", &event.hubrecorded)?,
            meta: Metadata {
                occurred_at: parse::<Timestamp>("time", &event.time)?,
                actor,
                organisation: event.huborg.map(|id| parse("huborg", &id)).transpose()?,
                command: parse("hubcommand", &event.hubcommand)?,
                correlation: parse("hubcorrelation", &event.hubcorrelation)?,
                causation: event.hubcausation.map(|id| parse("hubcausation", &id)).transpose()?,
                traceparent: event.traceparent,
            },
            event: Payload { kind: kind.to_owned(), schema: parse("type", schema)?, data: event.data },
        })
    }
}

impl CloudEvent {
    /// The same event without any personal value: each is replaced by `{"$withheld": true}`, sealed ones too,
    /// for nobody on the bus could open them. The whole object goes, so that nothing beside the value stays.
    pub fn redacted(mut self) -> Self {
        redact(&mut self.data);
        self
    }

    /// The same event without any content, for a bus that does not take one so large.
    pub fn emptied(mut self) -> Self {
        self.data = withheld();
        self
    }

    /// The NATS subject: `hub.events.<context>.<aggregate>.<stream>.<event>`, where the event's name is the
    /// last part of its kind without the aggregate: `hub.discussions.thread_opened` is `opened`.
    ///
    /// # Errors
    /// [`BusError::Malformed`] if a name cannot stand in a subject.
    pub fn nats_subject(event: &Recorded<Payload>) -> Result<String, BusError> {
        let StreamId { context, aggregate, id } = &event.stream;
        let name = event.event.kind.rsplit('.').next().unwrap_or_default();
        let name = name.strip_prefix(aggregate.as_str()).and_then(|rest| rest.strip_prefix('_')).unwrap_or(name);
        for part in [context, aggregate, name] {
            if part.is_empty() || !part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-') {
                return Err(BusError::malformed(format!("“{part}” of event {} cannot stand in a subject", event.id)));
            }
        }
        Ok(format!("hub.events.{context}.{aggregate}.{id}.{name}"))
    }

    /// Reads an event from its JSON.
    ///
    /// # Errors
    /// [`BusError::Malformed`], which names what is wrong.
    pub fn from_json(json: &[u8]) -> Result<Self, BusError> {
        serde_json::from_slice(json).map_err(|error| BusError::malformed(format!("this is no event in CloudEvents JSON: {error}")))
    }

    /// The event as JSON.
    ///
    /// # Panics
    /// Never: strings and JSON values are always JSON.
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("strings and JSON values are JSON")
    }
}

/// Whether something of this event was withheld on the bus, so that it must be taken from the log.
pub fn is_withheld(payload: &Payload) -> bool {
    fn within(value: &Value) -> bool {
        match value {
            Value::Object(fields) => fields.contains_key(WITHHELD) || fields.values().any(within),
            Value::Array(items) => items.iter().any(within),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
        }
    }
    within(&payload.data)
}

fn redact(value: &mut Value) {
    match value {
        Value::Object(fields) if fields.contains_key(PERSONAL) || fields.contains_key(SEALED) => *value = withheld(),
        Value::Object(fields) => fields.values_mut().for_each(redact),
        Value::Array(items) => items.iter_mut().for_each(redact),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn withheld() -> Value {
    serde_json::json!({ WITHHELD: true })
}

fn moment(at: Timestamp) -> String {
    at.to_rfc3339_opts(SecondsFormat::Micros, true)
}

fn parse<T: FromStr>(attribute: &str, text: &str) -> Result<T, BusError> {
    text.parse().map_err(|_| wrong(attribute, text))
}

fn wrong(attribute: &str, found: &str) -> BusError {
    BusError::malformed(format!("the event's attribute “{attribute}” cannot be “{found}”"))
}

#[cfg(test)]
mod tests;
