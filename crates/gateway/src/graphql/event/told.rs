//! The events that a mutation's answer tells of: those of its command, and those that made it too late.

use super::super::context::{OrFault, RequestContext};
use super::super::later::Later;
use super::Event;
use super::history::{of_stream, shown};
use ::events::HubEvent;
use async_graphql::Result;
use communities::community;
use kernel::{CommunityId, OrganisationId, Recorded, StreamId, Token, Viewer};
use organisations::{organisation, person};
use std::sync::Arc;

/// The most events that a conflict tells of.
const MOST_CHANGES: u64 = 20;

/// The events of a command.
#[derive(Clone, Debug, Default)]
pub enum Told {
    /// None: it was refused, or it was so already.
    #[default]
    Nothing,
    /// Those that stand in the log: of a stream, from one version to another.
    Written(StreamId, u64, u64),
    /// Those that would be written.
    Planned(Vec<Recorded<HubEvent>>),
}

impl Later for Told {
    type Shown = Vec<Event>;

    async fn read(&self, request: &Arc<RequestContext>) -> Result<Vec<Event>> {
        match self {
            Self::Nothing => Ok(Vec::new()),
            Self::Written(stream, first, last) => of_stream(request, stream, *first, *last).await,
            Self::Planned(events) => {
                let viewer = afterwards(request.viewer(), events);
                Ok(shown(&viewer, request.db(), events.clone()).await.or_fault()?.into_iter().map(|(_, event)| event).collect())
            }
        }
    }
}

/// The viewer as these events would leave them: what a command would do is shown to whoever would see it once it is done.
fn afterwards(viewer: Viewer, events: &[Recorded<HubEvent>]) -> Viewer {
    let Some(oneself) = viewer.person else { return viewer };
    events.iter().fold(viewer, |viewer, recorded| {
        let community = Token::Community(CommunityId(recorded.stream.id));
        let Viewer { person, organisation, grants } = viewer;
        let grants = match &recorded.event {
            HubEvent::Community(community::Event::MemberJoined { person, .. }) if *person == oneself => grants.and(community),
            HubEvent::Community(community::Event::MemberLeft { person }) if *person == oneself => grants.without(community),
            HubEvent::Person(person::Event::Erased) if recorded.stream.id == oneself.0 => return Viewer::stranger(),
            HubEvent::Organisation(organisation::Event::Suspended { .. }) if Some(OrganisationId(recorded.stream.id)) == organisation => {
                return Viewer::stranger();
            }
            HubEvent::Organisation(_)
            | HubEvent::Person(_)
            | HubEvent::Team(_)
            | HubEvent::Community(_)
            | HubEvent::Category(_)
            | HubEvent::Thread(_) => grants,
        };
        Viewer { person, organisation, grants }
    })
}

/// What has happened to something since a version: the latest events, the newest last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Since(Option<Box<(StreamId, u64, u64)>>);

impl Since {
    /// After the version that was expected, up to the one that was found.
    pub fn version(stream: StreamId, expected: u64, found: u64) -> Self {
        Self(Some(Box::new((stream, expected, found))))
    }
}

impl Later for Since {
    type Shown = Vec<Event>;

    async fn read(&self, request: &Arc<RequestContext>) -> Result<Vec<Event>> {
        let Some((stream, expected, found)) = self.0.as_deref() else { return Ok(Vec::new()) };
        // Where a version was expected that is still to come, this is no range, and nothing has happened since.
        let first = (expected + 1).max((found + 1).saturating_sub(MOST_CHANGES));
        of_stream(request, stream, first, *found).await
    }
}
