//! What people do, end to end, on the embedded database and on PostgreSQL with JetStream: the same scenarios on both.

#![allow(clippy::unwrap_used, reason = "in a test a surprise ends the test")]

mod common;

use common::{Ground, Running, client};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

const THREADS: &str =
    "query Threads($first: Int!) { threads(first: $first, orderBy: NEWEST) { totalCount nodes { id title replyCount version
    author { name } community { slug } category { id slug } } } }";
const OPEN: &str = "mutation Open($input: ThreadOpenInput!) { threadOpen(input: $input) { thread { id title version } consistencyToken
    userErrors { __typename code message field } } }";
const REPLY: &str = "mutation Reply($input: ThreadReplyInput!) { threadReply(input: $input) { thread { id replyCount version } post { id body author { name } }
    userErrors { __typename code message field } } }";
const THREAD: &str = "query Thread($id: ID!) { node(id: $id) { ... on Thread { id title replyCount
    posts(first: 100) { nodes { body author { name organisation { name } } } } } } }";
const CATEGORIES: &str =
    "query Categories($slug: String!) { community(slug: $slug) { id viewerMembership { kind } categories { id slug } } }";
const COMMUNITIES: &str = "{ communities(first: 50) { totalCount nodes { slug } } }";
const ONE: &str = "query One($slug: String!) { community(slug: $slug) { id } }";

fn id() -> String {
    use kernel::Ids;
    kernel::RandomIds.next().to_string()
}

async fn category(hub: &Running, token: &str, community: &str, category: &str) -> String {
    let data = hub.ask(Some(token), CATEGORIES, json!({ "slug": community })).await;
    let categories = data["community"]["categories"].as_array().unwrap();
    let found =
        categories.iter().find(|found| found["slug"] == category).unwrap_or_else(|| panic!("{community} has no {category}: {data}"));
    found["id"].as_str().unwrap().to_owned()
}

async fn open(hub: &Running, token: &str, title: &str) -> String {
    let category = category(hub, token, "secure-engineering", "show-and-tell").await;
    let input = json!({ "commandId": id(), "category": category, "title": title, "body": "What we built" });
    let data = hub.ask(Some(token), OPEN, json!({ "input": input })).await;
    assert_eq!(data["threadOpen"]["userErrors"], json!([]), "{data}");
    data["threadOpen"]["thread"]["id"].as_str().unwrap().to_owned()
}

/// Someone opens a thread, sees it at once, and sees it answered live by someone of the other department.
async fn a_thread_is_answered_live_across_departments(ground: Ground) {
    let hub = ground.demo();
    let (rivers, lantern) = (hub.token(0).to_owned(), hub.token(4).to_owned());
    let thread = open(&hub, &rivers, "Answered live").await;
    // Read your own writes: it is in the list as soon as the mutation answered.
    let list = hub.ask(Some(&rivers), THREADS, json!({ "first": 5 })).await;
    assert_eq!(list["threads"]["nodes"][0]["title"], "Answered live", "{list}");

    let subscription = json!({
        "query": "subscription Live($thread: ID!) { threadActivity(thread: $thread) { position kind post { body author { name organisation { name } } } } }",
        "variables": { "thread": thread },
    });
    let mut response = client()
        .post(format!("{}/graphql/stream", hub.url()))
        .bearer_auth(&rivers)
        .header("Accept", "text/event-stream")
        .json(&subscription)
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 200);
    let input = json!({ "commandId": id(), "thread": thread, "body": "We built **the same**" });
    let replied = hub.ask(Some(&lantern), REPLY, json!({ "input": input })).await;
    assert_eq!(replied["threadReply"]["userErrors"], json!([]), "{replied}");
    let mut seen = String::new();
    let live = tokio::time::timeout(common::PATIENCE, async {
        while let Some(chunk) = response.chunk().await.unwrap() {
            seen.push_str(&String::from_utf8_lossy(&chunk));
            if seen.contains("We built **the same**") {
                return true;
            }
        }
        false
    })
    .await;
    assert_eq!(live, Ok(true), "the live update did not come: {seen}");
    assert!(seen.contains("REPLIED") && seen.contains("National Lantern Service"), "{seen}");
    let page = hub.ask(Some(&rivers), THREAD, json!({ "id": thread })).await;
    assert_eq!(page["node"]["posts"]["nodes"][0]["author"]["organisation"]["name"], "National Lantern Service", "{page}");
    drop(response);
    hub.stop();
}

/// What is for members does not exist for strangers, and a closed circle does not exist for members outside it.
async fn what_you_may_not_see_does_not_exist(ground: Ground) {
    let hub = ground.demo();
    let slugs = |data: &Value| -> Vec<String> {
        data["communities"]["nodes"].as_array().unwrap().iter().map(|node| node["slug"].as_str().unwrap().to_owned()).collect()
    };
    let stranger = hub.ask(None, COMMUNITIES, json!({})).await;
    let outsider = hub.ask(Some(hub.token(7)), COMMUNITIES, json!({})).await;
    let insider = hub.ask(Some(hub.token(3)), COMMUNITIES, json!({})).await;
    assert!(!slugs(&stranger).contains(&"shared-resilience".to_owned()), "{stranger}");
    assert!(slugs(&outsider).contains(&"shared-resilience".to_owned()), "{outsider}");
    assert!(!slugs(&outsider).contains(&"responders".to_owned()), "{outsider}");
    assert!(slugs(&insider).contains(&"responders".to_owned()), "{insider}");
    assert_eq!(stranger["communities"]["totalCount"], json!(slugs(&stranger).len()));
    let hidden = hub.ask(Some(hub.token(7)), ONE, json!({ "slug": "responders" })).await;
    let missing = hub.ask(Some(hub.token(7)), ONE, json!({ "slug": "there-is-no-such-thing" })).await;
    assert_eq!(hidden, missing);
    let seen = hub.ask(Some(hub.token(3)), ONE, json!({ "slug": "responders" })).await;
    let node = "query Node($id: ID!) { node(id: $id) { id } }";
    let by_id = hub.ask(Some(hub.token(7)), node, json!({ "id": seen["community"]["id"] })).await;
    assert_eq!(by_id["node"], Value::Null);
    hub.stop();
}

/// A command sent twice is done once; a stale one is refused and says what is current; a bad one says which field.
async fn commands_are_idempotent_and_say_what_is_wrong(ground: Ground) {
    let hub = ground.demo();
    let token = hub.token(0).to_owned();
    let thread = open(&hub, &token, "Said once").await;
    let input = json!({ "commandId": id(), "thread": thread, "body": "Once" });
    let first = hub.ask(Some(&token), REPLY, json!({ "input": input })).await;
    let second = hub.ask(Some(&token), REPLY, json!({ "input": input })).await;
    assert_eq!(first["threadReply"]["post"], second["threadReply"]["post"]);
    assert_eq!(second["threadReply"]["thread"]["replyCount"], 1, "{second}");
    let stale = json!({ "commandId": id(), "thread": thread, "body": "Late", "expectedVersion": 1 });
    let refused = hub.ask(Some(&token), REPLY, json!({ "input": stale })).await;
    assert_eq!(refused["threadReply"]["userErrors"][0]["__typename"], "Conflict", "{refused}");
    let empty = json!({ "commandId": id(), "thread": thread, "body": "   " });
    let refused = hub.ask(Some(&token), REPLY, json!({ "input": empty })).await;
    let error = &refused["threadReply"]["userErrors"][0];
    assert_eq!((error["code"].as_str(), error["field"].as_str()), (Some("TEXT_EMPTY"), Some("body")), "{refused}");
    hub.stop();
}

/// Killed in the middle of writing, the hub comes back with everything it acknowledged, and its chain is whole.
async fn killed_while_writing_it_loses_nothing_acknowledged(ground: Ground) {
    let hub = Arc::new(ground.demo());
    let token = hub.token(0).to_owned();
    let thread = open(&hub, &token, "Written while the power goes").await;
    let stop = Arc::new(AtomicBool::new(false));
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..6 {
        let (hub, token, thread, stop) = (hub.clone(), token.clone(), thread.clone(), stop.clone());
        writers.spawn(async move {
            let mut acknowledged = Vec::new();
            for number in 0.. {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                let body = format!("writer {writer} number {number}");
                let input = json!({ "commandId": id(), "thread": thread, "body": body });
                match hub.try_ask(Some(&token), REPLY, json!({ "input": input })).await {
                    Ok((200, answer)) if answer["data"]["threadReply"]["userErrors"] == json!([]) => acknowledged.push(body),
                    // Refused or cut off: not acknowledged, so nothing is promised.
                    Ok(_) | Err(_) => break,
                }
            }
            acknowledged
        });
    }
    // Long enough that every writer has written, by count and not by the clock.
    loop {
        let data = hub.ask(Some(&token), THREAD, json!({ "id": thread })).await;
        if data["node"]["replyCount"].as_u64().unwrap() >= 12 {
            break;
        }
    }
    let pid = hub.child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-KILL", &pid]).status().unwrap().success());
    stop.store(true, Ordering::Relaxed);
    let mut acknowledged = Vec::new();
    while let Some(written) = writers.join_next().await {
        acknowledged.extend(written.unwrap());
    }
    drop(hub);
    assert!(acknowledged.len() >= 6, "the writers wrote too little: {acknowledged:?}");

    let hub = ground.demo();
    let mut bodies = Vec::new();
    let mut after = Value::Null;
    loop {
        let page = "query Posts($id: ID!, $after: String) { node(id: $id) { ... on Thread { posts(first: 100, after: $after) {
            nodes { body } pageInfo { hasNextPage endCursor } } } } }";
        let data = hub.ask(Some(&token), page, json!({ "id": thread, "after": after })).await;
        let posts = &data["node"]["posts"];
        bodies.extend(posts["nodes"].as_array().unwrap().iter().map(|post| post["body"].as_str().unwrap().to_owned()));
        if posts["pageInfo"]["hasNextPage"] != json!(true) {
            break;
        }
        after = posts["pageInfo"]["endCursor"].clone();
    }
    for body in &acknowledged {
        assert_eq!(bodies.iter().filter(|found| *found == body).count(), 1, "“{body}” was acknowledged and must be there once");
    }
    hub.stop();
    assert!(ground.succeed(&["events", "verify"]).contains("The chain is whole"));
}

/// A second start finds what the first left, people and their tokens included.
async fn a_second_start_finds_the_first_ones_data(ground: Ground) {
    let hub = ground.demo();
    let token = hub.token(5).to_owned();
    let thread = open(&hub, &token, "Kept").await;
    let before = hub.ask(Some(&token), THREADS, json!({ "first": 100 })).await;
    hub.stop();
    let hub = ground.demo();
    assert_eq!(hub.token(5), token);
    assert_eq!(hub.ask(Some(&token), THREADS, json!({ "first": 100 })).await, before);
    assert_eq!(hub.ask(Some(&token), THREAD, json!({ "id": thread })).await["node"]["title"], "Kept");
    hub.stop();
}

/// Exported and imported into an empty hub, the log gives the same views and the same chain.
async fn an_exported_log_gives_the_same_hub(ground: Ground, empty: Ground) {
    let hub = ground.demo();
    let token = hub.token(0).to_owned();
    open(&hub, &token, "Carried over").await;
    let before = hub.ask(Some(&token), THREADS, json!({ "first": 100 })).await;
    hub.stop();
    let verified = ground.succeed(&["events", "verify", "--json"]);
    let file = ground.data().join("log.jsonl");
    ground.succeed(&["events", "export", "--output", file.to_str().unwrap()]);
    // The same master key and the demonstration's own notes go along, as an administrator would carry them.
    for name in ["master.key", "demo.json", "key"] {
        if ground.data().join(name).exists() {
            std::fs::copy(ground.data().join(name), empty.data().join(name)).unwrap();
        }
    }
    for entry in std::fs::read_dir(ground.data()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "json") {
            std::fs::copy(&path, empty.data().join(path.file_name().unwrap())).unwrap();
        }
    }
    empty.succeed(&["events", "import", file.to_str().unwrap()]);
    assert_eq!(empty.succeed(&["events", "verify", "--json"]), verified);
    let again = empty.run(&["events", "import", file.to_str().unwrap()]);
    assert!(!again.status.success(), "a log is imported into an empty hub only");
    let hub = empty.demo();
    let imported: Vec<String> = names(&hub.ask(None, THREADS, json!({ "first": 100 })).await);
    drop(hub);
    let public: Vec<String> = imported;
    assert!(public.contains(&"Carried over".to_owned()), "{public:?}");
    let all = names(&before);
    assert!(public.iter().all(|title| all.contains(title)));
}

fn names(data: &Value) -> Vec<String> {
    data["threads"]["nodes"].as_array().unwrap().iter().map(|node| node["title"].as_str().unwrap().to_owned()).collect()
}

/// Views can be dropped and drawn again from the log, with nothing lost.
async fn rebuilt_views_are_the_same(ground: Ground) {
    let hub = ground.demo();
    let token = hub.token(3).to_owned();
    let before = hub.ask(Some(&token), THREADS, json!({ "first": 100 })).await;
    hub.stop();
    ground.succeed(&["projections", "rebuild", "all"]);
    let status: Value = serde_json::from_str(&ground.succeed(&["projections", "status", "--json"])).unwrap();
    assert!(status.as_array().unwrap().iter().all(|view| view["state"] == "running"), "{status}");
    let hub = ground.demo();
    assert_eq!(hub.ask(Some(&token), THREADS, json!({ "first": 100 })).await, before);
    hub.stop();
}

mod embedded {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_thread_is_answered_live_across_departments() {
        super::a_thread_is_answered_live_across_departments(Ground::embedded()).await;
    }
    #[tokio::test(flavor = "multi_thread")]
    async fn what_you_may_not_see_does_not_exist() {
        super::what_you_may_not_see_does_not_exist(Ground::embedded()).await;
    }
    #[tokio::test(flavor = "multi_thread")]
    async fn commands_are_idempotent_and_say_what_is_wrong() {
        super::commands_are_idempotent_and_say_what_is_wrong(Ground::embedded()).await;
    }
    #[tokio::test(flavor = "multi_thread")]
    async fn killed_while_writing_it_loses_nothing_acknowledged() {
        super::killed_while_writing_it_loses_nothing_acknowledged(Ground::embedded()).await;
    }
    #[tokio::test(flavor = "multi_thread")]
    async fn a_second_start_finds_the_first_ones_data() {
        super::a_second_start_finds_the_first_ones_data(Ground::embedded()).await;
    }
    #[tokio::test(flavor = "multi_thread")]
    async fn an_exported_log_gives_the_same_hub() {
        super::an_exported_log_gives_the_same_hub(Ground::embedded(), Ground::embedded()).await;
    }
    #[tokio::test(flavor = "multi_thread")]
    async fn rebuilt_views_are_the_same() {
        super::rebuilt_views_are_the_same(Ground::embedded()).await;
    }
}

mod servers {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_thread_is_answered_live_across_departments() {
        super::a_thread_is_answered_live_across_departments(Ground::servers().await).await;
    }
    #[tokio::test(flavor = "multi_thread")]
    async fn what_you_may_not_see_does_not_exist() {
        super::what_you_may_not_see_does_not_exist(Ground::servers().await).await;
    }
    #[tokio::test(flavor = "multi_thread")]
    async fn commands_are_idempotent_and_say_what_is_wrong() {
        super::commands_are_idempotent_and_say_what_is_wrong(Ground::servers().await).await;
    }
    #[tokio::test(flavor = "multi_thread")]
    async fn killed_while_writing_it_loses_nothing_acknowledged() {
        super::killed_while_writing_it_loses_nothing_acknowledged(Ground::servers().await).await;
    }
    #[tokio::test(flavor = "multi_thread")]
    async fn a_second_start_finds_the_first_ones_data() {
        super::a_second_start_finds_the_first_ones_data(Ground::servers().await).await;
    }
    #[tokio::test(flavor = "multi_thread")]
    async fn an_exported_log_gives_the_same_hub() {
        super::an_exported_log_gives_the_same_hub(Ground::servers().await, Ground::servers().await).await;
    }
    #[tokio::test(flavor = "multi_thread")]
    async fn rebuilt_views_are_the_same() {
        super::rebuilt_views_are_the_same(Ground::servers().await).await;
    }
}
