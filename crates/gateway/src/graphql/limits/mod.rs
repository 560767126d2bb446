//! How much a request may ask for, checked before anything is validated or executed.
//!
//! - [`scan`](scan()) reads the text once (bytes, tokens, nesting, strings that never end), so that the parser, which recurses,
//!   never meets what could hurt it.
//! - [`check`] measures the parsed document and its variables in one pass: each fragment once, its measure reused at every spread, all
//!   sums saturating. A fragment that spreads another twice, that one a third twice, and so on, is therefore counted in its full size
//!   without ever being expanded. [`Measure::visits`] counts what the pass looked at: never more than the document and its variables hold.
//! - [`cost`] says what a field costs, in one table.
//!
//! The pass calls itself for each selection set that it is within, and gives up beyond [`DEEPEST_LEVELS`] of them.
//!
//! **To add a limit:** a field of [`Limits`] with its default, what it is held against in [`Measure`], its row in [`check`], and its row
//! in `docs/api/limits.md`.

pub mod cost;
pub mod measure;
pub mod scan;
pub mod values;

#[cfg(test)]
mod tests;

pub use cost::Prices;
pub use measure::{Measure, check};
pub use scan::{scan, scan_json};

use super::error::FaultCode;
use async_graphql::Pos;
use serde::{Deserialize, Serialize};

/// What one request may ask for at most. Each field is a setting of the hub, by its name in the table `limits`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Bytes of the document.
    pub bytes: usize,
    /// Tokens of the document.
    pub tokens: u64,
    /// Bytes of one name or number in the document.
    pub name_bytes: u64,
    /// Brackets of any kind within each other in the document.
    pub nesting: u64,
    /// Operations in the document.
    pub operations: u64,
    /// Fragments in the document.
    pub fragments: u64,
    /// Selections of every kind, fragments expanded, in all operations together: what validation walks over.
    pub selections: u64,
    /// Fields within each other, fragments expanded.
    pub depth: u64,
    /// Fields at the root, fragments expanded.
    pub root_fields: u64,
    /// Fields beside each other in one selection set, repeated ones and fragments expanded: what merging fields goes through.
    pub siblings: u64,
    /// Fields that the schema does not have. Validation looks for what each may have meant.
    pub unknown_fields: u64,
    /// Aliases, fragments expanded.
    pub aliases: u64,
    /// Directives, fragments expanded.
    pub directives: u64,
    /// Lists of introspection (`fields`, `inputFields`, `interfaces`, `possibleTypes`) within each other.
    pub introspection_nesting: u64,
    /// Variables that are declared, and variables that are sent.
    pub variables: u64,
    /// Values in arguments, a variable counted wherever it is used, in all operations together; and values that are sent.
    pub values: u64,
    /// Lists and objects within each other in one value, variables put in.
    pub value_nesting: u64,
    /// Items of one list, fields of one object, arguments of one field.
    pub list_items: u64,
    /// Bytes of one string in an argument or variable.
    pub string_bytes: u64,
    /// Bytes of all strings in arguments, a variable counted wherever it is used, in all operations together; and of those that are sent.
    pub value_bytes: u64,
    /// Points of cost, by the table in [`cost`].
    pub cost: u64,
}

/// The most that `nesting` may be set to: the library's parser gives up at 64 selection sets within each other.
pub const DEEPEST_NESTING: u64 = 60;
/// The most that `depth` may be set to: the executor calls itself for each level of fields, and a thread's stack holds only so many.
pub const DEEPEST_FIELDS: u64 = 32;
/// Selection sets within each other, fragments put in: what walks over a document calls itself for each, here and in the library. It is
/// no setting, for no stack grows with it.
pub const DEEPEST_LEVELS: usize = 120;
/// The most that `value_nesting` may be set to: reading and dropping a value calls itself for each level.
pub const DEEPEST_VALUES: u64 = 60;
/// Bytes of stack that a thread needs to answer what these let through, several times over. The runtime's usual 2 MiB hold some 25 levels
/// in a build without optimisation.
pub const STACK: usize = 8 * 1024 * 1024;

impl Limits {
    /// Whether documents can be answered within these limits without danger.
    ///
    /// # Errors
    /// Names the limit, says what is wrong with it and what may be given.
    pub fn check(&self) -> Result<(), String> {
        let needed = [
            ("bytes", self.bytes as u64),
            ("tokens", self.tokens),
            ("name_bytes", self.name_bytes),
            ("nesting", self.nesting),
            ("operations", self.operations),
            ("selections", self.selections),
            ("depth", self.depth),
            ("root_fields", self.root_fields),
            ("siblings", self.siblings),
            ("values", self.values),
            ("value_nesting", self.value_nesting),
            ("list_items", self.list_items),
            ("string_bytes", self.string_bytes),
            ("value_bytes", self.value_bytes),
            ("cost", self.cost),
        ];
        if let Some((name, _)) = needed.iter().find(|(_, value)| *value == 0) {
            return Err(format!("{name} is 0: no document could be answered. Give at least 1, or leave it out."));
        }
        let deepest = [
            ("nesting", self.nesting, DEEPEST_NESTING),
            ("depth", self.depth, DEEPEST_FIELDS),
            ("value_nesting", self.value_nesting, DEEPEST_VALUES),
        ];
        match deepest.iter().find(|(_, value, most)| value > most) {
            Some((name, value, most)) => Err(format!("{name} is {value}: at most {most} can be answered without danger. Give less.")),
            None => Ok(()),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes: 64 * 1024,
            tokens: 4_000,
            name_bytes: 128,
            nesting: 48,
            operations: 50,
            fragments: 100,
            selections: 4_000,
            depth: 16,
            root_fields: 30,
            siblings: 300,
            unknown_fields: 20,
            aliases: 60,
            directives: 60,
            introspection_nesting: 2,
            variables: 100,
            values: 10_000,
            value_nesting: 16,
            list_items: 1_000,
            string_bytes: 512 * 1024,
            value_bytes: 2 * 1024 * 1024,
            cost: 20_000,
        }
    }
}

/// Why a document is not run: it goes beyond a limit, or its text is broken in a way that the parser shall not meet.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Unfit {
    /// Which of the two.
    pub kind: UnfitKind,
    /// What was asked, what is allowed, and what to do.
    pub message: String,
    /// Where, if it is at one place.
    pub at: Option<Pos>,
}

/// In which way a document is not fit to be run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnfitKind {
    /// It asks for more than is answered at once.
    Beyond,
    /// Its text is no GraphQL.
    Malformed,
}

impl Unfit {
    /// The code for `extensions.code`.
    pub fn code(&self) -> &'static str {
        match self.kind {
            UnfitKind::Beyond => FaultCode::TooComplex.as_str(),
            UnfitKind::Malformed => "GRAPHQL_PARSE_FAILED",
        }
    }

    /// More of something than is taken.
    fn beyond(what: &str, found: u64, most: u64, remedy: &str) -> Self {
        // A saturated sum is no number to show.
        let found = if found == u64::MAX { "far too many".to_owned() } else { found.to_string() };
        let message = format!("The request has {found} {what}; at most {most} are taken. {remedy}");
        Self { kind: UnfitKind::Beyond, message, at: None }
    }
}
