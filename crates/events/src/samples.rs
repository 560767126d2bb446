//! One sample of every event, for tests, golden files and documentation.
//!
//! Each aggregate's samples are a chain: a function leads from one sample to the next by an exhaustive match, so
//! that the compiler names an event that was forgotten, and a test finds one that is not reached.

use crate::HubEvent;
use communities::charter::{Charter, Clause};
use communities::community::{self, MemberKind};
use discussions::category::{self, Format};
use discussions::thread::{self, CloseReason, Reaction};
use kernel::{
    Audience, CategoryId, CommunityId, OrganisationId, PersonId, Personal, PostId, ProviderId, TeamId, ThreadId, Timestamp, TokenId,
};
use organisations::person::{GrantedRole, Identity, TokenScope};
use organisations::{organisation, person, team};
use uuid::Uuid;

/// A sample of every event there is, with made-up content.
pub fn samples() -> Vec<HubEvent> {
    let mut all = Vec::new();
    all.extend(chain(first_of_organisation(), after_organisation).map(HubEvent::Organisation));
    all.extend(chain(first_of_person(), after_person).map(HubEvent::Person));
    all.extend(chain(first_of_team(), after_team).map(HubEvent::Team));
    all.extend(chain(first_of_community(), after_community).map(HubEvent::Community));
    all.extend(chain(first_of_category(), after_category).map(HubEvent::Category));
    all.extend(chain(first_of_thread(), after_thread).map(HubEvent::Thread));
    all
}

fn chain<E>(first: E, after: fn(&E) -> Option<E>) -> impl Iterator<Item = E> {
    std::iter::successors(Some(first), after)
}

/// A made-up id: version 7, told apart by its last digits.
fn id<T: From<Uuid>>(number: u128) -> T {
    Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + number).into()
}

fn organisation() -> OrganisationId {
    id(1)
}
fn provider() -> ProviderId {
    id(2)
}
fn person() -> PersonId {
    id(3)
}
fn team() -> TeamId {
    id(4)
}
fn community() -> CommunityId {
    id(5)
}
fn category() -> CategoryId {
    id(6)
}
fn opening_post() -> PostId {
    id(8)
}
fn post() -> PostId {
    id(9)
}

fn first_of_organisation() -> organisation::Event {
    organisation::Event::Registered { slug: "harbour-office".into(), name: "Harbour Office".into() }
}

fn after_organisation(event: &organisation::Event) -> Option<organisation::Event> {
    use organisation::Event;
    match event {
        Event::Registered { .. } => Some(Event::Renamed { name: "Harbour and Tides Office".into() }),
        Event::Renamed { .. } => Some(Event::Suspended { reason: "The agreement ran out.".into() }),
        Event::Suspended { .. } => Some(Event::Reinstated),
        Event::Reinstated => Some(Event::ProviderRegistered {
            provider: provider(),
            name: "Staff sign-in".into(),
            issuer: "https://id.harbour.example/realms/staff".into(),
            client_id: "hub".into(),
            scopes: vec!["profile".into(), "email".into()],
        }),
        Event::ProviderRegistered { .. } => Some(Event::ProviderDisabled { provider: provider() }),
        Event::ProviderDisabled { .. } => Some(Event::ProviderEnabled { provider: provider() }),
        Event::ProviderEnabled { .. } => Some(Event::ProviderRemoved { provider: provider() }),
        Event::ProviderRemoved { .. } => None,
    }
}

fn first_of_person() -> person::Event {
    person::Event::Joined {
        organisation: organisation(),
        identity: Identity {
            provider: provider(),
            issuer: "https://id.harbour.example/realms/staff".into(),
            subject: Personal::from("f3c1".to_owned()),
        },
        name: Personal::from("Robin Quay".to_owned()),
        email: Some(Personal::from("robin.quay@harbour.example".to_owned())),
    }
}

fn after_person(event: &person::Event) -> Option<person::Event> {
    use person::Event;
    match event {
        Event::Joined { .. } => Some(Event::PlaceholderCreated {
            source: "github".into(),
            handle: Personal::from("samtide".to_owned()),
            name: Personal::from("Sam Tide".to_owned()),
        }),
        Event::PlaceholderCreated { .. } => Some(Event::ProfileChanged {
            name: Personal::from("Robin Quay".to_owned()),
            about: Personal::from("Keeps the lights on.".to_owned()),
        }),
        Event::ProfileChanged { .. } => Some(Event::RoleGranted { role: GrantedRole::OrganisationAdmin }),
        Event::RoleGranted { .. } => Some(Event::RoleRevoked { role: GrantedRole::Steward }),
        Event::RoleRevoked { .. } => Some(Event::Suspended { reason: "Long leave.".into() }),
        Event::Suspended { .. } => Some(Event::Reinstated),
        Event::Reinstated => Some(Event::TokenIssued {
            token: token(),
            name: "Nightly export".into(),
            scope: TokenScope::Read,
            expires_at: moment(1_780_000_000),
        }),
        Event::TokenIssued { .. } => Some(Event::TokenRevoked { token: token() }),
        Event::TokenRevoked { .. } => Some(Event::Erased),
        Event::Erased => None,
    }
}

fn token() -> TokenId {
    id(10)
}

fn moment(seconds: i64) -> Timestamp {
    Timestamp::from_timestamp(seconds, 0).expect("a moment within the calendar")
}

fn first_of_team() -> team::Event {
    team::Event::Formed { organisation: organisation(), name: "Platform".into() }
}

fn after_team(event: &team::Event) -> Option<team::Event> {
    use team::Event;
    match event {
        Event::Formed { .. } => Some(Event::Renamed { name: "Platform and Tools".into() }),
        Event::Renamed { .. } => Some(Event::MemberAdded { person: person() }),
        Event::MemberAdded { .. } => Some(Event::MemberRemoved { person: person() }),
        Event::MemberRemoved { .. } => Some(Event::Disbanded),
        Event::Disbanded => None,
    }
}

fn charter() -> Charter {
    Charter {
        purpose: Clause::Stated("Share what we learn about secure engineering.".into()),
        goals: Clause::Stated("One show-and-tell a month.".into()),
        scope: Clause::default(),
        sponsor: Clause::ToBeConfirmed("TBC who".into()),
        format: Clause::default(),
        cadence: Clause::Stated("Monthly.".into()),
    }
}

fn first_of_community() -> community::Event {
    community::Event::Founded {
        slug: "secure-engineering".into(),
        name: "Secure Engineering".into(),
        subject: "Building software that withstands".into(),
        home: organisation(),
        audience: Audience::members(),
        charter: charter(),
        core_members: community::CORE_MEMBERS,
    }
}

fn after_community(event: &community::Event) -> Option<community::Event> {
    use community::Event;
    match event {
        Event::Founded { .. } => Some(Event::CharterAmended { charter: charter(), summary: "A monthly cadence".into() }),
        Event::CharterAmended { .. } => Some(Event::OpenedToJoiners),
        Event::OpenedToJoiners => Some(Event::ClosedToJoiners),
        Event::ClosedToJoiners => Some(Event::OrganisationJoined { organisation: organisation() }),
        Event::OrganisationJoined { .. } => Some(Event::OrganisationLeft { organisation: organisation() }),
        Event::OrganisationLeft { .. } => {
            Some(Event::MemberJoined { person: person(), organisation: organisation(), kind: MemberKind::Member, team: Some(team()) })
        }
        Event::MemberJoined { .. } => Some(Event::MemberLeft { person: person() }),
        Event::MemberLeft { .. } => Some(Event::MemberKindChanged { person: person(), kind: MemberKind::Core }),
        Event::MemberKindChanged { .. } => Some(Event::CoordinatorAppointed { person: person() }),
        Event::CoordinatorAppointed { .. } => Some(Event::CoordinatorReleased { person: person() }),
        Event::CoordinatorReleased { .. } => Some(Event::Archived { reason: "Its work is done.".into() }),
        Event::Archived { .. } => None,
    }
}

fn first_of_category() -> category::Event {
    category::Event::Opened {
        community: community(),
        slug: "questions".into(),
        name: "Questions".into(),
        description: "Ask anything.".into(),
        format: Format::QuestionAndAnswer,
        audience: Audience::members(),
        position: 1,
    }
}

fn after_category(event: &category::Event) -> Option<category::Event> {
    use category::Event;
    match event {
        Event::Opened { .. } => Some(Event::Described { name: "Questions".into(), description: "Ask anything at all.".into() }),
        Event::Described { .. } => Some(Event::Reordered { position: 2 }),
        Event::Reordered { .. } => Some(Event::Closed),
        Event::Closed => None,
    }
}

fn first_of_thread() -> thread::Event {
    thread::Event::Opened {
        community: community(),
        category: category(),
        format: Format::QuestionAndAnswer,
        audience: Audience::members(),
        author: person(),
        post: opening_post(),
        title: "How do you rotate keys?".into(),
        body: "We do it **by hand**, and would rather not.".into(),
        source: Some("https://github.example/discussions/7".into()),
    }
}

fn after_thread(event: &thread::Event) -> Option<thread::Event> {
    use thread::Event;
    match event {
        Event::Opened { .. } => {
            Some(Event::Replied { post: post(), to: None, author: person(), body: "With a schedule.".into(), source: None })
        }
        Event::Replied { .. } => Some(Event::Retitled { title: "How do you rotate signing keys?".into() }),
        Event::Retitled { .. } => Some(Event::PostEdited { post: post(), body: "With a schedule, and a rehearsal.".into() }),
        Event::PostEdited { .. } => Some(Event::Locked),
        Event::Locked => Some(Event::Unlocked),
        Event::Unlocked => Some(Event::Closed { reason: CloseReason::Duplicate(Some(other_thread())) }),
        Event::Closed { .. } => Some(Event::Reopened),
        Event::Reopened => Some(Event::AnswerMarked { post: post() }),
        Event::AnswerMarked { .. } => Some(Event::AnswerUnmarked { post: post() }),
        Event::AnswerUnmarked { .. } => Some(Event::Reacted { post: post(), person: person(), reaction: Reaction::ThumbsUp }),
        Event::Reacted { .. } => Some(Event::ReactionWithdrawn { post: post(), person: person(), reaction: Reaction::ThumbsUp }),
        Event::ReactionWithdrawn { .. } => Some(Event::Upvoted { post: opening_post(), person: person() }),
        Event::Upvoted { .. } => Some(Event::UpvoteWithdrawn { post: opening_post(), person: person() }),
        Event::UpvoteWithdrawn { .. } => None,
    }
}

fn other_thread() -> ThreadId {
    id(7)
}
