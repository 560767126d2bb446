//! The types of events against the events themselves.

use super::*;
use crate::graphql::sdl;
use ::events::samples;
use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{TypeKind, TypeSystemDefinition};
use kernel::{CommandId, EventId, Metadata, StreamId, Timestamp, Who};
use std::collections::{BTreeMap, BTreeSet};

/// The event as if it stood in a log.
fn recorded(event: HubEvent) -> Recorded<HubEvent> {
    let id = Uuid::from_u128(7);
    let stream = StreamId { context: event.context().to_owned(), aggregate: event.aggregate().to_owned(), id };
    let at = Timestamp::from_timestamp(1_780_000_000, 0).unwrap();
    let meta = Metadata {
        occurred_at: at,
        actor: Who::System("test".to_owned()),
        organisation: None,
        command: CommandId(id),
        correlation: id,
        causation: None,
        traceparent: None,
    };
    Recorded { seq: 0, id: EventId(id), stream, version: 2, recorded_at: at, meta, event }
}

/// `thread_post_edited` as `ThreadPostEditedEvent`.
fn type_name(kind: &str) -> String {
    let words = kind.split('_').map(|word| word[..1].to_uppercase() + &word[1..]);
    words.chain(["Event".to_owned()]).collect()
}

#[test]
fn every_event_has_the_type_of_its_name() {
    use async_graphql::OutputType as _;
    let mut named = BTreeSet::new();
    for event in samples() {
        let kind = format!("{}_{}", event.aggregate(), event.tag());
        let typed = Event::typed(Happening::new(Arc::new(recorded(event)), true));
        assert_eq!(typed.introspection_type_name(), type_name(&kind));
        named.insert(type_name(&kind));
    }
    assert_eq!(named, TYPES.iter().map(|name| (*name).to_owned()).collect());
}

/// The object types of the schema, each with its fields and their types.
fn objects() -> BTreeMap<String, BTreeMap<String, String>> {
    let document = parse_schema(sdl()).unwrap();
    let types = document.definitions.into_iter().filter_map(|definition| match definition {
        TypeSystemDefinition::Type(definition) => Some(definition.node),
        TypeSystemDefinition::Schema(_) | TypeSystemDefinition::Directive(_) => None,
    });
    types
        .filter_map(|definition| {
            let (TypeKind::Object(async_graphql::parser::types::ObjectType { fields, .. })
            | TypeKind::Interface(async_graphql::parser::types::InterfaceType { fields, .. })) = definition.kind
            else {
                return None;
            };
            let fields = fields.into_iter().map(|field| (field.node.name.node.to_string(), field.node.ty.node.to_string()));
            Some((definition.name.node.to_string(), fields.collect()))
        })
        .collect()
}

/// A client may then ask for the fields of several events side by side, without aliases.
#[test]
fn a_field_is_of_one_type_in_all_events() {
    let objects = objects();
    let common = &objects["Event"];
    let mut known: BTreeMap<&str, (&str, &str)> = BTreeMap::new();
    for event in TYPES {
        let fields = &objects[*event];
        assert!(common.iter().all(|(field, of)| fields.get(field) == Some(of)), "{event} lacks a field of every event, or has its name");
        for (field, of) in fields.iter().filter(|(field, _)| !common.contains_key(*field)) {
            let (first, already) = known.entry(field.as_str()).or_insert((*event, of.as_str()));
            assert_eq!(already, of, "“{field}” is {of} in {event} and {already} in {first}");
        }
    }
}

/// What the log keeps under a person's key is in no difference but for those whom it concerns.
#[test]
fn no_private_value_is_told_to_others() {
    let words = ["Robin", "robin.quay", "f3c1", "samtide", "Sam Tide", "Keeps the lights", "Long leave", "The agreement"];
    for event in samples().into_iter().filter(|event| matches!(event, HubEvent::Person(_) | HubEvent::Organisation(_))) {
        let happening = Happening::new(Arc::new(recorded(event.clone())), false);
        let told = format!("{:?}", happening.changed(Some(event.clone())));
        assert!(!words.iter().any(|word| told.contains(word)), "{event:?} tells {told}");
    }
}
