//! What the hub brings along so that it runs on its own: a database, and for the demonstration two departments with their
//! identity providers, their people and something to read.

pub mod content;
#[cfg(feature = "database")]
mod database;
pub mod demo;
pub mod providers;

#[cfg(feature = "database")]
pub use database::{DatabaseError, Embedded, database, is_there};
