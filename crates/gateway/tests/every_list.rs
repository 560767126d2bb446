//! Every list of the schema costs a number of SQL statements that does not grow with its rows.
//!
//! A file of its own, because it counts every statement of its process.

#[path = "gateway/counter.rs"]
mod counter;
#[path = "gateway/hub.rs"]
#[allow(dead_code, reason = "shared with the other tests")]
mod hub;
#[path = "gateway/walk.rs"]
mod walk;

use counter::statements;
use gateway::graphql::limits::Limits;
use gateway::{Budgets, Settings};
use hub::{Hub, Someone, fresh};
use kernel::{Ids, RandomIds, TeamId};
use organisations::team;
use serde_json::{Value, json};
use services::HubCommand;
use walk::{INTROSPECTION, List, Schema, objects};

/// Organisations, communities and people, and the posts of a thread.
const MANY: usize = 10;
/// As many as `$first` asks for in the small case.
const FEW: usize = 2;
/// Statements that a longer list may cost besides: what comes a moment too late for its batch is read by one of its own. One
/// statement for each item would be [`MANY`] less [`FEW`] more.
const LATE: usize = 5;
/// The most statements for a list that stands by itself, its items' references included.
const ALONE: usize = 8;

/// Lists whose items cannot be many here, and why.
const SHORT: [(&str, &str); 0] = [];

async fn run(hub: &Hub, by: &Someone, field: &str, input_type: &str, mut input: Value) -> Value {
    input["commandId"] = json!(fresh());
    let document =
        format!("mutation ($input: {input_type}!) {{ {field}(input: $input) {{ __typename post {{ id }} userErrors {{ message }} }} }}");
    let answer = hub.ask(Some(&by.token), &document, json!({ "input": input })).await;
    let payload = &answer.data()[field];
    assert_eq!(payload["userErrors"], json!([]), "{field}");
    payload["post"]["id"].clone()
}

/// Organisations, each with a person, a team and a community, in which there are threads with all that threads can have.
async fn fill(hub: &Hub) -> Someone {
    let mut people = Vec::new();
    let mut places = Vec::new();
    for n in 0..MANY {
        let organisation = hub.organisation(&format!("o{n}")).await;
        let person = hub.person(organisation, &format!("p{n}")).await;
        let command = team::Command::Form { organisation, name: format!("Team {n}") };
        hub.send(person.actor(), TeamId(RandomIds.next()), HubCommand::Team(command)).await;
        places.push(hub.place(&person, &format!("c{n}")).await);
        people.push(person);
    }
    let looks = people[0].clone();
    for n in 0..MANY {
        if n > 0 {
            hub.join(&looks, &places[n]).await;
        }
        hub.session(&looks).await;
        let (thread, opening) = hub.thread(&people[n], &places[n], &format!("t{n}")).await;
        for m in 0..MANY {
            let reply = json!({ "thread": thread, "body": format!("Reply {m}.") });
            let post = run(hub, &looks, "threadReply", "ThreadReplyInput", reply).await;
            let nested = json!({ "thread": thread, "body": "And yet.", "replyTo": post });
            run(hub, &looks, "threadReply", "ThreadReplyInput", nested).await;
            run(hub, &looks, "postReact", "PostReactionInput", json!({ "post": post, "reaction": "HEART" })).await;
            run(hub, &looks, "postEdit", "PostEditInput", json!({ "post": post, "body": "Better." })).await;
            run(hub, &people[n], "postMarkAnswer", "PostInput", json!({ "post": post })).await;
        }
        run(hub, &looks, "postReact", "PostReactionInput", json!({ "post": opening, "reaction": "HEART" })).await;
        hub.token(looks.id, looks.organisation, organisations::person::TokenScope::Read).await;
    }
    looks
}

#[tokio::test]
async fn no_list_of_the_schema_costs_a_statement_for_each_of_its_rows() {
    counter::start();
    let limits = Limits { cost: u64::MAX, selections: u64::MAX, depth: u64::MAX, ..Limits::default() };
    let hub = Hub::with(Settings { limits, budgets: Budgets::NONE, ..Settings::default() }, "http://localhost:8080", 10).await;
    let looks = fill(&hub).await;
    let schema = Schema::of(hub.ask(None, INTROSPECTION, json!({})).await.data());
    let lists = schema.lists();
    assert!(lists.iter().any(|list| list.name == "Post.replies") && lists.iter().any(|list| list.name == "Query.threads"));

    let cost = async |list: &List, first: usize| {
        let before = statements();
        let answer = hub.ask(Some(&looks.token), &list.document, json!({ "first": first })).await;
        (statements() - before, objects(answer.data()))
    };
    let mut wrong = Vec::new();
    for list in &lists {
        let (many, found) = cost(list, MANY).await;
        if list.sized {
            let (few, found_few) = cost(list, FEW).await;
            if found < found_few * 2 && SHORT.iter().all(|(name, _)| *name != list.name) {
                wrong.push(format!("{}: {found_few} and {found} objects, which shows nothing", list.name));
            }
            if many > few + LATE {
                wrong.push(format!("{}: {few} statements for {found_few} objects, {many} for {found}", list.name));
            }
        } else if many > ALONE {
            wrong.push(format!("{}: {many} statements for {found} objects", list.name));
        }
    }
    assert!(wrong.is_empty(), "{} lists:\n{}", lists.len(), wrong.join("\n"));
}
