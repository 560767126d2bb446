//! `cargo xtask lint`.

use anyhow::Result;

use crate::{audit, direction, files, run, run::Steps};

pub(crate) fn run() -> Result<()> {
    let mut steps = Steps::default();
    check(&mut steps)?;
    steps.finish("lint")
}

/// The steps of lint, as a part of `test` too.
pub(crate) fn check(steps: &mut Steps) -> Result<()> {
    install_components()?;
    steps.attempt("formatting", || run::succeed(run::cargo().args(["fmt", "--all", "--check"])))?;
    steps.attempt("direction of dependencies", direction::check)?;
    steps.attempt("the tree's files", files::check)?;
    // The level is given behind `--`, not in RUSTFLAGS, which would build every dependency anew.
    steps.attempt("clippy", || {
        run::succeed(
            run::cargo()
                .args(["clippy", "--workspace", "--all-targets", "--locked", "--quiet", "--", "--deny", "warnings"])
                .env("SQLX_OFFLINE", "true")
                .env_remove("DATABASE_URL"),
        )
    })?;
    if audit::installed() {
        steps.attempt("licences and sources of dependencies", audit::offline)?;
    } else {
        steps.note("cargo-deny is not installed, so licences and sources of dependencies were not checked here; `cargo xtask audit` installs and runs it");
    }
    Ok(())
}

/// Toolchains of rustup's minimal profile come without formatter and clippy.
fn install_components() -> Result<()> {
    let lacks = |subcommand| run::output(run::cargo().args([subcommand, "--version"])).is_err();
    if lacks("fmt") || lacks("clippy") {
        run::succeed(run::program("rustup").args(["component", "add", "rustfmt", "clippy"]))?;
    }
    Ok(())
}
