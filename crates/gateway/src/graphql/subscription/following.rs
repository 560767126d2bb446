//! Following something from a resolver: the position to go on from, and the stream of what happens.

use crate::graphql::context::RequestContext;
use crate::graphql::error::{FaultCode, fault};
use crate::live::{Happening, Unreadable, Wanted};
use crate::streaming::Following;
use async_graphql::{Context, Error, Result};
use futures::Stream;
use kernel::Viewer;
use std::sync::Arc;

/// The position to go on from, as a client gave it. It must be one that the log has come to: whoever goes on from a position of
/// another hub, or of one that was since restored from a backup, would wait for events that never come.
pub(super) async fn position(ctx: &Context<'_>, after: Option<String>) -> Result<Option<u64>> {
    let Some(after) = after else { return Ok(None) };
    let unknown = || {
        let message = "“after” is no position of this hub. Take positions from the API's answers, unchanged.";
        fault(FaultCode::InvalidArgument, message)
    };
    let position = after.parse::<u64>().map_err(|_| unknown())?;
    let reached = RequestContext::of(ctx)?.backend().live.reaches(position).await.map_err(|error| {
        tracing::warn!(%error, "the end of the log cannot be read");
        unavailable(None)
    })?;
    if reached { Ok(Some(position)) } else { Err(unknown()) }
}

/// What happens, each shown as it comes. If it cannot be read, that is told once with the position to go on from, and it ends.
pub(super) fn follow<T: 'static>(
    ctx: &Context<'_>,
    wanted: Wanted,
    show: fn(&Viewer, Arc<Happening>) -> Option<T>,
) -> Result<impl Stream<Item = Result<T>> + use<T>> {
    let request = RequestContext::of(ctx)?;
    let (live, common) = (&request.backend().live, request.common().cloned());
    let following = ctx.data::<Following>()?;
    let follower = live.follower(Arc::clone(&following.held), wanted, following.place.clone());
    Ok(futures::stream::unfold(Some((follower, common)), move |following| async move {
        let (mut follower, common) = following?;
        loop {
            match follower.next().await {
                Ok(Some(happening)) => {
                    if let Some(common) = &common {
                        common.show(&happening.seen.audience);
                    }
                    if let Some(shown) = show(&follower.viewer(), happening) {
                        return Some((Ok(shown), Some((follower, common))));
                    }
                }
                Ok(None) => return None,
                Err(Unreadable { position, .. }) => return Some((Err(unavailable(Some(position))), None)),
            }
        }
    }))
}

fn unavailable(position: Option<u64>) -> Error {
    let message = "Live updates are not available at the moment. Subscribe again, from the last position you have seen.";
    let mut error = fault(FaultCode::Unavailable, message);
    if let Some(position) = position {
        error.extensions.get_or_insert_default().set("position", position.to_string());
    }
    error
}
