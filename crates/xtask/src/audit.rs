//! `cargo xtask audit`: cargo-deny over `deny.toml`. Apart from `test`, because building cargo-deny takes minutes and the
//! advisories come from the network and change without us.

use anyhow::Result;

use crate::{run, run::Steps, tools};

/// Whether cargo-deny is on this machine.
pub(crate) fn installed() -> bool {
    tools::on_path("cargo-deny")
        || std::env::var_os("HOME").is_some_and(|home| std::path::Path::new(&home).join(".cargo/bin/cargo-deny").is_file())
}

/// What can be checked without the network.
pub(crate) fn offline() -> Result<()> {
    run::succeed(run::cargo().args(["deny", "--offline", "check", "bans", "licenses", "sources"]))
}

pub(crate) fn run() -> Result<()> {
    let mut steps = Steps::default();
    if !installed() {
        steps.step("installing cargo-deny", || run::succeed(run::cargo().args(["install", "cargo-deny", "--locked"])))?;
    }
    steps.step("advisories, bans, licences, sources", || run::succeed(run::cargo().args(["deny", "check"])))?;
    steps.finish("audit")
}
