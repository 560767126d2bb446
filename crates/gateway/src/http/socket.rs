//! GraphQL over WebSocket: graphql-transport-ws
//! (<https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md>).

use super::ask::Ask;
use super::negotiation::Media;
use super::problem::Problem;
use crate::api::{Api, Way, coded};
use crate::caller::Caller;
use crate::graphql::limits;
use crate::streaming::Streamed;
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
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::time::Duration;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_stream::StreamMap;

/// The subprotocol.
const PROTOCOL: &str = "graphql-transport-ws";
/// The longest id of an operation that is taken, in bytes.
const LONGEST_ID: usize = 128;
/// How long a client may take to take note of the end.
const CLOSE_WAIT: Duration = Duration::from_secs(1);
/// Bytes that are made ready for reading; longer messages make more. Ten thousand sockets that say nothing shall not cost a gigabyte.
const READ_BUFFER: usize = 4 * 1024;
/// The longest reason of a close frame, in bytes (RFC 6455, 5.5).
const LONGEST_REASON: usize = 123;
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
    /// The client reads too slowly. It is told the last position of each operation, as far as there is room, to go on from.
    fn too_slow(positions: &BTreeMap<String, u64>) -> Self {
        let mut reason = "Too slow. Go on after".to_owned();
        for (id, position) in positions {
            let next = format!(" {id}={position}");
            if reason.len() + next.len() <= LONGEST_REASON {
                reason.push_str(&next);
            }
        }
        // “Try again later”, which clients do by themselves.
        Self(1013, reason)
    }
}

fn short(mut reason: String) -> String {
    let mut end = reason.len().min(LONGEST_REASON);
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
    // Messages are written as they come, so nothing is gained by gathering them.
    let upgrade = upgrade.protocols([PROTOCOL]).read_buffer_size(READ_BUFFER).write_buffer_size(0);
    upgrade.max_message_size(most).max_frame_size(most).on_upgrade(move |socket| async move {
        let wait = api.settings().write_wait;
        if socket.protocol().is_none_or(|protocol| protocol != PROTOCOL) {
            return close(socket, Close::protocol(), wait).await;
        }
        let operations = StreamMap::new();
        Connection { api, caller, own, acknowledged: false, operations, positions: BTreeMap::new() }.serve(socket).await;
    })
}

async fn close(mut socket: WebSocket, Close(code, reason): Close, wait: Duration) {
    let frame = CloseFrame { code, reason: reason.into() };
    // Whoever has gone already need not be told.
    let _sent = timeout(wait, socket.send(Message::Close(Some(frame)))).await;
    // The client's own close frame ends the connection in order.
    let _closed = timeout(CLOSE_WAIT, async { while let Some(Ok(_)) = socket.recv().await {} }).await;
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
    /// An answer, and the position that it shows.
    Next(Box<Executed>, Option<u64>),
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
    /// The last position of each operation that was sent.
    positions: BTreeMap<String, u64>,
}

impl Connection {
    async fn serve(mut self, mut socket: WebSocket) {
        let (ping, wait) = (self.api.settings().stream_ping, self.api.settings().stream_send_wait);
        let close_wait = self.api.settings().write_wait;
        let init = Instant::now() + self.api.settings().socket_init_wait;
        let (mut unanswered, mut next_ping) = (0, Instant::now() + ping);
        let mut ended = self.ended();
        loop {
            let step = tokio::select! {
                // In this order, for when the hub stops every operation ends too: the client shall connect again, and not take it
                // that they are complete.
                biased;
                () = &mut ended => ControlFlow::Break(self.why_ended()),
                () = sleep_until(init), if !self.acknowledged => ControlFlow::Break(Close::init_timeout()),
                () = sleep_until(next_ping), if self.acknowledged => {
                    next_ping = Instant::now() + ping;
                    if unanswered == MISSED_PINGS { return }
                    unanswered += 1;
                    ControlFlow::Continue(Some(written(&json!({ "type": "ping" }))))
                }
                message = socket.recv() => {
                    let Some(Ok(message)) = message else { return };
                    unanswered = 0;
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
                    let sent = tokio::select! {
                        biased;
                        () = &mut ended => return close(socket, self.why_ended(), close_wait).await,
                        sent = timeout(wait, socket.send(Message::text(message))) => sent,
                    };
                    match sent {
                        Ok(Ok(())) => {}
                        Ok(Err(_)) => return,
                        // Nothing more is read for the client while it is given the time to take note.
                        Err(_) => {
                            self.operations.clear();
                            return close(socket, Close::too_slow(&self.positions), close_wait).await;
                        }
                    }
                }
                ControlFlow::Break(reason) => return close(socket, reason, close_wait).await,
            }
        }
    }

    fn why_ended(&self) -> Close {
        if self.caller.is_signed_in() && !self.api.is_closing() { Close::unauthorized() } else { Close::going_away() }
    }

    /// Resolves when whoever the socket belongs to may no longer have it.
    fn ended(&self) -> futures::future::BoxFuture<'static, ()> {
        let (api, watched) = (self.api.clone(), self.api.watch(self.caller.credential.as_ref()));
        async move { api.ended(&watched).await }.boxed()
    }

    fn tell(&mut self, id: &str, yielded: Yield) -> String {
        match yielded {
            Yield::Next(response, position) => {
                if let Some(position) = position {
                    self.positions.insert(id.to_owned(), position);
                }
                written(&Next { id, kind: "next", payload: &response })
            }
            Yield::Refused(errors) => {
                self.forget(id);
                written(&json!({ "id": id, "type": "error", "payload": errors }))
            }
            Yield::Complete => {
                self.forget(id);
                written(&json!({ "id": id, "type": "complete" }))
            }
        }
    }

    fn forget(&mut self, id: &str) {
        self.operations.remove(id);
        self.positions.remove(id);
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
                self.forget(&id);
                ControlFlow::Continue(None)
            }
        }
    }

    async fn initialise(&mut self, payload: Option<Value>) -> ControlFlow<Close, Option<String>> {
        if self.acknowledged {
            return ControlFlow::Break(Close::too_many());
        }
        let presented = match payload.as_ref().map_or(Ok(None), presented) {
            Ok(presented) => presented,
            Err(reason) => return ControlFlow::Break(reason),
        };
        if let Some(token) = presented {
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
            self.api.admit_operation(&self.caller).err().map(|problem| problem.message)
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
            Ok(Streamed { responses, place, .. }) => {
                let answers = responses.map(move |response| Yield::Next(Box::new(response), place.get()));
                answers.chain(futures::stream::once(async { Yield::Complete })).boxed()
            }
            Err(refused) => futures::stream::once(async { Yield::Refused(refused.errors) }).boxed(),
        }
    }
    .flatten_stream()
    .boxed()
}

/// The API token in the payload of `connection_init`: `{"token": "hub_…"}`, or `{"authorization": "Bearer hub_…"}`. One who means to
/// present something and does it wrongly is not taken for a stranger.
fn presented(payload: &Value) -> Result<Option<&str>, Close> {
    let fields = match payload {
        Value::Null => return Ok(None),
        Value::Object(fields) => fields,
        _ => return Err(Close::invalid("the payload of connection_init must be an object")),
    };
    let field = |name: &str| match fields.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(value)) => Ok(Some(value.as_str())),
        Some(_) => Err(Close::forbidden()),
    };
    if let Some(token) = field("token")? {
        return Ok(Some(token));
    }
    let value = if let Some(value) = field("authorization")? { Some(value) } else { field("Authorization")? };
    Ok(value.map(|value| match value.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
        _ => value,
    }))
}
