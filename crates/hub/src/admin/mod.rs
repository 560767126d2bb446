//! What administrators do from the command line.

pub(crate) mod doctor;
pub(crate) mod documents;
pub(crate) mod events;
pub(crate) mod import;
pub(crate) mod imports;
pub(crate) mod organisations;
pub(crate) mod projections;

use indicatif::{ProgressBar, ProgressStyle};

/// A progress bar on standard error; it hides itself where there is no terminal.
pub(crate) fn progress(total: u64, what: &'static str) -> ProgressBar {
    let bar = ProgressBar::new(total);
    if let Ok(style) = ProgressStyle::with_template("{msg} {bar:30} {pos} of {len}, {eta} left") {
        bar.set_style(style);
    }
    bar.set_message(what);
    bar
}
