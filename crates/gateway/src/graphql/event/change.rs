//! The difference that an event makes.

use async_graphql::{InputType, SimpleObject, Value};

/// A difference that an event made to one field. Texts are given whole, so that you can compare them in your own way.
#[derive(Clone, Debug, PartialEq, Eq, SimpleObject)]
pub struct Change {
    /// The field that changed, as the thing has it: “title”.
    pub field: String,
    /// What it was before; null if there was nothing.
    pub before: Option<String>,
    /// What it is afterwards; null if there is nothing any more.
    pub after: Option<String>,
}

impl Change {
    /// From one value to another.
    pub(super) fn of(field: &str, before: Option<impl Into<String>>, after: Option<impl Into<String>>) -> Self {
        Self { field: field.to_owned(), before: before.map(Into::into), after: after.map(Into::into) }
    }

    /// From nothing.
    pub(super) fn new(field: &str, after: impl Into<String>) -> Self {
        Self::of(field, None::<String>, Some(after))
    }

    /// To nothing.
    pub(super) fn gone(field: &str, before: impl Into<String>) -> Self {
        Self::of(field, Some(before), None::<String>)
    }

    /// From no to yes, or back.
    pub(super) fn switched(field: &str, on: bool) -> Self {
        Self::of(field, Some((!on).to_string()), Some(on.to_string()))
    }
}

/// What is left of changes that change something.
pub(super) fn real(changes: impl IntoIterator<Item = Change>) -> Vec<Change> {
    changes.into_iter().filter(|change| change.before != change.after).collect()
}

/// The name of an enumeration's value, as the schema writes it.
pub(super) fn name(value: &impl InputType) -> String {
    match value.to_value() {
        Value::Enum(name) => name.to_string(),
        other => other.to_string(),
    }
}
