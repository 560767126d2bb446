//! GraphQL over WebSocket, by the protocol's own words.

use crate::hub::{Hub, PATIENCE, fresh, text};
use crate::sse::Events;
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

pub(crate) struct Socket(pub(crate) WebSocketStream<MaybeTlsStream<TcpStream>>);

/// The hub on a port of its own.
pub(crate) async fn served(hub: &Hub) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (api, router) = (hub.api.clone(), hub.router.clone());
    tokio::spawn(async move { api.serve(listener, router, std::future::pending()).await });
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

    /// The next message that answers no operation.
    pub(crate) async fn hear_past_answers(&mut self) -> Value {
        loop {
            let message = self.hear().await;
            if message["type"] != "next" {
                return message;
            }
        }
    }

    /// The code that the socket is closed with.
    pub(crate) async fn closed(&mut self) -> u16 {
        self.closed_because().await.0
    }

    /// The code and the reason that the socket is closed with.
    pub(crate) async fn closed_because(&mut self) -> (u16, String) {
        loop {
            match tokio::time::timeout(PATIENCE, self.0.next()).await.expect("something comes in time") {
                Some(Ok(Message::Close(Some(frame)))) => return (frame.code.into(), frame.reason.to_string()),
                Some(Ok(_)) => {}
                other => panic!("not closed in order: {other:?}"),
            }
        }
    }
}

fn subscribe(id: &str, query: &str) -> Value {
    json!({ "id": id, "type": "subscribe", "payload": { "query": query } })
}

#[tokio::test]
async fn whoever_comes_without_the_subprotocol_is_turned_away_with_4406() {
    let hub = Hub::start().await;
    let address = served(&hub).await;
    assert_eq!(Socket::open(address, &[]).await.closed().await, 4406);
}

#[tokio::test]
async fn the_greeting_comes_first_once_and_in_time() {
    let hub = Hub::with(Settings { socket_init_wait: Duration::from_millis(400), ..Settings::default() }, "http://localhost:8080", 5).await;
    let address = served(&hub).await;

    assert_eq!(Socket::graphql(address).await.closed().await, 4408);
    // Signs of life are no greeting.
    let mut socket = Socket::graphql(address).await;
    socket.send(json!({ "type": "ping" })).await;
    assert_eq!(socket.hear().await, json!({ "type": "pong" }));
    assert_eq!(socket.closed().await, 4408);

    let mut socket = Socket::graphql(address).await;
    socket.send(subscribe("1", "{ __typename }")).await;
    assert_eq!(socket.closed().await, 4401);

    for payload in [json!(null), json!({}), json!({ "anything": 1 })] {
        let mut socket = Socket::ready(address, payload).await;
        socket.send(json!({ "type": "connection_init" })).await;
        assert_eq!(socket.closed().await, 4429);
    }
}

#[tokio::test]
async fn what_does_not_hold_in_the_greeting_is_no_strangers_socket() {
    let hub = Hub::start().await;
    let address = served(&hub).await;
    for (payload, code) in [
        (json!({ "token": "hub_nonsense" }), 4403),
        (json!({ "token": "" }), 4403),
        (json!({ "token": 5 }), 4403),
        (json!({ "authorization": "Bearer hub_nonsense" }), 4403),
        (json!({ "Authorization": "Basic YTpi" }), 4403),
        (json!({ "authorization": ["hub_nonsense"] }), 4403),
        (json!("hub_nonsense"), 4400),
        (json!([]), 4400),
    ] {
        let mut socket = Socket::graphql(address).await;
        socket.send(json!({ "type": "connection_init", "payload": payload })).await;
        assert_eq!(socket.closed().await, code, "{payload}");
    }
    // A token of the past.
    let ann = hub.person(hub.organisation("a").await, "Ann").await;
    hub.identity.tokens.revoke_all_of_person(ann.id).await.unwrap();
    let mut socket = Socket::graphql(address).await;
    socket.send(json!({ "type": "connection_init", "payload": { "token": ann.token } })).await;
    assert_eq!(socket.closed().await, 4403);
}

#[tokio::test]
async fn messages_that_are_none_close_the_socket_with_4400() {
    let hub = Hub::start().await;
    let address = served(&hub).await;
    for wrong in [
        json!({ "type": "nonsense" }),
        json!({ "type": "next", "id": "1", "payload": {} }),
        json!({}),
        json!([]),
        json!(null),
        json!({ "type": "subscribe" }),
        json!({ "type": "complete" }),
        json!({ "type": "subscribe", "id": 1, "payload": { "query": "{ __typename }" } }),
        json!({ "type": "subscribe", "id": "", "payload": { "query": "{ __typename }" } }),
        json!({ "type": "subscribe", "id": "x".repeat(129), "payload": { "query": "{ __typename }" } }),
        json!({ "type": "subscribe", "id": "1", "payload": { "query": 1 } }),
        json!({ "type": "subscribe", "id": "1", "payload": { "variables": {} } }),
        json!({ "type": "subscribe", "id": "1", "payload": { "query": "{ __typename }", "variables": [] } }),
    ] {
        let mut socket = Socket::ready(address, json!({})).await;
        socket.send(wrong.clone()).await;
        let (code, reason) = socket.closed_because().await;
        assert_eq!((code, reason.starts_with("Invalid message: ")), (4400, true), "{wrong}: {reason}");
    }
    for wrong in [Message::text("{"), Message::text(""), Message::binary(vec![1, 2, 3])] {
        let mut socket = Socket::ready(address, json!({})).await;
        socket.0.send(wrong).await.unwrap();
        assert_eq!(socket.closed().await, 4400);
    }
}

#[tokio::test]
async fn operations_are_answered_and_their_ids_are_free_again() {
    let hub = Hub::start().await;
    let address = served(&hub).await;
    let mut socket = Socket::ready(address, json!({})).await;
    socket.send(json!({ "type": "ping", "payload": { "a": 1 } })).await;
    assert_eq!(socket.hear().await, json!({ "type": "pong", "payload": { "a": 1 } }));
    socket.send(json!({ "type": "pong" })).await;
    socket.send(json!({ "type": "complete", "id": "never heard of" })).await;
    for _ in 0..2 {
        socket.send(subscribe("q", "{ __typename }")).await;
        let extensions = json!({ "cost": { "requested": 1, "limit": 20_000 }, "position": "0", "lag": 0 });
        let payload = json!({ "data": { "__typename": "Query" }, "extensions": extensions });
        assert_eq!(socket.hear().await, json!({ "id": "q", "type": "next", "payload": payload }));
        assert_eq!(socket.hear().await, json!({ "id": "q", "type": "complete" }));
    }
    for (id, query, code) in [
        ("unknown", "{ nosuchfield }", "GRAPHQL_VALIDATION_FAILED"),
        ("broken", "subscription {", "GRAPHQL_PARSE_FAILED"),
        ("unsigned", "mutation { sessionEnd(input: { session: \"x\" }) { endedId } }", "UNAUTHENTICATED"),
        ("stranger", "subscription { inboxActivity { position } }", "UNAUTHENTICATED"),
        ("nowhere", "subscription { myEvents(after: \"nonsense\") { position } }", "INVALID_ARGUMENT"),
        ("future", "subscription { myEvents(after: \"123456789\") { position } }", "INVALID_ARGUMENT"),
        ("two", "subscription { one: myEvents { position } two: myEvents { position } }", "GRAPHQL_VALIDATION_FAILED"),
    ] {
        socket.send(subscribe(id, query)).await;
        let refused = loop {
            let message = socket.hear().await;
            if message["id"] == id {
                break message;
            }
        };
        let errors = if refused["type"] == "error" { &refused["payload"] } else { &refused["payload"]["errors"] };
        assert_eq!(errors[0]["extensions"]["code"], json!(code), "{refused:#}");
    }
    // The same id twice at once is the one thing that closes the socket.
    socket.send(subscribe("live", "subscription { myEvents { position } }")).await;
    socket.send(subscribe("live", "subscription { myEvents { position } }")).await;
    let (code, reason) = socket.closed_because().await;
    assert_eq!((code, reason.as_str()), (4409, "Subscriber for live already exists"));
}

#[tokio::test]
async fn one_socket_carries_so_many_operations_and_no_more() {
    let hub = Hub::with(Settings { socket_operations: 2, ..Settings::default() }, "http://localhost:8080", 5).await;
    let address = served(&hub).await;
    let mut socket = Socket::ready(address, json!({})).await;
    for id in ["1", "2", "3"] {
        socket.send(subscribe(id, "subscription { myEvents { position } }")).await;
    }
    let refused = socket.hear().await;
    assert_eq!((&refused["id"], &refused["type"]), (&json!("3"), &json!("error")));
    assert_eq!(refused["payload"][0]["extensions"]["code"], json!("RATE_LIMITED"));
    // One that completes makes room.
    socket.send(json!({ "id": "1", "type": "complete" })).await;
    socket.send(subscribe("3", "{ __typename }")).await;
    assert_eq!(socket.hear().await["type"], json!("next"));
}

#[tokio::test]
async fn a_client_that_shows_no_sign_of_life_is_given_up() {
    let settings = Settings { stream_ping: Duration::from_millis(40), ..Settings::default() };
    let hub = Hub::with(settings, "http://localhost:8080", 5).await;
    let address = served(&hub).await;
    let (mut silent, mut alive) = (Socket::ready(address, json!({})).await, Socket::ready(address, json!({})).await);
    let (mut pings, mut answered) = (0, 0);
    let gone = async {
        loop {
            match silent.0.next().await {
                Some(Ok(Message::Text(_))) => pings += 1,
                Some(Ok(_)) => {}
                Some(Err(_)) | None => break,
            }
        }
    };
    let mut gone = std::pin::pin!(tokio::time::timeout(PATIENCE, gone));
    // The other one answers meanwhile, and longer than that.
    let mut over = false;
    while !over || answered < 10 {
        tokio::select! {
            ended = &mut gone, if !over => { ended.expect("it is given up in time"); over = true; }
            message = alive.0.next() => {
                let Some(Ok(Message::Text(text))) = message else { panic!("the living one stays: {message:?}") };
                assert_eq!(serde_json::from_str::<Value>(text.as_str()).unwrap(), json!({ "type": "ping" }));
                alive.send(json!({ "type": "pong" })).await;
                answered += 1;
            }
        }
    }
    assert_eq!(pings, 3);
}

#[tokio::test]
async fn when_the_hub_stops_sockets_are_closed_and_streams_broken_off() {
    let hub = Hub::start().await;
    let address = served(&hub).await;
    let ann = hub.person(hub.organisation("a").await, "Ann").await;
    let mut sockets = [Socket::ready(address, json!({})).await, Socket::ready(address, json!({ "token": ann.token })).await];
    for socket in &mut sockets {
        socket.send(subscribe("1", "subscription { myEvents(after: \"0\") { position } }")).await;
        assert_eq!(socket.hear().await["type"], json!("next"));
    }
    let all = "subscription { myEvents(after: \"0\") { position } }";
    let mut events = Events::open(&hub.router, Some(&ann.token), all, json!({})).await.unwrap();
    events.field("myEvents").await;
    hub.api.close_streams();
    for mut socket in sockets {
        assert_eq!(socket.closed().await, 1001);
    }
    // A client that was told the end would not come again.
    assert_eq!(events.is_broken_off().await, Ok(()));
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
