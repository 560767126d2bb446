//! Commands over NATS: request and reply, shared among the servers of a context by a queue group.

use super::connection::{Connection, TRACEPARENT, is_header_value};
use crate::command_transport::{CommandSettings, CommandTransport, Handler, Headers, ServeHandle};
use crate::error::BusError;
use async_nats::{Client, HeaderMap, Message, Request, RequestErrorKind, Subscriber};
use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt as _;
use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The servers of a context form one queue group, so that each command goes to one of them.
const QUEUE_GROUP: &str = "hub-services";
/// Marks an answer that tells of a fault in the service.
const FAILURE: &str = "Hub-Failure";

/// Carries commands to services in other processes. See [`JetStreamBus::commands`](crate::JetStreamBus::commands).
#[derive(Clone, Debug)]
pub struct NatsCommands {
    connection: Connection,
    settings: CommandSettings,
}

impl NatsCommands {
    pub(super) fn new(connection: Connection, settings: CommandSettings) -> Self {
        Self { connection, settings }
    }
}

fn subject(context: &str) -> Result<String, BusError> {
    if !context.is_empty() && context.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-') {
        Ok(format!("hub.commands.{context}"))
    } else {
        Err(BusError::malformed(format!("“{context}” is no name of a context")))
    }
}

#[async_trait]
impl CommandTransport for NatsCommands {
    async fn request(&self, context: &str, command: Bytes, headers: Headers) -> Result<Bytes, BusError> {
        let subject = subject(context)?;
        self.connection.must_be_up()?;
        let limit = self.settings.timeout;
        let mut map = HeaderMap::new();
        if let Some(traceparent) = headers.traceparent.as_deref().filter(|text| is_header_value(text)) {
            map.insert(TRACEPARENT, traceparent);
        }
        let request = Request::new().payload(command).headers(map).timeout(Some(limit));
        let answer = self.connection.client.send_request(subject, request).await.map_err(|error| match error.kind() {
            RequestErrorKind::NoResponders => BusError::NoService { context: context.to_owned() },
            RequestErrorKind::TimedOut => BusError::Timeout { what: format!("a command of “{context}”"), limit },
            RequestErrorKind::MaxPayloadExceeded | RequestErrorKind::InvalidSubject => BusError::malformed(error.to_string()),
            RequestErrorKind::Other => BusError::unavailable(error),
        })?;
        if answer.headers.is_some_and(|headers| headers.get(FAILURE).is_some()) {
            return Err(BusError::Failed { context: context.to_owned() });
        }
        Ok(answer.payload)
    }

    async fn serve(&self, context: &str, handler: Arc<dyn Handler>) -> Result<ServeHandle, BusError> {
        let subject = subject(context)?;
        self.connection.must_be_up()?;
        let client = self.connection.client.clone();
        let subscriber = client.queue_subscribe(subject, QUEUE_GROUP.to_owned()).await.map_err(BusError::unavailable)?;
        self.connection.settle().await?;
        let stop = CancellationToken::new();
        let server = Server {
            client,
            context: context.to_owned(),
            handler,
            permits: Arc::new(Semaphore::new(self.settings.concurrency.max(1))),
            settings: self.settings,
            running: TaskTracker::new(),
        };
        let task = tokio::spawn(server.run(subscriber, stop.clone()));
        Ok(ServeHandle::new(stop, task))
    }
}

struct Server {
    client: Client,
    context: String,
    handler: Arc<dyn Handler>,
    permits: Arc<Semaphore>,
    settings: CommandSettings,
    running: TaskTracker,
}

impl Server {
    async fn run(self, mut subscriber: Subscriber, stop: CancellationToken) {
        loop {
            let message = tokio::select! {
                () = stop.cancelled() => break,
                message = subscriber.next() => message,
            };
            let Some(message) = message else { break };
            self.take(message).await;
        }
        // What was handed to this server before it left the queue group is still answered. While there is
        // no connection the end of it is never seen, hence the bound.
        if subscriber.drain().await.is_ok() {
            let rest = async {
                while let Some(message) = subscriber.next().await {
                    self.take(message).await;
                }
            };
            let _ = tokio::time::timeout(self.settings.timeout, rest).await;
        }
        self.running.close();
        self.running.wait().await;
        let _ = tokio::time::timeout(self.settings.timeout, self.client.flush()).await;
    }

    /// Starts on a command, as soon as fewer than the most are at work.
    async fn take(&self, message: Message) {
        let permit = self.permits.clone().acquire_owned().await.expect("the semaphore is never closed");
        let Some(reply) = message.reply else {
            tracing::warn!(context = %self.context, "a command that wants no answer is not taken");
            return;
        };
        let traceparent = message.headers.as_ref().and_then(|headers| headers.get(TRACEPARENT)).map(|value| value.as_str().to_owned());
        let (handler, client, context) = (self.handler.clone(), self.client.clone(), self.context.clone());
        self.running.spawn(async move {
            let _permit = permit;
            // A task of its own, so that a panic is told to the caller.
            let answer = tokio::spawn(async move { handler.handle(message.payload, Headers { traceparent }).await }).await;
            let sent = match answer {
                Ok(answer) => client.publish(reply.clone(), answer).await.map_err(|error| error.to_string()),
                Err(error) => Err(error.to_string()),
            };
            // A panic, or an answer that is larger than the server takes.
            if let Err(error) = sent {
                tracing::error!(%context, %error, "a command has no answer");
                let mut headers = HeaderMap::new();
                headers.insert(FAILURE, "true");
                if let Err(error) = client.publish_with_headers(reply, headers, Bytes::new()).await {
                    tracing::warn!(%context, %error, "the caller cannot be told so");
                }
            }
        });
    }
}
