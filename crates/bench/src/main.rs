//! Measures the hub, each figure beside a control in the same run on the same database. `cargo xtask bench` starts a
//! PostgreSQL for it and calls it.
//!
//! To add a new measurement: a module with one function that gives [`report::Row`]s, its line in [`MEASUREMENTS`], and its
//! marks in `docs/performance.md` (`<!-- figures: NAME -->` and `<!-- end of NAME -->`).

mod append;
mod arguments;
mod client;
mod database;
mod hostile;
mod list;
mod pgbench;
mod population;
mod process;
mod rebuild;
mod report;
mod servers;
mod sizes;
mod subscribers;
mod visible;
mod world;

use clap::Parser;
use futures::{FutureExt as _, future::BoxFuture};

use crate::arguments::Arguments;

/// A name for `--only` and for the table's place in the document, and what measures.
type Measurement = (&'static str, for<'a> fn(&'a Arguments) -> BoxFuture<'a, anyhow::Result<Vec<report::Row>>>);

/// Every measurement, in the order in which they run.
const MEASUREMENTS: &[Measurement] = &[
    ("append", |arguments| append::measure(arguments).boxed()),
    ("list", |arguments| list::measure(arguments).boxed()),
    ("sizes", |arguments| sizes::measure(arguments).boxed()),
    ("visible", |arguments| visible::measure(arguments).boxed()),
    ("rebuild", |arguments| rebuild::measure(arguments).boxed()),
    ("subscribers", |arguments| subscribers::measure(arguments).boxed()),
    ("hostile", |arguments| hostile::measure(arguments).boxed()),
];

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let chosen = arguments.choose(MEASUREMENTS)?;
    if let Some(document) = &arguments.write {
        // Before minutes of measuring rather than after them.
        report::check(document, chosen.iter().map(|(name, _)| *name))?;
    }
    for (name, measure) in chosen {
        let table = report::table(&measure(&arguments).await?);
        println!("\n{table}");
        if let Some(document) = &arguments.write {
            report::write(document, name, &table)?;
        }
    }
    Ok(())
}
