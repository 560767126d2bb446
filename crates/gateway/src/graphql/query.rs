//! What may be asked: the fields at the root of every query.

use super::category::Category;
use super::community::Community;
use super::connection::Connection;
use super::context::{OrFault, RequestContext};
use super::error::{FaultCode, fault};
use super::ids::GlobalId;
use super::organisation::Organisation;
use super::person::Person;
use super::post::Post;
use super::team::Team;
use super::thread::{Thread, ThreadFilter, ThreadOrder};
use super::viewer::Viewer;
use super::views::{OrganisationOf, PostOf, TeamOf, ThreadOf, VisibleCategory, VisibleCommunity, VisiblePerson, load, shared};
use crate::markdown;
use async_graphql::{Context, ID, Interface, Object, Result, SimpleObject};
use futures::future::try_join_all;
use projections::communities::community as communities;
use projections::discussions::thread as threads;
use projections::organisations::organisation as organisations;
use std::sync::Arc;

/// The most ids that `nodes` takes.
const MOST_NODES: usize = 100;
/// The longest text that is previewed, in bytes: four for each character that a post may have.
const LONGEST_PREVIEW: usize = 4 * kernel::text::BODY;

/// Anything that has an id of its own.
#[derive(Clone, Debug, Interface)]
#[graphql(field(name = "id", ty = "ID", desc = "Its id: opaque, and the same for ever."))]
pub enum Node {
    /// An organisation.
    Organisation(Organisation),
    /// A person.
    Person(Person),
    /// A team.
    Team(Team),
    /// A community.
    Community(Community),
    /// A category.
    Category(Category),
    /// A thread.
    Thread(Thread),
    /// A post.
    Post(Post),
}

/// The hub itself.
#[derive(Clone, Debug, SimpleObject)]
pub struct Hub {
    /// Its version.
    pub version: String,
    /// Up to where the views hold the log.
    pub position: String,
    /// How many events the views are behind the log.
    pub lag: i32,
}

/// A way to sign in.
#[derive(Clone, Debug, SimpleObject)]
pub struct SignInOption {
    /// The identity provider.
    pub provider: ID,
    /// What people call it.
    pub name: String,
    /// The organisation whose people sign in through it.
    pub organisation: Organisation,
    /// Where signing in begins.
    pub sign_in_url: String,
}

/// Everything that may be asked. What you may not see looks like what does not exist.
#[derive(Clone, Copy, Debug, Default)]
pub struct Query;

/// Everything that may be asked. What you may not see looks like what does not exist.
#[Object]
impl Query {
    /// Whoever asks.
    async fn viewer(&self) -> Viewer {
        Viewer
    }
    /// The thing with this id.
    async fn node(&self, ctx: &Context<'_>, #[graphql(desc = "An id from an answer of this API.")] id: ID) -> Result<Option<Node>> {
        find(RequestContext::of(ctx)?, &id).await
    }
    /// The things with these ids, in their order; null where there is none.
    async fn nodes(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Ids from answers of this API, 100 at most.")] ids: Vec<ID>,
    ) -> Result<Vec<Option<Node>>> {
        if ids.len() > MOST_NODES {
            let message = format!("“ids” has {}; at most {MOST_NODES} are taken at once.", ids.len());
            return Err(fault(FaultCode::InvalidArgument, message));
        }
        let request = RequestContext::of(ctx)?;
        try_join_all(ids.iter().map(|id| find(request, id))).await
    }
    /// The hub itself.
    async fn hub(&self, ctx: &Context<'_>) -> Result<Hub> {
        let backend = RequestContext::of(ctx)?.backend();
        let position = backend.progress.position().await.or_fault()?;
        let head = *backend.log.progress().borrow();
        let lag = i32::try_from(head.saturating_sub(position)).unwrap_or(i32::MAX);
        Ok(Hub { version: env!("CARGO_PKG_VERSION").to_owned(), position: position.to_string(), lag })
    }
    /// The organisation at this address.
    async fn organisation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Its address within the hub.")] slug: String,
    ) -> Result<Option<Organisation>> {
        let request = RequestContext::of(ctx)?;
        let row = organisations::by_slug(&request.viewer(), request.db(), &slug).await.or_fault()?;
        Ok(row.map(Organisation::from))
    }
    /// The organisations, by name.
    async fn organisations(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many from the start, 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
    ) -> Result<Connection<Organisation>> {
        let request = shared(ctx)?;
        let cursors = request.cursors().of_list("organisations", &());
        let page = cursors.page(first, after.as_deref(), last, before.as_deref())?;
        let slice = organisations::page(&request.viewer(), request.db(), &page).await.or_fault()?;
        Ok(Connection::of_slice(slice, &cursors, Organisation::from, move || {
            let request = Arc::clone(&request);
            async move { organisations::total(&request.viewer(), request.db()).await.or_fault() }
        }))
    }
    /// The ways to sign in, by organisation.
    async fn sign_in_options(&self, ctx: &Context<'_>) -> Result<Vec<SignInOption>> {
        let request = RequestContext::of(ctx)?;
        let providers = organisations::sign_in_options(&request.viewer(), request.db()).await.or_fault()?;
        let origin = request.backend().identity.site.origin();
        Ok(providers
            .into_iter()
            .map(|provider| SignInOption {
                provider: GlobalId::Provider(provider.id).encode(),
                sign_in_url: format!("{origin}/sign-in/{}", provider.id),
                name: provider.name,
                organisation: provider.organisation.into(),
            })
            .collect())
    }
    /// The community at this address.
    async fn community(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Its address within the hub.")] slug: String,
    ) -> Result<Option<Community>> {
        let request = RequestContext::of(ctx)?;
        let row = communities::by_slug(&request.viewer(), request.db(), &slug).await.or_fault()?;
        Ok(row.map(Community::from))
    }
    /// The communities, by name, as far as you see them.
    async fn communities(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many from the start, 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
    ) -> Result<Connection<Community>> {
        let request = shared(ctx)?;
        let cursors = request.cursors().of_list("communities", &());
        let page = cursors.page(first, after.as_deref(), last, before.as_deref())?;
        let slice = communities::page(&request.viewer(), request.db(), &page).await.or_fault()?;
        Ok(Connection::of_slice(slice, &cursors, Community::from, move || {
            let request = Arc::clone(&request);
            async move { communities::total(&request.viewer(), request.db()).await.or_fault() }
        }))
    }
    /// The threads of all communities, as far as you see them.
    #[allow(clippy::too_many_arguments, reason = "a connection has four, and this one a filter and an order")]
    async fn threads(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which threads; everything given must hold.")] filter: Option<ThreadFilter>,
        #[graphql(desc = "In which order.", default)] order_by: ThreadOrder,
        #[graphql(desc = "How many from the start, 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
    ) -> Result<Connection<Thread>> {
        let request = shared(ctx)?;
        let filter = filter.unwrap_or_default().read()?;
        let order = order_by.into();
        let cursors = request.cursors().of_list("threads", &(&filter, order));
        let page = cursors.page(first, after.as_deref(), last, before.as_deref())?;
        let slice = threads::page(&request.viewer(), request.db(), &filter, order, &page).await.or_fault()?;
        let connection = Connection::of_slice(slice, &cursors, Thread::from, move || {
            let (request, filter) = (Arc::clone(&request), filter.clone());
            async move { threads::total(&request.viewer(), request.db(), &filter).await.or_fault() }
        });
        Ok(connection.plainly())
    }
    /// Markdown as the hub shows it: safe HTML, before it is posted.
    async fn markdown_preview(&self, #[graphql(desc = "The text in Markdown.")] source: String) -> Result<String> {
        if source.len() > LONGEST_PREVIEW {
            return Err(fault(FaultCode::InvalidArgument, "The text is too long to be posted. Shorten it."));
        }
        Ok(markdown::render(&source))
    }
}

/// What the id names, if the viewer sees it. Ids of what is the viewer's alone (sessions, tokens), of providers
/// and of events name no node.
async fn find(request: &RequestContext, id: &ID) -> Result<Option<Node>> {
    let id = GlobalId::decode(id).map_err(|error| fault(FaultCode::InvalidId, error.to_string()))?;
    named(request, id).await
}

/// The same by the id as it was read.
pub(super) async fn named(request: &RequestContext, id: GlobalId) -> Result<Option<Node>> {
    Ok(match id {
        GlobalId::Organisation(id) => load(request, OrganisationOf(id)).await?.map(|row| Node::Organisation(row.into())),
        GlobalId::Person(id) => load(request, VisiblePerson(id)).await?.map(|row| Node::Person(row.into())),
        GlobalId::Team(id) => load(request, TeamOf(id)).await?.map(|row| Node::Team(row.into())),
        GlobalId::Community(id) => load(request, VisibleCommunity(id)).await?.map(|row| Node::Community(row.into())),
        GlobalId::Category(id) => load(request, VisibleCategory(id)).await?.map(|row| Node::Category(row.into())),
        GlobalId::Thread(id) => load(request, ThreadOf(id)).await?.map(|row| Node::Thread(row.into())),
        GlobalId::Post(thread, post) => load(request, PostOf((thread, post))).await?.map(|row| Node::Post(row.into())),
        GlobalId::Provider(_) | GlobalId::Session(_) | GlobalId::Token(_) | GlobalId::Event(_) => None,
    })
}
