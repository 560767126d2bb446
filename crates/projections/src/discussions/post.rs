//! Posts: what is written in a thread, with its revisions, reactions and upvotes. A post is shown to whoever sees its thread.

use crate::code;
use crate::columns::{Columns, FromColumns, Written, any_of, fetch};
use crate::organisations::person::PersonRef;
use crate::page::{Page, Position, Slice, Sorted, count_each, each, parent};
use crate::visibility::visible;
use ::discussions::thread::Reaction;
use kernel::{CommunityId, PersonId, PostId, ThreadId, Timestamp, Viewer};
use sea_query::{Alias, Expr, ExprTrait, JoinType, Order, Query, SelectStatement};
use std::collections::HashMap;
use store::Reads;
use uuid::Uuid;

/// A post.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostRow {
    /// The thread that it stands in.
    pub thread: ThreadId,
    /// The community of the thread.
    pub community: CommunityId,
    /// Whether the thread is locked.
    pub locked: bool,
    /// Its id.
    pub id: PostId,
    /// Who wrote it.
    pub author: PersonRef,
    /// What it says, in Markdown.
    pub body: String,
    /// When it was posted, at its source.
    pub posted_at: Timestamp,
    /// When it was last edited.
    pub edited_at: Option<Timestamp>,
    /// Whether it opens the thread.
    pub opening: bool,
    /// Whether it is marked as an answer.
    pub answer: bool,
    /// The top-level post that it replies to.
    pub reply_to: Option<PostId>,
    /// How many posts reply to it.
    pub reply_count: u32,
    /// How many upvoted it.
    pub upvote_count: u32,
    /// Where it was first published, for imported posts.
    pub source: Option<String>,
}

impl FromColumns for PostRow {
    fn from_columns(columns: &mut Columns<'_>) -> Result<Self, sqlx::Error> {
        let (thread, community, locked): (Uuid, Uuid, bool) = (columns.next()?, columns.next()?, columns.next()?);
        let (id, author): (Uuid, Uuid) = (columns.next()?, columns.next()?);
        Ok(Self {
            thread: thread.into(),
            community: community.into(),
            locked,
            id: id.into(),
            author: PersonRef::read(author.into(), columns)?,
            body: columns.next()?,
            posted_at: columns.next()?,
            edited_at: columns.next()?,
            opening: columns.next()?,
            answer: columns.next()?,
            reply_to: columns.next::<Option<Uuid>>()?.map(PostId),
            reply_count: columns.next::<i32>()?.cast_unsigned(),
            upvote_count: columns.next::<i32>()?.cast_unsigned(),
            source: columns.next()?,
        })
    }
}

fn from(viewer: &Viewer) -> SelectStatement {
    Query::select()
        .from_as("post", Alias::new("b"))
        .join_as(JoinType::InnerJoin, "thread", Alias::new("t"), Expr::col(("t", "id")).equals(("b", "thread")))
        .and_where(visible("t", viewer))
        .to_owned()
}

fn select(viewer: &Viewer) -> SelectStatement {
    from(viewer)
        .expr(Expr::cust("b.thread, t.community, t.locked, b.id, b.author"))
        .expr(PersonRef::columns("p", "po", viewer))
        .expr(Expr::cust("b.body, b.posted_at, b.edited_at, b.opening, b.answer, b.reply_to, b.reply_count, b.upvote_count, b.source"))
        .join_as(JoinType::LeftJoin, "person", Alias::new("p"), Expr::col(("p", "id")).equals(("b", "author")))
        .join_as(JoinType::LeftJoin, "organisation", Alias::new("po"), Expr::col(("po", "id")).equals(("p", "organisation")))
        .to_owned()
}

fn any_post(ids: &[(ThreadId, PostId)]) -> Expr {
    let tuple = Expr::tuple([Expr::col(("b", "thread")), Expr::col(("b", "id"))]);
    tuple.in_tuples(ids.iter().map(|(thread, post)| (thread.uuid(), post.uuid())))
}

/// These posts, as far as there are any and the viewer may see them, in no order.
///
/// # Errors
/// The database's.
pub async fn by_ids(viewer: &Viewer, db: &Reads, ids: &[(ThreadId, PostId)]) -> Result<Vec<PostRow>, sqlx::Error> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    fetch(db, select(viewer).and_where(any_post(ids)).written()).await
}

/// The posts that are marked as answers in these threads, each thread's in the order of posting.
///
/// # Errors
/// The database's.
pub async fn answers(viewer: &Viewer, db: &Reads, threads: &[ThreadId]) -> Result<Vec<PostRow>, sqlx::Error> {
    let sql = select(viewer)
        .and_where(Expr::cust("b.answer"))
        .and_where(any_of("b", "thread", threads))
        .order_by(("b", "posted_at"), Order::Asc)
        .order_by(("b", "id"), Order::Asc)
        .written();
    fetch(db, sql).await
}

const IN_ORDER: Sorted = Sorted::ascending("b", "posted_at", "id");

fn position(row: &PostRow) -> Position {
    Position::new(row.posted_at, row.id)
}

/// Narrows to the top-level posts of the parent thread, without the opening post.
fn top_level(select: &mut SelectStatement) {
    select.and_where(Expr::col(("b", "thread")).eq(parent())).and_where(Expr::cust("b.reply_to is null and not b.opening"));
}

/// The same page of the top-level posts of each of these threads (the opening post is not among them), in the order of posting.
///
/// # Errors
/// The database's.
pub async fn of_threads(
    viewer: &Viewer,
    db: &Reads,
    threads: &[ThreadId],
    page: &Page,
) -> Result<HashMap<ThreadId, Slice<PostRow>>, sqlx::Error> {
    let mut select = select(viewer);
    top_level(&mut select);
    page.cut(&mut select, IN_ORDER);
    each(db, threads, page, select, position).await
}

/// How many top-level posts of each of these threads there are for the viewer.
///
/// # Errors
/// The database's.
pub async fn totals_of_threads(viewer: &Viewer, db: &Reads, threads: &[ThreadId]) -> Result<HashMap<ThreadId, u64>, sqlx::Error> {
    let mut select = from(viewer);
    select.expr(Expr::cust("count(*)"));
    top_level(&mut select);
    count_each(db, threads, select).await
}

/// The same page of the replies to each of these posts, in the order of posting.
///
/// # Errors
/// The database's.
pub async fn replies(viewer: &Viewer, db: &Reads, posts: &[PostId], page: &Page) -> Result<HashMap<PostId, Slice<PostRow>>, sqlx::Error> {
    let mut select = select(viewer);
    select.and_where(Expr::col(("b", "reply_to")).eq(parent()));
    page.cut(&mut select, IN_ORDER);
    each(db, posts, page, select, position).await
}

/// How many replies to each of these posts there are for the viewer.
///
/// # Errors
/// The database's.
pub async fn totals_of_replies(viewer: &Viewer, db: &Reads, posts: &[PostId]) -> Result<HashMap<PostId, u64>, sqlx::Error> {
    let mut select = from(viewer);
    select.expr(Expr::cust("count(*)")).and_where(Expr::col(("b", "reply_to")).eq(parent()));
    count_each(db, posts, select).await
}

/// How many people reacted to a post in one way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReactionRow {
    /// The post.
    pub post: PostId,
    /// How.
    pub reaction: Reaction,
    /// How many.
    pub count: u32,
    /// Whether the viewer is among them.
    pub by_viewer: bool,
}

fn split(posts: &[(ThreadId, PostId)]) -> (Vec<Uuid>, Vec<Uuid>) {
    posts.iter().map(|(thread, post)| (thread.uuid(), post.uuid())).unzip()
}

/// The reactions to these posts, each post's in the order of reactions.
///
/// # Errors
/// The database's.
pub async fn reactions(viewer: &Viewer, db: &Reads, posts: &[(ThreadId, PostId)]) -> Result<Vec<ReactionRow>, sqlx::Error> {
    let (threads, ids) = split(posts);
    let rows = sqlx::query!(
        r#"select r.post, r.reaction, count(*) as "count!", coalesce(bool_or(r.person = $3), false) as "by_viewer!"
           from unnest($1::uuid[], $2::uuid[]) k(thread, post)
           join reaction r on r.thread = k.thread and r.post = k.post
           join thread t on t.id = r.thread
           where t.audience && $4
           group by r.post, r.reaction"#,
        &threads,
        &ids,
        viewer.person.map(PersonId::uuid) as _,
        &viewer.grants.to_texts()
    )
    .fetch_all(db)
    .await?;
    let mut reactions = rows
        .into_iter()
        .map(|row| {
            Ok(ReactionRow {
                post: row.post.into(),
                reaction: code::read(&row.reaction)?,
                count: u32::try_from(row.count).unwrap_or(u32::MAX),
                by_viewer: row.by_viewer,
            })
        })
        .collect::<Result<Vec<_>, sqlx::Error>>()?;
    reactions.sort_by_key(|row| (row.post, row.reaction));
    Ok(reactions)
}

/// Which of these posts the viewer has upvoted.
///
/// # Errors
/// The database's.
pub async fn upvoted(viewer: &Viewer, db: &Reads, posts: &[(ThreadId, PostId)]) -> Result<Vec<PostId>, sqlx::Error> {
    let Some(person) = viewer.person else { return Ok(Vec::new()) };
    let (threads, ids) = split(posts);
    let rows = sqlx::query_scalar!(
        "select u.post from unnest($1::uuid[], $2::uuid[]) k(thread, post) \
         join upvote u on u.thread = k.thread and u.post = k.post join thread t on t.id = u.thread \
         where u.person = $3 and t.audience && $4",
        &threads,
        &ids,
        person.uuid(),
        &viewer.grants.to_texts()
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(PostId).collect())
}

/// A version of a post.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevisionRow {
    /// The post.
    pub post: PostId,
    /// What it said then.
    pub body: String,
    /// Since when.
    pub at: Timestamp,
    /// Who wrote that version; none if the hub itself did.
    pub by: Option<PersonRef>,
}

impl FromColumns for RevisionRow {
    fn from_columns(columns: &mut Columns<'_>) -> Result<Self, sqlx::Error> {
        let post: Uuid = columns.next()?;
        let (body, at) = (columns.next()?, columns.next()?);
        let by: Option<Uuid> = columns.next()?;
        // Read in any case, so that the columns after it would be found.
        let person = PersonRef::read(PersonId(by.unwrap_or_default()), columns)?;
        Ok(Self { post: post.into(), body, at, by: by.map(|_| person) })
    }
}

/// The versions of these posts that were edited, each post's from the first on. A post that was never edited has none here.
///
/// # Errors
/// The database's.
pub async fn revisions(viewer: &Viewer, db: &Reads, posts: &[(ThreadId, PostId)]) -> Result<Vec<RevisionRow>, sqlx::Error> {
    if posts.is_empty() {
        return Ok(Vec::new());
    }
    let sql = from(viewer)
        .expr(Expr::cust("v.post, v.body, v.at, v.by"))
        .expr(PersonRef::columns("p", "po", viewer))
        .join_as(
            JoinType::InnerJoin,
            "post_revision",
            Alias::new("v"),
            Expr::col(("v", "thread")).equals(("b", "thread")).and(Expr::col(("v", "post")).equals(("b", "id"))),
        )
        .join_as(JoinType::LeftJoin, "person", Alias::new("p"), Expr::col(("p", "id")).equals(("v", "by")))
        .join_as(JoinType::LeftJoin, "organisation", Alias::new("po"), Expr::col(("po", "id")).equals(("p", "organisation")))
        .and_where(any_post(posts))
        .order_by(("v", "version"), Order::Asc)
        .written();
    fetch(db, sql).await
}
