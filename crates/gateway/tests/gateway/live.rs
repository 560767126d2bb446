//! Live updates over server-sent events: nothing is missed, nothing comes twice, and nothing comes to who may not see it.

use crate::hub::{Hub, PATIENCE, Place, Someone, fresh, text};
use crate::sse::{Events, FOLLOW};
use axum::body::Body;
use futures::StreamExt;
use http::header::ACCEPT;
use http::{Request, StatusCode};
use kernel::Audience;
use organisations::person::GrantedRole;
use serde_json::{Value, json};

async fn setting(hub: &Hub) -> (Someone, Someone, Place, String) {
    let (a, b) = (hub.organisation("a").await, hub.organisation("b").await);
    let (ann, bob) = (hub.person(a, "Ann").await, hub.person(b, "Bob").await);
    let place = hub.place(&ann, "testing").await;
    hub.join(&bob, &place).await;
    let (thread, _) = hub.thread(&ann, &place, "Hello").await;
    (ann, bob, place, thread)
}

#[tokio::test]
async fn a_reply_by_someone_else_comes_at_once_and_shows_in_the_views() {
    let hub = Hub::start().await;
    let (ann, bob, _, thread) = setting(&hub).await;
    let position = hub.ask(Some(&ann.token), "{ hub { position } }", json!({})).await.data()["hub"]["position"].clone();
    let mut events = Events::follow(&hub, &ann, &thread, position.as_str()).await;
    // A first comment goes out at once, so that the client knows that it is connected.
    let opened = tokio::time::timeout(PATIENCE, events.body.next()).await.unwrap().unwrap().unwrap();
    assert_eq!(&opened[..], b":\n\n");
    let (activity, _) = tokio::join!(events.activity(), hub.reply(&bob, &thread, "One."));
    assert_eq!(
        (&activity["kind"], &activity["actor"]["name"], &activity["post"]["body"]),
        (&json!("REPLIED"), &json!("Bob"), &json!("One."))
    );
    assert_eq!(activity["thread"]["replyCount"], json!(1));
}

#[tokio::test]
async fn it_goes_on_after_a_position_without_gaps_and_repeats() {
    let hub = Hub::start().await;
    let (ann, bob, place, thread) = setting(&hub).await;
    let position = hub.ask(Some(&ann.token), "{ hub { position } }", json!({})).await.data()["hub"]["position"].clone();
    let (other, _) = hub.thread(&bob, &place, "Elsewhere").await;
    for number in 0..7 {
        hub.reply(&bob, &thread, &format!("Post {number}.")).await;
        hub.reply(&bob, &other, "Not here.").await;
    }
    // From the position that a page was read at, while more is being written.
    let mut seen = Vec::new();
    let mut after = text(&position);
    for (part, more) in [(3, true), (5, true), (6, false)] {
        let mut events = Events::follow(&hub, &ann, &thread, Some(&after)).await;
        if more {
            for number in 0..4 {
                hub.reply(&bob, &thread, &format!("Later {part} {number}.")).await;
            }
        }
        for _ in 0..part {
            let activity = events.activity().await;
            after = text(&activity["position"]);
            seen.push(text(&activity["post"]["body"]));
        }
    }
    let mut expected: Vec<String> = (0..7).map(|number| format!("Post {number}.")).collect();
    for part in [3, 5] {
        expected.extend((0..4).map(|number| format!("Later {part} {number}.")));
    }
    assert_eq!(seen, expected[..14]);
    // Everything from the beginning, in one go.
    let mut events = Events::follow(&hub, &ann, &thread, Some("0")).await;
    assert_eq!(events.activity().await["kind"], json!("OPENED"));
    for body in expected {
        assert_eq!(events.activity().await["post"]["body"], json!(body));
    }
}

#[tokio::test]
async fn who_may_not_see_the_thread_may_not_follow_it_and_who_loses_it_follows_no_longer() {
    let hub = Hub::start().await;
    let (a, b) = (hub.organisation("a").await, hub.organisation("b").await);
    let (ann, bob) = (hub.person(a, "Ann").await, hub.person(b, "Bob").await);
    let place = hub.place_for(&ann, "testing", Audience::members()).await;
    hub.join(&bob, &place).await;
    let document = "mutation ($input: ThreadOpenInput!) { threadOpen(input: $input) { thread { id } userErrors { code } } }";
    let input = json!({ "commandId": fresh(), "category": place.category(), "title": "Ours", "body": "Here.", "audience": { "kind": "COMMUNITY" } });
    let opened = hub.ask(Some(&ann.token), document, json!({ "input": input })).await;
    let thread = text(&opened.data()["threadOpen"]["thread"]["id"]);

    // A stranger sees what there is for what does not exist.
    let mut stranger = Events::open(&hub.router, None, FOLLOW, json!({ "thread": thread })).await.unwrap();
    let (_, data) = stranger.next().await.unwrap();
    assert!(data.contains("NOT_FOUND"), "{data}");

    let mut events = Events::follow(&hub, &bob, &thread, Some("0")).await;
    assert_eq!(events.activity().await["kind"], json!("OPENED"));
    let leave = "mutation ($input: CommunityInput!) { communityLeave(input: $input) { userErrors { code } } }";
    let left = hub.ask(Some(&bob.token), leave, json!({ "input": { "commandId": fresh(), "community": place.community() } })).await;
    assert_eq!(left.data()["communityLeave"]["userErrors"], json!([]));
    hub.reply(&ann, &thread, "Among us.").await;
    assert_eq!(events.next().await.unwrap().0, "complete");
    assert!(events.next().await.is_none());
}

#[tokio::test]
async fn a_stream_ends_with_the_session_the_token_or_the_person() {
    let hub = Hub::start().await;
    let (ann, bob, _, thread) = setting(&hub).await;
    hub.grant(&ann, GrantedRole::Steward).await;
    let mut events = Events::follow(&hub, &bob, &thread, Some("0")).await;
    assert_eq!(events.activity().await["kind"], json!("OPENED"));
    let document = "mutation ($input: PersonSuspendInput!) { personSuspend(input: $input) { userErrors { code } } }";
    let answer =
        hub.ask(Some(&ann.token), document, json!({ "input": { "commandId": fresh(), "person": bob.global(), "reason": "Test" } })).await;
    assert_eq!(answer.data()["personSuspend"]["userErrors"], json!([]));
    assert_eq!(events.next().await.unwrap().0, "complete");
}

#[tokio::test]
async fn what_cannot_be_streamed_is_refused_as_over_http() {
    let hub = Hub::start().await;
    let refused = |query: &'static str, variables: Value| {
        let hub = &hub;
        async move { Events::open(&hub.router, None, query, variables).await.err().expect("it is refused") }
    };
    assert_eq!(refused("subscription {", json!({})).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(refused(FOLLOW, json!({})).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(refused("mutation { a }", json!({})).await.0, StatusCode::UNAUTHORIZED);
    let get =
        Request::builder().uri("/graphql/stream?query=%7B__typename%7D").header(ACCEPT, "application/json").body(Body::empty()).unwrap();
    assert_eq!(hub.call(get).await.status, StatusCode::NOT_ACCEPTABLE);

    // Queries are answered by a stream of one, here and at /graphql.
    for uri in ["/graphql/stream", "/graphql"] {
        let get = Request::builder()
            .uri(format!("{uri}?query=%7B__typename%7D"))
            .header(ACCEPT, "text/event-stream")
            .body(Body::empty())
            .unwrap();
        let body = hub.call(get).await.body;
        let next = r#"{"data":{"__typename":"Query"},"extensions":{"cost":{"requested":1,"limit":20000},"lag":0,"position":"0"}}"#;
        assert_eq!(body, json!(format!(":\n\nevent: next\ndata: {next}\n\nevent: complete\ndata:\n\n")), "{uri}");
    }
    for (after, code) in [("nonsense", "INVALID_ARGUMENT"), ("-1", "INVALID_ARGUMENT")] {
        let mut events = Events::open(&hub.router, None, FOLLOW, json!({ "thread": "x", "after": after })).await.unwrap();
        let (_, data) = events.next().await.unwrap();
        assert!(data.contains(code) || data.contains("INVALID_ID"), "{data}");
    }
}
