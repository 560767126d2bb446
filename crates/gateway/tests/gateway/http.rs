//! GraphQL over HTTP: statuses, media types, and what is refused before anything runs.

use crate::hub::{Hub, fresh};
use axum::body::Body;
use gateway::{Rates, Settings, Suggestions};
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, COOKIE, ORIGIN};
use http::{Method, Request, StatusCode};
use serde_json::{Value, json};
use std::fmt::Write as _;

const JSON: &str = "application/json";
const GRAPHQL: &str = "application/graphql-response+json";

fn post(accept: &str, content_type: &str, body: impl Into<Body>) -> Request<Body> {
    let request = Request::builder().method(Method::POST).uri("/graphql").header(ACCEPT, accept).header(CONTENT_TYPE, content_type);
    request.body(body.into()).unwrap()
}

fn query(text: &str) -> String {
    json!({ "query": text }).to_string()
}

fn get(uri: &str) -> Request<Body> {
    Request::builder().uri(uri).header(ACCEPT, GRAPHQL).body(Body::empty()).unwrap()
}

#[tokio::test]
async fn statuses_follow_graphql_over_http() {
    let hub = Hub::start().await;
    let ok = query("{ __typename }");
    let unknown = query("{ nosuchfield }");
    let broken = query("{");
    let missing = json!({ "query": "query ($id: ID!) { node(id: $id) { id } }" }).to_string();
    let null = json!({ "query": "query ($id: ID!) { node(id: $id) { id } }", "variables": { "id": null } }).to_string();
    let batch = format!("[{ok}]");
    for (accept, content_type, body, status, answered) in [
        (GRAPHQL, JSON, ok.as_str(), 200, GRAPHQL),
        (JSON, JSON, &ok, 200, JSON),
        ("*/*", JSON, &ok, 200, JSON),
        (GRAPHQL, "application/json; charset=utf-8", &ok, 200, GRAPHQL),
        // What the document says wrong is told by the status only where the media type is GraphQL's own.
        (GRAPHQL, JSON, &broken, 400, GRAPHQL),
        (JSON, JSON, &broken, 200, JSON),
        (GRAPHQL, JSON, &unknown, 400, GRAPHQL),
        (JSON, JSON, &unknown, 200, JSON),
        (GRAPHQL, JSON, &missing, 400, GRAPHQL),
        (GRAPHQL, JSON, &null, 400, GRAPHQL),
        (JSON, JSON, &null, 200, JSON),
        // What is no GraphQL request at all is told by the status in any case.
        (JSON, JSON, "{", 400, JSON),
        (JSON, JSON, "\u{1}", 400, JSON),
        (JSON, JSON, &batch, 400, JSON),
        (JSON, JSON, "{\"query\":1}", 400, JSON),
        (JSON, JSON, "", 400, JSON),
        (JSON, "text/plain", &ok, 415, JSON),
        (JSON, "application/x-www-form-urlencoded", "query=%7B__typename%7D", 415, JSON),
        (JSON, "application/json; charset=utf-16", &ok, 415, JSON),
        ("text/html", JSON, &ok, 406, JSON),
    ] {
        let answer = hub.call(post(accept, content_type, body.to_owned())).await;
        assert_eq!(answer.status.as_u16(), status, "{accept} {content_type} {body}: {:#}", answer.body);
        assert!(answer.header("content-type").starts_with(answered), "{accept}: {}", answer.header("content-type"));
        if status != 200 {
            assert!(answer.body.get("data").is_none(), "{:#}", answer.body);
            assert!(answer.body["errors"][0]["message"].as_str().is_some_and(|message| message.len() > 5), "{:#}", answer.body);
            assert_ne!(answer.code(), "(none)");
        }
    }

    let answer = hub.call(get("/graphql?query=%7B__typename%7D")).await;
    assert_eq!((answer.status.as_u16(), &answer.body["data"]["__typename"]), (200, &json!("Query")));
    let answer = hub.call(get("/graphql?query=mutation%7B__typename%7D")).await;
    assert_eq!((answer.status.as_u16(), answer.header("allow")), (405, "POST"));
    let answer = hub.call(get("/graphql?query=subscription%7BthreadActivity(thread%3A%22x%22)%7Bat%7D%7D")).await;
    assert_eq!(answer.status.as_u16(), 400);
    assert_eq!(hub.call(get("/graphql")).await.status.as_u16(), 400);
    let put = Request::builder().method(Method::PUT).uri("/graphql").body(Body::empty()).unwrap();
    let answer = hub.call(put).await;
    assert_eq!((answer.status.as_u16(), answer.header("allow")), (405, "GET, HEAD, POST, OPTIONS"));

    let mut behind = get("/graphql?query=%7B__typename%7D");
    behind.headers_mut().insert("hub-consistency-token", "nonsense".parse().unwrap());
    assert_eq!(hub.call(behind).await.status.as_u16(), 400);
    // Fields come back in the order that they were asked in.
    let ordered = post(GRAPHQL, JSON, query("{ z: __typename a: __typename m: __typename }"));
    let bytes = hub.raw(ordered).await;
    assert!(bytes.contains(r#"{"z":"Query","a":"Query","m":"Query"}"#), "{bytes}");

    let large = json!({ "query": "{ __typename }", "variables": { "a": "x".repeat(2_000_000) } }).to_string();
    assert_eq!(hub.call(post(JSON, JSON, large.clone())).await.status, StatusCode::PAYLOAD_TOO_LARGE);
    // Also when the length is not announced.
    let chunks =
        futures::stream::iter(large.into_bytes().chunks(60_000).map(|chunk| Ok::<_, std::io::Error>(chunk.to_vec())).collect::<Vec<_>>());
    assert_eq!(hub.call(post(JSON, JSON, Body::from_stream(chunks))).await.status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn every_answer_carries_the_security_headers() {
    let hub = Hub::with(Settings::default(), "https://hub.example.org", 3).await;
    for uri in [
        "/graphql?query=%7B__typename%7D",
        "/graphql",
        "/healthz",
        "/schema.graphql",
        "/graphiql",
        "/sign-in/00000000-0000-7000-8000-000000000000",
    ] {
        let answer = hub.call(get(uri)).await;
        assert!(answer.header("content-security-policy").contains("default-src 'none'"), "{uri}");
        assert!(!answer.header("content-security-policy").contains("unsafe"), "{uri}");
        assert!(answer.header("content-security-policy").contains("frame-ancestors 'none'"), "{uri}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{uri}");
        assert_ne!(answer.header("referrer-policy"), "(none)", "{uri}");
        assert!(answer.header("strict-transport-security").contains("max-age"), "{uri}");
        assert_ne!(answer.header("x-request-id"), "(none)", "{uri}");
    }
    let plain = Hub::with(Settings::default(), "http://localhost:8080", 3).await;
    assert_eq!(plain.call(get("/healthz")).await.header("strict-transport-security"), "(none)");
}

#[tokio::test]
async fn a_cookie_needs_proof_of_our_own_pages() {
    let hub = Hub::start().await;
    let organisation = hub.organisation("a").await;
    let ann = hub.person(organisation, "Ann").await;
    let opened = hub.session(&ann).await;
    let document = query("{ viewer { person { name } } }");
    let with = |name: &str, value: &str| {
        let mut request = post(GRAPHQL, JSON, document.clone());
        request.headers_mut().insert(COOKIE, opened.cookie.pair().parse().unwrap());
        if !name.is_empty() {
            request.headers_mut().insert(http::HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap());
        }
        request
    };
    for (name, value, status) in [
        ("", "", 403),
        ("origin", "https://evil.example", 403),
        ("sec-fetch-site", "cross-site", 403),
        ("origin", "http://localhost:8080", 200),
        ("sec-fetch-site", "same-origin", 200),
        ("hub-request", "1", 200),
        ("x-requested-with", "fetch", 200),
    ] {
        let answer = hub.call(with(name, value)).await;
        assert_eq!(answer.status.as_u16(), status, "{name}: {value}: {:#}", answer.body);
        if status == 200 {
            assert_eq!(answer.data()["viewer"]["person"]["name"], json!("Ann"));
        }
    }
    // A token cannot be sent by a foreign page, so it needs no further proof; a bad one is an error even beside a good cookie.
    let mut request = with("origin", "http://localhost:8080");
    request.headers_mut().insert(AUTHORIZATION, "Bearer hub_nonsense".parse().unwrap());
    let answer = hub.call(request).await;
    assert_eq!((answer.status.as_u16(), answer.code()), (401, "UNAUTHENTICATED"));
    assert!(answer.header("www-authenticate").starts_with("Bearer"));
    // An ended session makes a stranger.
    assert!(hub.identity.sessions.end(ann.id, opened.session.id).await.unwrap());
    let answer = hub.call(with("hub-request", "1")).await;
    assert_eq!(answer.data()["viewer"]["person"], Value::Null);
}

#[tokio::test]
async fn strangers_and_readers_change_nothing() {
    let hub = Hub::start().await;
    let organisation = hub.organisation("a").await;
    let ann = hub.person(organisation, "Ann").await;
    let document = "mutation ($input: ProfileChangeInput!) { profileChange(input: $input) { person { name } userErrors { code } } }";
    let variables = json!({ "input": { "commandId": fresh(), "name": "Anna", "about": "" } });
    let answer = hub.ask(None, document, variables.clone()).await;
    assert_eq!((answer.status.as_u16(), answer.code()), (401, "UNAUTHENTICATED"));
    let reading = hub.token(ann.id, ann.organisation, organisations::person::TokenScope::Read).await;
    let answer = hub.ask(Some(&reading), document, variables.clone()).await;
    assert_eq!((answer.status.as_u16(), answer.code()), (403, "NOT_ALLOWED"));
    let answer = hub.ask(Some(&ann.token), document, variables).await;
    assert_eq!(answer.data()["profileChange"]["person"]["name"], json!("Anna"));
}

#[tokio::test]
async fn hostile_documents_are_refused_before_they_run() {
    let hub = Hub::start().await;
    let mut bomb = "{ ...F0 }".to_owned();
    for level in 0..28 {
        write!(bomb, " fragment F{level} on Query {{ ...F{next} ...F{next} }}", next = level + 1).unwrap();
    }
    bomb.push_str(" fragment F28 on Query { __typename }");
    let deep = format!("{}__typename{}", "{ hub ".repeat(3_000), "}".repeat(3_000));
    let lists = format!("{{ node(id: {}1{}) {{ id }} }}", "[".repeat(30_000), "]".repeat(30_000));
    let aliases = (0..1_000).fold("{".to_owned(), |text, n| text + &format!(" a{n}: __typename")) + "}";
    let cyclic = "{ ...A } fragment A on Query { hub { version } ...A }".to_owned();
    let costly = "{ communities(first: 100) { nodes { threads(first: 100) { nodes { title author { name } posts(first: 100) { nodes { body } } } } } } }";
    for (name, document) in
        [("bomb", bomb), ("deep", deep), ("lists", lists), ("aliases", aliases), ("cyclic", cyclic), ("costly", costly.to_owned())]
    {
        let answer = hub.ask(None, &document, json!({})).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (400, "TOO_COMPLEX"), "{name}: {:#}", answer.body);
    }
    // Directives on a variable's definition, unclosed strings, null bytes, other alphabets: an error each, never a fault.
    for document in
        ["query ($a: Int @a(b: 1)) { __typename }", "{ a(b: \"", "{ \u{0} }", "{ ａ }", "fragment A on Query { a }", "", "query"]
    {
        let answer = hub.ask(None, document, json!({})).await;
        assert_eq!(answer.status.as_u16(), 400, "{document}: {:#}", answer.body);
    }
}

#[tokio::test]
async fn the_schema_may_be_asked_about_itself_unless_switched_off() {
    let hub = Hub::start().await;
    let introspection = include_str!("../../src/graphql/introspection.graphql");
    let answer = hub.ask(None, introspection, json!({})).await;
    assert!(answer.data()["__schema"]["types"].as_array().unwrap().len() > 50);
    let closed = Hub::with(Settings { introspection: false, graphiql: false, ..Settings::default() }, "http://localhost:8080", 3).await;
    let answer = closed.ask(None, "{ __schema { types { name } } }", json!({})).await;
    assert!(!answer.body.to_string().contains("CommunityPayload"), "{:#}", answer.body);
    assert_eq!(closed.call(get("/graphiql")).await.status, StatusCode::NOT_FOUND);
    assert_eq!(closed.call(get("/schema.graphql")).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn names_are_suggested_to_whom_the_setting_says() {
    for (suggestions, stranger, member) in
        [(Suggestions::Nobody, false, false), (Suggestions::SignedIn, false, true), (Suggestions::Everyone, true, true)]
    {
        let hub = Hub::with(Settings { suggestions, ..Settings::default() }, "http://localhost:8080", 3).await;
        let organisation = hub.organisation("a").await;
        let ann = hub.person(organisation, "Ann").await;
        for (token, told) in [(None, stranger), (Some(ann.token.as_str()), member)] {
            for document in ["{ hubb { version } }", "{ organisation(slugg: \"a\") { id } }"] {
                let answer = hub.ask(token, document, json!({})).await;
                assert_eq!((answer.status.as_u16(), answer.code()), (400, "GRAPHQL_VALIDATION_FAILED"));
                assert_eq!(answer.body.to_string().contains("Did you mean"), told, "{suggestions:?}: {:#}", answer.body);
            }
        }
    }
}

#[test]
fn documents_as_deep_as_limits_may_be_set_are_answered() {
    // On a thread as the hub's own are.
    let answering = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(answer_the_deepest());
    std::thread::Builder::new().stack_size(gateway::graphql::limits::STACK).spawn(answering).unwrap().join().unwrap();
}

async fn answer_the_deepest() {
    use gateway::graphql::limits::{DEEPEST_FIELDS, DEEPEST_NESTING};
    let most = u64::MAX;
    let limits =
        gateway::Limits { nesting: DEEPEST_NESTING, depth: DEEPEST_FIELDS, cost: most, selections: most, ..gateway::Limits::default() };
    assert_eq!(limits.check(), Ok(()));
    let hub = Hub::with(Settings { limits, ..Settings::default() }, "http://localhost:8080", 3).await;
    let organisation = hub.organisation("a").await;
    let ann = hub.person(organisation, "Ann").await;
    let place = hub.place(&ann, "deep").await;
    hub.thread(&ann, &place, "Deep").await;
    // An opening post leads to its thread, and so on: every level is read. Inline fragments are brackets, but no fields.
    let (fields, brackets) = (usize::try_from(DEEPEST_FIELDS).unwrap(), usize::try_from(DEEPEST_NESTING).unwrap());
    let deep = |fields: usize, brackets: usize| {
        let levels = (fields - 3) / 2;
        let fragments = brackets - 3 - 2 * levels;
        let (open, close) = ("openingPost { thread { ".repeat(levels), "} } ".repeat(levels));
        let (more, end) = ("... { ".repeat(fragments), "} ".repeat(fragments));
        format!("{{ threads(first: 1) {{ nodes {{ {open} {more} id {end} {close} }} }} }}")
    };
    let answer = hub.ask(Some(&ann.token), &deep(fields, brackets), json!({})).await;
    assert!(answer.data()["threads"]["nodes"][0]["openingPost"].is_object());
    for (fields, brackets) in [(fields + 2, brackets), (fields, brackets + 1)] {
        assert_eq!(hub.ask(Some(&ann.token), &deep(fields, brackets), json!({})).await.code(), "TOO_COMPLEX");
    }
}

#[tokio::test]
async fn who_comes_too_often_is_told_when_to_come_again() {
    let few = std::num::NonZeroU32::MIN;
    let settings = Settings { rates: Rates { per_address: few, per_person: few }, behind_proxy: true, ..Settings::default() };
    let hub = Hub::with(settings, "http://localhost:8080", 3).await;
    let from = |address: &str| {
        let mut request = get("/graphql?query=%7B__typename%7D");
        request.headers_mut().insert("x-forwarded-for", format!("198.51.100.7, {address}").parse().unwrap());
        request
    };
    let mut refused = None;
    for _ in 0..30 {
        let answer = hub.call(from("192.0.2.1")).await;
        if answer.status != StatusCode::OK {
            refused = Some(answer);
            break;
        }
    }
    let refused = refused.expect("thirty at once are more than ten");
    assert_eq!((refused.status.as_u16(), refused.code()), (429, "RATE_LIMITED"));
    assert!(refused.header("retry-after").parse::<u32>().is_ok());
    assert_eq!(hub.call(from("192.0.2.2")).await.status, StatusCode::OK);
}

#[tokio::test]
async fn health_tells_of_the_database_and_the_views() {
    let hub = Hub::start().await;
    assert_eq!(hub.call(get("/healthz")).await.status, StatusCode::OK);
    let ready = hub.call(get("/readyz")).await;
    assert_eq!((ready.status, &ready.body["status"]), (StatusCode::OK, &json!("ok")), "{:#}", ready.body);
    sqlx::query("update views.projection set state = 'poisoned', error = 'canary' where name = (select min(name) from views.projection)")
        .execute(hub.database().pool())
        .await
        .unwrap();
    let ready = hub.call(get("/readyz")).await;
    assert_eq!((ready.status, &ready.body["status"]), (StatusCode::OK, &json!("degraded")), "{:#}", ready.body);
    assert!(!ready.body.to_string().contains("canary"));
}

#[tokio::test]
async fn without_the_database_the_answer_is_503_and_it_recovers_by_itself() {
    let hub = Hub::with(Settings::default(), "http://localhost:8080", 3).await;
    let organisation = hub.organisation("a").await;
    let ann = hub.person(organisation, "Ann").await;
    let ask = || hub.ask(Some(&ann.token), "{ viewer { person { name } } }", json!({}));
    assert_eq!(ask().await.status, StatusCode::OK);
    // The database's tables are out of reach as if a server were starting: every connection is cut and none is let in.
    let name: String = sqlx::query_scalar("select current_database()").fetch_one(hub.database().pool()).await.unwrap();
    let mut outside = <sqlx::PgConnection as sqlx::Connection>::connect(&std::env::var(store::testing::SERVER).unwrap()).await.unwrap();
    let run = |sql: String| sqlx::query(sqlx::AssertSqlSafe(sql));
    run(format!("alter database {name} allow_connections false")).execute(&mut outside).await.unwrap();
    run(format!("select pg_terminate_backend(pid) from pg_stat_activity where datname = '{name}'")).execute(&mut outside).await.unwrap();
    let away = ask().await;
    assert_eq!((away.status.as_u16(), away.code()), (503, "UNAVAILABLE"), "{:#}", away.body);
    assert_ne!(away.header("retry-after"), "(none)");
    let ready = hub.call(get("/readyz")).await;
    assert_eq!(ready.status, StatusCode::SERVICE_UNAVAILABLE);
    run(format!("alter database {name} allow_connections true")).execute(&mut outside).await.unwrap();
    let deadline = tokio::time::Instant::now() + crate::hub::PATIENCE;
    loop {
        let answer = ask().await;
        if answer.status == StatusCode::OK {
            break;
        }
        assert!(tokio::time::Instant::now() < deadline, "{:#}", answer.body);
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn the_query_page_and_the_schema_come_from_our_own_origin() {
    let hub = Hub::start().await;
    let page = hub.call(get("/graphiql")).await;
    assert_eq!(page.status, StatusCode::OK);
    let html = page.body.as_str().unwrap();
    assert!(!html.contains("http://") && !html.contains("https://") && !html.contains("//cdn"));
    for file in ["/graphiql/plain.js", "/graphiql/plain.css"] {
        assert!(html.contains(file));
        assert_eq!(hub.call(get(file)).await.status, StatusCode::OK);
    }
    let schema = hub.call(get("/schema.graphql")).await;
    assert!(schema.body.as_str().unwrap().contains("type Mutation"));
    assert_eq!(schema.body.as_str().unwrap(), gateway::sdl());
    // The origin header belongs to others' pages; nothing here answers it.
    let mut request = get("/graphql?query=%7B__typename%7D");
    request.headers_mut().insert(ORIGIN, "https://evil.example".parse().unwrap());
    assert_eq!(hub.call(request).await.header("access-control-allow-origin"), "(none)");
}
