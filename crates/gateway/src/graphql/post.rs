//! Posts in threads.

use super::connection::Connection;
use super::context::RequestContext;
use super::enums::Reaction;
use super::event::{Event, history};
use super::ids::GlobalId;
use super::organisation::{lagging, number};
use super::person::Person;
use super::thread::Thread;
use super::views::{PostOf, PostUpvoted, ReactionsTo, RepliesTo, RepliesTotal, RevisionsOf, ThreadOf, load, shared, total};
use crate::markdown;
use async_graphql::{Context, ID, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use kernel::{Action, PersonId, Scope};
use projections::Slice;
use projections::discussions::post::PostRow;
use projections::events::Subject;
use std::sync::Arc;

/// A post in a thread.
#[derive(Clone, Debug)]
pub struct Post {
    row: PostRow,
}

impl From<PostRow> for Post {
    fn from(row: PostRow) -> Self {
        Self { row }
    }
}

impl Post {
    /// Who wrote it.
    pub(super) fn written_by(&self) -> PersonId {
        self.row.author.id
    }
}

/// A post in a thread.
#[Object]
impl Post {
    /// Its id.
    pub async fn id(&self) -> ID {
        GlobalId::Post(self.row.thread, self.row.id).encode()
    }
    /// The thread that it stands in.
    async fn thread(&self, ctx: &Context<'_>) -> Result<Thread> {
        load(RequestContext::of(ctx)?, ThreadOf(self.row.thread)).await?.map(Thread::from).ok_or_else(lagging)
    }
    /// Who wrote it.
    async fn author(&self) -> Person {
        self.row.author.clone().into()
    }
    /// What it says, in Markdown.
    async fn body(&self) -> &str {
        &self.row.body
    }
    /// What it says, as safe HTML.
    async fn html(&self) -> Arc<str> {
        markdown::rendered(&self.row.body)
    }
    /// When it was posted; for imported posts, at their source.
    async fn created_at(&self) -> DateTime<Utc> {
        self.row.posted_at
    }
    /// When it was last edited, if ever.
    async fn edited_at(&self) -> Option<DateTime<Utc>> {
        self.row.edited_at
    }
    /// Whether it is marked as an answer.
    async fn is_answer(&self) -> bool {
        self.row.answer
    }
    /// Whether it opens the thread.
    async fn is_opening(&self) -> bool {
        self.row.opening
    }
    /// Where it was first published, for imported posts.
    async fn source(&self) -> Option<&str> {
        self.row.source.as_deref()
    }
    /// The post that it replies to; none for those that reply to the thread as a whole.
    async fn reply_to(&self, ctx: &Context<'_>) -> Result<Option<Post>> {
        let Some(to) = self.row.reply_to else { return Ok(None) };
        Ok(load(RequestContext::of(ctx)?, PostOf((self.row.thread, to))).await?.map(Post::from))
    }
    /// The posts that reply to it, in the order of posting.
    async fn replies(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many from the start, 1 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
    ) -> Result<Connection<Post>> {
        let (request, id) = (shared(ctx)?, self.row.id);
        let cursors = request.cursors().of_list("post.replies", &id);
        let page = cursors.page(first, after.as_deref(), last, before.as_deref())?;
        // Most posts have none, and the row knows it.
        let slice = if self.row.reply_count == 0 {
            Slice::empty()
        } else {
            load(&request, RepliesTo(id, page)).await?.unwrap_or_else(Slice::empty)
        };
        Ok(Connection::of_slice(slice, &cursors, Post::from, move || total(Arc::clone(&request), RepliesTotal(id))))
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
        history(ctx, Subject::Post(self.row.thread, self.row.id), first, after.as_deref(), last, before.as_deref()).await
    }
    /// How people reacted to it.
    async fn reactions(&self, ctx: &Context<'_>) -> Result<Vec<ReactionGroup>> {
        let groups = load(RequestContext::of(ctx)?, ReactionsTo(self.row.thread, self.row.id)).await?.unwrap_or_default();
        Ok(groups
            .into_iter()
            .map(|group| ReactionGroup { reaction: group.reaction.into(), count: number(group.count), viewer_has_reacted: group.by_viewer })
            .collect())
    }
    /// How many people upvoted it.
    async fn upvote_count(&self) -> i32 {
        number(self.row.upvote_count)
    }
    /// Whether you have upvoted it.
    async fn viewer_has_upvoted(&self, ctx: &Context<'_>) -> Result<bool> {
        Ok(load(RequestContext::of(ctx)?, PostUpvoted(self.row.thread, self.row.id)).await?.unwrap_or(false))
    }
    /// Whether you may edit it. If you try, the service decides anew.
    async fn viewer_can_edit(&self, ctx: &Context<'_>) -> Result<bool> {
        let standing = RequestContext::of(ctx)?.standing();
        let here = Scope::community(self.row.community);
        let may = |action: Action, scope: &Scope| standing.actor.as_ref().is_some_and(|actor| actor.may(action, scope).is_ok());
        let locked = self.row.locked && !may(Action::LockedThreadReply, &here);
        Ok(!locked && may(Action::PostEdit, &here.of(self.row.author.id)))
    }
    /// Every version of it, from the first to what it says now.
    async fn revisions(&self, ctx: &Context<'_>) -> Result<Vec<Revision>> {
        let row = &self.row;
        if row.edited_at.is_none() {
            return Ok(vec![Revision { body: row.body.clone(), at: row.posted_at, by: Some(row.author.clone().into()) }]);
        }
        let revisions = load(RequestContext::of(ctx)?, RevisionsOf(row.thread, row.id)).await?.unwrap_or_default();
        Ok(revisions
            .into_iter()
            .map(|revision| Revision { body: revision.body, at: revision.at, by: revision.by.map(Person::from) })
            .collect())
    }
}

/// A version of a post.
#[derive(Clone, Debug, SimpleObject)]
pub struct Revision {
    /// What it said, in Markdown.
    pub body: String,
    /// Since when.
    pub at: DateTime<Utc>,
    /// Who wrote that version; none if the hub itself did.
    pub by: Option<Person>,
}

/// How many people reacted to a post in one way.
#[derive(Clone, Copy, Debug, SimpleObject)]
pub struct ReactionGroup {
    /// How.
    pub reaction: Reaction,
    /// How many.
    pub count: i32,
    /// Whether you are among them.
    pub viewer_has_reacted: bool,
}
