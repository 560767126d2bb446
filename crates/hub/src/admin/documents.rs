//! `hub documents`: the file of registered documents, and whether it can be used.

use crate::cli::Documents;
use crate::config::Config;
use crate::output::say;
use anyhow::{Context, bail};
use gateway::documents::{Registry, RegistryError};
use std::path::Path;
use std::sync::Arc;

/// How many wrong entries the error at the start names.
const NAMED: usize = 3;

/// Runs a command on the file.
///
/// # Errors
/// The file cannot be used; what is printed says why.
pub(crate) async fn run(config: &Config, command: Documents) -> anyhow::Result<()> {
    match command {
        Documents::Check { file, json } => check(config, &file, json).await,
    }
}

async fn check(config: &Config, file: &Path, json: bool) -> anyhow::Result<()> {
    let (count, faults) = match Registry::read(&text(file)?, &config.limits).await {
        Ok(registry) => (registry.len(), Vec::new()),
        Err(RegistryError::Entries(faults)) => (0, faults),
        Err(error @ RegistryError::Json(_)) => bail!("{}: {error}.", file.display()),
    };
    if json {
        let faults: Vec<_> = faults.iter().map(|fault| serde_json::json!({ "entry": fault.entry, "reason": fault.reason })).collect();
        say(&serde_json::json!({ "documents": count, "faults": faults }).to_string());
    } else if faults.is_empty() {
        say(&format!("Every document can be run here. Documents: {count}."));
    } else {
        for fault in &faults {
            say(&format!("WRONG  {}: {}", fault.entry, fault.reason));
        }
    }
    if !faults.is_empty() {
        bail!("{} cannot be used. Wrong entries: {}.", file.display(), faults.len());
    }
    Ok(())
}

/// The documents that are registered with this hub, those of its own pages included.
///
/// # Errors
/// The file cannot be read or used; the message names the entries that are wrong.
pub(crate) async fn registered(config: &Config) -> anyhow::Result<gateway::Documents> {
    let registry = match &config.persisted_documents_file {
        None => Registry::default(),
        Some(file) => match Registry::read(&text(file)?, &config.limits).await {
            Ok(registry) => registry,
            Err(error) => bail!("{} (setting persisted_documents_file) cannot be used: {}", file.display(), said(file, &error)),
        },
    };
    Ok(gateway::Documents { mode: config.persisted_documents, registry: Arc::new(registry.with_own(web::own_documents())) })
}

fn said(file: &Path, error: &RegistryError) -> String {
    match error {
        RegistryError::Entries(faults) if faults.len() > NAMED => {
            let named: Vec<String> = faults[..NAMED].iter().map(ToString::to_string).collect();
            format!("{}; and {} more, which `hub documents check {}` lists", named.join("; "), faults.len() - NAMED, file.display())
        }
        error => error.to_string(),
    }
}

fn text(file: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(file).with_context(|| format!("The registered documents in {} cannot be read", file.display()))
}
