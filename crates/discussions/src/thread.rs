//! A thread: what it is, what may be asked of it, what can happen to it.

use crate::category::Format;
use kernel::{Audience, CategoryId, CommunityId, PersonId, PostId, ThreadId};
use serde::{Deserialize, Serialize};

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
