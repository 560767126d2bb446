//! Transport of commands: from whoever asks to the service that decides, and the answer back.

use crate::error::BusError;
use async_trait::async_trait;
use bytes::Bytes;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

/// What travels beside a command.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers {
    /// W3C trace context, so that the service's work shows in the caller's trace.
    pub traceparent: Option<String>,
}

/// How long to wait, and how much to do at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommandSettings {
    /// How long a request waits for its answer.
    pub timeout: Duration,
    /// How many commands one server works on at the same time; further ones wait.
    pub concurrency: usize,
}

impl Default for CommandSettings {
    /// Ten seconds, and 64 commands at once.
    fn default() -> Self {
        Self { timeout: Duration::from_secs(10), concurrency: 64 }
    }
}

/// What answers commands: the services. Refusals are answers too, so this does not fail.
#[async_trait]
pub trait Handler: Send + Sync + 'static {
    /// Does what a command asks and says what came of it. If it panics, the caller gets [`BusError::Failed`].
    async fn handle(&self, command: Bytes, headers: Headers) -> Bytes;
}

/// Carries a command to one of the servers of its context, and its answer back.
///
/// A command is handled at most once per request. A request that timed out may still be handled: commands
/// carry an id of their own, so asking again does nothing twice.
#[async_trait]
pub trait CommandTransport: Send + Sync + 'static {
    /// Asks the service of a context.
    ///
    /// # Errors
    /// [`BusError::NoService`] if nobody serves the context, [`BusError::Timeout`] if no answer came in
    /// time, [`BusError::Failed`] if the service broke, [`BusError::Unavailable`] if the bus is down, and
    /// [`BusError::Malformed`] if the command is too large for the bus.
    async fn request(&self, context: &str, command: Bytes, headers: Headers) -> Result<Bytes, BusError>;

    /// Serves a context from now on. Several servers of a context share its commands.
    ///
    /// # Errors
    /// If the bus cannot be reached.
    async fn serve(&self, context: &str, handler: Arc<dyn Handler>) -> Result<ServeHandle, BusError>;
}

/// A server at work. Dropping it ends its work soon; [`stop`](Self::stop) waits for the end.
#[derive(Debug)]
pub struct ServeHandle {
    stop: DropGuard,
    task: JoinHandle<()>,
}

impl ServeHandle {
    /// `task` must end, after what is in flight has been answered, once `stop` is cancelled.
    pub(crate) fn new(stop: CancellationToken, task: JoinHandle<()>) -> Self {
        Self { stop: stop.drop_guard(), task }
    }

    /// Takes no further command, and returns when those in flight are answered.
    pub async fn stop(self) {
        drop(self.stop);
        if let Err(error) = self.task.await {
            tracing::error!(%error, "a server of commands ended badly");
        }
    }
}
