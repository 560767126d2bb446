//! A category of a community's discussions: its format and who may see what is in it.

use kernel::{Audience, CommunityId};
use serde::{Deserialize, Serialize};

/// What threads of a category are like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Open-ended conversation.
    Open,
    /// Questions, whose answers can be marked.
    QuestionAndAnswer,
    /// Announcements: only coordinators open threads.
    Announcement,
    /// Polls.
    Poll,
    /// Ideas, ranked by upvotes.
    Idea,
}

/// What may be asked of a category.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Command {
    /// Open it.
    Open {
        /// Its community.
        community: CommunityId,
        /// Its address within the community, unique there.
        slug: String,
        /// Its name.
        name: String,
        /// What belongs in it.
        description: String,
        /// What its threads are like.
        format: Format,
        /// Who may see what is in it; not wider than the community's own audience.
        audience: Audience,
        /// The community's own audience, as the service looked it up.
        within: Audience,
        /// Where it stands among the community's categories, from 0.
        position: u16,
    },
    /// Change its name and description.
    Describe {
        /// Its name.
        name: String,
        /// What belongs in it.
        description: String,
    },
    /// Move it among the community's categories.
    Reorder {
        /// Its new place, from 0.
        position: u16,
    },
    /// Close it: what is there stays, nothing new is opened.
    Close,
}

/// What can happen to a category.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "type", content = "data", rename_all = "snake_case")]
pub enum Event {
    /// It was opened.
    Opened {
        /// Its community.
        community: CommunityId,
        /// Its address within the community.
        slug: String,
        /// Its name.
        name: String,
        /// What belongs in it.
        description: String,
        /// What its threads are like.
        format: Format,
        /// Who may see what is in it.
        audience: Audience,
        /// Where it stands, from 0.
        position: u16,
    },
    /// Its name and description changed.
    Described {
        /// Its name.
        name: String,
        /// What belongs in it.
        description: String,
    },
    /// It stands elsewhere.
    Reordered {
        /// Its place, from 0.
        position: u16,
    },
    /// It was closed.
    Closed,
}
