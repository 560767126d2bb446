//! What the program prints for people and scripts.

use std::io::{ErrorKind, Write};

/// Prints a line. When whoever reads has gone (`hub … | head -1`), the program ends quietly, as other programs do.
pub(crate) fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    if let Err(error) = writeln!(out, "{line}").and_then(|()| out.flush()) {
        if error.kind() == ErrorKind::BrokenPipe {
            std::process::exit(0);
        }
        tracing::warn!(%error, "standard output cannot be written to");
    }
}
