//! What may be asked of the hub, and how a request travels.

use crate::failure::Failure;
use async_trait::async_trait;
use events::{DecodeError, HubEvent};
use kernel::{Actor, Aggregate, CommandId, EventId, Metadata, Payload, Recorded, StreamId, Timestamp, Who};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use store::Receipt;
use uuid::Uuid;

/// Every command of every aggregate.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "aggregate", content = "command", rename_all = "snake_case")]
pub enum HubCommand {
    /// To an organisation.
    Organisation(organisations::organisation::Command),
    /// To a person.
    Person(organisations::person::Command),
    /// To a team.
    Team(organisations::team::Command),
    /// To a community.
    Community(communities::community::Command),
    /// To a category.
    Category(discussions::category::Command),
    /// To a thread.
    Thread(discussions::thread::Command),
}

impl HubCommand {
    /// The context that answers it, as subjects on the bus name it.
    pub fn context(&self) -> &'static str {
        match self {
            Self::Organisation(_) | Self::Person(_) | Self::Team(_) => "organisations",
            Self::Community(_) => "communities",
            Self::Category(_) | Self::Thread(_) => "discussions",
        }
    }

    /// The stream of the aggregate with this id that it is sent to.
    pub fn stream(&self, target: Uuid) -> StreamId {
        fn of<A: Aggregate>(target: Uuid) -> StreamId {
            StreamId::of::<A>(target)
        }
        match self {
            Self::Organisation(_) => of::<organisations::organisation::Organisation>(target),
            Self::Person(_) => of::<organisations::person::Person>(target),
            Self::Team(_) => of::<organisations::team::Team>(target),
            Self::Community(_) => of::<communities::community::Community>(target),
            Self::Category(_) => of::<discussions::category::Category>(target),
            Self::Thread(_) => of::<discussions::thread::Thread>(target),
        }
    }

    /// Every context that answers commands.
    pub const CONTEXTS: [&'static str; 3] = ["organisations", "communities", "discussions"];
}

/// What a sender was asked for in its own terms, digested. A sender that looks things up on the way to a command (what is there at
/// present, who is asking for whom) may find them changed the second time; what it was asked for stays the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked([u8; 32]);

impl Asked {
    /// What was asked for, as bytes that are the same whenever the same is asked for.
    pub fn of(what: &[u8]) -> Self {
        Self(Sha256::digest(what).into())
    }

    /// What tells this from other commands under the same id: who asks for what.
    ///
    /// # Panics
    /// Never: who acts is plain data.
    pub fn fingerprint(&self, who: &Who) -> [u8; 32] {
        let what = serde_json::to_vec(&("asked", who, self.0)).expect("who acts is plain data and serialises");
        Sha256::digest(what).into()
    }
}

/// A command on its way to the aggregate that decides it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Request {
    /// The command's id, chosen by the sender. The same id always has the same outcome.
    pub id: CommandId,
    /// Who asks, with every role held at this moment.
    pub actor: Actor,
    /// The aggregate's id; for a command that opens a stream, the id it shall have.
    pub target: Uuid,
    /// The version that the sender has seen; the command is refused if there is a later one.
    pub expected_version: Option<u64>,
    /// What is asked.
    pub command: HubCommand,
    /// What the sender itself was asked for, if it says so; else the command tells this request from others under the same id.
    #[serde(default)]
    pub asked: Option<Asked>,
    /// When it happened at its source: for imports only, and heeded only from the hub itself.
    pub occurred_at: Option<Timestamp>,
    /// The first cause; the command itself unless a process passes one on.
    pub correlation: Option<Uuid>,
    /// The event that a process reacts to.
    pub causation: Option<EventId>,
    /// W3C trace context.
    pub traceparent: Option<String>,
}

impl Request {
    /// A command with no more said about it.
    pub fn new(id: CommandId, actor: Actor, target: impl Into<Uuid>, command: HubCommand) -> Self {
        Self {
            id,
            actor,
            target: target.into(),
            expected_version: None,
            command,
            asked: None,
            occurred_at: None,
            correlation: None,
            causation: None,
            traceparent: None,
        }
    }
}

/// What would follow from a command.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Planned {
    /// The stream that its events would belong to.
    pub stream: StreamId,
    /// The version that its first event would have.
    pub first_version: u64,
    /// Who, when, why.
    pub meta: Metadata,
    /// When the log would take them in.
    pub recorded_at: Timestamp,
    /// The events, in order, each with an id that it would not keep.
    pub events: Vec<(EventId, Payload)>,
}

impl Planned {
    /// The events as if the log held them; they have no place in it (`seq` 0).
    ///
    /// # Errors
    /// [`DecodeError`], if another version of the hub answered.
    pub fn into_events(self) -> Result<Vec<Recorded<HubEvent>>, DecodeError> {
        let Self { stream, first_version, meta, recorded_at, events } = self;
        let recorded = (first_version..).zip(events).map(|(version, (id, event))| Recorded {
            seq: 0,
            id,
            stream: stream.clone(),
            version,
            recorded_at,
            meta: meta.clone(),
            event,
        });
        recorded.map(events::decode).collect()
    }
}

/// What became of a command that was only to be tried.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trial {
    /// It would go through, and this would follow.
    Would(Planned),
    /// It was carried out before: this is its outcome.
    Did(Receipt),
}

/// Whatever carries a request to the service that decides it: in process, or over NATS.
#[async_trait]
pub trait Dispatch: Send + Sync + 'static {
    /// Carries out a command.
    ///
    /// # Errors
    /// [`Failure::Refused`] with the rule it would break; [`Failure::Unavailable`] when no answer could be had,
    /// in which case the same request may safely be sent again.
    async fn execute(&self, request: Request) -> Result<Receipt, Failure>;

    /// What carrying out a command would come to, without writing anything.
    ///
    /// # Errors
    /// As [`execute`](Self::execute) would fail.
    async fn try_out(&self, request: Request) -> Result<Trial, Failure>;
}
