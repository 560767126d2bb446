//! Views of the context “organisations”.

pub mod organisation;
pub mod person;
pub mod team;
