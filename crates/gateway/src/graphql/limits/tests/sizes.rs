//! How large values are, each measure by itself, with what variables stand for put in their place.

use crate::graphql::limits::values::Size;
use async_graphql::parser::types::ExecutableDocument;
use async_graphql::{Value, Variables};
use async_graphql_value::Value as InDocument;
use std::collections::BTreeMap;

/// A measure of a value.
type Measure = fn(&Value) -> u64;

/// Measures the values of one request.
pub(super) struct Sizes<'a> {
    sent: Vec<&'a Value>,
    /// All that each variable may stand for: what was sent, and what any operation has for it.
    candidates: BTreeMap<&'a str, Vec<&'a Value>>,
}

impl<'a> Sizes<'a> {
    pub(super) fn new(document: &'a ExecutableDocument, variables: &'a Variables) -> Self {
        let mut candidates: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
        for (name, value) in variables.iter() {
            candidates.entry(name.as_str()).or_default().push(value);
        }
        for (_, operation) in document.operations.iter() {
            for definition in &operation.node.variable_definitions {
                if let Some(default) = &definition.node.default_value {
                    candidates.entry(definition.node.name.node.as_str()).or_default().push(&default.node);
                }
            }
        }
        Self { sent: variables.values().collect(), candidates }
    }

    /// All that was sent.
    pub(super) fn sent(&self) -> Size {
        let sum = |measure: Measure| self.sent.iter().map(|value| measure(value)).sum();
        let most = |measure: Measure| self.sent.iter().map(|value| measure(value)).max().unwrap_or_default();
        Size {
            values: sum(values),
            bytes: sum(bytes),
            nesting: most(nesting),
            longest_list: most(longest_list),
            longest_string: most(longest_string),
        }
    }

    /// A value in the document.
    pub(super) fn of(&self, value: &InDocument) -> Size {
        Size {
            values: self.by(values, value),
            bytes: self.by(bytes, value),
            nesting: self.by(nesting, value),
            longest_list: self.by(longest_list, value),
            longest_string: self.by(longest_string, value),
        }
    }

    /// By one measure, with the largest by that measure for each variable; with null for what nobody gives a value.
    fn by(&self, measure: Measure, value: &InDocument) -> u64 {
        let largest = |name: &str| self.candidates.get(name)?.iter().max_by_key(|value| measure(value));
        let whole = value.clone().into_const_with(|name| Ok::<_, ()>(largest(&name).map_or(Value::Null, |value| (**value).clone())));
        measure(&whole.unwrap())
    }
}

fn values(value: &Value) -> u64 {
    1 + parts(value).into_iter().map(values).sum::<u64>()
}

fn bytes(value: &Value) -> u64 {
    let names = match value {
        Value::Object(fields) => fields.keys().map(|name| name.len() as u64).sum(),
        _ => 0,
    };
    text(value) + names + parts(value).into_iter().map(bytes).sum::<u64>()
}

fn nesting(value: &Value) -> u64 {
    match value {
        Value::List(_) | Value::Object(_) => 1 + parts(value).into_iter().map(nesting).max().unwrap_or_default(),
        _ => 0,
    }
}

fn longest_list(value: &Value) -> u64 {
    let parts = parts(value);
    let own = parts.len() as u64;
    parts.into_iter().map(longest_list).max().unwrap_or_default().max(own)
}

fn longest_string(value: &Value) -> u64 {
    parts(value).into_iter().map(longest_string).max().unwrap_or_default().max(text(value))
}

fn text(value: &Value) -> u64 {
    match value {
        Value::String(text) => text.len() as u64,
        Value::Enum(name) => name.len() as u64,
        _ => 0,
    }
}

fn parts(value: &Value) -> Vec<&Value> {
    match value {
        Value::List(items) => items.iter().collect(),
        Value::Object(fields) => fields.values().collect(),
        _ => Vec::new(),
    }
}
