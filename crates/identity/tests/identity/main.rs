//! Identity against a real PostgreSQL, the demonstration's providers, and a provider that lies.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod api_tokens;
mod demo_sign_in;
mod harness;
mod hostile;
mod hostile_answers;
mod hostile_documents;
mod sessions;
mod sign_in_binding;
