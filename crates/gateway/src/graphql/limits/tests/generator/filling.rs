//! What stands in arguments: values for their places, and variables of the types that may stand there.

use super::Manner;
use super::plan::{Argument, Value};
use super::spelling::Tokens;
use crate::graphql::limits::tests::type_system::{Input, Kind, TypeSystem, type_system};
use async_graphql::parser::types::{BaseType, Type};

/// Objects within each other that are filled beyond what they must have.
const DEEPEST: usize = 4;
/// Words that are values; the library reads a word that begins with one of the first three as two.
const WORDS: &[&str] = &["null", "true", "false", "NEWEST", "A", "on", "query"];
const NAMES: &[&str] = &["a", "id", "first", "author", "nothing", "name"];

/// A variable, and how it is declared.
#[derive(Clone, Debug)]
pub(super) struct Declared {
    pub(super) name: String,
    pub(super) of: String,
    pub(super) default: Option<Tokens>,
}

/// Fills in values.
pub(super) struct Filling {
    types: &'static TypeSystem,
    manner: Manner,
    takes_variables: bool,
    declared: Vec<Declared>,
    /// How many were filled in of which nothing was chosen.
    unchosen: u16,
}

impl Filling {
    pub(super) fn new(manner: Manner, takes_variables: bool) -> Self {
        Self { types: type_system(), manner, takes_variables, declared: Vec::new(), unchosen: 0 }
    }

    /// The variables that were used, each declared as it may be used.
    pub(super) fn take_declared(&mut self) -> Vec<Declared> {
        std::mem::take(&mut self.declared)
    }

    /// The arguments that must be given, and some of those that may.
    pub(super) fn arguments(&mut self, given: &[Argument], known: &[Input]) -> Tokens {
        let mut out = Tokens::default();
        self.inputs(given, known, 0, &mut out);
        out
    }

    fn inputs(&mut self, given: &[Argument], known: &[Input], depth: usize, out: &mut Tokens) {
        for (place, input) in known.iter().enumerate() {
            let argument = place.checked_rem(given.len()).map(|place| &given[place]);
            let required = !input.of.nullable && input.default_value.is_none();
            let wanted = depth < DEEPEST && argument.is_some_and(|argument| argument.pick >> (place % 16) & 1 == 1);
            if required || wanted {
                out.put_all([&input.name, ":"]);
                self.unchosen = self.unchosen.wrapping_add(1);
                let unchosen = Value::Fitting(self.unchosen);
                self.fit(argument.map_or(&unchosen, |argument| &argument.value), &input.of, input.default_value.is_some(), depth, out);
            }
        }
    }

    /// A value for a place of this type, after the choice.
    fn fit(&mut self, choice: &Value, of: &Type, has_default: bool, depth: usize, out: &mut Tokens) {
        match (choice, &of.base) {
            (Value::Variable(pick) | Value::Fitting(pick @ 1..), _)
                if self.takes_variables && (matches!(choice, Value::Variable(_)) || pick.is_multiple_of(3)) =>
            {
                let name = self.variable(*pick, of, has_default);
                out.put_all(["$", &name]);
            }
            (Value::Word(pick), _) if of.nullable && pick.is_multiple_of(2) => out.put("null"),
            (Value::List(items), BaseType::List(of)) => {
                out.put("[");
                for item in items {
                    self.fit(item, of, false, depth, out);
                }
                out.put("]");
            }
            // A single value is taken as a list of one.
            (_, BaseType::List(of)) => self.fit(choice, of, false, depth, out),
            (_, BaseType::Named(name)) => self.named(choice, name.as_str(), depth, out),
        }
    }

    fn named(&mut self, choice: &Value, name: &str, depth: usize, out: &mut Tokens) {
        let pick = match choice {
            Value::Fitting(pick) | Value::Variable(pick) | Value::Word(pick) => *pick,
            _ => 7,
        };
        let known = self.types.get(name);
        match (name, known.map(|known| known.kind)) {
            ("Int", _) => out.put((pick % 140).to_string()),
            ("Float", _) => out.put("1.5"),
            ("Boolean", _) => out.put(if pick.is_multiple_of(2) { "true" } else { "false" }),
            ("DateTime", _) => out.put("\"2026-01-02T03:04:05Z\""),
            ("UUID", _) => out.put("\"0197a5f0-0000-7000-8000-000000000001\""),
            (_, Some(Kind::Enum)) => {
                let values = known.map_or(&[] as &[_], |known| known.enum_values.as_slice());
                out.put(values[usize::from(pick) % values.len()].name.as_str());
            }
            (_, Some(Kind::InputObject)) => {
                let fields = known.map_or(&[] as &[_], |known| known.input_fields.as_slice());
                let given = if let Value::Object(given) = choice { given.as_slice() } else { &[] };
                out.put("{");
                self.inputs(given, fields, depth + 1, out);
                out.put("}");
            }
            _ => match choice {
                Value::Text(text) => out.put_text(text, pick),
                Value::Block(text) => out.put_block(text),
                _ => out.put_text("a", pick),
            },
        }
    }

    /// A variable for a place; it is declared if it is not yet.
    fn variable(&mut self, pick: u16, of: &Type, has_default: bool) -> String {
        let (mut declared, mut default) = (of.clone(), None);
        let variants = if self.manner == Manner::Nearly { 10 } else { 4 };
        match pick % variants {
            0 => {}
            1 => declared = strict(of),
            2 | 3 if !of.nullable && (has_default || pick % variants == 2) => {
                declared.nullable = true;
                default = (!has_default).then(|| self.plain(of));
            }
            2 | 3 => default = Some(self.plain(of)),
            4 | 5 => declared.nullable = true,
            6 => {
                declared.nullable = true;
                default = Some(word("null"));
            }
            7 => match &mut declared.base {
                BaseType::List(within) => within.nullable = !within.nullable,
                BaseType::Named(name) => *name = async_graphql::Name::new(if name == "ID" { "String" } else { "ID" }),
            },
            8 => declared = Type { base: BaseType::List(Box::new(of.clone())), nullable: of.nullable },
            _ => {
                if let BaseType::List(within) = &of.base {
                    declared = (**within).clone();
                }
            }
        }
        let of = declared.to_string();
        let same =
            self.declared.iter().find(|known| pick.is_multiple_of(3) && known.of == of && known.default.is_none() && default.is_none());
        if let Some(same) = same {
            return same.name.clone();
        }
        let name = format!("v{}", self.declared.len());
        self.declared.push(Declared { name: name.clone(), of, default });
        name
    }

    /// A value of a type without variables.
    fn plain(&mut self, of: &Type) -> Tokens {
        let mut out = Tokens::default();
        let outer = std::mem::replace(&mut self.takes_variables, false);
        self.fit(&Value::Fitting(3), of, false, DEEPEST, &mut out);
        self.takes_variables = outer;
        out
    }

    /// A value as it was chosen, whatever its place; what shall fit does, if the place is known.
    pub(super) fn wild_value(&self, value: &Value, of: Option<&Type>) -> Tokens {
        let mut out = Tokens::default();
        self.wild(value, of, true, &mut out);
        out
    }

    /// So without variables.
    pub(super) fn constant(&self, value: &Value) -> Tokens {
        let mut out = Tokens::default();
        self.wild(value, None, false, &mut out);
        out
    }

    fn wild(&self, value: &Value, of: Option<&Type>, variables: bool, out: &mut Tokens) {
        match value {
            Value::Fitting(_) if of.is_some() => {
                let mut fitting =
                    Self { types: self.types, manner: Manner::Wild, takes_variables: false, declared: Vec::new(), unchosen: 0 };
                fitting.fit(value, of.expect("there is a place"), false, DEEPEST, out);
            }
            Value::Variable(pick) if variables => out.put_all(["$", &format!("v{}", pick % 6)]),
            Value::Fitting(pick) | Value::Variable(pick) | Value::Word(pick) => out.put(WORDS[usize::from(*pick) % WORDS.len()]),
            Value::Number(number) => out.put(*number),
            Value::Text(text) => out.put_text(text, 3),
            Value::Block(text) => out.put_block(text),
            Value::List(items) => {
                let of = match of.map(|of| &of.base) {
                    Some(BaseType::List(of)) => Some(&**of),
                    _ => None,
                };
                out.put("[");
                for item in items {
                    self.wild(item, of, variables, out);
                }
                out.put("]");
            }
            Value::Object(fields) => {
                let known = match of.map(|of| &of.base) {
                    Some(BaseType::Named(name)) => self.types.get(name.as_str()).map_or(&[] as &[_], |known| known.input_fields.as_slice()),
                    _ => &[],
                };
                out.put("{");
                for Argument { pick, value } in fields {
                    let pick = usize::from(*pick);
                    let input = if known.is_empty() || pick.is_multiple_of(5) { None } else { Some(&known[pick % known.len()]) };
                    out.put_all([input.map_or(NAMES[pick % NAMES.len()], |input| input.name.as_str()), ":"]);
                    self.wild(value, input.map(|input| &input.of), variables, out);
                }
                out.put("}");
            }
        }
    }
}

/// The strictest type whose values all fit.
fn strict(of: &Type) -> Type {
    let base = match &of.base {
        BaseType::List(of) => BaseType::List(Box::new(strict(of))),
        BaseType::Named(name) => BaseType::Named(name.clone()),
    };
    Type { base, nullable: false }
}

fn word(word: &str) -> Tokens {
    let mut out = Tokens::default();
    out.put(word);
    out
}
