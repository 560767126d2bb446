//! What the tests share.

use kernel::{Clock as _, CommandId, EventId, Ids as _, Metadata, Payload, PersonId, StreamId, SystemClock, Who};
use serde_json::json;
use std::time::Duration;
use store::{Append, Leadership, Log, NewEvent, Sequencer};
use uuid::Uuid;

/// How long a test waits for what must come about. Only a test that fails waits that long.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

pub(crate) fn id() -> Uuid {
    kernel::RandomIds.next()
}

pub(crate) fn stream() -> StreamId {
    StreamId { context: "discussions".to_owned(), aggregate: "thread".to_owned(), id: id() }
}

/// So many events onto a stream of this version, by a command of its own.
pub(crate) fn append(stream: &StreamId, expected: u64, events: usize) -> Append {
    let command = CommandId(id());
    let now = SystemClock.now();
    Append {
        stream: stream.clone(),
        expected,
        command,
        fingerprint: [7; 32],
        meta: Metadata {
            occurred_at: now,
            actor: Who::Person(PersonId(id())),
            organisation: Some(id().into()),
            command,
            correlation: command.uuid(),
            causation: None,
            traceparent: Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".to_owned()),
        },
        events: (0..events)
            .map(|number| NewEvent {
                id: EventId(id()),
                payload: Payload {
                    kind: "hub.discussions.thread_replied".to_owned(),
                    schema: 1,
                    data: json!({ "number": number, "text": "\u{0}\"quoted\" ünïcode 🦀" }),
                },
            })
            .collect(),
        claims: Vec::new(),
        personal: None,
        now,
    }
}

/// An append whose one event holds personal data.
pub(crate) fn personal(person: PersonId, expected: u64, name: &str) -> Append {
    let stream = StreamId { context: "organisations".to_owned(), aggregate: "person".to_owned(), id: person.uuid() };
    let mut append = append(&stream, expected, 1);
    append.personal = Some(person);
    append.events[0].payload.data = json!({ "name": { "$personal": name }, "team": "red" });
    append
}

/// Waits until it is so.
pub(crate) async fn until<F: Future<Output = bool>>(what: &str, mut condition: impl FnMut() -> F) {
    let waited = tokio::time::timeout(PATIENCE, async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    assert!(waited.await.is_ok(), "waited in vain until {what}");
}

/// Sequences until the log reaches `head`. At once it may not: a transaction in any database of the server, such as
/// another test's, is one that might still write.
pub(crate) async fn sequenced(log: &Log, head: u64) {
    let sequencer = Sequencer::new(log.clone(), Leadership::Sole);
    until("the log is sequenced", async || sequencer.catch_up().await.unwrap() >= head).await;
    assert_eq!(log.head().await.unwrap(), head);
}
