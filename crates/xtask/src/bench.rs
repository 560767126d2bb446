//! `cargo xtask bench`: a PostgreSQL that waits for its disk as in production, and the crate `bench` against it.

use anyhow::{Result, bail};
use clap::Args;

use crate::{
    postgres::{Durability, Postgres},
    run,
    run::Steps,
};

/// What to measure.
#[derive(Args)]
pub(crate) struct Options {
    /// Only these measurements, such as append,rebuild (docs/performance.md names them all)
    #[arg(long, value_delimiter = ',', value_name = "NAME")]
    only: Vec<String>,

    /// A few minutes rather than twenty: fewer rounds, shorter runs, smaller worlds
    #[arg(long)]
    quick: bool,

    /// Events in the log for the rebuild [default: 1000000; with --quick 100000]
    #[arg(long)]
    events: Option<u64>,

    /// Interleaved runs of each measurement; the tables show the medians [default: 5; with --quick 2]
    #[arg(long)]
    rounds: Option<u32>,

    /// Put each table into its place in docs/performance.md
    #[arg(long)]
    write: bool,

    /// Measure the development build (for trying the benchmark itself; the figures say nothing)
    #[arg(long, conflicts_with = "write")]
    dev: bool,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let mut steps = Steps::default();
    let profile = if options.dev { "dev" } else { "release" };
    // Built with the hub's features, so that a release build of the hub is most of the work.
    let mut build = run::cargo();
    build.args([
        "build",
        "--package",
        "hub",
        "--package",
        "bench",
        "--bin",
        "hub",
        "--bin",
        "bench",
        "--locked",
        "--quiet",
        "--profile",
        profile,
    ]);
    build.env("SQLX_OFFLINE", "true").env_remove("DATABASE_URL");
    steps.step("building the benchmark", || run::succeed(&mut build))?;
    let program = run::target().join(if options.dev { "debug" } else { "release" }).join("bench");
    let server = steps.step("starting PostgreSQL", || Postgres::start(Durability::Full))?;
    let pgbench = server.program("pgbench");
    if !pgbench.is_file() {
        bail!(
            "pgbench is missing: it is the control of these measurements, and comes with PostgreSQL's server (Debian: postgresql-contrib or postgresql)"
        );
    }
    steps.step("measuring", || {
        let mut bench = run::program(&program);
        bench.args(["--database", &server.url("postgres"), "--pgbench"]).arg(&pgbench);
        if !options.only.is_empty() {
            bench.args(["--only", &options.only.join(",")]);
        }
        if options.quick {
            bench.arg("--quick");
        }
        for (name, value) in [("--events", options.events), ("--rounds", options.rounds.map(u64::from))] {
            if let Some(value) = value {
                bench.args([name, &value.to_string()]);
            }
        }
        if options.write {
            bench.arg("--write").arg(run::root().join("docs/performance.md"));
        }
        run::succeed(&mut bench)
    })?;
    steps.finish("bench")
}
