//! `hub import`.

use super::import::{Destination, Importer, check};
use super::progress;
use crate::cli::Import;
use crate::config::Config;
use crate::foundation::Foundation;
use crate::output::say;
use anyhow::bail;

/// Runs one of the commands.
///
/// # Errors
/// One sentence that says what was wrong and what to do. Malformed records are reported and do not stop the rest,
/// but the command ends with an error if nothing at all could be read.
pub(crate) async fn run(config: &Config, command: Import) -> anyhow::Result<()> {
    let Import::GithubDiscussions { files, community, organisation, members_only, json } = command;
    check(&files)?;
    let foundation = Foundation::open(config).await?;
    let services = foundation.services();
    let bar = progress(0, "importing");
    let mut importer = Importer::new(&foundation.log, &services, Destination { community, organisation, members_only });
    let outcome = importer
        .files(&files, |done, total| {
            bar.set_length(total);
            bar.set_position(done);
        })
        .await;
    bar.finish_and_clear();
    let report = importer.report;
    crate::running::settle_log(&foundation).await?;
    foundation.close().await?;
    for problem in &report.problems {
        eprintln!("hub: {problem}");
    }
    outcome?;
    if json {
        say(&serde_json::to_string(&report)?);
    } else {
        say(&format!(
            "{} threads, {} posts and {} people imported; {} items were there already; {} records hold nothing to import; {} could not be imported.",
            report.threads,
            report.posts,
            report.people,
            report.unchanged,
            report.passed_over,
            report.problems.len()
        ));
    }
    if report.threads + report.posts + report.unchanged == 0 && !report.problems.is_empty() {
        bail!("nothing could be imported; the lines above say why");
    }
    Ok(())
}
