//! GraphQL over WebSocket, by the protocol's own words.

use crate::hub::{Hub, PATIENCE, fresh, text};
use futures::{SinkExt, StreamExt};
use gateway::Settings;
use http::HeaderValue;
use organisations::person::GrantedRole;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

const FOLLOW: &str = "subscription ($thread: ID!) { threadActivity(thread: $thread, after: \"0\") { kind post { body } } }";

pub(crate) struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

/// The hub on a port of its own.
pub(crate) async fn served(hub: &Hub) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = hub.router.clone().into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

impl Socket {
    pub(crate) async fn open(address: SocketAddr, headers: &[(&'static str, &str)]) -> Self {
        let mut request = format!("ws://{address}/graphql/ws").into_client_request().unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(*name, HeaderValue::from_str(value).unwrap());
        }
        Self(connect_async(request).await.unwrap().0)
    }

    pub(crate) async fn graphql(address: SocketAddr) -> Self {
        Self::open(address, &[("sec-websocket-protocol", "graphql-transport-ws")]).await
    }

    pub(crate) async fn ready(address: SocketAddr, payload: Value) -> Self {
        let mut socket = Self::graphql(address).await;
        socket.send(json!({ "type": "connection_init", "payload": payload })).await;
        assert_eq!(socket.hear().await, json!({ "type": "connection_ack" }));
        socket
    }

    pub(crate) async fn send(&mut self, message: Value) {
        self.0.send(Message::text(message.to_string())).await.unwrap();
    }

    /// The next message, pings passed over.
    pub(crate) async fn hear(&mut self) -> Value {
        loop {
            match tokio::time::timeout(PATIENCE, self.0.next()).await.expect("something comes in time") {
                Some(Ok(Message::Text(text))) => {
                    let message: Value = serde_json::from_str(text.as_str()).unwrap();
                    if message["type"] != "ping" {
                        return message;
                    }
                }
                other => panic!("no message: {other:?}"),
            }
        }
    }

    /// The code that the socket is closed with.
    pub(crate) async fn closed(&mut self) -> u16 {
        loop {
            match tokio::time::timeout(PATIENCE, self.0.next()).await.expect("something comes in time") {
                Some(Ok(Message::Close(Some(frame)))) => return frame.code.into(),
                Some(Ok(_)) => {}
                other => panic!("not closed in order: {other:?}"),
            }
        }
    }
}

#[tokio::test]
async fn the_protocol_is_kept_and_its_breaches_have_their_codes() {
    let hub = Hub::with(Settings { socket_init_wait: Duration::from_millis(400), ..Settings::default() }, "http://localhost:8080", 5).await;
    let address = served(&hub).await;
    let type_name = json!({ "query": "{ __typename }" });

    assert_eq!(Socket::open(address, &[]).await.closed().await, 4406);
    assert_eq!(Socket::graphql(address).await.closed().await, 4408);

    let mut socket = Socket::graphql(address).await;
    socket.send(json!({ "id": "1", "type": "subscribe", "payload": type_name })).await;
    assert_eq!(socket.closed().await, 4401);

    for wrong in [
        json!({ "type": "nonsense" }),
        json!([]),
        json!({ "type": "subscribe" }),
        json!({ "type": "subscribe", "id": "1", "payload": { "query": 1 } }),
    ] {
        let mut socket = Socket::ready(address, json!({})).await;
        socket.send(wrong.clone()).await;
        assert_eq!(socket.closed().await, 4400, "{wrong}");
    }
    let mut socket = Socket::ready(address, json!({})).await;
    socket.0.send(Message::text("{")).await.unwrap();
    assert_eq!(socket.closed().await, 4400);
    let mut socket = Socket::ready(address, json!({})).await;
    socket.0.send(Message::binary(vec![1, 2, 3])).await.unwrap();
    assert_eq!(socket.closed().await, 4400);

    let mut socket = Socket::ready(address, json!({})).await;
    socket.send(json!({ "type": "connection_init" })).await;
    assert_eq!(socket.closed().await, 4429);

    let mut socket = Socket::graphql(address).await;
    socket.send(json!({ "type": "connection_init", "payload": { "token": "hub_nonsense" } })).await;
    assert_eq!(socket.closed().await, 4403);

    let mut socket = Socket::ready(address, json!({})).await;
    socket.send(json!({ "type": "ping", "payload": { "a": 1 } })).await;
    assert_eq!(socket.hear().await, json!({ "type": "pong", "payload": { "a": 1 } }));
    socket.send(json!({ "id": "q", "type": "subscribe", "payload": type_name })).await;
    let extensions = json!({ "cost": { "requested": 1, "limit": 20_000 }, "position": "0", "lag": 0 });
    let payload = json!({ "data": { "__typename": "Query" }, "extensions": extensions });
    assert_eq!(socket.hear().await, json!({ "id": "q", "type": "next", "payload": payload }));
    assert_eq!(socket.hear().await, json!({ "id": "q", "type": "complete" }));
    // The id is free again.
    socket.send(json!({ "id": "q", "type": "subscribe", "payload": { "query": "{ nosuchfield }" } })).await;
    let refused = socket.hear().await;
    let errors = if refused["type"] == "error" { &refused["payload"] } else { &refused["payload"]["errors"] };
    assert!(errors[0]["message"].is_string(), "{refused:#}");
    socket.send(json!({ "id": "m", "type": "subscribe", "payload": { "query": "mutation { sessionEnd(input: { session: \"x\" }) { endedId } }" } })).await;
    let mut refused = socket.hear().await;
    while refused["id"] != "m" {
        refused = socket.hear().await;
    }
    assert_eq!((&refused["type"], &refused["payload"][0]["extensions"]["code"]), (&json!("error"), &json!("UNAUTHENTICATED")));
}

#[tokio::test]
async fn a_socket_follows_threads_until_it_completes_or_its_person_is_suspended() {
    let hub = Hub::start().await;
    let address = served(&hub).await;
    let (a, b) = (hub.organisation("a").await, hub.organisation("b").await);
    let (ann, bob) = (hub.person(a, "Ann").await, hub.person(b, "Bob").await);
    hub.grant(&ann, GrantedRole::Steward).await;
    let place = hub.place(&ann, "testing").await;
    hub.join(&bob, &place).await;
    let (thread, _) = hub.thread(&ann, &place, "Hello").await;

    let mut socket = Socket::ready(address, json!({ "authorization": format!("Bearer {}", bob.token) })).await;
    let subscribe = |id: &str| json!({ "id": id, "type": "subscribe", "payload": { "query": FOLLOW, "variables": { "thread": thread } } });
    socket.send(subscribe("1")).await;
    assert_eq!(socket.hear().await["payload"]["data"]["threadActivity"]["kind"], json!("OPENED"));
    let mut twice = Socket::ready(address, json!({ "token": bob.token })).await;
    twice.send(subscribe("1")).await;
    twice.hear().await;
    twice.send(subscribe("1")).await;
    assert_eq!(twice.closed().await, 4409);

    hub.reply(&ann, &thread, "One.").await;
    assert_eq!(socket.hear().await["payload"]["data"]["threadActivity"]["post"]["body"], json!("One."));
    socket.send(json!({ "id": "1", "type": "complete" })).await;
    socket.send(subscribe("2")).await;
    assert_eq!(socket.hear().await["id"], json!("2"));

    let document = "mutation ($input: PersonSuspendInput!) { personSuspend(input: $input) { userErrors { code } } }";
    let answer =
        hub.ask(Some(&ann.token), document, json!({ "input": { "commandId": fresh(), "person": bob.global(), "reason": "Test" } })).await;
    assert_eq!(answer.data()["personSuspend"]["userErrors"], json!([]));
    assert_eq!(socket.closed().await, 4401);
}

#[tokio::test]
async fn a_foreign_page_gets_no_socket_with_our_cookie() {
    let hub = Hub::start().await;
    let address = served(&hub).await;
    let a = hub.organisation("a").await;
    let ann = hub.person(a, "Ann").await;
    let opened = hub.session(&ann).await;
    let with = |origin: &'static str| {
        let cookie = opened.cookie.pair().to_owned();
        async move {
            Socket::open(address, &[("sec-websocket-protocol", "graphql-transport-ws"), ("cookie", &cookie), ("origin", origin)]).await
        }
    };
    let mut foreign = with("https://evil.example").await;
    foreign.send(json!({ "type": "connection_init" })).await;
    assert_eq!(foreign.closed().await, 4403);
    let mut own = with("http://localhost:8080").await;
    own.send(json!({ "type": "connection_init" })).await;
    assert_eq!(own.hear().await["type"], json!("connection_ack"));
    own.send(json!({ "id": "1", "type": "subscribe", "payload": { "query": "{ viewer { person { name } } }" } })).await;
    assert_eq!(text(&own.hear().await["payload"]["data"]["viewer"]["person"]["name"]), "Ann");
    assert_eq!(own.hear().await["type"], json!("complete"));
    // Signing out elsewhere ends the socket too.
    assert!(hub.identity.sessions.end(ann.id, opened.session.id).await.unwrap());
    assert_eq!(own.closed().await, 4401);
}
