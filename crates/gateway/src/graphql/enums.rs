//! The enumerations that both queries and mutations speak of, each converted from and to the domain's own.

use async_graphql::Enum;
use communities::community;
use discussions::{category, thread};
use kernel::ThreadId;
use organisations::person;

/// A role that is granted to a person by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "person::GrantedRole")]
pub enum GrantedRole {
    /// Administrator of the person's own organisation.
    OrganisationAdmin,
    /// Steward of the hub.
    Steward,
}

/// What an API token may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "person::TokenScope")]
pub enum TokenScope {
    /// Queries and subscriptions only.
    Read,
    /// Mutations too.
    Write,
}

/// The kind of a membership.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "community::MemberKind")]
pub enum MemberKind {
    /// One of the few who carry the community.
    Core,
    /// A member.
    Member,
    /// Follows what goes on.
    InterestedParty,
}

/// What the threads of a category are like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "category::Format")]
pub enum Format {
    /// Open-ended conversation.
    Open,
    /// Questions, whose answers can be marked.
    QuestionAndAnswer,
    /// Announcements: only coordinators open threads.
    Announcement,
    /// Threads that ask people to choose. They answer by replies and reactions; ballots are not held yet.
    Poll,
    /// Ideas, ranked by upvotes.
    Idea,
}

/// A reaction to a post.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "thread::Reaction")]
pub enum Reaction {
    /// 👍
    ThumbsUp,
    /// 👎
    ThumbsDown,
    /// 😄
    Laugh,
    /// 🎉
    Hooray,
    /// 😕
    Confused,
    /// ❤️
    Heart,
    /// 🚀
    Rocket,
    /// 👀
    Eyes,
}

/// Why a thread was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum CloseReason {
    /// It is settled.
    Resolved,
    /// It no longer applies.
    Outdated,
    /// Another thread has it.
    Duplicate,
}

impl CloseReason {
    /// The domain's reason, which names the other thread where there is one.
    pub fn of(self, duplicate_of: Option<ThreadId>) -> thread::CloseReason {
        match self {
            Self::Resolved => thread::CloseReason::Resolved,
            Self::Outdated => thread::CloseReason::Outdated,
            Self::Duplicate => thread::CloseReason::Duplicate(duplicate_of),
        }
    }
}

/// How far an audience reaches, from wide to narrow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "kernel::Reach")]
pub enum Reach {
    /// Anyone.
    Public,
    /// Everyone signed in.
    Members,
    /// Organisations or communities.
    Group,
    /// Named persons.
    Persons,
}
