//! What can be followed live: from a position on, without gaps and without repeats.
//!
//! The ways through the log are [`crate::live`]'s; here is what is shown of what is found there.
//!
//! **To let something else be followed:** a variant of [`Subject`](crate::live::Subject), which tells what belongs to it, and a
//! field here.

mod activity;
pub mod community;
mod everything;
mod following;
pub mod inbox;
pub(crate) mod root;
pub mod thread;

use crate::graphql::event::Event;
use async_graphql::{Context, ID, Result, Subscription as Subscribe};
use community::CommunityActivity;
use futures::Stream;
use inbox::InboxActivity;
use thread::ThreadActivity;

/// What can be followed live.
#[derive(Default)]
pub struct Subscription;

/// What can be followed live, over graphql-sse at /graphql/stream or graphql-transport-ws at /graphql/ws. With `after`, first comes
/// everything since that position, then whatever comes; nothing is missing and nothing comes twice. A stream lasts until you end it, or
/// the right to see what is followed is lost.
#[Subscribe]
impl Subscription {
    /// What happens to a thread.
    async fn thread_activity(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The thread.")] thread: ID,
        #[graphql(desc = "A position from an earlier event, or from “hub { position }”; from now on if left out.")] after: Option<String>,
    ) -> Result<impl Stream<Item = Result<ThreadActivity>> + use<>> {
        thread::thread_activity(ctx, &thread, after).await
    }

    /// What happens in a community, as far as you may see it: to the community itself, its members, its categories and its threads.
    async fn community_activity(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The community.")] community: ID,
        #[graphql(desc = "A position from an earlier event, or from “hub { position }”; from now on if left out.")] after: Option<String>,
    ) -> Result<impl Stream<Item = Result<CommunityActivity>> + use<>> {
        community::community_activity(ctx, &community, after).await
    }

    /// What others did that concerns you: in threads that you had opened or posted in, and to your memberships, roles and teams.
    async fn inbox_activity(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "A position from an earlier event, or from “hub { position }”; from now on if left out.")] after: Option<String>,
    ) -> Result<impl Stream<Item = Result<InboxActivity>> + use<>> {
        inbox::inbox_activity(ctx, after).await
    }

    /// Everything that happens and that you may see.
    async fn my_events(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "A position from an earlier event, or from “hub { position }”; from now on if left out.")] after: Option<String>,
    ) -> Result<impl Stream<Item = Result<Event>> + use<>> {
        everything::my_events(ctx, after).await
    }
}
