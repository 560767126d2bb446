//! `hub projections`: look at the views, and mend them.

use super::progress;
use crate::cli::Projections;
use crate::config::Config;
use crate::foundation::Foundation;
use crate::output::say;
use anyhow::bail;
use projections::{Rebuilding, Status};

/// Runs one of the commands.
///
/// # Errors
/// One sentence that says what was wrong and what to do.
pub(crate) async fn run(config: &Config, command: Projections) -> anyhow::Result<()> {
    let foundation = Foundation::open_existing(config).await?;
    let outcome = match command {
        Projections::Status { json } => status(&foundation, json).await,
        Projections::Rebuild { name } => rebuild(&foundation, &name).await,
        Projections::Pause { name } => projections::pause(&foundation.pool, &name).await.map_err(Into::into),
        Projections::Retry { name } => projections::retry(&foundation.pool, &name).await.map_err(Into::into),
        Projections::Skip { name } => skip(&foundation, &name).await,
    };
    foundation.close().await?;
    outcome
}

async fn status(foundation: &Foundation, json: bool) -> anyhow::Result<()> {
    let views = projections::status(&foundation.pool).await?;
    if json {
        say(&serde_json::to_string(&views)?);
        return Ok(());
    }
    say(&format!("{:<16} {:<9} {:>10} {:>10}  note", "view", "state", "at", "behind"));
    for view in &views {
        say(&format!(
            "{:<16} {:<9} {:>10} {:>10}  {}",
            view.name,
            format!("{:?}", view.state).to_lowercase(),
            view.checkpoint,
            view.lag(),
            note(view)
        ));
    }
    Ok(())
}

fn note(view: &Status) -> String {
    let mut notes = Vec::new();
    if let (Some(error), Some(seq)) = (&view.error, view.error_seq) {
        notes.push(format!("event {seq} failed {} times: {error}; `hub projections retry {}` or `skip`", view.attempts, view.name));
    }
    if view.skipped > 0 {
        notes.push(format!("{} events were skipped; a rebuild brings them back if the cause is mended", view.skipped));
    }
    if let Some(rebuild) = &view.rebuild {
        notes.push(format!("being rebuilt: {} of {}", rebuild.position, rebuild.target));
    }
    notes.join("; ")
}

async fn rebuild(foundation: &Foundation, name: &str) -> anyhow::Result<()> {
    let all: Vec<&'static str> = projections::all().iter().map(|projection| projection.name()).collect();
    let names: Vec<&str> = if name == "all" { all } else { vec![name] };
    let stop = crate::signals::stop_on_signal();
    for name in names {
        let bar = progress(0, "rebuilding");
        let outcome = projections::rebuild(&foundation.log, name, &stop, |told| match told {
            Rebuilding::Filling { position, target } => {
                bar.set_length(target);
                bar.set_position(position);
            }
            Rebuilding::Indexing => bar.set_message("making indexes"),
            Rebuilding::Swapping => bar.set_message("putting it in place"),
            Rebuilding::Done { position } => bar.set_position(position),
        })
        .await;
        bar.finish_and_clear();
        let position = outcome?;
        say(&format!("The view “{name}” is drawn anew, up to event {position}."));
    }
    Ok(())
}

async fn skip(foundation: &Foundation, name: &str) -> anyhow::Result<()> {
    let seq = projections::skip(&foundation.pool, name).await?;
    if seq == 0 {
        bail!("Nothing was skipped.");
    }
    say(&format!("Event {seq} is left out of the view “{name}”, which goes on."));
    Ok(())
}
