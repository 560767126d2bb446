//! Registered documents: by identifier, over every way in, and nothing else where that is set.

use crate::hub::{Hub, text};
use crate::sockets::{Socket, served};
use axum::body::Body;
use gateway::documents::{Documents, Mode, Registry};
use gateway::{Settings, Statuses};
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{Method, Request};
use serde_json::{Value, json};
use std::sync::Arc;

const LIST: &str = "query List($first: Int!) { threads(first: $first) { totalCount } }";
const TWO: &str = "query A { a: __typename } query B { b: __typename }";
const CHANGE: &str = "mutation Change($input: ProfileChangeInput!) { profileChange(input: $input) { userErrors { code } } }";
const FOLLOW: &str = "subscription ($thread: ID!) { threadActivity(thread: $thread, after: \"0\") { kind } }";

fn id(document: &str) -> String {
    gateway::documents::DocumentId::of(document).to_string()
}

async fn hub(mode: Mode, statuses: Statuses) -> Hub {
    let file = json!({ id(LIST): LIST, "Two": TWO, "x-app:change": CHANGE, id(FOLLOW).trim_start_matches("sha256:"): FOLLOW });
    let registry = Registry::read(&file.to_string(), &gateway::Limits::default()).await.unwrap();
    let documents = Documents { mode, registry: Arc::new(registry) };
    Hub::with(Settings { documents, statuses, ..Settings::default() }, "http://localhost:8080", 5).await
}

fn post(accept: &str, body: &Value) -> Request<Body> {
    let request = Request::builder().method(Method::POST).uri("/graphql").header(CONTENT_TYPE, "application/json").header(ACCEPT, accept);
    request.body(body.to_string().into()).unwrap()
}

fn get(parameters: &[(&str, &str)]) -> Request<Body> {
    let query: String = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
    let request = Request::builder().uri(format!("/graphql?{query}")).header(ACCEPT, GRAPHQL);
    request.body(Body::empty()).unwrap()
}

const GRAPHQL: &str = "application/graphql-response+json";

#[tokio::test]
async fn a_document_is_named_by_its_identifier() {
    let hub = hub(Mode::Allow, Statuses::Classic).await;
    for id in [id(LIST), id(LIST).trim_start_matches("sha256:").to_owned()] {
        let answer = hub.call(post(GRAPHQL, &json!({ "documentId": id, "variables": { "first": 1 } }))).await;
        assert_eq!(answer.data()["threads"]["totalCount"], json!(0));
        let answer = hub.call(get(&[("documentId", &id), ("variables", "{\"first\":1}")])).await;
        assert_eq!(answer.data()["threads"]["totalCount"], json!(0));
    }
    let answer = hub.call(post(GRAPHQL, &json!({ "documentId": "Two", "operationName": "B" }))).await;
    assert_eq!(answer.data(), &json!({ "b": "Query" }));
    let answer = hub.call(get(&[("documentId", "Two"), ("operationName", "A")])).await;
    assert_eq!(answer.data(), &json!({ "a": "Query" }));
    // The same text may still be sent, and any other.
    let answer = hub.call(post(GRAPHQL, &json!({ "query": "{ __typename }" }))).await;
    assert_eq!(answer.data()["__typename"], json!("Query"));
    // A mutation stays one.
    let answer = hub.call(get(&[("documentId", "x-app:change")])).await;
    assert_eq!((answer.status.as_u16(), answer.header("allow")), (405, "POST"));
    let answer = hub.call(post(GRAPHQL, &json!({ "documentId": "x-app:change" }))).await;
    assert_eq!((answer.status.as_u16(), answer.code()), (401, "UNAUTHENTICATED"));
}

#[tokio::test]
async fn what_cannot_be_found_is_one_error_that_says_so() {
    for (statuses, malformed) in [(Statuses::Classic, 400), (Statuses::September2026, 422)] {
        let hub = hub(Mode::Allow, statuses).await;
        for (body, status, code) in [
            (json!({ "documentId": id("{ a }") }), 404, "PERSISTED_DOCUMENT_NOT_FOUND"),
            (json!({ "documentId": "Three" }), 404, "PERSISTED_DOCUMENT_NOT_FOUND"),
            (json!({ "documentId": "md5:abc" }), malformed, "INVALID_DOCUMENT_ID"),
            (json!({ "documentId": "sha256:abc" }), malformed, "INVALID_DOCUMENT_ID"),
            (json!({ "documentId": "" }), malformed, "INVALID_DOCUMENT_ID"),
            (json!({ "documentId": 1 }), malformed, "BAD_REQUEST"),
            (json!({ "documentId": "Two", "query": TWO }), malformed, "BAD_REQUEST"),
            (json!({ "documentId": "Two" }), malformed, "GRAPHQL_VALIDATION_FAILED"),
            (json!({ "documentId": null }), malformed, "BAD_REQUEST"),
        ] {
            let answer = hub.call(post(GRAPHQL, &body)).await;
            assert_eq!((answer.status.as_u16(), answer.code()), (status, code), "{statuses:?} {body}: {:#}", answer.body);
            assert_eq!(answer.body["errors"].as_array().unwrap().len(), 1);
            assert!(answer.body.get("data").is_none());
        }
        let answer = hub.call(get(&[("documentId", "Three")])).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (404, "PERSISTED_DOCUMENT_NOT_FOUND"));
        // In application/json the status tells of well-formed requests what it tells of others.
        let answer = hub.call(post("application/json", &json!({ "documentId": "Three" }))).await;
        let status = if statuses == Statuses::Classic { 200 } else { 404 };
        assert_eq!((answer.status.as_u16(), answer.code()), (status, "PERSISTED_DOCUMENT_NOT_FOUND"));
    }
}

#[tokio::test]
async fn where_identifiers_are_off_they_are_parameters_like_any_that_is_not_known() {
    let hub = hub(Mode::Off, Statuses::Classic).await;
    let answer = hub.call(post(GRAPHQL, &json!({ "documentId": "Two", "query": "{ __typename }" }))).await;
    assert_eq!(answer.data()["__typename"], json!("Query"));
    let answer = hub.call(post(GRAPHQL, &json!({ "documentId": "Two" }))).await;
    assert_eq!((answer.status.as_u16(), answer.code()), (400, "BAD_REQUEST"));
}

#[tokio::test]
async fn where_only_registered_documents_are_taken_nothing_else_runs() {
    let hub = hub(Mode::Only, Statuses::Classic).await;
    let organisation = hub.organisation("a").await;
    let ann = hub.person(organisation, "Ann").await;
    let answer = hub.call(post(GRAPHQL, &json!({ "documentId": id(LIST), "variables": { "first": 1 } }))).await;
    assert_eq!(answer.data()["threads"]["totalCount"], json!(0));
    let answer = hub.call(post(GRAPHQL, &json!({ "query": LIST, "variables": { "first": 1 } }))).await;
    assert_eq!(answer.data()["threads"]["totalCount"], json!(0), "a registered document may be sent as text");
    for document in [
        "{ __typename hub { version } }",
        "{ hub { version } }",
        &format!("{LIST} "),
        "query ($first: Int!) { ...A } fragment A on Query { threads(first: $first) { totalCount } }",
        "mutation { __typename hub: __typename }",
    ] {
        for token in [None, Some(ann.token.as_str())] {
            let answer = hub.ask(token, document, json!({ "first": 1 })).await;
            let refused = (answer.status.as_u16(), answer.code()) == (403, "PERSISTED_DOCUMENT_REQUIRED");
            // What asks about the schema alone is a question that anyone may ask, as far as it is answered at all.
            assert_eq!(refused, !document.starts_with("mutation"), "{document}: {:#}", answer.body);
        }
    }
    let answer = hub.call(get(&[("query", "{ hub { version } }")])).await;
    assert_eq!((answer.status.as_u16(), answer.code()), (403, "PERSISTED_DOCUMENT_REQUIRED"));
    let introspection = include_str!("../../src/graphql/introspection.graphql");
    assert!(hub.ask(None, introspection, json!({})).await.data()["__schema"].is_object());
    // The hub's own pages ask within the process.
    let page = hub.api.page_query(&gateway::Caller::stranger(), "{ hub { version } }", None, json!({})).await.unwrap();
    assert!(page["hub"]["version"].is_string());
}

#[tokio::test]
async fn streams_and_sockets_take_identifiers_too() {
    let hub = hub(Mode::Only, Statuses::Classic).await;
    let organisation = hub.organisation("a").await;
    let ann = hub.person(organisation, "Ann").await;
    let place = hub.place(&ann, "first").await;
    let open = "mutation ($input: ThreadOpenInput!) { threadOpen(input: $input) { thread { id } userErrors { code message } } }";
    let input = json!({ "commandId": crate::hub::fresh(), "category": place.category(), "title": "T", "body": "B" });
    let caller = gateway::Caller::with(credential(&hub, &ann.token).await);
    let opened = hub.api.page_query(&caller, open, None, json!({ "input": input })).await.unwrap();
    let thread = text(&opened["threadOpen"]["thread"]["id"]);
    let follow = json!({ "documentId": id(FOLLOW), "variables": { "thread": thread } });

    let stream = |body: &Value| {
        let request = Request::builder().method(Method::POST).uri("/graphql/stream").header(CONTENT_TYPE, "application/json");
        let request = request.header(ACCEPT, "text/event-stream").header(AUTHORIZATION, format!("Bearer {}", ann.token));
        request.body(Body::from(body.to_string())).unwrap()
    };
    let list = json!({ "documentId": id(LIST), "variables": { "first": 1 } });
    let events = hub.raw(stream(&list)).await;
    assert!(events.contains("event: next") && events.contains("\"totalCount\":1"), "{events}");
    let answer = hub.call(stream(&json!({ "documentId": "Three" }))).await;
    assert_eq!((answer.status.as_u16(), answer.code()), (404, "PERSISTED_DOCUMENT_NOT_FOUND"));
    let answer = hub.call(stream(&json!({ "query": "{ hub { version } }" }))).await;
    assert_eq!((answer.status.as_u16(), answer.code()), (403, "PERSISTED_DOCUMENT_REQUIRED"));

    let mut socket = Socket::ready(served(&hub).await, json!({ "token": ann.token })).await;
    socket.send(json!({ "id": "1", "type": "subscribe", "payload": follow })).await;
    let heard = socket.hear().await;
    assert_eq!((&heard["type"], &heard["payload"]["data"]["threadActivity"]["kind"]), (&json!("next"), &json!("OPENED")));
    for (id, payload, code) in [
        ("2", json!({ "documentId": "Three" }), "PERSISTED_DOCUMENT_NOT_FOUND"),
        ("3", json!({ "documentId": "md5:1" }), "INVALID_DOCUMENT_ID"),
        ("4", json!({ "query": "{ hub { version } }" }), "PERSISTED_DOCUMENT_REQUIRED"),
    ] {
        socket.send(json!({ "id": id, "type": "subscribe", "payload": payload })).await;
        let heard = socket.hear().await;
        assert_eq!((&heard["type"], &heard["id"]), (&json!("error"), &json!(id)));
        assert_eq!(heard["payload"][0]["extensions"]["code"], json!(code));
    }
}

async fn credential(hub: &Hub, token: &str) -> identity::Credential {
    identity::Credential::Token(identity::authentication::authenticate_token(&hub.identity.tokens, token).await.unwrap())
}
