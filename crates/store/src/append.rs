//! Appending the events of one command.

use crate::error::{Error, unavailable};
use crate::keys::{Key, KeyError};
use crate::log::Log;
use crate::person::{self, PersonKey};
use crate::row::{Row, signed, unsigned};
use crate::seal;
use kernel::clock::to_microseconds;
use kernel::{Claim, CommandId, EventId, Metadata, Payload, PersonId, StreamId, Timestamp};
use serde::{Deserialize, Serialize};
use sqlx::{PgConnection, PgExecutor};
use std::collections::BTreeMap;

/// How often an append that lost a race, or its connection, is tried again. Once is nearly always enough: the second
/// time the checks see what the first time only the constraints saw.
const ATTEMPTS: u32 = 5;

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

impl Log {
    /// Appends the events of a command in one round trip, all or none, and wakes the sequencer.
    ///
    /// If the command is recorded already, its first outcome comes back. That is also so if the connection broke on the
    /// way and a second attempt finds what the first one did: then `repeated` is true although the caller asked once.
    ///
    /// # Errors
    /// [`AppendError`]; nothing was appended then, except that after [`AppendError::Unavailable`] it is not known.
    pub async fn append(&self, append: Append) -> Result<Appended, AppendError> {
        let key = self.personal_key(&append).await?;
        let columns = Columns::new(self, &append, key);
        let mut attempt = 1;
        let outcome = loop {
            match call(self.pool(), &append, &columns).await {
                Ok(outcome) => break outcome,
                Err(error) if attempt < ATTEMPTS && worth_another_attempt(&error) => attempt += 1,
                Err(error) => return Err(error.into()),
            }
        };
        let appended = outcome.into_result(append, columns)?;
        if !appended.repeated {
            self.wake();
        }
        Ok(appended)
    }

    /// The key for the append's personal values, if it holds any.
    async fn personal_key(&self, append: &Append) -> Result<Option<(PersonId, Key)>, AppendError> {
        if let Some(event) = append.events.iter().find(|event| seal::holds_sealed(&event.payload.data)) {
            return Err(AppendError::Sealed(event.id));
        }
        let Some(event) = append.events.iter().find(|event| seal::holds_personal(&event.payload.data)) else { return Ok(None) };
        let person = append.personal.ok_or(AppendError::WhosePersonalData(event.id))?;
        match person::key(self.pool(), self.keys(), person).await {
            Ok(Ok(PersonKey::Key(key))) => Ok(Some((person, key))),
            // A command that was recorded before the erasure still has its first outcome.
            Ok(Ok(PersonKey::Destroyed)) => Ok(Some((person, crate::keys::random_key()))),
            Ok(Err(source)) => Err(AppendError::Key { person, source }),
            Err(Error::Unavailable(error)) => Err(AppendError::Unavailable(error)),
            Err(Error::Database(error)) => Err(AppendError::Database(error)),
            Err(Error::Malformed { .. } | Error::Gap { .. } | Error::Key { .. }) => unreachable!("reading a person's key reads no event"),
        }
    }

    /// The same within a transaction of the caller's, one attempt, without waking anybody. For tests of what readers see
    /// of transactions that take their time; see [`testing::append_within`](crate::testing::append_within).
    pub(crate) async fn append_within(&self, connection: &mut PgConnection, append: Append) -> Result<Appended, AppendError> {
        let key = self.personal_key(&append).await?;
        let columns = Columns::new(self, &append, key);
        call(connection, &append, &columns).await?.into_result(append, columns)
    }
}

async fn call(database: impl PgExecutor<'_>, append: &Append, columns: &Columns) -> Result<Outcome, sqlx::Error> {
    sqlx::query_as!(
        Outcome,
        r#"select outcome as "outcome!", context, aggregate, stream, first_version, last_version, events, claim
           from log.append($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23)"#,
        append.command.uuid(),
        append.fingerprint.as_slice(),
        append.stream.context,
        append.stream.aggregate,
        append.stream.id,
        signed(append.expected),
        to_microseconds(append.now),
        to_microseconds(append.meta.occurred_at),
        columns.actor,
        append.meta.organisation.map(|id| id.uuid()),
        append.meta.correlation,
        append.meta.causation.map(|id| id.uuid()),
        append.meta.traceparent,
        columns.person.map(PersonId::uuid),
        &columns.ids,
        &columns.kinds,
        &columns.schemas,
        &columns.data,
        &columns.digests,
        &columns.take.spaces,
        &columns.take.hashes,
        &columns.release.spaces,
        &columns.release.hashes
    )
    .fetch_one(database)
    .await
}

/// The events turned by a quarter: an array for each column, as one statement takes them.
struct Columns {
    actor: String,
    person: Option<PersonId>,
    ids: Vec<uuid::Uuid>,
    kinds: Vec<String>,
    schemas: Vec<i16>,
    data: Vec<String>,
    digests: Vec<Vec<u8>>,
    take: Claims,
    release: Claims,
}

#[derive(Default)]
struct Claims {
    spaces: Vec<String>,
    hashes: Vec<Vec<u8>>,
    claimed: Vec<(&'static str, String)>,
}

impl Columns {
    fn new(log: &Log, append: &Append, key: Option<(PersonId, Key)>) -> Self {
        let actor = serde_json::to_string(&append.meta.actor).expect("an actor is plain JSON");
        let (take, release) = claims(log, &append.claims);
        let (person, key) = key.unzip();
        let events = append.events.len();
        let mut columns = Self {
            actor,
            person,
            ids: Vec::with_capacity(events),
            kinds: Vec::with_capacity(events),
            schemas: Vec::with_capacity(events),
            data: Vec::with_capacity(events),
            digests: Vec::with_capacity(events),
            take,
            release,
        };
        for (version, event) in (append.expected + 1..).zip(&append.events) {
            let row = row(append, event, version, &columns.actor, person.zip(key.as_ref()));
            columns.digests.push(row.digest);
            columns.ids.push(row.id);
            columns.kinds.push(row.kind);
            columns.schemas.push(row.schema);
            columns.data.push(row.data);
        }
        columns
    }
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
        organisation: append.meta.organisation.map(Into::into),
        command: append.command.uuid(),
        correlation: append.meta.correlation,
        causation: append.meta.causation.map(Into::into),
        traceparent: append.meta.traceparent.clone(),
        person: key.map(|(person, _)| person.uuid()),
        digest: Vec::new(),
        sealed_key: None,
    };
    row.digest = row.computed_digest().to_vec();
    row
}

/// What is to be taken and what to be released. Of several claims to one value the last one counts. They are sorted, so
/// that two appends never wait for each other's.
fn claims(log: &Log, claims: &[Claim]) -> (Claims, Claims) {
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

/// What `log.append` says.
struct Outcome {
    outcome: String,
    context: Option<String>,
    aggregate: Option<String>,
    stream: Option<uuid::Uuid>,
    first_version: Option<i64>,
    last_version: Option<i64>,
    events: Option<Vec<uuid::Uuid>>,
    claim: Option<i32>,
}

impl Outcome {
    fn into_result(self, append: Append, mut columns: Columns) -> Result<Appended, AppendError> {
        let version = |version: Option<i64>| version.map(unsigned).unwrap_or_default();
        match self.outcome.as_str() {
            "reused" => return Err(AppendError::CommandReused),
            "conflict" => return Err(AppendError::Conflict { expected: append.expected, actual: version(self.last_version) }),
            "taken" => {
                let place = self.claim.and_then(|place| usize::try_from(place - 1).ok()).expect("the place of a claim");
                let (space, value) = columns.take.claimed.swap_remove(place);
                return Err(AppendError::Taken { space, value });
            }
            "erased" => return Err(AppendError::Erased(columns.person.expect("only who was named can be erased"))),
            _ => {}
        }
        let receipt = Receipt {
            command: append.command,
            stream: StreamId {
                context: self.context.unwrap_or(append.stream.context),
                aggregate: self.aggregate.unwrap_or(append.stream.aggregate),
                id: self.stream.unwrap_or(append.stream.id),
            },
            first_version: version(self.first_version),
            last_version: version(self.last_version),
            events: self.events.unwrap_or_default().into_iter().map(EventId).collect(),
        };
        Ok(Appended { receipt, repeated: self.outcome == "repeated" })
    }
}

/// Whether a second attempt would meet something else: the winner of a race that was lost at a constraint, or another
/// connection in place of one that was broken.
fn worth_another_attempt(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) => true,
        sqlx::Error::Database(error) => match error.code().as_deref() {
            Some("23505") => matches!(error.constraint(), Some("events_version" | "commands_pkey" | "claims_pkey")),
            // A deadlock or a serialisation failure, and a backend that was told to go.
            Some("40P01" | "40001" | "57P01") => true,
            _ => false,
        },
        _ => false,
    }
}
