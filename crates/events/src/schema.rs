//! JSON Schemas of the events, one for each kind and version, derived from the types themselves.

use crate::wire::{WIRES, Wire};
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// The schema of the data of every event, by wire type (`hub.discussions.thread_opened.v1`), in the order of
/// [`WIRES`].
///
/// A personal value is described in its three states: known, erased, and sealed as the log holds it.
///
/// # Panics
/// Never: every row of the table has its variant in the types; tests hold that.
pub fn all() -> Vec<(String, Value)> {
    WIRES.iter().map(|wire| (wire.wire_type(), of(wire))).collect()
}

fn of(wire: &Wire) -> Value {
    let root = match (wire.context, wire.aggregate) {
        ("organisations", "organisation") => root::<organisations::organisation::Event>(),
        ("organisations", "person") => root::<organisations::person::Event>(),
        ("organisations", "team") => root::<organisations::team::Event>(),
        ("communities", "community") => root::<communities::community::Event>(),
        ("discussions", "category") => root::<discussions::category::Event>(),
        ("discussions", "thread") => root::<discussions::thread::Event>(),
        (context, aggregate) => unreachable!("WIRES names {context}/{aggregate}, which has no event type"),
    };
    let variant = root["oneOf"]
        .as_array()
        .and_then(|variants| variants.iter().find(|variant| variant["properties"]["type"]["const"] == wire.event))
        .unwrap_or_else(|| unreachable!("WIRES names {}, which has no variant", wire.kind()));
    let mut schema = match &variant["properties"]["data"] {
        Value::Object(data) => data.clone(),
        _ => json!({ "type": "object", "additionalProperties": false }).as_object().cloned().unwrap_or_default(),
    };
    let mut head = Map::new();
    head.insert("$schema".into(), root["$schema"].clone());
    head.insert("$id".into(), format!("urn:hub:event:{}", wire.wire_type()).into());
    head.insert("title".into(), wire.kind().into());
    if let Some(description) = variant.get("description") {
        head.insert("description".into(), description.clone());
    }
    head.append(&mut schema);
    let definitions = used_definitions(&Value::Object(head.clone()), &root["$defs"]);
    if !definitions.is_empty() {
        head.insert("$defs".into(), Value::Object(definitions));
    }
    let mut schema = Value::Object(head);
    admit_sealed(&mut schema);
    schema
}

fn root<T: JsonSchema>() -> Value {
    SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<T>().to_value()
}

/// The definitions that the schema refers to, directly or through others.
fn used_definitions(schema: &Value, definitions: &Value) -> Map<String, Value> {
    let mut used = Map::new();
    let mut open = references(schema);
    while let Some(name) = open.pop_first() {
        if used.contains_key(&name) {
            continue;
        }
        if let Some(definition) = definitions.get(&name) {
            open.extend(references(definition));
            used.insert(name, definition.clone());
        }
    }
    used
}

fn references(schema: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    match schema {
        Value::Object(members) => {
            if let Some(name) = members.get("$ref").and_then(Value::as_str).and_then(|path| path.strip_prefix("#/$defs/")) {
                found.insert(name.to_owned());
            }
            members.values().for_each(|member| found.extend(references(member)));
        }
        Value::Array(items) => items.iter().for_each(|item| found.extend(references(item))),
        _ => {}
    }
    found
}

/// In the log and on the bus a personal value is sealed; a schema that admits the open value admits that too.
fn admit_sealed(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            if let Some(Value::Array(states)) = members.get_mut("oneOf")
                && states.iter().any(|state| state["properties"].get("$personal").is_some())
            {
                states.push(json!({
                    "description": "It is sealed under the person's key.",
                    "type": "object",
                    "properties": { "$sealed": { "type": "string" } },
                    "required": ["$sealed"],
                    "additionalProperties": false,
                }));
            }
            members.values_mut().for_each(admit_sealed);
        }
        Value::Array(items) => items.iter_mut().for_each(admit_sealed),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;

    #[test]
    fn every_variant_of_every_event_has_a_row() {
        let variants = |root: Value| root["oneOf"].as_array().map_or(0, Vec::len);
        let all = variants(root::<organisations::organisation::Event>())
            + variants(root::<organisations::person::Event>())
            + variants(root::<organisations::team::Event>())
            + variants(root::<communities::community::Event>())
            + variants(root::<discussions::category::Event>())
            + variants(root::<discussions::thread::Event>());
        assert_eq!(all, WIRES.len());
    }

    #[test]
    fn every_sample_is_valid_against_its_schema() {
        let schemas = all();
        for event in samples() {
            let payload = event.to_payload();
            let name = format!("{}.v{}", payload.kind, payload.schema);
            let (_, schema) = schemas.iter().find(|(wire_type, _)| *wire_type == name).unwrap();
            let validator = jsonschema::validator_for(schema).unwrap();
            let errors: Vec<String> = validator.iter_errors(&payload.data).map(|error| error.to_string()).collect();
            assert!(errors.is_empty(), "{name}: {errors:?}\n{schema:#}");
        }
    }

    #[test]
    fn a_schema_tells_wrong_data_from_right() {
        let schemas = all();
        let schema = |name: &str| schemas.iter().find(|(wire_type, _)| wire_type == name).map(|(_, schema)| schema).unwrap();
        let retitled = schema("hub.discussions.thread_retitled.v1");
        assert!(!jsonschema::is_valid(retitled, &json!({})));
        assert!(!jsonschema::is_valid(retitled, &json!({ "title": 7 })));
        let locked = schema("hub.discussions.thread_locked.v1");
        assert!(!jsonschema::is_valid(locked, &json!({ "title": "x" })));
    }

    #[test]
    fn a_personal_value_may_be_known_sealed_or_erased() {
        let schemas = all();
        let (_, schema) = schemas.iter().find(|(wire_type, _)| wire_type == "hub.organisations.person_profile_changed.v1").unwrap();
        for (state, valid) in [
            (json!({ "$personal": "Robin" }), true),
            (json!({ "$erased": true }), true),
            (json!({ "$sealed": "c2VhbGVk" }), true),
            (json!("Robin"), false),
        ] {
            assert_eq!(jsonschema::is_valid(schema, &json!({ "name": state, "about": state })), valid, "{state}");
        }
    }
}
