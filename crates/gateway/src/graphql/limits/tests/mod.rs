//! That the limits hold: by examples, and by what must be true of every document.

mod brackets;
mod examples;
mod expander;
mod fuzz;
mod generator;
mod judge;
mod properties;
mod sizes;
mod texts;
mod type_system;
mod usages;
