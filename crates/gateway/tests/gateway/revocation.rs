//! What ends the right to a stream ends the stream: sockets are closed with 4401, streams of events are completed.

use crate::hub::{Hub, Someone, fresh, text};
use crate::sockets::{Socket, served};
use crate::sse::Events;
use gateway::{Api, Settings};
use http::{HeaderValue, Method, Request, StatusCode};
use identity::Opened;
use kernel::{Actor, Clock, OrganisationId, ProviderId, SystemClock, TokenId};
use organisations::person::{GrantedRole, TokenScope};
use organisations::{organisation, person};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use services::HubCommand;
use std::net::SocketAddr;
use uuid::Uuid;

const ALL: &str = "subscription { myEvents(after: \"0\") { position } }";

/// A socket and a stream of events that are open, by the same session or token.
struct Open {
    what: &'static str,
    socket: Socket,
    events: Events,
}

/// What a stream is opened with.
enum With<'a> {
    Token(&'a str),
    Session(&'a Opened),
}

impl Open {
    async fn new(hub: &Hub, address: SocketAddr, what: &'static str, with: With<'_>) -> Self {
        let subscribe = json!({ "id": "1", "type": "subscribe", "payload": { "query": ALL } });
        let (mut socket, mut events) = match with {
            With::Token(token) => (
                Socket::ready(address, json!({ "token": token })).await,
                Events::open(&hub.router, Some(token), ALL, json!({})).await.unwrap(),
            ),
            With::Session(opened) => {
                let cookie = opened.cookie.pair();
                let headers = [("sec-websocket-protocol", "graphql-transport-ws"), ("cookie", cookie), ("origin", "http://localhost:8080")];
                let mut socket = Socket::open(address, &headers).await;
                socket.send(json!({ "type": "connection_init" })).await;
                assert_eq!(socket.hear().await["type"], "connection_ack");
                (socket, Events::with(&hub.router, &[("cookie", cookie), ("hub-request", "1")], ALL, json!({})).await.unwrap())
            }
        };
        socket.send(subscribe).await;
        assert_eq!(socket.hear().await["type"], "next", "{what}");
        assert_eq!(events.next().await.unwrap().0, "next", "{what}");
        Self { what, socket, events }
    }

    async fn ends(mut self) {
        assert_eq!(self.socket.closed().await, 4401, "{}", self.what);
        loop {
            let (name, data) = self.events.next().await.expect("its end is told");
            if name == "complete" {
                break;
            }
            assert!(!data.contains("errors"), "{}: {data}", self.what);
        }
        assert!(self.events.next().await.is_none(), "{}", self.what);
    }
}

async fn ask(hub: &Hub, by: &Someone, document: &str, input: Value) {
    let answer = hub.ask(Some(&by.token), document, json!({ "input": input })).await;
    let payload = answer.data().as_object().unwrap().values().next().unwrap();
    assert_eq!(payload["userErrors"], json!([]), "{document}");
}

#[tokio::test]
async fn every_way_in_which_the_right_to_a_stream_ends_ends_it() {
    let hub = Hub::start().await;
    let address = served(&hub).await;
    let (a, b, c) = (hub.organisation("a").await, hub.organisation("b").await, hub.organisation("c").await);
    let ann = hub.person(a, "Ann").await;
    hub.grant(&ann, GrantedRole::Steward).await;
    let provider = provider(&hub, b).await;
    let other = provider_of(&hub, b, "Another").await;
    let person = |name: &'static str, organisation| hub.person(organisation, name);

    // A session that its owner ends elsewhere, and all of a person's.
    let bob = person("Bob", b).await;
    let (one, two) = (hub.session(&bob).await, hub.session(&bob).await);
    let ended = Open::new(&hub, address, "the session is ended", With::Session(&one)).await;
    let mut stays = Open::new(&hub, address, "another session of the same person", With::Session(&two)).await;
    assert!(hub.identity.sessions.end(bob.id, one.session.id).await.unwrap());
    ended.ends().await;
    // Only that one was ended.
    stays.socket.send(json!({ "type": "ping" })).await;
    assert_eq!(stays.socket.hear_past_answers().await["type"], "pong");
    hub.identity.sessions.end_all_of_person(bob.id).await.unwrap();
    stays.ends().await;

    // Signing out in the browser.
    let opened = hub.session(&bob).await;
    let open = Open::new(&hub, address, "signing out", With::Session(&opened)).await;
    let token = hub.identity.sessions.form_token(&opened.session);
    let sign_out = Request::builder()
        .method(Method::POST)
        .uri("/sign-out")
        .header("cookie", HeaderValue::from_str(opened.cookie.pair()).unwrap())
        .header("content-type", "application/x-www-form-urlencoded")
        .body(url::form_urlencoded::Serializer::new(String::new()).append_pair("form_token", &token).finish().into())
        .unwrap();
    assert_eq!(hub.call(sign_out).await.status, StatusCode::SEE_OTHER);
    open.ends().await;

    // A token that its owner revokes through the API.
    let issue =
        "mutation ($input: ApiTokenIssueInput!) { apiTokenIssue(input: $input) { secret apiToken { id } userErrors { code message } } }";
    let expires = SystemClock.now() + chrono::TimeDelta::days(1);
    let input = json!({ "commandId": fresh(), "name": "test", "scope": "READ", "expiresAt": expires.to_rfc3339() });
    let issued = hub.ask(Some(&bob.token), issue, json!({ "input": input })).await;
    let issued = &issued.data()["apiTokenIssue"];
    assert_eq!(issued["userErrors"], json!([]));
    let open = Open::new(&hub, address, "the token is revoked", With::Token(&text(&issued["secret"]))).await;
    let revoke = "mutation ($input: ApiTokenRevokeInput!) { apiTokenRevoke(input: $input) { userErrors { code message } } }";
    ask(&hub, &bob, revoke, json!({ "commandId": fresh(), "apiToken": issued["apiToken"]["id"] })).await;
    open.ends().await;

    // A token that runs out.
    let soon = SystemClock.now() + chrono::TimeDelta::seconds(3);
    let short = TokenId(Uuid::parse_str(&fresh()).unwrap());
    let secret = hub.identity.tokens.issue(short, bob.id, b, "short", TokenScope::Read, soon).await.unwrap();
    Open::new(&hub, address, "the token has run out", With::Token(secret.expose_secret())).await.ends().await;

    // A person who is suspended, and one who is erased.
    let (cat, dan) = (person("Cat", b).await, person("Dan", b).await);
    let session = hub.session(&cat).await;
    let by_session = Open::new(&hub, address, "the person is suspended: session", With::Session(&session)).await;
    let by_token = Open::new(&hub, address, "the person is suspended: token", With::Token(&cat.token)).await;
    let suspend = "mutation ($input: PersonSuspendInput!) { personSuspend(input: $input) { userErrors { code message } } }";
    ask(&hub, &ann, suspend, json!({ "commandId": fresh(), "person": cat.global(), "reason": "Test" })).await;
    by_session.ends().await;
    by_token.ends().await;
    let open = Open::new(&hub, address, "the person is erased", With::Token(&dan.token)).await;
    hub.send(Actor::system("test"), dan.id, HubCommand::Person(person::Command::Erase)).await;
    open.ends().await;

    // A provider that is disabled, and one that is removed: sessions that were opened through it.
    let eve = person("Eve", b).await;
    for (provider, what, command) in [
        (provider, "the provider is disabled", organisation::Command::DisableProvider { provider }),
        (other, "the provider is removed", organisation::Command::RemoveProvider { provider: other }),
    ] {
        let opened = hub.session_through(&eve, provider).await;
        let open = Open::new(&hub, address, what, With::Session(&opened)).await;
        hub.send(Actor::system("test"), b, HubCommand::Organisation(command)).await;
        open.ends().await;
    }

    // An organisation that is suspended; others are not.
    let (fay, gus) = (person("Fay", c).await, person("Gus", a).await);
    let session = hub.session(&fay).await;
    let by_session = Open::new(&hub, address, "the organisation is suspended: session", With::Session(&session)).await;
    let by_token = Open::new(&hub, address, "the organisation is suspended: token", With::Token(&fay.token)).await;
    let mut stays = Open::new(&hub, address, "another organisation", With::Token(&gus.token)).await;
    let suspend = organisation::Command::Suspend { reason: "Test".to_owned() };
    hub.send(Actor::system("test"), c, HubCommand::Organisation(suspend)).await;
    by_session.ends().await;
    by_token.ends().await;
    stays.socket.send(json!({ "type": "ping" })).await;
    assert_eq!(stays.socket.hear_past_answers().await["type"], "pong");
    // One watch is left, for the socket and the stream of the one who stays.
    drop(stays.events);
    assert_eq!(hub.api.backend().live.watched(), 1);
}

async fn provider(hub: &Hub, organisation: OrganisationId) -> ProviderId {
    provider_of(hub, organisation, "Staff").await
}

async fn provider_of(hub: &Hub, organisation: OrganisationId, name: &str) -> ProviderId {
    let provider = ProviderId(Uuid::parse_str(&fresh()).unwrap());
    let register = organisation::Command::RegisterProvider {
        provider,
        name: name.to_owned(),
        issuer: format!("https://{}.example", name.to_lowercase()),
        client_id: "hub".to_owned(),
        scopes: Vec::new(),
    };
    hub.send(Actor::system("test"), organisation, HubCommand::Organisation(register)).await;
    provider
}

#[tokio::test]
async fn what_someone_may_see_changes_between_two_events() {
    let hub = Hub::start().await;
    let (a, b) = (hub.organisation("a").await, hub.organisation("b").await);
    let (ann, bob) = (hub.person(a, "Ann").await, hub.person(b, "Bob").await);
    let place = hub.place(&ann, "testing").await;
    hub.join(&bob, &place).await;
    let (public, _) = hub.thread(&ann, &place, "For all").await;
    let document = "mutation ($input: ThreadOpenInput!) { threadOpen(input: $input) { thread { id } userErrors { code } } }";
    let input = json!({ "commandId": fresh(), "category": place.category(), "title": "Ours", "body": "Here.", "audience": { "kind": "COMMUNITY" } });
    let opened = hub.ask(Some(&ann.token), document, json!({ "input": input })).await;
    let ours = text(&opened.data()["threadOpen"]["thread"]["id"]);
    let follow = "subscription ($community: ID!) { communityActivity(community: $community) { position thread { id } post { body } } }";
    let mut events = Events::open(&hub.router, Some(&bob.token), follow, json!({ "community": place.community() })).await.unwrap();
    events.connected(&hub, 1).await;

    let said = async |events: &mut Events| loop {
        let activity = events.field("communityActivity").await;
        if activity["post"] != json!(null) {
            return text(&activity["post"]["body"]);
        }
    };
    hub.reply(&ann, &ours, "Among us.").await;
    assert_eq!(said(&mut events).await, "Among us.");
    let leave = "mutation ($input: CommunityInput!) { communityLeave(input: $input) { userErrors { code } } }";
    ask(&hub, &bob, leave, json!({ "commandId": fresh(), "community": place.community() })).await;
    hub.reply(&ann, &ours, "Bob is gone.").await;
    hub.reply(&ann, &public, "Anyone may read this.").await;
    assert_eq!(said(&mut events).await, "Anyone may read this.");
    let join = "mutation ($input: CommunityJoinInput!) { communityJoin(input: $input) { userErrors { code } } }";
    ask(&hub, &bob, join, json!({ "commandId": fresh(), "community": place.community() })).await;
    hub.reply(&ann, &ours, "Bob is back.").await;
    assert_eq!(said(&mut events).await, "Bob is back.");
}

/// The end of a thread that may no longer be seen comes with the loss, not with the next post.
#[tokio::test]
async fn who_loses_what_they_follow_is_told_at_once() {
    let hub = Hub::with(Settings::default(), "http://localhost:8080", 10).await;
    let (a, b) = (hub.organisation("a").await, hub.organisation("b").await);
    let (ann, bob) = (hub.person(a, "Ann").await, hub.person(b, "Bob").await);
    let place = hub.place(&ann, "testing").await;
    hub.join(&bob, &place).await;
    let document = "mutation ($input: ThreadOpenInput!) { threadOpen(input: $input) { thread { id } userErrors { code } } }";
    let input = json!({ "commandId": fresh(), "category": place.category(), "title": "Ours", "body": "Here.", "audience": { "kind": "COMMUNITY" } });
    let opened = hub.ask(Some(&ann.token), document, json!({ "input": input })).await;
    let thread = text(&opened.data()["threadOpen"]["thread"]["id"]);
    let mut events = Events::follow(&hub, &bob, &thread, Some("0")).await;
    assert_eq!(events.activity().await["kind"], json!("OPENED"));
    let leave = "mutation ($input: CommunityInput!) { communityLeave(input: $input) { userErrors { code } } }";
    ask(&hub, &bob, leave, json!({ "commandId": fresh(), "community": place.community() })).await;
    events.ends().await;
    assert_eq!(subscribers(&hub.api), 0);
}

fn subscribers(api: &Api) -> usize {
    api.backend().live.figures().subscribers
}
