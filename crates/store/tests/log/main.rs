//! The log on a real PostgreSQL.

#![allow(clippy::unwrap_used, reason = "what a test cannot go on without fails it")]

mod appending;
mod carrying;
mod one_connection;
mod personal;
mod rehearsing;
mod sequencing;
mod stress;
mod support;
mod verifying;
