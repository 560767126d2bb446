//! How much a request may ask for, checked before anything is executed.
//!
//! The text is scanned first (bytes, tokens, nesting), so that the parser, which recurses, never meets what could hurt it. The
//! parsed document is then measured in one pass: each fragment once, its measure reused at every spread, all sums saturating.
//! A fragment that spreads another twice, that one a third twice, and so on, is therefore counted in its full size without ever
//! being expanded.
//!
//! **Cost.** Every field costs 1. A field with `first` or `last` costs its fields times that number ([`UNKNOWN_LIST`] if it is
//! out of range); the lists without such arguments cost their fields times [`PLAIN_LIST`]; `nodes(ids:)` times the ids given;
//! an event of a `history` costs [`EVENT`] besides; `totalCount` costs [`COUNTING`]; a mutation [`MUTATING`]. **To give a new list without `first` its price:** name it in
//! [`PLAIN_LISTS`].

use async_graphql::parser::types::{
    DocumentOperations, ExecutableDocument, Field, FragmentDefinition, OperationDefinition, OperationType, Selection, SelectionSet,
};
use async_graphql::{Name, Pos, Positioned, Value, Variables};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// What one request may ask for at most. Each field is a setting of the hub, by its name in the table `limits`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Bytes of the document.
    pub bytes: usize,
    /// Tokens of the document.
    pub tokens: u64,
    /// Brackets of any kind within each other.
    pub nesting: u64,
    /// Fields within each other, fragments expanded.
    pub depth: u64,
    /// Aliases, fragments expanded.
    pub aliases: u64,
    /// Fields at the root, fragments expanded.
    pub root_fields: u64,
    /// Directives, fragments expanded.
    pub directives: u64,
    /// Selections of every kind, fragments expanded: what validation walks over.
    pub selections: u64,
    /// Lists of introspection (`fields`, `inputFields`, `interfaces`, `possibleTypes`) within each other.
    pub introspection_nesting: u64,
    /// The cost, by the table in this module's description.
    pub cost: u64,
}

/// The most that `nesting` may be set to: the library's parser gives up at 64 selection sets within each other.
pub const DEEPEST_NESTING: u64 = 60;
/// The most that `depth` may be set to: the executor calls itself for each level of fields, and a thread's stack holds only so many.
pub const DEEPEST_FIELDS: u64 = 32;
/// Bytes of stack that a thread needs to answer what these let through, several times over. The runtime's usual 2 MiB hold some 25 levels
/// in a build without optimisation.
pub const STACK: usize = 8 * 1024 * 1024;

impl Limits {
    /// Whether documents can be answered within these limits without danger.
    ///
    /// # Errors
    /// Names the limit, says what is wrong with it and what may be given.
    pub fn check(&self) -> Result<(), String> {
        let Self { bytes, tokens, nesting, depth, root_fields, selections, cost, aliases: _, directives: _, introspection_nesting: _ } =
            *self;
        let needed = [
            ("bytes", bytes as u64),
            ("tokens", tokens),
            ("nesting", nesting),
            ("depth", depth),
            ("root_fields", root_fields),
            ("selections", selections),
            ("cost", cost),
        ];
        if let Some((name, _)) = needed.iter().find(|(_, value)| *value == 0) {
            return Err(format!("{name} is 0: no document could be answered. Give at least 1, or leave it out."));
        }
        let deepest = [("nesting", nesting, DEEPEST_NESTING), ("depth", depth, DEEPEST_FIELDS)];
        match deepest.iter().find(|(_, value, most)| value > most) {
            Some((name, value, most)) => Err(format!("{name} is {value}: at most {most} can be answered without danger. Give less.")),
            None => Ok(()),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes: 64 * 1024,
            tokens: 4_000,
            nesting: 48,
            depth: 16,
            aliases: 60,
            root_fields: 30,
            directives: 60,
            selections: 4_000,
            introspection_nesting: 2,
            cost: 20_000,
        }
    }
}

/// How many items a list is taken to have whose size is not known beforehand.
pub const UNKNOWN_LIST: u64 = 100;
/// How many items a list without `first` is taken to have; such lists are short by nature.
pub const PLAIN_LIST: u64 = 10;
/// What it costs to count a whole list.
pub const COUNTING: u64 = 10;
/// What a mutation costs besides its answer.
pub const MUTATING: u64 = 50;
/// What each event of a history costs besides its fields: it is looked up in the log.
pub const EVENT: u64 = 5;
/// The lists that take no `first`.
pub const PLAIN_LISTS: [&str; 12] = [
    "answers",
    "apiTokens",
    "categories",
    "changes",
    "communities",
    "coordinators",
    "events",
    "organisations",
    "providers",
    "reactions",
    "revisions",
    "sessions",
];

/// A limit that a request goes beyond.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Beyond {
    /// What was asked, what is allowed, and what to do.
    pub message: String,
    /// Where, if it is at one place.
    pub at: Option<Pos>,
}

impl Beyond {
    fn limit(what: &str, found: u64, most: u64, remedy: &str) -> Self {
        // A saturated sum is no number to show.
        let found = if found == u64::MAX { "far too many".to_owned() } else { found.to_string() };
        Self { message: format!("The document has {found} {what}; at most {most} are taken. {remedy}"), at: None }
    }
}

/// What a request asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Measure {
    /// Fields within each other.
    pub depth: u64,
    /// Aliases.
    pub aliases: u64,
    /// Fields at this level.
    pub level_fields: u64,
    /// Directives.
    pub directives: u64,
    /// Selections of every kind.
    pub selections: u64,
    /// Introspection lists within each other.
    pub introspection_nesting: u64,
    /// The cost.
    pub cost: u64,
}

impl Measure {
    /// Beside each other in one selection set.
    fn add(&mut self, other: Self) {
        self.depth = self.depth.max(other.depth);
        self.aliases = self.aliases.saturating_add(other.aliases);
        self.level_fields = self.level_fields.saturating_add(other.level_fields);
        self.directives = self.directives.saturating_add(other.directives);
        self.selections = self.selections.saturating_add(other.selections);
        self.introspection_nesting = self.introspection_nesting.max(other.introspection_nesting);
        self.cost = self.cost.saturating_add(other.cost);
    }
}

/// Scans the text of a document before it is parsed.
///
/// # Errors
/// The limit that it goes beyond.
pub fn scan(document: &str, limits: &Limits) -> Result<(), Beyond> {
    if document.len() > limits.bytes {
        return Err(Beyond::limit(
            "bytes",
            document.len() as u64,
            limits.bytes as u64,
            "Send values as variables, and several smaller requests.",
        ));
    }
    let bytes = document.as_bytes();
    let (mut at, mut tokens, mut nesting, mut deepest) = (0, 0u64, 0u64, 0u64);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b' ' | b'\t' | b'\n' | b'\r' | b',' | 0xEF | 0xBB | 0xBF => at += 1,
            b'#' => at += bytes[at..].iter().position(|b| matches!(b, b'\n' | b'\r')).unwrap_or(bytes.len() - at),
            b'"' => {
                tokens += 1;
                at = end_of_string(bytes, at);
            }
            b'{' | b'[' | b'(' => {
                tokens += 1;
                nesting += 1;
                deepest = deepest.max(nesting);
                at += 1;
            }
            b'}' | b']' | b')' => {
                tokens += 1;
                nesting = nesting.saturating_sub(1);
                at += 1;
            }
            _ if is_word(*byte) => {
                tokens += 1;
                at += bytes[at..].iter().position(|b| !is_word(*b)).unwrap_or(bytes.len() - at);
            }
            _ => {
                tokens += 1;
                at += 1;
            }
        }
    }
    if tokens > limits.tokens {
        return Err(Beyond::limit("tokens", tokens, limits.tokens, "Ask for less at once."));
    }
    if deepest > limits.nesting {
        return Err(Beyond::limit("brackets within each other", deepest, limits.nesting, "Ask for less at once."));
    }
    Ok(())
}

/// Letters, digits and what numbers are made of: these run together into one token.
fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'+' | b'.')
}

/// Just after the string that opens here; the document's end if it is never closed.
fn end_of_string(bytes: &[u8], start: usize) -> usize {
    let block = bytes[start..].starts_with(b"\"\"\"");
    let mut at = start + if block { 3 } else { 1 };
    while at < bytes.len() {
        if block {
            if bytes[at..].starts_with(b"\\\"\"\"") {
                at += 4;
            } else if bytes[at..].starts_with(b"\"\"\"") {
                return at + 3;
            } else {
                at += 1;
            }
        } else {
            match bytes[at] {
                b'\\' => at += 2,
                b'"' => return at + 1,
                b'\n' | b'\r' => return at,
                _ => at += 1,
            }
        }
    }
    bytes.len()
}

/// Measures what a request asks for, and holds it against the limits. The whole document counts for what validation walks
/// over, the operation that shall run for all else.
///
/// # Errors
/// The limit that it goes beyond.
pub fn check(
    document: &ExecutableDocument,
    operation: &OperationDefinition,
    variables: &Variables,
    limits: &Limits,
) -> Result<Measure, Beyond> {
    let variables = with_defaults(operation, variables);
    let mut meter =
        Meter { fragments: &document.fragments, variables: &variables, known: HashMap::with_capacity(document.fragments.len()) };
    let mut walked = 0u64;
    let operations: Vec<&OperationDefinition> = match &document.operations {
        DocumentOperations::Single(only) => vec![&only.node],
        DocumentOperations::Multiple(all) => all.values().map(|operation| &operation.node).collect(),
    };
    for other in operations {
        walked = walked.saturating_add(meter.operation(other)?.selections);
    }
    for name in document.fragments.keys() {
        walked = walked.saturating_add(meter.fragment(name)?.selections);
    }
    let measure = meter.operation(operation)?;
    let smaller = "Ask for less at once.";
    let all = [
        ("selections, fragments counted wherever they are spread", walked, limits.selections, smaller),
        ("levels of fields within each other", measure.depth, limits.depth, "Ask in several requests, going on from ids with “node”."),
        ("aliases", measure.aliases, limits.aliases, "Send several requests."),
        ("fields at the root", measure.level_fields, limits.root_fields, "Send several requests."),
        ("directives", measure.directives, limits.directives, smaller),
        (
            "lists of the introspection within each other",
            measure.introspection_nesting,
            limits.introspection_nesting,
            "The whole schema is at /schema.graphql.",
        ),
        ("points of cost", measure.cost, limits.cost, "Ask for fewer items (“first”), or fewer lists within lists."),
    ];
    match all.into_iter().find(|(_, found, most, _)| found > most) {
        Some((what, found, most, remedy)) => Err(Beyond::limit(what, found, most, remedy)),
        None => Ok(measure),
    }
}

struct Meter<'a> {
    fragments: &'a HashMap<Name, Positioned<FragmentDefinition>>,
    variables: &'a Variables,
    /// Each fragment's measure; none while it is being measured.
    known: HashMap<&'a str, Option<Measure>>,
}

impl<'a> Meter<'a> {
    fn operation(&mut self, operation: &'a OperationDefinition) -> Result<Measure, Beyond> {
        let mut measure = self.selection_set(&operation.selection_set.node)?;
        let on_variables: usize = operation.variable_definitions.iter().map(|definition| definition.node.directives.len()).sum();
        measure.directives = measure.directives.saturating_add((operation.directives.len() + on_variables) as u64);
        if operation.ty == OperationType::Mutation {
            measure.cost = measure.cost.saturating_add(measure.level_fields.saturating_mul(MUTATING));
        }
        Ok(measure)
    }

    fn selection_set(&mut self, set: &'a SelectionSet) -> Result<Measure, Beyond> {
        let mut sum = Measure::default();
        for selection in &set.items {
            let mut measure = match &selection.node {
                Selection::Field(field) => self.field(&field.node)?,
                Selection::InlineFragment(fragment) => self.selection_set(&fragment.node.selection_set.node)?,
                Selection::FragmentSpread(spread) => {
                    let name = spread.node.fragment_name.node.as_str();
                    // One that does not exist is for validation to report.
                    if self.fragments.contains_key(name) { self.fragment(name)? } else { Measure::default() }
                }
            };
            measure.selections = measure.selections.saturating_add(1);
            measure.directives = measure.directives.saturating_add(selection.node.directives().len() as u64);
            sum.add(measure);
        }
        Ok(sum)
    }

    fn fragment(&mut self, name: &str) -> Result<Measure, Beyond> {
        let Some((name, definition)) = self.fragments.get_key_value(name) else { return Ok(Measure::default()) };
        match self.known.get(name.as_str()) {
            Some(Some(measure)) => return Ok(*measure),
            Some(None) => {
                return Err(Beyond {
                    message: format!("The fragment “{name}” spreads itself, directly or through others."),
                    at: Some(definition.pos),
                });
            }
            None => {}
        }
        self.known.insert(name.as_str(), None);
        let mut measure = self.selection_set(&definition.node.selection_set.node)?;
        measure.directives = measure.directives.saturating_add(definition.node.directives.len() as u64);
        self.known.insert(name.as_str(), Some(measure));
        Ok(measure)
    }

    fn field(&mut self, field: &'a Field) -> Result<Measure, Beyond> {
        let within = self.selection_set(&field.selection_set.node)?;
        let name = field.name.node.as_str();
        let introspection_list = u64::from(matches!(name, "fields" | "inputFields" | "interfaces" | "possibleTypes"));
        let own = if name == "totalCount" { COUNTING } else { 1 };
        let each = if name == "history" { within.cost.saturating_add(EVENT) } else { within.cost };
        Ok(Measure {
            depth: within.depth.saturating_add(1),
            aliases: within.aliases.saturating_add(u64::from(field.alias.is_some())),
            level_fields: 1,
            directives: within.directives,
            selections: within.selections,
            introspection_nesting: within.introspection_nesting.saturating_add(introspection_list),
            cost: self.times(field).saturating_mul(each).saturating_add(own),
        })
    }

    /// How many items the field's list may have; 1 for what is no list.
    fn times(&self, field: &Field) -> u64 {
        for name in ["first", "last"] {
            match self.argument(field, name) {
                Argument::Left => {}
                Argument::Given(Value::Number(number)) => return number.as_u64().unwrap_or(UNKNOWN_LIST).clamp(1, UNKNOWN_LIST),
                Argument::Given(_) => return UNKNOWN_LIST,
            }
        }
        match self.argument(field, "ids") {
            Argument::Given(Value::List(ids)) => return (ids.len() as u64).max(1),
            Argument::Given(_) | Argument::Left => {}
        }
        if PLAIN_LISTS.contains(&field.name.node.as_str()) { PLAIN_LIST } else { 1 }
    }

    fn argument(&self, field: &Field, name: &str) -> Argument {
        let Some(value) = field.get_argument(name) else { return Argument::Left };
        // A variable that was left out says as little as an argument that was left out; defaults are filled in before.
        match value.node.clone().into_const_with(|name| self.variables.get(&name).cloned().ok_or(())) {
            Ok(Value::Null) | Err(()) => Argument::Left,
            Ok(value) => Argument::Given(value),
        }
    }
}

/// What a field's argument says.
enum Argument {
    Left,
    Given(Value),
}

/// The variables with the defaults of those that were left out.
fn with_defaults(operation: &OperationDefinition, variables: &Variables) -> Variables {
    let mut variables = variables.clone();
    for definition in &operation.variable_definitions {
        if let Some(default) = &definition.node.default_value {
            variables.entry(definition.node.name.node.clone()).or_insert_with(|| default.node.clone());
        }
    }
    variables
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_graphql::parser::parse_query;
    use proptest::prelude::*;
    use std::fmt::Write as _;

    fn measure(document: &str, variables: &Variables) -> Result<Measure, Beyond> {
        scan(document, &Limits::default())?;
        let document = parse_query(document).unwrap();
        let (_, operation) = document.operations.iter().next().unwrap();
        check(&document, &operation.node, variables, &Limits::default())
    }

    fn cost(document: &str) -> u64 {
        measure(document, &Variables::default()).unwrap().cost
    }

    fn bomb(levels: usize) -> String {
        let mut text = "{ ...F0 }".to_owned();
        for level in 0..levels {
            write!(text, " fragment F{level} on Query {{ ...F{next} ...F{next} }}", next = level + 1).unwrap();
        }
        write!(text, " fragment F{levels} on Query {{ __typename }}").unwrap();
        text
    }

    #[test]
    fn the_cost_follows_the_table() {
        assert_eq!(cost("{ hub { version } }"), 2);
        assert_eq!(cost("{ threads(first: 20) { nodes { id title } } }"), 1 + 20 * 3);
        assert_eq!(cost("{ threads(first: 20) { totalCount } }"), 1 + 20 * COUNTING);
        assert_eq!(cost("{ threads(last: 5) { nodes { answers { id } } } }"), 1 + 5 * (1 + 1 + PLAIN_LIST));
        assert_eq!(cost("{ nodes(ids: [\"a\", \"b\", \"c\"]) { id } }"), 1 + 3);
        assert_eq!(
            cost("{ node(id: \"a\") { ... on Thread { history(first: 7) { nodes { id changes { field } } } } } }"),
            1 + 1 + 7 * (EVENT + 1 + 1 + 1 + PLAIN_LIST)
        );
        assert_eq!(cost("mutation { a { b } }"), 2 + MUTATING);
        assert_eq!(cost("query ($n: Int = 7) { threads(first: $n) { pageInfo { endCursor } } }"), 1 + 7 * 2);
        let given = Variables::from_json(serde_json::json!({ "n": 3 }));
        assert_eq!(measure("query ($n: Int = 7) { threads(first: $n) { pageInfo { endCursor } } }", &given).unwrap().cost, 1 + 3 * 2);
        // A number that is no possible size will be refused by the field; until then it counts as the largest.
        assert_eq!(cost("{ threads(first: -1) { totalCount } }"), 1 + 100 * COUNTING);
    }

    #[test]
    fn a_fragment_counts_wherever_it_is_spread() {
        let one = cost("{ a: hub { ...F } } fragment F on Hub { version position }");
        let two = cost("{ a: hub { ...F } b: hub { ...F } } fragment F on Hub { version position }");
        assert_eq!((one, two), (3, 6));
    }

    #[test]
    fn a_fragment_bomb_is_refused_however_deep() {
        for levels in [12, 28, 60, 200] {
            let error = measure(&bomb(levels), &Variables::default()).unwrap_err();
            assert!(error.message.contains("selections"), "{levels}: {}", error.message);
        }
    }

    #[test]
    fn a_fragment_that_spreads_itself_is_refused() {
        for document in [
            "{ ...A } fragment A on Query { ...A }",
            "{ ...A } fragment A on Query { hub { ...B } } fragment B on Hub { ...A }",
            "{ hub { version } } fragment A on Query { ...B } fragment B on Query { ...A }",
        ] {
            assert!(measure(document, &Variables::default()).unwrap_err().message.contains("spreads itself"), "{document}");
        }
    }

    #[test]
    fn each_limit_is_held() {
        let deep = format!("{}a{}", "{a".repeat(20), "}".repeat(20));
        let aliases = (0..70).fold("{".to_owned(), |text, n| text + &format!(" hub{n}: hub {{ version }}")) + "}";
        let roots = format!("{{ {} }}", "hub ".repeat(40));
        let directives = format!("{{ hub {} }}", "@a ".repeat(70));
        let lists = "{ communities(first: 100) { nodes { threads(first: 100) { nodes { title author { name } } } } } }".to_owned();
        let introspection = "{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }".to_owned();
        for (document, what) in [
            (deep, "levels"),
            (aliases, "aliases"),
            (roots, "root"),
            (directives, "directives"),
            (lists, "cost"),
            (introspection, "introspection"),
            (format!("{{ a(b: \"{}\") }}", "x".repeat(70_000)), "bytes"),
            (format!("{{ {} }}", "a ".repeat(5_000)), "tokens"),
            (format!("{{ a(b: {}1{}) }}", "[".repeat(60), "]".repeat(60)), "brackets"),
        ] {
            let error = measure(&document, &Variables::default()).unwrap_err();
            assert!(error.message.contains(what), "{what}: {}", error.message);
        }
    }

    #[test]
    fn brackets_within_strings_and_comments_do_not_count() {
        let limits = Limits::default();
        let open = "{".repeat(100);
        assert_eq!(scan(&format!("{{ a(b: \"{open} \\\" {open}\") # {open}\n }}"), &limits), Ok(()));
        assert_eq!(scan(&format!("{{ a(b: \"\"\"{open} \\\"\"\" \"\" {open}\"\"\") }}"), &limits), Ok(()));
        assert!(scan(&format!("\"closed\" {open}"), &limits).is_err());
        // A string ends with its line, whatever the parser then says of it.
        assert!(scan(&format!("\"open\n{open}"), &limits).is_err());
    }

    #[test]
    fn the_usual_introspection_fits() {
        let introspection = include_str!("introspection.graphql");
        let measure = measure(introspection, &Variables::default()).unwrap();
        assert!(measure.introspection_nesting <= 2 && measure.depth <= 16, "{measure:?}");
    }

    /// Documents that parse, with fragments that spread each other at will.
    fn document() -> impl Strategy<Value = String> {
        let set = prop::collection::vec(
            prop_oneof![
                "[a-z]{1,3}".prop_map(|name| name),
                (0usize..6).prop_map(|n| format!("...F{n}")),
                "[a-z]{1,2}".prop_map(|name| format!("{name} {{ id ...F1 }}")),
                Just("... on A { b }".to_owned()),
                (1u32..200).prop_map(|n| format!("threads(first: {n}) {{ nodes {{ id ...F2 }} }}")),
            ],
            1..6,
        );
        prop::collection::vec(set, 7).prop_map(|sets| {
            let mut text = String::new();
            for (n, set) in sets.iter().enumerate() {
                let head = if n == 0 { String::new() } else { format!("fragment F{} on A ", n - 1) };
                write!(text, "{head}{{ {} }} ", set.join(" ")).unwrap();
            }
            text
        })
    }

    /// The selections of a set with every fragment expanded, counted the slow way; none if a fragment spreads itself.
    fn expanded(document: &ExecutableDocument, set: &SelectionSet, path: &mut Vec<String>) -> Option<u64> {
        let mut sum = 0u64;
        for selection in &set.items {
            sum += 1 + match &selection.node {
                Selection::Field(field) => expanded(document, &field.node.selection_set.node, path)?,
                Selection::InlineFragment(fragment) => expanded(document, &fragment.node.selection_set.node, path)?,
                Selection::FragmentSpread(spread) => {
                    let name = spread.node.fragment_name.node.to_string();
                    if path.contains(&name) {
                        return None;
                    }
                    let Some(fragment) = document.fragments.get(name.as_str()) else { continue };
                    path.push(name);
                    let inner = expanded(document, &fragment.node.selection_set.node, path)?;
                    path.pop();
                    inner
                }
            };
        }
        Some(sum)
    }

    proptest! {
        #[test]
        fn measuring_once_counts_what_expanding_would(text in document()) {
            let parsed = parse_query(&text).unwrap();
            let DocumentOperations::Single(operation) = &parsed.operations else { panic!("one operation") };
            let generous = Limits { selections: u64::MAX, cost: u64::MAX, depth: u64::MAX, root_fields: u64::MAX, ..Limits::default() };
            let found = check(&parsed, &operation.node, &Variables::default(), &generous);
            match (found, expanded(&parsed, &operation.node.selection_set.node, &mut Vec::new())) {
                (Ok(measure), Some(selections)) => prop_assert_eq!(measure.selections, selections),
                (Ok(_), None) => prop_assert!(false, "a cycle was overlooked: {}", text),
                // A cycle among fragments that the operation does not reach is refused too.
                (Err(error), _) => prop_assert!(error.message.contains("spreads itself"), "{}", error.message),
            }
        }

        #[test]
        fn any_text_is_scanned_without_a_panic(text in "[\\PC\n\"\\\\{}()\\[\\]#]{0,200}") {
            let _ = scan(&text, &Limits::default());
        }
    }
}
