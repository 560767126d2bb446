//! The JetStream stream of events: the one place that knows its name, its subjects and its settings, that
//! makes it, and that finds a place in it.

use super::connection::{Connection, Settings};
use crate::cloud_event::CloudEvent;
use crate::error::BusError;
use async_nats::jetstream::context::{ContextBuilder, CreateStreamErrorKind, GetStreamErrorKind};
use async_nats::jetstream::stream::{Config, DiscardPolicy, Info, RawMessageErrorKind, RetentionPolicy, StorageType, Stream};
use async_nats::jetstream::{Context, ErrorCode};
use kernel::{Payload, Recorded};
use std::time::Duration;

/// Every subject that events are published on.
const SUBJECTS: &str = "hub.events.>";

/// How long the server remembers event ids. Nothing relies on it: a publisher fences itself off by
/// sequence. It only keeps a message that the network doubled from being refused noisily.
const DUPLICATE_WINDOW: Duration = Duration::from_mins(2);

/// Where the stream ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct End {
    /// JetStream's own number of the last message there ever was.
    pub(super) message: u64,
    /// The `seq` of the last event, unless the stream is empty.
    pub(super) seq: Option<u64>,
}

/// The stream, by name; it is looked up, and made if it is gone, whenever it is needed.
#[derive(Clone, Debug)]
pub(super) struct EventStreamOnServer {
    pub(super) connection: Connection,
    pub(super) jetstream: Context,
    config: Config,
}

impl EventStreamOnServer {
    pub(super) fn new(connection: Connection, settings: &Settings) -> Self {
        let jetstream = ContextBuilder::new()
            .timeout(settings.timeout)
            .ack_timeout(settings.timeout)
            // Twice what is used, so that acknowledgements given up on do not block the next batch.
            .max_ack_inflight(settings.max_ack_in_flight.max(1) * 2)
            .build(connection.client.clone());
        let config = Config {
            name: settings.stream.clone(),
            description: Some("Events of the hub, a copy of its log; refill with `hub events republish`".to_owned()),
            subjects: vec![SUBJECTS.to_owned()],
            storage: StorageType::File,
            retention: RetentionPolicy::Limits,
            // Unlimited; should an operator set a limit, rather stop than drop what nobody was told of.
            discard: DiscardPolicy::New,
            max_bytes: -1,
            max_messages: -1,
            max_messages_per_subject: -1,
            max_message_size: -1,
            max_consumers: -1,
            num_replicas: settings.replicas,
            duplicate_window: DUPLICATE_WINDOW,
            deny_delete: true,
            ..Config::default()
        };
        Self { connection, jetstream, config }
    }

    /// The stream as it is on the server; made if there is none.
    pub(super) async fn open(&self) -> Result<Stream<Info>, BusError> {
        self.connection.must_be_up()?;
        let found = match self.jetstream.get_stream(&self.config.name).await {
            Ok(found) => found,
            Err(error) => match error.kind() {
                GetStreamErrorKind::JetStream(answer) if answer.error_code() == ErrorCode::STREAM_NOT_FOUND => self.create().await?,
                _ => return Err(BusError::unavailable(error)),
            },
        };
        self.must_fit(&found.cached_info().config)?;
        Ok(found)
    }

    async fn create(&self) -> Result<Stream<Info>, BusError> {
        tracing::info!(stream = %self.config.name, "making the stream of events");
        self.jetstream.create_stream(&self.config).await.map_err(|error| match error.kind() {
            CreateStreamErrorKind::JetStream(answer) if answer.error_code() == ErrorCode::STREAM_SUBJECT_OVERLAP => BusError::Config {
                problem: format!("Another stream already takes the subjects {SUBJECTS}."),
                remedy: format!("Find it with `nats stream ls --subject '{SUBJECTS}'`, and name it in the hub's settings or remove it."),
            },
            CreateStreamErrorKind::JetStream(answer) if answer.code() == 400 || answer.code() == 500 => BusError::Config {
                problem: format!(
                    "NATS will not make the stream {} with {} replicas: {answer}.",
                    self.config.name, self.config.num_replicas
                ),
                remedy: "Ask for no more replicas than the cluster has servers, and give JetStream enough storage.".to_owned(),
            },
            _ => BusError::unavailable(error),
        })
    }

    /// Compares what correctness rests on; limits that an operator set are left alone.
    fn must_fit(&self, found: &Config) -> Result<(), BusError> {
        let unlimited = |n: i64| n <= 0;
        let wanted = &self.config;
        let differences: Vec<String> = [
            ("subjects", format!("{:?}", wanted.subjects), format!("{:?}", found.subjects)),
            ("storage", format!("{:?}", wanted.storage), format!("{:?}", found.storage)),
            ("retention", format!("{:?}", wanted.retention), format!("{:?}", found.retention)),
            ("replicas", wanted.num_replicas.to_string(), found.num_replicas.to_string()),
            ("no_ack", wanted.no_ack.to_string(), found.no_ack.to_string()),
            ("sealed", wanted.sealed.to_string(), found.sealed.to_string()),
            ("unlimited per subject", true.to_string(), unlimited(found.max_messages_per_subject).to_string()),
        ]
        .into_iter()
        .filter(|(_, wanted, found)| wanted != found)
        .map(|(name, wanted, found)| format!("{name} should be {wanted} and is {found}"))
        .collect();
        if differences.is_empty() {
            return Ok(());
        }
        let name = &self.config.name;
        Err(BusError::Config {
            problem: format!("The stream {name} on NATS is set up differently: {}.", differences.join("; ")),
            remedy: format!(
                "Change the hub's settings, or change the stream with `nats stream edit {name}`, or remove it with `nats stream rm {name}`; \
                 the hub then makes it anew and fills it from its log."
            ),
        })
    }

    /// Where the stream ends now.
    pub(super) async fn end(&self) -> Result<End, BusError> {
        let stream = self.open().await?;
        self.end_of(&stream).await
    }

    pub(super) async fn end_of(&self, stream: &Stream<Info>) -> Result<End, BusError> {
        let state = &stream.cached_info().state;
        if state.messages == 0 {
            return Ok(End { message: state.last_sequence, seq: None });
        }
        let seq = self.seq_of(stream, state.last_sequence).await?.ok_or_else(|| {
            BusError::malformed(format!("the last message of the stream {} was removed; run `hub events republish`", self.config.name))
        })?;
        Ok(End { message: state.last_sequence, seq: Some(seq) })
    }

    /// JetStream's number of the first message whose event has a `seq` greater than `after`; if that cannot
    /// be told, of the first message of all. Events are published densely, so that the distance between
    /// `seq` and JetStream's number is the same at every message, and is known from the last.
    pub(super) async fn first_after(&self, stream: &Stream<Info>, after: u64) -> Result<u64, BusError> {
        let state = &stream.cached_info().state;
        let end = match self.end_of(stream).await {
            Ok(end) => end,
            Err(BusError::Malformed { what }) => {
                tracing::warn!(%what, "the stream of events ends with something that is no event; reading it from its start");
                return Ok(state.first_sequence);
            }
            Err(error) => return Err(error),
        };
        let Some(last) = end.seq.filter(|last| *last > after) else { return Ok(end.message + 1) };
        let back = last - after - 1;
        let candidate = end.message.saturating_sub(back).max(state.first_sequence);
        match self.seq_of(stream, candidate).await {
            Ok(Some(seq)) if seq == after + 1 || candidate == state.first_sequence => Ok(candidate),
            Ok(_) | Err(BusError::Malformed { .. }) => Ok(state.first_sequence),
            Err(error) => Err(error),
        }
    }

    /// The `seq` of the event in this message; none if there is no such message any more.
    async fn seq_of(&self, stream: &Stream<Info>, message: u64) -> Result<Option<u64>, BusError> {
        let found = match stream.get_raw_message(message).await {
            Ok(found) => found,
            Err(error) => match error.kind() {
                RawMessageErrorKind::NoMessageFound => return Ok(None),
                _ => return Err(BusError::unavailable(error)),
            },
        };
        read(&found.payload).map(|event| Some(event.seq)).map_err(|error| {
            BusError::malformed(format!(
                "message {message} of the stream {} is no event of the hub ({error}). Only the hub may publish on {SUBJECTS}; run `hub events republish`.",
                self.config.name
            ))
        })
    }

    /// Empties the stream by making it anew: numbering and remembered ids start afresh too.
    pub(super) async fn empty(&self) -> Result<(), BusError> {
        self.connection.must_be_up()?;
        match self.jetstream.delete_stream(&self.config.name).await {
            Ok(_) => {}
            Err(error) => match error.kind() {
                GetStreamErrorKind::JetStream(answer) if answer.error_code() == ErrorCode::STREAM_NOT_FOUND => {}
                _ => return Err(BusError::unavailable(error)),
            },
        }
        self.open().await.map(|_| ())
    }
}

/// The event in a message.
pub(super) fn read(message: &[u8]) -> Result<Recorded<Payload>, BusError> {
    CloudEvent::from_json(message)?.try_into()
}
