//! `hub org`: organisations, their identity providers, and the first roles.

use crate::cli::Org;
use crate::config::Config;
use crate::directory::Directory;
use crate::foundation::Foundation;
use crate::output::say;
use anyhow::{Context, bail};
use gateway::graphql::ids::GlobalId;
use identity::Providers;
use kernel::{Actor, CommandId, OrganisationId, ProviderId};
use organisations::organisation::{self, Organisation};
use organisations::person::{self, GrantedRole};
use secrecy::SecretString;
use services::{Dispatch, Failure, HubCommand, Request};
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use uuid::Uuid;

/// Runs one of the commands.
///
/// # Errors
/// One sentence that says what was wrong and what to do.
pub(crate) async fn run(config: &Config, command: Org) -> anyhow::Result<()> {
    // Registering an organisation may be the first thing that a hub is told.
    let foundation = match command {
        Org::Add { .. } => Foundation::open(config).await?,
        Org::List | Org::AddProvider { .. } | Org::Grant { .. } => Foundation::open_existing(config).await?,
    };
    let outcome = match command {
        Org::Add { slug, name } => add(&foundation, slug, name).await,
        Org::List => list(&foundation).await,
        Org::AddProvider { org, name, issuer, client_id, client_secret_file, scope, id } => {
            let provider = ProviderId(id.unwrap_or_else(|| foundation.ids.next()));
            let register = organisation::Command::RegisterProvider { provider, name, issuer, client_id, scopes: scope };
            add_provider(config, &foundation, &org, register, provider, &client_secret_file).await
        }
        Org::Grant { person, role } => grant(&foundation, &person, &role).await,
    };
    crate::running::settle_log(&foundation).await?;
    foundation.close().await?;
    outcome
}

async fn send(foundation: &Foundation, target: Uuid, command: HubCommand) -> anyhow::Result<()> {
    let request = Request::new(CommandId(foundation.ids.next()), Actor::system("command line"), target, command);
    match foundation.services().execute(request).await {
        Ok(_) => Ok(()),
        Err(Failure::Refused(refused)) => bail!("{}", refused.message),
        Err(unavailable @ Failure::Unavailable(_)) => Err(unavailable.into()),
    }
}

async fn add(foundation: &Foundation, slug: String, name: String) -> anyhow::Result<()> {
    let id = foundation.ids.next();
    send(foundation, id, HubCommand::Organisation(organisation::Command::Register { slug: slug.clone(), name })).await?;
    say(&format!("Organisation “{slug}” is registered ({id}). Give it an identity provider: hub org add-provider --org {slug} …"));
    Ok(())
}

async fn find(foundation: &Foundation, slug: &str) -> anyhow::Result<OrganisationId> {
    match foundation.log.claim_holder("organisation_slug", slug).await? {
        Some(id) => Ok(OrganisationId(id)),
        None => bail!("There is no organisation “{slug}”. `hub org list` shows those there are; `hub org add` registers one."),
    }
}

async fn add_provider(
    config: &Config,
    foundation: &Foundation,
    slug: &str,
    register: organisation::Command,
    provider: ProviderId,
    secret_file: &Path,
) -> anyhow::Result<()> {
    let organisation = find(foundation, slug).await?;
    let secret = read_secret(secret_file)?;
    let providers = Providers::new(
        Arc::new(Directory(foundation.pool.clone().into())),
        foundation.pool.clone(),
        Arc::new(foundation.keys.clone()),
        foundation.clock.clone(),
    );
    providers.store_secret(provider, &secret).await?;
    send(foundation, organisation.0, HubCommand::Organisation(register)).await?;
    let base =
        config.public_url.as_ref().map_or_else(|| format!("http://{}", config.listen), |url| url.as_str().trim_end_matches('/').to_owned());
    say(&format!(
        "The provider is registered ({provider}). Enter this redirect address at the provider:\n{base}/sign-in/{provider}/callback"
    ));
    Ok(())
}

fn read_secret(file: &Path) -> anyhow::Result<SecretString> {
    let mut text = String::new();
    if file.as_os_str() == "-" {
        std::io::stdin().read_to_string(&mut text).context("standard input cannot be read")?;
    } else {
        text = std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
    }
    let secret = text.trim();
    if secret.is_empty() {
        bail!("{} is empty. Put the client secret that the provider gave you into it.", file.display());
    }
    Ok(SecretString::from(secret.to_owned()))
}

async fn list(foundation: &Foundation) -> anyhow::Result<()> {
    let rows = sqlx::query_scalar!("select distinct stream from log.events where aggregate = 'organisation' order by stream")
        .fetch_all(&foundation.pool)
        .await?;
    if rows.is_empty() {
        say("There is no organisation yet. Register one: hub org add --slug rivers --name \"Department of Rivers\"");
    }
    let services = foundation.services();
    for id in rows {
        let (organisation, _) = services.state::<Organisation>(id).await?;
        let state = if organisation.suspended() { "  (suspended)" } else { "" };
        say(&format!("{}  {}  {id}{state}", organisation.slug().unwrap_or_default(), organisation.name()));
        for (provider, facts) in organisation.providers() {
            let state = if facts.enabled { "" } else { "  (disabled)" };
            say(&format!("    {}  {}  {provider}{state}", facts.name, facts.issuer));
        }
    }
    Ok(())
}

async fn grant(foundation: &Foundation, person: &str, role: &str) -> anyhow::Result<()> {
    let role = match role {
        "organisation-admin" => GrantedRole::OrganisationAdmin,
        "steward" => GrantedRole::Steward,
        other => bail!("There is no role “{other}”. There are: organisation-admin, steward."),
    };
    let id = person
        .parse::<Uuid>()
        .ok()
        .or_else(|| match GlobalId::decode(&person.to_owned().into()) {
            Ok(GlobalId::Person(id)) => Some(id.0),
            Ok(_) | Err(_) => None,
        })
        .with_context(|| format!("“{person}” is no person's id. It is the last part of the address of the person's page"))?;
    send(foundation, id, HubCommand::Person(person::Command::GrantRole { role })).await?;
    say("The role is granted.");
    Ok(())
}
