//! `hub demo`: the hub (on the embedded database unless another is configured), two demonstration departments with their identity providers, and
//! something to read.

pub(crate) mod seed;

use crate::config::Config;
use crate::foundation::Foundation;
use crate::output::say;
use crate::running::{Hub, serve_until_stopped};
use anyhow::Context;
use embedded::content::Writer;
use embedded::demo::{DEPARTMENTS, Role};
use embedded::providers::BoundProvider;
use kernel::{Actor, CommandId, Personal, ProviderId, Timestamp, TokenId};
use organisations::person::{GrantedRole, Identity, TokenScope};
use organisations::{organisation, person};
use secrecy::SecretString;
use seed::{Seeder, id, organisation_id, person_id};
use serde::{Deserialize, Serialize};
use services::HubCommand;
use std::path::Path;
use std::time::Duration;

/// How long the views may take to be drawn before people are let in.
const VIEWS_READY: Duration = Duration::from_mins(2);

/// What the demonstration remembers between starts, beside the database: it is a demonstration, so tokens may be kept readable.
#[derive(Debug, Serialize, Deserialize)]
struct Memory {
    /// The moment that times of the content are counted from.
    started: Timestamp,
    /// Each person's API token, by name to sign in by.
    tokens: std::collections::BTreeMap<String, String>,
    /// Whether the content is complete.
    complete: bool,
}

/// What the hub must know to use a department's provider.
struct Client {
    issuer: String,
    id: String,
    secret: SecretString,
}

impl Client {
    fn of(provider: &BoundProvider) -> Self {
        Self { issuer: provider.issuer.clone(), id: provider.client_id.clone(), secret: provider.client_secret.clone() }
    }
}

/// One line of what `--json` prints.
#[derive(Debug, Serialize)]
struct Announcement {
    url: String,
    graphql: String,
    people: Vec<AnnouncedPerson>,
}

/// Someone to sign in as.
#[derive(Debug, Serialize)]
struct AnnouncedPerson {
    name: &'static str,
    email: &'static str,
    organisation: &'static str,
    roles: Vec<&'static str>,
    token: String,
}

/// Runs the demonstration until told to stop.
///
/// # Errors
/// One sentence that says what was wrong and what to do.
pub(crate) async fn run(mut config: Config, json: bool) -> anyhow::Result<()> {
    config.loopback_providers = true;
    if json {
        config.log_format = crate::config::LogFormat::Json;
    }
    let telemetry = crate::running::telemetry(&config)?;
    let stop = crate::signals::stop_on_signal();
    let documents = crate::admin::documents::registered(&config).await?;
    crate::config::make_data_dir(&config.data_dir)?;
    let foundation = Foundation::open(&config).await?;
    let memory_file = config.data_dir.join("demo.json");
    let mut memory = remember(&memory_file, foundation.clock.now())?;
    let bound = embedded::providers::bind(&config.data_dir, None).await?;
    let clients: Vec<Client> = bound.iter().map(Client::of).collect();
    keep(&memory_file, &memory)?;
    let listener = crate::running::listen(&config).await?;
    let hub = Hub::start(&config, documents, foundation, listener.local_addr()?, &telemetry).await?;
    let mut told = Vec::with_capacity(bound.len());
    for (place, provider) in bound.into_iter().enumerate() {
        told.push((provider, hub.redirect_address(provider_id(place))?));
    }
    let providers = embedded::providers::serve(told, &hub.clock());
    if !memory.complete {
        fill(&hub, &clients, &memory).await.context("The demonstration's content could not be brought in")?;
        issue_tokens(&hub, &mut memory).await?;
        memory.complete = true;
        keep(&memory_file, &memory)?;
    }
    // The views may have to be drawn first, after an import for instance.
    hub.settle(VIEWS_READY).await?;
    let announcement = announce(&hub, &memory);
    if json {
        say(&serde_json::to_string(&announcement)?);
    } else {
        print(&announcement, &config.data_dir);
    }
    let outcome = serve_until_stopped(hub, listener, stop).await;
    providers.stop().await;
    telemetry.shutdown();
    outcome
}

fn remember(file: &Path, now: Timestamp) -> anyhow::Result<Memory> {
    match std::fs::read_to_string(file) {
        Ok(text) => serde_json::from_str(&text).with_context(|| {
            format!("{} is damaged. Remove the data folder to begin anew, or choose another with --data-dir", file.display())
        }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Ok(Memory { started: now, tokens: std::collections::BTreeMap::new(), complete: false })
        }
        Err(error) => Err(error).with_context(|| format!("{} cannot be read", file.display())),
    }
}

fn keep(file: &Path, memory: &Memory) -> anyhow::Result<()> {
    // Written beside and renamed, so that a crash leaves the old one or the new one.
    let beside = file.with_extension("json.new");
    std::fs::write(&beside, serde_json::to_vec_pretty(memory)?)
        .and_then(|()| only_for_owner(&beside))
        .and_then(|()| std::fs::rename(&beside, file))
        .with_context(|| format!("{} cannot be written", file.display()))
}

#[cfg(unix)]
fn only_for_owner(file: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o600))
}

#[cfg(not(unix))]
fn only_for_owner(_file: &Path) -> std::io::Result<()> {
    Ok(())
}

/// Departments, providers, people, communities and conversations.
async fn fill(hub: &Hub, clients: &[Client], memory: &Memory) -> anyhow::Result<()> {
    let seeder = Seeder { services: hub.services(), now: memory.started };
    let demo = || Actor::system("demo");
    for ((place, department), client) in DEPARTMENTS.iter().enumerate().zip(clients) {
        let organisation = organisation_id(place);
        let provider = provider_id(place);
        let register = organisation::Command::Register { slug: department.slug.to_owned(), name: department.name.to_owned() };
        seeder.send(&format!("organisation:{place}"), demo(), organisation.0, HubCommand::Organisation(register), None).await?;
        let register = organisation::Command::RegisterProvider {
            provider,
            name: department.provider.to_owned(),
            issuer: client.issuer.clone(),
            client_id: client.id.clone(),
            scopes: vec!["profile".to_owned(), "email".to_owned()],
        };
        seeder.send(&format!("provider:{place}"), demo(), organisation.0, HubCommand::Organisation(register), None).await?;
        hub.identity().providers.store_secret(provider, &client.secret).await?;
        for (nth, who) in department.people.iter().enumerate() {
            let person = person_id(Writer(place, nth));
            let key = format!("person:{}", who.username);
            let join = person::Command::Join {
                organisation,
                identity: Identity { provider, issuer: client.issuer.clone(), subject: Personal::Known(who.subject()) },
                name: who.name.to_owned(),
                email: Some(who.email.to_owned()),
            };
            seeder.send(&key, demo(), person.0, HubCommand::Person(join), None).await?;
            let profile = person::Command::ChangeProfile { name: who.name.to_owned(), about: who.post.to_owned() };
            seeder.send(&format!("{key}:profile"), demo(), person.0, HubCommand::Person(profile), None).await?;
            for role in who.roles {
                let role = match role {
                    Role::Steward => GrantedRole::Steward,
                    Role::OrganisationAdmin => GrantedRole::OrganisationAdmin,
                };
                let grant = person::Command::GrantRole { role };
                seeder.send(&format!("{key}:{role:?}"), demo(), person.0, HubCommand::Person(grant), None).await?;
            }
        }
    }
    seeder.communities().await
}

/// One API token for each person, so that the API can be tried at once.
async fn issue_tokens(hub: &Hub, memory: &mut Memory) -> anyhow::Result<()> {
    for (place, department) in DEPARTMENTS.iter().enumerate() {
        for (nth, who) in department.people.iter().enumerate() {
            let person = person_id(Writer(place, nth));
            let token = TokenId(hub.new_id());
            let expires_at = hub.now() + chrono::TimeDelta::days(90);
            let issue = person::Command::IssueToken { token, name: "Demonstration".to_owned(), scope: TokenScope::Write, expires_at };
            let by = Actor::person(person, organisation_id(place));
            hub.send(CommandId(hub.new_id()), by, person.0, HubCommand::Person(issue)).await?;
            let secret =
                hub.identity().tokens.issue(token, person, organisation_id(place), "Demonstration", TokenScope::Write, expires_at).await?;
            memory.tokens.insert(who.username.to_owned(), secret_text(&secret));
        }
    }
    Ok(())
}

fn secret_text(secret: &SecretString) -> String {
    use secrecy::ExposeSecret;
    secret.expose_secret().to_owned()
}

fn provider_id(place: usize) -> ProviderId {
    ProviderId(id(&format!("provider:{place}")))
}

fn announce(hub: &Hub, memory: &Memory) -> Announcement {
    let people = DEPARTMENTS
        .iter()
        .flat_map(|department| {
            department.people.iter().map(|who| AnnouncedPerson {
                name: who.name,
                email: who.email,
                organisation: department.name,
                roles: who
                    .roles
                    .iter()
                    .map(|role| match role {
                        Role::Steward => "STEWARD",
                        Role::OrganisationAdmin => "ORGANISATION_ADMIN",
                    })
                    .collect(),
                token: memory.tokens.get(who.username).cloned().unwrap_or_default(),
            })
        })
        .collect();
    let url = hub.public_url().trim_end_matches('/').to_owned();
    Announcement { graphql: format!("{url}/graphql"), url, people }
}

fn print(announcement: &Announcement, data_dir: &Path) {
    say(&format!("\nThe hub is at       {}", announcement.url));
    say(&format!("Its API is at       {}  (try it at {}/graphiql)", announcement.graphql, announcement.url));
    say(&format!("Its data lies in    {}\n", data_dir.display()));
    let mut organisation = "";
    for person in &announcement.people {
        if person.organisation != organisation {
            organisation = person.organisation;
            say(&format!("{organisation}: sign in as any of them, there are no passwords"));
        }
        let roles = if person.roles.is_empty() { String::new() } else { format!("  [{}]", person.roles.join(", ").to_lowercase()) };
        say(&format!("  {:<22} API token {}{roles}", person.name, person.token));
    }
    say("\nStop with Ctrl-C. A second start finds everything again.");
}
