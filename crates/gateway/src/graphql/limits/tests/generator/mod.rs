//! Documents over the whole executable grammar: of all three kinds of operations, of fragments that spread each other at will, with
//! arguments, directives, values and variables of every sort, and with whatever may stand between tokens.
//!
//! A [`plan`] is drawn first: a tree of choices that knows nothing of the schema, so that proptest can make it smaller. [`writing`] turns
//! its choices into names of the schema, [`spelling`] the tokens into a text.

mod filling;
mod plan;
mod spelling;
mod writing;

use proptest::prelude::*;
use std::fmt;

/// How much of the schema's rules a document keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    /// It is valid, apart from what only a reader of the library's sources would know.
    Valid,
    /// So it is, but for variables that are not always declared with a type for their places.
    Nearly,
    /// It follows the grammar and nothing else. Names are often the schema's.
    Wild,
}

/// A document, and what is known of it by how it was made.
#[derive(Clone)]
pub(super) struct Written {
    pub(super) text: String,
    /// How many tokens it has.
    pub(super) tokens: u64,
    /// How many brackets are within each other.
    pub(super) nesting: u64,
    /// What is sent along.
    pub(super) variables: serde_json::Value,
    /// Which of its operations shall run, by its place among their names.
    pub(super) chosen: usize,
}

impl fmt::Debug for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "operation {} of\n{}\nwith {}", self.chosen, self.text, self.variables)
    }
}

/// Documents of one manner.
pub(super) fn documents_of(manner: Manner) -> impl Strategy<Value = Written> {
    plan::plans().prop_map(move |plan| writing::write(&plan, manner))
}

/// Documents of every manner.
pub(super) fn documents() -> impl Strategy<Value = Written> {
    let manners = prop_oneof![2 => Just(Manner::Valid), 1 => Just(Manner::Nearly), 4 => Just(Manner::Wild)];
    (manners, plan::plans()).prop_map(|(manner, plan)| writing::write(&plan, manner))
}

/// JSON of every sort.
pub(super) fn json() -> impl Strategy<Value = serde_json::Value> {
    plan::json()
}
