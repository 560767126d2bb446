//! What a request costs, what a caller may spend, and what is refused before it runs.

use crate::hub::{Answer, Hub, PATIENCE, fresh};
use crate::sse::Events;
use axum::body::Body;
use futures::{SinkExt, StreamExt};
use gateway::{Budget, Budgets, Caller, Settings};
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{Method, Request, StatusCode};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::num::NonZeroU32;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

/// Costs 1 + 88 · 2 = 177 points.
const LIST: &str = "{ threads(first: 88) { nodes { id } } }";

/// Buckets of 200 points, of which one comes back each second: what one list takes is not there again while a test runs.
fn few_points() -> Settings {
    let one = NonZeroU32::MIN;
    let budgets = Budgets { person_capacity: 200, person_restore: one, address_capacity: 200, address_restore: one };
    Settings { budgets, behind_proxy: true, ..Settings::default() }
}

async fn few() -> Hub {
    Hub::with(few_points(), "http://localhost:8080", 3).await
}

async fn from(hub: &Hub, address: &str, document: &str) -> Answer {
    let request = Request::builder()
        .method(Method::POST)
        .uri("/graphql")
        .header(CONTENT_TYPE, "application/json")
        .header(ACCEPT, "application/graphql-response+json")
        .header("x-forwarded-for", address);
    hub.call(request.body(json!({ "query": document }).to_string().into()).unwrap()).await
}

fn cost(answer: &Answer) -> &Value {
    &answer.body["extensions"]["cost"]
}

#[tokio::test]
async fn every_answer_says_what_it_cost_and_what_is_left() {
    let hub = Hub::start().await;
    let organisation = hub.organisation("a").await;
    let ann = hub.person(organisation, "Ann").await;
    let answer = hub.ask(Some(&ann.token), LIST, json!({})).await;
    let Budget { capacity, restore } = Budgets::default().of_person().unwrap();
    let (capacity, restore) = (capacity.get(), restore.get());
    let expected = json!({
        "requested": 177, "limit": 20_000, "available": capacity - 177, "capacity": capacity, "restoreRate": restore,
    });
    assert_eq!(cost(&answer), &expected);
    assert_eq!(answer.header("hub-cost"), "177");
    assert_eq!(answer.header("ratelimit-policy"), format!("\"default\";q={capacity};w={}", capacity.div_ceil(restore)));
    assert_eq!(answer.header("ratelimit"), format!("\"default\";r={};t=1", capacity - 177));
    // Strangers on the loopback are not limited, as by the rates of requests.
    let answer = hub.ask(None, LIST, json!({})).await;
    assert_eq!(cost(&answer), &json!({ "requested": 177, "limit": 20_000 }));
    assert_eq!(answer.header("ratelimit"), "(none)");
}

#[tokio::test]
async fn whoever_has_spent_too_much_is_told_when_it_will_suffice() {
    let hub = few().await;
    let first = from(&hub, "192.0.2.1", LIST).await;
    assert_eq!((first.status, &cost(&first)["available"]), (StatusCode::OK, &json!(23)));
    let refused = from(&hub, "192.0.2.1", LIST).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (429, "RATE_LIMITED"), "{:#}", refused.body);
    assert!(refused.body.get("data").is_none());
    let wait: u64 = refused.header("retry-after").parse().unwrap();
    assert!((100..=155).contains(&wait), "{wait}");
    let error = &refused.body["errors"][0];
    assert!(error["message"].as_str().unwrap().contains("Try again in"), "{error:#}");
    assert_eq!(error["extensions"]["retryAfter"], json!(wait));
    assert_eq!(error["extensions"]["cost"]["requested"], json!(177));
    assert_eq!(refused.header("ratelimit-policy"), "\"default\";q=200;w=200");
    assert!(refused.header("ratelimit").ends_with(&format!(";t={wait}")), "{}", refused.header("ratelimit"));
    // A cheaper one is still affordable; another network has its own bucket, and so has each person.
    assert_eq!(from(&hub, "192.0.2.1", "{ hub { version } }").await.status, StatusCode::OK);
    assert_eq!(from(&hub, "192.0.2.2", LIST).await.status, StatusCode::OK);
    assert_eq!(from(&hub, "2001:db8::1", LIST).await.status, StatusCode::OK);
    assert_eq!(from(&hub, "2001:db8::2", LIST).await.status, StatusCode::TOO_MANY_REQUESTS);
    let organisation = hub.organisation("a").await;
    let (ann, bob) = (hub.person(organisation, "Ann").await, hub.person(organisation, "Bob").await);
    let second_token = hub.token(ann.id, organisation, organisations::person::TokenScope::Read).await;
    assert_eq!(hub.ask(Some(&ann.token), LIST, json!({})).await.status, StatusCode::OK);
    assert_eq!(hub.ask(Some(&second_token), LIST, json!({})).await.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(hub.ask(Some(&bob.token), LIST, json!({})).await.status, StatusCode::OK);
    // Pages in the same process draw from nobody's budget.
    let parts = Request::builder().header(AUTHORIZATION, format!("Bearer {}", ann.token)).body(()).unwrap().into_parts().0;
    let caller = hub.api.caller(&parts).await.unwrap();
    assert!(hub.api.page_query(&caller, LIST, None, json!({})).await.is_ok());
    assert!(hub.api.page_query(&Caller::stranger(), LIST, None, json!({})).await.is_ok());
}

#[tokio::test]
async fn what_no_bucket_holds_is_too_complex() {
    let hub = few().await;
    let dear = "{ threads(first: 100) { nodes { id } } }";
    let answer = from(&hub, "192.0.2.1", dear).await;
    assert_eq!((answer.status.as_u16(), answer.code()), (400, "TOO_COMPLEX"));
    assert!(answer.body["errors"][0]["message"].as_str().unwrap().contains("at most 200"), "{:#}", answer.body);
    // Being refused cost nothing.
    assert_eq!(cost(&from(&hub, "192.0.2.1", LIST).await)["available"], json!(23));
}

#[tokio::test]
async fn streams_pay_at_their_start() {
    let hub = few().await;
    let organisation = hub.organisation("a").await;
    let ann = hub.person(organisation, "Ann").await;
    let follow = "subscription { threadActivity(thread: \"x\") { kind } }";
    let stream = |document: &str| {
        let request = Request::builder()
            .method(Method::POST)
            .uri("/graphql/stream")
            .header(ACCEPT, "text/event-stream")
            .header(CONTENT_TYPE, "application/json")
            .header(AUTHORIZATION, format!("Bearer {}", ann.token));
        request.body(Body::from(json!({ "query": document }).to_string())).unwrap()
    };
    // 50 and one answer: 52 of 200 points. The thread does not exist, so the stream ends by itself.
    for _ in 0..3 {
        assert_eq!(hub.call(stream(follow)).await.status, StatusCode::OK);
    }
    let refused = hub.call(stream(follow)).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (429, "RATE_LIMITED"), "{:#}", refused.body);
    assert_ne!(refused.header("retry-after"), "(none)");
    let shown = hub.raw(stream("{ hub { version } }")).await;
    assert!(shown.contains("\"requested\":2,"), "{shown}");
}

#[tokio::test]
async fn every_answer_of_a_stream_is_paid_for() {
    let one = NonZeroU32::MIN;
    let budgets = Budgets { person_capacity: 20_000, person_restore: one, ..Budgets::default() };
    let hub = Hub::with(Settings { budgets, ..Settings::default() }, "http://localhost:8080", 10).await;
    let ann = hub.person(hub.organisation("a").await, "Ann").await;
    let place = hub.place(&ann, "practice").await;
    for number in 0..5 {
        hub.thread(&ann, &place, &format!("Thread {number}")).await;
    }
    // 50 for the beginning; each answer is the page of 100 items with one field, and three fields around it.
    let follow =
        "subscription { communityActivity(community: \"ID\", after: \"0\") { community { threads(first: 100) { nodes { id } } } } }";
    let mut events = Events::open(&hub.router, Some(&ann.token), &follow.replace("ID", &place.community()), json!({})).await.unwrap();
    for _ in 0..6 {
        events.field("communityActivity").await;
    }
    let left = hub.ask(Some(&ann.token), "{ hub { version } }", json!({})).await;
    let left = cost(&left)["available"].as_u64().unwrap();
    // What came back while this ran is little beside it.
    assert!(left < 20_000 - 50 - 6 * 201 + 120, "{left}");
}

#[tokio::test]
async fn sockets_pay_for_every_operation() {
    let hub = few().await;
    let organisation = hub.organisation("a").await;
    let ann = hub.person(organisation, "Ann").await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = hub.router.clone().into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, router).await });
    let mut request = format!("ws://{address}/graphql/ws").into_client_request().unwrap();
    request.headers_mut().insert("sec-websocket-protocol", "graphql-transport-ws".parse().unwrap());
    let (mut socket, _) = connect_async(request).await.unwrap();
    let mut ask = async |message: Value, awaited: &str| {
        socket.send(Message::text(message.to_string())).await.unwrap();
        loop {
            let next = tokio::time::timeout(PATIENCE, socket.next()).await.expect("something comes in time");
            let Some(Ok(Message::Text(text))) = next else { panic!("no message: {next:?}") };
            let message: Value = serde_json::from_str(text.as_str()).unwrap();
            if message["type"] == awaited {
                return message;
            }
        }
    };
    ask(json!({ "type": "connection_init", "payload": { "token": ann.token } }), "connection_ack").await;
    let list = |id: &str| json!({ "id": id, "type": "subscribe", "payload": { "query": LIST } });
    let first = ask(list("1"), "next").await;
    assert_eq!(first["payload"]["extensions"]["cost"]["available"], json!(23), "{first:#}");
    let second = ask(list("2"), "error").await;
    let extensions = &second["payload"][0]["extensions"];
    assert_eq!((&extensions["code"], &extensions["cost"]["capacity"]), (&json!("RATE_LIMITED"), &json!(200)), "{second:#}");
    assert!(extensions["retryAfter"].as_u64().is_some_and(|seconds| seconds > 100), "{second:#}");
}

#[tokio::test]
async fn variables_that_must_have_a_value_have_one() {
    let hub = Hub::start().await;
    let profile = "mutation ($input: ProfileChangeInput!) { profileChange(input: $input) { userErrors { code } } }";
    let organisation = hub.organisation("a").await;
    let ann = hub.person(organisation, "Ann").await;
    for (document, variables) in [
        // Left out, or null, with and without a default.
        ("query ($id: ID!) { node(id: $id) { id } }", json!({})),
        ("query ($id: ID!) { node(id: $id) { id } }", json!({ "id": null })),
        ("query ($id: ID! = \"a\") { node(id: $id) { id } }", json!({ "id": null })),
        ("query ($id: ID! = null) { node(id: $id) { id } }", json!({})),
        // One that may be null stands where nothing may be.
        ("query ($id: ID) { node(id: $id) { id } }", json!({})),
        ("query ($id: ID) { node(id: $id) { id } }", json!({ "id": "a" })),
        ("query ($id: ID = \"a\") { node(id: $id) { id } }", json!({ "id": null })),
        // Within lists.
        ("query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", json!({ "ids": [null] })),
        ("query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", json!({ "ids": ["a", null] })),
        ("query ($ids: [ID!]! = [null]) { nodes(ids: $ids) { id } }", json!({})),
        ("query ($ids: [ID]!) { nodes(ids: $ids) { id } }", json!({ "ids": ["a"] })),
        ("query ($id: ID!) { nodes(ids: [$id]) { id } }", json!({})),
        ("query ($id: ID) { nodes(ids: [$id]) { id } }", json!({ "id": null })),
        // Within objects.
        (profile, json!({ "input": { "commandId": fresh(), "about": "" } })),
        (profile, json!({ "input": { "commandId": fresh(), "name": null, "about": "" } })),
        (profile, json!({ "input": {} })),
        (
            "mutation ($name: String!) { profileChange(input: { commandId: \"0197a5f0-0000-7000-8000-000000000001\", name: $name, about: \"\" }) { userErrors { code } } }",
            json!({}),
        ),
        (
            "mutation ($name: String) { profileChange(input: { commandId: \"0197a5f0-0000-7000-8000-000000000001\", name: $name, about: \"\" }) { userErrors { code } } }",
            json!({}),
        ),
        // Of another type than declared.
        ("query ($id: ID!) { node(id: $id) { id } }", json!({ "id": {} })),
        ("query ($id: ID!) { node(id: $id) { id } }", json!({ "id": ["a"] })),
        ("query ($first: Int!) { threads(first: $first) { nodes { id } } }", json!({ "first": "7" })),
        ("query ($first: Int!) { threads(first: $first) { nodes { id } } }", json!({ "first": 7.5 })),
        // Of a type that there is not.
        ("query ($id: Nope!) { node(id: $id) { id } }", json!({ "id": "a" })),
        ("query ($ids: [Nope!]! = [1]) { nodes(ids: $ids) { id } }", json!({})),
        // Not declared at all.
        ("{ node(id: $id) { id } }", json!({ "id": "a" })),
        ("{ ...F } fragment F on Query { node(id: $id) { id } }", json!({ "id": "a" })),
    ] {
        let answer = hub.ask(Some(&ann.token), document, variables.clone()).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{document} {variables}: {:#}", answer.body);
        assert!(answer.body.get("data").is_none(), "{document} {variables}: {:#}", answer.body);
        assert!(matches!(answer.code(), "INVALID_VARIABLE" | "GRAPHQL_VALIDATION_FAILED"), "{document} {variables}: {:#}", answer.body);
    }
    // A default counts, and a variable that may be missing may be missing.
    let thread = "query ($first: Int! = 3, $after: String) { threads(first: $first, after: $after) { nodes { id } } }";
    for variables in [json!({}), json!({ "first": 2 }), json!({ "after": null }), json!({ "unknown": 1 })] {
        assert_eq!(hub.ask(None, thread, variables.clone()).await.status, StatusCode::OK, "{variables}");
    }
}
