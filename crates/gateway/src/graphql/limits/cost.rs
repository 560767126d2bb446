//! What a field costs. This file is the one table of it; `docs/api/limits.md` shows the same.
//!
//! | what | points |
//! |---|---|
//! | a field | 1 ([`FIELD`]) |
//! | a page of a list (`first` or `last`) | 1, and for each item that is asked for what one item costs, at least 1; what is asked beside `nodes` and `edges` counts once |
//! | a list within a list | its cost, for each item of the list around it: the sizes multiply |
//! | `nodes(ids:)` | 1, and for each id what one item costs |
//! | a list that comes whole | 1, and what one item costs times the number that [`LISTS`] takes it to have |
//! | `totalCount`, and every other count that is made when asked for | 10 ([`COUNTING`]) |
//! | an event of a history | 6: a field, and 5 for looking it up in the log ([`RECALLING`]) |
//! | text that is rendered | 5 ([`RENDERING`]) |
//! | a mutation | 50 ([`MUTATING`]), and its answer |
//! | a subscription | 50 at its start ([`SUBSCRIBING`]), and each answer |
//! | a field of the introspection | 1/20 ([`GRAINS`]), its lists with the sizes that this schema has |
//!
//! **To add a list that takes no `first`:** give it a row in [`LISTS`]; a test walks the schema and names the lists that lack one. **To
//! make a field dearer:** give it a row in [`DEARER`].

use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{BaseType, FieldDefinition, ServiceDocument, TypeKind, TypeSystemDefinition};
use async_graphql::{Positioned, Value as ConstValue};
use std::collections::HashMap;
use std::sync::LazyLock;

/// What a field costs.
pub const FIELD: u64 = 1;
/// What a mutation costs besides its answer.
pub const MUTATING: u64 = 50;
/// What it costs to begin a subscription, besides its answers.
pub const SUBSCRIBING: u64 = 50;
/// What it costs to count.
pub const COUNTING: u64 = 10;
/// What it costs to look an event up in the log.
pub const RECALLING: u64 = 5;
/// What it costs to render a text.
pub const RENDERING: u64 = 5;
/// How many items a page is taken to have whose size is not said, or not possible.
pub const LARGEST_PAGE: u64 = 100;
/// How many fields of the introspection make a point. They are read from memory.
pub const GRAINS: u64 = 20;

/// The lists that come whole, and how many items each is taken to have. `*` stands for any type.
pub const LISTS: &[(&str, &str, u64)] = &[
    ("*", "changes", 5),
    ("*", "events", 3),
    ("*", "userErrors", 2),
    ("Audience", "communities", 5),
    ("Audience", "organisations", 5),
    ("Charter", "openClauses", 6),
    ("Community", "categories", 10),
    ("Community", "coordinators", 5),
    ("Community", "organisations", 10),
    ("Organisation", "providers", 3),
    ("Post", "reactions", 7),
    ("Post", "revisions", 10),
    ("Query", "signInOptions", 20),
    ("Thread", "answers", 5),
    ("Viewer", "apiTokens", 10),
    ("Viewer", "roles", 2),
    ("Viewer", "sessions", 10),
];

/// The fields that cost more than a point, and how much.
pub const DEARER: &[(&str, &str, u64)] = &[
    ("*", "totalCount", COUNTING),
    ("*", "html", RENDERING),
    ("Category", "threadCount", COUNTING),
    ("EventConnection", "edges", FIELD + RECALLING),
    ("EventConnection", "nodes", FIELD + RECALLING),
    ("Query", "markdownPreview", RENDERING),
];

/// How many items a field's list has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Items {
    /// It is no list.
    One,
    /// So many, whatever is asked.
    About(u64),
    /// As many as `first` or `last` say, or this many if neither does; they stand under `nodes` and `edges` of the page.
    Page(u64),
    /// As many as `first` or `last` say, or this many if neither does; the list comes without a page around it.
    First(u64),
    /// It is `nodes` or `edges` of a page.
    OfPage,
    /// One for each of `ids`.
    Ids,
}

/// What a field costs. The unit is a grain: [`GRAINS`] are a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Price {
    /// What it costs itself.
    pub own: u64,
    /// How often what is asked within it counts.
    pub items: Items,
    /// Whether it is a list of the introspection that leads to fields or types again.
    pub introspection_list: bool,
    /// Whether the schema has it.
    known: bool,
    /// Its type, if it has fields of its own.
    of: Option<Place>,
}

impl Price {
    /// Whether the schema lacks the field.
    pub(super) fn is_unknown(&self) -> bool {
        !self.known
    }
}

/// A type's place in the prices.
pub type Place = usize;

/// The hub's schema.
///
/// # Panics
/// It is no schema; a test reads it.
pub(crate) fn schema() -> &'static ServiceDocument {
    static SCHEMA: LazyLock<ServiceDocument> = LazyLock::new(|| parse_schema(crate::graphql::sdl()).expect("the hub's schema is a schema"));
    &SCHEMA
}

/// The prices of the hub's schema.
pub fn prices() -> &'static Prices {
    static PRICES: LazyLock<Prices> = LazyLock::new(|| Prices::of_schema(schema()));
    &PRICES
}

/// The price of every field of a schema.
#[derive(Debug)]
pub struct Prices {
    names: HashMap<String, Place>,
    types: Vec<HashMap<String, Price>>,
}

impl Prices {
    /// Of a field that the schema does not have: validation refuses it.
    const UNKNOWN: Price = Price { own: FIELD * GRAINS, items: Items::One, introspection_list: false, known: false, of: None };
    /// Of the name of a type, which every type has.
    const TYPE_NAME: Price = Price { known: true, ..Self::UNKNOWN };

    /// The prices of a schema, by the tables of this file.
    pub fn of_schema(document: &ServiceDocument) -> Self {
        let mut types = Vec::new();
        for definition in &document.definitions {
            let TypeSystemDefinition::Type(definition) = definition else { continue };
            let fields = match &definition.node.kind {
                TypeKind::Object(object) => &object.fields,
                TypeKind::Interface(interface) => &interface.fields,
                TypeKind::Scalar | TypeKind::Union(_) | TypeKind::Enum(_) | TypeKind::InputObject(_) => continue,
            };
            types.push((definition.node.name.node.as_str(), fields.as_slice()));
        }
        let mut names: HashMap<String, Place> = types.iter().enumerate().map(|(place, (name, _))| ((*name).to_owned(), place)).collect();
        let introspection = introspection(&document.definitions);
        for (name, _) in &introspection {
            names.insert((*name).to_owned(), names.len());
        }
        let mut prices: Vec<HashMap<String, Price>> = types
            .iter()
            .map(|(name, fields)| fields.iter().map(|field| (field.node.name.node.to_string(), price(name, &field.node, &names))).collect())
            .collect();
        for (_, fields) in introspection {
            prices.push(fields.into_iter().map(|(field, items, of)| (field.to_owned(), introspected(field, items, of, &names))).collect());
        }
        if let Some(query) = names.get("Query") {
            for (field, of) in [("__schema", "__Schema"), ("__type", "__Type")] {
                prices[*query].insert(field.to_owned(), Price { of: names.get(of).copied(), ..Self::TYPE_NAME });
            }
        }
        Self { names, types: prices }
    }

    /// The place of a type, if the schema has it.
    pub fn place(&self, name: &str) -> Option<Place> {
        self.names.get(name).copied()
    }

    /// What a field of a type costs, and where its own fields stand.
    pub(super) fn field(&self, of: Option<Place>, name: &str) -> (Price, Option<Place>) {
        let known = of.and_then(|place| self.types.get(place)?.get(name)).copied();
        let price = known.unwrap_or(if name == "__typename" { Self::TYPE_NAME } else { Self::UNKNOWN });
        (price, price.of)
    }
}

/// The row of a table for a field of a type.
fn row(table: &[(&str, &str, u64)], of: &str, field: &str) -> Option<u64> {
    table.iter().find(|(type_name, name, _)| *name == field && (*type_name == of || *type_name == "*")).map(|(_, _, number)| *number)
}

fn price(of: &str, field: &FieldDefinition, names: &HashMap<String, Place>) -> Price {
    let name = field.name.node.as_str();
    let takes = |argument: &str| field.arguments.iter().any(|known| known.node.name.node == argument);
    let mut unsaid = field.arguments.iter().filter(|known| matches!(known.node.name.node.as_str(), "first" | "last"));
    let unsaid = unsaid.find_map(|known| match &known.node.default_value.as_ref()?.node {
        ConstValue::Number(number) => number.as_u64(),
        _ => None,
    });
    let items = match (&field.ty.node.base, takes("first") || takes("last")) {
        // Without a size the field refuses to be read.
        (BaseType::Named(_), true) => Items::Page(unsaid.unwrap_or(1)),
        (BaseType::Named(_), false) => Items::One,
        (BaseType::List(_), true) => Items::First(unsaid.unwrap_or(LARGEST_PAGE)),
        (BaseType::List(_), false) if is_page(of) && matches!(name, "nodes" | "edges") => Items::OfPage,
        (BaseType::List(_), false) if takes("ids") => Items::Ids,
        (BaseType::List(_), false) => Items::About(row(LISTS, of, name).unwrap_or(LARGEST_PAGE)),
    };
    let beginning = match of {
        "Mutation" => MUTATING,
        "Subscription" => SUBSCRIBING,
        _ => 0,
    };
    let own = (row(DEARER, of, name).unwrap_or(FIELD) + beginning) * GRAINS;
    Price { own, items, introspection_list: false, known: true, of: names.get(named(&field.ty.node.base)).copied() }
}

/// Whether a type is a page of a list.
fn is_page(name: &str) -> bool {
    name.ends_with("Connection")
}

/// The type that a list, or a list of lists, is made of.
fn named(base: &BaseType) -> &str {
    match base {
        BaseType::Named(name) => name.as_str(),
        BaseType::List(of) => named(&of.base),
    }
}

/// A type of the introspection: its name, and its fields with how many items each has and of which type they are.
type Introspected = (&'static str, Vec<(&'static str, Items, &'static str)>);

/// The types of the introspection, with the sizes that the schema's types have.
fn introspection(definitions: &[TypeSystemDefinition]) -> Vec<Introspected> {
    use Items::One;
    let (mut types, mut members, mut arguments, mut fields) = (6u64, 0u64, 0u64, 0u64);
    for definition in definitions {
        let TypeSystemDefinition::Type(definition) = definition else { continue };
        types += 1;
        let of_output = |all: &[Positioned<FieldDefinition>]| {
            (all.len() as u64, all.iter().map(|field| field.node.arguments.len() as u64).sum::<u64>())
        };
        let (has, takes) = match &definition.node.kind {
            TypeKind::Object(object) => of_output(&object.fields),
            TypeKind::Interface(interface) => of_output(&interface.fields),
            TypeKind::InputObject(input) => (input.fields.len() as u64, 0),
            TypeKind::Enum(values) => (values.values.len() as u64, 0),
            TypeKind::Scalar | TypeKind::Union(_) => (0, 0),
        };
        members += has;
        arguments += takes;
        fields += u64::from(takes > 0) * has;
    }
    let about = |sum: u64, of: u64| Items::About(sum.div_ceil(of.max(1)).max(1));
    // A type has fields, or input fields, or values; each is priced as if every type had its share of all.
    let (each, taken) = (about(members, types), about(arguments, fields));
    vec![
        (
            "__Schema",
            vec![
                ("description", One, ""),
                ("types", Items::About(types), "__Type"),
                ("queryType", One, "__Type"),
                ("mutationType", One, "__Type"),
                ("subscriptionType", One, "__Type"),
                ("directives", Items::About(6), "__Directive"),
            ],
        ),
        (
            "__Type",
            vec![
                ("kind", One, ""),
                ("name", One, ""),
                ("description", One, ""),
                ("specifiedByURL", One, ""),
                ("isOneOf", One, ""),
                ("fields", each, "__Field"),
                ("inputFields", each, "__InputValue"),
                ("enumValues", each, "__EnumValue"),
                ("interfaces", Items::About(1), "__Type"),
                ("possibleTypes", Items::About(4), "__Type"),
                ("ofType", One, "__Type"),
            ],
        ),
        (
            "__Field",
            vec![
                ("name", One, ""),
                ("description", One, ""),
                ("args", taken, "__InputValue"),
                ("type", One, "__Type"),
                ("isDeprecated", One, ""),
                ("deprecationReason", One, ""),
            ],
        ),
        (
            "__InputValue",
            vec![
                ("name", One, ""),
                ("description", One, ""),
                ("type", One, "__Type"),
                ("defaultValue", One, ""),
                ("isDeprecated", One, ""),
                ("deprecationReason", One, ""),
            ],
        ),
        ("__EnumValue", vec![("name", One, ""), ("description", One, ""), ("isDeprecated", One, ""), ("deprecationReason", One, "")]),
        (
            "__Directive",
            vec![
                ("name", One, ""),
                ("description", One, ""),
                ("isRepeatable", One, ""),
                ("locations", Items::About(10), ""),
                ("args", taken, "__InputValue"),
            ],
        ),
    ]
}

fn introspected(field: &str, items: Items, of: &str, names: &HashMap<String, Place>) -> Price {
    let introspection_list = matches!(field, "fields" | "inputFields" | "interfaces" | "possibleTypes");
    Price { own: 1, items, introspection_list, known: true, of: names.get(of).copied() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_list_of_the_schema_has_a_price() {
        let schema = schema();
        let (mut without, mut lists, mut fields) = (Vec::new(), 0, Vec::new());
        for definition in &schema.definitions {
            let TypeSystemDefinition::Type(definition) = definition else { continue };
            let all = match &definition.node.kind {
                TypeKind::Object(object) => &object.fields,
                TypeKind::Interface(interface) => &interface.fields,
                _ => continue,
            };
            let of = definition.node.name.node.as_str();
            for field in all {
                let name = field.node.name.node.as_str();
                fields.push((of, name));
                let takes = |argument: &str| field.node.arguments.iter().any(|known| known.node.name.node == argument);
                let BaseType::List(_) = &field.node.ty.node.base else {
                    // Every page says how many of its items are asked for.
                    assert_eq!(is_page(named(&field.node.ty.node.base)), takes("first") || takes("last"), "{of}.{name}");
                    continue;
                };
                lists += 1;
                let priced = is_page(of) && matches!(name, "nodes" | "edges")
                    || takes("first")
                    || takes("last")
                    || takes("ids")
                    || row(LISTS, of, name).is_some();
                if !priced {
                    without.push(format!("{of}.{name}"));
                }
            }
        }
        assert!(lists > 20, "the schema was read");
        assert!(without.is_empty(), "these lists have no price: give each a row in LISTS, or `first` and `last`: {without:?}");
        for (of, name, _) in LISTS.iter().chain(DEARER) {
            let known = fields.iter().any(|(type_name, field)| field == name && (type_name == of || *of == "*"));
            assert!(known, "{of}.{name} has a price, but the schema no longer has it: take its row away");
        }
    }

    #[test]
    fn the_documentation_shows_the_table() {
        let document = include_str!("../../../../../docs/api/limits.md");
        for (of, name, number) in LISTS {
            let row = if *of == "*" { format!("| every `{name}` | {number} |") } else { format!("| `{of}.{name}` | {number} |") };
            assert!(document.contains(&row), "docs/api/limits.md lacks this row of the lists that come whole: {row}");
        }
        for (of, name, number) in DEARER {
            let row = if *of == "*" { format!("| every `{name}` | {number} |") } else { format!("| `{of}.{name}` | {number} |") };
            assert!(document.contains(&row), "docs/api/limits.md lacks this row of the dearer fields: {row}");
        }
    }
}
