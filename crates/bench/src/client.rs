//! A client that asks as fast as it is answered, over so many connections at once that stay open. It has a thread of its
//! own, and does little more than to count bytes: its own cost is told beside the servers'.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinSet,
};
use url::Url;

use crate::report::percentile;

/// An address and what it is asked, over and over.
#[derive(Clone)]
pub(crate) struct Target {
    address: SocketAddr,
    /// Whole HTTP requests. They take turns, so that no one person asks too often.
    requests: std::sync::Arc<Vec<Vec<u8>>>,
}

/// What came of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    /// Answers in the time that was measured.
    pub(crate) answers: u32,
    /// Milliseconds that half of the answers took at most.
    pub(crate) p50: f64,
    /// Milliseconds that all but one in a hundred took at most.
    pub(crate) p99: f64,
}

impl Target {
    /// The same document, asked by nobody in particular or by each of these API tokens in turn.
    pub(crate) fn new(url: &Url, document: &str, tokens: &[String]) -> anyhow::Result<Self> {
        let address = url.socket_addrs(|| None)?.into_iter().next().context("an address of a server")?;
        let body = serde_json::json!({ "query": document }).to_string();
        let request = |token: Option<&String>| {
            let authorization = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
            let (path, length) = (url.path(), body.len());
            format!(
                "POST {path} HTTP/1.1\r\nHost: {address}\r\nAccept: application/graphql-response+json\r\nContent-Type: application/json\r\n\
                 {authorization}Content-Length: {length}\r\n\r\n{body}"
            )
            .into_bytes()
        };
        let requests = if tokens.is_empty() { vec![request(None)] } else { tokens.iter().map(|token| request(Some(token))).collect() };
        Ok(Self { address, requests: requests.into() })
    }

    /// Asks once and gives the answer's data.
    pub(crate) async fn once(&self) -> anyhow::Result<Value> {
        let mut connection = Connection::open(self.address).await?;
        let body = connection.ask(&self.requests[0]).await?;
        let mut answer: Value = serde_json::from_slice(body)?;
        Ok(answer["data"].take())
    }

    /// Milliseconds of each of so many answers, one after the other.
    pub(crate) async fn times(&self, count: u32) -> anyhow::Result<Vec<f64>> {
        let mut connection = Connection::open(self.address).await?;
        let mut times = Vec::new();
        for number in 0..count as usize {
            let start = Instant::now();
            connection.ask(&self.requests[number % self.requests.len()]).await?;
            times.push(milliseconds(start));
        }
        Ok(times)
    }

    /// Asks over so many connections from now on; what is answered between the two moments counts.
    pub(crate) async fn load(&self, connections: usize, from: Instant, until: Instant) -> anyhow::Result<Load> {
        let target = self.clone();
        tokio::task::spawn_blocking(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(target.run(connections, from, until))
        })
        .await?
    }

    async fn run(self, connections: usize, from: Instant, until: Instant) -> anyhow::Result<Load> {
        let mut tasks = JoinSet::new();
        for first in 0..connections {
            let target = self.clone();
            tasks.spawn(async move {
                let mut connection = Connection::open(target.address).await?;
                let mut times = Vec::new();
                // Connections do not begin with the same request.
                for number in first * target.requests.len() / connections.max(1).. {
                    let start = Instant::now();
                    if start >= until {
                        break;
                    }
                    connection.ask(&target.requests[number % target.requests.len()]).await?;
                    if start >= from && Instant::now() <= until {
                        times.push(milliseconds(start));
                    }
                }
                anyhow::Ok(times)
            });
        }
        let mut times = Vec::new();
        while let Some(some) = tasks.join_next().await {
            times.extend(some??);
        }
        times.sort_by(f64::total_cmp);
        let answers = u32::try_from(times.len())?;
        Ok(Load { answers, p50: percentile(&times, 0.5), p99: percentile(&times, 0.99) })
    }
}

fn milliseconds(start: Instant) -> f64 {
    start.elapsed().as_secs_f64() * 1000.0
}

/// A connection that stays open.
struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// How long an answer may take before the measurement gives up.
const PATIENCE: Duration = Duration::from_mins(1);

impl Connection {
    async fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await.context("a server that is measured does not answer")?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(64 * 1024) })
    }

    /// Sends a request and reads its answer to the end. An answer that is not wholly good is none to be counted.
    async fn ask(&mut self, request: &[u8]) -> anyhow::Result<&[u8]> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        let whole = tokio::time::timeout(PATIENCE, self.read()).await.context("an answer did not come within a minute")??;
        let body = &self.buffer[whole.body..];
        if whole.status != 200 || !body.starts_with(br#"{"data":{"#) {
            bail!("a server that is measured answered {}: {}", whole.status, String::from_utf8_lossy(&body[..body.len().min(500)]));
        }
        Ok(body)
    }

    async fn read(&mut self) -> anyhow::Result<Head> {
        let mut head = None;
        loop {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                bail!("a server that is measured closed a connection");
            }
            if head.is_none() {
                head = Head::find(&self.buffer)?;
            }
            if let Some(head) = head
                && self.buffer.len() >= head.body + head.length
            {
                return Ok(head);
            }
        }
    }
}

/// What is told before a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Head {
    status: u16,
    /// Where the body begins.
    body: usize,
    length: usize,
}

impl Head {
    /// The head, if all of it is there.
    fn find(bytes: &[u8]) -> anyhow::Result<Option<Self>> {
        let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { return Ok(None) };
        let text = std::str::from_utf8(&bytes[..end])?;
        let mut lines = text.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).context("an answer without a status")?;
        let length = lines.find_map(|line| {
            let (name, value) = line.split_once(':')?;
            if name.eq_ignore_ascii_case("content-length") { value.trim().parse().ok() } else { None }
        });
        let length = length.context("an answer that does not say how long it is")?;
        Ok(Some(Self { status, body: end + 4, length }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_once_it_is_whole() {
        let answer = b"HTTP/1.1 200 OK\r\ncontent-type: a\r\nContent-Length: 7\r\n\r\n{\"data\"";
        assert_eq!(Head::find(answer).unwrap(), Some(Head { status: 200, body: answer.len() - 7, length: 7 }));
        assert_eq!(Head::find(&answer[..50]).unwrap(), None);
        assert!(Head::find(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
    }
}
