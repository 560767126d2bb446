//! Views of the context “discussions”.

pub mod category;
mod happenings;
pub mod post;
pub mod thread;
