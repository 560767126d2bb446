//! Ten thousand who follow the same things at one gateway: what each costs in memory, and how long an event takes to reach all.
//!
//! The hub is a process of its own, so that its memory and its processor time can be told from the clients', who are all in this
//! process: one connection each over loopback, each with an API token of its own, following server-sent events.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use anyhow::{Context, bail, ensure};
use communities::community::{self, MemberKind};
use futures::{StreamExt, TryStreamExt, stream};
use kernel::{Actor, PersonId, ProviderId};
use organisations::person::{self, TokenScope};
use serde_json::{Value, json};
use services::HubCommand;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::mpsc,
    time::timeout,
};
use uuid::Uuid;

use crate::{
    arguments::Arguments,
    database::{self, Database},
    population,
    report::{Row, median, percentile},
    servers::{self, Server},
    world::{World, fresh},
};

/// The longest that anything is waited for; it only ends a run that would hang.
const PATIENCE: Duration = Duration::from_mins(2);
/// How many are made ready at once.
const AT_ONCE: usize = 64;
/// Between one event's arrival at all and the next one's sending.
const REST: Duration = Duration::from_millis(300);

const THREAD: &str = "subscription ($thread: ID!, $after: String) { threadActivity(thread: $thread, after: $after) { \
                      position kind post { html author { name } } } }";
const EVERYTHING: &str = "subscription ($after: String) { myEvents(after: $after) { __typename position actor { name } } }";
const REPLY: &str = "mutation ($input: ThreadReplyInput!) { threadReply(input: $input) { userErrors { message } } }";

pub(crate) async fn measure(arguments: &Arguments) -> anyhow::Result<Vec<Row>> {
    let (count, rounds) = if arguments.quick { (2_000, 5) } else { (10_000, 20) };
    raise_the_limit_of_files(count)?;
    let key = database::random_key();
    let database = database::sealed_by(&arguments.database, "bench_subscribers", 16, &key).await?;
    let world = World::found(&database.log).await?;
    let hub = Hub::of(servers::hub(&arguments.hub, &database.url, &key).await?)?;
    let scene = Scene::set(hub, &world, &database, count).await?;
    let mut rows = Vec::new();
    for (what, query) in [("its thread", THREAD), ("everything", EVERYTHING)] {
        rows.extend(scene.follow(what, query, rounds).await?);
    }
    Ok(rows)
}

/// Each connection is an open file, in this process and in the hub's, which inherits the limit.
fn raise_the_limit_of_files(connections: usize) -> anyhow::Result<()> {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let needed = connections as u64 + 1_000;
    let mut limit = getrlimit(Resource::Nofile);
    if let Some(most) = limit.maximum
        && most < needed
    {
        bail!("this process may open {most} files and needs {needed}; raise the hard limit (ulimit -Hn)");
    }
    if limit.current.is_some_and(|current| current < needed) {
        limit.current = Some(needed);
        setrlimit(Resource::Nofile, limit).context("the limit of open files cannot be raised")?;
    }
    Ok(())
}

/// The hub at work, and where it listens.
struct Hub {
    server: Server,
    address: SocketAddr,
}

impl Hub {
    fn of(server: Server) -> anyhow::Result<Self> {
        let port = server.url.port().context("the hub listens on a port")?;
        Ok(Self { server, address: SocketAddr::from(([127, 0, 0, 1], port)) })
    }

    /// Resident memory in kilobytes.
    fn resident(&self) -> anyhow::Result<f64> {
        Ok(self.server.tree.memory()?.resident * 1024.0)
    }

    /// Processor time so far, in milliseconds.
    fn cpu(&self) -> anyhow::Result<f64> {
        Ok(self.server.tree.seconds()? * 1000.0)
    }

    /// Asks the API.
    async fn ask(&self, token: &str, query: &str, variables: Value) -> anyhow::Result<Value> {
        let (status, body) = request(self.address, &post("/graphql", "application/json", token, query, &variables)).await?;
        let answer: Value = serde_json::from_str(&body).with_context(|| format!("the hub answers {status} {body}"))?;
        ensure!(answer.get("errors").is_none(), "the hub answers {answer}");
        Ok(answer["data"].clone())
    }
}

/// A request in HTTP/1.0, so that what follows the head of the answer is the body and nothing else.
fn post(path: &str, accept: &str, token: &str, query: &str, variables: &Value) -> String {
    let body = json!({ "query": query, "variables": variables }).to_string();
    format!(
        "POST {path} HTTP/1.0\r\nhost: localhost\r\naccept: {accept}\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Sends a request; yields the status and the body.
async fn request(address: SocketAddr, text: &str) -> anyhow::Result<(u16, String)> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(text.as_bytes()).await?;
    let mut answer = String::new();
    timeout(PATIENCE, stream.read_to_string(&mut answer)).await.context("the hub does not answer in time")??;
    let (head, body) = answer.split_once("\r\n\r\n").context("the hub's answer is no HTTP")?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).context("the hub's answer has no status")?;
    Ok((status, body.to_owned()))
}

/// A thread, someone who writes in it, and those who follow.
struct Scene {
    hub: Hub,
    thread: String,
    writer: String,
    followers: Vec<String>,
}

impl Scene {
    async fn set(hub: Hub, world: &World, database: &Database, count: usize) -> anyhow::Result<Self> {
        let (writer, writers_token) = newcomer(world, database).await?;
        let join = community::Command::Join { person: writer, organisation: world.organisation, kind: MemberKind::Member, team: None };
        world.send(&Actor::person(writer, world.organisation), world.community.0, HubCommand::Community(join)).await?;
        let thread = world.open_thread().await?;
        let newcomers = stream::iter(0..count).map(|_| newcomer(world, database)).buffer_unordered(AT_ONCE);
        let followers: Vec<String> = newcomers.map_ok(|(_, token)| token).try_collect().await?;
        let thread = gateway_id(thread);
        let scene = Self { hub, thread, writer: writers_token, followers };
        let seen = async {
            loop {
                let query = "query ($id: ID!) { node(id: $id) { id } hub { lag } viewer { person { id } } }";
                let answer = scene.hub.ask(&scene.writer, query, json!({ "id": scene.thread })).await?;
                if !answer["node"].is_null() && answer["hub"]["lag"] == 0 {
                    return anyhow::Ok(());
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        timeout(PATIENCE, seen).await.context("the views are not drawn in time")??;
        Ok(scene)
    }

    /// Lets everyone follow, and sends one event after the other.
    async fn follow(&self, what: &str, query: &'static str, rounds: usize) -> anyhow::Result<Vec<Row>> {
        let count = self.followers.len();
        let position = self.hub.ask(&self.writer, "{ hub { position } }", json!({})).await?["hub"]["position"].clone();
        let before = self.hub.resident()?;
        let (heard, mut hearing) = mpsc::unbounded_channel();
        let variables = json!({ "thread": self.thread, "after": position });
        let connecting = stream::iter(self.followers.clone()).map(|token| {
            let request = post("/graphql/stream", "text/event-stream", &token, query, &variables);
            Listener::open(self.hub.address, request, heard.clone())
        });
        let listeners: Vec<Listener> = connecting.buffer_unordered(AT_ONCE).try_collect().await?;
        // The first one finds them all, and makes what is made once.
        self.round(&mut hearing, count).await?;
        tokio::time::sleep(REST).await;
        let with = self.hub.resident()?;
        let (cpu, mut all, mut lasts) = (self.hub.cpu()?, Vec::new(), Vec::new());
        for _ in 0..rounds {
            let mut arrivals = self.round(&mut hearing, count).await?;
            arrivals.sort_by(f64::total_cmp);
            lasts.extend(arrivals.last().copied());
            all.extend(arrivals);
            tokio::time::sleep(REST).await;
        }
        #[allow(clippy::cast_precision_loss, reason = "these are small numbers")]
        let (each, events) = (count as f64, rounds as f64);
        let cpu = (self.hub.cpu()? - cpu) / events;
        let after = self.hub.resident()?;
        drop(listeners);
        all.sort_by(f64::total_cmp);
        let row = |what: String, hub: String| Row { what, hub, control: "–".to_owned(), ratio: None, aim: "–" };
        Ok(vec![
            row(
                format!("resident memory of the hub for each of {count} who follow {what}"),
                format!(
                    "{:.1} kB ({:.0} MB before, {:.0} MB with them, {:.0} MB after {} events)",
                    (with - before) / each,
                    before / 1024.0,
                    with / 1024.0,
                    after / 1024.0,
                    rounds + 1
                ),
            ),
            row(
                format!("reply sent → received by all {count} who follow {what}"),
                format!(
                    "p50 {:.0} ms, p99 {:.0} ms, the last one {:.0} ms (median of {rounds})",
                    percentile(&all, 0.5),
                    percentile(&all, 0.99),
                    median(lasts)
                ),
            ),
            row(
                format!("processor time of the hub for one event to {count} who follow {what}"),
                format!("{cpu:.0} ms, {:.0} µs each", cpu * 1000.0 / each),
            ),
        ])
    }

    /// Sends a reply; yields after how many milliseconds it reached each.
    async fn round(&self, hearing: &mut mpsc::UnboundedReceiver<Instant>, count: usize) -> anyhow::Result<Vec<f64>> {
        let body = "We do it *this* way, and it has served us well for years.".repeat(3);
        let input = json!({ "commandId": fresh(), "thread": self.thread, "body": body });
        let sent = Instant::now();
        let replied = self.hub.ask(&self.writer, REPLY, json!({ "input": input }));
        let received = async {
            let mut arrivals = Vec::with_capacity(count);
            while arrivals.len() < count {
                let at = hearing.recv().await.context("everyone has left")?;
                arrivals.push(at.duration_since(sent).as_secs_f64() * 1000.0);
            }
            Ok(arrivals)
        };
        let (replied, arrivals) = tokio::join!(replied, timeout(PATIENCE, received));
        let replied = replied?;
        ensure!(replied["threadReply"]["userErrors"] == json!([]), "a reply was refused: {replied}");
        arrivals.context("not everyone received the event in time")?
    }
}

/// Someone who signs in, with an API token.
async fn newcomer(world: &World, database: &Database) -> anyhow::Result<(PersonId, String)> {
    let id = PersonId(fresh());
    let identity = person::Identity {
        provider: ProviderId(world.organisation.0),
        issuer: "https://idp.example".to_owned(),
        subject: id.to_string().into(),
    };
    let command = person::Command::Join { organisation: world.organisation, identity, name: "A follower".to_owned(), email: None };
    world.send(&Actor::system("sign-in"), id.0, HubCommand::Person(command)).await?;
    Ok((id, population::token(database, id, world.organisation, TokenScope::Write).await?))
}

/// The id of a thread as the API gives it.
fn gateway_id(thread: Uuid) -> String {
    gateway::graphql::GlobalId::Thread(thread.into()).encode().0
}

/// One who listens, until dropped.
struct Listener(tokio::task::JoinHandle<()>);

impl Drop for Listener {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Listener {
    /// Connects, and returns when the hub has answered.
    async fn open(address: SocketAddr, request: String, heard: mpsc::UnboundedSender<Instant>) -> anyhow::Result<Self> {
        let mut stream = TcpStream::connect(address).await.context("the hub takes no more connections")?;
        stream.write_all(request.as_bytes()).await?;
        let mut bytes = vec![0; 4 * 1024];
        let mut begun = Vec::new();
        while !begun.windows(4).any(|end| end == b"\r\n\r\n") {
            let count = timeout(PATIENCE, stream.read(&mut bytes)).await.context("the hub does not answer in time")??;
            ensure!(count > 0, "the hub closes the connection");
            begun.extend_from_slice(&bytes[..count]);
        }
        ensure!(begun.starts_with(b"HTTP/1.0 200") || begun.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&begun));
        Ok(Self(tokio::spawn(async move {
            const MARK: &[u8] = b"event: next";
            let mut rest: Vec<u8> = begun;
            while let Ok(count) = stream.read(&mut bytes).await {
                if count == 0 {
                    return;
                }
                let now = Instant::now();
                rest.extend_from_slice(&bytes[..count]);
                for _ in rest.windows(MARK.len()).filter(|part| *part == MARK) {
                    if heard.send(now).is_err() {
                        return;
                    }
                }
                // A mark may be cut by the end of what was read.
                rest.drain(..rest.len().saturating_sub(MARK.len() - 1));
            }
        })))
    }
}
