//! What a document asks for, found the long way: every fragment is written out wherever it is spread, and what then stands there is
//! counted. It takes as long as the document is large when written out, so it is given up beyond a bound.

use super::sizes::Sizes;
use crate::graphql::limits::cost::{FIELD, GRAINS, Items, LARGEST_PAGE, Place, Price, prices};
use crate::graphql::limits::values::Size;
use async_graphql::parser::types::{Directive, ExecutableDocument, Field, OperationDefinition, OperationType, Selection, SelectionSet};
use async_graphql::{Name, Positioned, Value, Variables};
use async_graphql_value::Value as InDocument;
use std::collections::{BTreeMap, BTreeSet};

/// Selections that are written out at most.
const MOST: u64 = 20_000;

/// What one operation, or one fragment, asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) depth: u64,
    pub(super) levels: u64,
    pub(super) root_fields: u64,
    pub(super) siblings: u64,
    pub(super) aliases: u64,
    pub(super) directives: u64,
    pub(super) selections: u64,
    pub(super) introspection_nesting: u64,
    pub(super) values: Size,
    pub(super) cost: u64,
}

/// What is held against the limits.
#[derive(Clone, Debug)]
pub(super) struct All {
    /// The operation that shall run.
    pub(super) chosen: Asked,
    /// The largest of what each operation is held to by itself; selections and values of all together.
    pub(super) largest: Asked,
    pub(super) unknown_fields: u64,
}

/// A field with what it asks for, all fragments written out.
struct Whole<'a> {
    field: &'a Field,
    price: Price,
    within: Vec<Whole<'a>>,
}

struct Expander<'a> {
    document: &'a ExecutableDocument,
    sizes: Sizes<'a>,
    /// Of the operation that shall run.
    said: BTreeMap<&'a str, &'a Value>,
    asked: Asked,
    written: u64,
}

/// Writes a document out; none if it goes in a circle, or is too large for that.
pub(super) fn write_out(document: &ExecutableDocument, chosen: &OperationDefinition, variables: &Variables) -> Option<All> {
    if is_circular(document) {
        return None;
    }
    let mut said = BTreeMap::new();
    for definition in &chosen.variable_definitions {
        if let Some(default) = &definition.node.default_value {
            said.insert(definition.node.name.node.as_str(), &default.node);
        }
    }
    said.extend(variables.iter().map(|(name, value)| (name.as_str(), value)));
    let sizes = Sizes::new(document, variables);
    let sent = sizes.sent();
    let mut expander = Expander { document, sizes, said, asked: Asked::default(), written: 0 };
    let mut all = All { chosen: Asked::default(), largest: Asked::default(), unknown_fields: 0 };
    let mut together = Vec::new();
    for (_, operation) in document.operations.iter() {
        let operation = &operation.node;
        let of = place(root(operation.ty));
        let defined = operation.variable_definitions.iter().flat_map(|definition| &definition.node.directives);
        let asked = expander.definition(&operation.selection_set.node, of, operation.directives.iter().chain(defined))?;
        all.unknown_fields += unknown_fields(&operation.selection_set.node, of);
        if std::ptr::eq(operation, chosen) {
            all.chosen = asked;
        }
        let largest = &mut all.largest;
        largest.depth = largest.depth.max(asked.depth);
        largest.root_fields = largest.root_fields.max(asked.root_fields);
        largest.aliases = largest.aliases.max(asked.aliases);
        largest.directives = largest.directives.max(asked.directives);
        largest.introspection_nesting = largest.introspection_nesting.max(asked.introspection_nesting);
        together.push(asked);
    }
    for fragment in document.fragments.values() {
        let of = place(&fragment.node.type_condition.node.on.node);
        together.push(expander.definition(&fragment.node.selection_set.node, of, fragment.node.directives.iter())?);
        all.unknown_fields += unknown_fields(&fragment.node.selection_set.node, of);
    }
    // Validation walks over all of them.
    all.largest.siblings = together.iter().map(|asked| asked.siblings).max()?;
    all.largest.levels = together.iter().map(|asked| asked.levels).max()?;
    all.largest.selections = together.iter().map(|asked| asked.selections).sum();
    all.largest.cost = all.chosen.cost;
    let values: Vec<Size> = together.iter().map(|asked| asked.values).collect();
    let beside = |of: fn(&Size) -> u64| values.iter().map(of).sum::<u64>();
    let most = |of: fn(&Size) -> u64| values.iter().map(of).max().unwrap_or_default().max(of(&sent));
    all.largest.values = Size {
        values: beside(|size| size.values).max(sent.values),
        bytes: beside(|size| size.bytes).max(sent.bytes),
        nesting: most(|size| size.nesting),
        longest_list: most(|size| size.longest_list),
        longest_string: most(|size| size.longest_string),
    };
    Some(all)
}

impl<'a> Expander<'a> {
    fn definition(
        &mut self,
        set: &'a SelectionSet,
        of: Option<Place>,
        directives: impl Iterator<Item = &'a Positioned<Directive>>,
    ) -> Option<Asked> {
        self.asked = Asked::default();
        let mut fields = Vec::new();
        self.write(set, of, 1, &mut fields)?;
        self.directives(directives);
        Some(Asked {
            depth: depth(&fields),
            root_fields: fields.len() as u64,
            siblings: siblings(&fields),
            introspection_nesting: introspection_nesting(&fields),
            cost: {
                let (once, each) = self.grains(&fields);
                u64::try_from(once.saturating_add(each)).unwrap_or(u64::MAX).div_ceil(GRAINS)
            },
            ..self.asked
        })
    }

    /// Writes a selection set out to fields beside each other.
    fn write(&mut self, set: &'a SelectionSet, of: Option<Place>, level: u64, fields: &mut Vec<Whole<'a>>) -> Option<()> {
        self.asked.levels = self.asked.levels.max(level);
        for selection in &set.items {
            self.written += 1;
            if self.written > MOST {
                return None;
            }
            self.asked.selections += 1;
            self.directives(selection.node.directives().iter());
            match &selection.node {
                Selection::Field(field) => {
                    let field = &field.node;
                    self.asked.aliases += u64::from(field.alias.is_some());
                    self.arguments(&field.arguments);
                    let (price, of) = prices().field(of, &field.name.node);
                    let mut within = Vec::new();
                    if !field.selection_set.node.items.is_empty() {
                        self.write(&field.selection_set.node, of, level + 1, &mut within)?;
                    }
                    fields.push(Whole { field, price, within });
                }
                Selection::InlineFragment(fragment) => {
                    let of = fragment.node.type_condition.as_ref().map_or(of, |condition| place(&condition.node.on.node));
                    self.write(&fragment.node.selection_set.node, of, level + 1, fields)?;
                }
                Selection::FragmentSpread(spread) => {
                    if let Some(fragment) = self.document.fragments.get(&spread.node.fragment_name.node) {
                        self.directives(fragment.node.directives.iter());
                        let of = place(&fragment.node.type_condition.node.on.node);
                        self.write(&fragment.node.selection_set.node, of, level + 1, fields)?;
                    }
                }
            }
        }
        Some(())
    }

    fn directives(&mut self, directives: impl Iterator<Item = &'a Positioned<Directive>>) {
        for directive in directives {
            self.asked.directives += 1;
            self.arguments(&directive.node.arguments);
        }
    }

    fn arguments(&mut self, arguments: &[(Positioned<Name>, Positioned<InDocument>)]) {
        let values = &mut self.asked.values;
        values.longest_list = values.longest_list.max(arguments.len() as u64);
        for (_, value) in arguments {
            let size = self.sizes.of(&value.node);
            values.values += size.values;
            values.bytes += size.bytes;
            values.nesting = values.nesting.max(size.nesting);
            values.longest_list = values.longest_list.max(size.longest_list);
            values.longest_string = values.longest_string.max(size.longest_string);
        }
    }

    /// What fields cost that are beside each other, in grains: once, and for each item of a page that they stand in.
    fn grains(&self, fields: &[Whole]) -> (u128, u128) {
        let (mut once, mut each) = (0u128, 0u128);
        for Whole { field, price, within } in fields {
            let own = u128::from(price.own);
            let (beside, of_item) = self.grains(within);
            let all = beside.saturating_add(of_item);
            let (times, repeated, besides) = match price.items {
                Items::One | Items::OfPage => (1, all, 0),
                Items::About(number) => (u128::from(number), all, 0),
                Items::First(unsaid) => (self.page(field, unsaid), all, 0),
                Items::Ids => (self.ids(field), all, 0),
                // At least the items are read.
                Items::Page(unsaid) => (self.page(field, unsaid), of_item.max(u128::from(FIELD * GRAINS)), beside),
            };
            let cost = repeated.saturating_mul(times).saturating_add(own).saturating_add(besides);
            let sum = if price.items == Items::OfPage { &mut each } else { &mut once };
            *sum = sum.saturating_add(cost);
        }
        (once, each)
    }

    /// How many items a page has: what `first` says, or else `last`.
    fn page(&self, field: &Field, unsaid: u64) -> u128 {
        let said = self.argument(field, "first").or_else(|| self.argument(field, "last"));
        u128::from(match said {
            None => unsaid,
            Some(InDocument::Number(number)) => number.as_u64().map_or(LARGEST_PAGE, |number| number.clamp(1, LARGEST_PAGE)),
            Some(_) => LARGEST_PAGE,
        })
    }

    fn ids(&self, field: &Field) -> u128 {
        match self.argument(field, "ids") {
            Some(InDocument::List(ids)) => ids.len().max(1) as u128,
            _ => 1,
        }
    }

    /// What an argument is, unless it is null or left out.
    fn argument(&self, field: &Field, name: &str) -> Option<InDocument> {
        let value = match &field.get_argument(name)?.node {
            InDocument::Variable(variable) => (*self.said.get(variable.as_str())?).clone().into_value(),
            value => value.clone(),
        };
        (value != InDocument::Null).then_some(value)
    }
}

fn depth(fields: &[Whole]) -> u64 {
    fields.iter().map(|field| 1 + depth(&field.within)).max().unwrap_or_default()
}

fn siblings(fields: &[Whole]) -> u64 {
    fields.iter().map(|field| siblings(&field.within)).max().unwrap_or_default().max(fields.len() as u64)
}

fn introspection_nesting(fields: &[Whole]) -> u64 {
    let nesting = |field: &Whole| introspection_nesting(&field.within) + u64::from(field.price.introspection_list);
    fields.iter().map(nesting).max().unwrap_or_default()
}

/// The fields that types with fields do not have, each counted where it stands, fragments not written out.
fn unknown_fields(set: &SelectionSet, of: Option<Place>) -> u64 {
    let of_selection = |selection: &Positioned<Selection>| match &selection.node {
        Selection::Field(field) => {
            let (price, inner) = prices().field(of, &field.node.name.node);
            u64::from(of.is_some() && price.is_unknown()) + unknown_fields(&field.node.selection_set.node, inner)
        }
        Selection::InlineFragment(fragment) => {
            let of = fragment.node.type_condition.as_ref().map_or(of, |condition| place(&condition.node.on.node));
            unknown_fields(&fragment.node.selection_set.node, of)
        }
        Selection::FragmentSpread(_) => 0,
    };
    set.items.iter().map(of_selection).sum()
}

/// Whether some fragment spreads itself: it is among those that it reaches.
pub(super) fn is_circular(document: &ExecutableDocument) -> bool {
    document.fragments.iter().any(|(name, fragment)| reached(document, &fragment.node.selection_set.node).contains(name))
}

/// The fragments that a selection set spreads, directly and through others.
pub(super) fn reached(document: &ExecutableDocument, set: &SelectionSet) -> BTreeSet<Name> {
    let mut reached = BTreeSet::new();
    let mut next = spread(set);
    while let Some(name) = next.pop() {
        if let Some(fragment) = document.fragments.get(&name)
            && reached.insert(name)
        {
            next.extend(spread(&fragment.node.selection_set.node));
        }
    }
    reached
}

fn spread(set: &SelectionSet) -> Vec<Name> {
    let of = |selection: &Positioned<Selection>| match &selection.node {
        Selection::Field(field) => spread(&field.node.selection_set.node),
        Selection::InlineFragment(fragment) => spread(&fragment.node.selection_set.node),
        Selection::FragmentSpread(spread) => vec![spread.node.fragment_name.node.clone()],
    };
    set.items.iter().flat_map(of).collect()
}

pub(super) fn root(kind: OperationType) -> &'static str {
    match kind {
        OperationType::Query => "Query",
        OperationType::Mutation => "Mutation",
        OperationType::Subscription => "Subscription",
    }
}

fn place(name: &str) -> Option<Place> {
    prices().place(name)
}
