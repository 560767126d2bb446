//! That the limits hold.

mod examples;
