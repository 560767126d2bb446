//! `cargo xtask bench`: a PostgreSQL that waits for its disk as in production, and the crate `bench` against it.

use std::path::Path;

use anyhow::{Result, bail};
use clap::Args;

use crate::{
    npm_packages,
    postgres::{Durability, Postgres},
    run,
    run::Steps,
    tools,
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

    /// Threads in the hub whose list is asked for [default: 100000; with --quick 20000]
    #[arg(long)]
    threads: Option<u64>,

    /// Threads in the hubs that are compared by size [default: 1000,10000,100000,1000000; with --quick up to 100000]
    #[arg(long, value_delimiter = ',', value_name = "N")]
    sizes: Vec<u64>,

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
    let programs = run::target().join(if options.dev { "debug" } else { "release" });
    let postgraphile = run::target().join("bench-postgraphile");
    if options.only.is_empty() || options.only.iter().any(|name| name == "list") {
        steps.step("installing PostGraphile, a control", || install_postgraphile(&postgraphile))?;
    }
    let server = steps.step("starting PostgreSQL", || Postgres::start(Durability::Full))?;
    let pgbench = server.program("pgbench");
    if !pgbench.is_file() {
        bail!(
            "pgbench is missing: it is the control of these measurements, and comes with PostgreSQL's server (Debian: postgresql-contrib or postgresql)"
        );
    }
    steps.step("measuring", || {
        let mut bench = run::program(programs.join("bench"));
        bench.arg("--hub").arg(programs.join("hub")).arg("--postgraphile").arg(&postgraphile);
        bench.args(["--database", &server.url("postgres"), "--pgbench"]).arg(&pgbench);
        if !options.only.is_empty() {
            bench.args(["--only", &options.only.join(",")]);
        }
        if options.quick {
            bench.arg("--quick");
        }
        for (name, value) in [("--events", options.events), ("--threads", options.threads), ("--rounds", options.rounds.map(u64::from))] {
            if let Some(value) = value {
                bench.args([name, &value.to_string()]);
            }
        }
        if !options.sizes.is_empty() {
            bench.args(["--sizes", &options.sizes.iter().map(u64::to_string).collect::<Vec<_>>().join(",")]);
        }
        if options.write {
            bench.arg("--write").arg(run::root().join("docs/performance.md"));
        }
        run::succeed(&mut bench)
    })?;
    steps.finish("bench")
}

/// Brings `PostGraphile`, and the Node.js that it needs, from npm into a folder beside what is built; as the lock file has them.
fn install_postgraphile(folder: &Path) -> Result<()> {
    let npm = tools::NPM.ensure()?;
    std::fs::create_dir_all(folder)?;
    for file in ["package.json", "package-lock.json", "server.mjs"] {
        std::fs::copy(run::root().join("crates/bench/postgraphile").join(file), folder.join(file))?;
    }
    npm_packages::install(&npm, folder)
}
