//! Distribution of events and transport of commands, in process or over NATS
