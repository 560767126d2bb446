//! What every activity has: where it stands in the log, when, who, and what happened as a typed event.

use crate::graphql::context::RequestContext;
use crate::graphql::event::Event;
use crate::graphql::organisation::lagging;
use crate::graphql::person::Person;
use crate::graphql::post::Post;
use crate::graphql::thread::Thread;
use crate::graphql::views::{PersonOf, PostOf, ThreadOf, look};
use crate::live::{Happening, actor};
use async_graphql::{Context, Result};
use discussions::thread;
use events::HubEvent;
use kernel::{PostId, ThreadId};
use std::sync::Arc;

/// Something that happened, on its way to someone who follows it.
pub(super) struct Activity {
    pub(super) happening: Arc<Happening>,
}

impl Activity {
    /// Who did it.
    pub(super) async fn actor(&self, ctx: &Context<'_>) -> Result<Option<Person>> {
        let request = RequestContext::of(ctx)?;
        let Some(person) = actor(&self.happening.recorded) else { return Ok(None) };
        Ok(look(request, PersonOf(person)).await?.map(Person::from))
    }

    /// The thread that it happened to.
    pub(super) async fn thread(&self, ctx: &Context<'_>) -> Result<Option<Thread>> {
        let request = RequestContext::of(ctx)?;
        let Some(thread) = self.happening.thread() else { return Ok(None) };
        Ok(look(request, ThreadOf(thread)).await?.map(Thread::from))
    }

    /// The post that it concerns.
    pub(super) async fn post(&self, ctx: &Context<'_>) -> Result<Option<Post>> {
        let request = RequestContext::of(ctx)?;
        let Some(post) = self.post_id() else { return Ok(None) };
        Ok(look(request, PostOf(post)).await?.map(Post::from))
    }

    /// Which post it concerns.
    pub(super) fn post_id(&self) -> Option<(ThreadId, PostId)> {
        let HubEvent::Thread(event) = &self.happening.recorded.event else { return None };
        concerned(event).map(|post| (ThreadId(self.happening.recorded.stream.id), post))
    }

    /// What happened, with its type.
    pub(super) fn event(&self, ctx: &Context<'_>) -> Result<Event> {
        let Happening { recorded, seen, .. } = &*self.happening;
        Event::shown(&RequestContext::of(ctx)?.viewer(), Arc::clone(recorded), seen).ok_or_else(lagging)
    }
}

/// The post that something that happened to a thread concerns.
fn concerned(event: &thread::Event) -> Option<PostId> {
    use thread::Event;
    match event {
        Event::Opened { post, .. }
        | Event::Replied { post, .. }
        | Event::PostEdited { post, .. }
        | Event::AnswerMarked { post }
        | Event::AnswerUnmarked { post }
        | Event::Reacted { post, .. }
        | Event::ReactionWithdrawn { post, .. }
        | Event::Upvoted { post, .. }
        | Event::UpvoteWithdrawn { post, .. } => Some(*post),
        Event::Retitled { .. } | Event::Locked | Event::Unlocked | Event::Closed { .. } | Event::Reopened => None,
    }
}

/// An object type with what every activity has, and fields of its own.
macro_rules! activity {
    ($(#[$doc:meta])* $name:ident { $($own:tt)* }) => {
        $(#[$doc])*
        pub struct $name($crate::graphql::subscription::activity::Activity);

        $(#[$doc])*
        #[Object]
        impl $name {
            /// Where it stands: pass it as `after` to go on from here.
            async fn position(&self) -> String {
                self.0.happening.seq().to_string()
            }
            /// When.
            async fn at(&self) -> Timestamp {
                self.0.happening.recorded.meta.occurred_at
            }
            /// Who did it; null if the hub itself did.
            async fn actor(&self, ctx: &Context<'_>) -> Result<Option<Person>> {
                self.0.actor(ctx).await
            }
            /// What happened, with its type.
            async fn event(&self, ctx: &Context<'_>) -> Result<Event> {
                self.0.event(ctx)
            }
            /// The post concerned, as it is now.
            async fn post(&self, ctx: &Context<'_>) -> Result<Option<Post>> {
                self.0.post(ctx).await
            }
            $($own)*
        }
    };
}
pub(super) use activity;
