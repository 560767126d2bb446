//! GitHub Discussions, as people have them on their disks:
//!
//! - webhook deliveries of `discussion` and `discussion_comment`: one, an array of them, one a line, or the collection of
//!   examples that npm's `@octokit/webhooks-examples` carries;
//! - the answer to a GraphQL query of `repository.discussions`: one page, several in an array, or several one after the other
//!   as `gh api graphql --paginate` prints them.
//!
//! Several records may speak of the same discussion. The one with the latest `updated_at` tells its state (among equals the
//! one later in the file), and a comment once reported as deleted stays deleted, since deliveries come in any order.
//!
//! Formats: <https://docs.github.com/en/webhooks/webhook-events-and-payloads#discussion> and
//! <https://docs.github.com/en/graphql/guides/using-the-graphql-api-for-discussions>.

mod document;
mod export;
mod merge;
mod reader;
mod webhook;

use kernel::Timestamp;
use serde::Serialize;

/// What a file holds.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Parsed {
    /// Every discussion, the oldest first.
    pub discussions: Vec<Discussion>,
    /// What is well formed but holds nothing to import, and why, so that nobody has to wonder.
    pub passed_over: Vec<Remark>,
    /// What could not be read. The rest was.
    pub problems: Vec<Remark>,
}

/// Something to say about one place of the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Remark {
    /// Where.
    pub place: Place,
    /// What, for people.
    pub message: String,
}

/// A place in the file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Place {
    /// Which record (delivery, example or discussion) from 1, in the order of the file; 0 if it is about no single record.
    pub record: usize,
    /// The line, from 1: where the JSON is broken, or else where the JSON document begins that holds the record.
    pub line: usize,
    /// The way into that document, as in `$[3].discussion.title`.
    pub path: String,
}

impl std::fmt::Display for Place {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.record > 0 {
            write!(to, "record {}, ", self.record)?;
        }
        write!(to, "line {}, {}", self.line, self.path)
    }
}

impl std::fmt::Display for Remark {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(to, "{}: {}", self.place, self.message)
    }
}

/// A discussion with all that is known of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Discussion {
    /// `owner/name` of the repository.
    pub repository: String,
    /// The category that it stands in.
    pub category: Category,
    /// Its first post and its state.
    pub thread: Thread,
    /// Comments and replies, the oldest first, and each after the one that it replies to.
    pub posts: Vec<Post>,
}

/// A category of a repository's discussions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Category {
    /// Its address within the repository.
    pub slug: String,
    /// Its name.
    pub name: String,
    /// What its discussions are like.
    pub format: Format,
    /// What belongs in it; may be empty.
    pub description: String,
}

/// What a category's discussions are like.
///
/// GitHub tells only whether answers can be marked; the others are known by the slugs of the categories that every
/// repository starts with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Open-ended conversation.
    Open,
    /// Questions, whose answers can be marked.
    QuestionAndAnswer,
    /// News of those who maintain it.
    Announcement,
    /// Polls.
    Poll,
    /// Ideas.
    Idea,
}

/// A discussion's first post and its state.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Thread {
    /// GitHub's node id, or the address where that is missing: the same at every import.
    pub source_id: String,
    /// Its address for people.
    pub url: Option<String>,
    /// Its number within the repository.
    pub number: u64,
    /// Its title.
    pub title: String,
    /// Its text in Markdown; may be empty.
    pub body: String,
    /// Who opened it.
    pub author: Author,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Whether nobody may write in it.
    pub locked: bool,
    /// Whether it is closed.
    pub closed: bool,
    /// Why it was closed, if it is and if GitHub says.
    pub close_reason: Option<CloseReason>,
    /// The [`Post::source_id`] of the answer; always one of the posts here.
    pub answer: Option<String>,
    /// When the answer was marked.
    pub answered_at: Option<Timestamp>,
    /// Who marked the answer.
    pub answered_by: Option<Author>,
    /// How many people voted it up.
    pub upvotes: u64,
    /// Names of its labels.
    pub labels: Vec<String>,
}

/// Why a discussion was closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CloseReason {
    /// It led to something.
    Resolved,
    /// It is no longer of relevance.
    Outdated,
    /// It was held elsewhere.
    Duplicate,
}

/// A comment or a reply to one.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Post {
    /// GitHub's node id, or the address where that is missing: the same at every import.
    pub source_id: String,
    /// Its address for people.
    pub url: Option<String>,
    /// The [`Post::source_id`] of the comment that it replies to; always an earlier one of the posts here.
    pub reply_to: Option<String>,
    /// Who wrote it.
    pub author: Author,
    /// Its text in Markdown; may be empty.
    pub body: String,
    /// When it was written.
    pub created_at: Timestamp,
    /// Whether its text was changed afterwards.
    pub edited: bool,
    /// How many people voted it up.
    pub upvotes: u64,
}

/// Who wrote something, as far as the file tells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Author {
    /// The login, as written; logins that differ in case only are the same. `ghost` stands for deleted accounts.
    pub login: String,
    /// The name for people.
    pub name: Option<String>,
}

/// GitHub's name for whoever deleted their account.
const GHOST: &str = "ghost";

/// Reads a file's text. Never fails as a whole: what could not be read is in [`Parsed::problems`].
#[must_use]
pub fn parse(text: &str) -> Parsed {
    let mut collection = merge::Collection::default();
    let (documents, faults) = document::split(text.trim_start_matches('\u{feff}'));
    for document in &documents {
        let record = reader::At::document(&document.value);
        read(&mut collection, document.line, &record);
    }
    for fault in faults {
        collection.problem_at(Place { record: 0, line: fault.line, path: "$".to_owned() }, fault.message);
    }
    collection.finish()
}

/// Reads a document, or one element of an array.
fn read(into: &mut merge::Collection, line: usize, at: &reader::At<'_>) {
    if let Some(elements) = at.elements() {
        for element in elements {
            read(into, line, &element);
        }
    } else if let Some(payload) = at.get("request").and_then(|request| request.get("payload")).or_else(|| at.get("payload")) {
        // As the list of a webhook's recent deliveries has them.
        read(into, line, &payload);
    } else if at.get("examples").is_some() && at.get("name").is_some() {
        webhook::read_examples(into, line, at);
    } else if at.get("discussion").is_some() {
        webhook::read_delivery(into, line, at);
    } else if at.get("data").is_some()
        || at.get("errors").is_some()
        || at.get("repository").is_some_and(|repository| repository.get("discussions").is_some())
    {
        export::read(into, line, at);
    } else if at.get("action").is_some() || at.get("sender").is_some() || at.get("hook").is_some() {
        let place = into.next_record(line, at.path());
        into.pass_over(place, "a delivery of another event: it holds no discussion");
    } else {
        let place = into.next_record(line, at.path());
        into.problem_at(place, "this is neither a webhook delivery nor the answer to a GraphQL query of discussions");
    }
}

#[cfg(test)]
mod tests;
