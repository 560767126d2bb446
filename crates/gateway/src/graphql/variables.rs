//! Whether variables stand where values of their types may stand (GraphQL, section 5.8.5, “All Variable Usages Are Allowed”).
//!
//! The library has this rule, and never applies it: its composed visitor does not pass values on to its parts
//! (docs/decisions/0025-own-checks-before-the-library.md). Without it a variable that may be null reaches an argument that may not.
//! It depends on the document alone, so it is looked at once for each document that is kept.

use super::limits::cost::schema;
use async_graphql::parser::types::{
    BaseType, Directive, ExecutableDocument, InputValueDefinition, OperationDefinition, OperationType, Selection, SelectionSet, Type,
    TypeKind, TypeSystemDefinition,
};
use async_graphql::{Name, Pos, Positioned, Value as ConstValue};
use async_graphql_value::Value;
use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

/// A variable for which a document cannot be run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// It is of a type that the schema does not have. The library looks for such types except within lists, and panics if there is a default.
    #[error("The variable “${name}” is declared as {declared}, and the schema has no such type. The whole schema is at /schema.graphql.")]
    Unknown {
        /// The variable.
        name: String,
        /// The type that it was declared with.
        declared: String,
        /// Where it is declared.
        at: Pos,
    },
    /// It stands where its type may not.
    #[error(transparent)]
    Misplaced(#[from] Misplaced),
}

impl Unusable {
    /// Where this is so.
    pub fn at(&self) -> Pos {
        match self {
            Self::Unknown { at, .. } => *at,
            Self::Misplaced(misplaced) => misplaced.at,
        }
    }
}

/// A variable that stands where its type may not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("The variable “${name}” of the type {declared} is used where {expected} is expected. Declare it as {expected}.")]
pub struct Misplaced {
    /// The variable.
    pub name: String,
    /// The type that it was declared with.
    pub declared: String,
    /// The type that the place takes.
    pub expected: String,
    /// Where it is used.
    pub at: Pos,
}

/// Lays the types of the schema out, which is done once in a process.
pub fn lay_out() {
    LazyLock::force(&TYPES);
}

/// Looks at each variable that an operation declares, and once at each use of it there and in the fragments that the operation reaches.
///
/// # Errors
/// The first that is not allowed.
pub fn check(document: &ExecutableDocument) -> Result<(), Unusable> {
    for (_, operation) in document.operations.iter() {
        let operation = &operation.node;
        if operation.variable_definitions.is_empty() {
            continue;
        }
        known(operation)?;
        let root = match operation.ty {
            OperationType::Query => "Query",
            OperationType::Mutation => "Mutation",
            OperationType::Subscription => "Subscription",
        };
        let mut walk = Walk { document, declared: declared(operation), seen: HashSet::new() };
        walk.directives(&operation.directives)?;
        walk.selection_set(&operation.selection_set.node, TYPES.outputs.get(root))?;
    }
    Ok(())
}

/// Whether the schema has the types of all variables.
fn known(operation: &OperationDefinition) -> Result<(), Unusable> {
    let mut definitions = operation.variable_definitions.iter();
    match definitions.find(|definition| !TYPES.names.contains(named(&definition.node.var_type.node.base))) {
        Some(definition) => Err(Unusable::Unknown {
            name: definition.node.name.node.to_string(),
            declared: definition.node.var_type.node.to_string(),
            at: definition.pos,
        }),
        None => Ok(()),
    }
}

/// What a place takes: a type, and whether there is a value for it if none is given.
#[derive(Debug)]
struct Slot {
    of: Type,
    has_default: bool,
}

type Slots = HashMap<Name, Slot>;

/// A field: what it takes, and the name of its type.
#[derive(Debug)]
struct Taking {
    arguments: Slots,
    of: Name,
}

type Fields = HashMap<Name, Taking>;

/// The types of the schema, as far as they take or lead to what takes values; and the names of all.
#[derive(Debug, Default)]
struct Types {
    names: HashSet<Name>,
    outputs: HashMap<Name, Fields>,
    inputs: HashMap<Name, Slots>,
    directives: HashMap<Name, Slots>,
}

static TYPES: LazyLock<Types> = LazyLock::new(|| {
    let mut types = Types::default();
    types.names.extend(["Boolean", "Float", "ID", "Int", "String"].map(Name::new));
    types.names.extend(["__DirectiveLocation", "__EnumValue", "__TypeKind"].map(Name::new));
    for definition in &schema().definitions {
        let TypeSystemDefinition::Type(definition) = definition else { continue };
        types.names.insert(definition.node.name.node.clone());
        let fields = match &definition.node.kind {
            TypeKind::Object(object) => &object.fields,
            TypeKind::Interface(interface) => &interface.fields,
            TypeKind::InputObject(input) => {
                types.inputs.insert(definition.node.name.node.clone(), slots(&input.fields));
                continue;
            }
            TypeKind::Scalar | TypeKind::Union(_) | TypeKind::Enum(_) => continue,
        };
        let fields = fields.iter().map(|field| {
            let taking = Taking { arguments: slots(&field.node.arguments), of: named(&field.node.ty.node.base).clone() };
            (field.node.name.node.clone(), taking)
        });
        types.outputs.insert(definition.node.name.node.clone(), fields.collect());
    }
    let condition = || Slot { of: Type { base: BaseType::Named(Name::new("Boolean")), nullable: false }, has_default: false };
    for name in ["skip", "include"] {
        types.directives.insert(Name::new(name), HashMap::from([(Name::new("if"), condition())]));
    }
    types.add_introspection();
    types
});

impl Types {
    /// The fields of the introspection that take arguments, or lead to some.
    fn add_introspection(&mut self) {
        let argument = |name: &str, of: &str, nullable: bool, has_default: bool| {
            (Name::new(name), Slot { of: Type { base: BaseType::Named(Name::new(of)), nullable }, has_default })
        };
        let taking = |arguments: Slots, of: &str| Taking { arguments, of: Name::new(of) };
        let deprecated = || HashMap::from([argument("includeDeprecated", "Boolean", false, true)]);
        let plain =
            |fields: &[(&str, &str)]| -> Fields { fields.iter().map(|(name, of)| (Name::new(name), taking(HashMap::new(), of))).collect() };
        if let Some(query) = self.outputs.get_mut("Query") {
            query.insert(Name::new("__schema"), taking(HashMap::new(), "__Schema"));
            query.insert(Name::new("__type"), taking(HashMap::from([argument("name", "String", false, false)]), "__Type"));
        }
        let mut of_type = plain(&[("interfaces", "__Type"), ("possibleTypes", "__Type"), ("ofType", "__Type")]);
        for (name, of) in [("fields", "__Field"), ("inputFields", "__InputValue"), ("enumValues", "__EnumValue")] {
            of_type.insert(Name::new(name), taking(deprecated(), of));
        }
        let mut of_field = plain(&[("type", "__Type")]);
        of_field.insert(Name::new("args"), taking(deprecated(), "__InputValue"));
        let mut of_directive = Fields::new();
        of_directive.insert(Name::new("args"), taking(deprecated(), "__InputValue"));
        let roots = ["types", "queryType", "mutationType", "subscriptionType"].map(|name| (name, "__Type"));
        let mut of_schema = plain(&roots);
        of_schema.insert(Name::new("directives"), taking(HashMap::new(), "__Directive"));
        for (name, fields) in [
            ("__Schema", of_schema),
            ("__Type", of_type),
            ("__Field", of_field),
            ("__Directive", of_directive),
            ("__InputValue", plain(&[("type", "__Type")])),
        ] {
            self.names.insert(Name::new(name));
            self.outputs.insert(Name::new(name), fields);
        }
    }
}

fn slots(definitions: &[Positioned<InputValueDefinition>]) -> Slots {
    let slot = |definition: &InputValueDefinition| Slot { of: definition.ty.node.clone(), has_default: definition.default_value.is_some() };
    definitions.iter().map(|definition| (definition.node.name.node.clone(), slot(&definition.node))).collect()
}

/// The type that a list, or a list of lists, is made of.
fn named(base: &BaseType) -> &Name {
    match base {
        BaseType::Named(name) => name,
        BaseType::List(of) => named(&of.base),
    }
}

/// The variables of an operation: their types, and whether each has a value if none is given.
fn declared(operation: &OperationDefinition) -> HashMap<&str, (&Type, bool)> {
    let definitions = operation.variable_definitions.iter().map(|definition| &definition.node);
    let default = |value: &Option<Positioned<ConstValue>>| value.as_ref().is_some_and(|value| value.node != ConstValue::Null);
    definitions.map(|definition| (definition.name.node.as_str(), (&definition.var_type.node, default(&definition.default_value)))).collect()
}

struct Walk<'a> {
    document: &'a ExecutableDocument,
    declared: HashMap<&'a str, (&'a Type, bool)>,
    /// The fragments that were looked at.
    seen: HashSet<&'a str>,
}

impl<'a> Walk<'a> {
    fn selection_set(&mut self, set: &'a SelectionSet, of: Option<&'static Fields>) -> Result<(), Misplaced> {
        for selection in &set.items {
            self.directives(selection.node.directives())?;
            match &selection.node {
                Selection::Field(field) => {
                    // What the schema does not have is for validation to report.
                    let field = &field.node;
                    let taking = of.and_then(|fields| fields.get(&field.name.node));
                    if let Some(taking) = taking {
                        self.arguments(&field.arguments, &taking.arguments)?;
                    }
                    self.selection_set(&field.selection_set.node, taking.and_then(|taking| TYPES.outputs.get(&taking.of)))?;
                }
                Selection::InlineFragment(fragment) => {
                    let condition = fragment.node.type_condition.as_ref();
                    let of = condition.map_or(of, |condition| TYPES.outputs.get(&condition.node.on.node));
                    self.selection_set(&fragment.node.selection_set.node, of)?;
                }
                Selection::FragmentSpread(spread) => {
                    let Some((name, fragment)) = self.document.fragments.get_key_value(&spread.node.fragment_name.node) else { continue };
                    if self.seen.insert(name.as_str()) {
                        self.directives(&fragment.node.directives)?;
                        let of = TYPES.outputs.get(&fragment.node.type_condition.node.on.node);
                        self.selection_set(&fragment.node.selection_set.node, of)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn directives(&self, directives: &[Positioned<Directive>]) -> Result<(), Misplaced> {
        directives.iter().try_for_each(|directive| match TYPES.directives.get(&directive.node.name.node) {
            Some(slots) => self.arguments(&directive.node.arguments, slots),
            None => Ok(()),
        })
    }

    fn arguments(&self, arguments: &[(Positioned<Name>, Positioned<Value>)], slots: &Slots) -> Result<(), Misplaced> {
        arguments.iter().try_for_each(|(name, value)| match slots.get(&name.node) {
            Some(slot) => self.value(&value.node, &slot.of, slot.has_default, value.pos),
            None => Ok(()),
        })
    }

    fn value(&self, value: &Value, expected: &Type, has_default: bool, at: Pos) -> Result<(), Misplaced> {
        match (value, &expected.base) {
            (Value::Variable(name), _) => match self.declared.get(name.as_str()) {
                Some((declared, filled)) if !may_stand(declared, *filled || has_default, expected) => {
                    Err(Misplaced { name: name.to_string(), declared: declared.to_string(), expected: expected.to_string(), at })
                }
                // One that is not declared is for validation to report.
                Some(_) | None => Ok(()),
            },
            (Value::List(items), BaseType::List(of)) => items.iter().try_for_each(|item| self.value(item, of, false, at)),
            // A single value is taken as a list of one.
            (Value::Object(_), BaseType::List(of)) => self.value(value, of, false, at),
            (Value::Object(fields), BaseType::Named(of)) => {
                let Some(slots) = TYPES.inputs.get(of) else { return Ok(()) };
                fields.iter().try_for_each(|(name, value)| match slots.get(name) {
                    Some(slot) => self.value(value, &slot.of, slot.has_default, at),
                    None => Ok(()),
                })
            }
            _ => Ok(()),
        }
    }
}

/// Whether a variable of a type may stand in a place; `filled` if either has a value for when none is given.
fn may_stand(declared: &Type, filled: bool, expected: &Type) -> bool {
    if !expected.nullable && declared.nullable {
        filled && fits(&declared.base, &expected.base)
    } else {
        fits(&declared.base, &expected.base)
    }
}

fn fits(declared: &BaseType, expected: &BaseType) -> bool {
    match (declared, expected) {
        (BaseType::Named(declared), BaseType::Named(expected)) => declared == expected,
        (BaseType::List(declared), BaseType::List(expected)) => {
            (expected.nullable || !declared.nullable) && fits(&declared.base, &expected.base)
        }
        (BaseType::Named(_), BaseType::List(_)) | (BaseType::List(_), BaseType::Named(_)) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_graphql::parser::parse_query;

    fn verdict(document: &str) -> Result<(), Unusable> {
        check(&parse_query(document).unwrap())
    }

    #[test]
    fn a_variable_stands_where_its_type_may() {
        for document in [
            "query ($id: ID!) { node(id: $id) { id } }",
            "query ($id: ID = \"a\") { node(id: $id) { id } }",
            "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }",
            "query ($id: ID!) { nodes(ids: [$id]) { id } }",
            "query ($first: Int!) { threads(first: $first) { nodes { id } } }",
            "query ($first: Int) { threads(first: $first) { nodes { id } } }",
            // The argument has a value of its own.
            "query ($order: ThreadOrder) { threads(first: 1, orderBy: $order) { nodes { id } } }",
            "query ($author: ID) { threads(first: 1, filter: { author: $author }) { nodes { id } } }",
            "query ($yes: Boolean!) { hub @include(if: $yes) { version } }",
            "query ($yes: Boolean) { __schema { types { fields(includeDeprecated: $yes) { name } } } }",
            // What the schema does not have, and what is not declared, is for others to report.
            "query ($x: Int) { nothing(x: $x) { y(x: $x) } nodes(no: $x) { id } node(id: $y) { id } ...F @no(a: $x) }",
        ] {
            assert_eq!(verdict(document), Ok(()), "{document}");
        }
    }

    #[test]
    fn and_nowhere_else() {
        for (document, declared, expected) in [
            ("query ($id: ID) { node(id: $id) { id } }", "ID", "ID!"),
            ("query ($id: ID = null) { node(id: $id) { id } }", "ID", "ID!"),
            ("query ($id: String!) { node(id: $id) { id } }", "String!", "ID!"),
            ("query ($ids: [ID]!) { nodes(ids: $ids) { id } }", "[ID]!", "[ID!]!"),
            ("query ($ids: [ID!]) { nodes(ids: $ids) { id } }", "[ID!]", "[ID!]!"),
            ("query ($id: ID!) { nodes(ids: $id) { id } }", "ID!", "[ID!]!"),
            ("query ($id: ID) { nodes(ids: [\"a\", $id]) { id } }", "ID", "ID!"),
            ("query ($yes: Boolean) { hub @skip(if: $yes) { version } }", "Boolean", "Boolean!"),
            ("query ($name: String) { __type(name: $name) { name } }", "String", "String!"),
            ("query ($a: String) { threads(first: 1, filter: { author: $a }) { nodes { id } } }", "String", "ID"),
            ("query ($id: ID) { ...F } fragment F on Query { ...G } fragment G on Query { node(id: $id) { id } ...F }", "ID", "ID!"),
            ("query ($id: ID) { ... on Query { ... { node(id: $id) { id } } } }", "ID", "ID!"),
            ("mutation ($name: String) { profileChange(input: { name: $name }) { userErrors { code } } }", "String", "String!"),
            ("query A { hub { version } } query B($id: ID) { node(id: $id) { id } }", "ID", "ID!"),
        ] {
            let Err(Unusable::Misplaced(misplaced)) = verdict(document) else { panic!("{document}") };
            assert_eq!((misplaced.declared.as_str(), misplaced.expected.as_str()), (declared, expected), "{document}");
        }
    }

    #[test]
    fn a_type_that_the_schema_lacks_is_refused_before_the_library_sees_it() {
        for (document, declared) in [
            ("query ($a: [Nope] = [1]) { hub { version } }", "[Nope]"),
            ("query ($a: [[Nope!]]! = 1) { hub { version } }", "[[Nope!]]!"),
            ("query ($a: Nope) { hub { version } }", "Nope"),
            ("query ($a: ID, $b: string) { hub { version } }", "string"),
            ("query A { hub { version } } query B($a: Nope) { hub { version } }", "Nope"),
        ] {
            let Err(Unusable::Unknown { declared: found, at, .. }) = verdict(document) else { panic!("{document}") };
            assert_eq!((found.as_str(), at.line), (declared, 1), "{document}");
        }
        // What it has in some other way is for the library to report.
        for known in
            ["Query", "Node", "Event", "ThreadOrder", "DateTime", "[UUID!]", "Float", "__Schema", "__TypeKind", "__DirectiveLocation"]
        {
            assert_eq!(verdict(&format!("query ($a: {known}) {{ hub {{ version }} }}")), Ok(()), "{known}");
        }
    }
}
