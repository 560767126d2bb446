//! What became of a command, and what it was about.

use super::super::event::Told;
use crate::caller::ConsistencyToken;
use events::HubEvent;
use kernel::{CategoryId, CommunityId, OrganisationId, PersonId, PostId, Recorded, TeamId, ThreadId, TokenId};
use projections::events::rule;
use uuid::Uuid;

/// What a command is about: the aggregate that it goes to, and perhaps a part of it. The payload shows it.
pub(super) trait About: Copy + Send + Sync {
    /// The aggregate.
    fn target(&self) -> Uuid;

    /// What a command was about that was carried out before: by its stream and its events. None if that cannot be told.
    fn of(stream: Uuid, events: &[Recorded<HubEvent>]) -> Option<Self>;
}

macro_rules! about_aggregates {
    ($($id:ty),*) => {$(
        impl About for $id {
            fn target(&self) -> Uuid {
                self.0
            }
            fn of(stream: Uuid, _events: &[Recorded<HubEvent>]) -> Option<Self> {
                Some(stream.into())
            }
        }
    )*};
}
about_aggregates!(OrganisationId, PersonId, TeamId, CommunityId, CategoryId);

/// A thread, and the post that was written, edited or marked.
impl About for (ThreadId, Option<PostId>) {
    fn target(&self) -> Uuid {
        self.0.uuid()
    }
    fn of(stream: Uuid, events: &[Recorded<HubEvent>]) -> Option<Self> {
        Some((stream.into(), events.iter().find_map(|recorded| rule::part(&recorded.event)).map(PostId)))
    }
}

/// A person, and an API token of theirs.
impl About for (PersonId, TokenId) {
    fn target(&self) -> Uuid {
        self.0.uuid()
    }
    fn of(stream: Uuid, events: &[Recorded<HubEvent>]) -> Option<Self> {
        Some((stream.into(), TokenId(events.iter().find_map(|recorded| rule::part(&recorded.event))?)))
    }
}

/// A command that went through, or would.
pub(super) struct Outcome<K> {
    /// What it was about.
    pub(super) of: K,
    /// What is told of it.
    pub(super) done: Done,
}

/// What every payload tells of a command that went through, or would.
#[derive(Default)]
pub(super) struct Done {
    /// Its events.
    pub(super) events: Told,
    /// Where the log stands with them.
    pub(super) token: Option<ConsistencyToken>,
}
