//! The gateway as its clients meet it: the real router, a database of each test's own, and every role of the hub in process.
#![allow(clippy::unwrap_used, reason = "what fails in a test's helper fails the test")]

mod commands;
mod documents;
mod following;
mod freshness;
mod history;
mod http;
mod hub;
mod leaving;
mod limits;
mod live;
mod mutations;
mod plain;
mod queries;
mod revocation;
mod rule;
mod sign_in;
mod slow;
mod sockets;
mod sse;
mod statuses;
