//! Commands over a transport: the same requests, as JSON, to services in another process.

use crate::command::{Dispatch, HubCommand, Request};
use crate::failure::Failure;
use async_trait::async_trait;
use bus::{BusError, CommandTransport, Handler, Headers, ServeHandle};
use bytes::Bytes;
use std::sync::Arc;
use store::Receipt;

/// Sends commands to services that run elsewhere.
pub struct RemoteServices {
    transport: Arc<dyn CommandTransport>,
}

impl RemoteServices {
    /// Services reached through this transport.
    pub fn new(transport: Arc<dyn CommandTransport>) -> Self {
        Self { transport }
    }
}

#[async_trait]
impl Dispatch for RemoteServices {
    async fn execute(&self, request: Request) -> Result<Receipt, Failure> {
        let payload = serde_json::to_vec(&request).expect("requests are plain data and serialise");
        let headers = Headers { traceparent: request.traceparent.clone() };
        let answer = self.transport.request(request.command.context(), Bytes::from(payload), headers).await.map_err(|error| {
            tracing::warn!(%error, "no service answered a command");
            Failure::Unavailable("no service answers".to_owned())
        })?;
        serde_json::from_slice::<Result<Receipt, Failure>>(&answer).unwrap_or_else(|error| {
            tracing::error!(%error, "the answer of a service cannot be read");
            Err(Failure::Unavailable("the service's answer cannot be read".to_owned()))
        })
    }
}

/// Answers commands of every context on a transport, until the handles are stopped.
///
/// # Errors
/// The transport cannot be served on.
pub async fn serve(services: Arc<dyn Dispatch>, transport: &dyn CommandTransport) -> Result<Vec<ServeHandle>, BusError> {
    let handler = Arc::new(Answering { services });
    let mut serving = Vec::with_capacity(HubCommand::CONTEXTS.len());
    for context in HubCommand::CONTEXTS {
        serving.push(transport.serve(context, handler.clone()).await?);
    }
    Ok(serving)
}

struct Answering {
    services: Arc<dyn Dispatch>,
}

#[async_trait]
impl Handler for Answering {
    async fn handle(&self, command: Bytes, _headers: Headers) -> Bytes {
        let outcome = match serde_json::from_slice::<Request>(&command) {
            Ok(request) => self.services.execute(request).await,
            Err(error) => Err(Failure::Unavailable(format!("the command cannot be read: {error}"))),
        };
        Bytes::from(serde_json::to_vec(&outcome).expect("receipts and failures are plain data and serialise"))
    }
}
