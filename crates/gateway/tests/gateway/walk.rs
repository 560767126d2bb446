//! Every list of the schema, with a document that reads it: drawn from introspection, so that a new list is there by itself.
#![allow(clippy::unwrap_used, reason = "what fails in a test's helper fails the test")]

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::Write as _;

/// The introspection query that clients send.
pub(crate) const INTROSPECTION: &str = include_str!("../../src/graphql/introspection.graphql");

/// A field that gives a list, whole or by pages.
#[derive(Clone, Debug)]
pub(crate) struct List {
    /// Where it stands: `Thread.posts`.
    pub(crate) name: String,
    /// Whether its size, or that of a list on the way to it, is chosen with `$first`.
    pub(crate) sized: bool,
    /// A query for it and what its items say, `$first` items of each list on the way.
    pub(crate) document: String,
}

/// The schema as introspection tells it: each object's and interface's fields.
pub(crate) struct Schema {
    types: BTreeMap<String, Value>,
}

/// What a field gives, without the wrappings.
struct Given<'s> {
    name: &'s str,
    list: bool,
}

fn given(mut kind: &Value) -> Given<'_> {
    let mut list = false;
    loop {
        match kind["kind"].as_str().unwrap() {
            "NON_NULL" => {}
            "LIST" => list = true,
            _ => return Given { name: kind["name"].as_str().unwrap(), list },
        }
        kind = &kind["ofType"];
    }
}

/// Whether a field can be asked for without being told more than `first`.
fn askable(field: &Value) -> bool {
    field["args"].as_array().unwrap().iter().all(|argument| argument["type"]["kind"] != "NON_NULL" || !argument["defaultValue"].is_null())
}

fn takes_first(field: &Value) -> bool {
    field["args"].as_array().unwrap().iter().any(|argument| argument["name"] == "first")
}

impl Schema {
    /// The schema from the answer to [`INTROSPECTION`].
    pub(crate) fn of(data: &Value) -> Self {
        let types = data["__schema"]["types"].as_array().unwrap().iter();
        Self { types: types.map(|kind| (kind["name"].as_str().unwrap().to_owned(), kind.clone())).collect() }
    }

    fn fields(&self, name: &str) -> impl Iterator<Item = &Value> {
        self.types[name]["fields"].as_array().into_iter().flatten()
    }

    fn is_composite(&self, name: &str) -> bool {
        matches!(self.types[name]["kind"].as_str(), Some("OBJECT" | "INTERFACE" | "UNION"))
    }

    /// What one item says: its own values, and those of the things that it refers to.
    fn selection(&self, name: &str, deeper: u8) -> String {
        let mut selection = String::from("__typename");
        for field in self.fields(name).filter(|field| askable(field) && !takes_first(field)) {
            let (field_name, to) = (field["name"].as_str().unwrap(), given(&field["type"]));
            if !self.is_composite(to.name) {
                write!(selection, " {field_name}").unwrap();
            } else if !to.list && deeper > 0 {
                write!(selection, " {field_name} {{ {} }}", self.selection(to.name, deeper - 1)).unwrap();
            }
        }
        selection
    }

    /// How to get from the root to each type: the text before and after what is asked of it, and whether `$first` stands in it.
    /// Ways through lists are taken first, for there a statement for each item would show.
    fn ways(&self) -> BTreeMap<String, (String, String, bool)> {
        let mut ways = BTreeMap::from([("Query".to_owned(), (String::new(), String::new(), false))]);
        let mut next = VecDeque::from(["Query".to_owned()]);
        while let Some(from) = next.pop_front() {
            let (before, after, sized) = ways[&from].clone();
            let mut fields: Vec<&Value> = self.fields(&from).filter(|field| askable(field)).collect();
            fields.sort_by_key(|field| !takes_first(field));
            for field in fields {
                let (name, to) = (field["name"].as_str().unwrap(), given(&field["type"]));
                if !self.is_composite(to.name) || to.name.starts_with("__") {
                    continue;
                }
                let (target, opening, closing) = match to.name.strip_suffix("Connection") {
                    Some(node) => (node, format!("{name}(first: $first) {{ nodes {{ "), " } }"),
                    None => (to.name, format!("{name} {{ "), " }"),
                };
                // Where there are several ways, the one through a list is the better one; the first way to be found is the shortest.
                if !ways.contains_key(target) {
                    ways.insert(
                        target.to_owned(),
                        (format!("{before}{opening}"), format!("{closing}{after}"), sized || takes_first(field)),
                    );
                    next.push_back(target.to_owned());
                }
            }
        }
        ways
    }

    /// Every list that can be reached from the root.
    pub(crate) fn lists(&self) -> Vec<List> {
        let mut lists = Vec::new();
        let mut seen = BTreeSet::new();
        for (from, (before, after, sized)) in self.ways() {
            for field in self.fields(&from).filter(|field| askable(field)) {
                let (name, to) = (field["name"].as_str().unwrap(), given(&field["type"]));
                let node = to.name.strip_suffix("Connection");
                if (!to.list && node.is_none()) || !self.is_composite(to.name) || !seen.insert(format!("{from}.{name}")) {
                    continue;
                }
                let asked = match node {
                    Some(node) => format!("{name}(first: $first) {{ totalCount nodes {{ {} }} }}", self.selection(node, 1)),
                    None => format!("{name} {{ {} }}", self.selection(to.name, 1)),
                };
                let sized = sized || node.is_some();
                let variables = if sized { "($first: Int!)" } else { "" };
                lists.push(List {
                    name: format!("{from}.{name}"),
                    sized,
                    document: format!("query {variables} {{ {before}{asked}{after} }}"),
                });
            }
        }
        lists
    }
}

/// How many objects an answer holds.
pub(crate) fn objects(value: &Value) -> usize {
    match value {
        Value::Object(fields) => 1 + fields.values().map(objects).sum::<usize>(),
        Value::Array(items) => items.iter().map(objects).sum(),
        _ => 0,
    }
}
