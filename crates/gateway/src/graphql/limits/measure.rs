//! The one pass over the parsed document.

use super::cost::{FIELD, GRAINS, Items, LARGEST_PAGE, Place, Prices};
use super::values::{Scale, Size};
use super::{DEEPEST_LEVELS, Limits, Unfit, UnfitKind};
use async_graphql::parser::types::{
    Directive, ExecutableDocument, Field, FragmentDefinition, OperationDefinition, OperationType, Selection, SelectionSet,
};
use async_graphql::{Name, Positioned, Value, Variables};
use async_graphql_value::Value as Written;
use std::collections::HashMap;

/// What a request asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Measure {
    /// Fields within each other.
    pub depth: u64,
    /// Selection sets within each other, those of fields and of fragments of either kind.
    pub levels: u64,
    /// Fields of this selection set.
    pub level_fields: u64,
    /// Fields of the largest selection set, this one's included.
    pub siblings: u64,
    /// Aliases.
    pub aliases: u64,
    /// Directives.
    pub directives: u64,
    /// Selections of every kind.
    pub selections: u64,
    /// Introspection lists within each other.
    pub introspection_nesting: u64,
    /// Values in arguments.
    pub values: Size,
    /// The cost of what comes once, in grains.
    once: u64,
    /// The cost of what comes for each item of the page that this selection set belongs to, in grains.
    each: u64,
    /// Selections, directives and values that the pass looked at. It is no larger than the document and its variables.
    pub visits: u64,
}

impl Measure {
    /// The cost in points.
    pub fn cost(&self) -> u64 {
        // What stands in no page comes once.
        self.once.saturating_add(self.each).div_ceil(GRAINS)
    }

    /// The larger of two operations, in what each is held to by itself.
    fn or(self, other: Self) -> Self {
        Self {
            depth: self.depth.max(other.depth),
            levels: self.levels.max(other.levels),
            level_fields: self.level_fields.max(other.level_fields),
            siblings: self.siblings.max(other.siblings),
            aliases: self.aliases.max(other.aliases),
            directives: self.directives.max(other.directives),
            introspection_nesting: self.introspection_nesting.max(other.introspection_nesting),
            ..self
        }
    }

    /// Beside each other in one selection set.
    fn add(&mut self, other: Self) {
        self.depth = self.depth.max(other.depth);
        self.levels = self.levels.max(other.levels);
        self.level_fields = self.level_fields.saturating_add(other.level_fields);
        self.siblings = self.siblings.max(other.siblings).max(self.level_fields);
        self.aliases = self.aliases.saturating_add(other.aliases);
        self.directives = self.directives.saturating_add(other.directives);
        self.selections = self.selections.saturating_add(other.selections);
        self.introspection_nesting = self.introspection_nesting.max(other.introspection_nesting);
        self.values.add(other.values);
        self.once = self.once.saturating_add(other.once);
        self.each = self.each.saturating_add(other.each);
    }
}

/// Measures what a request asks for, and holds it against the limits: each operation of the document, the cost of the one that shall
/// run. Validation walks over all operations and fragments, so their selections and values count together.
///
/// # Errors
/// The limit that it goes beyond.
pub fn check(
    document: &ExecutableDocument,
    operation: &OperationDefinition,
    variables: &Variables,
    prices: &Prices,
    limits: &Limits,
) -> Result<Measure, Unfit> {
    let operations: Vec<&OperationDefinition> = document.operations.iter().map(|(_, operation)| &operation.node).collect();
    let declared = operations.iter().map(|operation| operation.variable_definitions.len()).max().unwrap_or_default();
    // Before anything is walked over, for fragments are followed from one to the next.
    hold(&[
        ("operations", operations.len() as u64, limits.operations, "Send only those that you run."),
        ("fragments", document.fragments.len() as u64, limits.fragments, "Send only those that you use, or fewer and larger ones."),
        ("variables", declared.max(variables.len()) as u64, limits.variables, "Send only those that you use, or lists and objects."),
    ])?;
    let scale = Scale::new(variables, operations.iter().flat_map(|operation| defaults_of(operation)));
    let defaults = defaults_of(operation).map(|(name, value)| (name.as_str(), value)).collect();
    let known = HashMap::with_capacity(document.fragments.len());
    let mut meter = Meter { document, prices, variables, defaults, scale, within: 0, visits: 0, unknown: 0, known };
    let (mut chosen, mut largest, mut walked) = (Measure::default(), Measure::default(), (0u64, Size::default()));
    let mut walk = |measure: Measure| {
        walked.0 = walked.0.saturating_add(measure.selections);
        walked.1.add(measure.values);
        measure
    };
    for other in operations {
        let measure = walk(meter.operation(other)?);
        largest = largest.or(measure);
        if std::ptr::eq(other, operation) {
            chosen = measure;
        }
    }
    for name in document.fragments.keys() {
        let measure = walk(meter.fragment(name)?);
        largest.siblings = largest.siblings.max(measure.siblings);
        largest.levels = largest.levels.max(measure.levels);
    }
    let (selections, values) = (walked.0, walked.1.or(meter.scale.sent));
    let (smaller, several) = ("Ask for less at once.", "Send several requests.");
    hold(&[
        ("selections, fragments counted wherever they are spread", selections, limits.selections, smaller),
        (LEVELS, largest.levels, DEEPEST_LEVELS as u64, smaller),
        ("levels of fields within each other", largest.depth, limits.depth, "Ask in several requests, going on from ids with “node”."),
        ("fields at the root", largest.level_fields, limits.root_fields, several),
        (
            "fields beside each other in one selection set, repeated ones and fragments counted",
            largest.siblings,
            limits.siblings,
            "Name each field once.",
        ),
        ("fields that the schema does not have", meter.unknown, limits.unknown_fields, "The whole schema is at /schema.graphql."),
        ("aliases", largest.aliases, limits.aliases, several),
        ("directives", largest.directives, limits.directives, smaller),
        (
            "lists of the introspection within each other",
            largest.introspection_nesting,
            limits.introspection_nesting,
            "The whole schema is at /schema.graphql.",
        ),
        ("values in arguments, variables counted wherever they are used", values.values, limits.values, several),
        ("lists and objects within each other in one value", values.nesting, limits.value_nesting, "No argument of this API is so deep."),
        ("items in one list, object or set of arguments", values.longest_list, limits.list_items, several),
        ("bytes in one string", values.longest_string, limits.string_bytes, "No text of this API may be so long."),
        ("bytes in strings, variables counted wherever they are used", values.bytes, limits.value_bytes, several),
        ("points of cost", chosen.cost(), limits.cost, "Ask for fewer items (“first”), or fewer lists within lists."),
    ])?;
    chosen.visits = meter.visits.saturating_add(meter.scale.visits);
    Ok(chosen)
}

/// What is held against [`DEEPEST_LEVELS`].
const LEVELS: &str = "selection sets within each other, fragments put in";

/// Holds what was found against the most that is allowed: what, found, most, and what to do.
fn hold(rows: &[(&str, u64, u64, &str)]) -> Result<(), Unfit> {
    match rows.iter().find(|(_, found, most, _)| found > most) {
        Some((what, found, most, remedy)) => Err(Unfit::beyond(what, *found, *most, remedy)),
        None => Ok(()),
    }
}

struct Meter<'a> {
    document: &'a ExecutableDocument,
    prices: &'a Prices,
    variables: &'a Variables,
    /// What the operation that shall run takes where a variable is left out.
    defaults: HashMap<&'a str, &'a Value>,
    scale: Scale<'a>,
    /// How many selection sets the pass is within. It calls itself for each.
    within: usize,
    visits: u64,
    /// Fields that the schema does not have.
    unknown: u64,
    /// Each fragment's measure; none while it is being measured.
    known: HashMap<&'a str, Option<Measure>>,
}

impl<'a> Meter<'a> {
    fn operation(&mut self, operation: &'a OperationDefinition) -> Result<Measure, Unfit> {
        let root = match operation.ty {
            OperationType::Query => "Query",
            OperationType::Mutation => "Mutation",
            OperationType::Subscription => "Subscription",
        };
        let mut measure = self.selection_set(&operation.selection_set.node, self.prices.place(root))?;
        self.directives(&operation.directives, &mut measure);
        for definition in &operation.variable_definitions {
            self.directives(&definition.node.directives, &mut measure);
        }
        Ok(measure)
    }

    fn selection_set(&mut self, set: &'a SelectionSet, of: Option<Place>) -> Result<Measure, Unfit> {
        let mut sum = Measure::default();
        if set.items.is_empty() {
            return Ok(sum);
        }
        // Fragments go on from one to the next, so that no limit of the text bounds this.
        if self.within == DEEPEST_LEVELS {
            return Err(Unfit::beyond(LEVELS, u64::MAX, DEEPEST_LEVELS as u64, "Ask for less at once."));
        }
        self.within += 1;
        for selection in &set.items {
            self.visits += 1;
            let mut measure = match &selection.node {
                Selection::Field(field) => self.field(&field.node, of)?,
                Selection::InlineFragment(fragment) => {
                    let condition = fragment.node.type_condition.as_ref().map(|condition| condition.node.on.node.as_str());
                    let of = condition.map_or(of, |name| self.prices.place(name));
                    self.selection_set(&fragment.node.selection_set.node, of)?
                }
                // One that does not exist is for validation to report.
                Selection::FragmentSpread(spread) => self.fragment(spread.node.fragment_name.node.as_str())?,
            };
            measure.selections = measure.selections.saturating_add(1);
            self.directives(selection.node.directives(), &mut measure);
            sum.add(measure);
        }
        self.within -= 1;
        sum.levels = sum.levels.saturating_add(1);
        Ok(sum)
    }

    fn fragment(&mut self, name: &str) -> Result<Measure, Unfit> {
        let Some((name, definition)) = self.document.fragments.get_key_value(name) else { return Ok(Measure::default()) };
        match self.known.get(name.as_str()) {
            Some(Some(measure)) => return Ok(*measure),
            Some(None) => return Err(circle(name, definition)),
            None => {}
        }
        self.known.insert(name.as_str(), None);
        let of = self.prices.place(definition.node.type_condition.node.on.node.as_str());
        let mut measure = self.selection_set(&definition.node.selection_set.node, of)?;
        self.directives(&definition.node.directives, &mut measure);
        self.known.insert(name.as_str(), Some(measure));
        Ok(measure)
    }

    fn field(&mut self, field: &'a Field, of: Option<Place>) -> Result<Measure, Unfit> {
        let (price, place) = self.prices.field(of, field.name.node.as_str());
        self.unknown += u64::from(of.is_some() && price.is_unknown());
        let within = self.selection_set(&field.selection_set.node, place)?;
        let mut measure = Measure {
            depth: within.depth.saturating_add(1),
            level_fields: 1,
            siblings: within.siblings,
            aliases: within.aliases.saturating_add(u64::from(field.alias.is_some())),
            introspection_nesting: within.introspection_nesting.saturating_add(u64::from(price.introspection_list)),
            once: price.own,
            each: 0,
            ..within
        };
        // What stands in the page of something that is none comes with it.
        let item = within.once.saturating_add(within.each);
        match price.items {
            Items::One => measure.once = price.own.saturating_add(item),
            Items::About(number) => measure.once = price.own.saturating_add(item.saturating_mul(number)),
            Items::First(unsaid) => measure.once = price.own.saturating_add(item.saturating_mul(self.page(field, unsaid))),
            Items::Ids => measure.once = price.own.saturating_add(item.saturating_mul(self.ids(field))),
            Items::Page(unsaid) => {
                // The rows are read even if nothing of them is asked for.
                let items = within.each.max(FIELD * GRAINS).saturating_mul(self.page(field, unsaid));
                measure.once = price.own.saturating_add(within.once).saturating_add(items);
            }
            Items::OfPage => (measure.once, measure.each) = (0, price.own.saturating_add(item)),
        }
        self.arguments(&field.arguments, &mut measure);
        Ok(measure)
    }

    fn directives(&mut self, directives: &[Positioned<Directive>], measure: &mut Measure) {
        measure.directives = measure.directives.saturating_add(directives.len() as u64);
        for directive in directives {
            self.visits += 1;
            self.arguments(&directive.node.arguments, measure);
        }
    }

    fn arguments(&mut self, arguments: &[(Positioned<Name>, Positioned<Written>)], measure: &mut Measure) {
        for (_, value) in arguments {
            let size = self.scale.value(&value.node);
            measure.values.add(size);
        }
        measure.values.longest_list = measure.values.longest_list.max(arguments.len() as u64);
    }

    /// How many items are asked for of a page; `unsaid` if neither argument says.
    fn page(&self, field: &Field, unsaid: u64) -> u64 {
        match ["first", "last"].into_iter().find_map(|name| self.said(field, name)) {
            Some(Said::Number(Some(number))) => number.clamp(1, LARGEST_PAGE),
            // No size of a page; the field will refuse it.
            Some(Said::Number(None) | Said::Items(_) | Said::Other) => LARGEST_PAGE,
            None => unsaid,
        }
    }

    /// How many ids are given.
    fn ids(&self, field: &Field) -> u64 {
        match self.said(field, "ids") {
            Some(Said::Items(items)) => items.max(1),
            // A single id is taken as a list of one.
            Some(Said::Number(_) | Said::Other) | None => 1,
        }
    }

    /// What an argument says of a size; none if it is left out. A variable that is left out says as little.
    fn said(&self, field: &Field, name: &str) -> Option<Said> {
        match &field.get_argument(name)?.node {
            Written::Null => None,
            Written::Number(number) => Some(Said::Number(number.as_u64())),
            Written::List(items) => Some(Said::Items(items.len() as u64)),
            Written::Variable(name) => match self.variables.get(name).or_else(|| self.defaults.get(name.as_str()).copied())? {
                Value::Null => None,
                Value::Number(number) => Some(Said::Number(number.as_u64())),
                Value::List(items) => Some(Said::Items(items.len() as u64)),
                _ => Some(Said::Other),
            },
            _ => Some(Said::Other),
        }
    }
}

/// What an argument says of a size.
enum Said {
    /// A number; none if it is negative or no whole one.
    Number(Option<u64>),
    /// A list of so many.
    Items(u64),
    /// Something that is no size.
    Other,
}

fn defaults_of(operation: &OperationDefinition) -> impl Iterator<Item = (&Name, &Value)> {
    let definitions = operation.variable_definitions.iter().map(|definition| &definition.node);
    definitions.filter_map(|definition| Some((&definition.name.node, &definition.default_value.as_ref()?.node)))
}

fn circle(name: &str, definition: &Positioned<FragmentDefinition>) -> Unfit {
    let message = format!("The fragment “{name}” spreads itself, directly or through others.");
    Unfit { kind: UnfitKind::Beyond, message, at: Some(definition.pos) }
}
