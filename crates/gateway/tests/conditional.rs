//! Answers that a client has already: when they have a tag, when it still holds, and what a 304 costs beside an answer.
//!
//! A file of its own, because it counts the statements of requests, by listening to its whole process.
#![allow(clippy::unwrap_used, reason = "what fails in a test's helper fails the test")]

#[path = "gateway/hub.rs"]
#[allow(dead_code, reason = "shared with the other tests")]
mod hub;

use axum::body::Body;
use gateway::Settings;
use gateway::documents::{DocumentId, Documents, Registry};
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, COOKIE, IF_NONE_MATCH};
use http::{Method, Request};
use hub::{Answer, Hub};
use kernel::{Actor, Audience};
use organisations::person;
use serde_json::{Value, json};
use services::HubCommand;
use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tracing::{Event, Level, Metadata, Subscriber, span};

/// A list as pages show it.
const LIST: &str =
    "query ($first: Int!) { threads(first: $first) { totalCount nodes { id title replyCount author { name organisation { slug } }
  community { name } } } }";

static STATEMENTS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// How deep this thread is within spans of requests.
    static WITHIN: Cell<usize> = const { Cell::new(0) };
}

/// Counts the statements that are made for requests, whatever the roles of the hub do beside them.
struct Counter;

/// The ids of spans: requests, and all others.
const REQUEST: u64 = 1;
const OTHER: u64 = 2;

impl Subscriber for Counter {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        (metadata.is_span() && metadata.name() == "http") || (metadata.target() == "sqlx::query" && *metadata.level() <= Level::DEBUG)
    }
    fn new_span(&self, attributes: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(if attributes.metadata().name() == "http" { REQUEST } else { OTHER })
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn event(&self, event: &Event<'_>) {
        if event.metadata().target() == "sqlx::query" && WITHIN.get() > 0 {
            STATEMENTS.fetch_add(1, Ordering::SeqCst);
        }
    }
    fn enter(&self, id: &span::Id) {
        if id.into_u64() == REQUEST {
            WITHIN.set(WITHIN.get() + 1);
        }
    }
    fn exit(&self, id: &span::Id) {
        if id.into_u64() == REQUEST {
            WITHIN.set(WITHIN.get() - 1);
        }
    }
}

/// Counts from now on. Every test of this file calls it, for whichever runs first.
fn count() {
    // It may be set already.
    let _set = tracing::subscriber::set_global_default(Counter);
}

#[derive(Clone, Copy)]
enum Who<'a> {
    Stranger,
    Token(&'a str),
    Cookie(&'a str),
}

fn get(who: Who<'_>, parameters: &[(&str, &str)], tag: Option<&str>) -> Request<Body> {
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
    let mut request = Request::builder().uri(format!("/graphql?{query}")).header(ACCEPT, "application/graphql-response+json");
    request = match who {
        Who::Stranger => request,
        Who::Token(token) => request.header(AUTHORIZATION, format!("Bearer {token}")),
        Who::Cookie(cookie) => request.header(COOKIE, cookie),
    };
    if let Some(tag) = tag {
        request = request.header(IF_NONE_MATCH, tag);
    }
    request.body(Body::empty()).unwrap()
}

fn list(who: Who<'_>, tag: Option<&str>) -> Request<Body> {
    get(who, &[("query", LIST), ("variables", "{\"first\":5}")], tag)
}

fn is_unchanged(answer: &Answer) -> bool {
    if answer.status.as_u16() == 304 {
        assert_eq!(answer.body, json!(""), "a 304 has no body");
        assert_eq!(answer.header("cache-control"), "private, no-cache");
        assert_eq!(answer.header("vary"), "Accept, Authorization, Cookie");
        assert_ne!(answer.header("etag"), "(none)");
        assert_eq!(answer.header("content-type"), "(none)");
        return true;
    }
    assert_eq!(answer.status.as_u16(), 200, "{:#}", answer.body);
    false
}

#[tokio::test]
async fn an_answer_that_still_holds_is_not_given_twice_and_costs_less() {
    count();
    let hub = Hub::with(Settings::default(), "http://localhost:8080", 10).await;
    let organisation = hub.organisation("a").await;
    let (ann, ben) = (hub.person(organisation, "Ann").await, hub.person(organisation, "Ben").await);
    let place = hub.place(&ann, "first").await;
    for n in 0..5 {
        hub.thread(&ann, &place, &format!("t{n}")).await;
    }
    let position = hub.level().await;
    // Writes down that the token is in use, which costs a statement once a minute.
    hub.call(list(Who::Token(&ann.token), None)).await;
    let counted = async |request: Request<Body>| {
        let before = STATEMENTS.load(Ordering::SeqCst);
        let answer = hub.call(request).await;
        (answer, STATEMENTS.load(Ordering::SeqCst) - before)
    };

    for (who, whole, unchanged) in [
        // The token with the standing, the list, its count; against the token and the checkpoints.
        (Who::Token(ann.token.as_str()), 3, 2),
        (Who::Stranger, 2, 1),
    ] {
        let (first, statements) = counted(list(who, None)).await;
        assert!(!is_unchanged(&first));
        assert_eq!(first.data()["threads"]["totalCount"], json!(5));
        assert_eq!(statements, whole, "the position and the tag cost no statement");
        assert_eq!((first.header("cache-control"), first.header("vary")), ("private, no-cache", "Accept, Authorization, Cookie"));
        let tag = first.header("etag");
        assert!(tag.starts_with("W/\""), "{tag}");
        let (again, statements) = counted(list(who, Some(tag))).await;
        assert!(is_unchanged(&again));
        assert_eq!((again.header("etag"), again.header("hub-position")), (tag, position.to_string().as_str()));
        assert_eq!(statements, unchanged, "a 304 costs less than an answer");
        let (other, _) = counted(list(who, Some("\"other\", W/\"more\""))).await;
        assert!(!is_unchanged(&other));
        assert_eq!(other.header("etag"), tag, "the same answer has the same tag");
        let (among, _) = counted(list(who, Some(&format!("\"other\", {tag}")))).await;
        assert!(is_unchanged(&among));
    }

    // Another caller, other variables, another media type: each an answer of its own.
    let tag = hub.call(list(Who::Token(&ann.token), None)).await.header("etag").to_owned();
    for who in [Who::Stranger, Who::Token(&ben.token)] {
        assert!(!is_unchanged(&hub.call(list(who, Some(&tag))).await));
    }
    let variables = get(Who::Token(&ann.token), &[("query", LIST), ("variables", "{\"first\":4}")], Some(&tag));
    assert!(!is_unchanged(&hub.call(variables).await));
    let mut json = list(Who::Token(&ann.token), Some(&tag));
    json.headers_mut().insert(ACCEPT, "application/json".parse().unwrap());
    assert!(!is_unchanged(&hub.call(json).await));
    // HEAD is a GET without a body.
    let mut head = list(Who::Token(&ann.token), None);
    *head.method_mut() = Method::HEAD;
    assert_eq!(hub.call(head).await.header("etag"), tag);
    let mut head = list(Who::Token(&ann.token), Some(&tag));
    *head.method_mut() = Method::HEAD;
    assert!(is_unchanged(&hub.call(head).await));
    // Preconditions are for GET; a POST is carried out.
    let post = Request::builder().method(Method::POST).uri("/graphql").header(CONTENT_TYPE, "application/json");
    let body = json!({ "query": LIST, "variables": { "first": 5 } }).to_string();
    let post = post.header(IF_NONE_MATCH, &tag).header(AUTHORIZATION, format!("Bearer {}", ann.token)).body(Body::from(body)).unwrap();
    let posted = hub.call(post).await;
    assert_eq!((posted.status.as_u16(), posted.header("etag"), posted.header("cache-control")), (200, "(none)", "no-store"));

    // Anything that happens may have changed it.
    hub.thread(&ann, &place, "t5").await;
    hub.level().await;
    let changed = hub.call(list(Who::Token(&ann.token), Some(&tag))).await;
    assert!(!is_unchanged(&changed));
    assert_eq!(changed.data()["threads"]["totalCount"], json!(6));
    assert_ne!(changed.header("etag"), tag);
}

#[tokio::test]
async fn nothing_is_unchanged_while_a_view_is_on_its_way() {
    count();
    let hub = Hub::with(Settings::default(), "http://localhost:8080", 10).await;
    let organisation = hub.organisation("a").await;
    let ann = hub.person(organisation, "Ann").await;
    hub.level().await;
    let tag = hub.call(list(Who::Token(&ann.token), None)).await.header("etag").to_owned();
    assert!(is_unchanged(&hub.call(list(Who::Token(&ann.token), Some(&tag))).await));
    // The persons stand still, and everything else goes on.
    let held = hub.hold("person").await;
    let rename = person::Command::ChangeProfile { name: "Anna".to_owned(), about: String::new() };
    hub.try_send(ann.actor(), ann.id, HubCommand::Person(rename)).await.unwrap();
    let deadline = tokio::time::Instant::now() + hub::PATIENCE;
    while hub.progress.read().await.unwrap().level {
        assert!(tokio::time::Instant::now() < deadline);
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    let answer = hub.call(list(Who::Token(&ann.token), Some(&tag))).await;
    assert!(!is_unchanged(&answer));
    assert_eq!((answer.header("etag"), answer.header("cache-control")), ("(none)", "no-store"));
    held.rollback().await.unwrap();
    hub.level().await;
    let answer = hub.call(list(Who::Token(&ann.token), Some(&tag))).await;
    assert!(!is_unchanged(&answer));
    assert_ne!(answer.header("etag"), "(none)");
}

#[tokio::test]
async fn an_event_that_was_skipped_takes_the_tags_away_until_the_view_is_whole() {
    count();
    let hub = Hub::with(Settings::default(), "http://localhost:8080", 10).await;
    let organisation = hub.organisation("a").await;
    let ann = hub.person(organisation, "Ann").await;
    hub.level().await;
    let tag = hub.call(list(Who::Token(&ann.token), None)).await.header("etag").to_owned();
    sqlx::query("update views.projection set skipped = 1 where name = 'threads'").execute(hub.database().pool()).await.unwrap();
    assert!(!is_unchanged(&hub.call(list(Who::Token(&ann.token), Some(&tag))).await));
    // A projector looks at its checkpoint now and then.
    let deadline = tokio::time::Instant::now() + hub::PATIENCE;
    while hub.progress.known().level {
        assert!(tokio::time::Instant::now() < deadline);
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let answer = hub.call(list(Who::Token(&ann.token), None)).await;
    assert_eq!(answer.header("etag"), "(none)");
}

#[tokio::test]
async fn whoever_may_no_longer_see_something_is_not_told_that_it_is_unchanged() {
    count();
    let hub = Hub::with(Settings::default(), "http://localhost:8080", 10).await;
    let organisation = hub.organisation("a").await;
    let (ann, ben, cat) =
        (hub.person(organisation, "Ann").await, hub.person(organisation, "Ben").await, hub.person(organisation, "Cat").await);
    let place = hub.place(&ann, "open").await;
    let closed = hub.place_for(&ann, "closed", Audience::community(place.community)).await;
    hub.join(&ben, &place).await;
    hub.thread(&ann, &place, "open").await;
    hub.level().await;
    let document = [("query", "{ communities(first: 9) { totalCount } viewer { person { name } } }")];
    let session = hub.session(&cat).await;
    let cookie = session.cookie.pair().to_owned();
    let tag_of = async |who| hub.call(get(who, &document, None)).await.header("etag").to_owned();
    let (token_tag, cookie_tag) = (tag_of(Who::Token(&ben.token)).await, tag_of(Who::Cookie(&cookie)).await);
    assert!(is_unchanged(&hub.call(get(Who::Token(&ben.token), &document, Some(&token_tag))).await));
    assert!(is_unchanged(&hub.call(get(Who::Cookie(&cookie), &document, Some(&cookie_tag))).await));

    // A session that has ended makes a stranger, who sees something else.
    assert!(hub.identity.sessions.end(cat.id, session.session.id).await.unwrap());
    let answer = hub.call(get(Who::Cookie(&cookie), &document, Some(&cookie_tag))).await;
    assert!(!is_unchanged(&answer));
    assert_eq!(answer.data()["viewer"]["person"], Value::Null);
    // Grants that are lost are lost by an event.
    let leave = communities::community::Command::Leave { person: ben.id };
    hub.send(ben.actor(), place.community, HubCommand::Community(leave)).await;
    hub.level().await;
    assert!(!is_unchanged(&hub.call(get(Who::Token(&ben.token), &document, Some(&token_tag))).await));
    // Who is suspended, or whose token was revoked, is turned away before anything is compared.
    let tag = tag_of(Who::Token(&ben.token)).await;
    let suspend = person::Command::Suspend { reason: "test".to_owned() };
    hub.send(Actor::system("test"), ben.id, HubCommand::Person(suspend)).await;
    let deadline = tokio::time::Instant::now() + hub::PATIENCE;
    loop {
        let answer = hub.call(get(Who::Token(&ben.token), &document, Some(&tag))).await;
        assert_ne!(answer.status.as_u16(), 304, "not for a moment");
        if answer.status.as_u16() == 401 {
            break;
        }
        assert!(tokio::time::Instant::now() < deadline);
    }
    let tag = tag_of(Who::Token(&ann.token)).await;
    hub.identity.tokens.revoke_all_of_person(ann.id).await.unwrap();
    assert_eq!(hub.call(get(Who::Token(&ann.token), &document, Some(&tag))).await.status.as_u16(), 401);
    let _ = closed;
}

#[tokio::test]
async fn what_is_not_of_the_log_and_what_went_wrong_has_no_tag() {
    count();
    let registry = json!({ "List": LIST, DocumentId::of("{ hub { lag } }").as_str(): "{ hub { lag } }" }).to_string();
    let registry = Arc::new(Registry::read(&registry, &gateway::Limits::default()).await.unwrap());
    let settings = Settings { documents: Documents { registry, ..Documents::default() }, ..Settings::default() };
    let hub = Hub::with(settings, "http://localhost:8080", 10).await;
    let organisation = hub.organisation("a").await;
    let ann = hub.person(organisation, "Ann").await;
    hub.level().await;
    let lag = DocumentId::of("{ hub { lag } }").to_string();
    for (parameters, tagged) in [
        ([("query", "{ hub { version position } }"), ("operationName", "")], true),
        ([("query", "{ markdownPreview(source: \"*a*\") }"), ("operationName", "")], true),
        ([("documentId", "List"), ("variables", "{\"first\":5}")], true),
        ([("query", "{ hub { lag } }"), ("operationName", "")], false),
        ([("documentId", lag.as_str()), ("operationName", "")], false),
        ([("query", "{ viewer { person { name } sessions { id } } }"), ("operationName", "")], false),
        ([("query", "{ viewer { apiTokens { lastUsedAt } } }"), ("operationName", "")], false),
        ([("query", "{ __schema { queryType { name } } }"), ("operationName", "")], false),
        // Errors of fields, and of the whole.
        ([("query", "{ hub { version } node(id: \"nonsense\") { id } }"), ("operationName", "")], false),
        ([("query", "{ nosuchfield }"), ("operationName", "")], false),
        ([("query", "{"), ("operationName", "")], false),
    ] {
        let answer = hub.call(get(Who::Token(&ann.token), &parameters, None)).await;
        let tag = answer.header("etag").to_owned();
        assert_eq!(tag != "(none)", tagged, "{parameters:?}: {:#}", answer.body);
        assert_eq!(answer.header("cache-control"), if tagged { "private, no-cache" } else { "no-store" }, "{parameters:?}");
        let again = hub.call(get(Who::Token(&ann.token), &parameters, Some(&tag))).await;
        assert_eq!(again.status.as_u16() == 304, tagged, "{parameters:?}");
        // A star asks whether there is anything at all, which only the answer tells.
        let star = hub.call(get(Who::Token(&ann.token), &parameters, Some("*"))).await;
        assert_eq!(star.status, answer.status, "{parameters:?}");
    }
}
