//! What happens in a community.

use super::activity::{Activity, activity};
use super::following::{follow, position};
use crate::graphql::community::Community;
use crate::graphql::context::RequestContext;
use crate::graphql::error::{FaultCode, fault};
use crate::graphql::event::Event;
use crate::graphql::ids;
use crate::graphql::organisation::lagging;
use crate::graphql::person::Person;
use crate::graphql::post::Post;
use crate::graphql::thread::Thread;
use crate::graphql::views::{CommunityOf, VisibleCommunity, load};
use crate::live::{Subject, Wanted};
use async_graphql::{Context, ID, Object, Result};
use futures::Stream;
use kernel::Timestamp;

activity! {
    /// Something that happened in a community.
    CommunityActivity {
        /// The community, as it is now.
        async fn community(&self, ctx: &Context<'_>) -> Result<Community> {
            let community = self.0.happening.community.ok_or_else(lagging)?;
            load(RequestContext::of(ctx)?, CommunityOf(community)).await?.map(Community::from).ok_or_else(lagging)
        }
        /// The thread that it happened to, as it is now; null if it happened to none.
        async fn thread(&self, ctx: &Context<'_>) -> Result<Option<Thread>> {
            self.0.thread(ctx).await
        }
    }
}

/// Follows a community.
pub(super) async fn community_activity(
    ctx: &Context<'_>,
    community: &ID,
    after: Option<String>,
) -> Result<impl Stream<Item = Result<CommunityActivity>> + use<>> {
    let id = ids::read::<ids::Community>(community, "community").map_err(|error| fault(FaultCode::InvalidId, error.as_message()))?;
    let after = position(ctx, after).await?;
    let row = load(RequestContext::of(ctx)?, VisibleCommunity(id)).await?;
    let row = row.ok_or_else(|| fault(FaultCode::NotFound, "There is no such community, or you may not see it. Check the id."))?;
    let wanted = Wanted { subject: Subject::Community(id), seen_by: Some(row.audience), version: 0, after };
    follow(ctx, wanted, |_, happening| Some(CommunityActivity(Activity { happening })))
}
