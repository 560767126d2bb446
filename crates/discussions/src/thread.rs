//! A thread: what it is, what may be asked of it, what can happen to it.

mod refusal;
mod rules;
#[cfg(test)]
mod tests;

pub use refusal::Refusal;

use crate::category::Format;
use kernel::{Audience, CategoryId, CommunityId, PersonId, PostId, ThreadId};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Why a thread was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CloseReason {
    /// It is settled.
    Resolved,
    /// It no longer applies.
    Outdated,
    /// Another thread has it, named where known.
    Duplicate(Option<ThreadId>),
}

/// A reaction to a post.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
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

/// What the service looked up about the category that a thread is opened in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Home {
    /// The community.
    pub community: CommunityId,
    /// The category.
    pub category: CategoryId,
    /// The category's format.
    pub format: Format,
    /// The category's audience.
    pub audience: Audience,
    /// Whether the category still takes threads (and its community is not archived).
    pub open: bool,
}

/// What may be asked of a thread.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Command {
    /// Open it.
    Open {
        /// Where.
        home: Home,
        /// Who writes; someone else than the actor only in an import.
        author: PersonId,
        /// The id of the opening post.
        post: PostId,
        /// The title.
        title: String,
        /// The opening post, in Markdown.
        body: String,
        /// Who may see it, if fewer than the category's audience.
        audience: Option<Audience>,
        /// Where it was first published, for imported threads.
        source: Option<String>,
    },
    /// Post in it.
    Reply {
        /// The id of the new post.
        post: PostId,
        /// The post that it replies to; a reply to a reply counts as one to the first.
        to: Option<PostId>,
        /// Who writes; someone else than the actor only in an import.
        author: PersonId,
        /// The post, in Markdown.
        body: String,
        /// Where it was first published, for imported posts.
        source: Option<String>,
    },
    /// Give it another title.
    Retitle {
        /// The title.
        title: String,
    },
    /// Edit a post.
    EditPost {
        /// Which.
        post: PostId,
        /// The whole post as it shall read, in Markdown.
        body: String,
    },
    /// Take no more posts from members.
    Lock,
    /// Take posts again.
    Unlock,
    /// Close it.
    Close {
        /// Why.
        reason: CloseReason,
    },
    /// Open it again.
    Reopen,
    /// Mark a post as an answer.
    MarkAnswer {
        /// Which.
        post: PostId,
    },
    /// Take the mark back.
    UnmarkAnswer {
        /// Which.
        post: PostId,
    },
    /// React to a post, as the actor.
    React {
        /// To which.
        post: PostId,
        /// How.
        reaction: Reaction,
    },
    /// Take a reaction back.
    WithdrawReaction {
        /// From which post.
        post: PostId,
        /// Which reaction.
        reaction: Reaction,
    },
    /// Upvote a post; the opening post stands for the thread.
    Upvote {
        /// Which.
        post: PostId,
    },
    /// Take an upvote back.
    WithdrawUpvote {
        /// From which post.
        post: PostId,
    },
}

/// What can happen to a thread.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "type", content = "data", rename_all = "snake_case")]
pub enum Event {
    /// It was opened.
    Opened {
        /// Its community.
        community: CommunityId,
        /// Its category.
        category: CategoryId,
        /// The category's format at that time.
        format: Format,
        /// Who may see it.
        audience: Audience,
        /// Who wrote.
        author: PersonId,
        /// The id of the opening post.
        post: PostId,
        /// The title.
        title: String,
        /// The opening post, in Markdown.
        body: String,
        /// Where it was first published, for imported threads.
        source: Option<String>,
    },
    /// Someone posted in it.
    Replied {
        /// The id of the post.
        post: PostId,
        /// The top-level post that it replies to.
        to: Option<PostId>,
        /// Who wrote.
        author: PersonId,
        /// The post, in Markdown.
        body: String,
        /// Where it was first published, for imported posts.
        source: Option<String>,
    },
    /// It has another title.
    Retitled {
        /// The title.
        title: String,
    },
    /// A post was edited; every version is kept.
    PostEdited {
        /// Which.
        post: PostId,
        /// The post as it reads now.
        body: String,
    },
    /// It takes no more posts from members.
    Locked,
    /// It takes posts again.
    Unlocked,
    /// It was closed.
    Closed {
        /// Why.
        reason: CloseReason,
    },
    /// It was opened again.
    Reopened,
    /// A post was marked as an answer.
    AnswerMarked {
        /// Which.
        post: PostId,
    },
    /// The mark was taken back.
    AnswerUnmarked {
        /// From which.
        post: PostId,
    },
    /// Someone reacted.
    Reacted {
        /// To which post.
        post: PostId,
        /// Who.
        person: PersonId,
        /// How.
        reaction: Reaction,
    },
    /// Someone took a reaction back.
    ReactionWithdrawn {
        /// From which post.
        post: PostId,
        /// Who.
        person: PersonId,
        /// Which reaction.
        reaction: Reaction,
    },
    /// Someone upvoted a post.
    Upvoted {
        /// Which.
        post: PostId,
        /// Who.
        person: PersonId,
    },
    /// Someone took an upvote back.
    UpvoteWithdrawn {
        /// From which post.
        post: PostId,
        /// Who.
        person: PersonId,
    },
}

/// What a thread remembers of a post: enough to decide by, not its text, for there may be ten thousand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Post {
    /// Who wrote it.
    pub author: PersonId,
    /// The top-level post that it replies to; none for a top-level post and for the opening post.
    pub to: Option<PostId>,
    /// A digest of its text, by which an edit that changes nothing is known.
    digest: u64,
}

/// A thread as its events made it.
#[derive(Clone, Debug)]
pub struct Thread {
    id: ThreadId,
    opening: Option<Opening>,
    title: String,
    posts: BTreeMap<PostId, Post>,
    locked: bool,
    closed: Option<CloseReason>,
    answers: BTreeSet<PostId>,
    reactions: BTreeSet<(PostId, PersonId, Reaction)>,
    upvotes: BTreeSet<(PostId, PersonId)>,
}

/// What a thread was opened with, and keeps.
#[derive(Clone, Debug)]
struct Opening {
    community: CommunityId,
    category: CategoryId,
    format: Format,
    audience: Audience,
    author: PersonId,
    post: PostId,
}

impl Thread {
    /// Its community; none before it was opened.
    pub fn community(&self) -> Option<CommunityId> {
        self.opening.as_ref().map(|opening| opening.community)
    }
    /// Its category; none before it was opened.
    pub fn category(&self) -> Option<CategoryId> {
        self.opening.as_ref().map(|opening| opening.category)
    }
    /// Who may see it; none before it was opened.
    pub fn audience(&self) -> Option<&Audience> {
        self.opening.as_ref().map(|opening| &opening.audience)
    }
    /// Who opened it; none before it was opened.
    pub fn author(&self) -> Option<PersonId> {
        self.opening.as_ref().map(|opening| opening.author)
    }
    /// The opening post; none before it was opened.
    pub fn opening_post(&self) -> Option<PostId> {
        self.opening.as_ref().map(|opening| opening.post)
    }
    /// Its title.
    pub fn title(&self) -> &str {
        &self.title
    }
    /// Its posts, the opening post among them, in the order of their ids.
    pub fn posts(&self) -> &BTreeMap<PostId, Post> {
        &self.posts
    }
    /// Whether it takes no more posts from members.
    pub fn locked(&self) -> bool {
        self.locked
    }
    /// Why it is closed, if it is.
    pub fn closed(&self) -> Option<CloseReason> {
        self.closed
    }
    /// The posts marked as answers.
    pub fn answers(&self) -> &BTreeSet<PostId> {
        &self.answers
    }
}
