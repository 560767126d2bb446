//! Measures the hub, each figure beside a control in the same run on the same database. `cargo xtask bench` starts a
//! PostgreSQL for it and calls it.
//!
//! To add a new measurement: a module with one function that gives a [`report::Row`], and its place in [`measure`].

mod append;
mod database;
mod rebuild;
mod report;
mod visible;
mod world;

use std::path::PathBuf;

use clap::Parser;

/// What to measure, and where.
#[derive(Parser)]
struct Arguments {
    /// A PostgreSQL on which databases may be made, as a superuser
    #[arg(long)]
    database: String,
    /// The program pgbench
    #[arg(long)]
    pgbench: PathBuf,
    /// Events in the log for the rebuild
    #[arg(long, default_value_t = 1_000_000)]
    events: u64,
    /// Interleaved runs of each measurement
    #[arg(long, default_value_t = 5)]
    rounds: u32,
    /// Put the table into this document, between its marks
    #[arg(long)]
    write: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let rows = measure(&arguments).await?;
    let table = report::table(&rows);
    println!("\n{table}");
    if let Some(document) = &arguments.write {
        report::write(document, &table)?;
    }
    Ok(())
}

async fn measure(arguments: &Arguments) -> anyhow::Result<Vec<report::Row>> {
    let mut rows = Vec::new();
    for clients in [8, 64] {
        rows.extend(append::measure(arguments, clients).await?);
    }
    rows.extend(visible::measure(arguments).await?);
    rows.push(rebuild::measure(arguments).await?);
    Ok(rows)
}
