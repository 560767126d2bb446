//! The gateway as its clients meet it: the real router, a database of each test's own, and every role of the hub in process.

mod http;
mod hub;
mod live;
mod mutations;
mod sign_in;
mod sockets;
