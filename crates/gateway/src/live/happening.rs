//! An event of the log as the fan-out knows it: decoded once, with where it belongs and who may see it.

use communities::community;
use discussions::{category, thread};
use events::HubEvent;
use kernel::{CategoryId, CommunityId, PersonId, Recorded, TeamId, ThreadId, Who};
use organisations::{person, team};
use projections::events::Seen;
use std::sync::Arc;

/// What someone follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    /// A thread.
    Thread(ThreadId),
    /// A community, with its categories and threads.
    Community(CommunityId),
    /// What concerns a person: see [`Concern`].
    Inbox(PersonId),
    /// Everything.
    Everything,
}

/// An event, shared by all who are told of it.
#[derive(Debug)]
pub struct Happening {
    /// The event and its place in the log.
    pub recorded: Arc<Recorded<HubEvent>>,
    /// Who may see it, and what is private in it.
    pub seen: Seen,
    /// The community that it belongs to, if it belongs to one.
    pub community: Option<CommunityId>,
}

impl Happening {
    /// Its position.
    pub fn seq(&self) -> u64 {
        self.recorded.seq
    }

    /// The thread that it happened to.
    pub fn thread(&self) -> Option<ThreadId> {
        thread_of(&self.recorded)
    }

    /// Whether whoever follows the subject follows it. For inboxes that needs more than the event: see [`Concern`].
    pub(super) fn belongs_to(&self, subject: Subject) -> bool {
        match subject {
            Subject::Thread(thread) => self.thread() == Some(thread),
            Subject::Community(community) => self.community == Some(community),
            Subject::Everything => true,
            Subject::Inbox(_) => false,
        }
    }

    /// About how many bytes it takes in memory.
    pub(super) fn weight(&self) -> usize {
        // The envelope and what stands in it.
        const ENVELOPE: usize = 600;
        ENVELOPE
            + match &self.recorded.event {
                HubEvent::Thread(event) => written(event),
                HubEvent::Community(community::Event::Founded { .. } | community::Event::CharterAmended { .. }) => 4 * 1024,
                HubEvent::Organisation(_) | HubEvent::Person(_) | HubEvent::Team(_) | HubEvent::Community(_) | HubEvent::Category(_) => 0,
            }
    }
}

fn written(event: &thread::Event) -> usize {
    use thread::Event;
    match event {
        Event::Opened { title, body, .. } => title.len() + body.len(),
        Event::Replied { body, .. } | Event::PostEdited { body, .. } => body.len(),
        Event::Retitled { title } => title.len(),
        Event::Locked
        | Event::Unlocked
        | Event::Closed { .. }
        | Event::Reopened
        | Event::AnswerMarked { .. }
        | Event::AnswerUnmarked { .. }
        | Event::Reacted { .. }
        | Event::ReactionWithdrawn { .. }
        | Event::Upvoted { .. }
        | Event::UpvoteWithdrawn { .. } => 0,
    }
}

/// The thread that an event happened to.
pub(super) fn thread_of(recorded: &Recorded<HubEvent>) -> Option<ThreadId> {
    match &recorded.event {
        HubEvent::Thread(_) => Some(ThreadId(recorded.stream.id)),
        HubEvent::Organisation(_) | HubEvent::Person(_) | HubEvent::Team(_) | HubEvent::Community(_) | HubEvent::Category(_) => None,
    }
}

/// The community that an event belongs to, as far as the event itself tells.
pub(super) enum Belonging {
    To(CommunityId),
    /// To the community of this thread.
    AsThread(ThreadId),
    /// To the community of this category.
    AsCategory(CategoryId),
    /// To none.
    Nowhere,
}

impl Belonging {
    pub(super) fn of(recorded: &Recorded<HubEvent>) -> Self {
        let id = recorded.stream.id;
        match &recorded.event {
            HubEvent::Community(_) => Self::To(CommunityId(id)),
            HubEvent::Category(category::Event::Opened { community, .. }) | HubEvent::Thread(thread::Event::Opened { community, .. }) => {
                Self::To(*community)
            }
            HubEvent::Category(_) => Self::AsCategory(CategoryId(id)),
            HubEvent::Thread(_) => Self::AsThread(ThreadId(id)),
            HubEvent::Organisation(_) | HubEvent::Person(_) | HubEvent::Team(_) => Self::Nowhere,
        }
    }
}

/// Whom an event concerns, so that it comes into their inbox. What someone did concerns everyone but that one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Concern {
    /// This person: a membership, a role or a team of theirs.
    Person(PersonId),
    /// Whoever had opened the thread or posted in it before.
    Participants(ThreadId),
    /// Whoever belonged to the team at its end.
    Members(TeamId),
    /// No one in particular.
    NoOne,
}

impl Concern {
    /// Whom it concerns.
    pub fn of(recorded: &Recorded<HubEvent>) -> Self {
        let id = recorded.stream.id;
        match &recorded.event {
            HubEvent::Thread(_) => Self::Participants(ThreadId(id)),
            HubEvent::Community(event) => match event {
                community::Event::MemberJoined { person, .. }
                | community::Event::MemberLeft { person }
                | community::Event::MemberKindChanged { person, .. }
                | community::Event::CoordinatorAppointed { person }
                | community::Event::CoordinatorReleased { person } => Self::Person(*person),
                community::Event::Founded { .. }
                | community::Event::CharterAmended { .. }
                | community::Event::OpenedToJoiners
                | community::Event::ClosedToJoiners
                | community::Event::OrganisationJoined { .. }
                | community::Event::OrganisationLeft { .. }
                | community::Event::Archived { .. } => Self::NoOne,
            },
            HubEvent::Team(event) => match event {
                team::Event::MemberAdded { person } | team::Event::MemberRemoved { person } => Self::Person(*person),
                team::Event::Disbanded => Self::Members(TeamId(id)),
                team::Event::Formed { .. } | team::Event::Renamed { .. } => Self::NoOne,
            },
            HubEvent::Person(event) => match event {
                person::Event::RoleGranted { .. }
                | person::Event::RoleRevoked { .. }
                | person::Event::Suspended { .. }
                | person::Event::Reinstated => Self::Person(PersonId(id)),
                person::Event::Joined { .. }
                | person::Event::PlaceholderCreated { .. }
                | person::Event::ProfileChanged { .. }
                | person::Event::TokenIssued { .. }
                | person::Event::TokenRevoked { .. }
                | person::Event::Erased => Self::NoOne,
            },
            HubEvent::Organisation(_) | HubEvent::Category(_) => Self::NoOne,
        }
    }
}

/// The person who did it, unless the hub itself did.
pub fn actor(recorded: &Recorded<HubEvent>) -> Option<PersonId> {
    match recorded.meta.actor {
        Who::Person(person) => Some(person),
        Who::System(_) => None,
    }
}
