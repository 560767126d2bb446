//! Commands within one process: the handler is called directly, on a task of its own, so that it finishes
//! its work even if the caller goes away, just as it would in another process.

use crate::command_transport::{CommandSettings, CommandTransport, Handler, Headers, ServeHandle};
use crate::error::BusError;
use async_trait::async_trait;
use bytes::Bytes;
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

/// Carries commands to services in the same process.
#[derive(Debug)]
pub struct InProcessCommands {
    settings: CommandSettings,
    servers: Arc<RwLock<HashMap<String, Vec<Arc<Server>>>>>,
    turn: AtomicUsize,
}

struct Server {
    handler: Arc<dyn Handler>,
    permits: Arc<Semaphore>,
    running: TaskTracker,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("running", &self.running.len()).finish_non_exhaustive()
    }
}

impl InProcessCommands {
    /// A transport that nobody serves yet.
    pub fn new(settings: CommandSettings) -> Self {
        Self { settings, servers: Arc::default(), turn: AtomicUsize::new(0) }
    }

    /// The servers of a context take turns.
    fn server(&self, context: &str) -> Option<Arc<Server>> {
        let servers = self.servers.read().unwrap_or_else(PoisonError::into_inner);
        let of_context = servers.get(context).filter(|servers| !servers.is_empty())?;
        Some(of_context[self.turn.fetch_add(1, Ordering::Relaxed) % of_context.len()].clone())
    }
}

impl Default for InProcessCommands {
    fn default() -> Self {
        Self::new(CommandSettings::default())
    }
}

#[async_trait]
impl CommandTransport for InProcessCommands {
    async fn request(&self, context: &str, command: Bytes, headers: Headers) -> Result<Bytes, BusError> {
        let server = self.server(context).ok_or_else(|| BusError::NoService { context: context.to_owned() })?;
        let answer = async {
            let permit = server.permits.clone().acquire_owned().await.map_err(BusError::unavailable)?;
            let handler = server.handler.clone();
            let work = async move {
                let _permit = permit;
                handler.handle(command, headers).await
            };
            let work = server.running.spawn(work.instrument(tracing::Span::current()));
            work.await.map_err(|_| BusError::Failed { context: context.to_owned() })
        };
        let limit = self.settings.timeout;
        tokio::time::timeout(limit, answer)
            .await
            .unwrap_or_else(|_| Err(BusError::Timeout { what: format!("a command of “{context}”"), limit }))
    }

    async fn serve(&self, context: &str, handler: Arc<dyn Handler>) -> Result<ServeHandle, BusError> {
        let permits = Arc::new(Semaphore::new(self.settings.concurrency.max(1)));
        let server = Arc::new(Server { handler, permits, running: TaskTracker::new() });
        let context = context.to_owned();
        self.servers.write().unwrap_or_else(PoisonError::into_inner).entry(context.clone()).or_default().push(server.clone());
        let servers = self.servers.clone();
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let task = tokio::spawn(async move {
            stopped.cancelled().await;
            if let Some(of_context) = servers.write().unwrap_or_else(PoisonError::into_inner).get_mut(&context) {
                of_context.retain(|other| !Arc::ptr_eq(other, &server));
            }
            server.running.close();
            server.running.wait().await;
        });
        Ok(ServeHandle::new(stop, task))
    }
}
