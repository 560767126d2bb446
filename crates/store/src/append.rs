//! Appending the events of one command.

use crate::error::{Error, unavailable};
use crate::keys::{Key, KeyError};
use crate::log::Log;
use crate::person::{self, PersonKey};
use crate::row::{Row, signed};
use crate::seal;
use crate::writer;
use kernel::clock::to_microseconds;
use kernel::{Claim, CommandId, EventId, Metadata, OrganisationId, Payload, PersonId, StreamId, Timestamp};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use std::collections::BTreeMap;

/// An event to be appended.
#[derive(Clone, Debug)]
pub struct NewEvent {
    /// Its id, never used before.
    pub id: EventId,
    /// What it says.
    pub payload: Payload,
}

/// Everything that follows from one command.
#[derive(Clone, Debug)]
pub struct Append {
    /// The stream that the events belong to.
    pub stream: StreamId,
    /// The version that the decision was taken on: that of the stream's last event, 0 if there is none.
    pub expected: u64,
    /// The command. Appending for the same command again changes nothing.
    pub command: CommandId,
    /// SHA-256 over what the command asked and who asked, so that an id used for something else is noticed.
    pub fingerprint: [u8; 32],
    /// Who, when, why.
    pub meta: Metadata,
    /// The events, in order. With none, only the command is recorded.
    pub events: Vec<NewEvent>,
    /// What the events take and release across all streams, in order.
    pub claims: Vec<Claim>,
    /// Whose key seals the personal values in the events.
    pub personal: Option<PersonId>,
    /// The present moment.
    pub now: Timestamp,
}

/// What an append came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Appended {
    /// Where the events stand.
    pub receipt: Receipt,
    /// Whether the command had been recorded before, so that nothing was appended now.
    pub repeated: bool,
}

/// The lasting outcome of a command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The command.
    pub command: CommandId,
    /// The stream that its events belong to.
    pub stream: StreamId,
    /// The version of its first event. Without events, one more than `last_version`.
    pub first_version: u64,
    /// The version of the stream after it.
    pub last_version: u64,
    /// Its events, in order.
    pub events: Vec<EventId>,
}

/// Why nothing was appended.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// The stream has moved on since the decision was taken. Load it and decide again.
    #[error("the stream is at version {actual}, not {expected}")]
    Conflict {
        /// The version that was expected.
        expected: u64,
        /// The version that it has.
        actual: u64,
    },
    /// Another stream holds a value that was to be taken.
    #[error("another {space} holds this value")]
    Taken {
        /// What the value names.
        space: &'static str,
        /// The value.
        value: String,
    },
    /// The command id was used before, for something else.
    #[error("this command id was used before for another command; give every command an id of its own")]
    CommandReused,
    /// The person's key is destroyed: nothing personal can be kept about them any more.
    #[error("person {0} was erased; nothing personal can be recorded about them")]
    Erased(PersonId),
    /// A personal value came without the person.
    #[error("event {0} holds personal data, but the person it is about was not given")]
    WhosePersonalData(EventId),
    /// The payload holds what only the log may write.
    #[error("event {0} holds a value marked as sealed; only the log seals")]
    Sealed(EventId),
    /// The person's key does not open.
    #[error("the key of person {person} cannot be used: {source}")]
    Key {
        /// The person.
        person: PersonId,
        /// Why not.
        source: KeyError,
    },
    /// The database cannot be reached. Trying again later, with the same command id, is safe.
    #[error("the database cannot be reached: {0}")]
    Unavailable(#[source] sqlx::Error),
    /// The database refused the statement.
    #[error("the database failed: {0}")]
    Database(#[source] sqlx::Error),
}

impl From<sqlx::Error> for AppendError {
    fn from(error: sqlx::Error) -> Self {
        if unavailable(&error) { Self::Unavailable(error) } else { Self::Database(error) }
    }
}

impl From<Error> for AppendError {
    fn from(error: Error) -> Self {
        match error {
            Error::Unavailable(error) => Self::Unavailable(error),
            Error::Database(error) => Self::Database(error),
            error @ (Error::Malformed { .. } | Error::Gap { .. } | Error::Key { .. }) => {
                Self::Database(sqlx::Error::Decode(Box::new(error)))
            }
        }
    }
}

impl Log {
    /// Appends the events of a command, all or none, and wakes the sequencer.
    ///
    /// It takes one round trip to the database, shared with other commands that come while earlier ones are under way.
    ///
    /// If the command is recorded already, its first outcome comes back. That is also so if the connection broke on the
    /// way and a second attempt finds what the first one did: then `repeated` is true although the caller asked once.
    /// Dropping the future does not stop the append.
    ///
    /// # Errors
    /// [`AppendError`]; nothing was appended then, except that after [`AppendError::Unavailable`] it is not known.
    pub async fn append(&self, append: Append) -> Result<Appended, AppendError> {
        let prepared = self.prepare(append).await?;
        let (prepared, outcome) = self.writer().write(self, prepared).await?;
        self.conclude(prepared, outcome).await
    }

    /// The same within a transaction of the caller's, one attempt, without waking anybody. For tests of what readers see
    /// of transactions that take their time; see [`testing::append_within`](crate::testing::append_within).
    pub(crate) async fn append_within(&self, connection: &mut PgConnection, append: Append) -> Result<Appended, AppendError> {
        let prepared = self.prepare(append).await?;
        let outcome = writer::call(connection, &[&prepared]).await?.remove(0);
        self.conclude(prepared, outcome).await
    }

    /// Seals and digests, so that only writing is left.
    async fn prepare(&self, append: Append) -> Result<Prepared, AppendError> {
        let (person, key) = self.personal_key(&append).await?.unzip();
        let actor = serde_json::to_string(&append.meta.actor).expect("an actor is plain JSON");
        let key = person.zip(key.as_ref());
        let rows = (append.expected + 1..).zip(&append.events).map(|(version, event)| row(&append, event, version, &actor, key)).collect();
        let (take, release) = claims(self, &append.claims);
        Ok(Prepared { append, person, actor, rows, take, release })
    }

    /// The key for the append's personal values, if it holds any.
    async fn personal_key(&self, append: &Append) -> Result<Option<(PersonId, Key)>, AppendError> {
        if let Some(event) = append.events.iter().find(|event| seal::holds_sealed(&event.payload.data)) {
            return Err(AppendError::Sealed(event.id));
        }
        let Some(event) = append.events.iter().find(|event| seal::holds_personal(&event.payload.data)) else { return Ok(None) };
        let person = append.personal.ok_or(AppendError::WhosePersonalData(event.id))?;
        match person::key(self.pool(), self.keys(), person).await? {
            Ok(PersonKey::Key(key)) => Ok(Some((person, key))),
            // A command that was recorded before the erasure still has its first outcome; another one is refused below.
            Ok(PersonKey::Destroyed) => Ok(Some((person, crate::keys::random_key()))),
            Err(source) => Err(AppendError::Key { person, source }),
        }
    }

    async fn conclude(&self, prepared: Prepared, outcome: Outcome) -> Result<Appended, AppendError> {
        let Prepared { append, person, mut take, .. } = prepared;
        match outcome {
            Outcome::Appended => {
                let receipt = Receipt {
                    command: append.command,
                    stream: append.stream,
                    first_version: append.expected + 1,
                    last_version: append.expected + append.events.len() as u64,
                    events: append.events.iter().map(|event| event.id).collect(),
                };
                Ok(Appended { receipt, repeated: false })
            }
            Outcome::Repeated => {
                let receipt = self.receipt(append.command).await?.expect("commands are kept for ever");
                Ok(Appended { receipt, repeated: true })
            }
            Outcome::Reused => Err(AppendError::CommandReused),
            Outcome::Conflict { actual } => Err(AppendError::Conflict { expected: append.expected, actual }),
            Outcome::Taken { place } => {
                let (space, value) = take.claimed.swap_remove(place);
                Err(AppendError::Taken { space, value })
            }
            Outcome::Erased => Err(AppendError::Erased(person.expect("only who was named can be erased"))),
        }
    }
}

/// An append sealed, digested, and ready to be written.
pub(crate) struct Prepared {
    pub(crate) append: Append,
    /// Whose personal values the events hold.
    pub(crate) person: Option<PersonId>,
    pub(crate) actor: String,
    pub(crate) rows: Vec<Row>,
    pub(crate) take: Claims,
    pub(crate) release: Claims,
}

/// Values to be taken or released: what stands for them in the database, and what they are.
#[derive(Default)]
pub(crate) struct Claims {
    pub(crate) spaces: Vec<String>,
    pub(crate) hashes: Vec<Vec<u8>>,
    pub(crate) claimed: Vec<(&'static str, String)>,
}

/// What became of one append.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Outcome {
    Appended,
    Repeated,
    Reused,
    Conflict { actual: u64 },
    Taken { place: usize },
    Erased,
}

/// The event as its row will be, sealed and digested.
fn row(append: &Append, event: &NewEvent, version: u64, actor: &str, key: Option<(PersonId, &Key)>) -> Row {
    let data = match key {
        Some((_, key)) => {
            let mut data = event.payload.data.clone();
            seal::seal(&mut data, event.id, key);
            data.to_string()
        }
        None => event.payload.data.to_string(),
    };
    let mut row = Row {
        seq: None,
        hash: None,
        id: event.id.uuid(),
        context: append.stream.context.clone(),
        aggregate: append.stream.aggregate.clone(),
        stream: append.stream.id,
        version: signed(version),
        kind: event.payload.kind.clone(),
        schema: i16::try_from(event.payload.schema).expect("no shape has had 32,767 versions"),
        data,
        occurred_at: to_microseconds(append.meta.occurred_at),
        recorded_at: to_microseconds(append.now),
        actor: actor.to_owned(),
        organisation: append.meta.organisation.map(OrganisationId::uuid),
        command: append.command.uuid(),
        correlation: append.meta.correlation,
        causation: append.meta.causation.map(EventId::uuid),
        traceparent: append.meta.traceparent.clone(),
        person: key.map(|(person, _)| person.uuid()),
        digest: Vec::new(),
        sealed_key: None,
    };
    row.digest = row.computed_digest().to_vec();
    row
}

/// What is to be taken and what to be released. Of several claims to one value the last one counts.
pub(crate) fn claims(log: &Log, claims: &[Claim]) -> (Claims, Claims) {
    let mut last = BTreeMap::new();
    for claim in claims {
        let (space, value, takes) = match claim {
            Claim::Take { space, value } => (*space, value, true),
            Claim::Release { space, value } => (*space, value, false),
        };
        last.insert((space, log.keys().claim_hash(space, value)), (value, takes));
    }
    let (mut take, mut release) = (Claims::default(), Claims::default());
    for ((space, hash), (value, takes)) in last {
        let side = if takes { &mut take } else { &mut release };
        side.spaces.push(space.to_owned());
        side.hashes.push(hash);
        side.claimed.push((space, value.clone()));
    }
    (take, release)
}
