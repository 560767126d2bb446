//! Every event of every context as one [`HubEvent`]: wire names and versions, upcasting, schemas.
//!
//! The log stores a [`Payload`](kernel::Payload): a kind such as `hub.discussions.thread_opened`, the version of its
//! shape, and JSON. [`HubEvent::to_payload`] and [`HubEvent::from_payload`] go between the two; old versions
//! are upcast on reading, so that an old log always loads.
//!
//! **To add a new event:** add the variant to its aggregate's `Event`; give it a row in [`wire::WIRES`], its short name
//! in [`HubEvent::tag`] and a sample in [`samples`](samples()) (the compiler asks for both, a test for the row); run
//! `UPDATE_GOLDEN=1 cargo test -p events` and commit the new golden file.
//!
//! **To change the shape of an event:** raise its version in [`wire::WIRES`], add the step from the old shape to the
//! new one to [`wire::UPCASTS`], and write the new golden file beside the old, which stays for ever.

mod asyncapi;
mod hub_event;
mod samples;
pub mod schema;
mod tag;
pub mod wire;

pub use asyncapi::asyncapi;
pub use hub_event::{HubEvent, WireEvent};
pub use samples::samples;
pub use wire::{DecodeError, decode};
