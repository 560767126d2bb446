//! How many SQL statements queries cost: a number that depends on what is asked, never on how much there is.
//!
//! A file of its own, because it counts every statement of its process.

#[path = "gateway/hub.rs"]
#[allow(dead_code, reason = "shared with the other tests")]
mod hub;

use hub::{Hub, fresh};
use serde_json::json;
use std::sync::atomic::{AtomicUsize, Ordering};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber};

static STATEMENTS: AtomicUsize = AtomicUsize::new(0);

/// Counts the statements that `sqlx` tells of, without those by which the projectors and other processes look around.
struct Counter;

struct Statement {
    counts: bool,
}

impl Visit for Statement {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.look(field, value);
    }
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.look(field, &format!("{value:?}"));
    }
}

impl Statement {
    fn look(&mut self, field: &Field, text: &str) {
        if matches!(field.name(), "summary" | "db.statement") {
            let background = ["views.projection", "log.", "identity.", "process", "pg_", "set_config"];
            self.counts &= !background.iter().any(|part| text.contains(part));
        }
    }
}

impl Subscriber for Counter {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "sqlx::query" && *metadata.level() <= Level::DEBUG
    }
    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }
    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}
    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
    fn event(&self, event: &Event<'_>) {
        let mut statement = Statement { counts: true };
        event.record(&mut statement);
        if statement.counts {
            STATEMENTS.fetch_add(1, Ordering::SeqCst);
        }
    }
    fn enter(&self, _: &tracing::span::Id) {}
    fn exit(&self, _: &tracing::span::Id) {}
}

/// What a list of threads shows.
const LIST: &str = "query ($first: Int!) { threads(first: $first) { pageInfo { hasNextPage endCursor } nodes {
  id title openedAt lastActivityAt replyCount upvoteCount answered closed locked version
  author { id name organisation { id slug name } } category { id slug name } community { id slug name } } } }";

/// Everything that threads lead to, lists within lists included.
const DEEP: &str = "query ($first: Int!) { threads(first: $first) { totalCount nodes {
  viewerHasUpvoted viewerCan { reply } author { about joinedAt } answers { id } duplicateOf { id } audience { summary }
  openingPost { html reactions { count } revisions { body } thread { title } }
  posts(first: 3) { totalCount nodes { author { about } viewerHasUpvoted viewerCanEdit reactions { count } revisions { at }
    replies(first: 3) { totalCount nodes { id replyTo { id } author { name } } } } }
  category { description threadCount community { name } }
  community { subject coordinators { name } organisations { name version } viewerMembership { kind }
    categories { name threadCount } members(first: 3) { totalCount nodes { kind person { joinedAt } team { name } } }
    threads(first: 3) { totalCount nodes { id } } } } } }";

/// The most statements for the deep document: about 30 lists and lookups at all its levels, and a few that came a moment too
/// late for their batch. One statement more for each of 24 threads would be beyond it.
const MOST_FOR_DEEP: usize = 45;

const ORGANISATIONS: &str = "query ($first: Int!) { organisations(first: $first) { totalCount nodes { name version providers { name }
  people(first: 5) { totalCount nodes { name about } } teams(first: 5) { totalCount nodes { name members(first: 5) { totalCount nodes { name } } } } } } }";

#[tokio::test]
async fn lists_cost_a_bounded_number_of_statements() {
    tracing::subscriber::set_global_default(Counter).expect("no other subscriber in this process");
    let hub = Hub::start().await;
    let mut people = Vec::new();
    let mut places = Vec::new();
    for n in 0..6 {
        let organisation = hub.organisation(&format!("o{n}")).await;
        let person = hub.person(organisation, &format!("p{n}")).await;
        places.push(hub.place(&person, &format!("c{n}")).await);
        people.push(person);
    }
    for n in 0..24 {
        let (person, place) = (&people[n % 6], &places[n % 6]);
        let (thread, _) = hub.thread(person, place, &format!("t{n}")).await;
        let reply = "mutation ($input: ThreadReplyInput!) { threadReply(input: $input) { post { id } userErrors { message } } }";
        let input = json!({ "commandId": fresh(), "thread": thread, "body": "one" });
        let first = hub.ask(Some(&person.token), reply, json!({ "input": input })).await.data()["threadReply"]["post"]["id"].clone();
        let input = json!({ "commandId": fresh(), "thread": thread, "body": "two", "replyTo": first });
        assert_eq!(hub.ask(Some(&person.token), reply, json!({ "input": input })).await.data()["threadReply"]["userErrors"], json!([]));
    }

    let cost = async |token: Option<&str>, document: &str, first: usize| {
        let before = STATEMENTS.load(Ordering::SeqCst);
        let answer = hub.ask(token, document, json!({ "first": first })).await;
        let found = answer.data().as_object().unwrap().values().next().unwrap()["nodes"].as_array().unwrap().len();
        assert_eq!(found, first, "{document}");
        STATEMENTS.load(Ordering::SeqCst) - before
    };
    for first in [1, 10, 24] {
        assert_eq!(cost(None, LIST, first).await, 1, "a list of {first} threads is one statement");
    }
    let token = Some(people[0].token.as_str());
    for first in [2, 24] {
        let statements = cost(token, DEEP, first).await;
        assert!(statements <= MOST_FOR_DEEP, "{first} threads with all they lead to cost {statements} statements");
        let statements = cost(token, ORGANISATIONS, first.min(6)).await;
        assert!(statements <= 14, "{first} organisations with their people and teams cost {statements} statements");
    }
}
