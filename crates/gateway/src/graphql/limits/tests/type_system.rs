//! The types of the schema as the library itself tells them to whoever asks by introspection: what the tests write documents for, and
//! hold the gateway's own tables against.

use async_graphql::parser::types::{BaseType, Type};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// All types, and the directives that documents may use.
#[derive(Debug)]
pub(super) struct TypeSystem {
    pub(super) types: BTreeMap<String, Known>,
    pub(super) directives: BTreeMap<String, Vec<Input>>,
}

/// A type.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Known {
    pub(super) name: String,
    pub(super) kind: Kind,
    #[serde(default, deserialize_with = "some")]
    pub(super) fields: Vec<Output>,
    #[serde(default, deserialize_with = "some")]
    pub(super) input_fields: Vec<Input>,
    #[serde(default, deserialize_with = "some")]
    pub(super) enum_values: Vec<Named>,
    #[serde(default, deserialize_with = "some")]
    pub(super) possible_types: Vec<Named>,
    is_one_of: Option<bool>,
}

/// What sort of type it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum Kind {
    Scalar,
    Object,
    Interface,
    Union,
    Enum,
    InputObject,
}

/// A field of an object or interface.
#[derive(Debug, Deserialize)]
pub(super) struct Output {
    pub(super) name: String,
    #[serde(rename = "args")]
    pub(super) arguments: Vec<Input>,
    #[serde(rename = "type", deserialize_with = "told")]
    pub(super) of: Type,
}

/// An argument, or a field of an input object.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Input {
    pub(super) name: String,
    #[serde(rename = "type", deserialize_with = "told")]
    pub(super) of: Type,
    pub(super) default_value: Option<String>,
}

/// What has a name.
#[derive(Debug, Deserialize)]
pub(super) struct Named {
    pub(super) name: String,
}

/// The hub's.
pub(super) fn type_system() -> &'static TypeSystem {
    static TOLD: LazyLock<TypeSystem> = LazyLock::new(ask);
    &TOLD
}

impl TypeSystem {
    pub(super) fn get(&self, name: &str) -> Option<&Known> {
        self.types.get(name)
    }

    /// The field of a type that has fields, those included that are asked for of every type or of the root alone.
    pub(super) fn field(&self, of: &str, name: &str) -> Option<&Output> {
        let meta = match (of, name) {
            ("Query", "__schema") => Some(&*SCHEMA),
            ("Query", "__type") => Some(&*TYPE),
            _ => None,
        };
        meta.or_else(|| self.get(of)?.fields.iter().find(|field| field.name == name))
    }

    /// The objects that a value of a type may be.
    pub(super) fn objects(&self, of: &str) -> Vec<&str> {
        match self.get(of) {
            Some(known) if known.kind == Kind::Object => vec![known.name.as_str()],
            Some(known) => known.possible_types.iter().map(|object| object.name.as_str()).collect(),
            None => Vec::new(),
        }
    }
}

impl Known {
    /// Whether its values have fields.
    pub(super) fn is_composite(&self) -> bool {
        matches!(self.kind, Kind::Object | Kind::Interface | Kind::Union)
    }

    /// Whether exactly one of its fields is given.
    pub(super) fn is_one_of(&self) -> bool {
        self.is_one_of.unwrap_or_default()
    }
}

/// The type that a list, or a list of lists, is made of.
pub(super) fn innermost(of: &Type) -> &str {
    match &of.base {
        BaseType::Named(name) => name.as_str(),
        BaseType::List(of) => innermost(of),
    }
}

/// `__schema` and `__type` of the root, which introspection does not tell of.
static SCHEMA: LazyLock<Output> =
    LazyLock::new(|| Output { name: "__schema".to_owned(), arguments: Vec::new(), of: Type::new("__Schema!").unwrap() });
static TYPE: LazyLock<Output> = LazyLock::new(|| {
    let name = Input { name: "name".to_owned(), of: Type::new("String!").unwrap(), default_value: None };
    Output { name: "__type".to_owned(), arguments: vec![name], of: Type::new("__Type").unwrap() }
});

/// What is asked for nothing but its type.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reference {
    kind: String,
    name: Option<String>,
    of_type: Option<Box<Reference>>,
}

impl Reference {
    fn text(&self) -> String {
        match (self.kind.as_str(), &self.of_type) {
            ("NON_NULL", Some(of)) => format!("{}!", of.text()),
            ("LIST", Some(of)) => format!("[{}]", of.text()),
            _ => self.name.clone().expect("a type has a name"),
        }
    }
}

fn told<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Type, D::Error> {
    Ok(Type::new(&Reference::deserialize(deserializer)?.text()).expect("it was written as a type is"))
}

fn some<'de, D: serde::Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// Where directives stand in documents; all other places are in schemas.
const IN_DOCUMENTS: &[&str] =
    &["QUERY", "MUTATION", "SUBSCRIPTION", "FIELD", "FRAGMENT_DEFINITION", "FRAGMENT_SPREAD", "INLINE_FRAGMENT", "VARIABLE_DEFINITION"];

fn ask() -> TypeSystem {
    #[derive(Deserialize)]
    struct Directive {
        name: String,
        locations: Vec<String>,
        args: Vec<Input>,
    }
    #[derive(Deserialize)]
    struct Schema {
        types: Vec<Known>,
        directives: Vec<Directive>,
    }
    let type_of = (0..6).fold("kind name".to_owned(), |within, _| format!("kind name ofType {{ {within} }}"));
    let input = format!("name type {{ {type_of} }} defaultValue");
    let document = format!(
        "{{ __schema {{
            types {{ name kind isOneOf enumValues(includeDeprecated: true) {{ name }} possibleTypes {{ name }}
                fields(includeDeprecated: true) {{ name args(includeDeprecated: true) {{ {input} }} type {{ {type_of} }} }}
                inputFields(includeDeprecated: true) {{ {input} }} }}
            directives {{ name locations args(includeDeprecated: true) {{ {input} }} }} }} }}"
    );
    let response = futures::executor::block_on(crate::graphql::schema(true, false).execute(document));
    assert!(response.errors.is_empty(), "{:?}", response.errors);
    let mut data = response.data.into_json().unwrap();
    let Schema { types, directives } = serde_json::from_value(data["__schema"].take()).unwrap();
    TypeSystem {
        types: types.into_iter().map(|known| (known.name.clone(), known)).collect(),
        directives: directives
            .into_iter()
            .filter(|directive| directive.locations.iter().any(|place| IN_DOCUMENTS.contains(&place.as_str())))
            .map(|directive| (directive.name, directive.args))
            .collect(),
    }
}

#[test]
fn introspection_tells_of_itself_too() {
    let types = type_system();
    assert!(types.types.len() > 100);
    for name in ["Query", "ThreadFilter", "ThreadOrder", "Node", "__Type", "__DirectiveLocation", "Boolean"] {
        assert!(types.get(name).is_some(), "{name}");
    }
    assert_eq!(types.field("Query", "nodes").unwrap().arguments[0].of.to_string(), "[ID!]!");
    assert_eq!(types.field("__Type", "fields").unwrap().arguments[0].of.to_string(), "Boolean!");
    assert_eq!(types.field("__Type", "fields").unwrap().arguments[0].default_value.as_deref(), Some("false"));
    assert!(types.objects("Node").contains(&"Thread") && types.directives.contains_key("skip"));
    assert!(!types.directives.contains_key("deprecated"), "no document may use it");
}
