//! The bus within one process: the embedded default, and what most tests run on.

mod commands;
mod events;

pub use commands::InProcessCommands;
pub use events::InProcessBus;
