//! What must hold of every document whatever, whether it was made by the grammar or is broken: each answer of the gateway's own checks is
//! compared with one that was found some other way.

use super::brackets::brackets;
use super::expander::{self, All, write_out};
use super::usages;
use crate::documents::NothingRuns;
use crate::graphql::HubSchema;
use crate::graphql::limits::cost::prices;
use crate::graphql::limits::{Limits, Measure, Unfit, UnfitKind, check, scan};
use crate::graphql::parsing::parse;
use crate::graphql::variables::{self, Unusable};
use async_graphql::parser::types::{ExecutableDocument, OperationDefinition};
use async_graphql::{Request, Variables};
use std::sync::LazyLock;

/// Why something does not hold.
pub(super) type Verdict<T = ()> = Result<T, String>;

macro_rules! demand {
    ($holds:expr, $($said:tt)+) => {
        if !$holds {
            return Err(format!($($said)+));
        }
    };
}

/// As much as there is of everything but what endangers the parser.
pub(super) fn unlimited() -> Limits {
    let most = u64::MAX;
    Limits {
        bytes: usize::MAX,
        tokens: most,
        name_bytes: most,
        nesting: Limits::default().nesting,
        operations: most,
        fragments: most,
        selections: most,
        depth: most,
        root_fields: most,
        siblings: most,
        unknown_fields: most,
        aliases: most,
        directives: most,
        introspection_nesting: most,
        variables: most,
        values: most,
        value_nesting: most,
        list_items: most,
        string_bytes: most,
        value_bytes: most,
        cost: most,
    }
}

/// Does something on a thread with so much stack, in bytes.
pub(super) fn on_stack<T: Send + 'static>(bytes: usize, work: impl FnOnce() -> T + Send + 'static) -> T {
    std::thread::Builder::new().stack_size(bytes).spawn(work).unwrap().join().unwrap()
}

/// The operation at a place among their names.
pub(super) fn operation(document: &ExecutableDocument, place: usize) -> &OperationDefinition {
    let mut operations: Vec<_> = document.operations.iter().collect();
    operations.sort_by_key(|(name, _)| name.map(ToString::to_string));
    &operations[place % operations.len()].1.node
}

/// Parses a text if the scan lets it through. The two must agree on what is a string, a comment and a bracket.
pub(super) fn read(text: &str) -> Verdict<Option<ExecutableDocument>> {
    match scan(text, &Limits { nesting: 50, ..unlimited() }) {
        Ok(scanned) => {
            let Ok(document) = parse(text) else { return Ok(None) };
            let nesting = brackets(&document);
            demand!(nesting <= scanned.nesting, "the parser found {nesting} brackets within each other, the scan {}", scanned.nesting);
            Ok(Some(document))
        }
        Err(Unfit { kind: UnfitKind::Beyond, .. }) => Ok(None),
        Err(Unfit { at, .. }) => {
            let at = at.ok_or("a string is never closed, but nowhere")?;
            let line = text.split('\n').nth(at.line - 1).unwrap_or_default();
            let from: String = line.chars().skip(at.column - 1).collect();
            demand!(from.starts_with('"'), "no string begins at {at:?}");
            // Where it is not the beginning of a block, the parser cannot read it otherwise.
            let hidden = text.matches(['{', '[', '(']).count() > 200;
            demand!(from.starts_with("\"\"\"") || hidden || parse(text).is_err(), "the parser takes the string at {at:?}");
            Ok(None)
        }
    }
}

/// Measures a document, and compares with what there is when it is written out.
pub(super) fn measured(
    document: &ExecutableDocument,
    chosen: &OperationDefinition,
    variables: &Variables,
) -> Verdict<Option<(Measure, All)>> {
    let measured = check(document, chosen, variables, prices(), &unlimited());
    let circular = expander::is_circular(document);
    let all = write_out(document, chosen, variables);
    match (measured, all) {
        (Err(unfit), _) if unfit.message.contains("spreads itself") => {
            demand!(circular, "a circle is reported where there is none: {unfit}");
            Ok(None)
        }
        (Err(unfit), all) => {
            let levels = all.map(|all| all.largest.levels);
            let deep = unfit.message.contains("selection sets within each other") && levels.is_none_or(|levels| levels > 120);
            demand!(deep, "refused without limits: {unfit}");
            Ok(None)
        }
        (Ok(measure), _) if circular => Err(format!("a circle was not found: {measure:?}")),
        // It is too large to be written out.
        (Ok(_), None) => Ok(None),
        (Ok(measure), Some(all)) => {
            let asked = all.chosen;
            for (what, found, expected) in [
                ("depth", measure.depth, asked.depth),
                ("levels", measure.levels, asked.levels),
                ("fields at the root", measure.level_fields, asked.root_fields),
                ("siblings", measure.siblings, asked.siblings),
                ("aliases", measure.aliases, asked.aliases),
                ("directives", measure.directives, asked.directives),
                ("selections", measure.selections, asked.selections),
                ("introspection", measure.introspection_nesting, asked.introspection_nesting),
                ("cost", measure.cost(), asked.cost),
            ] {
                demand!(found == expected, "{what}: {found} measured, {expected} written out");
            }
            demand!(measure.values == asked.values, "values: {:?} measured, {:?} written out", measure.values, asked.values);
            Ok(Some((measure, all)))
        }
    }
}

/// The verdict about variables is the specification's.
pub(super) fn variables_stand_where_they_may(document: &ExecutableDocument) -> Verdict<bool> {
    let twice = document.operations.iter().any(|(_, operation)| {
        let mut names: Vec<_> = operation.node.variable_definitions.iter().map(|definition| &definition.node.name.node).collect();
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        names.len() < all
    });
    let checked = variables::check(document);
    if twice {
        // It is for another rule to refuse.
        return Ok(checked.is_ok());
    }
    let (unknown, misused) = (usages::unknown(document), usages::misused(document));
    match &checked {
        Ok(()) => demand!(unknown.is_empty() && misused.is_empty(), "allowed, but unknown are {unknown:?} and misused {misused:?}"),
        Err(Unusable::Unknown { name, .. }) => demand!(unknown.contains(name), "${name} is of a type that there is"),
        Err(Unusable::Misplaced(misplaced)) => {
            demand!(misused.contains(&misplaced.name), "refused, but misused are {misused:?}: {misplaced}");
        }
    }
    Ok(checked.is_ok())
}

/// Lets the library validate a document that the gateway's own checks let through.
///
/// # Errors
/// What it has against the document, at first.
pub(super) fn validated(text: &str, document: &ExecutableDocument, chosen: &OperationDefinition, variables: Variables) -> Verdict {
    static SCHEMA: LazyLock<HubSchema> = LazyLock::new(|| crate::graphql::builder().extension(NothingRuns).finish());
    let mut request = Request::new(text).variables(variables);
    let name = document.operations.iter().find(|(_, operation)| std::ptr::eq(&raw const operation.node, chosen)).and_then(|(name, _)| name);
    if let Some(name) = name {
        request = request.operation_name(name.as_str());
    }
    request.set_parsed_query(document.clone());
    let errors = futures::executor::block_on(SCHEMA.execute(request)).errors;
    errors.into_iter().next().map_or(Ok(()), |error| Err(error.message))
}
