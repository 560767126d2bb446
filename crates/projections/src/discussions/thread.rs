//! The view of threads: lists in several orders, each row with all that a list shows, by one statement.

use super::category::CategoryRef;
use super::{happenings, listing};
use crate::code;
use crate::columns::{Columns, FromColumns, Written, any_of, count, fetch};
use crate::communities::community::CommunityRef;
use crate::organisations::person::PersonRef;
use crate::page::{Key, Page, Position, Slice, Sorted, count_each, each, parent};
use crate::runtime::Projection;
use crate::visibility::{audience, visible};
use ::discussions::category::Format;
use async_trait::async_trait;
use events::HubEvent;
use kernel::{Audience, CategoryId, CommunityId, OrganisationId, PersonId, PostId, Recorded, ThreadId, Timestamp, Viewer};
use sea_query::{Alias, Expr, ExprTrait, JoinType, PostgresQueryBuilder, Query, SelectStatement};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use std::collections::HashMap;
use store::Reads;
use uuid::Uuid;

/// The projection “threads”: threads, their posts, reactions and upvotes.
#[derive(Clone, Copy, Debug)]
pub struct Threads;

#[async_trait]
impl Projection for Threads {
    fn name(&self) -> &'static str {
        "threads"
    }

    fn tables(&self) -> &'static [&'static str] {
        &["thread", "thread_listing", "thread_tally", "post", "post_revision", "reaction", "upvote"]
    }

    fn concerns(&self, event: &HubEvent) -> bool {
        match event {
            HubEvent::Thread(_) => true,
            HubEvent::Organisation(_) | HubEvent::Person(_) | HubEvent::Team(_) | HubEvent::Community(_) | HubEvent::Category(_) => false,
        }
    }

    async fn apply(&self, recorded: &Recorded<HubEvent>, db: &mut PgConnection) -> Result<(), sqlx::Error> {
        self.apply_all(std::slice::from_ref(recorded), db).await
    }

    /// Many events become few statements: what happened to each thread and post is summed up first.
    async fn apply_all(&self, events: &[Recorded<HubEvent>], db: &mut PgConnection) -> Result<(), sqlx::Error> {
        happenings::sum_up(events).write(db).await
    }
}

/// Why a thread was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Closing {
    /// It is settled.
    Resolved,
    /// It no longer applies.
    Outdated,
    /// Another thread has it.
    Duplicate,
}

/// A thread, with all that a list shows of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThreadRow {
    /// Its id.
    pub id: ThreadId,
    /// Its community.
    pub community: CommunityRef,
    /// Its category.
    pub category: CategoryRef,
    /// Who opened it.
    pub author: PersonRef,
    /// The opening post.
    pub opening_post: PostId,
    /// Its title.
    pub title: String,
    /// What threads of its category were like when it was opened.
    pub format: Format,
    /// Who may see it.
    pub audience: Audience,
    /// When it was opened, at its source.
    pub opened_at: Timestamp,
    /// When it was last opened, posted in, answered, closed or reopened.
    pub last_activity_at: Timestamp,
    /// Whether it takes no posts from members.
    pub locked: bool,
    /// Why it is closed, if it is.
    pub closing: Option<Closing>,
    /// The thread that it duplicates, if it was closed for that.
    pub duplicate_of: Option<ThreadId>,
    /// Whether a post is marked as an answer.
    pub answered: bool,
    /// How many posts there are besides the opening one.
    pub reply_count: u32,
    /// How many upvoted it.
    pub upvote_count: u32,
    /// Where it was first published, for imported threads.
    pub source: Option<String>,
    /// The version of its stream.
    pub version: u64,
}

impl FromColumns for ThreadRow {
    fn from_columns(columns: &mut Columns<'_>) -> Result<Self, sqlx::Error> {
        let id: Uuid = columns.next()?;
        let community: Uuid = columns.next()?;
        let community = CommunityRef::read(community.into(), columns)?;
        let category: Uuid = columns.next()?;
        let category = CategoryRef::read(category.into(), columns)?;
        let author: Uuid = columns.next()?;
        Ok(Self {
            id: id.into(),
            community,
            category,
            author: PersonRef::read(author.into(), columns)?,
            opening_post: columns.next::<Uuid>()?.into(),
            title: columns.next()?,
            format: code::read(columns.next()?)?,
            audience: audience(columns.next()?),
            opened_at: columns.next()?,
            last_activity_at: columns.next()?,
            locked: columns.next()?,
            closing: closing(columns.next()?, columns.next()?)?,
            duplicate_of: columns.next::<Option<Uuid>>()?.map(ThreadId),
            answered: columns.next()?,
            reply_count: columns.next::<i32>()?.cast_unsigned(),
            upvote_count: columns.next::<i32>()?.cast_unsigned(),
            source: columns.next()?,
            version: columns.next::<i64>()?.cast_unsigned(),
        })
    }
}

fn closing(closed: bool, reason: Option<&str>) -> Result<Option<Closing>, sqlx::Error> {
    match reason {
        Some(reason) if closed => code::read(reason).map(Some),
        _ => Ok(None),
    }
}

/// Which threads are asked for. Everything given must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ThreadFilter {
    /// Of this community.
    pub community: Option<CommunityId>,
    /// Of this category.
    pub category: Option<CategoryId>,
    /// Opened by this person.
    pub author: Option<PersonId>,
    /// Opened for this organisation.
    pub organisation: Option<OrganisationId>,
    /// Closed, or not.
    pub closed: Option<bool>,
    /// Answered, or not.
    pub answered: Option<bool>,
}

impl ThreadFilter {
    /// Narrows a statement over a table of this alias that has what threads are filtered by.
    pub(super) fn narrow(&self, select: &mut SelectStatement, table: &'static str) {
        let ids: [(&'static str, Option<Uuid>); 4] = [
            ("community", self.community.map(CommunityId::uuid)),
            ("category", self.category.map(CategoryId::uuid)),
            ("author", self.author.map(PersonId::uuid)),
            ("organisation", self.organisation.map(OrganisationId::uuid)),
        ];
        for (column, id) in ids {
            if let Some(id) = id {
                select.and_where(Expr::col((table, column)).eq(id));
            }
        }
        if let Some(closed) = self.closed {
            select.and_where(Expr::col((table, "closed")).eq(closed));
        }
        if let Some(answered) = self.answered {
            select.and_where(Expr::col((table, "answered")).eq(answered));
        }
    }

    /// Whether the tally, which knows community, category and audience only, can answer it.
    fn is_tallied(&self) -> bool {
        self.author.is_none() && self.organisation.is_none() && self.closed.is_none() && self.answered.is_none()
    }
}

/// In which order threads are listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ThreadOrder {
    /// The latest activity first.
    #[default]
    LatestActivity,
    /// The newest first.
    Newest,
    /// The most upvoted first.
    MostUpvoted,
}

impl ThreadOrder {
    /// The column that threads are sorted by.
    pub(super) fn key(self) -> &'static str {
        match self {
            Self::LatestActivity => "last_activity_at",
            Self::Newest => "opened_at",
            Self::MostUpvoted => "upvote_count",
        }
    }

    fn sorted(self) -> Sorted {
        Sorted::descending("t", self.key(), "id")
    }

    fn position(self, row: &ThreadRow) -> Position {
        let key = match self {
            Self::LatestActivity => Key::from(row.last_activity_at),
            Self::Newest => Key::from(row.opened_at),
            Self::MostUpvoted => Key::Number(i64::from(row.upvote_count)),
        };
        Position::new(key, row.id)
    }
}

/// The threads alone, to be narrowed before anything is joined to them.
fn from(viewer: &Viewer) -> SelectStatement {
    Query::select().expr(Expr::cust("t.*")).from_as("thread", Alias::new("t")).and_where(visible("t", viewer)).to_owned()
}

/// The rows of these threads, with what they refer to.
fn join(threads: SelectStatement, viewer: &Viewer) -> SelectStatement {
    let (community, category) = (CommunityRef::columns("c"), CategoryRef::columns("g"));
    Query::select()
        .expr(Expr::cust(format!("t.id, t.community, {community}, t.category, {category}, t.author")))
        .expr(PersonRef::columns("p", "po", viewer))
        .expr(Expr::cust(
            "t.opening_post, t.title, t.format, t.audience, t.opened_at, t.last_activity_at, t.locked, t.closed, t.close_reason, t.duplicate_of, \
             t.answer_count > 0, t.reply_count, t.upvote_count, t.source, t.version",
        ))
        .from_subquery(threads, "t")
        .join_as(JoinType::LeftJoin, "community", Alias::new("c"), Expr::col(("c", "id")).equals(("t", "community")))
        .join_as(JoinType::LeftJoin, "category", Alias::new("g"), Expr::col(("g", "id")).equals(("t", "category")))
        .join_as(JoinType::LeftJoin, "person", Alias::new("p"), Expr::col(("p", "id")).equals(("t", "author")))
        .join_as(JoinType::LeftJoin, "organisation", Alias::new("po"), Expr::col(("po", "id")).equals(("p", "organisation")))
        .to_owned()
}

/// These threads, as far as there are any and the viewer may see them, in no order.
///
/// # Errors
/// The database's.
pub async fn by_ids(viewer: &Viewer, db: &Reads, ids: &[ThreadId]) -> Result<Vec<ThreadRow>, sqlx::Error> {
    let threads = from(viewer).and_where(any_of("t", "id", ids)).to_owned();
    fetch(db, join(threads, viewer).written()).await
}

/// A page of the threads.
///
/// # Errors
/// The database's.
pub async fn page(
    viewer: &Viewer,
    db: &Reads,
    filter: &ThreadFilter,
    order: ThreadOrder,
    page: &Page,
) -> Result<Slice<ThreadRow>, sqlx::Error> {
    let rows = fetch(db, page_statement(viewer, filter, order, page).written()).await?;
    Ok(page.slice(rows, |row| order.position(row)))
}

/// The statement that [`page`] runs, with its values written into it: to be explained, or measured by itself.
pub fn page_sql(viewer: &Viewer, filter: &ThreadFilter, order: ThreadOrder, page: &Page) -> String {
    page_statement(viewer, filter, order, page).to_string(PostgresQueryBuilder)
}

fn page_statement(viewer: &Viewer, filter: &ThreadFilter, order: ThreadOrder, page: &Page) -> SelectStatement {
    let mut select = join(listing::page(viewer, filter, order, page, None), viewer);
    page.sort(&mut select, order.sorted());
    select
}

/// The same page of the threads of each of these communities.
///
/// # Errors
/// The database's.
pub async fn of_communities(
    viewer: &Viewer,
    db: &Reads,
    communities: &[CommunityId],
    filter: &ThreadFilter,
    order: ThreadOrder,
    page: &Page,
) -> Result<HashMap<CommunityId, Slice<ThreadRow>>, sqlx::Error> {
    let here = Expr::col(("l", "community")).eq(parent());
    let mut select = join(listing::page(viewer, filter, order, page, Some(here)), viewer);
    page.sort(&mut select, order.sorted());
    each(db, communities, page, select, |row| order.position(row)).await
}

/// The statement that counts threads: from the tally where that knows enough, else thread by thread; of the parent in this
/// column, if one is named.
fn counting(viewer: &Viewer, filter: &ThreadFilter, of: Option<&'static str>) -> SelectStatement {
    if !filter.is_tallied() {
        return listing::count(viewer, filter, of.map(|column| Expr::col(("l", column)).eq(parent())));
    }
    let mut select = Query::select();
    select.expr(Expr::cust("coalesce(sum(t.threads), 0)::bigint")).from_as("thread_tally", Alias::new("t")).and_where(visible("t", viewer));
    filter.narrow(&mut select, "t");
    if let Some(column) = of {
        select.and_where(Expr::col(("t", column)).eq(parent()));
    }
    select
}

/// How many threads there are for the viewer.
///
/// # Errors
/// The database's.
pub async fn total(viewer: &Viewer, db: &Reads, filter: &ThreadFilter) -> Result<u64, sqlx::Error> {
    count(db, counting(viewer, filter, None).written()).await
}

/// How many threads of each of these communities there are for the viewer.
///
/// # Errors
/// The database's.
pub async fn totals_of_communities(
    viewer: &Viewer,
    db: &Reads,
    communities: &[CommunityId],
    filter: &ThreadFilter,
) -> Result<HashMap<CommunityId, u64>, sqlx::Error> {
    count_each(db, communities, counting(viewer, filter, Some("community"))).await
}

/// How many threads of each of these categories there are for the viewer.
///
/// # Errors
/// The database's.
pub async fn totals_of_categories(viewer: &Viewer, db: &Reads, categories: &[CategoryId]) -> Result<HashMap<CategoryId, u64>, sqlx::Error> {
    count_each(db, categories, counting(viewer, &ThreadFilter::default(), Some("category"))).await
}

/// Which of these threads the viewer has upvoted.
///
/// # Errors
/// The database's.
pub async fn upvoted(viewer: &Viewer, db: &Reads, ids: &[ThreadId]) -> Result<Vec<ThreadId>, sqlx::Error> {
    let Some(person) = viewer.person else { return Ok(Vec::new()) };
    let threads: Vec<Uuid> = ids.iter().map(|id| id.uuid()).collect();
    let rows = sqlx::query_scalar!(
        "select t.id from thread t join upvote u on u.thread = t.id and u.post = t.opening_post \
         where t.id = any($1) and u.person = $2 and t.audience && $3",
        &threads,
        person.uuid(),
        &viewer.grants.to_texts()
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(ThreadId).collect())
}
