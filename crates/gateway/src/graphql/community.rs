//! Communities, their charters and their members.

use super::audience::Audience;
use super::category::Category;
use super::connection::Connection;
use super::context::{OrFault, RequestContext};
use super::enums::MemberKind;
use super::event::{Event, history};
use super::ids::GlobalId;
use super::organisation::{Organisation, lagging, number, version};
use super::person::Person;
use super::plain::{Known, Plain};
use super::team::Team;
use super::thread::{Thread, ThreadFilter, ThreadOrder};
use super::views::{
    CategoriesOf, CommunityOf, CoordinatorsOf, MembershipsOf, MembershipsTotal, OwnMembership, ParticipantsOf, TeamOf, ThreadsOf,
    ThreadsTotal, load, shared, total,
};
use crate::markdown;
use async_graphql::{Context, ID, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use communities::charter;
use kernel::{Action, CommunityId, Scope};
use projections::Slice;
use projections::communities::community::{CommunityRef, CommunityRow};
use projections::communities::membership::{self, MembershipRow};
use projections::events::Subject;
use std::sync::Arc;

/// A community that unites technical people across organisations.
#[derive(Clone, Debug)]
pub struct Community {
    reference: CommunityRef,
    row: Option<CommunityRow>,
}

impl From<CommunityRef> for Community {
    fn from(reference: CommunityRef) -> Self {
        Self { reference, row: None }
    }
}

impl From<CommunityRow> for Community {
    fn from(row: CommunityRow) -> Self {
        Self { reference: row.reference.clone(), row: Some(row) }
    }
}

impl Community {
    /// Its name.
    pub(super) fn title(&self) -> &str {
        &self.reference.name
    }

    fn key(&self) -> CommunityId {
        self.reference.id
    }

    /// What a list does not carry along is read when it is asked for.
    async fn row(&self, ctx: &Context<'_>) -> Result<CommunityRow> {
        if let Some(row) = &self.row {
            return Ok(row.clone());
        }
        load(RequestContext::of(ctx)?, CommunityOf(self.key())).await?.ok_or_else(lagging)
    }
}

impl Plain for CommunityRef {
    fn type_name(&self) -> &'static str {
        "Community"
    }

    fn known(&self, field: &str) -> Option<Known<'_>> {
        Some(match field {
            "id" => Known::id(GlobalId::Community(self.id).encode()),
            "slug" => Known::text(&self.slug),
            "name" => Known::text(&self.name),
            _ => return None,
        })
    }
}

/// A community that unites technical people across organisations.
#[Object]
impl Community {
    /// Its id.
    pub async fn id(&self) -> ID {
        GlobalId::Community(self.key()).encode()
    }
    /// Its address within the hub.
    async fn slug(&self) -> &str {
        &self.reference.slug
    }
    /// Its name.
    async fn name(&self) -> &str {
        &self.reference.name
    }
    /// What it is about, in a line.
    async fn subject(&self, ctx: &Context<'_>) -> Result<String> {
        Ok(self.row(ctx).await?.subject)
    }
    /// Who may see it.
    async fn audience(&self, ctx: &Context<'_>) -> Result<Audience> {
        Ok(self.row(ctx).await?.audience.into())
    }
    /// Its home organisation.
    async fn home(&self, ctx: &Context<'_>) -> Result<Organisation> {
        Ok(self.row(ctx).await?.home.into())
    }
    /// What it is for and how it works.
    async fn charter(&self, ctx: &Context<'_>) -> Result<Charter> {
        Ok(self.row(ctx).await?.charter.into())
    }
    /// Whether anyone may join.
    async fn open(&self, ctx: &Context<'_>) -> Result<bool> {
        Ok(self.row(ctx).await?.open)
    }
    /// Whether it is archived: it can be read, and nothing is added.
    async fn archived(&self, ctx: &Context<'_>) -> Result<bool> {
        Ok(self.row(ctx).await?.archived)
    }
    /// Why it was archived, if it was.
    async fn archive_reason(&self, ctx: &Context<'_>) -> Result<Option<String>> {
        Ok(self.row(ctx).await?.archive_reason)
    }
    /// When it was founded.
    async fn founded_at(&self, ctx: &Context<'_>) -> Result<DateTime<Utc>> {
        Ok(self.row(ctx).await?.founded_at)
    }
    /// Its version, to give back as `expectedVersion`.
    async fn version(&self, ctx: &Context<'_>) -> Result<i32> {
        Ok(version(self.row(ctx).await?.version))
    }
    /// How many members of any kind it has.
    async fn member_count(&self, ctx: &Context<'_>) -> Result<i32> {
        Ok(number(self.row(ctx).await?.member_count))
    }
    /// The most core members that it takes.
    async fn core_member_limit(&self, ctx: &Context<'_>) -> Result<i32> {
        Ok(number(self.row(ctx).await?.core_member_limit))
    }
    /// Who coordinates and moderates it.
    async fn coordinators(&self, ctx: &Context<'_>) -> Result<Vec<Person>> {
        let persons = load(RequestContext::of(ctx)?, CoordinatorsOf(self.key())).await?.unwrap_or_default();
        Ok(persons.into_iter().map(Person::from).collect())
    }
    /// The organisations that take part, in the order in which they joined.
    async fn organisations(&self, ctx: &Context<'_>) -> Result<Vec<Organisation>> {
        let organisations = load(RequestContext::of(ctx)?, ParticipantsOf(self.key())).await?.unwrap_or_default();
        Ok(organisations.into_iter().map(Organisation::from).collect())
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
        history(ctx, Subject::Community(self.key()), first, after.as_deref(), last, before.as_deref()).await
    }
    /// Its members, in the order of joining, as far as you see them.
    async fn members(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many from the start, 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
    ) -> Result<Connection<Membership>> {
        let (request, id) = (shared(ctx)?, self.key());
        let cursors = request.cursors().of_list("community.members", &id);
        let page = cursors.page(first, after.as_deref(), last, before.as_deref())?;
        let slice = load(&request, MembershipsOf(id, page)).await?.unwrap_or_else(Slice::empty);
        Ok(Connection::of_slice(slice, &cursors, Membership::from, move || total(Arc::clone(&request), MembershipsTotal(id))))
    }
    /// Its categories of discussion, in their order, as far as you see them.
    async fn categories(&self, ctx: &Context<'_>) -> Result<Vec<Category>> {
        let categories = load(RequestContext::of(ctx)?, CategoriesOf(self.key())).await?.unwrap_or_default();
        Ok(categories.into_iter().map(Category::from).collect())
    }
    /// Its threads, as far as you see them.
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
        let (request, id) = (shared(ctx)?, self.key());
        let filter = filter.unwrap_or_default().read()?;
        let order = order_by.into();
        let cursors = request.cursors().of_list("community.threads", &(id, &filter, order));
        let page = cursors.page(first, after.as_deref(), last, before.as_deref())?;
        let slice = load(&request, ThreadsOf(id, filter.clone(), order, page)).await?.unwrap_or_else(Slice::empty);
        let count = move || total(Arc::clone(&request), ThreadsTotal(id, filter.clone()));
        Ok(Connection::of_slice(slice, &cursors, Thread::from, count).plainly())
    }
    /// Your own membership, if you are a member.
    async fn viewer_membership(&self, ctx: &Context<'_>) -> Result<Option<Membership>> {
        Ok(load(RequestContext::of(ctx)?, OwnMembership(self.key())).await?.map(Membership::from))
    }
    /// What you may do here. Whatever you try, the service decides anew.
    async fn viewer_can(&self, ctx: &Context<'_>) -> Result<CommunityPermissions> {
        let standing = RequestContext::of(ctx)?.standing();
        let Some(actor) = &standing.actor else { return Ok(CommunityPermissions::default()) };
        let row = self.row(ctx).await?;
        let own = load(RequestContext::of(ctx)?, OwnMembership(self.key())).await?;
        let here = Scope::community(self.key()).at(row.home.id);
        let oneself = actor.person_id().map_or(here, |person| here.of(person));
        let may = |action: Action, scope: &Scope| row.visible && actor.may(action, scope).is_ok();
        Ok(CommunityPermissions {
            join: own.is_none() && row.open && !row.archived && may(Action::CommunityJoin, &oneself),
            leave: own.is_some() && may(Action::CommunityLeave, &oneself),
            manage: may(Action::CommunityManage, &here),
            open_thread: !row.archived && may(Action::ThreadOpen, &here),
            announce: !row.archived && may(Action::AnnouncementOpen, &here),
        })
    }
}

/// What the viewer may do in a community.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, SimpleObject)]
pub struct CommunityPermissions {
    /// Join it.
    pub join: bool,
    /// Leave it.
    pub leave: bool,
    /// Amend its charter, open or close it to joiners, archive it.
    pub manage: bool,
    /// Open a thread.
    pub open_thread: bool,
    /// Open a thread among the announcements.
    pub announce: bool,
}

/// A community's charter.
#[derive(Clone, Debug)]
pub struct Charter {
    charter: charter::Charter,
}

impl From<charter::Charter> for Charter {
    fn from(charter: charter::Charter) -> Self {
        Self { charter }
    }
}

/// A community's charter: what it is for and how it works. What is not settled says so.
#[Object]
impl Charter {
    /// Why the community exists.
    async fn purpose(&self) -> Clause {
        Clause::from(&self.charter.purpose)
    }
    /// What it wants to reach.
    async fn goals(&self) -> Clause {
        Clause::from(&self.charter.goals)
    }
    /// What it deals with.
    async fn scope(&self) -> Clause {
        Clause::from(&self.charter.scope)
    }
    /// Who stands behind it.
    async fn sponsor(&self) -> Clause {
        Clause::from(&self.charter.sponsor)
    }
    /// How it works: backlog, meetings, channels.
    async fn format(&self) -> Clause {
        Clause::from(&self.charter.format)
    }
    /// How often it meets.
    async fn cadence(&self) -> Clause {
        Clause::from(&self.charter.cadence)
    }
    /// The names of the clauses that are still to be confirmed.
    async fn open_clauses(&self) -> Vec<&'static str> {
        let clauses = self.charter.clauses().into_iter();
        clauses.filter(|(_, clause)| matches!(clause, charter::Clause::ToBeConfirmed(_))).map(|(name, _)| name).collect()
    }
}

/// A clause of a charter: stated, or still to be confirmed.
#[derive(Clone, Debug)]
pub struct Clause {
    stated: bool,
    text: String,
}

impl From<&charter::Clause> for Clause {
    fn from(clause: &charter::Clause) -> Self {
        match clause {
            charter::Clause::Stated(text) => Self { stated: true, text: text.clone() },
            charter::Clause::ToBeConfirmed(text) => Self { stated: false, text: text.clone() },
        }
    }
}

/// A clause of a charter: stated, or still to be confirmed.
#[Object]
impl Clause {
    /// Whether it is stated; else its text is a note of what is missing.
    async fn stated(&self) -> bool {
        self.stated
    }
    /// Its text in Markdown.
    async fn text(&self) -> &str {
        &self.text
    }
    /// Its text as safe HTML.
    async fn html(&self) -> String {
        markdown::render(&self.text)
    }
}

/// A person's membership of a community.
#[derive(Clone, Debug)]
pub struct Membership {
    row: MembershipRow,
}

impl From<MembershipRow> for Membership {
    fn from(row: MembershipRow) -> Self {
        Self { row }
    }
}

/// A person's membership of a community.
#[Object]
impl Membership {
    /// Whose.
    async fn person(&self) -> Person {
        self.row.person.clone().into()
    }
    /// Of which community.
    async fn community(&self) -> Community {
        self.row.community.clone().into()
    }
    /// For which organisation.
    async fn organisation(&self) -> Organisation {
        self.row.organisation.clone().into()
    }
    /// Representing which team, if any.
    async fn team(&self, ctx: &Context<'_>) -> Result<Option<Team>> {
        let Some(team) = self.row.team else { return Ok(None) };
        Ok(load(RequestContext::of(ctx)?, TeamOf(team)).await?.map(Team::from))
    }
    /// Of which kind.
    async fn kind(&self) -> MemberKind {
        self.row.kind.into()
    }
    /// Whether the person coordinates the community.
    async fn coordinator(&self) -> bool {
        self.row.coordinator
    }
    /// Since when.
    async fn joined_at(&self) -> DateTime<Utc> {
        self.row.joined_at
    }
}

/// A page of the viewer's own memberships.
pub(super) async fn own_memberships(
    ctx: &Context<'_>,
    first: Option<i32>,
    after: Option<&str>,
    last: Option<i32>,
    before: Option<&str>,
) -> Result<Connection<Membership>> {
    let request = shared(ctx)?;
    let cursors = request.cursors().of_list("viewer.memberships", &request.person());
    let page = cursors.page(first, after, last, before)?;
    let slice = membership::of_viewer(&request.viewer(), request.db(), &page).await.or_fault()?;
    Ok(Connection::of_slice(slice, &cursors, Membership::from, move || {
        let request = Arc::clone(&request);
        async move { membership::total_of_viewer(&request.viewer(), request.db()).await.or_fault() }
    }))
}
