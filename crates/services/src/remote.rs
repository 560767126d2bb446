//! Commands over a transport: the same requests, as JSON, to services in another process.

use crate::command::{Dispatch, HubCommand, Request, Trial};
use crate::failure::Failure;
use async_trait::async_trait;
use bus::{BusError, CommandTransport, Handler, Headers, ServeHandle};
use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
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

/// A request on its way, and whether it is only to be tried.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Carried {
    Execute(Request),
    TryOut(Request),
}

impl RemoteServices {
    async fn ask<T: DeserializeOwned>(&self, context: &str, traceparent: Option<String>, carried: &Carried) -> Result<T, Failure> {
        let payload = serde_json::to_vec(carried).expect("requests are plain data and serialise");
        let headers = Headers { traceparent };
        let answer = self.transport.request(context, Bytes::from(payload), headers).await.map_err(|error| {
            tracing::warn!(%error, "no service answered a command");
            Failure::Unavailable("no service answers".to_owned())
        })?;
        serde_json::from_slice::<Result<T, Failure>>(&answer).unwrap_or_else(|error| {
            tracing::error!(%error, "the answer of a service cannot be read");
            Err(Failure::Unavailable("the service's answer cannot be read".to_owned()))
        })
    }
}

#[async_trait]
impl Dispatch for RemoteServices {
    async fn execute(&self, request: Request) -> Result<Receipt, Failure> {
        let (context, traceparent) = (request.command.context(), request.traceparent.clone());
        self.ask(context, traceparent, &Carried::Execute(request)).await
    }

    async fn try_out(&self, request: Request) -> Result<Trial, Failure> {
        let (context, traceparent) = (request.command.context(), request.traceparent.clone());
        self.ask(context, traceparent, &Carried::TryOut(request)).await
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
        fn told<T: Serialize>(outcome: &Result<T, Failure>) -> Bytes {
            Bytes::from(serde_json::to_vec(outcome).expect("receipts, plans and failures are plain data and serialise"))
        }
        match serde_json::from_slice::<Carried>(&command) {
            Ok(Carried::Execute(request)) => told(&self.services.execute(request).await),
            Ok(Carried::TryOut(request)) => told(&self.services.try_out(request).await),
            Err(error) => told::<Receipt>(&Err(Failure::Unavailable(format!("the command cannot be read: {error}")))),
        }
    }
}
