//! Why a thread refuses a command.

use kernel::{Denied, Kind, TextError};

/// Why a thread refuses a command.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The actor may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// A text is not as it should be.
    #[error(transparent)]
    Text(#[from] TextError),
    /// It was never opened, or the actor may not see it.
    #[error("There is no such thread. Check the address.")]
    NotFound,
    /// The actor may not see the category to open it in.
    #[error("There is no such category. Check the address.")]
    CategoryNotFound,
    /// It was opened already.
    #[error("This thread is open already. Post in it instead.")]
    AlreadyOpened,
    /// Its category takes no threads.
    #[error("This category takes no new threads. Choose another one.")]
    CategoryClosed,
    /// The audience names no one.
    #[error("“audience” names no one. Leave it out, or say who may see the thread.")]
    AudienceEmpty,
    /// The audience reaches further than the category's.
    #[error("“audience” reaches further than the category's own. Leave it out, or choose a part of the category's audience.")]
    AudienceTooWide,
    /// It is locked.
    #[error("This thread is locked: only coordinators of the community may post and edit in it. Ask one of them.")]
    Locked,
    /// There is no such post in it.
    #[error("There is no such post in this thread. Check the address.")]
    PostNotFound,
    /// A post with that id is there already.
    #[error("A post with this id is in the thread already. Edit it, or choose a new id.")]
    PostExists,
    /// Only questions have answers.
    #[error("Only in a category of questions and answers can a post be marked as answer.")]
    NoQuestion,
    /// The question is no answer to itself.
    #[error("The opening post is the question. Mark a reply as answer.")]
    OpeningPost,
    /// A thread is no duplicate of itself.
    #[error("A thread is no duplicate of itself. Name the other thread, or none.")]
    DuplicateOfItself,
    /// Only persons react and vote.
    #[error("Only a person can react or upvote. Sign in as one.")]
    NoPerson,
}

impl kernel::Refusal for Refusal {
    fn code(&self) -> &'static str {
        match self {
            Self::Denied(_) => "DENIED",
            Self::Text(error) => error.code(),
            Self::NotFound => "THREAD_NOT_FOUND",
            Self::CategoryNotFound => "CATEGORY_NOT_FOUND",
            Self::AlreadyOpened => "THREAD_EXISTS",
            Self::CategoryClosed => "CATEGORY_CLOSED",
            Self::AudienceEmpty => "AUDIENCE_EMPTY",
            Self::AudienceTooWide => "AUDIENCE_TOO_WIDE",
            Self::Locked => "THREAD_LOCKED",
            Self::PostNotFound => "POST_NOT_FOUND",
            Self::PostExists => "POST_EXISTS",
            Self::NoQuestion => "NOT_A_QUESTION",
            Self::OpeningPost => "OPENING_POST",
            Self::DuplicateOfItself => "DUPLICATE_OF_ITSELF",
            Self::NoPerson => "NO_PERSON",
        }
    }

    fn kind(&self) -> Kind {
        match self {
            Self::Denied(_) => Kind::Denied,
            Self::Text(_) | Self::AudienceEmpty | Self::AudienceTooWide | Self::DuplicateOfItself | Self::NoPerson => Kind::Invalid,
            Self::NotFound | Self::CategoryNotFound | Self::PostNotFound => Kind::NotFound,
            Self::AlreadyOpened | Self::CategoryClosed | Self::Locked | Self::PostExists | Self::NoQuestion | Self::OpeningPost => {
                Kind::Conflict
            }
        }
    }

    fn field(&self) -> Option<&'static str> {
        match self {
            Self::Text(error) => Some(error.field()),
            Self::CategoryNotFound | Self::CategoryClosed => Some("category"),
            Self::AudienceEmpty | Self::AudienceTooWide => Some("audience"),
            Self::PostNotFound | Self::PostExists | Self::OpeningPost => Some("post"),
            Self::DuplicateOfItself => Some("duplicateOf"),
            Self::Denied(_) | Self::NotFound | Self::AlreadyOpened | Self::Locked | Self::NoQuestion | Self::NoPerson => None,
        }
    }
}
