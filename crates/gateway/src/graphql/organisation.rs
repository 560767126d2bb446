//! Organisations and their identity providers.

use super::connection::Connection;
use super::context::RequestContext;
use super::error::{FaultCode, fault};
use super::event::{Event, history};
use super::ids::GlobalId;
use super::person::Person;
use super::plain::{Known, Plain};
use super::team::Team;
use super::views::{OrganisationOf, PeopleOf, PeopleTotal, ProvidersOf, TeamsOf, TeamsTotal, load, shared, total};
use async_graphql::{Context, ID, Object, Result};
use chrono::{DateTime, Utc};
use kernel::OrganisationId;
use projections::Slice;
use projections::events::Subject;
use projections::organisations::organisation::{OrganisationRef, OrganisationRow, ProviderRecord};
use std::sync::Arc;

/// An organisation: a department, agency or company that takes part in the hub.
#[derive(Clone, Debug)]
pub struct Organisation {
    reference: OrganisationRef,
    row: Option<OrganisationRow>,
}

impl From<OrganisationRef> for Organisation {
    fn from(reference: OrganisationRef) -> Self {
        Self { reference, row: None }
    }
}

impl From<OrganisationRow> for Organisation {
    fn from(row: OrganisationRow) -> Self {
        Self { reference: row.reference.clone(), row: Some(row) }
    }
}

impl Organisation {
    /// Its name.
    pub(super) fn title(&self) -> &str {
        &self.reference.name
    }

    fn key(&self) -> OrganisationId {
        self.reference.id
    }

    /// What a list does not carry along is read when it is asked for.
    async fn row(&self, ctx: &Context<'_>) -> Result<OrganisationRow> {
        if let Some(row) = &self.row {
            return Ok(row.clone());
        }
        load(RequestContext::of(ctx)?, OrganisationOf(self.key())).await?.ok_or_else(lagging)
    }
}

/// Something seen refers to what is not in its own view yet.
pub(super) fn lagging() -> async_graphql::Error {
    fault(FaultCode::Unavailable, "The hub is still taking this in. Try again shortly.")
}

/// A version as the API writes it.
pub(super) fn version(version: u64) -> i32 {
    i32::try_from(version).unwrap_or(i32::MAX)
}

/// A count as the API writes it.
pub(super) fn number(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

impl Plain for OrganisationRef {
    fn type_name(&self) -> &'static str {
        "Organisation"
    }

    fn known(&self, field: &str) -> Option<Known<'_>> {
        Some(match field {
            "id" => Known::id(GlobalId::Organisation(self.id).encode()),
            "slug" => Known::text(&self.slug),
            "name" => Known::text(&self.name),
            _ => return None,
        })
    }
}

/// An organisation: a department, agency or company that takes part in the hub.
#[Object]
impl Organisation {
    /// Its id.
    pub async fn id(&self) -> ID {
        GlobalId::Organisation(self.key()).encode()
    }
    /// Its address within the hub.
    async fn slug(&self) -> &str {
        &self.reference.slug
    }
    /// Its name.
    async fn name(&self) -> &str {
        &self.reference.name
    }
    /// Whether it is suspended: none of its people may sign in.
    async fn suspended(&self, ctx: &Context<'_>) -> Result<bool> {
        Ok(self.row(ctx).await?.suspended)
    }
    /// When it was registered.
    async fn registered_at(&self, ctx: &Context<'_>) -> Result<DateTime<Utc>> {
        Ok(self.row(ctx).await?.registered_at)
    }
    /// Its version, to give back as `expectedVersion`.
    async fn version(&self, ctx: &Context<'_>) -> Result<i32> {
        Ok(version(self.row(ctx).await?.version))
    }
    /// The identity providers that its people sign in through.
    async fn providers(&self, ctx: &Context<'_>) -> Result<Vec<IdentityProvider>> {
        let providers = load(RequestContext::of(ctx)?, ProvidersOf(self.key())).await?.unwrap_or_default();
        Ok(providers.into_iter().map(IdentityProvider::from).collect())
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
        history(ctx, Subject::Organisation(self.key()), first, after.as_deref(), last, before.as_deref()).await
    }
    /// Its people, by name, as far as you see them.
    async fn people(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many from the start, 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
    ) -> Result<Connection<Person>> {
        let (request, id) = (shared(ctx)?, self.key());
        let cursors = request.cursors().of_list("organisation.people", &id);
        let page = cursors.page(first, after.as_deref(), last, before.as_deref())?;
        let slice = load(&request, PeopleOf(id, page)).await?.unwrap_or_else(Slice::empty);
        Ok(Connection::of_slice(slice, &cursors, Person::from, move || total(Arc::clone(&request), PeopleTotal(id))))
    }
    /// Its teams, by name, as far as you see them.
    async fn teams(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many from the start, 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
    ) -> Result<Connection<Team>> {
        let (request, id) = (shared(ctx)?, self.key());
        let cursors = request.cursors().of_list("organisation.teams", &id);
        let page = cursors.page(first, after.as_deref(), last, before.as_deref())?;
        let slice = load(&request, TeamsOf(id, page)).await?.unwrap_or_else(Slice::empty);
        Ok(Connection::of_slice(slice, &cursors, Team::from, move || total(Arc::clone(&request), TeamsTotal(id))))
    }
}

/// An identity provider: where the people of an organisation sign in.
#[derive(Clone, Debug)]
pub struct IdentityProvider {
    record: ProviderRecord,
}

impl From<ProviderRecord> for IdentityProvider {
    fn from(record: ProviderRecord) -> Self {
        Self { record }
    }
}

/// An identity provider: where the people of an organisation sign in.
#[Object]
impl IdentityProvider {
    /// Its id.
    async fn id(&self) -> ID {
        GlobalId::Provider(self.record.id).encode()
    }
    /// What people call it.
    async fn name(&self) -> &str {
        &self.record.name
    }
    /// The issuer, as the provider writes it.
    async fn issuer(&self) -> &str {
        &self.record.issuer
    }
    /// Whether people may sign in through it.
    async fn enabled(&self) -> bool {
        self.record.enabled
    }
}
