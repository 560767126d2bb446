//! A reader who does not keep up costs little, misses nothing, and is told where to go on when it takes too long.

use crate::hub::{Hub, PATIENCE, Place, Someone, fresh, text};
use crate::sockets::{Socket, served};
use discussions::thread;
use futures::{SinkExt, StreamExt};
use gateway::Settings;
use gateway::graphql::GlobalId;
use kernel::{PostId, Role, StreamId, ThreadId};
use serde_json::{Value, json};
use services::HubCommand;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use uuid::Uuid;

/// So much is written that no socket's buffers hold it: 12 MB.
const REPLIES: usize = 200;
const BODY: usize = 60_000;
const FOLLOW: &str =
    "subscription ($thread: ID!, $after: String) { threadActivity(thread: $thread, after: $after) { position post { body } } }";

struct Scene {
    hub: Hub,
    address: SocketAddr,
    ann: Someone,
    place: Place,
    thread: ThreadId,
}

impl Scene {
    async fn set(settings: Settings) -> Self {
        let hub = Hub::with(Settings { stream_kept: 16, ..settings }, "http://localhost:8080", 10).await;
        let address = served(&hub).await;
        let a = hub.organisation("a").await;
        let ann = hub.person(a, "Ann").await;
        let place = hub.place(&ann, "testing").await;
        let (thread, _) = hub.thread(&ann, &place, "Long").await;
        let Ok(GlobalId::Thread(thread)) = GlobalId::decode(&thread.into()) else { panic!("no thread") };
        Self { hub, address, ann, place, thread }
    }

    fn variables(&self, after: u64) -> Value {
        json!({ "thread": GlobalId::Thread(self.thread).encode().0, "after": after.to_string() })
    }

    /// Waits until the reader is told what happens as it happens.
    async fn joined(&self) {
        self.until(|hub| hub.api.backend().live.figures().joined == 1).await;
    }

    async fn until(&self, is_so: impl Fn(&Hub) -> bool) {
        let so = async {
            while !is_so(&self.hub) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let live = &self.hub.api.backend().live;
        tokio::time::timeout(PATIENCE, so).await.unwrap_or_else(|_| panic!("it is so in time: {live:?} {:?}", live.counted()));
    }

    async fn write(&self) {
        let actor = self.ann.actor().with(Role::Member(self.place.community));
        for number in 0..REPLIES {
            let post = PostId(Uuid::parse_str(&fresh()).unwrap());
            let body = format!("{number} {}", "x".repeat(BODY));
            let reply = thread::Command::Reply { post, to: None, author: self.ann.id, body, source: None };
            self.hub.try_send(actor.clone(), self.thread, HubCommand::Thread(reply)).await.unwrap();
        }
    }

    /// Where everything stands that happened to the thread, in order.
    async fn positions(&self) -> Vec<u64> {
        let stream = StreamId::of::<thread::Thread>(self.thread);
        let last = self.hub.log.load(&stream).await.unwrap().pop().unwrap();
        self.hub.log.await_sequenced(last.id, PATIENCE).await.unwrap().expect("the sequencer runs");
        self.hub.log.load(&stream).await.unwrap().iter().map(|recorded| recorded.seq).collect()
    }

    /// A connection whose own buffer is small.
    async fn connection(&self) -> TcpStream {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(64 * 1024).unwrap();
        socket.connect(self.address).await.unwrap()
    }

    /// What is kept for a reader is no more than was promised.
    fn is_bounded(&self) {
        let live = &self.hub.api.backend().live;
        let (figures, counted) = (live.figures(), live.counted());
        assert!(figures.most_waiting <= 64, "{figures:?}");
        assert!(figures.kept <= 16 && figures.kept_bytes <= 16 * (BODY + 2_000), "{figures:?}");
        assert!(counted.most_held <= BODY + 64 * 1024, "{counted:?}");
    }
}

/// A stream of events over a socket of its own, read by hand.
struct Raw {
    stream: TcpStream,
    text: String,
}

impl Raw {
    async fn open(scene: &Scene, after: u64) -> Self {
        let mut stream = scene.connection().await;
        let body = json!({ "query": FOLLOW, "variables": scene.variables(after) }).to_string();
        // Without chunks, as HTTP/1.0 has it: the events are all that follows the head.
        let head = format!(
            "POST /graphql/stream HTTP/1.0\r\nhost: localhost\r\naccept: text/event-stream\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all((head + &body).as_bytes()).await.unwrap();
        Self { stream, text: String::new() }
    }

    /// Reads on, until there are so many events or the stream ends; yields their positions, and the last event that shows none.
    async fn read(&mut self, most: usize) -> (Vec<u64>, Option<Value>) {
        tokio::time::timeout(PATIENCE * 2, self.read_all(most)).await.expect("everything comes in time")
    }

    async fn read_all(&mut self, most: usize) -> (Vec<u64>, Option<Value>) {
        let (mut positions, mut last) = (Vec::new(), None);
        let mut bytes = vec![0; 256 * 1024];
        loop {
            while let Some((event, rest)) = self.text.split_once("\n\n") {
                if let Some(data) = event.lines().find_map(|line| line.strip_prefix("data: ")) {
                    let answer: Value = serde_json::from_str(data).unwrap();
                    match answer["data"]["threadActivity"]["position"].as_str() {
                        Some(position) => positions.push(position.parse().unwrap()),
                        None => last = Some(answer),
                    }
                }
                self.text = String::from(rest);
            }
            if positions.len() >= most {
                return (positions, last);
            }
            match self.stream.read(&mut bytes).await {
                Ok(0) | Err(_) => return (positions, last),
                Ok(count) => self.text.push_str(std::str::from_utf8(&bytes[..count]).unwrap()),
            }
        }
    }
}

#[tokio::test]
async fn a_slow_reader_reads_on_at_its_own_pace_and_misses_nothing() {
    let scene = Scene::set(Settings { stream_send_wait: PATIENCE, write_wait: PATIENCE, ..Settings::default() }).await;
    let mut raw = Raw::open(&scene, 0).await;
    scene.joined().await;
    scene.write().await;
    scene.until(|hub| hub.api.backend().live.counted().overrun > 0).await;
    scene.is_bounded();
    let expected = scene.positions().await;
    let (seen, other) = raw.read(expected.len()).await;
    assert_eq!((seen, other), (expected, None));
    scene.is_bounded();
    let counted = scene.hub.api.backend().live.counted();
    assert!(counted.fell_behind > 0 && counted.read_batches > 0, "{counted:?}");
    // Now that it keeps up, it is told what happens as it happens.
    scene.joined().await;
    drop(raw);
    scene.until(|hub| hub.api.backend().live.figures().subscribers == 0).await;
}

#[tokio::test]
async fn a_reader_who_takes_nothing_any_more_is_let_go_and_goes_on_from_where_it_was() {
    let patience = Duration::from_millis(300);
    let scene = Scene::set(Settings { stream_send_wait: PATIENCE, write_wait: patience, ..Settings::default() }).await;
    let mut raw = Raw::open(&scene, 0).await;
    scene.joined().await;
    scene.write().await;
    scene.until(|hub| hub.api.backend().live.figures().subscribers == 0).await;
    let expected = scene.positions().await;
    let (mut seen, other) = raw.read(usize::MAX).await;
    assert_eq!(other, None);
    assert!(!seen.is_empty() && seen.len() < expected.len(), "{} of {}", seen.len(), expected.len());
    let mut raw = Raw::open(&scene, *seen.last().unwrap()).await;
    let (rest, other) = raw.read(expected.len() - seen.len()).await;
    seen.extend(rest);
    assert_eq!((seen, other), (expected, None));
}

#[tokio::test]
async fn a_socket_that_is_too_slow_is_closed_and_told_where_to_go_on() {
    let wait = Duration::from_millis(300);
    let scene = Scene::set(Settings { stream_send_wait: wait, write_wait: PATIENCE, ..Settings::default() }).await;
    let mut request = format!("ws://{}/graphql/ws", scene.address).into_client_request().unwrap();
    request.headers_mut().insert("sec-websocket-protocol", http::HeaderValue::from_static("graphql-transport-ws"));
    let (mut socket, _) = client_async(request, scene.connection().await).await.unwrap();
    let subscribe =
        |after| json!({ "id": "one", "type": "subscribe", "payload": { "query": FOLLOW, "variables": scene.variables(after) } });
    for message in [json!({ "type": "connection_init" }), subscribe(0)] {
        socket.send(Message::text(message.to_string())).await.unwrap();
    }
    scene.joined().await;
    scene.write().await;
    scene.until(|hub| hub.api.backend().live.figures().subscribers == 0).await;
    scene.is_bounded();

    let expected = scene.positions().await;
    let mut seen: Vec<u64> = Vec::new();
    let reason = loop {
        match tokio::time::timeout(PATIENCE, socket.next()).await.expect("something comes in time") {
            Some(Ok(Message::Text(message))) => {
                let message: Value = serde_json::from_str(message.as_str()).unwrap();
                if message["type"] == "next" {
                    seen.push(text(&message["payload"]["data"]["threadActivity"]["position"]).parse().unwrap());
                }
            }
            Some(Ok(Message::Close(Some(frame)))) => {
                assert_eq!(u16::from(frame.code), 1013);
                break frame.reason.to_string();
            }
            other => panic!("not closed in order: {other:?}"),
        }
    };
    assert_eq!(reason, format!("Too slow. Go on after one={}", seen.last().unwrap()));
    assert!(seen.len() < expected.len());

    let mut socket = Socket::ready(scene.address, json!({})).await;
    socket.send(subscribe(*seen.last().unwrap())).await;
    while seen.len() < expected.len() {
        let message = socket.hear().await;
        seen.push(text(&message["payload"]["data"]["threadActivity"]["position"]).parse().unwrap());
    }
    assert_eq!(seen, expected);
}
