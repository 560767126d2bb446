//! Categories of discussion.

use super::audience::Audience;
use super::community::Community;
use super::connection::Connection;
use super::context::RequestContext;
use super::enums::Format;
use super::event::{Event, history};
use super::ids::GlobalId;
use super::organisation::{lagging, number, version};
use super::plain::{Known, Plain};
use super::views::{CategoryOf, CategoryThreads, load};
use async_graphql::{Context, ID, Object, Result};
use kernel::CategoryId;
use projections::discussions::category::{CategoryRef, CategoryRow};
use projections::events::Subject;

/// A category of a community's discussions.
#[derive(Clone, Debug)]
pub struct Category {
    reference: CategoryRef,
    row: Option<CategoryRow>,
}

impl From<CategoryRef> for Category {
    fn from(reference: CategoryRef) -> Self {
        Self { reference, row: None }
    }
}

impl From<CategoryRow> for Category {
    fn from(row: CategoryRow) -> Self {
        Self { reference: row.reference.clone(), row: Some(row) }
    }
}

impl Category {
    fn key(&self) -> CategoryId {
        self.reference.id
    }

    /// What a list does not carry along is read when it is asked for.
    async fn row(&self, ctx: &Context<'_>) -> Result<CategoryRow> {
        if let Some(row) = &self.row {
            return Ok(row.clone());
        }
        load(RequestContext::of(ctx)?, CategoryOf(self.key())).await?.ok_or_else(lagging)
    }
}

impl Plain for CategoryRef {
    fn type_name(&self) -> &'static str {
        "Category"
    }

    fn known(&self, field: &str) -> Option<Known<'_>> {
        Some(match field {
            "id" => Known::id(GlobalId::Category(self.id).encode()),
            "slug" => Known::text(&self.slug),
            "name" => Known::text(&self.name),
            _ => return None,
        })
    }
}

/// A category of a community's discussions.
#[Object]
impl Category {
    /// Its id.
    pub async fn id(&self) -> ID {
        GlobalId::Category(self.key()).encode()
    }
    /// Its address within the community.
    async fn slug(&self) -> &str {
        &self.reference.slug
    }
    /// Its name.
    async fn name(&self) -> &str {
        &self.reference.name
    }
    /// What belongs in it.
    async fn description(&self, ctx: &Context<'_>) -> Result<String> {
        Ok(self.row(ctx).await?.description)
    }
    /// What its threads are like.
    async fn format(&self, ctx: &Context<'_>) -> Result<Format> {
        Ok(self.row(ctx).await?.format.into())
    }
    /// Who may see what is in it.
    async fn audience(&self, ctx: &Context<'_>) -> Result<Audience> {
        Ok(self.row(ctx).await?.audience.into())
    }
    /// Whether it takes no more threads.
    async fn closed(&self, ctx: &Context<'_>) -> Result<bool> {
        Ok(self.row(ctx).await?.closed)
    }
    /// Where it stands among the community's categories, from 0.
    async fn position(&self, ctx: &Context<'_>) -> Result<i32> {
        Ok(number(self.row(ctx).await?.position))
    }
    /// How many threads in it you see.
    async fn thread_count(&self, ctx: &Context<'_>) -> Result<i32> {
        let count = load(RequestContext::of(ctx)?, CategoryThreads(self.key())).await?.unwrap_or_default();
        Ok(version(count))
    }
    /// What happened to it, from the first event to the last, as far as you see it.
    async fn history(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many from the start, 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
    ) -> Result<Connection<Event>> {
        history(ctx, Subject::Category(self.key()), first, after.as_deref(), last, before.as_deref()).await
    }
    /// Its community.
    async fn community(&self, ctx: &Context<'_>) -> Result<Community> {
        Ok(self.row(ctx).await?.community.into())
    }
    /// Its version, to give back as `expectedVersion`.
    async fn version(&self, ctx: &Context<'_>) -> Result<i32> {
        Ok(version(self.row(ctx).await?.version))
    }
}
