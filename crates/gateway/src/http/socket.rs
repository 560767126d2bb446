//! GraphQL over WebSocket: graphql-transport-ws
//! (<https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md>).

use super::ask::Ask;
use super::negotiation::Media;
use super::problem::Problem;
use crate::api::{Api, Way, coded};
use crate::caller::Caller;
use crate::graphql::limits;
use async_graphql::Response as Executed;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::extract::{FromRequestParts, Request, State};
use axum::response::Response;
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt};
use identity::Credential;
use identity::authentication::authenticate_token;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::ops::ControlFlow;
use std::time::Duration;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_stream::StreamMap;

/// The subprotocol.
const PROTOCOL: &str = "graphql-transport-ws";
/// The longest id of an operation that is taken, in bytes.
const LONGEST_ID: usize = 128;
/// How long a client may take to accept a message before it is given up.
const SEND_WAIT: Duration = Duration::from_secs(10);
/// Pings without a sign of life after which a client is given up.
const MISSED_PINGS: u32 = 3;

/// Why a socket is closed, by the protocol's codes.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Close(u16, String);

impl Close {
    fn invalid(what: &str) -> Self {
        Self(4400, short(format!("Invalid message: {what}")))
    }
    fn unauthorized() -> Self {
        Self(4401, "Unauthorized".to_owned())
    }
    fn forbidden() -> Self {
        Self(4403, "Forbidden".to_owned())
    }
    fn protocol() -> Self {
        Self(4406, "Subprotocol not acceptable".to_owned())
    }
    fn init_timeout() -> Self {
        Self(4408, "Connection initialisation timeout".to_owned())
    }
    fn exists(id: &str) -> Self {
        Self(4409, short(format!("Subscriber for {id} already exists")))
    }
    fn too_many() -> Self {
        Self(4429, "Too many initialisation requests".to_owned())
    }
    fn going_away() -> Self {
        Self(1001, "The hub is going away. Connect again shortly.".to_owned())
    }
    fn internal() -> Self {
        Self(4500, "The hub made a mistake.".to_owned())
    }
}

/// A close frame takes 123 bytes of reason.
fn short(mut reason: String) -> String {
    let mut end = reason.len().min(120);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    reason.truncate(end);
    reason
}

/// Opens a socket.
pub async fn answer(State(api): State<Api>, request: Request) -> Response {
    let (mut parts, _body) = request.into_parts();
    let caller =
        match api.caller(&parts).await.map_err(|error| Problem::from(&error)).and_then(|caller| api.admit(&caller).map(|()| caller)) {
            Ok(caller) => caller,
            Err(problem) => return problem.respond(Media::Json),
        };
    let own = api.backend().identity.site.is_same_origin(&parts.headers);
    let Ok(upgrade) = WebSocketUpgrade::from_request_parts(&mut parts, &api).await else {
        let message = "This address takes WebSockets only, with the subprotocol graphql-transport-ws.";
        return Problem::new(http::StatusCode::UPGRADE_REQUIRED, "UPGRADE_REQUIRED", message)
            .with(http::header::UPGRADE, "websocket")
            .with(http::header::CONNECTION, "Upgrade")
            .respond(Media::Json);
    };
    let most = api.settings().body_bytes;
    upgrade.protocols([PROTOCOL]).max_message_size(most).max_frame_size(most).on_upgrade(move |socket| async move {
        if socket.protocol().is_none_or(|protocol| protocol != PROTOCOL) {
            return close(socket, Close::protocol()).await;
        }
        Connection { api, caller, own, acknowledged: false, operations: StreamMap::new() }.serve(socket).await;
    })
}

async fn close(mut socket: WebSocket, Close(code, reason): Close) {
    let frame = CloseFrame { code, reason: reason.into() };
    // Whoever has gone already need not be told.
    let _sent = timeout(SEND_WAIT, socket.send(Message::Close(Some(frame)))).await;
    // The client's own close frame ends the connection in order.
    let _closed = timeout(Duration::from_secs(1), async { while let Some(Ok(_)) = socket.recv().await {} }).await;
}

/// A message of the client.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Incoming {
    ConnectionInit { payload: Option<Value> },
    Ping { payload: Option<Value> },
    Pong {},
    Subscribe { id: String, payload: Value },
    Complete { id: String },
}

/// An answer to an operation. It is written as it is, for the fields of the data stand in the order that they were asked in.
#[derive(Serialize)]
struct Next<'a> {
    id: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    payload: &'a Executed,
}

/// A message as text.
fn written(message: &impl Serialize) -> String {
    serde_json::to_string(message).expect("messages are plain data and serialise")
}

/// What an operation yields: an answer, or that there will be no more.
enum Yield {
    Next(Executed),
    Refused(Vec<async_graphql::ServerError>),
    Complete,
}

struct Connection {
    api: Api,
    caller: Caller,
    /// Whether the page that opened the socket is the hub's own.
    own: bool,
    acknowledged: bool,
    operations: StreamMap<String, BoxStream<'static, Yield>>,
}

impl Connection {
    async fn serve(mut self, mut socket: WebSocket) {
        let ping = self.api.settings().stream_ping;
        let init = Instant::now() + self.api.settings().socket_init_wait;
        let (mut heard, mut next_ping) = (Instant::now(), Instant::now() + ping);
        let mut ended = self.ended();
        loop {
            let step = tokio::select! {
                () = &mut ended => {
                    ControlFlow::Break(if self.caller.is_signed_in() && !self.api.is_closing() { Close::unauthorized() } else { Close::going_away() })
                }
                () = sleep_until(init), if !self.acknowledged => ControlFlow::Break(Close::init_timeout()),
                () = sleep_until(next_ping), if self.acknowledged => {
                    next_ping = Instant::now() + ping;
                    if heard.elapsed() > ping * MISSED_PINGS { return }
                    ControlFlow::Continue(Some(written(&json!({ "type": "ping" }))))
                }
                message = socket.recv() => {
                    let Some(Ok(message)) = message else { return };
                    heard = Instant::now();
                    let was = self.acknowledged;
                    let step = match message {
                        Message::Text(text) => self.hear(text.as_str()).await,
                        Message::Binary(_) => ControlFlow::Break(Close::invalid("binary messages are not taken")),
                        Message::Ping(_) | Message::Pong(_) => ControlFlow::Continue(None),
                        Message::Close(_) => return,
                    };
                    if self.acknowledged != was { ended = self.ended(); }
                    step
                }
                Some((id, yielded)) = self.operations.next(), if !self.operations.is_empty() => ControlFlow::Continue(Some(self.tell(&id, yielded))),
            };
            match step {
                ControlFlow::Continue(None) => {}
                ControlFlow::Continue(Some(message)) => {
                    if !matches!(timeout(SEND_WAIT, socket.send(Message::text(message))).await, Ok(Ok(()))) {
                        return;
                    }
                }
                ControlFlow::Break(reason) => return close(socket, reason).await,
            }
        }
    }

    /// Resolves when whoever the socket belongs to may no longer have it.
    fn ended(&self) -> futures::future::BoxFuture<'static, ()> {
        let (api, credential) = (self.api.clone(), self.caller.credential.clone());
        async move { api.ended(credential.as_ref()).await }.boxed()
    }

    fn tell(&mut self, id: &str, yielded: Yield) -> String {
        match yielded {
            Yield::Next(response) => written(&Next { id, kind: "next", payload: &response }),
            Yield::Refused(errors) => {
                self.operations.remove(id);
                written(&json!({ "id": id, "type": "error", "payload": errors }))
            }
            Yield::Complete => {
                self.operations.remove(id);
                written(&json!({ "id": id, "type": "complete" }))
            }
        }
    }

    /// Takes a message; yields what to send back at once, or why to close.
    async fn hear(&mut self, text: &str) -> ControlFlow<Close, Option<String>> {
        if let Err(unfit) = limits::scan_json(text.as_bytes(), &self.api.settings().limits) {
            return ControlFlow::Break(Close::invalid(&unfit.message));
        }
        let incoming: Incoming = match serde_json::from_str(text) {
            Ok(incoming) => incoming,
            Err(error) => return ControlFlow::Break(Close::invalid(&error.to_string())),
        };
        match incoming {
            Incoming::ConnectionInit { payload } => self.initialise(payload).await,
            Incoming::Ping { payload } => ControlFlow::Continue(Some(written(&match payload {
                Some(payload) => json!({ "type": "pong", "payload": payload }),
                None => json!({ "type": "pong" }),
            }))),
            Incoming::Pong {} => ControlFlow::Continue(None),
            Incoming::Subscribe { id, payload } => self.subscribe(id, payload),
            Incoming::Complete { id } => {
                // It may have completed by itself just before.
                self.operations.remove(&id);
                ControlFlow::Continue(None)
            }
        }
    }

    async fn initialise(&mut self, payload: Option<Value>) -> ControlFlow<Close, Option<String>> {
        if self.acknowledged {
            return ControlFlow::Break(Close::too_many());
        }
        if let Some(token) = payload.as_ref().and_then(presented) {
            match authenticate_token(&self.api.backend().identity.tokens, token).await {
                Ok(token) => self.caller.credential = Some(Credential::Token(token)),
                Err(identity::AuthError::Unavailable(error)) => {
                    tracing::warn!(%error, "a socket's token cannot be checked");
                    return ControlFlow::Break(Close::internal());
                }
                Err(_) => return ControlFlow::Break(Close::forbidden()),
            }
        } else if matches!(self.caller.credential, Some(Credential::Session(_))) && !self.own {
            // Browsers send cookies with sockets that foreign pages open.
            return ControlFlow::Break(Close::forbidden());
        }
        self.acknowledged = true;
        ControlFlow::Continue(Some(written(&json!({ "type": "connection_ack" }))))
    }

    fn subscribe(&mut self, id: String, payload: Value) -> ControlFlow<Close, Option<String>> {
        if !self.acknowledged {
            return ControlFlow::Break(Close::unauthorized());
        }
        if id.is_empty() || id.len() > LONGEST_ID {
            return ControlFlow::Break(Close::invalid("the id must have 1 to 128 bytes"));
        }
        if self.operations.contains_key(&id) {
            return ControlFlow::Break(Close::exists(&id));
        }
        let ask = match Ask::from_json(payload) {
            Ok(ask) => ask,
            Err(problem) => return ControlFlow::Break(Close::invalid(&problem.message)),
        };
        let refused = if self.operations.len() >= self.api.settings().socket_operations {
            Some(format!("One socket carries at most {} operations at once. Complete one first.", self.api.settings().socket_operations))
        } else {
            self.api.admit(&self.caller).err().map(|problem| problem.message)
        };
        if let Some(message) = refused {
            return ControlFlow::Continue(Some(written(
                &json!({ "id": id, "type": "error", "payload": [coded("RATE_LIMITED", message)] }),
            )));
        }
        self.operations.insert(id, run(self.api.clone(), self.caller.clone(), ask));
        ControlFlow::Continue(None)
    }
}

/// An operation's answers, with its end.
fn run(api: Api, caller: Caller, ask: Ask) -> BoxStream<'static, Yield> {
    async move {
        match api.stream(&caller, ask, Way::All).await {
            Ok(responses) => responses.map(Yield::Next).chain(futures::stream::once(async { Yield::Complete })).boxed(),
            Err(refused) => futures::stream::once(async { Yield::Refused(refused.errors) }).boxed(),
        }
    }
    .flatten_stream()
    .boxed()
}

/// The API token in the payload of `connection_init`: `{"token": "hub_…"}`, or `{"authorization": "Bearer hub_…"}`.
fn presented(payload: &Value) -> Option<&str> {
    let field = |name: &str| payload.get(name).and_then(Value::as_str);
    field("token").or_else(|| {
        let value = field("authorization").or_else(|| field("Authorization"))?;
        Some(value.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map_or(value, |(_, token)| token.trim()))
    })
}
