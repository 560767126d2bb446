//! What happens to a thread.

use super::activity::{Activity, activity};
use super::following::{follow, position};
use crate::graphql::context::RequestContext;
use crate::graphql::error::{FaultCode, fault};
use crate::graphql::event::Event;
use crate::graphql::ids;
use crate::graphql::organisation::lagging;
use crate::graphql::person::Person;
use crate::graphql::post::Post;
use crate::graphql::thread::Thread;
use crate::graphql::views::{ThreadOf, load};
use crate::live::{Subject, Wanted};
use async_graphql::{Context, Enum, ID, Object, Result};
use discussions::thread::Event as Happened;
use events::HubEvent;
use futures::Stream;
use kernel::Timestamp;

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

impl From<&Happened> for ThreadActivityKind {
    fn from(event: &Happened) -> Self {
        match event {
            Happened::Opened { .. } => Self::Opened,
            Happened::Replied { .. } => Self::Replied,
            Happened::Retitled { .. } => Self::Retitled,
            Happened::PostEdited { .. } => Self::PostEdited,
            Happened::Locked => Self::Locked,
            Happened::Unlocked => Self::Unlocked,
            Happened::Closed { .. } => Self::Closed,
            Happened::Reopened => Self::Reopened,
            Happened::AnswerMarked { .. } => Self::AnswerMarked,
            Happened::AnswerUnmarked { .. } => Self::AnswerUnmarked,
            Happened::Reacted { .. } => Self::Reacted,
            Happened::ReactionWithdrawn { .. } => Self::ReactionWithdrawn,
            Happened::Upvoted { .. } => Self::Upvoted,
            Happened::UpvoteWithdrawn { .. } => Self::UpvoteWithdrawn,
        }
    }
}

activity! {
    /// Something that happened to a thread.
    ThreadActivity {
        /// What happened.
        async fn kind(&self) -> Result<ThreadActivityKind> {
            match &self.0.happening.recorded.event {
                HubEvent::Thread(event) => Ok(event.into()),
                HubEvent::Organisation(_) | HubEvent::Person(_) | HubEvent::Team(_) | HubEvent::Community(_) | HubEvent::Category(_) => {
                    Err(lagging())
                }
            }
        }
        /// The thread, as it is now.
        async fn thread(&self, ctx: &Context<'_>) -> Result<Thread> {
            self.0.thread(ctx).await?.ok_or_else(lagging)
        }
    }
}

/// Follows a thread.
pub(super) async fn thread_activity(
    ctx: &Context<'_>,
    thread: &ID,
    after: Option<String>,
) -> Result<impl Stream<Item = Result<ThreadActivity>> + use<>> {
    let id = ids::read::<ids::Thread>(thread, "thread").map_err(|error| fault(FaultCode::InvalidId, error.as_message()))?;
    let after = position(ctx, after).await?;
    let row = load(RequestContext::of(ctx)?, ThreadOf(id)).await?;
    let row = row.ok_or_else(|| fault(FaultCode::NotFound, "There is no such thread, or you may not see it. Check the id."))?;
    let wanted = Wanted { subject: Subject::Thread(id), seen_by: Some(row.audience), version: row.version, after };
    follow(ctx, wanted, |_, happening| Some(ThreadActivity(Activity { happening })))
}
