//! Threads of discussion.

use super::audience::Audience;
use super::category::Category;
use super::community::Community;
use super::connection::Connection;
use super::context::RequestContext;
use super::enums::CloseReason;
use super::error::{FaultCode, fault};
use super::event::{Event, history};
use super::ids::{self, GlobalId, Named};
use super::organisation::{lagging, number, version};
use super::person::Person;
use super::plain::{Known, Plain};
use super::post::Post;
use super::views::{AnswersOf, PostOf, PostsOf, PostsTotal, ThreadOf, ThreadUpvoted, load, shared, total};
use async_graphql::{Context, Enum, ID, InputObject, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use discussions::category::Format;
use kernel::{Action, Scope};
use projections::Slice;
use projections::discussions::thread::{self as view, Closing, ThreadRow};
use projections::events::Subject;
use std::sync::Arc;

/// In which order threads are listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Enum)]
#[graphql(remote = "view::ThreadOrder")]
pub enum ThreadOrder {
    /// The latest activity first.
    #[default]
    LatestActivity,
    /// The newest first.
    Newest,
    /// The most upvoted first.
    MostUpvoted,
}

/// Which threads are asked for. Everything given must hold.
#[derive(Clone, Debug, Default, InputObject)]
pub struct ThreadFilter {
    /// Of this community.
    community: Option<ID>,
    /// Of this category.
    category: Option<ID>,
    /// Opened by this person.
    author: Option<ID>,
    /// Opened by people of this organisation.
    organisation: Option<ID>,
    /// Closed, or not.
    closed: Option<bool>,
    /// With a post marked as an answer, or without.
    answered: Option<bool>,
}

impl ThreadFilter {
    /// The filter with the ids read.
    pub(super) fn read(self) -> Result<view::ThreadFilter> {
        Ok(view::ThreadFilter {
            community: argument::<ids::Community>(self.community.as_ref(), "community")?,
            category: argument::<ids::Category>(self.category.as_ref(), "category")?,
            author: argument::<ids::Person>(self.author.as_ref(), "author")?,
            organisation: argument::<ids::Organisation>(self.organisation.as_ref(), "organisation")?,
            closed: self.closed,
            answered: self.answered,
        })
    }
}

/// Reads an id among a query's arguments.
fn argument<K: Named>(id: Option<&ID>, field: &str) -> Result<Option<K::Inner>> {
    id.map(|id| ids::read::<K>(id, field).map_err(|error| fault(FaultCode::InvalidId, error.as_message()))).transpose()
}

/// A thread of discussion.
#[derive(Clone, Debug)]
pub struct Thread {
    row: ThreadRow,
}

impl From<ThreadRow> for Thread {
    fn from(row: ThreadRow) -> Self {
        Self { row }
    }
}

/// A thread of discussion: a title, an opening post, and what others say to it.
#[Object]
impl Thread {
    /// Its id.
    pub async fn id(&self) -> ID {
        GlobalId::Thread(self.row.id).encode()
    }
    /// Its title.
    async fn title(&self) -> &str {
        &self.row.title
    }
    /// Its community.
    async fn community(&self) -> Community {
        self.row.community.clone().into()
    }
    /// Its category.
    async fn category(&self) -> Category {
        self.row.category.clone().into()
    }
    /// Who opened it.
    async fn author(&self) -> Person {
        self.row.author.clone().into()
    }
    /// Who may see it.
    async fn audience(&self) -> Audience {
        self.row.audience.clone().into()
    }
    /// The post that opens it.
    async fn opening_post(&self, ctx: &Context<'_>) -> Result<Post> {
        let post = load(RequestContext::of(ctx)?, PostOf((self.row.id, self.row.opening_post))).await?;
        post.map(Post::from).ok_or_else(lagging)
    }
    /// When it was opened; for imported threads, at their source.
    async fn opened_at(&self) -> DateTime<Utc> {
        self.row.opened_at
    }
    /// When it was last posted in, answered, closed or reopened.
    async fn last_activity_at(&self) -> DateTime<Utc> {
        self.row.last_activity_at
    }
    /// Whether it takes no posts from members.
    async fn locked(&self) -> bool {
        self.row.locked
    }
    /// Whether it is closed.
    async fn closed(&self) -> bool {
        self.row.closing.is_some()
    }
    /// Why it was closed, if it is.
    async fn close_reason(&self) -> Option<CloseReason> {
        self.row.closing.map(|closing| match closing {
            Closing::Resolved => CloseReason::Resolved,
            Closing::Outdated => CloseReason::Outdated,
            Closing::Duplicate => CloseReason::Duplicate,
        })
    }
    /// The thread that has the same, if it was closed for that and you see the other.
    async fn duplicate_of(&self, ctx: &Context<'_>) -> Result<Option<Thread>> {
        let Some(other) = self.row.duplicate_of else { return Ok(None) };
        Ok(load(RequestContext::of(ctx)?, ThreadOf(other)).await?.map(Thread::from))
    }
    /// Whether a post is marked as an answer.
    async fn answered(&self) -> bool {
        self.row.answered
    }
    /// How many posts there are besides the opening one.
    async fn reply_count(&self) -> i32 {
        number(self.row.reply_count)
    }
    /// How many people upvoted it.
    async fn upvote_count(&self) -> i32 {
        number(self.row.upvote_count)
    }
    /// Where it was first published, for imported threads.
    async fn source(&self) -> Option<&str> {
        self.row.source.as_deref()
    }
    /// Its version, to give back as `expectedVersion`.
    async fn version(&self) -> i32 {
        version(self.row.version)
    }
    /// The posts that are marked as answers, in the order of posting.
    async fn answers(&self, ctx: &Context<'_>) -> Result<Vec<Post>> {
        let posts = load(RequestContext::of(ctx)?, AnswersOf(self.row.id)).await?.unwrap_or_default();
        Ok(posts.into_iter().map(Post::from).collect())
    }
    /// The posts that reply to the opening one, in the order of posting. Posts that reply to them are their `replies`.
    async fn posts(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many from the start, 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
    ) -> Result<Connection<Post>> {
        let (request, id) = (shared(ctx)?, self.row.id);
        let cursors = request.cursors().of_list("thread.posts", &id);
        let page = cursors.page(first, after.as_deref(), last, before.as_deref())?;
        let slice = load(&request, PostsOf(id, page)).await?.unwrap_or_else(Slice::empty);
        Ok(Connection::of_slice(slice, &cursors, Post::from, move || total(Arc::clone(&request), PostsTotal(id))))
    }
    /// What happened to it and to its posts, from the first event to the last, as far as you see it.
    async fn history(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many from the start, 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
    ) -> Result<Connection<Event>> {
        history(ctx, Subject::Thread(self.row.id), first, after.as_deref(), last, before.as_deref()).await
    }
    /// Whether you have upvoted it.
    async fn viewer_has_upvoted(&self, ctx: &Context<'_>) -> Result<bool> {
        Ok(load(RequestContext::of(ctx)?, ThreadUpvoted(self.row.id)).await?.unwrap_or(false))
    }
    /// What you may do here. Whatever you try, the service decides anew.
    async fn viewer_can(&self, ctx: &Context<'_>) -> Result<ThreadPermissions> {
        let standing = RequestContext::of(ctx)?.standing();
        let Some(actor) = &standing.actor else { return Ok(ThreadPermissions::default()) };
        let here = Scope::community(self.row.community.id);
        let authored = here.of(self.row.author.id);
        let may = |action: Action, scope: &Scope| actor.may(action, scope).is_ok();
        let locked = self.row.locked && !may(Action::LockedThreadReply, &here);
        Ok(ThreadPermissions {
            reply: !locked && may(Action::ThreadReply, &here),
            edit: !locked && may(Action::PostEdit, &authored),
            close: may(Action::ThreadClose, &authored),
            lock: may(Action::ThreadLock, &here),
            mark_answer: self.row.format == Format::QuestionAndAnswer && may(Action::AnswerMark, &authored),
            react: may(Action::PostReact, &here),
        })
    }
}

impl Plain for Thread {
    fn type_name(&self) -> &'static str {
        "Thread"
    }

    fn known(&self, field: &str) -> Option<Known<'_>> {
        let row = &self.row;
        Some(match field {
            "id" => Known::id(GlobalId::Thread(row.id).encode()),
            "title" => Known::text(&row.title),
            "community" => Known::Object(&row.community),
            "category" => Known::Object(&row.category),
            "author" => Known::Object(&row.author),
            "openedAt" => Known::moment(row.opened_at),
            "lastActivityAt" => Known::moment(row.last_activity_at),
            "locked" => Known::Leaf(row.locked.into()),
            "closed" => Known::Leaf(row.closing.is_some().into()),
            "answered" => Known::Leaf(row.answered.into()),
            "replyCount" => Known::Leaf(number(row.reply_count).into()),
            "upvoteCount" => Known::Leaf(number(row.upvote_count).into()),
            "source" => Known::Leaf(row.source.as_deref().into()),
            "version" => Known::Leaf(version(row.version).into()),
            _ => return None,
        })
    }
}

/// What the viewer may do in a thread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, SimpleObject)]
pub struct ThreadPermissions {
    /// Post in it.
    pub reply: bool,
    /// Give it another title.
    pub edit: bool,
    /// Close or reopen it.
    pub close: bool,
    /// Lock or unlock it.
    pub lock: bool,
    /// Mark posts as answers.
    pub mark_answer: bool,
    /// React to posts and upvote.
    pub react: bool,
}
