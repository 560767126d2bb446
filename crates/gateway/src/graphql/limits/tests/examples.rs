use crate::graphql::limits::cost::{COUNTING, FIELD, LARGEST_PAGE, MUTATING, RECALLING, RENDERING, SUBSCRIBING, prices};
use crate::graphql::limits::*;
use async_graphql::Variables;
use async_graphql::parser::parse_query;
use serde_json::json;
use std::fmt::Write as _;

fn measure_with(document: &str, variables: &Variables) -> Result<Measure, Unfit> {
    scan(document, &Limits::default())?;
    let document = parse_query(document).unwrap();
    let (_, operation) = document.operations.iter().next().unwrap();
    check(&document, &operation.node, variables, prices(), &Limits::default())
}

fn measure(document: &str) -> Result<Measure, Unfit> {
    measure_with(document, &Variables::default())
}

fn cost(document: &str) -> u64 {
    measure(document).unwrap().cost()
}

fn given(variables: serde_json::Value) -> Variables {
    Variables::from_json(variables)
}

/// F0 spreads F1 twice, F1 spreads F2 twice, and so on.
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
    assert_eq!(cost("{ hub { version } }"), 2 * FIELD);
    // The page itself, and for each of twenty the item with two fields.
    assert_eq!(cost("{ threads(first: 20) { nodes { id title } } }"), 1 + 20 * 3);
    assert_eq!(cost("{ threads(last: 5) { edges { cursor node { id } } } }"), 1 + 5 * 4);
    // What stands beside the items counts once; twenty rows are read nevertheless.
    assert_eq!(cost("{ threads(first: 20) { totalCount pageInfo { endCursor } } }"), 1 + COUNTING + 2 + 20);
    assert_eq!(cost("{ threads(last: 5) { nodes { answers { id } } } }"), 1 + 5 * (1 + 1 + 5));
    assert_eq!(cost("{ nodes(ids: [\"a\", \"b\", \"c\"]) { id } }"), 1 + 3);
    assert_eq!(
        cost("{ node(id: \"a\") { ... on Thread { history(first: 7) { nodes { id changes { field } } } } } }"),
        1 + 1 + 7 * (1 + RECALLING + 1 + 1 + 5)
    );
    assert_eq!(cost("{ markdownPreview(source: \"*a*\") }"), RENDERING);
    // What no page is around comes once.
    assert_eq!(cost("{ ... on ThreadConnection { nodes { id } } }"), 1 + 1);
    // Lists within lists multiply.
    assert_eq!(
        cost("{ communities(first: 10) { nodes { threads(first: 20) { nodes { posts(first: 5) { nodes { html } } } } } } }"),
        1 + 10 * (1 + 1 + 20 * (1 + 1 + 5 * (1 + RENDERING)))
    );
    assert_eq!(cost("mutation { threadLock(input: {}) { thread { title } userErrors { code } } }"), MUTATING + 1 + 2 + (1 + 2));
    assert_eq!(cost("subscription { threadActivity(thread: \"a\") { kind } }"), SUBSCRIBING + 1 + 1);
}

#[test]
fn a_page_is_as_large_as_its_arguments_say() {
    let document = "query ($n: Int = 7) { threads(first: $n) { nodes { id } } }";
    let of = |variables| measure_with(document, &given(variables)).unwrap().cost();
    assert_eq!(of(json!({})), 1 + 7 * 2);
    assert_eq!(of(json!({ "n": 3 })), 1 + 3 * 2);
    // The field will refuse these: as the largest, or as none at all.
    assert_eq!(of(json!({ "n": -1 })), 1 + LARGEST_PAGE * 2);
    assert_eq!(of(json!({ "n": 1e30 })), 1 + LARGEST_PAGE * 2);
    assert_eq!(of(json!({ "n": "many" })), 1 + LARGEST_PAGE * 2);
    assert_eq!(of(json!({ "n": null })), 1 + 2);
    assert_eq!(cost("{ threads(first: 4000000000) { nodes { id } } }"), 1 + LARGEST_PAGE * 2);
    assert_eq!(cost("{ threads { nodes { id } } }"), 1 + 2);
    let ids = given(json!({ "ids": ["a", "b"] }));
    assert_eq!(measure_with("query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", &ids).unwrap().cost(), 1 + 2);
    // A default of another operation is not this one's.
    let two = "query A($n: Int) { threads(first: $n) { nodes { id } } } query B($n: Int = 90) { threads(first: $n) { nodes { id } } }";
    let document = parse_query(two).unwrap();
    let chosen = document.operations.iter().find(|(name, _)| name.is_some_and(|name| name == "A")).unwrap().1;
    let cost = check(&document, &chosen.node, &Variables::default(), prices(), &Limits::default()).unwrap().cost();
    assert_eq!(cost, 1 + 2);
}

#[test]
fn a_fragment_counts_wherever_it_is_spread() {
    let one = cost("{ a: hub { ...F } } fragment F on Hub { version position }");
    let two = cost("{ a: hub { ...F } b: hub { ...F } } fragment F on Hub { version position }");
    assert_eq!((one, two), (3, 6));
    // Also where it stands for the items of a page, and for what is beside them.
    let page = "fragment P on ThreadConnection { totalCount nodes { id } }";
    assert_eq!(cost(&format!("{{ threads(first: 9) {{ ...P }} }} {page}")), 1 + COUNTING + 9 * 2);
    assert_eq!(
        cost(&format!("{{ a: threads(first: 9) {{ ...P ... on ThreadConnection {{ nodes {{ title }} }} }} }} {page}")),
        1 + COUNTING + 9 * 4
    );
}

#[test]
fn a_fragment_bomb_is_refused_however_deep() {
    for levels in [12, 28, 60, 99] {
        let error = measure(&bomb(levels)).unwrap_err();
        assert!(error.message.contains("selections"), "{levels}: {}", error.message);
    }
    assert!(measure(&bomb(200)).unwrap_err().message.contains("fragments"));
}

#[test]
fn a_fragment_that_spreads_itself_is_refused() {
    for document in [
        "{ ...A } fragment A on Query { ...A }",
        "{ ...A } fragment A on Query { hub { ...B } } fragment B on Hub { ...A }",
        "{ hub { version } } fragment A on Query { ...B } fragment B on Query { ...A }",
    ] {
        assert!(measure(document).unwrap_err().message.contains("spreads itself"), "{document}");
    }
}

#[test]
fn each_limit_of_the_document_is_held() {
    let repeat = |count: usize, what: &str| what.repeat(count);
    let aliases = (0..70).fold("{ hub {".to_owned(), |text, n| text + &format!(" v{n}: version")) + "} }";
    let operations = (0..60).fold(String::new(), |text, n| text + &format!(" query Q{n} {{ hub {{ version }} }}"));
    let fragments = (0..110).fold("{ hub { version } }".to_owned(), |text, n| text + &format!(" fragment F{n} on Hub {{ version }}"));
    let declared = (0..110).fold(String::new(), |text, n| text + &format!("$v{n}: Int "));
    for (document, what) in [
        (format!("{}a{}", repeat(20, "{a"), repeat(20, "}")), "levels of fields"),
        (aliases, "aliases"),
        (operations, "operations"),
        (fragments, "fragments"),
        (format!("query ({declared}) {{ hub {{ version }} }}"), "variables"),
        (format!("{{ {} }}", repeat(40, "hub ")), "fields at the root"),
        (format!("{{ hub {{ {} }} }}", repeat(400, "version ")), "beside each other"),
        (format!("{{ hub {{ {} }} }} fragment F on Hub {{ version position }}", repeat(200, "...F ")), "beside each other"),
        (format!("{{ hub {{ {} }} }}", (0..30).fold(String::new(), |text, n| text + &format!("x{n} "))), "does not have"),
        (format!("{{ {} }}", repeat(200, "a")), "bytes in one name"),
        (format!("{{ a(b: {}) }}", repeat(200, "9")), "bytes in one name or number"),
        (format!("{{ hub {} }}", repeat(70, "@a ")), "directives"),
        (format!("query ($a: Int {}) {{ hub {{ version }} }}", repeat(70, "@a ")), "directives"),
        ("{ communities(first: 100) { nodes { threads(first: 100) { nodes { title author { name } } } } } }".to_owned(), "cost"),
        ("{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }".to_owned(), "introspection"),
        (format!("{{ a(b: \"{}\") }}", repeat(70_000, "x")), "bytes of GraphQL"),
        (format!("{{ {} }}", repeat(5_000, "a ")), "tokens"),
        (format!("{{ a(b: {}1{}) }}", repeat(60, "["), repeat(60, "]")), "brackets"),
        (format!("{{ a(b: {}1{}) }}", repeat(20, "["), repeat(20, "]")), "lists and objects within each other"),
        (format!("{{ a(b: [{}]) }}", repeat(1_100, "1 ")), "items in one list"),
        (format!("{{ a({}) }}", (0..1_100).fold(String::new(), |text, n| text + &format!("a{n}:1 "))), "items in one list"),
    ] {
        let error = measure(&document).unwrap_err();
        assert!(error.message.contains(what), "{what}: {}", error.message);
        assert_eq!(error.code(), "TOO_COMPLEX");
    }
}

#[test]
fn an_operation_that_is_not_run_is_held_to_the_limits_too() {
    let deep = format!("query A {{ hub {{ version }} }} query B {}a{}", "{a".repeat(20), "}".repeat(20));
    let document = parse_query(deep).unwrap();
    let chosen = document.operations.iter().find(|(name, _)| name.is_some_and(|name| name == "A")).unwrap().1;
    let error = check(&document, &chosen.node, &Variables::default(), prices(), &Limits::default()).unwrap_err();
    assert!(error.message.contains("levels of fields"), "{}", error.message);
}

#[test]
fn each_limit_of_the_variables_is_held() {
    let document = "query ($x: [ID!]!) { nodes(ids: $x) { id } }";
    let nested = (0..20).fold(json!(1), |value, _| json!([value]));
    let objects = (0..20).fold(json!(1), |value, _| json!({ "a": value }));
    let many: serde_json::Map<String, serde_json::Value> = (0..110).map(|n| (format!("v{n}"), json!(n))).collect();
    let lists = vec![vec![1; 900]; 12];
    for (variables, what) in [
        (json!({ "x": nested }), "lists and objects within each other"),
        (json!({ "x": objects }), "lists and objects within each other"),
        (json!({ "x": vec!["a"; 1_001] }), "items in one list"),
        (json!({ "x": lists }), "values in arguments"),
        (json!({ "x": "a".repeat(600_000) }), "bytes in one string"),
        (json!({ "x": vec!["a".repeat(500_000); 5] }), "bytes in strings"),
        (serde_json::Value::Object(many), "variables"),
        // What no operation uses counts too: it was read.
        (json!({ "x": [], "unused": lists }), "values in arguments"),
    ] {
        let error = measure_with(document, &given(variables)).unwrap_err();
        assert!(error.message.contains(what), "{what}: {}", error.message);
    }
}

#[test]
fn a_variable_counts_wherever_it_is_used() {
    let uses = (0..30).fold(String::new(), |text, n| text + &format!(" a{n}: node(id: $x) {{ id }}"));
    let large = given(json!({ "x": "a".repeat(100_000) }));
    assert!(measure_with("query ($x: ID!) { node(id: $x) { id } }", &large).is_ok());
    for document in [
        format!("query ($x: ID!) {{ {uses} }}"),
        format!("query ($x: ID!) {{ ...F }} fragment F on Query {{ {uses} }}"),
        // In an operation that is not run, through its own default.
        format!("query A($x: ID!) {{ node(id: $x) {{ id }} }} query B($x: ID = \"a\") {{ {uses} }}"),
    ] {
        let document = parse_query(document).unwrap();
        let operations = document.operations.iter();
        let chosen = operations.min_by_key(|(name, _)| name.map(ToString::to_string)).unwrap().1;
        let error = check(&document, &chosen.node, &large, prices(), &Limits::default()).unwrap_err();
        assert!(error.message.contains("bytes in strings"), "{}", error.message);
    }
}

#[test]
fn what_is_looked_at_is_no_more_than_there_is() {
    for levels in [3, 6, 8] {
        // Beside each other at each level, and within each other.
        let text = bomb(levels).replace("{ __typename }", "{ hub { version } }");
        let text = text.replacen("{ ...F0 }", "{ hub { ...F0 } }", 1);
        let tokens = scan(&text, &Limits::default()).unwrap().tokens;
        let measure = measure(&text).unwrap();
        assert!(measure.visits <= tokens, "{measure:?}");
        assert!(measure.selections > 1 << levels, "{measure:?}");
    }
}

#[test]
fn the_json_of_many_values_is_refused_before_it_is_parsed() {
    let limits = Limits::default();
    let body = |value: String| format!("{{\"query\": \"{{ a }}\", \"variables\": {{ \"x\": {value} }} }}");
    for (value, fits) in [
        (format!("[{}1]", "1,".repeat(9_000)), true),
        (format!("[{}1]", "1,".repeat(20_000)), false),
        (format!("[{}{{}}]", "{},".repeat(20_000)), false),
        // An empty list is one value, as an empty object is.
        (format!("[{}[ ]]", "{},".repeat(9_000)), true),
        ("[".repeat(20_000), false),
        // Within a string there are no values.
        (format!("\"{}\"", "[,{".repeat(20_000)), true),
        (format!("\"\\\"{}\"", "[,{".repeat(20_000)), true),
        (format!("\"\\\\\"{}", "[,{".repeat(20_000)), false),
    ] {
        assert_eq!(scan_json(body(value).as_bytes(), &limits).is_ok(), fits);
    }
}

#[test]
fn every_token_counts_whether_or_not_there_is_space_between() {
    let limits = Limits::default();
    let tokens = |document: &str| scan(document, &limits).map(|scanned| scanned.tokens);
    let name = "A".repeat(100);
    for (document, expected) in [
        (format!("{{...{name}...{name}...{name}}}"), 8),
        ("{a,b:c(d:-1.5e+3,e:[1 .5])}".to_owned(), 17),
        ("query($a:[ID!]!=[])@b{c}".to_owned(), 19),
        ("\u{feff}#a b c\r{#\n}".to_owned(), 2),
        ("\"a b\" \"\"\"c d\"\"\"\"\"".to_owned(), 3),
    ] {
        assert_eq!(tokens(&document), Ok(expected), "{document}");
    }
    assert!(scan(&format!("{{{}}}", "...A".repeat(4_000)), &limits).unwrap_err().message.contains("tokens"));
}

#[test]
fn brackets_within_strings_and_comments_do_not_count() {
    let limits = Limits::default();
    let open = "{".repeat(100);
    assert!(scan(&format!("{{ a(b: \"{open} \\\" {open}\") # {open}\n }}"), &limits).is_ok());
    assert!(scan(&format!("{{ a(b: \"\"\"{open} \\\"\"\" \"\" {open}\"\"\") }}"), &limits).is_ok());
    assert!(scan(&format!("\"closed\" {open}"), &limits).is_err());
    assert!(scan(&format!("\"\"\"closed\"\"\" {open}"), &limits).is_err());
    assert!(scan(&format!("#\r{open}"), &limits).is_err());
}

#[test]
fn a_string_that_is_never_closed_is_refused_before_the_parser_sees_it() {
    let limits = Limits::default();
    let open = "[".repeat(20_000);
    // That the parser takes this apart as it does is why; were it to stop, nothing would be lost.
    assert!(parse_query("{a(b:[\"\"\" x\" [[1]]])}").is_ok());
    for (text, line, column) in [
        // The parser would read an empty string, the string « x», and then twenty thousand brackets within each other.
        (format!("{{a(b:[\"\"\" x\" {open}"), 1, 7),
        (format!("{{\n a(b: \"{open}\n"), 2, 7),
        (format!("{{\n a(b: \"{open}\\\n\""), 2, 7),
        ("\"".to_owned(), 1, 1),
        ("\"\\".to_owned(), 1, 1),
        ("\"\"\"\\\"\"\"".to_owned(), 1, 1),
        ("é \"\"\"a\"\"".to_owned(), 1, 3),
    ] {
        let unfit = scan(&text, &limits).unwrap_err();
        assert_eq!((unfit.code(), unfit.at), ("GRAPHQL_PARSE_FAILED", Some(Pos { line, column })), "{}", &text[..text.len().min(20)]);
    }
    assert!(scan("{ a(b: \"\" c: \"\"\"\"\"\" d: \"\\\\\") }", &limits).is_ok());
}

/// The parser, and whatever walks over what it made, on a thread with half of the stack that the hub's own have.
#[test]
fn what_the_scan_lets_through_does_not_overflow_the_stack() {
    let limits = Limits::default();
    let most = usize::try_from(limits.nesting).unwrap();
    let deep = |open: &str, within: &str, close: &str, around: usize| {
        (open.repeat(most - around) + within + &close.repeat(most - around), format!("{open}…"))
    };
    let (sets, _) = deep("{a", "", "}", 0);
    let (inline, _) = deep("{...", "{a}", "}", 1);
    let (lists, _) = deep("[", "1", "]", 2);
    let (objects, _) = deep("{a:", "1", "}", 2);
    let (types, _) = deep("[", "A", "]", 1);
    for document in [
        sets,
        inline,
        format!("{{a(b:{lists})}}"),
        format!("{{a(b:{objects})}}"),
        format!("{{a @b(c:{lists})}}"),
        format!("query($a:A={lists}){{a}}"),
        format!("query($a:{types}){{a}}"),
        // Broken at the innermost place, so that the parser goes all the way back.
        format!("{}!", "{a".repeat(most)),
        format!("{{a(b:{}!", "[".repeat(most - 2)),
        format!("{{a(b:{}!", "{a:".repeat(most - 2)),
        format!("query($a:{}!", "[".repeat(most - 1)),
    ] {
        scan(&document, &limits).unwrap();
        let walk = move || {
            if let Ok(parsed) = parse_query(&document) {
                let (_, operation) = parsed.operations.iter().next().unwrap();
                let _ = check(&parsed, &operation.node, &Variables::default(), prices(), &limits);
                drop(parsed.clone());
            }
        };
        prices();
        std::thread::Builder::new().stack_size(1024 * 1024).spawn(walk).unwrap().join().unwrap();
    }
}

/// Each fragment is within the limits of the text; one after the other they are as deep as there are many.
#[test]
fn fragments_that_go_on_from_one_to_the_next_do_not_overflow_the_stack() {
    let chain = |count: usize, within: usize, step: &str| {
        (0..count).fold(format!("fragment F{count} on Query{{a}}"), |text, n| {
            let (open, close) = (step.repeat(within), "}".repeat(within));
            text + &format!("fragment F{n} on Query{open}{{...F{}}}{close}", n + 1)
        })
    };
    // As the settings let it be set.
    let limits = Limits { bytes: usize::MAX, tokens: u64::MAX, fragments: u64::MAX, selections: u64::MAX, ..Limits::default() };
    for (document, levels) in [
        ("{...F0}".to_owned() + &chain(118, 0, ""), Some(120)),
        ("{...F0}".to_owned() + &chain(119, 0, ""), None),
        ("{...F0}".to_owned() + &chain(29, 40, "{a"), None),
        ("{...F0}".to_owned() + &chain(200, 40, "{..."), None),
        // Nothing spreads them.
        ("{a}".to_owned() + &chain(200, 40, "{a"), None),
        // Two halves, the second of which may have been measured before the first.
        (format!("{}{{...F0}}{}{}", "{...".repeat(40), "}".repeat(40), chain(100, 0, "")), None),
    ] {
        scan(&document, &limits).unwrap();
        let parsed = parse_query(&document).unwrap();
        prices();
        let walk = move || {
            let (_, operation) = parsed.operations.iter().next().unwrap();
            check(&parsed, &operation.node, &Variables::default(), prices(), &limits)
        };
        let walked = std::thread::Builder::new().stack_size(1024 * 1024).spawn(walk).unwrap().join().unwrap();
        match levels {
            Some(levels) => assert_eq!(walked.unwrap().levels, levels),
            None => assert!(walked.unwrap_err().message.contains("selection sets within each other")),
        }
    }
}

#[test]
fn the_usual_introspection_fits_and_bombs_do_not() {
    let introspection = include_str!("../../introspection.graphql");
    let usual = measure(introspection).unwrap();
    assert!(usual.introspection_nesting <= 2 && usual.depth <= 16, "{usual:?}");
    assert!(usual.cost() * 2 < Limits::default().cost, "{} points", usual.cost());
    let fields = "name ".repeat(250);
    for document in [
        format!("{{ __schema {{ types {{ fields {{ type {{ fields {{ {fields} }} }} }} }} }} }}"),
        format!("{{ __schema {{ types {{ possibleTypes {{ fields {{ {fields} }} }} }} }} }}"),
        (0..59)
            .fold("{".to_owned(), |text, n| text + &format!(" s{n}: __schema {{ types {{ fields {{ args {{ name description }} }} }} }}"))
            + "}",
    ] {
        let unfit = measure(&document).unwrap_err();
        assert_eq!(unfit.code(), "TOO_COMPLEX", "{}", unfit.message);
    }
}
