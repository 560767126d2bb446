//! As of when an answer was read, and that none is older than its caller demands.

use crate::hub::{Answer, Hub, PATIENCE, Someone, fresh};
use crate::sockets::{Socket, served};
use axum::body::Body;
use gateway::{ConsistencyToken, Settings};
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{Method, Request};
use kernel::{CommandId, Ids, RandomIds};
use organisations::person;
use serde_json::{Value, json};
use services::{Dispatch, HubCommand};
use std::time::Duration;

/// What persons say of themselves lies in this table of a view.
const VIEW: &str = "person";
const DOCUMENT: &str = "{ viewer { person { about } } }";

fn with_token(token: &str, consistency: Option<&str>, uri: &str, accept: &str) -> Request<Body> {
    let mut request = Request::builder()
        .method(Method::POST)
        .uri(uri)
        .header(CONTENT_TYPE, "application/json")
        .header(ACCEPT, accept)
        .header(AUTHORIZATION, format!("Bearer {token}"));
    if let Some(consistency) = consistency {
        request = request.header("hub-consistency-token", consistency);
    }
    request.body(json!({ "query": DOCUMENT }).to_string().into()).unwrap()
}

impl Hub {
    async fn read(&self, someone: &Someone, consistency: Option<&str>) -> Answer {
        self.call(with_token(&someone.token, consistency, "/graphql", "application/graphql-response+json")).await
    }

    /// Someone changes their profile; yields the place of that in the log, and does not wait for the views.
    async fn change(&self, someone: &Someone, about: &str) -> u64 {
        let command = HubCommand::Person(person::Command::ChangeProfile { name: "Ann".to_owned(), about: about.to_owned() });
        let request = services::Request::new(CommandId(RandomIds.next()), someone.actor(), someone.id, command);
        let receipt = self.services.execute(request).await.unwrap();
        self.log.await_sequenced(*receipt.events.last().unwrap(), PATIENCE).await.unwrap().expect("the sequencer runs")
    }
}

#[tokio::test]
async fn an_answer_says_up_to_where_the_views_held_the_log() {
    let hub = Hub::start().await;
    let organisation = hub.organisation("a").await;
    let ann = hub.person(organisation, "Ann").await;
    let end = hub.level().await;
    let answer = hub.read(&ann, None).await;
    assert_eq!((&answer.body["extensions"]["position"], &answer.body["extensions"]["lag"]), (&json!(end.to_string()), &json!(0)));
    assert_eq!((answer.header("hub-position"), answer.header("hub-lag")), (end.to_string().as_str(), "0"));

    let held = hub.hold(VIEW).await;
    let changed = hub.change(&ann, "new").await;
    assert_eq!(changed, end + 1);
    let behind = hub.read(&ann, None).await;
    assert_eq!(behind.data()["viewer"]["person"]["about"], json!(""), "it is not in the view yet");
    assert_eq!((behind.header("hub-position"), behind.header("hub-lag")), (end.to_string().as_str(), "1"));
    held.rollback().await.unwrap();

    assert_eq!(hub.level().await, changed);
    let answer = hub.read(&ann, None).await;
    assert_eq!(answer.data()["viewer"]["person"]["about"], json!("new"));
    assert_eq!((answer.header("hub-position"), answer.header("hub-lag")), (changed.to_string().as_str(), "0"));

    // What is asked over a stream or a socket is told likewise.
    let events = hub.raw(with_token(&ann.token, None, "/graphql/stream", "text/event-stream")).await;
    assert!(events.contains(&format!("\"position\":\"{changed}\"")) && events.contains("\"lag\":0"), "{events}");
    let mut socket = Socket::ready(served(&hub).await, json!({ "token": ann.token })).await;
    socket.send(json!({ "id": "1", "type": "subscribe", "payload": { "query": DOCUMENT } })).await;
    assert_eq!(socket.hear().await["payload"]["extensions"]["position"], json!(changed.to_string()));
}

#[tokio::test]
async fn a_position_never_claims_more_than_was_read() {
    let hub = Hub::start().await;
    let organisation = hub.organisation("a").await;
    let ann = hub.person(organisation, "Ann").await;
    let start = hub.level().await;
    let read_all = async {
        let mut last = 0;
        while last < 30 {
            let answer = hub.read(&ann, None).await;
            let position: u64 = answer.header("hub-position").parse().unwrap();
            let shown: u64 = answer.data()["viewer"]["person"]["about"].as_str().unwrap().parse().unwrap_or(0);
            // The n-th change stands at the n-th place after the first.
            let claimed = position - start;
            assert!(claimed <= shown, "position {position} claims {claimed} changes, and {shown} are shown");
            last = shown;
        }
    };
    let write_all = async {
        for n in 1..=30 {
            hub.change(&ann, &n.to_string()).await;
        }
    };
    tokio::join!(read_all, write_all);
}

#[tokio::test]
async fn who_demands_more_than_the_views_hold_is_told_so_instead_of_an_older_answer() {
    let settings = Settings { projection_wait: Duration::from_millis(60), ..Settings::default() };
    let hub = Hub::with(settings, "http://localhost:8080", 10).await;
    let organisation = hub.organisation("a").await;
    let ann = hub.person(organisation, "Ann").await;
    let address = served(&hub).await;
    let held = hub.hold(VIEW).await;
    let end = hub.log.head().await.unwrap();
    let required = hub.change(&ann, "new").await;
    let token = ConsistencyToken(required).encode();
    let told = |error: &Value| {
        let said = &error["extensions"];
        assert_eq!(said["code"], json!("STALE"), "{error:#}");
        assert_eq!((&said["position"], &said["required"]), (&json!(end.to_string()), &json!(required.to_string())));
        assert_eq!(said["lag"], json!(1));
    };

    for accept in ["application/graphql-response+json", "application/json"] {
        let answer = hub.call(with_token(&ann.token, Some(&token), "/graphql", accept)).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (503, "STALE"));
        assert!(answer.header("retry-after").parse::<u32>().is_ok());
        assert!(answer.body.get("data").is_none());
        told(&answer.body["errors"][0]);
    }
    let answer = hub.call(with_token(&ann.token, Some(&token), "/graphql/stream", "text/event-stream")).await;
    assert_eq!(answer.status.as_u16(), 503);
    assert!(answer.header("retry-after").parse::<u32>().is_ok());
    told(&answer.body["errors"][0]);
    // A browser's socket has no headers, so the token may come with the request.
    let mut socket = Socket::ready(address, json!({ "token": ann.token })).await;
    let follow = "subscription ($thread: ID!) { threadActivity(thread: $thread) { kind } }";
    for (id, payload) in [
        ("1", json!({ "query": DOCUMENT, "extensions": { "consistencyToken": token } })),
        ("2", json!({ "query": follow, "variables": { "thread": "x" }, "extensions": { "consistencyToken": token } })),
    ] {
        socket.send(json!({ "id": id, "type": "subscribe", "payload": payload })).await;
        let heard = socket.hear().await;
        assert_eq!((&heard["type"], &heard["id"]), (&json!("error"), &json!(id)));
        told(&heard["payload"][0]);
    }
    // Nor is anything changed by who would not have seen what they want to have seen.
    let mutation = json!({
        "query": "mutation ($input: ProfileChangeInput!) { profileChange(input: $input) { userErrors { code } } }",
        "variables": { "input": { "commandId": fresh(), "name": "Other", "about": "" } },
        "extensions": { "consistencyToken": token },
    });
    let request = Request::builder().method(Method::POST).uri("/graphql").header(CONTENT_TYPE, "application/json");
    let request = request.header(AUTHORIZATION, format!("Bearer {}", ann.token)).body(mutation.to_string().into()).unwrap();
    assert_eq!(hub.call(request).await.code(), "STALE");
    assert_eq!(hub.log.head().await.unwrap(), required);

    held.rollback().await.unwrap();
    assert_eq!(hub.level().await, required);
    let answer = hub.read(&ann, Some(&token)).await;
    assert_eq!(answer.data()["viewer"]["person"]["about"], json!("new"));
}

#[tokio::test]
async fn a_token_waits_for_views_that_are_on_their_way() {
    let hub = Hub::with(Settings::default(), "http://localhost:8080", 10).await;
    let organisation = hub.organisation("a").await;
    let ann = hub.person(organisation, "Ann").await;
    let held = hub.hold(VIEW).await;
    let token = ConsistencyToken(hub.change(&ann, "new").await).encode();
    let mut reading = Box::pin(hub.read(&ann, Some(&token)));
    assert!(tokio::time::timeout(Duration::from_millis(50), &mut reading).await.is_err(), "it waits while the view is held");
    held.rollback().await.unwrap();
    let answer = reading.await;
    assert_eq!(answer.data()["viewer"]["person"]["about"], json!("new"));
}

#[tokio::test]
async fn a_token_of_another_hub_is_refused_at_once() {
    let hub = Hub::start().await;
    let organisation = hub.organisation("a").await;
    let ann = hub.person(organisation, "Ann").await;
    let end = hub.level().await;
    // This hub waits for as long as tests have patience: that the answer comes at all shows that it was not waited for.
    for token in [ConsistencyToken(end + 1).encode(), ConsistencyToken(u64::MAX).encode(), "nonsense".to_owned()] {
        let answer = tokio::time::timeout(PATIENCE / 2, hub.read(&ann, Some(&token))).await.expect("at once");
        assert_eq!((answer.status.as_u16(), answer.code()), (400, "INVALID_CONSISTENCY_TOKEN"), "{token}");
    }
    let answer = hub.read(&ann, Some(&ConsistencyToken(end).encode())).await;
    assert!(answer.data()["viewer"]["person"].is_object());
}
