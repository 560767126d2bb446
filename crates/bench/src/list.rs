//! The list that a hub is asked for most: twenty threads, each with its author and their organisation, its category and
//! its community. Beside it, on the same database and in turns: `PostGraphile`, and the list's own statement alone.
//!
//! Both HTTP servers are asked by the same client. `PostGraphile` does less: it asks nobody who they are and shows every row.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use organisations::person::TokenScope;
use projections::{
    Page,
    discussions::thread::{self, ThreadFilter, ThreadOrder},
};

use crate::{
    Arguments,
    client::Target,
    database, pgbench,
    population::{self, Openness},
    process::Tree,
    report::{Row, median},
    servers,
};

/// What the hub is asked.
pub(crate) const HUB: &str = "query Threads { threads(first: 20) { nodes { id title openedAt lastActivityAt locked closed replyCount upvoteCount \
     author { id name organisation { id name slug } } category { id name slug } community { id name slug } } \
     pageInfo { hasNextPage endCursor } } }";

/// The same in the words of `PostGraphile`.
const POSTGRAPHILE: &str = "query Threads { threads: allThreads(first: 20, orderBy: [LAST_ACTIVITY_AT_DESC, ROW_ID_DESC]) { \
     nodes { id title openedAt lastActivityAt locked closed replyCount upvoteCount \
     author: personByAuthor { id name organisation: organisationByOrganisation { id name slug } } \
     category: categoryByCategory { id name slug } community: communityByCommunity { id name slug } } \
     pageInfo { hasNextPage endCursor } } }";

/// How many ask at once.
const CONNECTIONS: [u32; 4] = [1, 8, 32, 64];

/// Before answers count.
const WARM: Duration = Duration::from_millis(500);

/// What a server did for so many connections.
#[derive(Clone, Copy)]
struct Sample {
    rate: f64,
    p50: f64,
    p99: f64,
    /// Milliseconds of processor time for each answer: of the server, of `PostgreSQL`, of the client.
    server: f64,
    postgres: f64,
    client: f64,
}

/// A server to be measured, and who asks it.
struct Contestant {
    target: Target,
    tree: Tree,
    /// For each number of connections.
    samples: [Vec<Sample>; CONNECTIONS.len()],
}

/// The list's own statement, for the same viewer.
struct Statement {
    sql: String,
    rates: [Vec<f64>; CONNECTIONS.len()],
}

pub(crate) async fn measure(arguments: &Arguments) -> anyhow::Result<Vec<Row>> {
    let key = database::random_key();
    let database = database::sealed_by(&arguments.database, "bench_list", 16, &key).await?;
    println!("list: writing {} threads", arguments.threads());
    let population = population::fill(&database, arguments.threads(), Openness::Mixed).await?;
    let mut tokens = Vec::new();
    for (person, organisation, _) in &population.persons {
        tokens.push(population::token(&database, *person, *organisation, TokenScope::Read).await?);
    }
    let hub = servers::hub(&arguments.hub, &database.url, &key).await?;
    // Its own index, which the hub does without: it offers no order that has none.
    sqlx::query("create index on views.thread (last_activity_at, id)").execute(&database.pool).await?;
    sqlx::query("analyze views.thread").execute(&database.pool).await?;
    let control = servers::postgraphile(&arguments.postgraphile, &database.url).await?;
    let postgres = Tree::of_postgres(&database.pool).await?;
    let person = population::viewer(&population.persons[0]);
    let views = format!("{}?options=-csearch_path%3Dviews", database.url);

    let contestant = |target, tree| Contestant { target, tree, samples: Default::default() };
    let mut person_hub = contestant(Target::new(&hub.url, HUB, &tokens)?, hub.tree);
    let mut stranger_hub = contestant(Target::new(&hub.url, HUB, &[])?, hub.tree);
    let mut postgraphile = contestant(Target::new(&control.url, POSTGRAPHILE, &[])?, control.tree);
    for contestant in [&person_hub, &stranger_hub, &postgraphile] {
        check(&contestant.target.once().await?)?;
    }
    let statement = |viewer| {
        let sql = thread::page_sql(viewer, &ThreadFilter::default(), ThreadOrder::default(), &Page::first(20));
        Statement { sql: format!("{sql};\n"), rates: Default::default() }
    };
    let (mut person_sql, mut stranger_sql) = (statement(&person), statement(&kernel::Viewer::default()));

    let run = arguments.run().min(Duration::from_secs(3));
    for round in 1..=arguments.rounds() {
        for (at, connections) in CONNECTIONS.into_iter().enumerate() {
            for contestant in [&mut person_hub, &mut stranger_hub, &mut postgraphile] {
                let sample = contestant.measure(connections, run, postgres).await?;
                contestant.samples[at].push(sample);
            }
            for statement in [&mut person_sql, &mut stranger_sql] {
                statement.rates[at].push(pgbench::rate(arguments, &views, connections, run, &statement.sql).await?);
            }
            let rates =
                [&person_hub, &stranger_hub, &postgraphile].map(|contestant| contestant.samples[at].last().map_or(f64::NAN, |s| s.rate));
            println!(
                "list, {connections} connections, round {round}: {:.0}/s; strangers {:.0}/s; PostGraphile {:.0}/s",
                rates[0], rates[1], rates[2]
            );
        }
    }
    let mut rows = Vec::new();
    for (who, contestant, statement) in [("as a person", &person_hub, &person_sql), ("as a stranger", &stranger_hub, &stranger_sql)] {
        rows.extend(compare(who, contestant, &postgraphile, statement));
    }
    let (ours, theirs) = (hub.tree.memory()?, control.tree.memory()?);
    rows.push(Row {
        what: "the list: memory after all of it".to_owned(),
        hub: format!("{:.0} MB resident, {:.0} MB at most", ours.resident, ours.most),
        control: format!("{:.0} MB: PostGraphile", theirs.resident),
        ratio: Some(ours.resident / theirs.resident),
        aim: "60 MB at most",
    });
    Ok(rows)
}

impl Contestant {
    async fn measure(&self, connections: u32, run: Duration, postgres: Tree) -> anyhow::Result<Sample> {
        let client = Tree::of(std::process::id());
        let from = Instant::now() + WARM;
        let until = from + run;
        let load = self.target.load(connections as usize, from, until);
        let costs = async {
            tokio::time::sleep_until(from.into()).await;
            let before = [self.tree.seconds()?, postgres.seconds()?, client.own_seconds()?];
            tokio::time::sleep_until(until.into()).await;
            let after = [self.tree.seconds()?, postgres.seconds()?, client.own_seconds()?];
            anyhow::Ok([0, 1, 2].map(|which| (after[which] - before[which]) * 1000.0))
        };
        let (load, costs) = tokio::join!(load, costs);
        let (load, costs) = (load?, costs?);
        ensure!(load.answers > 0, "a server gave no answer within {} s", run.as_secs());
        let answers = f64::from(load.answers);
        let [server, postgres, client] = costs.map(|cost| cost / answers);
        Ok(Sample { rate: answers / run.as_secs_f64(), p50: load.p50, p99: load.p99, server, postgres, client })
    }

    fn middle(&self, at: usize, of: impl Fn(&Sample) -> f64) -> f64 {
        median(self.samples[at].iter().map(of).collect())
    }
}

/// The answer is what was asked for: a benchmark of refusals would be a quick one.
fn check(data: &serde_json::Value) -> anyhow::Result<()> {
    let nodes = data["threads"]["nodes"].as_array().context("the answer has threads")?;
    ensure!(nodes.len() == 20, "the answer has {} threads instead of 20", nodes.len());
    for node in nodes {
        for path in ["/id", "/title", "/author/organisation/name", "/category/name", "/community/slug"] {
            ensure!(node.pointer(path).is_some_and(serde_json::Value::is_string), "the answer lacks {path} of a thread: {node}");
        }
    }
    ensure!(data["threads"]["pageInfo"]["hasNextPage"] == true, "the list goes on");
    Ok(())
}

fn compare(who: &str, ours: &Contestant, theirs: &Contestant, statement: &Statement) -> Vec<Row> {
    let mut rows = Vec::new();
    for (at, connections) in CONNECTIONS.into_iter().enumerate() {
        let what = format!("the list {who}, {connections} connections");
        let told = |contestant: &Contestant| {
            let [rate, p50, p99] = [|s: &Sample| s.rate, |s: &Sample| s.p50, |s: &Sample| s.p99].map(|of| contestant.middle(at, of));
            format!("{rate:.0}/s, p50 {p50:.1} ms, p99 {p99:.1} ms")
        };
        let rate = ours.middle(at, |s| s.rate);
        rows.push(Row {
            what: what.clone(),
            hub: told(ours),
            control: format!("{}: PostGraphile", told(theirs)),
            ratio: Some(rate / theirs.middle(at, |s| s.rate)),
            aim: "3",
        });
        let alone = median(statement.rates[at].clone());
        rows.push(Row {
            what,
            hub: format!("{rate:.0}/s"),
            control: format!("{alone:.0}/s: its statement alone, prepared, under `pgbench`"),
            ratio: Some(rate / alone),
            aim: "0.5",
        });
    }
    // With many at once the clock's ticks say the most about each.
    let at = 2;
    let cost = |contestant: &Contestant, name: &str| {
        let [server, postgres, client] =
            [|s: &Sample| s.server, |s: &Sample| s.postgres, |s: &Sample| s.client].map(|of| contestant.middle(at, of));
        format!("{server:.3} ms: {name}; PostgreSQL {postgres:.3} ms, client {client:.3} ms")
    };
    rows.push(Row {
        what: format!("the list {who}, {} connections: processor time of an answer", CONNECTIONS[at]),
        hub: cost(ours, "the hub"),
        control: cost(theirs, "PostGraphile"),
        ratio: Some(ours.middle(at, |s| s.server) / theirs.middle(at, |s| s.server)),
        aim: "0.25 ms",
    });
    rows
}
