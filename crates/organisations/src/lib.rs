//! Organisations, their identity providers, the persons who belong to them, and their teams.

pub mod organisation;
pub mod person;
pub mod team;
