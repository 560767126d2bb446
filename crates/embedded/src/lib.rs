//! The embedded database, the demonstration identity providers and content
