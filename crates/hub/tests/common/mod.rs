//! A hub as people run it: the program itself, on the embedded database or on PostgreSQL and JetStream.

#![allow(clippy::unwrap_used, reason = "in a test a surprise ends the test")]
#![allow(dead_code, reason = "each test program uses its own part")]

use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};
use store::testing::{Database, database};
use tempfile::TempDir;

/// The longest that anything is waited for. No test is about time: this only ends a test that would hang.
pub(crate) const PATIENCE: Duration = Duration::from_mins(2);

#[allow(clippy::large_enum_variant, reason = "there are a handful of them")]
/// What a hub stands on, and keeps between starts.
pub(crate) enum Ground {
    /// The embedded database.
    Embedded(TempDir),
    /// PostgreSQL and a nats-server with JetStream.
    Servers { data: TempDir, database: Database, nats: Nats },
}

impl Ground {
    pub(crate) fn embedded() -> Self {
        Self::Embedded(tempfile::tempdir().unwrap())
    }

    pub(crate) async fn servers() -> Self {
        let data = tempfile::tempdir().unwrap();
        std::fs::write(data.path().join("key"), "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n").unwrap();
        Self::Servers { data, database: database().await, nats: Nats::start() }
    }

    pub(crate) fn data(&self) -> &Path {
        match self {
            Self::Embedded(data) | Self::Servers { data, .. } => data.path(),
        }
    }

    /// The program with this ground under it.
    pub(crate) fn hub(&self, arguments: &[&str]) -> Command {
        let mut command = hub(arguments);
        command.env("HUB_DATA_DIR", self.data());
        if let Self::Servers { data, database, nats } = self {
            command.env("HUB_DATABASE_URL", database.url()).env("HUB_NATS_URL", nats.url());
            command.env("HUB_MASTER_KEY_FILE", data.path().join("key"));
        }
        command
    }

    /// Runs an administration command to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.hub(arguments).output().unwrap()
    }

    /// Runs an administration command that must succeed, and returns what it printed.
    pub(crate) fn succeed(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "hub {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Starts the demonstration.
    pub(crate) fn demo(&self) -> Running {
        self.demo_with(|_| ())
    }

    /// Starts the demonstration with something set otherwise.
    pub(crate) fn demo_with(&self, set: impl FnOnce(&mut Command)) -> Running {
        let mut command = self.hub(&["demo", "--json", "--listen", "127.0.0.1:0"]);
        set(&mut command);
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::from(std::fs::OpenOptions::new().create(true).append(true).open(self.data().join("log")).unwrap()))
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let announced = serde_json::from_str(&line).unwrap_or_else(|error| {
            let log = std::fs::read_to_string(self.data().join("log")).unwrap_or_default();
            let _ = child.kill();
            panic!("the hub announced “{line}” ({error}); its log ends: {}", log.lines().rev().take(20).collect::<Vec<_>>().join("\n"))
        });
        Running { child, announced, log: self.data().join("log") }
    }
}

/// The program, with nothing of the caller's settings.
pub(crate) fn hub(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hub"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("HUB_")) {
        command.env_remove(name);
    }
    command.args(arguments);
    command
}

/// A running demonstration.
pub(crate) struct Running {
    pub(crate) child: Child,
    pub(crate) announced: Value,
    log: PathBuf,
}

impl Running {
    pub(crate) fn url(&self) -> &str {
        self.announced["url"].as_str().unwrap()
    }

    pub(crate) fn graphql(&self) -> &str {
        self.announced["graphql"].as_str().unwrap()
    }

    /// The token of the nth person (four of the first department, then four of the second).
    pub(crate) fn token(&self, nth: usize) -> &str {
        self.announced["people"][nth]["token"].as_str().unwrap()
    }

    /// As this person, or as a stranger.
    pub(crate) async fn ask(&self, token: Option<&str>, query: &str, variables: Value) -> Value {
        let (status, body) = self.try_ask(token, query, variables).await.expect("the hub answers");
        assert_eq!(status, 200, "{body}");
        assert_eq!(body.get("errors"), None, "{body}");
        body["data"].clone()
    }

    pub(crate) async fn try_ask(&self, token: Option<&str>, query: &str, variables: Value) -> Result<(u16, Value), reqwest::Error> {
        let mut request = client().post(self.graphql()).json(&json!({ "query": query, "variables": variables }));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let response = request.header("Accept", "application/graphql-response+json").send().await?;
        Ok((response.status().as_u16(), response.json().await?))
    }

    /// Ends it as a power cut would.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to stop, and waits until it has.
    pub(crate) fn stop(mut self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        let status = wait(&mut self.child);
        assert!(status.success(), "the hub ended with {status}");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = std::fs::read_to_string(&self.log).unwrap_or_default();
            eprintln!("the hub's log ended:\n{}", log.lines().rev().take(40).collect::<Vec<_>>().join("\n"));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn wait(child: &mut Child) -> std::process::ExitStatus {
    let began = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        assert!(began.elapsed() < PATIENCE, "the hub does not stop");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[allow(clippy::disallowed_methods, reason = "a test speaks to the hub on loopback as any client would")]
pub(crate) fn client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().unwrap()
}

/// A nats-server of the test's own, with a folder of its own.
pub(crate) struct Nats {
    child: Child,
    port: u16,
    _folder: TempDir,
}

impl Nats {
    pub(crate) fn start() -> Self {
        let program = std::env::var_os("HUB_TEST_NATS_SERVER").map_or_else(|| PathBuf::from("nats-server"), PathBuf::from);
        let folder = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let child = Command::new(&program)
            .args(["--jetstream", "--addr", "127.0.0.1", "--port", &port.to_string(), "--store_dir"])
            .arg(folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("{} does not start ({error}); `cargo xtask test` installs it", program.display()));
        let began = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(began.elapsed() < PATIENCE, "nats-server does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        Self { child, port, _folder: folder }
    }

    pub(crate) fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
