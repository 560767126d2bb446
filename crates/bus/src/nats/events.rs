//! Publishing to JetStream: in order, pipelined, and fenced off from a second publisher.

use super::commands::NatsCommands;
use super::connection::{Connection, Settings, TRACEPARENT, is_header_value};
use super::event_stream::{End, EventStreamOnServer};
use super::subscription;
use crate::cloud_event::{CloudEvent, MEDIA_TYPE};
use crate::command_transport::CommandSettings;
use crate::error::BusError;
use crate::event_bus::{EventBus, EventStream, must_follow};
use async_nats::jetstream::context::{PublishAckFuture, PublishError, PublishErrorKind};
use async_nats::jetstream::message::PublishMessage;
use async_trait::async_trait;
use kernel::{Payload, Recorded};
use std::collections::VecDeque;
use tokio::sync::Mutex;

/// What the headers of a message may take of the server's limit, in bytes.
const HEADERS: usize = 4 * 1024;

/// An event on its way: where the stream ends with it, its `seq`, and the acknowledgement to come.
type Sent = (End, u64, PublishAckFuture);

/// Distributes events over NATS JetStream, with everything personal withheld.
///
/// Each message says which message it must come after (`Nats-Expected-Last-Sequence`), also within a batch
/// whose acknowledgements are still out. So the stream never has a hole, nor an event twice, whatever gets
/// lost on the way and however many publishers there are.
#[derive(Debug)]
pub struct JetStreamBus {
    stream: EventStreamOnServer,
    max_ack_in_flight: usize,
    /// Where the stream ends, if this publisher knows; it forgets whenever something fails.
    end: Mutex<Option<End>>,
}

impl JetStreamBus {
    /// Connects, and makes the stream if there is none.
    ///
    /// # Errors
    /// [`BusError::Unavailable`] if NATS or its JetStream does not answer; [`BusError::Config`] if the address
    /// or the credentials are wrong, or the stream is set up differently from the settings.
    pub async fn connect(settings: Settings) -> Result<Self, BusError> {
        let connection = Connection::open(&settings).await?;
        let stream = EventStreamOnServer::new(connection, &settings);
        stream.open().await?;
        Ok(Self { stream, max_ack_in_flight: settings.max_ack_in_flight.max(1), end: Mutex::new(None) })
    }

    /// Transport of commands over the same connection.
    pub fn commands(&self, settings: CommandSettings) -> NatsCommands {
        NatsCommands::new(self.stream.connection.clone(), settings)
    }

    /// The message for an event, without what is personal, and without any content if it is too large.
    fn message(&self, event: &Recorded<Payload>, after_message: u64) -> PublishMessage {
        let cloud_event = CloudEvent::from(event).redacted();
        let mut json = cloud_event.to_json();
        if json.len() + HEADERS > self.stream.connection.client.max_payload() {
            tracing::warn!(seq = event.seq, bytes = json.len(), "an event is larger than NATS takes; its content is withheld");
            json = cloud_event.emptied().to_json();
        }
        let message = PublishMessage::build()
            .payload(json.into())
            .message_id(event.id.to_string())
            .expected_last_sequence(after_message)
            .header("Content-Type", MEDIA_TYPE);
        match event.meta.traceparent.as_deref().filter(|text| is_header_value(text)) {
            Some(traceparent) => message.header(TRACEPARENT, traceparent),
            None => message,
        }
    }

    /// Sends the batch after `end` and awaits every acknowledgement. Returns where the stream then ends.
    async fn send(&self, batch: &[Recorded<Payload>], end: End) -> Result<End, BusError> {
        let mut in_flight = VecDeque::with_capacity(self.max_ack_in_flight);
        let sent = self.pipeline(batch, end, &mut in_flight).await;
        if let Err(BusError::Fenced { .. }) = sent {
            // What is still on its way may be taken yet. Await it, so that whoever looks where the stream
            // ends does not look too early. The server answers, so this is quick.
            let rest = async {
                while let Some((_, _, acknowledgement)) = in_flight.pop_front() {
                    let _ = acknowledgement.await;
                }
            };
            let _ = tokio::time::timeout(self.stream.connection.timeout, rest).await;
        }
        sent
    }

    async fn pipeline(&self, batch: &[Recorded<Payload>], mut end: End, in_flight: &mut VecDeque<Sent>) -> Result<End, BusError> {
        for event in batch {
            if in_flight.len() >= self.max_ack_in_flight {
                self.settle(in_flight.pop_front()).await?;
            }
            let subject = CloudEvent::nats_subject(event)?;
            let sent = self.stream.jetstream.send_publish(subject, self.message(event, end.message)).await;
            let acknowledgement = sent.map_err(|error| self.failure(event.seq, &error))?;
            end = End { message: end.message + 1, seq: Some(event.seq) };
            in_flight.push_back((end, event.seq, acknowledgement));
        }
        while !in_flight.is_empty() {
            self.settle(in_flight.pop_front()).await?;
        }
        Ok(end)
    }

    async fn settle(&self, sent: Option<Sent>) -> Result<(), BusError> {
        let Some((end, seq, acknowledgement)) = sent else { return Ok(()) };
        let answer = acknowledgement.await.map_err(|error| self.failure(seq, &error))?;
        if answer.duplicate {
            // Another publisher (or an attempt of our own that was given up) has published this very event.
            Err(BusError::Fenced { seq })
        } else if answer.sequence == end.message {
            Ok(())
        } else {
            Err(BusError::unavailable(format!("event {seq} was expected to be message {} and is message {}", end.message, answer.sequence)))
        }
    }

    fn failure(&self, seq: u64, error: &PublishError) -> BusError {
        match error.kind() {
            PublishErrorKind::WrongLastSequence => BusError::Fenced { seq },
            PublishErrorKind::TimedOut => {
                BusError::Timeout { what: format!("publishing event {seq}"), limit: self.stream.connection.timeout }
            }
            _ => BusError::unavailable(format!("event {seq}: {error}")),
        }
    }
}

#[async_trait]
impl EventBus for JetStreamBus {
    async fn publish(&self, batch: &[Recorded<Payload>]) -> Result<(), BusError> {
        if batch.is_empty() {
            return Ok(());
        }
        self.stream.connection.must_be_up()?;
        let mut known = self.end.lock().await;
        // Taken, so that it is forgotten if this fails or is given up.
        let mut end = match known.take() {
            Some(end) => end,
            None => self.stream.end().await?,
        };
        must_follow(end.seq, batch)?;
        if end.seq.is_none() && end.message > 0 {
            // Someone purged the stream. The server still remembers the ids of what was in it, and would
            // drop those events as doubles.
            self.stream.empty().await?;
            end = End { message: 0, seq: None };
        }
        *known = Some(self.send(batch, end).await?);
        Ok(())
    }

    async fn last_published(&self) -> Result<Option<u64>, BusError> {
        let mut known = self.end.lock().await;
        *known = None;
        let end = self.stream.end().await?;
        *known = Some(end);
        Ok(end.seq)
    }

    async fn subscribe(&self, after: u64) -> Result<EventStream, BusError> {
        subscription::follow(self.stream.clone(), after).await
    }

    async fn reset(&self) -> Result<(), BusError> {
        let mut known = self.end.lock().await;
        *known = None;
        self.stream.empty().await
    }

    async fn health(&self) -> Result<(), BusError> {
        self.stream.open().await.map(|_| ())
    }
}
