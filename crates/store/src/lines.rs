//! The lines of an exported log.
//!
//! JSON Lines, one object a line with a single member that names what it is: first a `header`, then each `key`,
//! `command` and `claim`, then each `event` in order, last an `end`, without which a file is known to be cut off.
//! Event data stands verbatim, as a string, because the digest covers its very bytes.

use crate::row::Row;
use kernel::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What the header calls the format.
pub(crate) const FORMAT: &str = "hub event log";
/// The version of the format that is written, and the only one that is read.
pub(crate) const VERSION: u32 = 1;

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Line {
    Header(Header),
    Key(KeyLine),
    Command(CommandLine),
    Claim(ClaimLine),
    Event(Box<EventLine>),
    End(End),
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Header {
    pub(crate) format: String,
    pub(crate) version: u32,
    /// The position after which the events begin; 0 for the whole log.
    pub(crate) after: u64,
    /// The position of the last event.
    pub(crate) head: u64,
    /// Tells whether a hub has the master key under which this was sealed.
    pub(crate) master_key: String,
}

/// A person's key, sealed under the master key and useless without it. None if it was destroyed.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeyLine {
    pub(crate) person: Uuid,
    #[serde(with = "base64_option")]
    pub(crate) sealed: Option<Vec<u8>>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CommandLine {
    pub(crate) id: Uuid,
    #[serde(with = "hex_bytes")]
    pub(crate) fingerprint: Vec<u8>,
    pub(crate) context: String,
    pub(crate) aggregate: String,
    pub(crate) stream: Uuid,
    pub(crate) first_version: i64,
    pub(crate) last_version: i64,
    pub(crate) recorded_at: Timestamp,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ClaimLine {
    pub(crate) space: String,
    #[serde(with = "hex_bytes")]
    pub(crate) value_hash: Vec<u8>,
    pub(crate) stream: Uuid,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EventLine {
    pub(crate) seq: i64,
    pub(crate) id: Uuid,
    pub(crate) context: String,
    pub(crate) aggregate: String,
    pub(crate) stream: Uuid,
    pub(crate) version: i64,
    pub(crate) kind: String,
    pub(crate) schema: i16,
    pub(crate) data: String,
    pub(crate) occurred_at: Timestamp,
    pub(crate) recorded_at: Timestamp,
    pub(crate) actor: String,
    pub(crate) organisation: Option<Uuid>,
    pub(crate) command: Uuid,
    pub(crate) correlation: Uuid,
    pub(crate) causation: Option<Uuid>,
    pub(crate) traceparent: Option<String>,
    pub(crate) person: Option<Uuid>,
    #[serde(with = "hex_bytes")]
    pub(crate) digest: Vec<u8>,
    #[serde(with = "hex_bytes")]
    pub(crate) hash: Vec<u8>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct End {
    pub(crate) events: u64,
    #[serde(with = "hex_bytes")]
    pub(crate) hash: Vec<u8>,
}

impl From<Row> for EventLine {
    fn from(row: Row) -> Self {
        Self {
            seq: row.seq.unwrap_or_default(),
            id: row.id,
            context: row.context,
            aggregate: row.aggregate,
            stream: row.stream,
            version: row.version,
            kind: row.kind,
            schema: row.schema,
            data: row.data,
            occurred_at: row.occurred_at,
            recorded_at: row.recorded_at,
            actor: row.actor,
            organisation: row.organisation,
            command: row.command,
            correlation: row.correlation,
            causation: row.causation,
            traceparent: row.traceparent,
            person: row.person,
            digest: row.digest,
            hash: row.hash.unwrap_or_default(),
        }
    }
}

impl From<EventLine> for Row {
    fn from(line: EventLine) -> Self {
        Self {
            seq: Some(line.seq),
            hash: Some(line.hash),
            id: line.id,
            context: line.context,
            aggregate: line.aggregate,
            stream: line.stream,
            version: line.version,
            kind: line.kind,
            schema: line.schema,
            data: line.data,
            occurred_at: line.occurred_at,
            recorded_at: line.recorded_at,
            actor: line.actor,
            organisation: line.organisation,
            command: line.command,
            correlation: line.correlation,
            causation: line.causation,
            traceparent: line.traceparent,
            person: line.person,
            digest: line.digest,
            sealed_key: None,
        }
    }
}

mod hex_bytes {
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer, de::Error as _};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        hex::encode(bytes).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        hex::decode(String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

mod base64_option {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer, de::Error as _};

    #[allow(clippy::ref_option, reason = "serde calls it with a reference to the field")]
    pub(super) fn serialize<S: Serializer>(bytes: &Option<Vec<u8>>, serializer: S) -> Result<S::Ok, S::Error> {
        bytes.as_ref().map(|bytes| STANDARD.encode(bytes)).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<u8>>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        text.map(|text| STANDARD.decode(text).map_err(D::Error::custom)).transpose()
    }
}
