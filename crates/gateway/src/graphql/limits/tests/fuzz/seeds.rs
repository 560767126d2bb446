//! What is mutated at first.

use super::super::generator::documents;
use super::Case;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

/// Documents that have something to them: what is dear, deep, circular, badly closed, or was once taken wrongly.
const WRITTEN: &[(&str, &str)] = &[
    ("{ hub { version } }", "{}"),
    ("query ($n: Int = 7) { threads(first: $n) { totalCount nodes { id title author { name } } } }", r#"{"n":20}"#),
    ("query ($ids: [ID!]!) { nodes(ids: $ids) { id ... on Thread { posts(first: 5) { nodes { html } } } } }", r#"{"ids":["a","b"]}"#),
    ("mutation ($input: ThreadReplyInput!) { threadReply(input: $input) { userErrors { code } } }", r#"{"input":{"text":"a"}}"#),
    (
        "mutation ($name: String!) { profileChange(input: { commandId: \"0197a5f0-0000-7000-8000-000000000001\", name: $name, about: \"\" }) { userErrors { code } } }",
        "{}",
    ),
    ("subscription { threadActivity(thread: \"a\") { kind } }", "{}"),
    ("{ a: hub { ...F } b: hub { ...F } } fragment F on Hub { version position }", "{}"),
    ("{ ...F0 } fragment F0 on Query { ...F1 ...F1 } fragment F1 on Query { ...F2 ...F2 } fragment F2 on Query { __typename }", "{}"),
    ("{ ...A } fragment A on Query { hub { ...B } } fragment B on Hub { ...A }", "{}"),
    ("query A($x: ID!) { node(id: $x) { id } } query B($x: ID = \"a\") { node(id: $x) { id } }", r#"{"x":"a"}"#),
    ("{ communities(first: 10) { nodes { threads(first: 20) { nodes { posts(first: 5) { nodes { html } } } } } } }", "{}"),
    ("{ __schema { types { fields { type { fields { name } } } } } }", "{}"),
    ("query ($a: [Nope] = [1]) { hub { version } }", "{}"),
    ("query ($yes: Boolean!) { hub @include(if: $yes) { version @skip(if: false) } }", r#"{"yes":true}"#),
    ("{a(b:[\"\"\" x\" [[1]]])}", "{}"),
    ("{ a(b: \"\"\"{ \\\"\"\" \"\" [\"\"\", c: \"\\u00e9 \\\" \\\\\") # { \"\n }", r#"{"a":[[[]]],"b":{"c":{"d":"\"[,"}}}"#),
    ("{ ... on ThreadConnection { nodes { id } } }", "{}"),
    ("{...A...A...A}fragment A on Query{a:hub{version}}", "{}"),
];

/// The cases that all others come from.
pub(super) fn corpus(seed: u64) -> Vec<Case> {
    let written = WRITTEN.iter().chain([&(include_str!("../../../introspection.graphql"), "{}")]);
    let mut corpus: Vec<Case> =
        written.map(|(text, sent)| Case { text: (*text).to_owned(), sent: (*sent).to_owned(), chosen: 0 }).collect();
    let mut bytes = [1; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let mut runner = TestRunner::new_with_rng(Config::default(), TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    let strategy = documents();
    corpus.extend((0..60).map(|_| {
        let written = strategy.new_tree(&mut runner).unwrap().current();
        Case { text: written.text, sent: written.variables.to_string(), chosen: written.chosen }
    }));
    corpus
}
