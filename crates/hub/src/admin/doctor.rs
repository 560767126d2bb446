//! `hub doctor`: one line for each thing that must be right.

use crate::config::Config;
use crate::directory::Directory;
use crate::foundation::Foundation;
use crate::output::say;
use anyhow::bail;
use identity::{FetchPolicy, GuardedClient, ProviderDirectory};
use kernel::Timestamp;

/// How far the machine's clock may be from the database's, in seconds.
const CLOCK_DRIFT: i64 = 5;

struct Checks {
    wrong: u32,
}

impl Checks {
    fn line(&mut self, what: &str, outcome: Result<String, String>) {
        match outcome {
            Ok(said) => say(&format!("ok     {what}: {said}")),
            Err(said) => {
                self.wrong += 1;
                say(&format!("WRONG  {what}: {said}"));
            }
        }
    }
}

/// Runs every check.
///
/// # Errors
/// Something is wrong; the lines say what.
pub(crate) async fn run(config: &Config) -> anyhow::Result<()> {
    let mut checks = Checks { wrong: 0 };
    checks.line("configuration", Ok("every setting is known and well formed".to_owned()));
    let documents = match &config.persisted_documents_file {
        None => Ok("no file of registered documents is set".to_owned()),
        Some(_) => super::documents::registered(config)
            .await
            .map(|documents| format!("{}, those of the pages included", documents.registry.len()))
            .map_err(|error| format!("{error:#}")),
    };
    checks.line("registered documents", documents);
    match Foundation::open_existing(config).await {
        Ok(foundation) => {
            let kind = if foundation.is_embedded() { "embedded" } else { "PostgreSQL" };
            database(&mut checks, &foundation, kind).await;
            log(&mut checks, &foundation).await;
            projections(&mut checks, &foundation).await;
            providers(&mut checks, config, &foundation).await;
            foundation.close().await?;
        }
        Err(error) => checks.line("database", Err(format!("{error:#}"))),
    }
    match &config.nats_url {
        None => checks.line("bus", Ok("in process; no NATS is configured".to_owned())),
        Some(url) => {
            let outcome = crate::running::jetstream(config, &url.0).await;
            checks.line("bus", outcome.map(|_| "NATS answers, with JetStream".to_owned()).map_err(|error| format!("{error:#}")));
        }
    }
    if checks.wrong > 0 {
        bail!("{} of the checks above say what is wrong", checks.wrong);
    }
    Ok(())
}

async fn database(checks: &mut Checks, foundation: &Foundation, kind: &str) {
    let row = sqlx::query!(r#"select current_setting('server_version') as "version!", clock_timestamp() as "now!""#)
        .fetch_one(&foundation.pool)
        .await;
    match row {
        Ok(row) => {
            checks.line("database", Ok(format!("{kind}, version {}", row.version)));
            checks.line("migrations", Ok("up to date".to_owned()));
            let drift = drift(foundation.clock.now(), row.now);
            let said = format!("{drift} s from the database's");
            checks.line("clock", if drift.abs() <= CLOCK_DRIFT { Ok(said) } else { Err(format!("{said}; set both by NTP")) });
        }
        Err(error) => checks.line("database", Err(error.to_string())),
    }
}

fn drift(here: Timestamp, there: Timestamp) -> i64 {
    (here - there).num_seconds()
}

async fn log(checks: &mut Checks, foundation: &Foundation) {
    let outcome = foundation.log.head().await;
    checks.line(
        "event log",
        outcome.map(|head| format!("{head} events; `hub events verify` walks the chain")).map_err(|error| error.to_string()),
    );
}

async fn projections(checks: &mut Checks, foundation: &Foundation) {
    match projections::status(&foundation.pool).await {
        Ok(views) => {
            let stopped: Vec<&str> = views.iter().filter(|view| !view.is_healthy()).map(|view| view.name.as_str()).collect();
            let outcome = if stopped.is_empty() {
                Ok(format!("{} views, none stopped", views.len()))
            } else {
                Err(format!("stopped: {}; `hub projections status` says why", stopped.join(", ")))
            };
            checks.line("views", outcome);
        }
        Err(error) => checks.line("views", Err(error.to_string())),
    }
}

async fn providers(checks: &mut Checks, config: &Config, foundation: &Foundation) {
    let policy = if config.loopback_providers { FetchPolicy::default().with_loopback() } else { FetchPolicy::default() };
    let client = match GuardedClient::new(policy) {
        Ok(client) => client,
        Err(error) => return checks.line("identity providers", Err(error.to_string())),
    };
    let open = match Directory(foundation.pool.clone().into()).open().await {
        Ok(open) => open,
        Err(error) => return checks.line("identity providers", Err(error.to_string())),
    };
    if open.is_empty() {
        return checks
            .line("identity providers", Err("there is none, so nobody can sign in: hub org add, hub org add-provider".to_owned()));
    }
    for provider in open {
        let what = format!("identity provider “{}” of {}", provider.name, provider.organisation_name);
        let outcome = identity::provider_metadata::check(&client, &provider.issuer).await;
        checks.line(&what, outcome.map(|()| format!("{} answers", provider.issuer)).map_err(|error| error.to_string()));
    }
}
