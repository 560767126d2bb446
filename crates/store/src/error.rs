//! What can go wrong when the log is read.

use crate::keys::KeyError;
use kernel::EventId;

/// Why the log could not be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database cannot be reached, or is not ready. Trying again later may help.
    #[error("the database cannot be reached: {0}")]
    Unavailable(#[source] sqlx::Error),
    /// The database refused the statement.
    #[error("the database failed: {0}")]
    Database(#[source] sqlx::Error),
    /// An event in the log cannot be understood; `hub events verify` tells whether it was altered.
    #[error("event {event} in the log cannot be read: {what}")]
    Malformed {
        /// The event.
        event: EventId,
        /// What is wrong with it.
        what: String,
    },
    /// A position of the log has no event; `hub events verify` tells more.
    #[error("position {seq} of the log has no event; `hub events verify` tells what happened to it")]
    Gap {
        /// The position.
        seq: u64,
    },
    /// The personal data of an event does not open.
    #[error("the personal data of event {event} cannot be opened: {source}")]
    Key {
        /// The event.
        event: EventId,
        /// Why not.
        source: KeyError,
    },
}

impl Error {
    /// Whether trying again later may help, because the database could not be reached.
    pub fn is_unavailable(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        if unavailable(&error) { Self::Unavailable(error) } else { Self::Database(error) }
    }
}

/// Whether the failure lies in reaching the database rather than in what was asked of it.
pub fn unavailable(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => true,
        // PostgreSQL's error classes: 08 connection, 53 resources (disk, memory, connections), 57 the operator stepped in
        // (shutdown, starting up, time-out), 58 the system; 25006 is a server that turned into a standby.
        sqlx::Error::Database(error) => {
            error.code().is_some_and(|code| ["08", "53", "57", "58"].iter().any(|class| code.starts_with(class)) || code == "25006")
        }
        _ => false,
    }
}
