//! What happens to threads and their posts.

use super::super::audience::Audience;
use super::super::enums::{CloseReason, Format, Reaction};
use super::super::ids::GlobalId;
use super::super::later::ReadLater;
use super::change::{Change, name, real};
use super::{Event, Happening, Setters};
use async_graphql::{MergedObject, SimpleObject};
use discussions::thread::{self, Event as Happened};
use kernel::{CategoryId, CommunityId, PersonId, PostId, ThreadId};

typed! {
    /// A thread was opened.
    ThreadOpenedEvent(ThreadOpened {
        /// The thread's community.
        community: ReadLater<CommunityId>,
        /// The thread's category.
        category: ReadLater<CategoryId>,
        /// What threads of the category were like.
        format: Format,
        /// Who may see the thread.
        audience: Audience,
        /// Who wrote it.
        author: ReadLater<PersonId>,
        /// The opening post, as it is now.
        post: ReadLater<(ThreadId, PostId)>,
        /// The title that it was opened with.
        title: String,
        /// The opening post, in Markdown, as it was written.
        body: String,
        /// Where it was first published, for imported threads.
        source: Option<String>,
    });
    /// Someone posted in a thread.
    ThreadRepliedEvent(ThreadReplied {
        /// The post, as it is now.
        post: ReadLater<(ThreadId, PostId)>,
        /// The post that it replies to; null for those that reply to the thread as a whole.
        reply_to: ReadLater<Option<(ThreadId, PostId)>>,
        /// Who wrote it.
        author: ReadLater<PersonId>,
        /// The post, in Markdown, as it was written.
        body: String,
        /// Where it was first published, for imported posts.
        source: Option<String>,
    });
    /// A thread got another title.
    ThreadRetitledEvent(ThreadRetitled {
        /// The new title.
        title: String,
    });
    /// A post was edited.
    ThreadPostEditedEvent(ThreadPostEdited {
        /// The post, as it is now.
        post: ReadLater<(ThreadId, PostId)>,
        /// The post, in Markdown, as this edit left it.
        body: String,
    });
    /// A thread takes no more posts from members.
    ThreadLockedEvent;
    /// A thread takes posts again.
    ThreadUnlockedEvent;
    /// A thread was closed.
    ThreadClosedEvent(ThreadClosed {
        /// Why it was closed.
        close_reason: CloseReason,
        /// The thread that has the same, if it was closed for that and you see the other.
        duplicate_of: ReadLater<Option<ThreadId>>,
    });
    /// A closed thread was opened again.
    ThreadReopenedEvent;
    /// A post was marked as an answer.
    ThreadAnswerMarkedEvent(ThreadAnswerMarked {
        /// The post, as it is now.
        post: ReadLater<(ThreadId, PostId)>,
    });
    /// The mark of an answer was taken back.
    ThreadAnswerUnmarkedEvent(ThreadAnswerUnmarked {
        /// The post, as it is now.
        post: ReadLater<(ThreadId, PostId)>,
    });
    /// Someone reacted to a post.
    ThreadReactedEvent(ThreadReacted {
        /// The post, as it is now.
        post: ReadLater<(ThreadId, PostId)>,
        /// Who reacted.
        person: ReadLater<PersonId>,
        /// How.
        reaction: Reaction,
    });
    /// Someone took a reaction back.
    ThreadReactionWithdrawnEvent(ThreadReactionWithdrawn {
        /// The post, as it is now.
        post: ReadLater<(ThreadId, PostId)>,
        /// Who took it back.
        person: ReadLater<PersonId>,
        /// Which reaction.
        reaction: Reaction,
    });
    /// Someone upvoted a post; the opening post stands for the thread.
    ThreadUpvotedEvent(ThreadUpvoted {
        /// The post, as it is now.
        post: ReadLater<(ThreadId, PostId)>,
        /// Who upvoted it.
        person: ReadLater<PersonId>,
    });
    /// Someone took an upvote back.
    ThreadUpvoteWithdrawnEvent(ThreadUpvoteWithdrawn {
        /// The post, as it is now.
        post: ReadLater<(ThreadId, PostId)>,
        /// Who took it back.
        person: ReadLater<PersonId>,
    });
}

/// The event with its type.
pub(super) fn typed(of: Happening, event: &Happened) -> Event {
    let thread = ThreadId(of.stream());
    let post = |post: &PostId| ReadLater((thread, *post));
    match event {
        Happened::Opened { community, category, format, audience, author, post: opening, title, body, source } => {
            let details = ThreadOpened {
                community: ReadLater(*community),
                category: ReadLater(*category),
                format: (*format).into(),
                audience: audience.clone().into(),
                author: ReadLater(*author),
                post: post(opening),
                title: title.clone(),
                body: body.clone(),
                source: source.clone(),
            };
            ThreadOpenedEvent(of, details).into()
        }
        Happened::Replied { post: reply, to, author, body, source } => {
            let details = ThreadReplied {
                post: post(reply),
                reply_to: ReadLater(to.map(|to| (thread, to))),
                author: ReadLater(*author),
                body: body.clone(),
                source: source.clone(),
            };
            ThreadRepliedEvent(of, details).into()
        }
        Happened::Retitled { title } => ThreadRetitledEvent(of, ThreadRetitled { title: title.clone() }).into(),
        Happened::PostEdited { post: edited, body } => {
            ThreadPostEditedEvent(of, ThreadPostEdited { post: post(edited), body: body.clone() }).into()
        }
        Happened::Locked => ThreadLockedEvent(of).into(),
        Happened::Unlocked => ThreadUnlockedEvent(of).into(),
        Happened::Closed { reason } => {
            let (close_reason, other) = reasons(*reason);
            ThreadClosedEvent(of, ThreadClosed { close_reason, duplicate_of: ReadLater(other) }).into()
        }
        Happened::Reopened => ThreadReopenedEvent(of).into(),
        Happened::AnswerMarked { post: answer } => ThreadAnswerMarkedEvent(of, ThreadAnswerMarked { post: post(answer) }).into(),
        Happened::AnswerUnmarked { post: answer } => ThreadAnswerUnmarkedEvent(of, ThreadAnswerUnmarked { post: post(answer) }).into(),
        Happened::Reacted { post: to, person, reaction } => {
            let details = ThreadReacted { post: post(to), person: ReadLater(*person), reaction: (*reaction).into() };
            ThreadReactedEvent(of, details).into()
        }
        Happened::ReactionWithdrawn { post: from, person, reaction } => {
            let details = ThreadReactionWithdrawn { post: post(from), person: ReadLater(*person), reaction: (*reaction).into() };
            ThreadReactionWithdrawnEvent(of, details).into()
        }
        Happened::Upvoted { post: to, person } => {
            ThreadUpvotedEvent(of, ThreadUpvoted { post: post(to), person: ReadLater(*person) }).into()
        }
        Happened::UpvoteWithdrawn { post: from, person } => {
            ThreadUpvoteWithdrawnEvent(of, ThreadUpvoteWithdrawn { post: post(from), person: ReadLater(*person) }).into()
        }
    }
}

fn reasons(reason: thread::CloseReason) -> (CloseReason, Option<ThreadId>) {
    match reason {
        thread::CloseReason::Resolved => (CloseReason::Resolved, None),
        thread::CloseReason::Outdated => (CloseReason::Outdated, None),
        thread::CloseReason::Duplicate(other) => (CloseReason::Duplicate, other),
    }
}

/// Which earlier events set what this one changes.
pub(super) fn setters(event: &Happened) -> Option<Setters> {
    match event {
        Happened::Retitled { .. } => Some(Setters::from_the_start(&["hub.discussions.thread_retitled"])),
        Happened::PostEdited { .. } => {
            Some(Setters::of(&["hub.discussions.thread_opened", "hub.discussions.thread_replied", "hub.discussions.thread_post_edited"]))
        }
        Happened::Reopened => Some(Setters::of(&["hub.discussions.thread_closed"])),
        Happened::Opened { .. }
        | Happened::Replied { .. }
        | Happened::Locked
        | Happened::Unlocked
        | Happened::Closed { .. }
        | Happened::AnswerMarked { .. }
        | Happened::AnswerUnmarked { .. }
        | Happened::Reacted { .. }
        | Happened::ReactionWithdrawn { .. }
        | Happened::Upvoted { .. }
        | Happened::UpvoteWithdrawn { .. } => None,
    }
}

fn title_of(event: &Happened) -> Option<&String> {
    if let Happened::Opened { title, .. } | Happened::Retitled { title } = event { Some(title) } else { None }
}

fn body_of(event: &Happened) -> Option<&String> {
    if let Happened::Opened { body, .. } | Happened::Replied { body, .. } | Happened::PostEdited { body, .. } = event {
        Some(body)
    } else {
        None
    }
}

/// What this event changed, given the earlier event that set the same thing.
pub(super) fn changes(event: &Happened, before: Option<&Happened>) -> Vec<Change> {
    match event {
        Happened::Opened { category, format, title, body, post: _, community: _, audience: _, author: _, source: _ } => vec![
            Change::new("category", GlobalId::Category(*category).encode().0),
            Change::new("format", name(&Format::from(*format))),
            Change::new("title", title),
            Change::new("body", body),
        ],
        Happened::Replied { body, .. } => vec![Change::new("body", body)],
        Happened::Retitled { title } => real([Change::of("title", before.and_then(title_of), Some(title))]),
        Happened::PostEdited { body, .. } => real([Change::of("body", before.and_then(body_of), Some(body))]),
        Happened::Locked => vec![Change::switched("locked", true)],
        Happened::Unlocked => vec![Change::switched("locked", false)],
        Happened::Closed { reason } => {
            let (reason, other) = reasons(*reason);
            let other = other.map(|other| Change::new("duplicateOf", GlobalId::Thread(other).encode().0));
            [Change::switched("closed", true), Change::new("closeReason", name(&reason))].into_iter().chain(other).collect()
        }
        Happened::Reopened => {
            let mut changes = vec![Change::switched("closed", false)];
            if let Some(Happened::Closed { reason }) = before {
                let (reason, other) = reasons(*reason);
                changes.push(Change::gone("closeReason", name(&reason)));
                changes.extend(other.map(|other| Change::gone("duplicateOf", GlobalId::Thread(other).encode().0)));
            }
            changes
        }
        Happened::AnswerMarked { .. } => vec![Change::switched("isAnswer", true)],
        Happened::AnswerUnmarked { .. } => vec![Change::switched("isAnswer", false)],
        Happened::Reacted { reaction, .. } => vec![Change::new("reaction", name(&Reaction::from(*reaction)))],
        Happened::ReactionWithdrawn { reaction, .. } => vec![Change::gone("reaction", name(&Reaction::from(*reaction)))],
        Happened::Upvoted { .. } => vec![Change::switched("upvoted", true)],
        Happened::UpvoteWithdrawn { .. } => vec![Change::switched("upvoted", false)],
    }
}
