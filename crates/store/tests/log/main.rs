//! The log on a real PostgreSQL.

mod appending;
mod carrying;
mod one_connection;
mod personal;
mod sequencing;
mod stress;
mod support;
mod verifying;
