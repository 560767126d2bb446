//! Everything that someone may see.

use super::following::{follow, position};
use crate::graphql::event::Event;
use crate::live::{Subject, Wanted};
use async_graphql::{Context, Result};
use futures::Stream;
use std::sync::Arc;

/// Follows everything.
pub(super) async fn my_events(ctx: &Context<'_>, after: Option<String>) -> Result<impl Stream<Item = Result<Event>> + use<>> {
    let after = position(ctx, after).await?;
    let wanted = Wanted { subject: Subject::Everything, seen_by: None, version: 0, after };
    follow(ctx, wanted, |viewer, happening| Event::shown(viewer, Arc::clone(&happening.recorded), &happening.seen))
}
