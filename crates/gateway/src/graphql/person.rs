//! Persons. Those whom the viewer does not see by name come masked from the views; nothing is decided here.

use super::context::RequestContext;
use super::ids::GlobalId;
use super::organisation::{Organisation, lagging, version};
use super::views::{PersonOf, load};
use async_graphql::{Context, ID, Object, Result};
use chrono::{DateTime, Utc};
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
}
