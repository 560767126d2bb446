//! How long it takes to refuse what was written to keep the hub busy.
//!
//! Each request is read from its JSON, scanned, parsed, measured and validated, as the gateway does it, until one of these
//! refuses it. What none of them refuses would be executed; such a request has no place here. The last rows are the dearest that the limits let
//! through to validation.

use std::time::Instant;

use anyhow::bail;
use async_graphql::{Request, parser::parse_query};
use gateway::{
    Settings,
    graphql::{
        HubSchema,
        limits::{self, Limits},
        variables,
    },
    http::ask::Ask,
};
use serde_json::{Value, json};

use crate::{
    arguments::Arguments,
    report::{Row, median},
};

/// What the worst may take.
const AIM: &str = "10 ms";
/// How often each is refused; the slowest counts.
const TIMES: usize = 50;

/// A request, and a word of the reason for which it is refused.
struct Hostile {
    what: &'static str,
    body: String,
    reason: &'static str,
}

pub(crate) async fn measure(_: &Arguments) -> anyhow::Result<Vec<Row>> {
    let schema = gateway::graphql::schema(true, true);
    // As the hub does when it starts.
    limits::cost::prices();
    variables::lay_out();
    let most = Settings::default().body_bytes;
    let mut rows = Vec::new();
    for Hostile { what, body, reason } in requests() {
        let mut took = Vec::with_capacity(TIMES);
        let mut refusal = String::new();
        for _ in 0..TIMES {
            let started = Instant::now();
            refusal = refused(&schema, &body, most).await;
            took.push(started.elapsed().as_secs_f64() * 1_000.0);
        }
        if !refusal.contains(reason) {
            let shown: String = refusal.chars().take(200).collect();
            bail!("{what}: refused, but not for “{reason}”: {shown}");
        }
        let slowest = took.iter().copied().fold(0.0, f64::max);
        let bytes = if body.len() < 10_000 { format!("{} bytes", body.len()) } else { format!("{} kB", body.len() / 1_000) };
        let hub = format!("{:.3} ms, slowest {slowest:.3} ms", median(took));
        rows.push(Row { what: format!("{what} ({bytes})"), hub, control: "–".to_owned(), ratio: None, aim: AIM });
    }
    Ok(rows)
}

/// Why a request is refused.
async fn refused(schema: &HubSchema, body: &str, most: usize) -> String {
    if body.len() > most {
        return "the body is too large".to_owned();
    }
    let limits = Limits::default();
    if let Err(unfit) = limits::scan_json(body.as_bytes(), &limits) {
        return unfit.message;
    }
    let json: Value = match serde_json::from_str(body) {
        Ok(json) => json,
        Err(error) => return error.to_string(),
    };
    let ask = match Ask::from_json(json) {
        Ok(ask) => ask,
        Err(problem) => return problem.message,
    };
    let Some(query) = ask.query else { return "no query".to_owned() };
    if let Err(unfit) = limits::scan(&query, &limits) {
        return unfit.message;
    }
    let document = match parse_query(&query) {
        Ok(document) => document,
        Err(error) => return error.to_string(),
    };
    let Some((_, operation)) = document.operations.iter().next() else { return "no operation".to_owned() };
    if let Err(unfit) = limits::check(&document, &operation.node, &ask.variables, limits::cost::prices(), &limits) {
        return unfit.message;
    }
    if let Err(unusable) = variables::check(&document) {
        return unusable.to_string();
    }
    let mut request = Request::new(query).variables(ask.variables);
    request.set_parsed_query(document);
    let response = schema.execute(request).await;
    response.errors.into_iter().next().map_or_else(|| "(not refused)".to_owned(), |error| error.message)
}

fn requests() -> Vec<Hostile> {
    let hostile = |what, body: String, reason| Hostile { what, body, reason };
    let query = |what, query: String, reason| Hostile { what, body: json!({ "query": query }).to_string(), reason };
    let many = |count: usize, one: fn(usize) -> String| (0..count).map(one).collect::<String>();
    let bomb = many(28, |n| format!(" fragment F{n} on Query {{ ...F{} ...F{} }}", n + 1, n + 1));
    let with_variable =
        |value: &str| format!(r#"{{"query":"query ($x: [ID!]!) {{ nodes(ids: $x) {{ id }} }}","variables":{{"x":{value}}}}}"#);
    vec![
        query("fragment bomb, 28 deep", format!("{{ ...F0 }}{bomb} fragment F28 on Query {{ __typename }}"), "selections"),
        query("10,000 aliases", format!("{{{}}}", many(10_000, |n| format!(" a{n}: hub {{ version }}"))), "bytes"),
        query("10,000 directives", format!("{{ hub {} {{ version }} }}", "@a ".repeat(10_000)), "tokens"),
        query("10,000 nested lists", format!("{{ node(id: {}{}) }}", "[".repeat(10_000), "]".repeat(10_000)), "tokens"),
        query("5 MB string", format!("{{ node(id: \"{}\") {{ id }} }}", "x".repeat(5_000_000)), "too large"),
        query("1 MB string", format!("{{ node(id: \"{}\") {{ id }} }}", "x".repeat(1_000_000)), "bytes"),
        query("10,000 nested selection sets", "{a".repeat(10_000), "tokens"),
        query("10,000 nested objects", format!("{{ a(b: {}", "{a:".repeat(10_000)), "tokens"),
        hostile("10,000 nested lists in a variable", with_variable(&"[".repeat(10_000)), "recursion limit"),
        hostile("100 nested lists in a variable", with_variable(&format!("{}1{}", "[".repeat(100), "]".repeat(100))), "within each other"),
        hostile("500,000 numbers in a variable", with_variable(&format!("[{}1]", "1,".repeat(500_000))), "values"),
        hostile("1 MB of objects in a variable", with_variable(&format!("[{}{{}}]", "{},".repeat(340_000))), "values"),
        hostile("600 kB string in a variable", with_variable(&format!("\"{}\"", "x".repeat(600_000))), "bytes in one string"),
        hostile("9,000 numbers in a variable", with_variable(&format!("[{}1]", "1,".repeat(9_000))), "items in one list"),
        query("number of 60,000 digits", format!("{{ threads(first: {}) {{ totalCount }} }}", "9".repeat(60_000)), "number"),
        hostile("number of 900,000 digits in a variable", with_variable(&"9".repeat(900_000)), "number"),
        query("string that never ends", format!("{{ node(id: \"{}", "x".repeat(60_000)), "never closed"),
        query("block string that hides brackets", format!("{{ node(id: [\"\"\" x\" {}", "[".repeat(60_000)), "never closed"),
        query("comment that never ends", format!("{{ #{}", "#".repeat(60_000)), "expected"),
        query("10,000 repeated fields", format!("{{ hub {{ {} }} }}", "version ".repeat(10_000)), "bytes"),
        query("3,900 repeated fields", format!("{{ hub {{ {} }} }}", "version ".repeat(3_900)), "beside each other"),
        query(
            "introspection bomb",
            format!("{{ __schema {{ types {{ fields {{ type {{ fields {{ {} }} }} }} }} }} }}", "name ".repeat(290)),
            "cost",
        ),
        query("fragments in a circle", "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }".to_owned(), "spreads itself"),
        query("lists within lists", "{ communities(first: 100) { nodes { threads(first: 100) { nodes { title } } } } }".to_owned(), "cost"),
        // From here on the document fits, and its parts are as dear as they can be made.
        query("as many tokens as fit, broken at the end", format!("{{ hub {{ {} ", "version ".repeat(3_990)), "expected"),
        query(
            "comments between tokens",
            format!("{{ hub {{ {} }} }} }}", "version #########################################\n".repeat(1_200)),
            "expected",
        ),
        query(
            "unknown fields, to be compared with all known",
            format!("mutation {{ {} }}", many(20, |n| format!("{}{n:02} ", "x".repeat(126)))),
            "Unknown field",
        ),
        query(
            "unknown arguments, to be compared with all known",
            format!("{{ threads({}) {{ totalCount }} }}", many(440, |n| format!("{}{n:03}: 1 ", "x".repeat(125)))),
            "Unknown argument",
        ),
        query(
            "unknown types",
            format!("{{ hub {{ {} }} }}", many(290, |n| format!("... on {}{n:03} {{ version }} ", "X".repeat(125)))),
            "Unknown",
        ),
        query(
            "conflicting fields",
            format!("{{ hub {{ {} }} }}", many(59, |n| format!("a: {} ", if n % 2 == 0 { "version" } else { "position" }))),
            "conflict",
        ),
        query("many unused variables", format!("query ({}) {{ hub {{ version }} }}", many(100, |n| format!("$v{n}: Int "))), "not used"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn each_is_refused_for_its_own_reason() {
        let schema = gateway::graphql::schema(true, true);
        let mut otherwise = Vec::new();
        for Hostile { what, body, reason } in requests() {
            let refusal = refused(&schema, &body, Settings::default().body_bytes).await;
            if !refusal.contains(reason) {
                otherwise.push(format!("{what}: {}", refusal.chars().take(200).collect::<String>()));
            }
        }
        assert!(otherwise.is_empty(), "{otherwise:#?}");
    }
}
