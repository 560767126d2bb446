//! How events reach those who wait for them, and how commands reach the service that decides them.
//!
//! Two traits, each with two implementations: [`EventBus`] distributes what the log has taken in, and
//! [`CommandTransport`] carries a command to a service and its answer back. In process they are
//! [`InProcessBus`] and [`InProcessCommands`]; between processes they are [`JetStreamBus`] and
//! [`NatsCommands`], over NATS.
//!
//! The log is the truth and the bus is a convenience: it makes news arrive early. Whatever it loses, doubles
//! or withholds, a consumer makes good from the log, by the event's `seq`. The [`publisher`] feeds the bus
//! from the log, and can refill it from nothing.

pub mod cloud_event;
pub mod command_transport;
pub mod error;
pub mod event_bus;
pub mod in_process;
pub mod nats;
pub mod publisher;

mod backoff;

pub use cloud_event::{CloudEvent, is_withheld};
pub use command_transport::{CommandSettings, CommandTransport, Handler, Headers, ServeHandle};
pub use error::BusError;
pub use event_bus::{Delivery, EventBus, EventStream};
pub use in_process::{InProcessBus, InProcessCommands};
pub use nats::{Credentials, JetStreamBus, NatsCommands, Settings};
pub use publisher::{Ended, EventSource, Publisher, RepublishError, SourceError, republish};
