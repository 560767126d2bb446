//! Teams within organisations.

use super::connection::Connection;
use super::event::{Event, history};
use super::ids::GlobalId;
use super::organisation::{Organisation, version};
use super::person::Person;
use super::views::{TeamMembersOf, TeamMembersTotal, load, shared, total};
use async_graphql::{Context, ID, Object, Result};
use projections::Slice;
use projections::events::Subject;
use projections::organisations::team::TeamRow;
use std::sync::Arc;

/// A team within an organisation. Persons represent teams in communities.
#[derive(Clone, Debug)]
pub struct Team {
    row: TeamRow,
}

impl From<TeamRow> for Team {
    fn from(row: TeamRow) -> Self {
        Self { row }
    }
}

/// A team within an organisation. Persons represent teams in communities.
#[Object]
impl Team {
    /// Its id.
    pub async fn id(&self) -> ID {
        GlobalId::Team(self.row.id).encode()
    }
    /// Its name.
    async fn name(&self) -> &str {
        &self.row.name
    }
    /// Its organisation.
    async fn organisation(&self) -> Organisation {
        self.row.organisation.clone().into()
    }
    /// Whether it was disbanded.
    async fn disbanded(&self) -> bool {
        self.row.disbanded
    }
    /// Its version, to give back as `expectedVersion`.
    async fn version(&self) -> i32 {
        version(self.row.version)
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
        history(ctx, Subject::Team(self.row.id), first, after.as_deref(), last, before.as_deref()).await
    }
    /// Its members, by name, as far as you see them.
    async fn members(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many from the start, 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
    ) -> Result<Connection<Person>> {
        let (request, id) = (shared(ctx)?, self.row.id);
        let cursors = request.cursors().of_list("team.members", &id);
        let page = cursors.page(first, after.as_deref(), last, before.as_deref())?;
        let slice = load(&request, TeamMembersOf(id, page)).await?.unwrap_or_else(Slice::empty);
        Ok(Connection::of_slice(slice, &cursors, Person::from, move || total(Arc::clone(&request), TeamMembersTotal(id))))
    }
}
