//! The gateway as its clients meet it: the real router, a database of each test's own, and every role of the hub in process.
#![allow(clippy::unwrap_used, reason = "what fails in a test's helper fails the test")]

mod commands;
mod documents;
mod freshness;
mod history;
mod http;
mod hub;
mod limits;
mod live;
mod mutations;
mod queries;
mod sign_in;
mod sockets;
mod statuses;
