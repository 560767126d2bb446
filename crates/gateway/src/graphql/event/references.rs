//! What events name by its id, as it is now and as far as the viewer sees it. Everything goes through the loaders, so that lists of
//! events cost no more statements than one event.

use super::super::category::Category;
use super::super::community::Community;
use super::super::context::RequestContext;
use super::super::later::Later;
use super::super::organisation::{IdentityProvider, Organisation};
use super::super::person::Person;
use super::super::post::Post;
use super::super::team::Team;
use super::super::thread::Thread;
use super::super::views::{CategoryOf, CommunityOf, OrganisationOf, PersonOf, PostOf, ProvidersOf, TeamOf, ThreadOf, load};
use async_graphql::Result;
use kernel::{CategoryId, CommunityId, OrganisationId, PersonId, PostId, ProviderId, TeamId, ThreadId};
use std::sync::Arc;

macro_rules! references {
    ($($id:ty => $node:ty: $key:expr;)*) => {$(
        impl Later for $id {
            type Shown = Option<$node>;
            async fn read(&self, request: &Arc<RequestContext>) -> Result<Option<$node>> {
                Ok(load(request, $key(*self)).await?.map(<$node>::from))
            }
        }
    )*};
}

references! {
    OrganisationId => Organisation: OrganisationOf;
    // Masked where not for the viewer, as everywhere a row that is seen refers to them.
    PersonId => Person: PersonOf;
    CommunityId => Community: CommunityOf;
    CategoryId => Category: CategoryOf;
    TeamId => Team: TeamOf;
    ThreadId => Thread: ThreadOf;
    (ThreadId, PostId) => Post: PostOf;
}

/// What may be named and need not be.
impl<K: Later<Shown = Option<T>>, T: async_graphql::OutputType> Later for Option<K> {
    type Shown = Option<T>;
    async fn read(&self, request: &Arc<RequestContext>) -> Result<Option<T>> {
        match self {
            Some(key) => key.read(request).await,
            None => Ok(None),
        }
    }
}

impl Later for (OrganisationId, ProviderId) {
    type Shown = Option<IdentityProvider>;
    async fn read(&self, request: &Arc<RequestContext>) -> Result<Option<IdentityProvider>> {
        let providers = load(request, ProvidersOf(self.0)).await?.unwrap_or_default();
        Ok(providers.into_iter().find(|provider| provider.id == self.1).map(IdentityProvider::from))
    }
}
