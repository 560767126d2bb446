//! `hub events`: look at the log, check it, move it.

use super::progress;
use crate::cli::Events;
use crate::config::Config;
use crate::foundation::Foundation;
use crate::output::say;
use anyhow::{Context, bail};
use bus::CloudEvent;
use indicatif::ProgressBar;
use kernel::{Payload, Recorded, StreamId};
use std::io::Write;
use std::path::Path;
use store::Log;
use tokio::fs::File;
use tokio::io::{AsyncBufRead, AsyncWrite, AsyncWriteExt, BufReader, BufWriter};

/// How many events are read at once.
const BATCH: u32 = 500;

/// Runs one of the commands.
///
/// # Errors
/// One sentence that says what was wrong and what to do.
pub(crate) async fn run(config: &Config, command: Events) -> anyhow::Result<()> {
    // Only an import may begin a hub.
    let foundation = match command {
        Events::Import { .. } => Foundation::open(config).await?,
        Events::Tail { .. } | Events::Show { .. } | Events::Verify { .. } | Events::Export { .. } | Events::Republish => {
            Foundation::open_existing(config).await?
        }
    };
    let outcome = match command {
        Events::Tail { after, no_follow } => tail(config, &foundation, after, !no_follow).await,
        Events::Show { stream } => show(&foundation.log, &stream).await,
        Events::Verify { json } => verify(&foundation.log, json).await,
        Events::Export { output } => export(&foundation.log, output.as_deref()).await,
        Events::Import { file } => import(&foundation.log, &file).await,
        Events::Republish => republish(config, &foundation).await,
    };
    foundation.close().await?;
    outcome
}

async fn tail(config: &Config, foundation: &Foundation, after: Option<u64>, follow: bool) -> anyhow::Result<()> {
    let log = &foundation.log;
    let stop = crate::signals::stop_on_signal();
    let head = log.head().await?;
    let mut after = after.unwrap_or_else(|| head.saturating_sub(10));
    let follow = follow && config.database_url.is_some();
    loop {
        let batch = log.read(after, BATCH).await?;
        let idle = batch.is_empty();
        for recorded in batch {
            after = recorded.seq;
            line(&recorded)?;
        }
        if idle {
            if !follow {
                return Ok(());
            }
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = tokio::time::sleep(std::time::Duration::from_millis(200)) => {}
            }
        }
    }
}

/// One event in the form of CloudEvents, as it goes over the bus: personal data does not show.
fn line(recorded: &Recorded<Payload>) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(&CloudEvent::from(recorded).redacted().to_json())?;
    out.write_all(b"\n")?;
    Ok(())
}

async fn show(log: &Log, stream: &str) -> anyhow::Result<()> {
    let Some((aggregate, id)) = stream.split_once('/') else {
        bail!("“{stream}” names no stream. Write AGGREGATE/ID, such as thread/0197a5f0-0000-7000-8000-000000000001.");
    };
    let id = id.parse().with_context(|| format!("“{id}” is no id (a UUID such as 0197a5f0-0000-7000-8000-000000000001)"))?;
    let context = match aggregate {
        "organisation" | "person" | "team" => "organisations",
        "community" => "communities",
        "category" | "thread" => "discussions",
        other => bail!("There is no aggregate “{other}”. There are: organisation, person, team, community, category, thread."),
    };
    let stream = StreamId { context: context.to_owned(), aggregate: aggregate.to_owned(), id };
    let recorded = log.load(&stream).await?;
    if recorded.is_empty() {
        bail!("The stream {stream} is empty: nothing of that id has happened.");
    }
    for event in &recorded {
        line(event)?;
    }
    Ok(())
}

async fn verify(log: &Log, json: bool) -> anyhow::Result<()> {
    let bar = progress(log.head().await?, "verifying");
    let outcome = store::verify(log, |done, total| show_progress(&bar, done, total)).await;
    bar.finish_and_clear();
    let verified = outcome?;
    if json {
        say(&format!(
            "{}",
            serde_json::json!({ "events": verified.events, "waiting": verified.waiting, "head": hex::encode(verified.head_hash) })
        ));
    } else {
        say(&format!("The chain is whole: {} events, head {}.", verified.events, hex::encode(verified.head_hash)));
    }
    Ok(())
}

async fn export(log: &Log, output: Option<&Path>) -> anyhow::Result<()> {
    let bar = progress(0, "exporting");
    let mut out: Box<dyn AsyncWrite + Unpin + Send> = match output {
        Some(file) => Box::new(BufWriter::new(File::create(file).await.with_context(|| format!("{} cannot be written", file.display()))?)),
        None => Box::new(BufWriter::new(tokio::io::stdout())),
    };
    let exported = store::export(log, 0, &mut out, |done, total| show_progress(&bar, done, total)).await;
    out.flush().await?;
    bar.finish_and_clear();
    let exported = exported?;
    eprintln!("{} events exported. Personal data in them opens only with this hub's master key.", exported.events);
    Ok(())
}

async fn import(log: &Log, file: &Path) -> anyhow::Result<()> {
    let reader: Box<dyn AsyncBufRead + Unpin + Send> = if file.as_os_str() == "-" {
        Box::new(BufReader::new(tokio::io::stdin()))
    } else {
        Box::new(BufReader::new(File::open(file).await.with_context(|| format!("{} cannot be read", file.display()))?))
    };
    let bar = progress(0, "importing");
    let imported = store::import(log, reader, |done, total| show_progress(&bar, done, total)).await;
    bar.finish_and_clear();
    let imported = imported?;
    say(&format!(
        "{} events imported; the chain ends with the same hash, {}. The views are drawn at the next start.",
        imported.events,
        hex::encode(imported.head_hash)
    ));
    Ok(())
}

fn show_progress(bar: &ProgressBar, done: u64, total: u64) {
    bar.set_length(total);
    bar.set_position(done);
}

async fn republish(config: &Config, foundation: &Foundation) -> anyhow::Result<()> {
    let Some(url) = &config.nats_url else {
        bail!("There is no NATS to publish to: set nats_url (HUB_NATS_URL). Without it events stay in the hub's own process.");
    };
    let jetstream = crate::running::jetstream(config, &url.0).await?;
    let bar = progress(foundation.log.head().await?, "publishing");
    let published =
        bus::republish(&crate::running::Source(foundation.log.clone()), &jetstream, |done, total| show_progress(&bar, done, total)).await?;
    bar.finish_and_clear();
    say(&format!("{published} events published again."));
    Ok(())
}
