//! The control of several measurements: `pgbench`, which sends a statement as fast as it is answered.

use std::{io::Write as _, time::Duration};

use anyhow::{Context, bail};

use crate::Arguments;

/// Transactions a second of one statement, prepared, by as many clients.
pub(crate) async fn rate(arguments: &Arguments, url: &str, clients: u32, run: Duration, statement: &str) -> anyhow::Result<f64> {
    let mut script = tempfile::NamedTempFile::new()?;
    // pgbench reads a statement to its semicolon, over lines.
    script.write_all(statement.as_bytes())?;
    let mut pgbench = tokio::process::Command::new(&arguments.pgbench);
    pgbench.args(["--no-vacuum", "--protocol", "prepared", "--jobs", "2", "--client", &clients.to_string()]);
    pgbench.args(["--time", &run.as_secs().to_string(), "--file"]).arg(script.path()).arg(url);
    let output = pgbench.output().await.context("pgbench cannot be started")?;
    let text = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        bail!("pgbench failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    let rate = text.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok());
    rate.with_context(|| format!("pgbench told no rate:\n{text}"))
}
