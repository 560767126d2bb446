//! `cargo xtask test`: everything, from formatting to the browser.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};

use crate::{
    generate, lint, npm_packages,
    postgres::{Durability, Postgres},
    run,
    run::Steps,
    tools,
};

/// One part of the tests.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Formatting, clippy, direction of dependencies
    Lint,
    /// Every test written in Rust, and that the derived files are up to date
    Rust,
    /// Browser and protocol tests, against the built binary
    Web,
}

/// What to test.
#[derive(Args)]
pub(crate) struct Options {
    /// Only these parts (all of them without it)
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Part>,

    /// Only tests whose name contains this; passed on to the runners of tests
    filter: Vec<String>,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let wanted = |part| options.only.is_empty() || options.only.contains(&part);
    let mut steps = Steps::default();
    if wanted(Part::Lint) && options.filter.is_empty() {
        lint::check(&mut steps)?;
    }
    if wanted(Part::Rust) {
        rust(&mut steps, &options.filter)?;
    }
    if wanted(Part::Web) {
        web(&mut steps, &options.filter)?;
    }
    steps.finish("test")
}

/// Cargo for a build whose queries are checked against the committed data, not against whatever database is around.
fn offline_cargo() -> Command {
    let mut cargo = run::cargo();
    cargo.env("SQLX_OFFLINE", "true").env_remove("DATABASE_URL");
    cargo
}

fn rust(steps: &mut Steps, filter: &[String]) -> Result<()> {
    let nextest = tools::on_path("cargo-nextest");
    if !nextest {
        steps.note(
            "cargo-nextest is not installed, so cargo's own runner ran the tests (`cargo install cargo-nextest --locked` for the other)",
        );
    }
    let runner = |arguments: &[&str]| {
        let mut cargo = offline_cargo();
        cargo.args(if nextest { &["nextest", "run"][..] } else { &["test"][..] }).args(["--workspace", "--locked"]).args(arguments);
        cargo
    };
    steps.step("building everything", || {
        run::succeed(offline_cargo().args(["build", "--workspace", "--all-targets", "--locked", "--quiet"]))
    })?;

    let (server, nats) = steps.step("starting PostgreSQL, finding nats-server", || {
        let server = Postgres::start(Durability::None)?;
        Ok((server, tools::NATS.ensure()?))
    })?;
    let with_servers = |mut command: Command| {
        command.env("HUB_TEST_DATABASE_URL", server.url("postgres")).env("HUB_TEST_NATS_SERVER", &nats);
        command
    };
    steps.attempt("tests in Rust", || {
        let mut tests = with_servers(runner(if nextest { &[] } else { &["--lib", "--bins", "--tests", "--no-fail-fast"] }));
        run::succeed(tests.args(filter))
    })?;
    if filter.is_empty() {
        steps.attempt("examples in the documentation", || {
            run::succeed(&mut with_servers({
                let mut cargo = offline_cargo();
                cargo.args(["test", "--workspace", "--locked", "--doc", "--quiet"]);
                cargo
            }))
        })?;
        steps.attempt("derived files are up to date", || generate::check(&server))?;
    }
    Ok(())
}

fn web(steps: &mut Steps, filter: &[String]) -> Result<()> {
    let folder = run::root().join("tests");
    let (node, chromium) = steps.step("finding Node.js and Chromium, installing the tests' packages", || {
        let node = tools::NODE.ensure()?;
        let npm = tools::NPM.ensure()?;
        npm_packages::install(&npm, &folder)?;
        Ok((node, tools::CHROMIUM.ensure()?))
    })?;
    let hub = steps.step("building the hub", generate::build_hub)?;
    let mut files = test_files(&folder)?;
    if !filter.is_empty() {
        files.retain(|file| filter.iter().any(|word| file.to_string_lossy().contains(word.as_str())));
        if files.is_empty() {
            steps.note("no browser test's file has the filter in its name, so none ran");
            return Ok(());
        }
    }
    let nats = tools::NATS.ensure()?;
    let server = Postgres::start(Durability::None)?;
    steps.step("tests in the browser and over the protocols", || {
        let mut tests = run::program(&node);
        // One file at a time: each starts a hub and a browser of its own, and two would measure each other.
        tests.current_dir(&folder).arg("--test").args(concurrency(&node)?).args(&files);
        tests.env("HUB_BINARY", &hub).env("HUB_CHROMIUM", &chromium);
        tests.env("HUB_TEST_DATABASE_URL", server.url("postgres")).env("HUB_TEST_NATS_SERVER", &nats);
        run::succeed(&mut tests)
    })
}

/// `--test-concurrency` came with Node.js 21 and 20.10; before that one file ran after the other when told so otherwise.
fn concurrency(node: &Path) -> Result<&'static [&'static str]> {
    let help = run::output(run::program(node).arg("--help"))?;
    Ok(if String::from_utf8_lossy(&help).contains("--test-concurrency") { &["--test-concurrency=1"] } else { &[] })
}

fn test_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().ends_with(".test.mjs")))
        .collect();
    files.sort();
    if files.is_empty() {
        bail!("there are no tests in {}", folder.display());
    }
    Ok(files)
}
