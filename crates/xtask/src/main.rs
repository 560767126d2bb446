//! What contributors run: `cargo xtask test | lint | gen | bench | db | audit`.
//!
//! Each command sets up what it needs, says what it does with a heading and a duration for each step, and fails when
//! something could not be run: nothing is skipped in silence.

mod audit;
mod bench;
mod direction;
mod files;
mod generate;
mod lint;
mod npm_packages;
mod postgres;
mod published;
mod run;
mod test;
mod tools;

use clap::{Parser, Subcommand};

/// The project's tasks.
#[derive(Parser)]
#[command(name = "cargo xtask", version, about = "What contributors run: test, lint, generate, bench")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Set up all that the tests need, then run every one of them
    Test(test::Options),
    /// Formatting, clippy, the direction of dependencies between crates, the shape of the tree
    Lint,
    /// Write the derived files: offline query data, GraphQL schema, event schemas, AsyncAPI, CLI reference
    Gen(generate::Options),
    /// Measure append, rebuild and command → visible, each beside its control
    Bench(bench::Options),
    /// Start a PostgreSQL for development with every migration applied, and print its address
    Db,
    /// Take the schema as it is now for what clients were promised: part of every release
    PublishSchema,
    /// Licences, sources and known vulnerabilities of every dependency (installs cargo-deny when it is missing)
    Audit,
}

fn main() -> std::process::ExitCode {
    let arguments = Arguments::parse();
    if let Err(error) = run::watch_signals() {
        eprintln!("error: signals cannot be handled, so nothing could be cleaned up: {error}");
        return std::process::ExitCode::FAILURE;
    }
    let result = match arguments.task {
        Task::Test(options) => test::run(&options),
        Task::Lint => lint::run(),
        Task::Gen(options) => generate::run(&options),
        Task::Bench(options) => bench::run(&options),
        Task::Db => postgres::serve(),
        Task::PublishSchema => published::publish(),
        Task::Audit => audit::run(),
    };
    match result {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nerror: {error:#}");
            std::process::ExitCode::FAILURE
        }
    }
}
