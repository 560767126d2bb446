//! Codecs for other people's formats. Pure: text in, values out; no clock, no network, no files.
//!
//! A codec never stops at the first fault: what cannot be read is reported with its place, and the rest is read.
//!
//! To add a new format: a module of its name with one `parse` (and `render`, if we write it), a property test that arbitrary
//! input makes no panic, and snapshot tests over small samples written for the purpose.

pub mod github;
