//! Objects whose fields are there already, answered in one go.
//!
//! The executor takes each field of each object as a task of its own. For a list of rows that hold all that was asked for,
//! that is most of the work of a request. So an item of a list is first asked whether it knows every field of its
//! selection; only if it does not, or the selection is of a kind that needs the executor (arguments, directives, one name
//! twice), the executor takes over for that item. Both give the same answer, which a test holds for every field.
//!
//! **To let a type answer plainly:** implement [`Plain`] beside its resolvers, and say [`Connection::plainly`] where it is listed.
//!
//! [`Connection::plainly`]: super::connection::Connection::plainly

use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types::{Field, Selection, SelectionSet};
use async_graphql::registry::Registry;
use async_graphql::{ContextSelectionSet, ID, Name, OutputType, Positioned, ScalarType, ServerResult, Value};
use chrono::{DateTime, Utc};
use std::borrow::Cow;

/// What an object knows of itself.
pub(crate) enum Known<'o> {
    /// A field without fields of its own.
    Leaf(Value),
    /// An object in it.
    Object(&'o dyn Plain),
}

impl<'o> Known<'o> {
    pub(super) fn id(id: ID) -> Self {
        Self::Leaf(Value::String(id.0))
    }

    pub(super) fn text(text: &str) -> Self {
        Self::Leaf(Value::String(text.to_owned()))
    }

    pub(super) fn moment(at: DateTime<Utc>) -> Self {
        Self::Leaf(at.to_value())
    }

    pub(super) fn optional<P: Plain>(object: Option<&'o P>) -> Self {
        object.map_or(Self::Leaf(Value::Null), |object| Self::Object(object))
    }
}

/// An object that knows fields of its type without reading anything.
pub(crate) trait Plain: Sync {
    /// The name of its type.
    fn type_name(&self) -> &'static str;

    /// What it knows under this name; none if the field takes more than that.
    fn known(&self, field: &str) -> Option<Known<'_>>;
}

/// The whole selection, if the object knows all of it.
fn answer(ctx: &ContextSelectionSet<'_>, selection: &SelectionSet, object: &dyn Plain) -> Option<Value> {
    let mut fields = IndexMap::with_capacity(selection.items.len());
    collect(ctx, selection, object, &mut fields)?;
    Some(Value::Object(fields))
}

fn collect(ctx: &ContextSelectionSet<'_>, selection: &SelectionSet, object: &dyn Plain, fields: &mut IndexMap<Name, Value>) -> Option<()> {
    for item in &selection.items {
        match &item.node {
            Selection::Field(field) => {
                let Field { name, arguments, directives, selection_set, .. } = &field.node;
                if !arguments.is_empty() || !directives.is_empty() {
                    return None;
                }
                let value = match name.node.as_str() {
                    "__typename" => Value::String(object.type_name().to_owned()),
                    name => match object.known(name)? {
                        Known::Leaf(value) => value,
                        Known::Object(object) => answer(ctx, &selection_set.node, object)?,
                    },
                };
                // Two selections of one field are to be merged.
                if fields.insert(field.node.response_key().node.clone(), value).is_some() {
                    return None;
                }
            }
            Selection::FragmentSpread(spread) => {
                let fragment = &ctx.query_env.fragments.get(&spread.node.fragment_name.node)?.node;
                if !spread.node.directives.is_empty() || fragment.type_condition.node.on.node != object.type_name() {
                    return None;
                }
                collect(ctx, &fragment.selection_set.node, object, fields)?;
            }
            Selection::InlineFragment(fragment) => {
                let other = fragment.node.type_condition.as_ref().is_some_and(|on| on.node.on.node != object.type_name());
                if other || !fragment.node.directives.is_empty() {
                    return None;
                }
                collect(ctx, &fragment.node.selection_set.node, object, fields)?;
            }
        }
    }
    Some(())
}

/// A type's way to answer plainly; none for types that always need the executor.
pub(super) type Plainly<T> = Option<fn(&T) -> &dyn Plain>;

/// An item of a list: answered plainly if it can be, else by the executor.
pub(crate) struct Listed<'i, T> {
    item: &'i T,
    plainly: Plainly<T>,
}

impl<'i, T> Listed<'i, T> {
    pub(super) fn new(item: &'i T, plainly: Plainly<T>) -> Self {
        Self { item, plainly }
    }
}

impl<T: OutputType> OutputType for Listed<'_, T> {
    fn type_name() -> Cow<'static, str> {
        T::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        T::create_type_info(registry)
    }

    async fn resolve(&self, ctx: &ContextSelectionSet<'_>, field: &Positioned<Field>) -> ServerResult<Value> {
        if let Some(plainly) = self.plainly
            && let Some(value) = answer(ctx, &ctx.item.node, plainly(self.item))
        {
            return Ok(value);
        }
        // Set apart, so that an item that answers plainly is no larger than it must be.
        Box::pin(self.item.resolve(ctx, field)).await
    }
}
