//! Live updates: what happens to a thread, from a position on, without gaps and without repeats.
//!
//! Events are read from the thread's own stream in the log, once the views hold them; each is shown only if the viewer, with
//! the grants of that moment, sees the thread. Nothing is buffered but one batch.

use super::context::{OrFault, RequestContext};
use super::error::{FaultCode, fault};
use super::ids::{self, GlobalId};
use super::person::Person;
use super::post::Post;
use super::thread::Thread;
use async_graphql::{Context, Enum, ID, Object, Result, Subscription as Subscribe};
use discussions::thread::Event;
use events::HubEvent;
use futures::Stream;
use kernel::{PersonId, PostId, Recorded, StreamId, ThreadId, Timestamp, Who};
use projections::discussions::thread::ThreadRow;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast::{self, error::RecvError};
use uuid::Uuid;

/// How many events are read at once.
const BATCH: u64 = 50;
/// How often a quiet thread is looked at even without news.
const LOOK: Duration = Duration::from_secs(5);

/// What happened to a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum ThreadActivityKind {
    /// It was opened.
    Opened,
    /// Someone posted in it.
    Replied,
    /// It has another title.
    Retitled,
    /// A post was edited.
    PostEdited,
    /// It takes no more posts from members.
    Locked,
    /// It takes posts again.
    Unlocked,
    /// It was closed.
    Closed,
    /// It was opened again.
    Reopened,
    /// A post was marked as an answer.
    AnswerMarked,
    /// The mark of an answer was taken back.
    AnswerUnmarked,
    /// Someone reacted to a post.
    Reacted,
    /// Someone took a reaction back.
    ReactionWithdrawn,
    /// Someone upvoted a post.
    Upvoted,
    /// Someone took an upvote back.
    UpvoteWithdrawn,
}

/// Something that happened to a thread.
pub struct ThreadActivity {
    seq: u64,
    kind: ThreadActivityKind,
    at: Timestamp,
    actor: Option<PersonId>,
    post: Option<PostId>,
    thread: ThreadRow,
}

impl ThreadActivity {
    fn of(recorded: &Recorded<HubEvent>, event: &Event, thread: ThreadRow) -> Self {
        use ThreadActivityKind as Kind;
        let (kind, post) = match event {
            Event::Opened { post, .. } => (Kind::Opened, Some(*post)),
            Event::Replied { post, .. } => (Kind::Replied, Some(*post)),
            Event::Retitled { .. } => (Kind::Retitled, None),
            Event::PostEdited { post, .. } => (Kind::PostEdited, Some(*post)),
            Event::Locked => (Kind::Locked, None),
            Event::Unlocked => (Kind::Unlocked, None),
            Event::Closed { .. } => (Kind::Closed, None),
            Event::Reopened => (Kind::Reopened, None),
            Event::AnswerMarked { post } => (Kind::AnswerMarked, Some(*post)),
            Event::AnswerUnmarked { post } => (Kind::AnswerUnmarked, Some(*post)),
            Event::Reacted { post, .. } => (Kind::Reacted, Some(*post)),
            Event::ReactionWithdrawn { post, .. } => (Kind::ReactionWithdrawn, Some(*post)),
            Event::Upvoted { post, .. } => (Kind::Upvoted, Some(*post)),
            Event::UpvoteWithdrawn { post, .. } => (Kind::UpvoteWithdrawn, Some(*post)),
        };
        let actor = match recorded.meta.actor {
            Who::Person(person) => Some(person),
            Who::System(_) => None,
        };
        Self { seq: recorded.seq, kind, at: recorded.meta.occurred_at, actor, post, thread }
    }
}

/// Something that happened to a thread.
#[Object]
impl ThreadActivity {
    /// Where it stands: pass it as `after` to go on from here.
    async fn position(&self) -> String {
        self.seq.to_string()
    }
    /// What happened.
    async fn kind(&self) -> ThreadActivityKind {
        self.kind
    }
    /// When.
    async fn at(&self) -> Timestamp {
        self.at
    }
    /// Who did it; null if the hub itself did.
    async fn actor(&self, ctx: &Context<'_>) -> Result<Option<Person>> {
        let request = RequestContext::of(ctx)?;
        let Some(person) = self.actor else { return Ok(None) };
        let found = projections::organisations::person::referred(&request.viewer(), request.db(), &[person]).await.or_fault()?;
        Ok(found.into_iter().next().map(Person::from))
    }
    /// The post concerned, as it is now.
    async fn post(&self, ctx: &Context<'_>) -> Result<Option<Post>> {
        let request = RequestContext::of(ctx)?;
        let Some(post) = self.post else { return Ok(None) };
        let found = projections::discussions::post::by_ids(&request.viewer(), request.db(), &[(self.thread.id, post)]).await.or_fault()?;
        Ok(found.into_iter().next().map(Post::from))
    }
    /// The thread, as it is now.
    async fn thread(&self) -> Thread {
        Thread::from(self.thread.clone())
    }
}

/// What can be followed live.
#[derive(Default)]
pub struct Subscription;

/// What can be followed live, over graphql-sse at /graphql/stream or graphql-transport-ws at /graphql/ws.
#[Subscribe]
impl Subscription {
    /// What happens to a thread. With `after`, first everything since that position; then whatever comes, until the stream is
    /// ended by you, or the right to see the thread is lost.
    async fn thread_activity(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The thread.")] thread: ID,
        #[graphql(desc = "A position from an earlier event, or from “hub { position }”; from now on if left out.")] after: Option<String>,
    ) -> Result<impl Stream<Item = Result<ThreadActivity>> + use<>> {
        let request = Arc::clone(ctx.data::<Arc<RequestContext>>()?);
        let thread = ids::read::<ids::Thread>(&thread, "thread").map_err(|error| fault(FaultCode::InvalidId, error.as_message()))?;
        let after = after
            .map(|after| {
                let unknown = || {
                    fault(
                        FaultCode::InvalidArgument,
                        "“after” is no position of this hub. Take positions from the API's answers, unchanged.",
                    )
                };
                after.parse::<u64>().map_err(|_| unknown())
            })
            .transpose()?;
        let follower = Follower::start(request, thread, after).await?;
        Ok(futures::stream::unfold(Some(follower), |follower| async move {
            let mut follower = follower?;
            match follower.next().await {
                Ok(Some(activity)) => Some((Ok(activity), Some(follower))),
                Ok(None) => None,
                // It is told once, and then the stream ends; the client goes on from its last position.
                Err(error) => Some((Err(error), None)),
            }
        }))
    }
}

/// Someone who follows a thread.
struct Follower {
    request: Arc<RequestContext>,
    thread: ThreadId,
    stream: StreamId,
    /// Up to this version everything was read.
    version: u64,
    /// Nothing up to this position is shown.
    after: u64,
    pending: VecDeque<Recorded<HubEvent>>,
    news: broadcast::Receiver<Uuid>,
}

impl Follower {
    async fn start(request: Arc<RequestContext>, thread: ThreadId, after: Option<u64>) -> Result<Self> {
        // Before anything is read, so that nothing falls in between.
        let news = request.backend().live.news();
        let stream = StreamId::of::<discussions::thread::Thread>(thread);
        let mut follower = Self { request, thread, stream, version: 0, after: after.unwrap_or(0), pending: VecDeque::new(), news };
        let Some(row) = follower.row().await? else {
            let id = GlobalId::Thread(thread).kind();
            return Err(fault(FaultCode::NotFound, format!("There is no such {id}, or you may not see it. Check the id.")));
        };
        follower.version = match after {
            None => row.version,
            Some(after) => follower.version_at(after, row.version).await?,
        };
        Ok(follower)
    }

    /// The thread as the viewer sees it with the grants of this moment, if at all.
    async fn row(&self) -> Result<Option<ThreadRow>> {
        self.request.renew().await.or_fault()?;
        let found = projections::discussions::thread::by_ids(&self.request.viewer(), self.request.db(), &[self.thread]).await.or_fault()?;
        Ok(found.into_iter().next())
    }

    /// The version of the thread's last event up to a position: positions grow with versions.
    async fn version_at(&self, position: u64, newest: u64) -> Result<u64> {
        let (mut low, mut high) = (0, newest);
        // Most often nothing happened since, so the newest is looked at first.
        let mut middle = newest;
        while low < high {
            match self.read(middle, middle).await?.first() {
                Some(event) if event.seq <= position => low = middle,
                Some(_) | None => high = middle - 1,
            }
            middle = (low + high).div_ceil(2);
        }
        Ok(low)
    }

    async fn read(&self, first: u64, last: u64) -> Result<Vec<Recorded<HubEvent>>> {
        let unreadable = |error: &dyn std::fmt::Display| {
            tracing::warn!(%error, thread = %self.thread, "a thread's stream cannot be read");
            fault(
                FaultCode::Unavailable,
                "Live updates are not available at the moment. Subscribe again, from the last position you have seen.",
            )
        };
        let recorded = self.request.backend().log.load_range(&self.stream, first, last).await.map_err(|error| unreadable(&error))?;
        recorded.into_iter().map(|recorded| events::decode(recorded).map_err(|error| unreadable(&error))).collect()
    }

    /// The next thing that happened; none once the thread may no longer be seen.
    async fn next(&mut self) -> Result<Option<ThreadActivity>> {
        loop {
            let Some(row) = self.row().await? else { return Ok(None) };
            if self.pending.is_empty() && row.version > self.version {
                let last = row.version.min(self.version + BATCH);
                self.pending = self.read(self.version + 1, last).await?.into();
                self.version = last;
            }
            while let Some(recorded) = self.pending.pop_front() {
                if recorded.seq <= self.after {
                    continue;
                }
                if let HubEvent::Thread(event) = &recorded.event {
                    return Ok(Some(ThreadActivity::of(&recorded, event, row)));
                }
            }
            if row.version <= self.version {
                self.wait().await;
            }
        }
    }

    /// Waits for news of this thread.
    async fn wait(&mut self) {
        let thread = self.thread.uuid();
        let heard = async {
            loop {
                match self.news.recv().await {
                    Ok(stream) if stream == thread => return,
                    Ok(_) => {}
                    // Some news were missed, or no more come: look for oneself.
                    Err(RecvError::Lagged(_)) => return,
                    Err(RecvError::Closed) => std::future::pending().await,
                }
            }
        };
        let _heard_or_not = tokio::time::timeout(LOOK, heard).await;
    }
}
