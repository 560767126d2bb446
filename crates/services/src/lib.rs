//! Command handling: load a stream, decide, append. One generic path serves every aggregate.
//!
//! **To add an aggregate:** give it a variant in [`HubCommand`] and its line in
//! [`Services::execute`](handle::Services); nothing else here changes.

pub mod command;
pub mod failure;
pub mod handle;
pub mod process;
pub mod remote;
mod settle;
mod trial;

pub use command::{Asked, Dispatch, HubCommand, Planned, Request, Trial};
pub use failure::{Failure, Refused};
pub use handle::Services;
pub use store::Receipt;
