//! Open communication across organisations: categories, and the threads within them.

pub mod category;
pub mod thread;
