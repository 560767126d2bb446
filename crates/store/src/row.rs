//! One event as its columns hold it.

use crate::digest::{Fields, Hash};
use crate::error::Error;
use crate::keys::KeyRing;
use crate::seal;
use kernel::{EventId, Metadata, Payload, PersonId, Recorded, StreamId, Timestamp};
use uuid::Uuid;

/// A row of `log.events` with its place in `log.sequence`, and the key that opens its personal data.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) seq: Option<i64>,
    pub(crate) hash: Option<Vec<u8>>,
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
    pub(crate) digest: Vec<u8>,
    /// It comes with the row, from the same snapshot, and is kept nowhere else: a destroyed key is never used again,
    /// whichever process destroyed it.
    pub(crate) sealed_key: Option<Vec<u8>>,
}

impl Row {
    /// The digest over every column that never changes. The place in the log is not among them: it is the chain that
    /// fixes the order.
    pub(crate) fn computed_digest(&self) -> Hash {
        Fields::new()
            .bytes(self.id.as_bytes())
            .bytes(self.context.as_bytes())
            .bytes(self.aggregate.as_bytes())
            .bytes(self.stream.as_bytes())
            .number(self.version)
            .bytes(self.kind.as_bytes())
            .number(i64::from(self.schema))
            .bytes(self.data.as_bytes())
            .number(self.occurred_at.timestamp_micros())
            .number(self.recorded_at.timestamp_micros())
            .bytes(self.actor.as_bytes())
            .optional(self.organisation.as_ref().map(|id| id.as_bytes().as_slice()))
            .bytes(self.command.as_bytes())
            .bytes(self.correlation.as_bytes())
            .optional(self.causation.as_ref().map(|id| id.as_bytes().as_slice()))
            .optional(self.traceparent.as_deref().map(str::as_bytes))
            .optional(self.person.as_ref().map(|id| id.as_bytes().as_slice()))
            .finish()
    }

    /// The event as readers know it, its personal data opened.
    ///
    /// # Errors
    /// [`Error::Malformed`] or [`Error::Key`] if the row was altered or the master key is another one.
    pub(crate) fn open(self, keys: &KeyRing) -> Result<Recorded<Payload>, Error> {
        let id = EventId(self.id);
        let malformed = |what: &str| Error::Malformed { event: id, what: what.to_owned() };
        let mut data = serde_json::from_str(&self.data).map_err(|error| malformed(&format!("its data is not JSON ({error})")))?;
        if let Some(person) = self.person {
            let failed = |source| Error::Key { event: id, source };
            let key = self.sealed_key.map(|sealed| keys.unwrap(PersonId(person), &sealed)).transpose().map_err(failed)?;
            seal::open(&mut data, id, key.as_ref()).map_err(failed)?;
        }
        Ok(Recorded {
            seq: self.seq.map(unsigned).unwrap_or_default(),
            id,
            stream: StreamId { context: self.context, aggregate: self.aggregate, id: self.stream },
            version: unsigned(self.version),
            recorded_at: self.recorded_at,
            meta: Metadata {
                occurred_at: self.occurred_at,
                actor: serde_json::from_str(&self.actor).map_err(|error| malformed(&format!("its actor is not understood ({error})")))?,
                organisation: self.organisation.map(Into::into),
                command: self.command.into(),
                correlation: self.correlation,
                causation: self.causation.map(Into::into),
                traceparent: self.traceparent,
            },
            event: Payload {
                kind: self.kind,
                schema: u16::try_from(self.schema).map_err(|_| malformed("the version of its shape is negative"))?,
                data,
            },
        })
    }
}

/// A count or position as PostgreSQL keeps it.
pub(crate) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A count or position as the hub speaks of it. None is ever below zero.
pub(crate) fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}
