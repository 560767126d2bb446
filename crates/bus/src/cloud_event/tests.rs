use super::*;
use kernel::{EventId, PersonId};
use proptest::prelude::*;
use serde_json::json;
use uuid::Uuid;

fn id() -> impl Strategy<Value = Uuid> {
    any::<u128>().prop_map(Uuid::from_u128)
}

fn at() -> impl Strategy<Value = Timestamp> {
    // The years 1000 to 9999, to the microsecond.
    (-30_610_224_000_000_000_i64..253_402_300_799_999_999).prop_map(|micros| chrono::DateTime::from_timestamp_micros(micros).unwrap())
}

fn data() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        any::<String>().prop_map(|value| json!({ "$personal": value })),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::hash_map("[a-z_]{1,8}", inner, 0..6).prop_map(|fields| fields.into_iter().collect()),
        ]
    })
}

fn who() -> impl Strategy<Value = Who> {
    prop_oneof![id().prop_map(|id| Who::Person(id.into())), any::<String>().prop_map(Who::System)]
}

prop_compose! {
    fn meta()(
        occurred_at in at(), actor in who(), organisation in prop::option::of(id()), command in id(), correlation in id(),
        causation in prop::option::of(id()), traceparent in prop::option::of(any::<String>()),
    ) -> Metadata {
        Metadata {
            occurred_at, actor, organisation: organisation.map(Into::into), command: command.into(), correlation,
            causation: causation.map(Into::into), traceparent,
        }
    }
}

prop_compose! {
    fn recorded()(
        seq in any::<u64>(), event_id in id(), context in any::<String>(), aggregate in any::<String>(), stream in id(),
        version in any::<u64>(), recorded_at in at(), meta in meta(), kind in any::<String>(), schema in any::<u16>(), data in data(),
    ) -> Recorded<Payload> {
        Recorded {
            seq, id: event_id.into(), stream: StreamId { context, aggregate, id: stream }, version, recorded_at, meta,
            event: Payload { kind, schema, data },
        }
    }
}

/// Whether a plain or sealed personal value stands anywhere in it.
fn tells(value: &Value) -> bool {
    match value {
        Value::Object(fields) => fields.iter().any(|(key, value)| key == "$personal" || key == "$sealed" || tells(value)),
        Value::Array(items) => items.iter().any(tells),
        _ => false,
    }
}

proptest! {
    #[test]
    fn the_wire_loses_nothing(event in recorded()) {
        let json = CloudEvent::from(&event).to_json();
        let back = Recorded::try_from(CloudEvent::from_json(&json).unwrap()).unwrap();
        prop_assert_eq!(back, event);
    }

    #[test]
    fn what_is_redacted_tells_nothing_personal_and_says_so(event in recorded()) {
        let personal = tells(&event.event.data);
        let redacted = Recorded::try_from(CloudEvent::from(&event).redacted()).unwrap();
        prop_assert!(!tells(&redacted.event.data));
        prop_assert_eq!(is_withheld(&redacted.event), personal);
        if !personal {
            prop_assert_eq!(redacted, event);
        }
    }
}

fn thread_opened() -> Recorded<Payload> {
    let uuid = |n: u128| Uuid::from_u128(n);
    Recorded {
        seq: 42,
        id: EventId(uuid(1)),
        stream: StreamId { context: "discussions".into(), aggregate: "thread".into(), id: uuid(2) },
        version: 1,
        recorded_at: "2026-01-02T03:04:05.000007Z".parse().unwrap(),
        meta: Metadata {
            occurred_at: "2026-01-02T03:04:05Z".parse().unwrap(),
            actor: Who::Person(PersonId(uuid(3))),
            organisation: Some(uuid(4).into()),
            command: uuid(5).into(),
            correlation: uuid(5),
            causation: None,
            traceparent: None,
        },
        event: Payload {
            kind: "hub.discussions.thread_opened".into(),
            schema: 1,
            data: json!({ "title": "Hello", "author": { "$personal": "Ada" }, "then": [{ "$sealed": "c2VhbGVk", "key": 1 }] }),
        },
    }
}

#[test]
fn its_attributes_are_those_of_the_specification() {
    let json = serde_json::to_value(CloudEvent::from(&thread_opened()).redacted()).unwrap();
    assert_eq!(
        json,
        json!({
            "specversion": "1.0",
            "id": "00000000-0000-0000-0000-000000000001",
            "source": "/services/discussions",
            "type": "hub.discussions.thread_opened.v1",
            "subject": "thread/00000000-0000-0000-0000-000000000002",
            "time": "2026-01-02T03:04:05.000000Z",
            "datacontenttype": "application/json",
            "hubseq": "42",
            "hubversion": "1",
            "hubactor": "person:00000000-0000-0000-0000-000000000003",
            "huborg": "00000000-0000-0000-0000-000000000004",
            "hubcommand": "00000000-0000-0000-0000-000000000005",
            "hubcorrelation": "00000000-0000-0000-0000-000000000005",
            "hubrecorded": "2026-01-02T03:04:05.000007Z",
            "data": { "title": "Hello", "author": { "$withheld": true }, "then": [{ "$withheld": true }] },
        })
    );
}

#[test]
fn its_subject_names_the_event_without_the_aggregate() {
    let mut event = thread_opened();
    assert_eq!(CloudEvent::nats_subject(&event).unwrap(), "hub.events.discussions.thread.00000000-0000-0000-0000-000000000002.opened");
    event.event.kind = "hub.discussions.opened".into();
    assert!(CloudEvent::nats_subject(&event).unwrap().ends_with(".opened"));
    event.stream.context = "no.such>thing".into();
    assert!(matches!(CloudEvent::nats_subject(&event), Err(BusError::Malformed { .. })));
}

#[test]
fn an_emptied_event_is_withheld() {
    let event = Recorded::try_from(CloudEvent::from(&thread_opened()).emptied()).unwrap();
    assert!(is_withheld(&event.event));
    assert_eq!(event.seq, 42);
}

#[test]
fn what_is_wrong_is_named() {
    let mut event = CloudEvent::from(&thread_opened());
    event.hubseq = "minus one".into();
    let error = Recorded::try_from(event).unwrap_err();
    assert!(error.to_string().contains("hubseq") && error.to_string().contains("minus one"), "{error}");
}
