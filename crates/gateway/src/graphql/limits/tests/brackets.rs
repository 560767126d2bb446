//! How deep the brackets of a document are, told by what the parser made of it.

use async_graphql::parser::types::{BaseType, Directive, ExecutableDocument, Selection, SelectionSet, Type};
use async_graphql::{Name, Positioned, Value};
use async_graphql_value::Value as InDocument;

/// Brackets within each other, as far as a document tells: empty ones leave nothing behind.
pub(super) fn brackets(document: &ExecutableDocument) -> u64 {
    let operations = document.operations.iter().map(|(_, operation)| {
        let operation = &operation.node;
        let definitions = operation.variable_definitions.iter().map(|definition| {
            let definition = &definition.node;
            let default = definition.default_value.as_ref().map_or(0, |value| in_constant(&value.node));
            1 + default.max(in_type(&definition.var_type.node)).max(in_directives(&definition.directives))
        });
        in_set(&operation.selection_set.node).max(in_directives(&operation.directives)).max(definitions.max().unwrap_or_default())
    });
    let fragments =
        document.fragments.values().map(|fragment| in_set(&fragment.node.selection_set.node).max(in_directives(&fragment.node.directives)));
    operations.chain(fragments).max().unwrap_or_default()
}

fn in_set(set: &SelectionSet) -> u64 {
    let of = |selection: &Selection| {
        let within = match selection {
            Selection::Field(field) => in_set(&field.node.selection_set.node).max(in_arguments(&field.node.arguments)),
            Selection::InlineFragment(fragment) => in_set(&fragment.node.selection_set.node),
            Selection::FragmentSpread(_) => 0,
        };
        within.max(in_directives(selection.directives()))
    };
    set.items.iter().map(|selection| 1 + of(&selection.node)).max().unwrap_or_default()
}

fn in_directives(directives: &[Positioned<Directive>]) -> u64 {
    directives.iter().map(|directive| in_arguments(&directive.node.arguments)).max().unwrap_or_default()
}

fn in_arguments(arguments: &[(Positioned<Name>, Positioned<InDocument>)]) -> u64 {
    arguments.iter().map(|(_, value)| 1 + in_value(&value.node)).max().unwrap_or_default()
}

fn in_value(value: &InDocument) -> u64 {
    match value {
        InDocument::List(items) => 1 + items.iter().map(in_value).max().unwrap_or_default(),
        InDocument::Object(fields) => 1 + fields.values().map(in_value).max().unwrap_or_default(),
        _ => 0,
    }
}

fn in_constant(value: &Value) -> u64 {
    in_value(&value.clone().into_value())
}

fn in_type(of: &Type) -> u64 {
    match &of.base {
        BaseType::List(of) => 1 + in_type(of),
        BaseType::Named(_) => 0,
    }
}
