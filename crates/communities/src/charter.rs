//! A community's charter: what it is for and how it works. What is not settled says so.

use kernel::{TextError, text};
use serde::{Deserialize, Serialize};

/// The most characters of a clause.
pub const CLAUSE: usize = 20_000;

/// A clause of a charter: stated, or explicitly still to be confirmed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Clause {
    /// It is stated, in Markdown.
    Stated(String),
    /// It is open, with a note of what is missing: “TBC who”.
    ToBeConfirmed(String),
}

impl Default for Clause {
    fn default() -> Self {
        Self::ToBeConfirmed(String::new())
    }
}

impl Clause {
    /// The clause with its text in order. A blank statement settles nothing: it is still to be confirmed.
    fn checked(self, field: &'static str) -> Result<Self, TextError> {
        Ok(match self {
            Self::Stated(text) if text.trim().is_empty() => Self::default(),
            Self::Stated(text) => Self::Stated(text::body(field, &text, CLAUSE)?),
            Self::ToBeConfirmed(note) => Self::ToBeConfirmed(text::optional(field, &note, CLAUSE)?),
        })
    }
}

/// A charter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Charter {
    /// Why the community exists.
    pub purpose: Clause,
    /// What it wants to reach.
    pub goals: Clause,
    /// What it deals with.
    pub scope: Clause,
    /// Who stands behind it.
    pub sponsor: Clause,
    /// How it works: backlog, meetings, channels.
    pub format: Clause,
    /// How often it meets.
    pub cadence: Clause,
}

impl Charter {
    /// The clauses with their names, in order.
    pub fn clauses(&self) -> [(&'static str, &Clause); 6] {
        [
            ("purpose", &self.purpose),
            ("goals", &self.goals),
            ("scope", &self.scope),
            ("sponsor", &self.sponsor),
            ("format", &self.format),
            ("cadence", &self.cadence),
        ]
    }

    /// The charter with every clause's text in order.
    ///
    /// # Errors
    /// What is wrong with a clause, which it names.
    pub fn checked(self) -> Result<Self, TextError> {
        Ok(Self {
            purpose: self.purpose.checked("purpose")?,
            goals: self.goals.checked("goals")?,
            scope: self.scope.checked("scope")?,
            sponsor: self.sponsor.checked("sponsor")?,
            format: self.format.checked("format")?,
            cadence: self.cadence.checked("cadence")?,
        })
    }
}
