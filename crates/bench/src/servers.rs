//! The programs that are measured: the hub, and `PostGraphile` on the same database.

use std::{net::TcpListener, path::Path, process::Stdio, time::Duration};

use anyhow::{Context, bail};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, ChildStdin, Command},
    time::Instant,
};
use url::Url;

use crate::process::Tree;

/// How long a server may take to start.
const PATIENCE: Duration = Duration::from_mins(1);

/// A server, for as long as this is held.
pub(crate) struct Server {
    /// Where it takes GraphQL.
    pub(crate) url: Url,
    /// It and what it started.
    pub(crate) tree: Tree,
    _child: Child,
    /// Its end tells `PostGraphile`'s processes to end.
    _stdin: Option<ChildStdin>,
    _folder: Option<TempDir>,
}

/// What keeps a caller from asking as fast as the hub can answer. It is counted as in production, and never runs out.
const BOUNDLESS: [(&str, &str); 3] =
    [("HUB_RATES_PER_PERSON", "1000000"), ("HUB_BUDGETS_PERSON_CAPACITY", "1000000000"), ("HUB_BUDGETS_PERSON_RESTORE", "1000000000")];

/// `hub serve`, set as in production: on this database, with everything else left as it is.
pub(crate) async fn hub(program: &Path, database: &str, key: &str) -> anyhow::Result<Server> {
    let folder = tempfile::tempdir()?;
    let log = folder.path().join("log");
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let mut command = Command::new(program);
    command.arg("serve").env("HUB_LISTEN", format!("127.0.0.1:{port}")).env("HUB_DATABASE_URL", database).env("HUB_MASTER_KEY", key);
    command.envs(BOUNDLESS).env("HUB_DATA_DIR", folder.path()).kill_on_drop(true).stdin(Stdio::null());
    let file = std::fs::File::create(&log)?;
    command.stdout(file.try_clone()?).stderr(file);
    let mut child = command.spawn().with_context(|| format!("{} cannot be started", program.display()))?;
    let deadline = Instant::now() + PATIENCE;
    while !ready(port).await {
        if child.try_wait()?.is_some() || Instant::now() > deadline {
            bail!("the hub did not start:\n{}", std::fs::read_to_string(&log)?);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let tree = Tree::of(child.id().context("the hub has ended")?);
    let url = Url::parse(&format!("http://127.0.0.1:{port}/graphql"))?;
    Ok(Server { url, tree, _child: child, _stdin: None, _folder: Some(folder) })
}

/// Whether it says that it is ready.
async fn ready(port: u16) -> bool {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let asked = async {
        let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", port)).await?;
        stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        std::io::Result::Ok(answer)
    };
    asked.await.is_ok_and(|answer| answer.starts_with("HTTP/1.1 200"))
}

/// `PostGraphile`, from the folder in which its packages were installed.
pub(crate) async fn postgraphile(folder: &Path, database: &str) -> anyhow::Result<Server> {
    let node = folder.join("node_modules/node/bin/node");
    let mut command = Command::new(&node);
    command.arg("server.mjs").current_dir(folder).env("DATABASE_URL", database);
    command.env("NODE_ENV", "production").env("GRAPHILE_ENV", "production");
    command.kill_on_drop(true).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().with_context(|| format!("{} cannot be started; is PostGraphile installed?", node.display()))?;
    let tree = Tree::of(child.id().context("PostGraphile has ended")?);
    let stdin = child.stdin.take();
    let mut lines = BufReader::new(child.stdout.take().context("its output is piped")?).lines();
    let first = tokio::time::timeout(PATIENCE, lines.next_line()).await.context("PostGraphile did not start")??;
    let url = Url::parse(&first.context("PostGraphile ended before it listened")?)?;
    Ok(Server { url, tree, _child: child, _stdin: stdin, _folder: None })
}
