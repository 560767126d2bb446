//! Views of the context “communities”.

pub mod community;
pub mod membership;
