//! By whose visibility each event goes, and what it concerns within its aggregate.
//!
//! **To add a new event:** the compiler asks for its rule in [`of`] and for its part in [`part`].

use ::communities::community;
use ::discussions::{category, thread};
use ::organisations::{organisation, person, team};
use events::{HubEvent, samples};
use kernel::PersonId;
use std::sync::LazyLock;
use uuid::Uuid;

/// By whose visibility an event goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Whoever sees the thing that it happened to.
    Thing,
    /// Whoever sees both the thing and this person; the person always.
    Membership(PersonId),
    /// The person that it happened to, and who did it.
    Private,
}

/// The rule for this event.
pub fn of(event: &HubEvent) -> Rule {
    match event {
        HubEvent::Organisation(event) => match event {
            organisation::Event::Registered { .. }
            | organisation::Event::Renamed { .. }
            | organisation::Event::Suspended { .. }
            | organisation::Event::Reinstated
            | organisation::Event::ProviderRegistered { .. }
            | organisation::Event::ProviderDisabled { .. }
            | organisation::Event::ProviderEnabled { .. }
            | organisation::Event::ProviderRemoved { .. } => Rule::Thing,
        },
        HubEvent::Person(event) => match event {
            // That it happened shows on the person; the personal values in it are private.
            person::Event::Joined { .. }
            | person::Event::PlaceholderCreated { .. }
            | person::Event::Suspended { .. }
            | person::Event::Reinstated
            | person::Event::Erased => Rule::Thing,
            // Roles and tokens are shown to the person alone, and so is how a profile changed.
            person::Event::ProfileChanged { .. }
            | person::Event::RoleGranted { .. }
            | person::Event::RoleRevoked { .. }
            | person::Event::TokenIssued { .. }
            | person::Event::TokenRevoked { .. } => Rule::Private,
        },
        HubEvent::Team(event) => match event {
            team::Event::Formed { .. }
            | team::Event::Renamed { .. }
            | team::Event::MemberAdded { .. }
            | team::Event::MemberRemoved { .. }
            | team::Event::Disbanded => Rule::Thing,
        },
        HubEvent::Community(event) => match event {
            community::Event::Founded { .. }
            | community::Event::CharterAmended { .. }
            | community::Event::OpenedToJoiners
            | community::Event::ClosedToJoiners
            | community::Event::OrganisationJoined { .. }
            | community::Event::OrganisationLeft { .. }
            // Coordinators are listed with the community; those not seen by name come masked.
            | community::Event::CoordinatorAppointed { .. }
            | community::Event::CoordinatorReleased { .. }
            | community::Event::Archived { .. } => Rule::Thing,
            community::Event::MemberJoined { person, .. }
            | community::Event::MemberLeft { person }
            | community::Event::MemberKindChanged { person, .. } => Rule::Membership(*person),
        },
        HubEvent::Category(event) => match event {
            category::Event::Opened { .. }
            | category::Event::Described { .. }
            | category::Event::Reordered { .. }
            | category::Event::Closed => Rule::Thing,
        },
        HubEvent::Thread(event) => match event {
            thread::Event::Opened { .. }
            | thread::Event::Replied { .. }
            | thread::Event::Retitled { .. }
            | thread::Event::PostEdited { .. }
            | thread::Event::Locked
            | thread::Event::Unlocked
            | thread::Event::Closed { .. }
            | thread::Event::Reopened
            | thread::Event::AnswerMarked { .. }
            | thread::Event::AnswerUnmarked { .. }
            | thread::Event::Reacted { .. }
            | thread::Event::ReactionWithdrawn { .. }
            | thread::Event::Upvoted { .. }
            | thread::Event::UpvoteWithdrawn { .. } => Rule::Thing,
        },
    }
}

/// What an event concerns within its aggregate, as the database's function `log.part` finds it: the post of a thread, the member of
/// a community or team, the provider of an organisation, the token of a person. None where it concerns the aggregate as a whole.
pub fn part(event: &HubEvent) -> Option<Uuid> {
    match event {
        HubEvent::Organisation(event) => match event {
            organisation::Event::Registered { .. }
            | organisation::Event::Renamed { .. }
            | organisation::Event::Suspended { .. }
            | organisation::Event::Reinstated => None,
            organisation::Event::ProviderRegistered { provider, .. }
            | organisation::Event::ProviderDisabled { provider }
            | organisation::Event::ProviderEnabled { provider }
            | organisation::Event::ProviderRemoved { provider } => Some(provider.uuid()),
        },
        HubEvent::Person(event) => match event {
            person::Event::Joined { identity, .. } => Some(identity.provider.uuid()),
            person::Event::TokenIssued { token, .. } | person::Event::TokenRevoked { token } => Some(token.uuid()),
            person::Event::PlaceholderCreated { .. }
            | person::Event::ProfileChanged { .. }
            | person::Event::RoleGranted { .. }
            | person::Event::RoleRevoked { .. }
            | person::Event::Suspended { .. }
            | person::Event::Reinstated
            | person::Event::Erased => None,
        },
        HubEvent::Team(event) => match event {
            team::Event::MemberAdded { person } | team::Event::MemberRemoved { person } => Some(person.uuid()),
            team::Event::Formed { .. } | team::Event::Renamed { .. } | team::Event::Disbanded => None,
        },
        HubEvent::Community(event) => match event {
            community::Event::MemberJoined { person, .. }
            | community::Event::MemberLeft { person }
            | community::Event::MemberKindChanged { person, .. }
            | community::Event::CoordinatorAppointed { person }
            | community::Event::CoordinatorReleased { person } => Some(person.uuid()),
            community::Event::Founded { .. }
            | community::Event::CharterAmended { .. }
            | community::Event::OpenedToJoiners
            | community::Event::ClosedToJoiners
            | community::Event::OrganisationJoined { .. }
            | community::Event::OrganisationLeft { .. }
            | community::Event::Archived { .. } => None,
        },
        HubEvent::Category(event) => match event {
            category::Event::Opened { .. }
            | category::Event::Described { .. }
            | category::Event::Reordered { .. }
            | category::Event::Closed => None,
        },
        HubEvent::Thread(event) => match event {
            thread::Event::Opened { post, .. }
            | thread::Event::Replied { post, .. }
            | thread::Event::PostEdited { post, .. }
            | thread::Event::AnswerMarked { post }
            | thread::Event::AnswerUnmarked { post }
            | thread::Event::Reacted { post, .. }
            | thread::Event::ReactionWithdrawn { post, .. }
            | thread::Event::Upvoted { post, .. }
            | thread::Event::UpvoteWithdrawn { post, .. } => Some(post.uuid()),
            thread::Event::Retitled { .. }
            | thread::Event::Locked
            | thread::Event::Unlocked
            | thread::Event::Closed { .. }
            | thread::Event::Reopened => None,
        },
    }
}

fn kinds(of_them: fn(&HubEvent) -> bool) -> Vec<String> {
    samples().iter().filter(|event| of_them(event)).map(|event| event.wire().kind()).collect()
}

/// The kinds of events that go by [`Rule::Private`].
pub(super) static PRIVATE: LazyLock<Vec<String>> = LazyLock::new(|| kinds(|event| of(event) == Rule::Private));
/// The kinds of events that go by [`Rule::Membership`].
pub(super) static MEMBERSHIP: LazyLock<Vec<String>> = LazyLock::new(|| kinds(|event| matches!(of(event), Rule::Membership(_))));
/// The kinds of events that concern a post.
pub(super) static OF_POSTS: LazyLock<Vec<String>> =
    LazyLock::new(|| kinds(|event| matches!(event, HubEvent::Thread(_)) && part(event).is_some()));
