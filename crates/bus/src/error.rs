//! What can go wrong between a publisher and a consumer, or between a gateway and a service.

use std::time::Duration;

/// Why the bus could not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BusError {
    /// The bus cannot be reached, or cannot serve right now. Try again later.
    #[error("the message bus is not available: {reason}. Check that NATS runs at the configured address, with JetStream enabled.")]
    Unavailable {
        /// What was seen.
        reason: String,
    },
    /// No answer came in time. What was asked may still happen.
    #[error("{what} was not answered within {} ms. It may still happen; ask again with the same id.", limit.as_millis())]
    Timeout {
        /// What was asked.
        what: String,
        /// How long it was waited for.
        limit: Duration,
    },
    /// Nobody serves the commands of this context. Nothing happened.
    #[error("no service takes the commands of “{context}”. Start one with `hub serve --role services`.")]
    NoService {
        /// The context.
        context: String,
    },
    /// The service took the command and failed at it, by a fault of its own. Its log says more.
    #[error("the service of “{context}” failed while it handled a command. Its log says why; ask again with the same id.")]
    Failed {
        /// The context.
        context: String,
    },
    /// Another publisher has been here: what was to be published is published already.
    #[error("event {seq} was not published: another publisher has gone further. Read again what was published last, and go on from there.")]
    Fenced {
        /// The `seq` of the first event that was refused.
        seq: u64,
    },
    /// Something is not as it must be on the wire; sending it again will not help.
    #[error("malformed: {what}")]
    Malformed {
        /// What is wrong.
        what: String,
    },
    /// The bus is set up differently from what the settings ask for.
    #[error("{problem} {remedy}")]
    Config {
        /// What is wrong, as a sentence.
        problem: String,
        /// What to do about it, as a sentence.
        remedy: String,
    },
}

impl BusError {
    #[allow(clippy::needless_pass_by_value, reason = "it stands in map_err")]
    pub(crate) fn unavailable(reason: impl ToString) -> Self {
        Self::Unavailable { reason: reason.to_string() }
    }

    pub(crate) fn malformed(what: impl Into<String>) -> Self {
        Self::Malformed { what: what.into() }
    }
}
