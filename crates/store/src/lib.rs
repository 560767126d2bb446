//! The event log: append, sequence, hash chain, encryption of personal data.
//!
//! - [`Log`] appends events to streams and reads them back, by stream or in the one order that all readers share;
//! - [`Sequencer`] gives that order: dense positions and a hash chain, skipping nothing ([`sequencer`] says how);
//! - [`KeyRing`] holds the master key and everything that is derived from it;
//! - [`verify()`] recomputes the chain and names its first broken link;
//! - [`export()`] and [`import()`] carry a log as JSON Lines, chain and all;
//! - [`Reads`] reads for whoever asks, and stops when they leave;
//! - [`connect`], [`migrate`] and [`testing`] give pools on real, embedded and throw-away databases.
//!
//! A pool may have a single connection (the embedded database has no second one), so nothing here holds a connection
//! while asking for another.

pub mod append;
mod at;
mod database;
mod digest;
pub mod error;
pub mod export;
pub mod import;
pub mod keys;
mod lines;
pub mod log;
mod person;
pub mod reads;
mod rehearse;
mod row;
mod seal;
pub mod sequencer;
pub mod testing;
pub mod verify;
mod writer;

pub use append::{Append, AppendError, Appended, NewEvent, Receipt};
pub use database::{ConnectError, connect, migrate, pool_options};
pub use error::Error;
pub use export::{ExportError, Exported, export};
pub use import::{ImportError, Imported, import};
pub use keys::{KeyError, KeyRing};
pub use log::Log;
pub use reads::Reads;
pub use sequencer::{Leadership, Sequencer, SequencerError};
pub use verify::{Broken, Fault, Verified, VerifyError, verify};
