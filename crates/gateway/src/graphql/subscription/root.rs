//! The one field at the root of a subscription (GraphQL, 5.2.3.1): however the document says it, the executor is given one field.
//!
//! The executor would follow several at once, and see none that stands in a fragment.

use async_graphql::parser::types::{DocumentOperations, ExecutableDocument, Field, Selection, SelectionSet};
use async_graphql::{Name, Pos, Positioned, ServerError};
use std::collections::{HashMap, HashSet};

/// The type at the root.
const ROOT: &str = "Subscription";

/// The document with fragments at the root of this subscription written out, and what is asked of its one field gathered.
///
/// # Errors
/// There is not exactly one field, or whether there is depends on a directive.
pub(crate) fn single(mut document: ExecutableDocument, operation: Option<&str>) -> Result<ExecutableDocument, ServerError> {
    let Some(root) = root(&mut document.operations, operation).cloned() else { return Ok(document) };
    let mut flat = Flat { document: &document, fields: Vec::new(), expanded: HashSet::new(), valid: true };
    flat.add(root)?;
    let Flat { fields, expanded, valid, .. } = flat;
    if !valid {
        return Ok(document);
    }
    let mut fields = fields.into_iter();
    let Some(mut one) = fields.next() else { return Ok(document) };
    for other in fields {
        if !is_same(&one.node, &other.node) {
            return Err(refused("A subscription follows one field. Send one operation for each.", other.pos));
        }
        one.node.selection_set.node.items.extend(other.node.selection_set.node.items);
    }
    if one.node.name.node.starts_with("__") {
        return Err(refused("A subscription follows a field of the type Subscription, and none of the introspection's.", one.pos));
    }
    let pos = one.pos;
    if let Some(root) = self::root(&mut document.operations, operation) {
        root.items = vec![Positioned::new(Selection::Field(one), pos)];
    }
    // A fragment that stood at the root alone is used no more, which is an error otherwise.
    let used = used(&document);
    document.fragments.retain(|name, _| used.contains(name) || !expanded.contains(name));
    Ok(document)
}

/// Whether it is the same field again: under the same name, with the same arguments.
fn is_same(one: &Field, other: &Field) -> bool {
    let arguments = |field: &Field| -> HashMap<Name, String> {
        field.arguments.iter().map(|(name, value)| (name.node.clone(), value.node.to_string())).collect()
    };
    let count = one.arguments.len() == other.arguments.len();
    let named = one.name.node == other.name.node && one.response_key().node == other.response_key().node;
    named && count && arguments(one) == arguments(other)
}

fn refused(message: &str, at: Pos) -> ServerError {
    let mut error = crate::api::coded("GRAPHQL_VALIDATION_FAILED", message);
    error.locations.push(at);
    error
}

fn root<'d>(operations: &'d mut DocumentOperations, name: Option<&str>) -> Option<&'d mut SelectionSet> {
    let operation = match (operations, name) {
        (DocumentOperations::Single(operation), _) => Some(operation),
        (DocumentOperations::Multiple(all), Some(name)) => all.get_mut(name),
        (DocumentOperations::Multiple(all), None) => all.values_mut().next(),
    };
    operation.map(|operation| &mut operation.node.selection_set.node)
}

struct Flat<'d> {
    document: &'d ExecutableDocument,
    fields: Vec<Positioned<Field>>,
    expanded: HashSet<Name>,
    /// False if there is a fragment of another type, or none of that name: validation tells what is wrong.
    valid: bool,
}

impl Flat<'_> {
    fn add(&mut self, set: SelectionSet) -> Result<(), ServerError> {
        for selection in set.items {
            let directives = match &selection.node {
                Selection::Field(field) => &field.node.directives,
                Selection::FragmentSpread(spread) => &spread.node.directives,
                Selection::InlineFragment(inline) => &inline.node.directives,
            };
            if let Some(directive) = directives.iter().find(|directive| matches!(&*directive.node.name.node, "skip" | "include")) {
                return Err(refused("What a subscription follows cannot depend on “@skip” or “@include”.", directive.pos));
            }
            match selection.node {
                Selection::Field(field) => self.fields.push(field),
                Selection::InlineFragment(inline) => {
                    let fits = inline.node.type_condition.is_none_or(|condition| condition.node.on.node == ROOT);
                    self.valid &= fits;
                    self.add(inline.node.selection_set.node)?;
                }
                Selection::FragmentSpread(spread) => {
                    let name = &spread.node.fragment_name.node;
                    let Some(fragment) = self.document.fragments.get(name).filter(|found| found.node.type_condition.node.on.node == ROOT)
                    else {
                        self.valid = false;
                        continue;
                    };
                    // One that was written out already adds nothing.
                    if self.expanded.insert(name.clone()) {
                        self.add(fragment.node.selection_set.node.clone())?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// The fragments that the operations and other fragments spread.
fn used(document: &ExecutableDocument) -> HashSet<Name> {
    fn walk(set: &SelectionSet, names: &mut HashSet<Name>) {
        for selection in &set.items {
            match &selection.node {
                Selection::Field(field) => walk(&field.node.selection_set.node, names),
                Selection::InlineFragment(inline) => walk(&inline.node.selection_set.node, names),
                Selection::FragmentSpread(spread) => {
                    names.insert(spread.node.fragment_name.node.clone());
                }
            }
        }
    }
    let mut names = HashSet::new();
    for (_, operation) in document.operations.iter() {
        walk(&operation.node.selection_set.node, &mut names);
    }
    let mut seen = HashSet::new();
    while let Some(name) = names.iter().find(|name| !seen.contains(*name)).cloned() {
        if let Some(fragment) = document.fragments.get(&name) {
            walk(&fragment.node.selection_set.node, &mut names);
        }
        seen.insert(name);
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_graphql::parser::parse_query;

    /// The names of what is asked of the one field, or why there is none.
    fn asked(query: &str) -> Result<(String, Vec<String>, Vec<String>), String> {
        let mut document = single(parse_query(query).expect("it is GraphQL"), None).map_err(|error| error.message)?;
        let mut fragments: Vec<String> = document.fragments.keys().map(ToString::to_string).collect();
        fragments.sort();
        let set = root(&mut document.operations, None).expect("there is an operation");
        let [Positioned { node: Selection::Field(field), .. }] = &set.items[..] else { panic!("no single field: {:?}", set.items) };
        let names = field.node.selection_set.node.items.iter().map(|item| match &item.node {
            Selection::Field(field) => field.node.name.node.to_string(),
            Selection::FragmentSpread(spread) => format!("...{}", spread.node.fragment_name.node),
            Selection::InlineFragment(_) => "...".to_owned(),
        });
        Ok((field.node.response_key().node.to_string(), names.collect(), fragments))
    }

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn however_it_is_said_it_is_one_field() {
        for (query, names, fragments) in [
            ("subscription { a { b } }", vec!["b"], vec![]),
            ("subscription { ... on Subscription { a { b } } }", vec!["b"], vec![]),
            (
                "subscription { ...F } fragment F on Subscription { ...G } fragment G on Subscription { a { ...H } } fragment H on A { b }",
                vec!["...H"],
                vec!["H"],
            ),
            ("subscription { a { b } ...F ...F } fragment F on Subscription { a { c } }", vec!["b", "c"], vec![]),
            ("subscription { a(t: 1, u: [2]) { b } a(u: [2], t: 1) { c } }", vec!["b", "c"], vec![]),
            // One that was not used before is still an error, which validation tells.
            ("subscription { a { b } } fragment U on A { b }", vec!["b"], vec!["U"]),
        ] {
            assert_eq!(asked(query), Ok(("a".to_owned(), texts(&names), texts(&fragments))), "{query}");
        }
    }

    #[test]
    fn several_fields_or_perhaps_none_are_refused() {
        for query in [
            "subscription { a { b } c }",
            "subscription { a { b } other: a { b } }",
            "subscription { x: a { b } x: c { b } }",
            "subscription { a(t: 1) { b } a(t: 2) { b } }",
            "subscription { a(t: 1) { b } a { b } }",
            "subscription { a(t: 1) { b } ... on Subscription { a(t: 1, u: 2) { b } } }",
            "subscription { ...F c } fragment F on Subscription { a { b } }",
            "subscription { a @include(if: true) { b } }",
            "subscription { ... @skip(if: false) { a { b } } }",
            "subscription { __typename }",
        ] {
            assert!(asked(query).is_err(), "{query}");
        }
    }
}
