//! Configuration: one TOML file, then the environment, then flags, each overriding the one before.
//! A key that nobody knows is an error, so that a misspelt setting never passes unnoticed.

use anyhow::{Context, bail};
use figment::Figment;
use figment::providers::{Env, Format, Serialized, Toml};
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
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
    /// Whether the GraphQL schema may be asked about itself.
    pub(crate) introspection: bool,
    /// Whether the query page is served at `/graphiql`.
    pub(crate) graphiql: bool,
    /// A folder with GraphiQL's own files, to serve GraphiQL there instead of the hub's plain query page.
    pub(crate) graphiql_files: Option<PathBuf>,
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

impl Default for Config {
    fn default() -> Self {
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
            graphiql: true,
            graphiql_files: None,
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

/// Names in the environment that begin with `HUB_` but are no settings of the hub's.
const NOT_SETTINGS: [&str; 3] = ["config", "test_database_url", "test_nats_server"];

impl Config {
    /// Reads file, environment and flags.
    ///
    /// # Errors
    /// A setting is unknown or malformed; the message names it and where it came from.
    pub(crate) fn read(flags: &Flags) -> anyhow::Result<Self> {
        let mut figment = Figment::from(Serialized::defaults(Self::default()));
        let file = flags.config.clone().or_else(|| std::env::var_os("HUB_CONFIG").map(PathBuf::from));
        if let Some(file) = &file {
            if !file.is_file() {
                bail!("There is no configuration file {}. Create it, or leave --config and HUB_CONFIG out.", file.display());
            }
            figment = figment.merge(Toml::file_exact(file));
        }
        let environment = Env::prefixed("HUB_").filter(|key| !NOT_SETTINGS.iter().any(|name| key == name));
        figment = figment.merge(environment).merge(Serialized::defaults(flags));
        let config: Self = figment.extract().map_err(|error| {
            let keys: Vec<String> = error.path.clone();
            let source = error.metadata.as_ref().map_or_else(|| "the configuration".to_owned(), |m| m.name.to_string());
            anyhow::anyhow!(
                "The setting {} from {source} is wrong: {}. `hub reference configuration` lists every setting.",
                if keys.is_empty() { "(unnamed)".to_owned() } else { keys.join(".") },
                error.kind
            )
        })?;
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
        if self.database_connections == 0 {
            bail!("The setting database_connections is 0: give at least 2.");
        }
        Ok(())
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
        Config::read(&Flags { config: Some(file), ..Flags::default() })
    }

    #[test]
    fn flags_override_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("hub.toml");
        std::fs::write(&file, "listen = \"127.0.0.1:9000\"\nlog_filter = \"debug\"").unwrap();
        let flags = Flags { config: Some(file), listen: Some(SocketAddr::from(([127, 0, 0, 1], 9001))), ..Flags::default() };
        let config = Config::read(&flags).unwrap();
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
    fn the_reference_names_every_setting() {
        let value = serde_json::to_value(Config::default()).unwrap();
        for key in value.as_object().unwrap().keys() {
            assert!(Config::reference().contains(&format!("`{key}`")), "{key} is missing from configuration.md");
        }
    }
}
