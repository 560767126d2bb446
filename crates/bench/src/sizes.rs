//! What single questions cost in hubs of different sizes: the same, if all goes well.

use anyhow::Context;
use organisations::person::TokenScope;
use serde_json::Value;

use crate::{
    Arguments,
    client::Target,
    database,
    list::HUB,
    population::{self, Openness},
    report::{Row, median},
    servers::{self, Server},
};

/// How often each question is asked in a round.
const TIMES: u32 = 100;

/// The most pages that are turned to come to the middle of a list.
const MOST_PAGES: u64 = 2_000;

/// A question, with who asks it in which hub.
struct Question {
    what: &'static str,
    target: Target,
    /// Milliseconds, the middle of each round.
    times: Vec<f64>,
}

/// A hub of one size.
struct Hub {
    size: u64,
    questions: Vec<Question>,
    _servers: Vec<Server>,
}

pub(crate) async fn measure(arguments: &Arguments) -> anyhow::Result<Vec<Row>> {
    let mut hubs = Vec::new();
    for size in arguments.sizes() {
        println!("sizes: writing {size} threads");
        hubs.push(hub(arguments, size).await?);
    }
    for round in 1..=arguments.rounds() {
        for hub in &mut hubs {
            for question in &mut hub.questions {
                let times = question.target.times(TIMES).await?;
                question.times.push(median(times));
            }
            println!("sizes, round {round}: {} threads done", hub.size);
        }
    }
    let mut rows = Vec::new();
    for (at, question) in hubs.first().context("there are sizes to measure")?.questions.iter().enumerate() {
        let middles: Vec<f64> = hubs.iter().map(|hub| median(hub.questions[at].times.clone())).collect();
        let told: Vec<String> = hubs.iter().zip(&middles).map(|(hub, middle)| format!("{middle:.2} ms at {}", hub.size)).collect();
        let (first, last) = (middles.first().copied().unwrap_or(f64::NAN), middles.last().copied().unwrap_or(f64::NAN));
        rows.push(Row {
            what: format!("{}, alone, p50", question.what),
            hub: told.join(", "),
            control: "the smallest hub".to_owned(),
            ratio: Some(last / first),
            aim: "flat",
        });
    }
    Ok(rows)
}

async fn hub(arguments: &Arguments, size: u64) -> anyhow::Result<Hub> {
    let mut servers = Vec::new();
    let mut questions = Vec::new();

    let key = database::random_key();
    let database = database::sealed_by(&arguments.database, &format!("bench_mixed_{size}"), 4, &key).await?;
    let population = population::fill(&database, size, Openness::Mixed).await?;
    let (person, organisation, _) = &population.persons[0];
    let token = vec![population::token(&database, *person, *organisation, TokenScope::Read).await?];
    let hub = servers::hub(&arguments.hub, &database.url, &key).await?;
    let mut ask = |what, document: &str, tokens: &[String]| -> anyhow::Result<()> {
        questions.push(Question { what, target: Target::new(&hub.url, document, tokens)?, times: Vec::new() });
        Ok(())
    };
    ask("the list, as a person", HUB, &token)?;
    ask("the list, as a stranger", HUB, &[])?;
    let (middle, id) = middle(&hub, size, &token).await?;
    ask("the list from its middle on, as a person", &HUB.replace("first: 20", &format!("first: 20, after: \"{middle}\"")), &token)?;
    ask(
        "a thread by its id",
        &format!("{{ node(id: \"{id}\") {{ ... on Thread {{ title author {{ name }} openingPost {{ html }} }} }} }}"),
        &token,
    )?;
    ask("how many threads there are, as a person", "{ threads(first: 1) { totalCount } }", &token)?;
    let long = gateway::graphql::GlobalId::Thread(population.long).encode().0;
    let posts = format!("{{ node(id: \"{long}\") {{ ... on Thread {{ posts(last: 20) {{ nodes {{ html author {{ name }} }} }} }} }} }}");
    ask("twenty posts of a thread with a tenth as many posts", &posts, &token)?;
    servers.push(hub);

    let key = database::random_key();
    let database = database::sealed_by(&arguments.database, &format!("bench_closed_{size}"), 4, &key).await?;
    let population = population::fill(&database, size, Openness::Closed).await?;
    let token = vec![population::token(&database, population.newcomer.0, population.newcomer.1, TokenScope::Read).await?];
    let hub = servers::hub(&arguments.hub, &database.url, &key).await?;
    let mut ask = |what, document: &str| -> anyhow::Result<()> {
        questions.push(Question { what, target: Target::new(&hub.url, document, &token)?, times: Vec::new() });
        Ok(())
    };
    ask("the list, as a person who sees one thread in a thousand", HUB)?;
    ask("how many there are, as a person who sees one in a thousand", "{ threads(first: 1) { totalCount } }")?;
    servers.push(hub);
    Ok(Hub { size, questions, _servers: servers })
}

/// A cursor from the middle of the list, and the id of the thread there.
async fn middle(hub: &Server, size: u64, token: &[String]) -> anyhow::Result<(String, String)> {
    let pages = (size / 200).clamp(1, MOST_PAGES);
    let mut place = None;
    for _ in 0..pages {
        let after = place.as_ref().map(|(cursor, _)| format!(", after: \"{cursor}\"")).unwrap_or_default();
        let document = format!("{{ threads(first: 100{after}) {{ nodes {{ id }} pageInfo {{ hasNextPage endCursor }} }} }}");
        let data = Target::new(&hub.url, &document, token)?.once().await?;
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let page = &data["threads"];
        let cursor = text(&page["pageInfo"]["endCursor"]).context("a page that is not empty has an end")?;
        let id = text(&page["nodes"][0]["id"]).context("a page that is not empty has a thread")?;
        if page["pageInfo"]["hasNextPage"] == false {
            break;
        }
        place = Some((cursor, id));
    }
    place.context("the list has several pages")
}
