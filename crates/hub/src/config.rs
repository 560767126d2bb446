//! Configuration: one TOML file, then the environment, then flags, each overriding the one before.
//! A key that nobody knows is an error, so that a misspelt setting never passes unnoticed.
//!
//! **To add a setting:** give it a field in [`Config`] with its default, and a row in `configuration.md`. A field of a table
//! (`gateway::Limits`, `gateway::Rates`, `gateway::Budgets`) needs the row only: file and environment take it by its name. A test holds the rows against
//! the fields and their defaults.

use anyhow::{Context, bail};
use figment::Figment;
use figment::providers::{Env, Format, Serialized, Toml};
use figment::value::Uncased;
use gateway::documents::Mode;
use gateway::{Budgets, Limits, Rates, Statuses, Suggestions};
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;
use store::KeyRing;
use url::Url;

/// Everything that can be set. `HUB_LISTEN` in the environment sets `listen`, and so on.
#[allow(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// The address and port to listen on; port 0 takes a free one.
    pub(crate) listen: SocketAddr,
    /// The address that people use, such as `https://hub.example.org`. Required unless `listen` is on loopback.
    pub(crate) public_url: Option<Url>,
    /// The folder of the embedded database, of its keys, and of nothing else.
    pub(crate) data_dir: PathBuf,
    /// PostgreSQL 15 or later, as `postgres://user:password@host/database`. Without it the embedded database is used.
    pub(crate) database_url: Option<Secret>,
    /// How many connections to hold to PostgreSQL. The embedded database always has one.
    pub(crate) database_connections: u32,
    /// NATS with JetStream, as `nats://user:password@host:4222`. Without it events stay in this process.
    pub(crate) nats_url: Option<Secret>,
    /// How many servers of a NATS cluster keep each event.
    pub(crate) nats_replicas: usize,
    /// The master key, 32 bytes in base64. It seals personal data and secrets: keep it apart from the database's backup.
    pub(crate) master_key: Option<Secret>,
    /// The file that holds the master key; the embedded default makes one in the data folder.
    pub(crate) master_key_file: Option<PathBuf>,
    /// Logs as `text` or `json`.
    pub(crate) log_format: LogFormat,
    /// Which logs: a `tracing` filter such as `info` or `info,sqlx=debug`.
    pub(crate) log_filter: String,
    /// Where OpenTelemetry traces go (OTLP over gRPC), such as `http://collector:4317`.
    pub(crate) otlp_endpoint: Option<Url>,
    /// Whether the GraphQL schema may be asked about itself, and read at `/schema.graphql`.
    pub(crate) introspection: bool,
    /// Who is told “Did you mean …” of a name that the schema does not have.
    pub(crate) suggestions: Suggestions,
    /// Whether the query page is served at `/graphiql`.
    pub(crate) graphiql: bool,
    /// A folder with GraphiQL's own files, to serve GraphiQL there instead of the hub's plain query page.
    pub(crate) graphiql_files: Option<PathBuf>,
    /// Whose HTTP statuses GraphQL requests are answered with.
    pub(crate) graphql_statuses: Statuses,
    /// Which documents are taken.
    pub(crate) persisted_documents: Mode,
    /// The file of registered documents.
    pub(crate) persisted_documents_file: Option<PathBuf>,
    /// How long a request may take, in milliseconds.
    pub(crate) request_timeout_ms: u64,
    /// How long a request waits until the views hold what it must see, in milliseconds.
    pub(crate) projection_wait_ms: u64,
    /// Bytes of a request's body.
    pub(crate) body_bytes: usize,
    /// What one GraphQL request may ask for.
    pub(crate) limits: Limits,
    /// How often someone may come.
    pub(crate) rates: Rates,
    /// What a caller of the API may spend.
    pub(crate) budgets: Budgets,
    /// Whether a proxy in front of the hub names the client's address in `X-Forwarded-For`.
    pub(crate) behind_proxy: bool,
    /// Whether identity providers on loopback addresses may be used, over http too. For trying out and for tests.
    pub(crate) loopback_providers: bool,
}

/// How logs are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line, for machines.
    Json,
}

/// A setting that never shows in logs or errors.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Secret(pub(crate) String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("(not shown)")
    }
}

/// What the hub is run for, which decides the defaults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// `hub serve` and administration: what is only of use to who tries the hub out is off.
    Production,
    /// `hub demo`: the API explains itself to everyone.
    Demonstration,
}

impl Config {
    fn defaults(purpose: Purpose) -> Self {
        match purpose {
            Purpose::Production => Self::default(),
            Purpose::Demonstration => Self { graphiql: true, suggestions: Suggestions::Everyone, ..Self::default() },
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        let gateway = gateway::Settings::default();
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            public_url: None,
            data_dir: PathBuf::from("data"),
            database_url: None,
            database_connections: 16,
            nats_url: None,
            nats_replicas: 1,
            master_key: None,
            master_key_file: None,
            log_format: LogFormat::Text,
            log_filter: "info,sqlx=warn,async_nats=warn".to_owned(),
            otlp_endpoint: None,
            introspection: true,
            suggestions: gateway.suggestions,
            graphiql: false,
            graphiql_files: None,
            graphql_statuses: gateway.statuses,
            persisted_documents: gateway.documents.mode,
            persisted_documents_file: None,
            request_timeout_ms: milliseconds(gateway.request_timeout),
            projection_wait_ms: milliseconds(gateway.projection_wait),
            body_bytes: gateway.body_bytes,
            limits: gateway.limits,
            rates: gateway.rates,
            budgets: gateway.budgets,
            behind_proxy: false,
            loopback_providers: false,
        }
    }
}

/// Settings given as flags; those left out do not override anything.
#[allow(clippy::doc_markdown, reason = "these comments are the help text on the terminal")]
#[derive(Clone, Debug, Default, Serialize, clap::Args)]
pub(crate) struct Flags {
    /// The configuration file (TOML) [environment: HUB_CONFIG]
    #[arg(long, global = true, value_name = "FILE")]
    #[serde(skip)]
    pub(crate) config: Option<PathBuf>,
    /// The address and port to listen on; port 0 takes a free one
    #[arg(long, global = true, value_name = "ADDRESS:PORT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) listen: Option<SocketAddr>,
    /// The address that people use, such as https://hub.example.org
    #[arg(long, global = true, value_name = "URL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) public_url: Option<Url>,
    /// The folder of the embedded database and its keys
    #[arg(long, global = true, value_name = "FOLDER")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) data_dir: Option<PathBuf>,
    /// PostgreSQL instead of the embedded database (better in HUB_DATABASE_URL: flags show in process lists)
    #[arg(long, global = true, value_name = "URL", hide_env_values = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) database_url: Option<String>,
    /// NATS with JetStream instead of distribution within the process
    #[arg(long, global = true, value_name = "URL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) nats_url: Option<String>,
    /// The file that holds the master key
    #[arg(long, global = true, value_name = "FILE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) master_key_file: Option<PathBuf>,
    /// Logs as text or JSON
    #[arg(long, global = true, value_name = "FORMAT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) log_format: Option<LogFormat>,
    /// Which logs, such as “info” or “info,sqlx=debug”
    #[arg(long, global = true, value_name = "FILTER")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) log_filter: Option<String>,
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Names in the environment that begin with `HUB_` but are no settings of the hub's.
const NOT_SETTINGS: [&str; 3] = ["config", "test_database_url", "test_nats_server"];
/// The settings that are tables: `HUB_LIMITS_DEPTH` in the environment sets `depth` in the table `limits`.
const TABLES: [&str; 3] = ["budgets", "limits", "rates"];

/// The setting that a name in the environment sets, less the prefix.
fn setting(name: &str) -> String {
    let name = name.to_ascii_lowercase();
    let in_table = TABLES.iter().find_map(|table| Some((table, name.strip_prefix(table)?.strip_prefix('_')?)));
    in_table.map_or_else(|| name.clone(), |(table, rest)| format!("{table}.{rest}"))
}

/// What is wrong with a setting, which one, and where it was set.
fn wrong(error: &figment::Error) -> anyhow::Error {
    let setting = error.path.join(".");
    let source = match error.metadata.as_ref() {
        Some(metadata) if metadata.name.contains("environment") => format!("HUB_{}", error.path.join("_").to_uppercase()),
        Some(metadata) => metadata.name.to_string(),
        None => "the configuration".to_owned(),
    };
    let setting = if setting.is_empty() { "(unnamed)" } else { setting.as_str() };
    anyhow::anyhow!("The setting {setting} from {source} is wrong: {}. `hub reference configuration` lists every setting.", error.kind)
}

impl Config {
    /// Reads file, environment and flags.
    ///
    /// # Errors
    /// A setting is unknown or malformed; the message names it and where it came from.
    pub(crate) fn read(flags: &Flags, purpose: Purpose) -> anyhow::Result<Self> {
        let mut figment = Figment::from(Serialized::defaults(Self::defaults(purpose)));
        let file = flags.config.clone().or_else(|| std::env::var_os("HUB_CONFIG").map(PathBuf::from));
        if let Some(file) = &file {
            if !file.is_file() {
                bail!("There is no configuration file {}. Create it, or leave --config and HUB_CONFIG out.", file.display());
            }
            figment = figment.merge(Toml::file_exact(file));
        }
        let environment = Env::prefixed("HUB_")
            .filter(|key| !NOT_SETTINGS.iter().any(|name| key == name))
            .map(|key| Uncased::from(setting(key.as_str())));
        figment = figment.merge(environment).merge(Serialized::defaults(flags));
        let config: Self = figment.extract().map_err(|error| wrong(&error))?;
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> anyhow::Result<()> {
        if let Some(url) = &self.public_url {
            let loopback = is_loopback(url);
            if !(url.scheme() == "https" || (url.scheme() == "http" && loopback)) {
                bail!("The setting public_url is {url}: it must begin with https:// (http:// is taken for loopback addresses only).");
            }
            if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
                bail!("The setting public_url is {url}: give scheme and host only, such as https://hub.example.org.");
            }
        } else if !self.listen.ip().is_loopback() {
            bail!(
                "The hub listens on {}, which others can reach, so it must know its address: set public_url (HUB_PUBLIC_URL).",
                self.listen
            );
        }
        if let Some(folder) = self.graphiql_files.as_ref().filter(|folder| !folder.is_dir()) {
            bail!("The setting graphiql_files is {}, which is no folder. Make it, or leave the setting out.", folder.display());
        }
        if self.persisted_documents == Mode::Only && self.persisted_documents_file.is_none() {
            bail!("The setting persisted_documents is “only”, but there are none: name their file in persisted_documents_file.");
        }
        if self.database_connections == 0 {
            bail!("The setting database_connections is 0: give at least 2.");
        }
        if self.request_timeout_ms == 0 || self.body_bytes == 0 {
            bail!("The settings request_timeout_ms and body_bytes must not be 0: no request could be answered.");
        }
        if let Err(wrong) = self.limits.check() {
            bail!("The setting limits.{wrong}");
        }
        Ok(())
    }

    /// What the gateway goes by, but for the registered documents, which have to be read first.
    pub(crate) fn gateway(&self) -> gateway::Settings {
        gateway::Settings {
            introspection: self.introspection,
            suggestions: self.suggestions,
            graphiql: self.graphiql,
            graphiql_files: self.graphiql_files.clone(),
            statuses: self.graphql_statuses,
            limits: self.limits,
            body_bytes: self.body_bytes,
            request_timeout: Duration::from_millis(self.request_timeout_ms),
            projection_wait: Duration::from_millis(self.projection_wait_ms),
            rates: self.rates,
            budgets: self.budgets,
            behind_proxy: self.behind_proxy,
            ..gateway::Settings::default()
        }
    }

    /// The master key, if one was given.
    ///
    /// # Errors
    /// It cannot be read, or is no key.
    pub(crate) fn master_key(&self) -> anyhow::Result<Option<KeyRing>> {
        if let Some(key) = &self.master_key {
            return KeyRing::from_text(&key.0).map(Some).context("The setting master_key (HUB_MASTER_KEY) is no key");
        }
        let Some(file) = &self.master_key_file else { return Ok(None) };
        KeyRing::from_file(file).map(Some).context("The setting master_key_file (HUB_MASTER_KEY_FILE) leads to no key")
    }

    /// The table of settings, in Markdown, made from a running example.
    pub(crate) fn reference() -> String {
        include_str!("configuration.md").to_owned()
    }
}

/// Whether an address leads to this machine only.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        None => false,
    }
}

/// Makes the data folder, with one clear sentence if that fails.
///
/// # Errors
/// The folder cannot be made or is no folder.
pub(crate) fn make_data_dir(dir: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(dir).with_context(|| {
        format!("The data folder {} cannot be made. Choose another with --data-dir (HUB_DATA_DIR), or make it writable", dir.display())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(toml: &str) -> anyhow::Result<Config> {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("hub.toml");
        std::fs::write(&file, toml).unwrap();
        Config::read(&Flags { config: Some(file), ..Flags::default() }, Purpose::Production)
    }

    #[test]
    fn flags_override_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("hub.toml");
        std::fs::write(&file, "listen = \"127.0.0.1:9000\"\nlog_filter = \"debug\"").unwrap();
        let flags = Flags { config: Some(file), listen: Some(SocketAddr::from(([127, 0, 0, 1], 9001))), ..Flags::default() };
        let config = Config::read(&flags, Purpose::Production).unwrap();
        assert_eq!(config.listen.port(), 9001);
        assert_eq!(config.log_filter, "debug");
    }

    #[test]
    fn an_unknown_key_is_an_error_that_names_it() {
        let error = with("lisen = \"127.0.0.1:9000\"").unwrap_err().to_string();
        assert!(error.contains("lisen"), "{error}");
    }

    #[test]
    fn a_public_address_needs_https() {
        let error = with("public_url = \"http://hub.example.org\"").unwrap_err().to_string();
        assert!(error.contains("https://"), "{error}");
        assert!(with("public_url = \"http://localhost:8080\"").is_ok());
    }

    #[test]
    fn a_reachable_hub_must_know_its_address() {
        let error = with("listen = \"0.0.0.0:8080\"").unwrap_err().to_string();
        assert!(error.contains("public_url"), "{error}");
    }

    #[test]
    fn secrets_do_not_show() {
        let config = with("database_url = \"postgres://hub:canary@db/hub\"").unwrap();
        assert!(!format!("{config:?}").contains("canary"));
    }

    #[test]
    fn a_limit_is_set_in_its_table() {
        let config = with("[limits]\ndepth = 9\n[rates]\nper_person = 7").unwrap();
        assert_eq!((config.limits.depth, config.limits.tokens), (9, Limits::default().tokens));
        assert_eq!(config.gateway().rates.per_person.get(), 7);
        let error = with("[limits]\ndept = 9").unwrap_err().to_string();
        assert!(error.contains("limits") && error.contains("dept"), "{error}");
        let error = with("[limits]\ndepth = 0").unwrap_err().to_string();
        assert!(error.contains("limits.depth"), "{error}");
        let error = with("[limits]\nnesting = 100000").unwrap_err().to_string();
        assert!(error.contains("limits.nesting"), "{error}");
        let error = with("[rates]\nper_person = 0").unwrap_err().to_string();
        assert!(error.contains("rates.per_person"), "{error}");
    }

    #[test]
    fn nothing_but_registered_documents_needs_some() {
        let error = with("persisted_documents = \"only\"").unwrap_err().to_string();
        assert!(error.contains("persisted_documents_file"), "{error}");
        let config = with("persisted_documents = \"only\"\npersisted_documents_file = \"documents.json\"").unwrap();
        assert_eq!(config.persisted_documents, Mode::Only);
        let error = with("persisted_documents = \"some\"").unwrap_err().to_string();
        assert!(error.contains("persisted_documents") && error.contains("only"), "{error}");
        assert_eq!(with("graphql_statuses = \"september2026\"").unwrap().gateway().statuses, Statuses::September2026);
    }

    #[test]
    fn the_environment_reaches_into_tables() {
        for (name, setting_) in [
            ("LISTEN", "listen"),
            ("LIMITS_DEPTH", "limits.depth"),
            ("LIMITS_ROOT_FIELDS", "limits.root_fields"),
            ("RATES_PER_ADDRESS", "rates.per_address"),
            ("LIMITS", "limits"),
            ("NATS_URL", "nats_url"),
        ] {
            assert_eq!(setting(name), setting_);
        }
        let value = serde_json::to_value(Config::default()).unwrap();
        let tables: Vec<&str> =
            value.as_object().unwrap().iter().filter(|(_, value)| value.is_object()).map(|(key, _)| key.as_str()).collect();
        assert_eq!(tables, TABLES, "a new table of settings must be known to the environment");
    }

    #[test]
    fn the_demonstration_explains_itself_and_still_does_as_it_is_told() {
        let read = |flags: &Flags| Config::read(flags, Purpose::Demonstration).unwrap();
        let config = read(&Flags::default());
        assert!(config.graphiql && config.introspection);
        assert_eq!(config.suggestions, Suggestions::Everyone);
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("hub.toml");
        std::fs::write(&file, "graphiql = false\nsuggestions = \"nobody\"").unwrap();
        let config = read(&Flags { config: Some(file), ..Flags::default() });
        assert!(!config.graphiql);
        assert_eq!(config.suggestions, Suggestions::Nobody);
        let production = Config::default();
        assert!(!production.graphiql);
        assert_eq!(production.suggestions, Suggestions::SignedIn);
    }

    /// Every setting with its default, those of tables by their dotted name.
    fn settings() -> Vec<(String, serde_json::Value)> {
        let value = serde_json::to_value(Config::default()).unwrap();
        let mut settings = Vec::new();
        for (key, value) in value.as_object().unwrap() {
            match value.as_object() {
                Some(table) => settings.extend(table.iter().map(|(inner, value)| (format!("{key}.{inner}"), value.clone()))),
                None => settings.push((key.clone(), value.clone())),
            }
        }
        settings
    }

    #[test]
    fn the_reference_names_every_setting_with_its_default() {
        let reference = Config::reference();
        for (key, default) in settings() {
            let name = format!("HUB_{}", key.replace('.', "_").to_uppercase());
            let start = format!("| `{key}` | `{name}` | ");
            let row = reference.lines().find(|line| line.starts_with(&start));
            let row = row.unwrap_or_else(|| panic!("{start} is missing from configuration.md"));
            // What has no default says in words what happens.
            let default = match default {
                serde_json::Value::Null => continue,
                serde_json::Value::String(text) => text,
                other => other.to_string(),
            };
            assert!(row[start.len()..].starts_with(&format!("`{default}` |")), "the default of {key} is {default}: {row}");
        }
    }
}
