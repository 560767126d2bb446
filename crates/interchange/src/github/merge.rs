//! From many sightings of discussions and comments to one state of each.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use kernel::Timestamp;

use super::{Category, CloseReason, Discussion, Format, Parsed, Place, Post, Remark, reader::At, reader::Fault};

/// What a comment replies to, as its source says it.
#[derive(Debug, Clone)]
pub(super) enum Parent {
    /// It stands by itself.
    None,
    /// A comment's source id.
    Source(String),
    /// A comment's number.
    Number(u64),
}

/// A comment as one record has it.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) post: Post,
    /// The number under which others name it as their parent.
    pub(super) number: Option<u64>,
    pub(super) parent: Parent,
    pub(super) updated_at: Timestamp,
    /// Where it stands in the file.
    pub(super) path: String,
}

#[derive(Default)]
struct Entry {
    discussion: Option<Discussion>,
    /// The address of the answer, where only that is known.
    answer_url: Option<String>,
    posts: BTreeMap<String, (Seen, Place)>,
}

/// All that has been seen so far.
#[derive(Default)]
pub(super) struct Collection {
    records: usize,
    place: Option<Place>,
    entries: BTreeMap<String, Entry>,
    deleted_discussions: BTreeSet<String>,
    deleted_posts: BTreeSet<String>,
    passed_over: Vec<Remark>,
    problems: Vec<Remark>,
}

impl Collection {
    /// Counts a record; gives its place.
    pub(super) fn next_record(&mut self, line: usize, path: &str) -> Place {
        self.records += 1;
        let place = Place { record: self.records, line, path: path.to_owned() };
        self.place = Some(place.clone());
        place
    }

    pub(super) fn problem_at(&mut self, place: Place, message: impl Into<String>) {
        self.problems.push(Remark { place, message: message.into() });
    }

    /// A fault within a record.
    pub(super) fn fault(&mut self, record: &Place, fault: Fault) {
        self.problem_at(Place { path: fault.path, ..record.clone() }, fault.message);
    }

    pub(super) fn pass_over(&mut self, place: Place, reason: impl Into<String>) {
        self.passed_over.push(Remark { place, message: reason.into() });
    }

    /// A state of a discussion, without its comments.
    pub(super) fn see_discussion(&mut self, discussion: Discussion, answer_url: Option<String>) {
        let entry = self.entries.entry(discussion.thread.source_id.clone()).or_default();
        if entry.discussion.as_ref().is_none_or(|known| known.thread.updated_at <= discussion.thread.updated_at) {
            // Deliveries tell of one label at a time, exports of all: an empty list is no news.
            let labels = entry.discussion.take().map(|known| known.thread.labels).unwrap_or_default();
            let mut discussion = discussion;
            if discussion.thread.labels.is_empty() {
                discussion.thread.labels = labels;
            }
            entry.discussion = Some(discussion);
            entry.answer_url = answer_url;
        }
    }

    /// A state of a comment.
    pub(super) fn see_post(&mut self, discussion: &str, seen: Seen) {
        let place = self.place.clone().unwrap_or(Place { record: 0, line: 1, path: "$".to_owned() });
        let posts = &mut self.entries.entry(discussion.to_owned()).or_default().posts;
        let known = posts.get(&seen.post.source_id);
        if known.is_none_or(|(known, _)| known.updated_at <= seen.updated_at) {
            let edited = known.is_some_and(|(known, _)| known.post.edited);
            let mut seen = seen;
            seen.post.edited |= edited;
            let place = Place { path: seen.path.clone(), ..place };
            posts.insert(seen.post.source_id.clone(), (seen, place));
        }
    }

    pub(super) fn delete_discussion(&mut self, source_id: String) {
        self.deleted_discussions.insert(source_id);
    }

    pub(super) fn delete_post(&mut self, source_id: String) {
        self.deleted_posts.insert(source_id);
    }

    /// One state of each discussion, the oldest first.
    pub(super) fn finish(mut self) -> Parsed {
        let mut discussions = Vec::new();
        for (source_id, entry) in std::mem::take(&mut self.entries) {
            if self.deleted_discussions.contains(&source_id) {
                continue;
            }
            let Some(mut discussion) = entry.discussion else { continue };
            let posts = entry.posts.into_values().filter(|(seen, _)| !self.deleted_posts.contains(&seen.post.source_id)).collect();
            discussion.posts = self.in_order(posts);
            let by_url = entry.answer_url.and_then(|url| discussion.posts.iter().find(|post| post.url.as_ref() == Some(&url)));
            let answer = discussion.thread.answer.take().or_else(|| by_url.map(|post| post.source_id.clone()));
            discussion.thread.answer = answer.filter(|answer| discussion.posts.iter().any(|post| post.source_id == *answer));
            discussions.push(discussion);
        }
        discussions.sort_by(|a, b| {
            (a.thread.created_at, a.thread.number, &a.thread.source_id).cmp(&(b.thread.created_at, b.thread.number, &b.thread.source_id))
        });
        self.problems.sort_by(|a, b| a.place.cmp(&b.place));
        Parsed { discussions, passed_over: self.passed_over, problems: self.problems }
    }

    /// Finds each reply its parent, and says where there is none.
    fn in_order(&mut self, seen: Vec<(Seen, Place)>) -> Vec<Post> {
        let by_number: HashMap<u64, String> =
            seen.iter().filter_map(|(seen, _)| Some((seen.number?, seen.post.source_id.clone()))).collect();
        let here: BTreeSet<String> = seen.iter().map(|(seen, _)| seen.post.source_id.clone()).collect();
        let mut posts = Vec::with_capacity(seen.len());
        for (Seen { mut post, parent, .. }, place) in seen {
            let found = match parent {
                Parent::None => Ok(None),
                Parent::Source(source) if here.contains(&source) => Ok(Some(source)),
                Parent::Source(source) => Err(source),
                Parent::Number(number) => by_number.get(&number).cloned().map(Some).ok_or_else(|| number.to_string()),
            };
            post.reply_to = found.unwrap_or_else(|parent| {
                self.problem_at(
                    place,
                    format!("replies to comment {parent}, which this file does not hold; it is taken as a comment of its own"),
                );
                None
            });
            posts.push(post);
        }
        parents_first(posts)
    }
}

/// The oldest first, none before the one that it replies to. Replies in a circle, which no true export has, are cut open.
fn parents_first(mut posts: Vec<Post>) -> Vec<Post> {
    posts.sort_by(|a, b| (a.created_at, &a.source_id).cmp(&(b.created_at, &b.source_id)));
    let places: HashMap<String, usize> = posts.iter().enumerate().map(|(place, post)| (post.source_id.clone(), place)).collect();
    let mut waiting: Vec<Option<Post>> = posts.into_iter().map(Some).collect();
    let mut ordered: Vec<Post> = Vec::with_capacity(waiting.len());
    let mut standing = HashSet::new();
    for start in 0..waiting.len() {
        let mut chain: Vec<Post> = Vec::new();
        let mut next = Some(start);
        // A post is taken out when it joins the chain, so a circle ends where it began.
        while let Some(post) = next.and_then(|place| waiting[place].take()) {
            next = post.reply_to.as_ref().and_then(|parent| places.get(parent)).copied();
            chain.push(post);
        }
        if let Some(top) = chain.last_mut() {
            top.reply_to = top.reply_to.take().filter(|parent| standing.contains(parent));
        }
        standing.extend(chain.iter().map(|post| post.source_id.clone()));
        ordered.extend(chain.into_iter().rev());
    }
    ordered
}

/// `owner/name` out of the address of something within a repository.
pub(super) fn repository_of(url: &str) -> Option<String> {
    let (_, path) = url.split_once("://")?;
    let mut parts = path.split('/').skip(1);
    let (owner, name) = (parts.next()?, parts.next()?);
    (!owner.is_empty() && !name.is_empty()).then(|| format!("{owner}/{name}"))
}

impl Category {
    /// The category of discussions whose source names none.
    pub(super) fn general() -> Self {
        Self { slug: "general".to_owned(), name: "General".to_owned(), format: Format::Open, description: String::new() }
    }

    /// Reads a category; only the name of the member that says whether answers can be marked differs between the sources.
    pub(super) fn read(at: &At<'_>, answerable: &str) -> Result<Self, Fault> {
        let name = at.need_text("name")?.to_owned();
        let slug = match at.get_text("slug")?.filter(|slug| !slug.is_empty()) {
            Some(slug) => slug.to_owned(),
            None => slug_of(&name),
        };
        let format = match slug.as_str() {
            _ if at.flag(answerable)? => Format::QuestionAndAnswer,
            "announcements" => Format::Announcement,
            "ideas" => Format::Idea,
            "polls" => Format::Poll,
            _ => Format::Open,
        };
        Ok(Self { slug, name, format, description: at.get_text("description")?.unwrap_or_default().to_owned() })
    }
}

/// An address made of a name, as GitHub makes them.
fn slug_of(name: &str) -> String {
    let words = name.split(|character: char| !character.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect::<Vec<_>>().join("-")
}

impl CloseReason {
    /// As GitHub writes it; a reason that we do not know is none.
    pub(super) fn from_source(text: &str) -> Option<Self> {
        match text.to_ascii_lowercase().as_str() {
            "resolved" => Some(Self::Resolved),
            "outdated" => Some(Self::Outdated),
            "duplicate" => Some(Self::Duplicate),
            _ => None,
        }
    }
}
