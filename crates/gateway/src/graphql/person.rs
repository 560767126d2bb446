//! Persons. Those whom the viewer does not see by name come masked from the views; nothing is decided here.

use super::connection::Connection;
use super::context::RequestContext;
use super::event::{Event, history};
use super::ids::GlobalId;
use super::organisation::{Organisation, lagging, version};
use super::plain::{Known, Plain};
use super::views::{PersonOf, load};
use async_graphql::{Context, ID, Object, Result};
use chrono::{DateTime, Utc};
use projections::events::Subject;
use projections::organisations::person::{PersonRef, PersonRow};

/// A person. Where a person is not for you to see by name, it says so much: “A member of …”.
#[derive(Clone, Debug)]
pub struct Person {
    reference: PersonRef,
    row: Option<PersonRow>,
}

impl From<PersonRef> for Person {
    fn from(reference: PersonRef) -> Self {
        Self { reference, row: None }
    }
}

impl From<PersonRow> for Person {
    fn from(row: PersonRow) -> Self {
        Self { reference: row.reference.clone(), row: Some(row) }
    }
}

impl Person {
    /// What a list does not carry along is read when it is asked for.
    async fn row(&self, ctx: &Context<'_>) -> Result<PersonRow> {
        if let Some(row) = &self.row {
            return Ok(row.clone());
        }
        load(RequestContext::of(ctx)?, PersonOf(self.reference.id)).await?.ok_or_else(lagging)
    }
}

impl Plain for PersonRef {
    fn type_name(&self) -> &'static str {
        "Person"
    }

    fn known(&self, field: &str) -> Option<Known<'_>> {
        Some(match field {
            "id" => Known::id(GlobalId::Person(self.id).encode()),
            "name" => Known::text(&self.name),
            "organisation" => Known::optional(self.organisation.as_ref()),
            "placeholder" => Known::Leaf(self.placeholder.into()),
            _ => return None,
        })
    }
}

/// A person. Where a person is not for you to see by name, it says so much: “A member of …”.
#[Object]
impl Person {
    /// The id.
    pub async fn id(&self) -> ID {
        GlobalId::Person(self.reference.id).encode()
    }
    /// The name to show.
    async fn name(&self) -> &str {
        &self.reference.name
    }
    /// A few words about oneself.
    async fn about(&self, ctx: &Context<'_>) -> Result<String> {
        Ok(self.row(ctx).await?.about)
    }
    /// The organisation; none for authors of imported content.
    async fn organisation(&self) -> Option<Organisation> {
        self.reference.organisation.clone().map(Organisation::from)
    }
    /// Whether it stands for someone whose writings were imported.
    async fn placeholder(&self) -> bool {
        self.reference.placeholder
    }
    /// Whether the person is suspended.
    async fn suspended(&self, ctx: &Context<'_>) -> Result<bool> {
        Ok(self.row(ctx).await?.suspended)
    }
    /// When the person joined; for people you do not see by name, the month.
    async fn joined_at(&self, ctx: &Context<'_>) -> Result<DateTime<Utc>> {
        Ok(self.row(ctx).await?.joined_at)
    }
    /// The version, to give back as `expectedVersion`.
    async fn version(&self, ctx: &Context<'_>) -> Result<i32> {
        Ok(version(self.row(ctx).await?.version))
    }
    /// What happened to the person's record, from the first event to the last, as far as you see it. What others do not see of it
    /// (roles, tokens, the profile's former words) is in it for the person alone.
    async fn history(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many from the start, 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
    ) -> Result<Connection<Event>> {
        history(ctx, Subject::Person(self.reference.id), first, after.as_deref(), last, before.as_deref()).await
    }
}
