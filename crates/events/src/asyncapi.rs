//! The AsyncAPI document: what another program may read from the bus, and in what shape.

use crate::schema;
use crate::wire::WIRES;
use serde_json::{Map, Value, json};

/// The `AsyncAPI` 3.0 document of all events, as the hub publishes them on its event bus.
///
/// Each aggregate is a channel, each kind of event a message: a `CloudEvents` 1.0 envelope in JSON whose `data` has
/// the event's own schema.
pub fn asyncapi() -> Value {
    let mut channels = Map::new();
    let mut operations = Map::new();
    let mut messages = Map::new();
    let mut schemas = Map::new();
    schemas.insert("cloudevent".into(), envelope());
    for (wire, (wire_type, mut data)) in WIRES.iter().zip(schema::all()) {
        rebase(&mut data, &wire_type);
        let name = format!("{}_{}", wire.aggregate, wire.event);
        let channel = channels.entry(wire.aggregate).or_insert_with(|| channel(wire.context, wire.aggregate));
        channel["messages"][&name] = json!({ "$ref": format!("#/components/messages/{wire_type}") });
        operations.entry(format!("on_{}", wire.aggregate)).or_insert_with(|| {
            json!({
                "action": "receive",
                "summary": format!("Read what happens to every {} of the hub.", wire.aggregate),
                "channel": { "$ref": format!("#/channels/{}", wire.aggregate) },
            })
        });
        messages.insert(
            wire_type.clone(),
            json!({
                "name": wire_type,
                "title": wire.kind(),
                "summary": data["description"],
                "contentType": "application/cloudevents+json",
                "payload": {
                    "allOf": [
                        { "$ref": "#/components/schemas/cloudevent" },
                        {
                            "type": "object",
                            "properties": {
                                "type": { "const": wire_type },
                                "data": { "$ref": format!("#/components/schemas/{wire_type}") },
                            },
                        },
                    ],
                },
            }),
        );
        schemas.insert(wire_type, data);
    }
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Events of the hub",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Every fact that the hub records, in the order in which it recorded them (`hubseq` counts 1, 2, 3 … \
                without gaps). Events hold what not everyone may see: the bus is for the operator's own programs.",
        },
        "defaultContentType": "application/cloudevents+json",
        "channels": channels,
        "operations": operations,
        "components": { "messages": messages, "schemas": schemas },
    })
}

fn channel(context: &str, aggregate: &str) -> Value {
    json!({
        "address": format!("hub.events.{context}.{aggregate}.{{stream}}.{{event}}"),
        "title": format!("What happens to a {aggregate}"),
        "parameters": {
            "stream": { "description": format!("The id of the {aggregate}, a UUID.") },
            "event": { "description": "What happened, such as `opened`." },
        },
        "messages": {},
    })
}

/// The envelope: `CloudEvents` 1.0 with the hub's extension attributes.
fn envelope() -> Value {
    let text = |description: &str| json!({ "type": "string", "description": description });
    json!({
        "type": "object",
        "description": "CloudEvents 1.0 in JSON, with the hub's extensions.",
        "required": ["specversion", "id", "source", "type", "subject", "time", "data", "hubseq", "hubversion", "hubactor", "hubcommand", "hubcorrelation"],
        "properties": {
            "specversion": { "const": "1.0" },
            "id": { "type": "string", "format": "uuid", "description": "The event's id, a UUID of version 7." },
            "source": text("The service that it comes from: /services/discussions."),
            "type": text("Its kind and version: hub.discussions.thread_opened.v1."),
            "subject": text("Its stream: thread/…"),
            "time": { "type": "string", "format": "date-time", "description": "When it happened." },
            "datacontenttype": { "const": "application/json" },
            "data": { "type": "object", "description": "What happened." },
            "hubseq": { "type": "integer", "minimum": 1, "description": "Its place in the whole log, without gaps." },
            "hubversion": { "type": "integer", "minimum": 1, "description": "Its place in its stream, without gaps." },
            "hubactor": text("Who did it: a person's id, or a process of the hub."),
            "huborg": text("The organisation it was done for."),
            "hubcommand": text("The id of the command that it followed from."),
            "hubcorrelation": text("The id of the first command of the chain."),
            "traceparent": text("W3C trace context."),
        },
    })
}

/// Makes a schema's own references absolute within the document, and leaves out what only a document of its own has.
fn rebase(schema: &mut Value, wire_type: &str) {
    if let Value::Object(members) = schema {
        members.remove("$schema");
        members.remove("$id");
    }
    point(schema, wire_type);
}

fn point(schema: &mut Value, wire_type: &str) {
    match schema {
        Value::Object(members) => {
            if let Some(Value::String(path)) = members.get_mut("$ref")
                && let Some(name) = path.strip_prefix("#/$defs/")
            {
                *path = format!("#/components/schemas/{wire_type}/$defs/{name}");
            }
            members.values_mut().for_each(|member| point(member, wire_type));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| point(item, wire_type)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn every_reference(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(members) => {
                found.extend(members.get("$ref").and_then(Value::as_str).map(str::to_owned));
                members.values().for_each(|member| every_reference(member, found));
            }
            Value::Array(items) => items.iter().for_each(|item| every_reference(item, found)),
            _ => {}
        }
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let document = asyncapi();
        let mut references = Vec::new();
        every_reference(&document, &mut references);
        assert!(!references.is_empty());
        for reference in references {
            assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
        }
    }

    #[test]
    fn every_kind_is_a_message_of_its_channel() {
        let document = asyncapi();
        for wire in WIRES {
            let message = &document["channels"][wire.aggregate]["messages"][format!("{}_{}", wire.aggregate, wire.event)];
            assert!(message.is_object(), "{}", wire.kind());
            assert_eq!(document["components"]["messages"][wire.wire_type()]["name"], wire.wire_type());
        }
    }
}
