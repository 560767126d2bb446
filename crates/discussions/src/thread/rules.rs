//! What a thread decides, and how events change it.

use super::{CloseReason, Command, Event, Home, Opening, Post, Refusal, Thread};
use crate::category::Format;
use kernel::{Action, Actor, Aggregate, Audience, PersonId, PostId, Reach, Scope, TextError, Timestamp, Token, text};
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use uuid::Uuid;

impl Aggregate for Thread {
    const CONTEXT: &'static str = "discussions";
    const NAME: &'static str = "thread";
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn new(id: Uuid) -> Self {
        Self {
            id: id.into(),
            opening: None,
            title: String::new(),
            posts: BTreeMap::new(),
            locked: false,
            closed: None,
            answers: BTreeSet::new(),
            reactions: BTreeSet::new(),
            upvotes: BTreeSet::new(),
        }
    }

    fn decide(&self, command: Command, by: &Actor, _now: Timestamp) -> Result<Vec<Event>, Refusal> {
        if let Command::Open { home, author, post, title, body, audience, source } = command {
            return self.open(by, &home, &title, audience, Writing { post, author, body, source });
        }
        let opening = self.seen_by(by)?;
        match command {
            Command::Open { .. } => Err(Refusal::AlreadyOpened),
            Command::Reply { post, to, author, body, source } => self.reply(opening, by, to, Writing { post, author, body, source }),
            Command::Retitle { title } => {
                self.allow_edit(opening, by, opening.author)?;
                let title = text::line("title", &title, text::LINE)?;
                Ok(if title == self.title { Vec::new() } else { vec![Event::Retitled { title }] })
            }
            Command::EditPost { post, body } => {
                let known = self.post(post)?;
                self.allow_edit(opening, by, known.author)?;
                let body = text::body("body", &body, text::BODY)?;
                Ok(if digest(&body) == known.digest { Vec::new() } else { vec![Event::PostEdited { post, body }] })
            }
            Command::Lock => {
                by.may(Action::ThreadLock, &opening.scope())?;
                Ok(if self.locked { Vec::new() } else { vec![Event::Locked] })
            }
            Command::Unlock => {
                by.may(Action::ThreadLock, &opening.scope())?;
                Ok(if self.locked { vec![Event::Unlocked] } else { Vec::new() })
            }
            Command::Close { reason } => {
                by.may(Action::ThreadClose, &opening.scope())?;
                if reason == CloseReason::Duplicate(Some(self.id)) {
                    return Err(Refusal::DuplicateOfItself);
                }
                Ok(if self.closed == Some(reason) { Vec::new() } else { vec![Event::Closed { reason }] })
            }
            Command::Reopen => {
                by.may(Action::ThreadClose, &opening.scope())?;
                Ok(if self.closed.is_some() { vec![Event::Reopened] } else { Vec::new() })
            }
            Command::MarkAnswer { post } => {
                by.may(Action::AnswerMark, &opening.scope())?;
                if opening.format != Format::QuestionAndAnswer {
                    return Err(Refusal::NoQuestion);
                }
                self.post(post)?;
                if post == opening.post {
                    return Err(Refusal::OpeningPost);
                }
                Ok(if self.answers.contains(&post) { Vec::new() } else { vec![Event::AnswerMarked { post }] })
            }
            Command::UnmarkAnswer { post } => {
                by.may(Action::AnswerMark, &opening.scope())?;
                self.post(post)?;
                Ok(if self.answers.contains(&post) { vec![Event::AnswerUnmarked { post }] } else { Vec::new() })
            }
            Command::React { post, reaction } => {
                let person = self.reacting(opening, by, post)?;
                let there = self.reactions.contains(&(post, person, reaction));
                Ok(if there { Vec::new() } else { vec![Event::Reacted { post, person, reaction }] })
            }
            Command::WithdrawReaction { post, reaction } => {
                let person = self.reacting(opening, by, post)?;
                let there = self.reactions.contains(&(post, person, reaction));
                Ok(if there { vec![Event::ReactionWithdrawn { post, person, reaction }] } else { Vec::new() })
            }
            Command::Upvote { post } => {
                let person = self.reacting(opening, by, post)?;
                Ok(if self.upvotes.contains(&(post, person)) { Vec::new() } else { vec![Event::Upvoted { post, person }] })
            }
            Command::WithdrawUpvote { post } => {
                let person = self.reacting(opening, by, post)?;
                Ok(if self.upvotes.contains(&(post, person)) { vec![Event::UpvoteWithdrawn { post, person }] } else { Vec::new() })
            }
        }
    }

    fn apply(&mut self, event: &Event) {
        match event {
            Event::Opened { community, category, format, audience, author, post, title, body, source: _ } => {
                self.opening = Some(Opening {
                    community: *community,
                    category: *category,
                    format: *format,
                    audience: audience.clone(),
                    author: *author,
                    post: *post,
                });
                self.title.clone_from(title);
                self.posts.insert(*post, Post { author: *author, to: None, digest: digest(body) });
            }
            Event::Replied { post, to, author, body, source: _ } => {
                self.posts.insert(*post, Post { author: *author, to: *to, digest: digest(body) });
            }
            Event::Retitled { title } => self.title.clone_from(title),
            Event::PostEdited { post, body } => {
                if let Some(known) = self.posts.get_mut(post) {
                    known.digest = digest(body);
                }
            }
            Event::Locked => self.locked = true,
            Event::Unlocked => self.locked = false,
            Event::Closed { reason } => self.closed = Some(*reason),
            Event::Reopened => self.closed = None,
            Event::AnswerMarked { post } => {
                self.answers.insert(*post);
            }
            Event::AnswerUnmarked { post } => {
                self.answers.remove(post);
            }
            Event::Reacted { post, person, reaction } => {
                self.reactions.insert((*post, *person, *reaction));
            }
            Event::ReactionWithdrawn { post, person, reaction } => {
                self.reactions.remove(&(*post, *person, *reaction));
            }
            Event::Upvoted { post, person } => {
                self.upvotes.insert((*post, *person));
            }
            Event::UpvoteWithdrawn { post, person } => {
                self.upvotes.remove(&(*post, *person));
            }
        }
    }
}

impl Opening {
    /// The thread as its author's own.
    fn scope(&self) -> Scope {
        Scope::community(self.community).of(self.author)
    }
}

impl Thread {
    /// To who may not see it, the thread does not exist, whichever role they have in its community.
    fn seen_by(&self, by: &Actor) -> Result<&Opening, Refusal> {
        self.opening.as_ref().filter(|opening| by.sees(&opening.audience)).ok_or(Refusal::NotFound)
    }

    fn post(&self, post: PostId) -> Result<&Post, Refusal> {
        self.posts.get(&post).ok_or(Refusal::PostNotFound)
    }

    /// A locked thread is only a coordinator's to post and edit in.
    fn unless_locked(&self, opening: &Opening, by: &Actor) -> Result<(), Refusal> {
        if self.locked && by.may(Action::LockedThreadReply, &Scope::community(opening.community)).is_err() {
            return Err(Refusal::Locked);
        }
        Ok(())
    }

    fn allow_edit(&self, opening: &Opening, by: &Actor, author: PersonId) -> Result<(), Refusal> {
        by.may(Action::PostEdit, &Scope::community(opening.community).of(author))?;
        self.unless_locked(opening, by)
    }

    /// The person who reacts to a post that is there.
    fn reacting(&self, opening: &Opening, by: &Actor, post: PostId) -> Result<PersonId, Refusal> {
        by.may(Action::PostReact, &Scope::community(opening.community))?;
        self.post(post)?;
        by.person_id().ok_or(Refusal::NoPerson)
    }

    fn open(&self, by: &Actor, home: &Home, title: &str, audience: Option<Audience>, writing: Writing) -> Result<Vec<Event>, Refusal> {
        if !by.sees(&home.audience) {
            return Err(Refusal::CategoryNotFound);
        }
        let action = if home.format == Format::Announcement { Action::AnnouncementOpen } else { Action::ThreadOpen };
        by.may(action, &Scope::community(home.community))?;
        writing.allow(by)?;
        if self.opening.is_some() {
            return Err(Refusal::AlreadyOpened);
        }
        if !home.open {
            return Err(Refusal::CategoryClosed);
        }
        let title = text::line("title", title, text::LINE)?;
        let audience = narrowed(by, home, audience, writing.author)?;
        let Writing { post, author, body, source } = writing.checked()?;
        let Home { community, category, format, .. } = *home;
        Ok(vec![Event::Opened { community, category, format, audience, author, post, title, body, source }])
    }

    /// Closed threads still take posts, as on GitHub: closing says that it is settled, locking that it is over.
    fn reply(&self, opening: &Opening, by: &Actor, to: Option<PostId>, writing: Writing) -> Result<Vec<Event>, Refusal> {
        by.may(Action::ThreadReply, &Scope::community(opening.community))?;
        writing.allow(by)?;
        self.unless_locked(opening, by)?;
        if self.posts.contains_key(&writing.post) {
            return Err(Refusal::PostExists);
        }
        let to = match to {
            Some(to) => self.top_level(opening, to)?,
            None => None,
        };
        let Writing { post, author, body, source } = writing.checked()?;
        Ok(vec![Event::Replied { post, to, author, body, source }])
    }

    /// Where a reply to that post is attached: replies go one level deep, and a reply to the opening post is a
    /// top-level post of its own.
    fn top_level(&self, opening: &Opening, to: PostId) -> Result<Option<PostId>, Refusal> {
        let known = self.post(to)?;
        Ok(if to == opening.post { None } else { known.to.or(Some(to)) })
    }
}

/// A post about to be written.
struct Writing {
    post: PostId,
    author: PersonId,
    body: String,
    source: Option<String>,
}

impl Writing {
    /// One writes under one's own name; only an import writes under others', and says where it has it from.
    fn allow(&self, by: &Actor) -> Result<(), Refusal> {
        if by.person_id() != Some(self.author) || self.source.is_some() {
            by.may(Action::ContentImport, &Scope::hub())?;
        }
        Ok(())
    }

    fn checked(self) -> Result<Self, TextError> {
        Ok(Self {
            body: text::body("body", &self.body, text::BODY)?,
            source: self.source.map(|source| text::line("source", &source, 2_000)).transpose()?,
            ..self
        })
    }
}

/// The audience of a thread: its category's, or a part of it. The author is never shut out: who names persons is one of
/// them, and who names a group that they do not belong to sees the thread still.
fn narrowed(by: &Actor, home: &Home, audience: Option<Audience>, author: PersonId) -> Result<Audience, Refusal> {
    let Some(audience) = audience else {
        return Ok(home.audience.clone());
    };
    if audience.is_empty() {
        return Err(Refusal::AudienceEmpty);
    }
    if !audience.stays_within(&home.audience, home.community) {
        return Err(Refusal::AudienceTooWide);
    }
    Ok(if audience.reach() == Reach::Persons || !by.sees(&audience) { audience.and(Token::Person(author)) } else { audience })
}

/// A digest of a text, to tell whether an edit changes it. It lives in memory only.
fn digest(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}
