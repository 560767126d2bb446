//! What concerns someone.

use super::activity::{Activity, activity};
use super::following::{follow, position};
use crate::graphql::context::RequestContext;
use crate::graphql::error::{FaultCode, fault};
use crate::graphql::event::Event;
use crate::graphql::organisation::lagging;
use crate::graphql::person::Person;
use crate::graphql::post::Post;
use crate::graphql::thread::Thread;
use crate::live::{Subject, Wanted};
use async_graphql::{Context, Enum, Object, Result};
use discussions::thread;
use events::HubEvent;
use futures::Stream;
use kernel::Timestamp;

/// Why something is in your inbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum InboxReason {
    /// It happened in a thread that you had opened or posted in.
    Participant,
    /// A post of yours was marked as an answer.
    Answer,
    /// It happened to your membership of a community, or your being its coordinator.
    Membership,
    /// It happened to a role of yours, or to your being admitted at all.
    Role,
    /// It happened to a team of yours.
    Team,
}

activity! {
    /// Something that someone else, or the hub itself, did and that concerns you.
    InboxActivity {
        /// Why it is in your inbox.
        async fn reason(&self, ctx: &Context<'_>) -> Result<InboxReason> {
            match &self.0.happening.recorded.event {
                HubEvent::Thread(thread::Event::AnswerMarked { .. }) => {
                    let own = RequestContext::of(ctx)?.person();
                    let by = self.0.post(ctx).await?.map(|post| post.written_by());
                    Ok(if own.is_some() && by == own { InboxReason::Answer } else { InboxReason::Participant })
                }
                HubEvent::Thread(_) => Ok(InboxReason::Participant),
                HubEvent::Community(_) => Ok(InboxReason::Membership),
                HubEvent::Team(_) => Ok(InboxReason::Team),
                HubEvent::Person(_) => Ok(InboxReason::Role),
                HubEvent::Organisation(_) | HubEvent::Category(_) => Err(lagging()),
            }
        }
        /// The thread that it happened to, as it is now; null if it happened to none.
        async fn thread(&self, ctx: &Context<'_>) -> Result<Option<Thread>> {
            self.0.thread(ctx).await
        }
    }
}

/// Follows what concerns whoever asks.
pub(super) async fn inbox_activity(ctx: &Context<'_>, after: Option<String>) -> Result<impl Stream<Item = Result<InboxActivity>> + use<>> {
    let person = RequestContext::of(ctx)?.person();
    let person = person.ok_or_else(|| fault(FaultCode::Unauthenticated, "Sign in, or present an API token, to follow your inbox."))?;
    let after = position(ctx, after).await?;
    let wanted = Wanted { subject: Subject::Inbox(person), seen_by: None, version: 0, after };
    follow(ctx, wanted, |_, happening| Some(InboxActivity(Activity { happening })))
}
