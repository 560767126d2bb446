//! Views drawn from the log, each with its tables, its event handler and its queries side by side.
//!
//! - The folders [`organisations`], [`communities`] and [`discussions`] hold one file for each view of their context.
//! - Every query function takes the [`Viewer`](kernel::Viewer) first and shows what that viewer may see, no more: lists,
//!   counts and lookups by id alike. What may not be seen looks like what does not exist. Where a row that is seen refers
//!   to a person or a community that is not, the reference comes masked.
//! - [`mod@events`] tells who may see what happened, and where the history of each thing stands in the log.
//! - [`page`] pages every list by keyset.
//! - [`grants`] tells what a person may see and do.
//! - [`concerns`] tells where an event belongs and whom it concerns.
//! - [`runtime`] keeps the views: exactly once, in the order of the log, with rebuilds beside the running view.

mod code;
mod columns;
pub mod communities;
pub mod concerns;
pub mod discussions;
pub mod events;
pub mod grants;
pub mod organisations;
pub mod page;
pub mod runtime;
mod visibility;

pub use page::{Page, Position, Slice};
pub use runtime::{
    ControlError, Inlet, Progress, Projected, Projection, Projectors, Reach, RebuildError, Rebuilding, State, Status, all, pause, rebuild,
    retry, skip, status,
};
