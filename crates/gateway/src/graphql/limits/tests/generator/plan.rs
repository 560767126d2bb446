//! The choices that a document is made by. A number that chooses is taken modulo what there is to choose from.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use serde_json::json;

#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) operations: Vec<Operation>,
    pub(super) fragments: Vec<Fragment>,
    /// Whether fragments may spread those before them, and themselves.
    pub(super) circular: bool,
    /// What stands between tokens, in turn.
    pub(super) between: Vec<u8>,
    /// What is sent for the variables.
    pub(super) sent: Vec<serde_json::Value>,
    pub(super) chosen: usize,
}

#[derive(Clone, Debug)]
pub(super) struct Operation {
    pub(super) kind: u8,
    pub(super) named: bool,
    pub(super) variables: Vec<Variable>,
    pub(super) directives: Vec<Directive>,
    pub(super) within: Vec<Selection>,
}

#[derive(Clone, Debug)]
pub(super) struct Variable {
    pub(super) of: u16,
    pub(super) wrapped: u8,
    pub(super) default: Option<Value>,
    pub(super) directives: Vec<Directive>,
}

#[derive(Clone, Debug)]
pub(super) struct Fragment {
    pub(super) on: u16,
    pub(super) directives: Vec<Directive>,
    pub(super) within: Vec<Selection>,
}

#[derive(Clone, Debug)]
pub(super) enum Selection {
    Field(Field),
    Inline { on: Option<u16>, directives: Vec<Directive>, within: Vec<Selection> },
    Spread { of: u16, directives: Vec<Directive> },
}

#[derive(Clone, Debug, Default)]
pub(super) struct Field {
    pub(super) pick: u16,
    pub(super) alias: Option<u8>,
    pub(super) arguments: Vec<Argument>,
    pub(super) directives: Vec<Directive>,
    pub(super) within: Vec<Selection>,
}

/// An argument, or a field of an object.
#[derive(Clone, Debug)]
pub(super) struct Argument {
    pub(super) pick: u16,
    pub(super) value: Value,
}

#[derive(Clone, Debug)]
pub(super) struct Directive {
    pub(super) pick: u16,
    pub(super) arguments: Vec<Argument>,
}

#[derive(Clone, Debug)]
pub(super) enum Value {
    /// Whatever its place takes.
    Fitting(u16),
    Variable(u16),
    Number(&'static str),
    /// What a string stands for.
    Text(String),
    /// What stands between the quotation marks of a block string, apart from those marks.
    Block(String),
    /// Null, a Boolean or an enum value.
    Word(u16),
    List(Vec<Value>),
    Object(Vec<Argument>),
}

const NUMBERS: &[&str] = &["0", "-0", "1", "7", "100", "-1", "4000000000", "9223372036854775808", "1.5", "-0.0e-3", "2E+2", "1e30", "0.1"];
/// What is easily taken for the end of a string, or for no part of it.
const PIECES: &[&str] =
    &["a", "[", "{", "}", "#", "\"", "\"\"", "\\", "\\\\", "\n", "\r", "\t", "é", "\u{feff}", "\u{10ffff}", "\u{0}", " ", ",", "$"];

fn pick() -> impl Strategy<Value = u16> {
    // Few different ones, so that names are often the same.
    prop_oneof![2 => 0..6u16, 3 => any::<u16>()]
}

fn text() -> impl Strategy<Value = String> {
    let pieces = vec(prop::sample::select(PIECES), 0..6).prop_map(|pieces| pieces.concat());
    prop_oneof![2 => "[a-z]{0,8}", 2 => pieces, 1 => "\\PC{0,10}"]
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        6 => any::<u16>().prop_map(Value::Fitting),
        5 => any::<u16>().prop_map(Value::Variable),
        2 => prop::sample::select(NUMBERS).prop_map(Value::Number),
        2 => text().prop_map(Value::Text),
        1 => text().prop_map(Value::Block),
        2 => any::<u16>().prop_map(Value::Word),
    ];
    leaf.prop_recursive(4, 10, 4, |value| {
        let field = (pick(), value.clone()).prop_map(|(pick, value)| Argument { pick, value });
        prop_oneof![vec(value, 0..4).prop_map(Value::List), vec(field, 0..4).prop_map(Value::Object)]
    })
}

fn arguments() -> impl Strategy<Value = Vec<Argument>> {
    let some = vec((pick(), values()).prop_map(|(pick, value)| Argument { pick, value }), 1..4);
    prop_oneof![1 => Just(Vec::new()), 1 => some]
}

fn directives() -> impl Strategy<Value = Vec<Directive>> {
    let some = vec((pick(), arguments()).prop_map(|(pick, arguments)| Directive { pick, arguments }), 1..3);
    prop_oneof![6 => Just(Vec::new()), 1 => some]
}

/// What stands at the root of an operation or a fragment.
fn selections() -> impl Strategy<Value = Vec<Selection>> {
    let field = |within: BoxedStrategy<Vec<Selection>>| {
        (pick(), option::weighted(0.3, 0..5u8), arguments(), directives(), within)
            .prop_map(|(pick, alias, arguments, directives, within)| Selection::Field(Field { pick, alias, arguments, directives, within }))
    };
    let spread = (any::<u16>(), directives()).prop_map(|(of, directives)| Selection::Spread { of, directives });
    let leaf = prop_oneof![3 => field(Just(Vec::new()).boxed()), 2 => spread];
    let selection = leaf.prop_recursive(5, 24, 4, move |selection| {
        let within = vec(selection, 0..4).boxed();
        let inline = (option::of(pick()), directives(), within.clone());
        let inline = inline.prop_map(|(on, directives, within)| Selection::Inline { on, directives, within });
        prop_oneof![3 => field(within), 1 => inline]
    });
    vec(selection, 0..6)
}

fn variables() -> impl Strategy<Value = Vec<Variable>> {
    let one = (any::<u16>(), any::<u8>(), option::weighted(0.3, values()), directives());
    vec(one.prop_map(|(of, wrapped, default, directives)| Variable { of, wrapped, default, directives }), 0..4)
}

pub(super) fn plans() -> impl Strategy<Value = Plan> {
    let operation = (0..8u8, any::<bool>(), variables(), directives(), selections())
        .prop_map(|(kind, named, variables, directives, within)| Operation { kind, named, variables, directives, within });
    let operation = operation.boxed();
    let fragment = (pick(), directives(), selections()).prop_map(|(on, directives, within)| Fragment { on, directives, within });
    let operations = prop_oneof![3 => vec(operation.clone(), 1..2), 1 => vec(operation, 2..4)];
    let circular = prop::bool::weighted(0.2);
    let between = prop_oneof![1 => Just(vec![0]), 3 => vec(any::<u8>(), 1..20)];
    (operations, vec(fragment, 0..6), circular, between, vec(json(), 0..6), any::<usize>()).prop_map(
        |(operations, fragments, circular, between, sent, chosen)| Plan { operations, fragments, circular, between, sent, chosen },
    )
}

pub(super) fn json() -> impl Strategy<Value = serde_json::Value> {
    let number = prop_oneof![
        (-2..120i64).prop_map(|number| json!(number)),
        any::<i64>().prop_map(|number| json!(number)),
        any::<f64>().prop_map(|number| json!(number))
    ];
    let leaf = prop_oneof![
        1 => Just(json!(null)),
        1 => any::<bool>().prop_map(|yes| json!(yes)),
        3 => number,
        3 => text().prop_map(|text| json!(text)),
    ];
    leaf.prop_recursive(5, 20, 5, |value| {
        prop_oneof![
            vec(value.clone(), 0..5).prop_map(|items| json!(items)),
            vec((text(), value), 0..4).prop_map(|fields| serde_json::Value::Object(fields.into_iter().collect())),
        ]
    })
}
