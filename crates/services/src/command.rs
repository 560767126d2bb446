//! What may be asked of the hub, and how a request travels.

use crate::failure::Failure;
use async_trait::async_trait;
use kernel::{Actor, CommandId, EventId, Timestamp};
use serde::{Deserialize, Serialize};
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

    /// Every context that answers commands.
    pub const CONTEXTS: [&'static str; 3] = ["organisations", "communities", "discussions"];
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
            occurred_at: None,
            correlation: None,
            causation: None,
            traceparent: None,
        }
    }
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
}
