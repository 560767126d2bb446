//! Which status and media type tells what, in both editions of GraphQL over HTTP; the methods besides GET and POST.

use crate::hub::Hub;
use axum::body::Body;
use gateway::{Settings, Statuses};
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{Method, Request};
use serde_json::{Value, json};

const JSON: &str = "application/json";
const GRAPHQL: &str = "application/graphql-response+json";

fn post(accept: &str, content_type: &str, body: impl Into<Body>) -> Request<Body> {
    let request = Request::builder().method(Method::POST).uri("/graphql").header(ACCEPT, accept).header(CONTENT_TYPE, content_type);
    request.body(body.into()).unwrap()
}

fn bare(method: Method, uri: &str) -> Request<Body> {
    Request::builder().method(method).uri(uri).header(ACCEPT, GRAPHQL).body(Body::empty()).unwrap()
}

async fn hub(statuses: Statuses) -> Hub {
    Hub::with(Settings { statuses, ..Settings::default() }, "http://localhost:8080", 3).await
}

/// What is asked, and for `application/graphql-response+json` and `application/json` the status in the drafts and in the first edition.
/// The comments are the edition's own headings.
fn cases() -> Vec<(&'static str, String, [u16; 4])> {
    let query = |text: &str| json!({ "query": text }).to_string();
    let node = "query ($id: ID!) { node(id: $id) { id } }";
    let many: Vec<String> = (0..101).map(|n| format!("id{n}")).collect();
    vec![
        ("an answer", query("{ __typename }"), [200, 200, 200, 200]),
        ("an answer in UTF-8", query("{ __typename } # ü"), [200, 200, 200, 200]),
        // JSON parsing failure
        ("no JSON", "NONSENSE".to_owned(), [400, 400, 400, 400]),
        ("half of JSON", "{\"query\":".to_owned(), [400, 400, 400, 400]),
        ("nothing", String::new(), [400, 400, 400, 400]),
        // Invalid parameters
        ("a typo", "{\"qeury\": \"{__typename}\"}".to_owned(), [400, 400, 422, 422]),
        ("variables in a list", json!({ "query": node, "variables": [7] }).to_string(), [400, 400, 422, 422]),
        ("a number for a document", json!({ "query": 1 }).to_string(), [400, 400, 422, 422]),
        ("a number for a name", json!({ "query": "{ __typename }", "operationName": 1 }).to_string(), [400, 400, 422, 422]),
        ("a text for extensions", json!({ "query": "{ __typename }", "extensions": "" }).to_string(), [400, 400, 422, 422]),
        ("a batch", json!([{ "query": "{ __typename }" }]).to_string(), [400, 400, 422, 422]),
        // Null is the same as nothing, and what is not understood is passed over.
        (
            "null parameters",
            json!({ "query": "{ __typename }", "operationName": null, "variables": null, "extensions": null, "other": 1 }).to_string(),
            [200, 200, 200, 200],
        ),
        // Document parsing failure
        ("half of a document", query("{"), [400, 200, 400, 400]),
        // Document validation failure
        ("an unknown field", query("{ nosuchfield }"), [400, 200, 422, 422]),
        ("a document beyond a limit", query(&format!("{{ {} }}", "hub { version } ".repeat(31))), [400, 200, 422, 422]),
        ("a subscription", query("subscription { threadActivity(thread: \"x\") { kind } }"), [400, 200, 422, 422]),
        (
            "two fragments of one name",
            query("{ ...A } fragment A on Query { __typename } fragment A on Query { __typename }"),
            [400, 200, 422, 422],
        ),
        // Operation cannot be determined
        ("no operation", query("fragment A on Query { __typename }"), [400, 200, 422, 422]),
        ("two operations", query("query A { __typename } query B { __typename }"), [400, 200, 422, 422]),
        ("no such operation", json!({ "query": "query A { __typename }", "operationName": "B" }).to_string(), [400, 200, 422, 422]),
        // Variable coercion failure
        ("a variable left out", query(node), [400, 200, 422, 422]),
        ("a variable of another type", json!({ "query": node, "variables": { "id": {} } }).to_string(), [400, 200, 422, 422]),
        // Field errors encountered during execution
        ("an error beside data", query("{ __typename node(id: \"nonsense\") { id } }"), [200, 200, 294, 200]),
        (
            "an error that leaves no data",
            json!({ "query": "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", "variables": { "ids": many } }).to_string(),
            [200, 200, 294, 200],
        ),
    ]
}

#[tokio::test]
async fn each_edition_has_its_statuses() {
    for (statuses, at) in [(Statuses::Classic, 0), (Statuses::September2026, 2)] {
        let hub = hub(statuses).await;
        for (name, body, expected) in cases() {
            for (accept, status) in [(GRAPHQL, expected[at]), (JSON, expected[at + 1])] {
                let answer = hub.call(post(accept, JSON, body.clone())).await;
                assert_eq!(answer.status.as_u16(), status, "{statuses:?}, {accept}, {name}: {:#}", answer.body);
                // A failure in application/json could be anyone's: the first edition says whose it is.
                let media = if statuses == Statuses::September2026 && status >= 400 { GRAPHQL } else { accept };
                assert_eq!(answer.header("content-type"), format!("{media}; charset=utf-8"), "{statuses:?}, {accept}, {name}");
                let errors = answer.body["errors"].as_array();
                assert_eq!(answer.body.get("data").is_some(), status < 300 && !(status == 200 && is_refusal(&answer.body)), "{name}");
                assert_eq!(errors.is_some(), status != 200 || expected != [200; 4], "{name}: {:#}", answer.body);
                for error in errors.into_iter().flatten() {
                    assert!(error["message"].as_str().is_some_and(|message| message.ends_with('.') || message.len() > 20), "{error:#}");
                    assert!(error["extensions"]["code"].is_string(), "{error:#}");
                }
            }
        }
    }
}

/// Whether an answer is one of a request that was not executed.
fn is_refusal(body: &Value) -> bool {
    body.get("errors").is_some() && body.get("data").is_none()
}

#[tokio::test]
async fn what_is_wrong_with_the_http_of_a_request_has_one_status_in_all_editions() {
    let ok = json!({ "query": "{ __typename }" }).to_string();
    for statuses in [Statuses::Classic, Statuses::September2026] {
        let hub = hub(statuses).await;
        for (accept, content_type, status) in [
            (GRAPHQL, "text/plain", 415),
            (GRAPHQL, "application/graphql-response+json", 415),
            (GRAPHQL, "application/x-www-form-urlencoded", 415),
            (GRAPHQL, "multipart/form-data; boundary=x", 415),
            (GRAPHQL, "application/json; charset=utf-16", 415),
            (GRAPHQL, "application/json; charset=UTF-8", 200),
            ("text/html", JSON, 406),
            ("application/json;q=0", JSON, 406),
            ("application/graphql-response+json; charset=latin1", JSON, 406),
        ] {
            let answer = hub.call(post(accept, content_type, ok.clone())).await;
            assert_eq!(answer.status.as_u16(), status, "{accept} {content_type}");
        }
        let without_type = Request::builder().method(Method::POST).uri("/graphql").header(ACCEPT, GRAPHQL).body(ok.clone().into()).unwrap();
        assert_eq!(hub.call(without_type).await.status.as_u16(), 415);
        let large = json!({ "query": "{ __typename }", "variables": { "a": "x".repeat(2_000_000) } }).to_string();
        assert_eq!(hub.call(post(GRAPHQL, JSON, large)).await.status.as_u16(), 413);

        // A mutation by GET is not carried out, whether its document is sent or registered.
        let answer = hub.call(bare(Method::GET, "/graphql?query=mutation%7B__typename%7D")).await;
        assert_eq!((answer.status.as_u16(), answer.header("allow")), (405, "POST"));
        let answer = hub.call(bare(Method::HEAD, "/graphql?query=mutation%7B__typename%7D")).await;
        assert_eq!((answer.status.as_u16(), answer.header("allow")), (405, "POST"));
        for method in [Method::PUT, Method::PATCH, Method::DELETE] {
            let answer = hub.call(bare(method.clone(), "/graphql")).await;
            assert_eq!((answer.status.as_u16(), answer.header("allow")), (405, "GET, HEAD, POST, OPTIONS"), "{method}");
            let mut request = bare(method, "/graphql/stream");
            request.headers_mut().insert(ACCEPT, "text/event-stream".parse().unwrap());
            let answer = hub.call(request).await;
            assert_eq!((answer.status.as_u16(), answer.header("allow")), (405, "GET, POST, OPTIONS"));
        }
        let answer = hub.call(bare(Method::GET, "/graphql")).await;
        assert_eq!(answer.status.as_u16(), if statuses == Statuses::Classic { 400 } else { 422 });
        assert!(answer.body["errors"][0]["message"].as_str().unwrap().contains("“query” is missing"));
    }
}

#[tokio::test]
async fn the_best_media_type_that_is_taken_is_given() {
    let hub = Hub::start().await;
    let ok = json!({ "query": "{ __typename }" }).to_string();
    for (accept, media) in [
        ("application/graphql-response+json, application/json;q=0.9", GRAPHQL),
        ("application/json, application/graphql-response+json;q=0.9", JSON),
        ("application/json;q=0.5, application/graphql-response+json;q=0.6", GRAPHQL),
        ("application/graphql-response+json;q=0, */*", JSON),
        ("text/html, */*;q=0.8", JSON),
        ("application/*", JSON),
        ("*/*", JSON),
    ] {
        let answer = hub.call(post(accept, JSON, ok.clone())).await;
        assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, format!("{media}; charset=utf-8").as_str()), "{accept}");
        assert_eq!(answer.header("vary"), "Accept, Authorization, Cookie");
    }
    let silent = Request::builder().method(Method::POST).uri("/graphql").header(CONTENT_TYPE, JSON).body(ok.into()).unwrap();
    assert_eq!(hub.call(silent).await.header("content-type"), "application/json; charset=utf-8");
}

#[tokio::test]
async fn head_is_a_get_without_its_body_and_options_say_what_may_be_asked() {
    let hub = Hub::start().await;
    let uri = "/graphql?query=%7B%20__typename%20%7D";
    let (got, head) = (hub.call(bare(Method::GET, uri)).await, hub.call(bare(Method::HEAD, uri)).await);
    assert_eq!((got.status, &got.body["data"]["__typename"]), (head.status, &json!("Query")));
    assert_eq!(head.body, json!(""), "no body");
    for name in ["content-type", "etag", "cache-control", "vary", "hub-position", "hub-lag", "hub-cost"] {
        assert_eq!(got.header(name), head.header(name), "{name}");
    }
    let failed = hub.call(bare(Method::HEAD, "/graphql?query=%7B")).await;
    assert_eq!((failed.status.as_u16(), &failed.body), (400, &json!("")));
    for (uri, methods) in [("/graphql", "GET, HEAD, POST, OPTIONS"), ("/graphql/stream", "GET, POST, OPTIONS")] {
        let mut request = bare(Method::OPTIONS, uri);
        for (name, value) in [("origin", "https://evil.example"), ("access-control-request-method", "POST")] {
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        let answer = hub.call(request).await;
        assert_eq!((answer.status.as_u16(), answer.header("allow")), (204, methods));
        assert_eq!(answer.header("accept-post"), "application/json");
        // Pages of other origins may not ask, so none is told that it may.
        assert!(answer.headers.keys().all(|name| !name.as_str().starts_with("access-control-")));
    }
}
