//! What mutations look up: things that the viewer names by id, and may see.

use super::super::category::Category;
use super::super::community::Community;
use super::super::context::{OrFault, RequestContext};
use super::super::error::UserError;
use super::super::ids;
use super::super::organisation::Organisation;
use super::super::person::Person;
use super::super::post::Post;
use super::super::team::Team;
use super::super::thread::Thread;
use super::Stop;
use async_graphql::ID;
use kernel::{CategoryId, CommunityId, OrganisationId, PersonId, PostId, TeamId, ThreadId};
use projections::communities::community::{self, CommunityRow};
use projections::discussions::category::{self, CategoryRow};
use projections::discussions::post;
use projections::discussions::thread::{self, ThreadRow};
use projections::organisations::organisation::{self, OrganisationRow};
use projections::organisations::person::{self, PersonRow};
use projections::organisations::team::{self, TeamRow};

macro_rules! lookups {
    ($($visible:ident $shown:ident: $view:ident, $named:ident, $id:ty, $row:ty, $node:ty;)*) => {$(
        /// The row of what this id names, if the viewer sees it.
        pub(super) async fn $visible(request: &RequestContext, id: &ID, field: &str) -> Result<$row, Stop> {
            let id = ids::read::<ids::$named>(id, field)?;
            let found = $view::by_ids(&request.viewer(), request.db(), &[id]).await.or_fault()?;
            found.into_iter().next().ok_or_else(|| UserError::not_found(<ids::$named as ids::Named>::KIND, field).into())
        }

        /// The thing as the viewer sees it now, for a payload.
        pub(super) async fn $shown(request: &RequestContext, id: $id) -> async_graphql::Result<Option<$node>> {
            let found = $view::by_ids(&request.viewer(), request.db(), &[id]).await.or_fault()?;
            Ok(found.into_iter().next().map(<$node>::from))
        }
    )*};
}

lookups! {
    visible_organisation shown_organisation: organisation, Organisation, OrganisationId, OrganisationRow, Organisation;
    visible_person shown_person: person, Person, PersonId, PersonRow, Person;
    visible_team shown_team: team, Team, TeamId, TeamRow, Team;
    visible_community shown_community: community, Community, CommunityId, CommunityRow, Community;
    visible_category shown_category: category, Category, CategoryId, CategoryRow, Category;
    visible_thread shown_thread: thread, Thread, ThreadId, ThreadRow, Thread;
}

/// What this id of a post names, if the viewer sees it.
pub(super) async fn visible_post(request: &RequestContext, id: &ID, field: &str) -> Result<(ThreadId, PostId), Stop> {
    let id = ids::read::<ids::Post>(id, field)?;
    let found = post::by_ids(&request.viewer(), request.db(), &[id]).await.or_fault()?;
    if found.is_empty() { Err(UserError::not_found("post", field).into()) } else { Ok(id) }
}

/// A post as the viewer sees it now, for a payload.
pub(super) async fn shown_post(request: &RequestContext, id: (ThreadId, PostId)) -> async_graphql::Result<Option<Post>> {
    let found = post::by_ids(&request.viewer(), request.db(), &[id]).await.or_fault()?;
    Ok(found.into_iter().next().map(Post::from))
}
