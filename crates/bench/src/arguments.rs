//! What to measure, where, and for how long.

use std::{path::PathBuf, time::Duration};

use anyhow::bail;
use clap::Parser;

/// The command line. `cargo xtask bench` writes it.
#[derive(Parser)]
pub(crate) struct Arguments {
    /// A PostgreSQL on which databases may be made, as a superuser
    #[arg(long)]
    pub(crate) database: String,
    /// The program pgbench
    #[arg(long)]
    pub(crate) pgbench: PathBuf,
    /// The program hub
    #[arg(long)]
    pub(crate) hub: PathBuf,
    /// The folder in which the packages of `PostGraphile` are installed
    #[arg(long)]
    pub(crate) postgraphile: PathBuf,
    /// Only these measurements
    #[arg(long, value_delimiter = ',')]
    pub(crate) only: Vec<String>,
    /// A few minutes rather than twenty: fewer rounds, shorter runs, smaller worlds
    #[arg(long)]
    pub(crate) quick: bool,
    /// Events in the log for the rebuild
    #[arg(long)]
    events: Option<u64>,
    /// Threads in the hub whose list is asked for
    #[arg(long)]
    threads: Option<u64>,
    /// Threads in the hubs that are compared by size
    #[arg(long, value_delimiter = ',')]
    sizes: Vec<u64>,
    /// Interleaved runs of each measurement
    #[arg(long)]
    rounds: Option<u32>,
    /// Put the tables into this document, each between its marks
    #[arg(long)]
    pub(crate) write: Option<PathBuf>,
}

impl Arguments {
    /// The measurements that were asked for: all, or those named.
    pub(crate) fn choose<'a, M>(&self, all: &'a [(&'static str, M)]) -> anyhow::Result<Vec<&'a (&'static str, M)>> {
        if let Some(unknown) = self.only.iter().find(|name| all.iter().all(|(known, _)| known != name)) {
            let known: Vec<_> = all.iter().map(|(name, _)| *name).collect();
            bail!("there is no measurement {unknown:?}; there are {}", known.join(", "));
        }
        Ok(all.iter().filter(|(name, _)| self.only.is_empty() || self.only.iter().any(|only| only == name)).collect())
    }

    /// How often each measurement runs; the tables show medians.
    pub(crate) fn rounds(&self) -> u32 {
        self.rounds.unwrap_or(if self.quick { 2 } else { 5 }).max(1)
    }

    /// How many events the log of the rebuild holds.
    pub(crate) fn events(&self) -> u64 {
        self.events.unwrap_or(if self.quick { 100_000 } else { 1_000_000 })
    }

    /// How many threads there are in the hub whose list is asked for.
    pub(crate) fn threads(&self) -> u64 {
        self.threads.unwrap_or(if self.quick { 20_000 } else { 100_000 })
    }

    /// How many threads there are in each of the hubs that are compared, in rising order.
    pub(crate) fn sizes(&self) -> Vec<u64> {
        let mut sizes = match (self.sizes.is_empty(), self.quick) {
            (false, _) => self.sizes.clone(),
            (true, true) => vec![1_000, 10_000, 100_000],
            (true, false) => vec![1_000, 10_000, 100_000, 1_000_000],
        };
        sizes.sort_unstable();
        sizes
    }

    /// How long one run of a measurement of rates lasts.
    pub(crate) fn run(&self) -> Duration {
        Duration::from_secs(if self.quick { 2 } else { 5 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(only: &[&str]) -> anyhow::Result<Vec<&'static str>> {
        const ALL: &[(&str, ())] = &[("append", ()), ("visible", ()), ("rebuild", ())];
        let mut line = vec!["bench", "--database", "postgres://", "--pgbench", "pgbench", "--hub", "hub", "--postgraphile", "."];
        line.extend(only);
        Ok(Arguments::try_parse_from(line)?.choose(ALL)?.iter().map(|(name, ())| *name).collect())
    }

    #[test]
    fn all_are_measured_unless_some_are_named() {
        assert_eq!(chosen(&[]).unwrap(), ["append", "visible", "rebuild"]);
        assert_eq!(chosen(&["--only", "rebuild,append"]).unwrap(), ["append", "rebuild"], "in their own order");
    }

    #[test]
    fn an_unknown_name_is_told_with_the_known_ones() {
        let error = chosen(&["--only", "apend"]).unwrap_err().to_string();
        assert!(error.contains("apend") && error.contains("append, visible, rebuild"), "{error}");
    }
}
