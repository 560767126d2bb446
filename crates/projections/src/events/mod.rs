//! What happened, as viewers may see it: the rule of visibility for events, and where the events of a thing's history stand.
//!
//! - [`rule`] says of each event by whose visibility it goes. It is decided there and nowhere else.
//! - [`audiences`] turns the rule into audiences, by one statement for any number of events, so that a viewer's grants can be held
//!   against them in memory.
//! - [`history`] applies the same rule in SQL, so that pages and counts of a history hold what the viewer sees.
//! - [`earlier`] finds the event that an event's difference is taken against.
//!
//! The events themselves are read from the log by their [`Place`]; `docs/decisions/0015-who-sees-events.md` has the reasons.

pub mod audience;
pub mod earlier;
pub mod history;
pub mod rule;

pub use audience::{Seen, audiences};
pub use earlier::{Earlier, earlier};
pub use history::{Subject, history, totals};

use uuid::Uuid;

/// Where an event stands in the log: in its stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    /// The stream.
    pub stream: Uuid,
    /// The version in the stream, from 1.
    pub version: u64,
}
