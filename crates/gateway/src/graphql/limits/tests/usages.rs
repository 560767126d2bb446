//! Which variables stand where they may not, by the algorithms of the specification, section 5.8.5 “All Variable Usages Are Allowed”:
//! `AllVariableUsagesAllowed`, `IsVariableUsageAllowed`, `IsNonNullPosition` and `AreTypesCompatible`, each as it stands there.

use super::expander::{reached, root};
use super::type_system::{Input, innermost, type_system};
use async_graphql::parser::types::{BaseType, Directive, ExecutableDocument, Selection, SelectionSet, Type, VariableDefinition};
use async_graphql::{Name, Positioned, Value};
use async_graphql_value::Value as InDocument;
use std::collections::BTreeSet;

/// A variable where it is used.
struct Usage {
    name: String,
    /// What is expected there; none if the schema knows no such place.
    location: Option<Location>,
}

#[derive(Clone)]
struct Location {
    of: Type,
    has_default: bool,
    /// Whether it is a field of an object that takes exactly one.
    of_one: bool,
}

/// The variables that are misused.
pub(super) fn misused(document: &ExecutableDocument) -> BTreeSet<String> {
    let mut misused = BTreeSet::new();
    for (_, operation) in document.operations.iter() {
        let operation = &operation.node;
        let mut usages = Vec::new();
        in_directives(&operation.directives, &mut usages);
        in_set(&operation.selection_set.node, Some(root(operation.ty)), &mut usages);
        for name in reached(document, &operation.selection_set.node) {
            let fragment = &document.fragments[&name].node;
            in_directives(&fragment.directives, &mut usages);
            in_set(&fragment.selection_set.node, Some(&fragment.type_condition.node.on.node), &mut usages);
        }
        for usage in usages {
            let mut definitions = operation.variable_definitions.iter().map(|definition| &definition.node);
            // Whether it is defined at all is another section's.
            let definition = definitions.find(|definition| definition.name.node == usage.name);
            if let (Some(definition), Some(location)) = (definition, &usage.location)
                && !is_usage_allowed(definition, location)
            {
                misused.insert(usage.name);
            }
        }
    }
    misused
}

/// The variables whose types the schema does not have.
pub(super) fn unknown(document: &ExecutableDocument) -> BTreeSet<String> {
    let definitions = document.operations.iter().flat_map(|(_, operation)| &operation.node.variable_definitions);
    let unknown = definitions.filter(|definition| type_system().get(innermost(&definition.node.var_type.node)).is_none());
    unknown.map(|definition| definition.node.name.node.to_string()).collect()
}

fn is_usage_allowed(definition: &VariableDefinition, location: &Location) -> bool {
    let variable_type = &definition.var_type.node;
    let is_non_null_position = !location.of.nullable || location.of_one;
    if is_non_null_position && variable_type.nullable {
        let has_non_null_default = definition.default_value.as_ref().is_some_and(|default| default.node != Value::Null);
        if !has_non_null_default && !location.has_default {
            return false;
        }
        let nullable_location = Type { nullable: true, ..location.of.clone() };
        return are_compatible(variable_type, &nullable_location);
    }
    are_compatible(variable_type, &location.of)
}

fn are_compatible(variable: &Type, location: &Type) -> bool {
    let nullable = |of: &Type| Type { nullable: true, ..of.clone() };
    if !location.nullable {
        if variable.nullable {
            return false;
        }
        return are_compatible(&nullable(variable), &nullable(location));
    }
    if !variable.nullable {
        return are_compatible(&nullable(variable), location);
    }
    match (&variable.base, &location.base) {
        (BaseType::List(variable), BaseType::List(location)) => are_compatible(variable, location),
        (BaseType::Named(variable), BaseType::Named(location)) => variable == location,
        _ => false,
    }
}

fn in_set(set: &SelectionSet, of: Option<&str>, usages: &mut Vec<Usage>) {
    for selection in &set.items {
        in_directives(selection.node.directives(), usages);
        match &selection.node {
            Selection::Field(field) => {
                let field = &field.node;
                let known = of.and_then(|of| type_system().field(of, &field.name.node));
                in_arguments(&field.arguments, known.map_or(&[], |known| known.arguments.as_slice()), usages);
                in_set(&field.selection_set.node, known.map(|known| innermost(&known.of)), usages);
            }
            Selection::InlineFragment(fragment) => {
                let condition = fragment.node.type_condition.as_ref().map(|condition| condition.node.on.node.as_str());
                in_set(&fragment.node.selection_set.node, condition.or(of), usages);
            }
            Selection::FragmentSpread(_) => {}
        }
    }
}

fn in_directives(directives: &[Positioned<Directive>], usages: &mut Vec<Usage>) {
    for directive in directives {
        let known = type_system().directives.get(directive.node.name.node.as_str());
        in_arguments(&directive.node.arguments, known.map_or(&[], Vec::as_slice), usages);
    }
}

fn in_arguments(arguments: &[(Positioned<Name>, Positioned<InDocument>)], known: &[Input], usages: &mut Vec<Usage>) {
    for (name, value) in arguments {
        in_value(&value.node, location(known, &name.node, false), usages);
    }
}

fn in_value(value: &InDocument, at: Option<Location>, usages: &mut Vec<Usage>) {
    match value {
        InDocument::Variable(name) => usages.push(Usage { name: name.to_string(), location: at }),
        InDocument::List(items) => {
            for item in items {
                let of_item = at.as_ref().and_then(|at| match &at.of.base {
                    BaseType::List(of) => Some(Location { of: (**of).clone(), has_default: false, of_one: false }),
                    BaseType::Named(_) => None,
                });
                in_value(item, of_item, usages);
            }
        }
        InDocument::Object(fields) => {
            let known = at.as_ref().and_then(|at| type_system().get(innermost(&at.of)));
            for (name, value) in fields {
                let of_field = known.and_then(|known| location(&known.input_fields, name, known.is_one_of()));
                in_value(value, of_field, usages);
            }
        }
        _ => {}
    }
}

fn location(known: &[Input], name: &str, of_one: bool) -> Option<Location> {
    let input = known.iter().find(|input| input.name == name)?;
    Some(Location { of: input.of.clone(), has_default: input.default_value.is_some(), of_one })
}
