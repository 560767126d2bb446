//! Following the stream of events through every interruption.
//!
//! Each time the connection was lost, the server restarted, the consumer expired or a message went astray,
//! the place is looked up anew by the event's `seq`. JetStream's own numbers are not remembered: a stream
//! that was lost and refilled counts differently.

use super::event_stream::{EventStreamOnServer, read};
use crate::backoff::Backoff;
use crate::error::BusError;
use crate::event_bus::{Delivery, EventStream, Sequence};
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, pull};
use futures::{StreamExt as _, stream};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};

/// How many deliveries wait for a slow consumer before no more are fetched.
const WAITING: usize = 256;
/// How many messages are asked for at a time.
const BATCH: usize = 500;
/// How long the server keeps a consumer that nobody asks for.
const IDLE: Duration = Duration::from_secs(30);
/// How long one request for messages stays open.
const EXPIRES: Duration = Duration::from_secs(30);
/// How often the server says that it is still there; twice that without a word is an interruption.
const HEARTBEAT: Duration = Duration::from_secs(5);

struct Follower {
    stream: EventStreamOnServer,
    connects: watch::Receiver<u64>,
    sequence: Sequence,
    deliveries: mpsc::Sender<Delivery>,
}

enum Interruption {
    /// Nobody listens any more.
    Deserted,
    /// It can be healed.
    Passing(String),
}

/// Subscribes now, and stays subscribed until the deliveries are dropped.
pub(super) async fn follow(stream: EventStreamOnServer, after: u64) -> Result<EventStream, BusError> {
    let (deliveries, receiver) = mpsc::channel(WAITING);
    let mut connects = stream.connection.connects();
    connects.borrow_and_update();
    let follower = Follower { stream, connects, sequence: Sequence::after(after), deliveries };
    let messages = follower.open().await?;
    tokio::spawn(async move { follower.run(messages).await });
    Ok(stream::unfold(receiver, |mut receiver| async move { receiver.recv().await.map(|delivery| (delivery, receiver)) }).boxed())
}

impl Follower {
    /// The messages from the event after the last one delivered.
    async fn open(&self) -> Result<pull::Stream, BusError> {
        let stream = self.stream.open().await?;
        let start_sequence = self.stream.first_after(&stream, self.sequence.position()).await?;
        let config = pull::Config {
            description: Some("a follower within the hub".to_owned()),
            deliver_policy: DeliverPolicy::ByStartSequence { start_sequence },
            ack_policy: AckPolicy::None,
            inactive_threshold: IDLE,
            memory_storage: true,
            num_replicas: 1,
            ..pull::Config::default()
        };
        let consumer = stream.create_consumer(config).await.map_err(BusError::unavailable)?;
        consumer
            .stream()
            .max_messages_per_batch(BATCH)
            .expires(EXPIRES)
            .heartbeat(HEARTBEAT)
            .messages()
            .await
            .map_err(BusError::unavailable)
    }

    async fn run(mut self, first: pull::Stream) {
        let mut backoff = Backoff::new();
        let mut messages = Some(first);
        loop {
            if let Some(messages) = messages.take() {
                let before = self.sequence.position();
                match self.deliver(messages).await {
                    Interruption::Deserted => return,
                    Interruption::Passing(why) => tracing::debug!(%why, "the subscription to events was interrupted; resuming"),
                }
                if self.sequence.position() > before {
                    backoff.reset();
                }
            }
            tokio::select! {
                () = self.deliveries.closed() => return,
                () = tokio::time::sleep(backoff.next()) => {}
                changed = self.connects.changed() => if changed.is_err() { return },
            }
            match self.open().await {
                Ok(opened) => {
                    if let Some(gap) = self.sequence.interrupted()
                        && self.deliveries.send(gap).await.is_err()
                    {
                        return;
                    }
                    messages = Some(opened);
                }
                Err(error) => tracing::debug!(%error, "the subscription to events cannot be resumed yet"),
            }
        }
    }

    /// Delivers until there is an interruption.
    async fn deliver(&mut self, mut messages: pull::Stream) -> Interruption {
        let mut delivered = 0;
        loop {
            let message = tokio::select! {
                () = self.deliveries.closed() => return Interruption::Deserted,
                changed = self.connects.changed() => return match changed {
                    Ok(()) => Interruption::Passing("connected anew".to_owned()),
                    Err(_) => Interruption::Deserted,
                },
                message = messages.next() => message,
            };
            let message = match message {
                Some(Ok(message)) => message,
                Some(Err(error)) => return Interruption::Passing(error.to_string()),
                None => return Interruption::Passing("the server ended it".to_owned()),
            };
            match message.info() {
                Ok(info) if info.consumer_sequence == delivered + 1 => delivered += 1,
                Ok(_) => return Interruption::Passing("a message went astray".to_owned()),
                Err(error) => return Interruption::Passing(error.to_string()),
            }
            match read(&message.payload) {
                Ok(event) => {
                    for delivery in self.sequence.arrived(Arc::new(event)) {
                        if self.deliveries.send(delivery).await.is_err() {
                            return Interruption::Deserted;
                        }
                    }
                }
                // Passed over: the jump in `seq` sends the consumer to the log.
                Err(error) => {
                    tracing::warn!(subject = %message.subject, %error, "a message on the stream of events is no event of the hub");
                }
            }
        }
    }
}
