//! Views of the context “discussions”.

pub mod category;
mod happenings;
mod listing;
pub mod post;
pub mod thread;
