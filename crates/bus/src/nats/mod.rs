//! The bus between processes, over NATS with JetStream. The server may be as old as 2.9.

mod commands;
mod connection;
mod event_stream;
mod events;
mod subscription;

pub use commands::NatsCommands;
pub use connection::{Credentials, Settings};
pub use events::JetStreamBus;
