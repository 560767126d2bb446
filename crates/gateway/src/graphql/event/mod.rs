//! What happened, told with types: every event of the log has an object type of its own, and all are an [`Event`].
//!
//! Who may see an event is decided in `projections::events`, and nowhere here; [`Event::shown`] holds its answer against a viewer in
//! memory, so that one reading of the log can serve any number of followers.
//!
//! **To add an event:** in the file of its aggregate here, give it a type in `typed!` (a sentence for the type and for each field;
//! what it names by an id is a [`ReadLater`](super::later::ReadLater)), an arm in `typed`, which events set the same thing before it
//! in `setters`, and what it changes in `changes`; and add the type's name to [`events!`]. The compiler names each place. A field that several
//! events have is of one type in all of them, and is not called like a field of [`Event`]; a test holds that.

#[macro_use]
mod typed;

mod category;
mod change;
mod community;
mod happening;
pub mod history;
mod organisation;
mod person;
mod references;
mod team;
mod thread;
mod told;

pub use change::Change;
pub use happening::Happening;
pub(super) use history::history;
pub use history::visible;
pub use told::{Since, Told};

use super::organisation::Organisation;
use super::person::Person;
use super::query::Node;
use ::events::HubEvent;
use async_graphql::{ID, Interface};
use category::{CategoryClosedEvent, CategoryDescribedEvent, CategoryOpenedEvent, CategoryReorderedEvent};
use chrono::{DateTime, Utc};
use community::{
    CommunityArchivedEvent, CommunityCharterAmendedEvent, CommunityClosedToJoinersEvent, CommunityCoordinatorAppointedEvent,
    CommunityCoordinatorReleasedEvent, CommunityFoundedEvent, CommunityMemberJoinedEvent, CommunityMemberKindChangedEvent,
    CommunityMemberLeftEvent, CommunityOpenedToJoinersEvent, CommunityOrganisationJoinedEvent, CommunityOrganisationLeftEvent,
};
use kernel::{Recorded, Viewer};
use organisation::{
    OrganisationProviderDisabledEvent, OrganisationProviderEnabledEvent, OrganisationProviderRegisteredEvent,
    OrganisationProviderRemovedEvent, OrganisationRegisteredEvent, OrganisationReinstatedEvent, OrganisationRenamedEvent,
    OrganisationSuspendedEvent,
};
use person::{
    PersonErasedEvent, PersonJoinedEvent, PersonPlaceholderCreatedEvent, PersonProfileChangedEvent, PersonReinstatedEvent,
    PersonRoleGrantedEvent, PersonRoleRevokedEvent, PersonSuspendedEvent, PersonTokenIssuedEvent, PersonTokenRevokedEvent,
};
use projections::events::Seen;
use std::sync::Arc;
use team::{TeamDisbandedEvent, TeamFormedEvent, TeamMemberAddedEvent, TeamMemberRemovedEvent, TeamRenamedEvent};
use thread::{
    ThreadAnswerMarkedEvent, ThreadAnswerUnmarkedEvent, ThreadClosedEvent, ThreadLockedEvent, ThreadOpenedEvent, ThreadPostEditedEvent,
    ThreadReactedEvent, ThreadReactionWithdrawnEvent, ThreadReopenedEvent, ThreadRepliedEvent, ThreadRetitledEvent, ThreadUnlockedEvent,
    ThreadUpvoteWithdrawnEvent, ThreadUpvotedEvent,
};
use uuid::Uuid;

/// The interface over the types of events.
macro_rules! events {
    ($($event:ident,)*) => {
        /// Something that happened, as the log keeps it for ever. Every kind of event has a type of its own, with fields of its own.
        #[derive(Clone, Debug, Interface)]
        #[graphql(
            field(name = "id", ty = "ID", desc = "Its id: opaque, and the same for ever."),
            field(name = "type", method = "kind", ty = "String",
                desc = "Its name and version on the wire, such as `hub.discussions.thread_opened.v1`."),
            field(name = "position", ty = "Option<String>",
                desc = "Its place in the log of the whole hub; null where it has none (yet)."),
            field(name = "version", ty = "i32", desc = "Its place among the events of the thing that it happened to, from 1."),
            field(name = "occurred_at", ty = "DateTime<Utc>",
                desc = "When it happened; for imported content, at its source."),
            field(name = "recorded_at", ty = "DateTime<Utc>", desc = "When the hub took it in."),
            field(name = "actor", ty = "Option<Person>", desc = "Who did it; null if the hub itself did."),
            field(name = "organisation", ty = "Option<Organisation>",
                desc = "The organisation for which it was done; null if the hub itself did it."),
            field(name = "command", ty = "Uuid", desc = "The “commandId” of the command that it followed from."),
            field(name = "correlation", ty = "Uuid",
                desc = "What ties together all that followed from one first cause: the id of the first command."),
            field(name = "cause", ty = "Option<ID>", desc = "The id of the event that the hub reacted to by this one, if it did."),
            field(name = "subject", ty = "Option<Node>", desc = "What it happened to, as it is now; null if you do not see it."),
            field(name = "changes", ty = "Vec<Change>",
                desc = "What it changed, field by field, as far as that is for you to see.")
        )]
        pub enum Event {
            $(
                #[doc = concat!("A [`", stringify!($event), "`].")]
                $event($event),
            )*
        }

        #[cfg(test)]
        const TYPES: &[&str] = &[$(stringify!($event)),*];
    };
}

events! {
    OrganisationRegisteredEvent, OrganisationRenamedEvent, OrganisationSuspendedEvent, OrganisationReinstatedEvent,
    OrganisationProviderRegisteredEvent, OrganisationProviderDisabledEvent, OrganisationProviderEnabledEvent,
    OrganisationProviderRemovedEvent,
    PersonJoinedEvent, PersonPlaceholderCreatedEvent, PersonProfileChangedEvent, PersonRoleGrantedEvent, PersonRoleRevokedEvent,
    PersonSuspendedEvent, PersonReinstatedEvent, PersonTokenIssuedEvent, PersonTokenRevokedEvent, PersonErasedEvent,
    TeamFormedEvent, TeamRenamedEvent, TeamMemberAddedEvent, TeamMemberRemovedEvent, TeamDisbandedEvent,
    CommunityFoundedEvent, CommunityCharterAmendedEvent, CommunityOpenedToJoinersEvent, CommunityClosedToJoinersEvent,
    CommunityOrganisationJoinedEvent, CommunityOrganisationLeftEvent, CommunityMemberJoinedEvent, CommunityMemberLeftEvent,
    CommunityMemberKindChangedEvent, CommunityCoordinatorAppointedEvent, CommunityCoordinatorReleasedEvent, CommunityArchivedEvent,
    CategoryOpenedEvent, CategoryDescribedEvent, CategoryReorderedEvent, CategoryClosedEvent,
    ThreadOpenedEvent, ThreadRepliedEvent, ThreadRetitledEvent, ThreadPostEditedEvent, ThreadLockedEvent, ThreadUnlockedEvent,
    ThreadClosedEvent, ThreadReopenedEvent, ThreadAnswerMarkedEvent, ThreadAnswerUnmarkedEvent, ThreadReactedEvent,
    ThreadReactionWithdrawnEvent, ThreadUpvotedEvent, ThreadUpvoteWithdrawnEvent,
}

/// Which earlier events of the same stream set what an event changes.
#[derive(Clone, Copy, Debug)]
struct Setters {
    kinds: &'static [&'static str],
    from_the_start: bool,
}

impl Setters {
    /// Events of these kinds, about the same part of the aggregate.
    fn of(kinds: &'static [&'static str]) -> Self {
        Self { kinds, from_the_start: false }
    }

    /// Events of these kinds, or the first event of all, which brought the thing into being.
    fn from_the_start(kinds: &'static [&'static str]) -> Self {
        Self { kinds, from_the_start: true }
    }
}

impl Event {
    /// The event as this viewer may see it, if at all; `seen` says who may, as `projections::events::audiences` found it.
    pub fn shown(viewer: &Viewer, recorded: Arc<Recorded<HubEvent>>, seen: &Seen) -> Option<Self> {
        if !viewer.sees(&seen.audience) {
            return None;
        }
        let private = viewer.sees(&seen.private);
        Some(Self::typed(Happening::new(recorded, private)))
    }

    fn typed(of: Happening) -> Self {
        let recorded = of.recorded();
        match &recorded.event {
            HubEvent::Organisation(event) => organisation::typed(of, event),
            HubEvent::Person(event) => person::typed(of, event),
            HubEvent::Team(event) => team::typed(of, event),
            HubEvent::Community(event) => community::typed(of, event),
            HubEvent::Category(event) => category::typed(of, event),
            HubEvent::Thread(event) => thread::typed(of, event),
        }
    }
}

#[cfg(test)]
mod tests;
