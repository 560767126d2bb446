//! What happened to threads, summed up over any number of events and written in a fixed number of statements.
//!
//! One event goes the same way as ten thousand, so that the running view and a rebuild cannot differ.

use super::listing;
use crate::code;
use ::discussions::thread::{CloseReason, Event, Reaction};
use events::HubEvent;
use kernel::{PersonId, PostId, Recorded, Timestamp, Who};
use sqlx::PgConnection;
use std::collections::{BTreeMap, HashMap};
use uuid::Uuid;

/// A thread that was opened among these events, as it stands after them.
struct Opened {
    community: Uuid,
    category: Uuid,
    author: Uuid,
    organisation: Option<Uuid>,
    post: Uuid,
    title: String,
    audience: String,
    format: String,
    at: Timestamp,
    source: Option<String>,
    upvotes: i32,
}

/// What changed about a thread, whether it was opened among these events or before.
#[derive(Default)]
struct ThreadChange {
    version: i64,
    title: Option<String>,
    activity: Option<Timestamp>,
    locked: Option<bool>,
    closed: Option<(bool, Option<&'static str>, Option<Uuid>)>,
    replies: i32,
    answers: i32,
}

/// A post that was written among these events, as it stands after them.
struct Posted {
    author: Uuid,
    body: String,
    at: Timestamp,
    opening: bool,
    reply_to: Option<Uuid>,
    source: Option<String>,
    version: i64,
}

/// What changed about a post, whether it was written among these events or before.
#[derive(Default)]
struct PostChange {
    replies: i32,
    upvotes: i32,
    answer: Option<bool>,
}

/// A post within its thread.
type PostKey = (Uuid, Uuid);

struct Edited {
    post: PostKey,
    version: i64,
    body: String,
    at: Timestamp,
    by: Option<Uuid>,
}

/// What happened, summed up.
#[derive(Default)]
pub(super) struct Happenings {
    opened: BTreeMap<Uuid, Opened>,
    threads: BTreeMap<Uuid, ThreadChange>,
    posted: BTreeMap<PostKey, Posted>,
    posts: BTreeMap<PostKey, PostChange>,
    edited: Vec<Edited>,
    /// Whether each reaction stands at the end.
    reactions: HashMap<(PostKey, Reaction, Uuid), bool>,
    upvotes: HashMap<(PostKey, Uuid), bool>,
}

/// Sums up what these events, in their order, did to threads.
pub(super) fn sum_up(events: &[Recorded<HubEvent>]) -> Happenings {
    let mut happenings = Happenings::default();
    for recorded in events {
        match &recorded.event {
            HubEvent::Thread(event) => happenings.add(recorded, event),
            HubEvent::Organisation(_) | HubEvent::Person(_) | HubEvent::Team(_) | HubEvent::Community(_) | HubEvent::Category(_) => {}
        }
    }
    happenings
}

impl Happenings {
    fn add(&mut self, recorded: &Recorded<HubEvent>, event: &Event) {
        let thread = recorded.stream.id;
        let at = recorded.meta.occurred_at;
        let change = self.threads.entry(thread).or_default();
        change.version = recorded.version.cast_signed();
        let version = change.version;
        let mut active = || change.activity = change.activity.max(Some(at));
        match event {
            Event::Opened { community, category, format, audience, author, post, title, body, source } => {
                active();
                let opened = Opened {
                    community: community.uuid(),
                    category: category.uuid(),
                    author: author.uuid(),
                    organisation: recorded.meta.organisation.map(Into::into),
                    post: post.uuid(),
                    title: title.clone(),
                    audience: audience.to_texts().join(","),
                    format: code::of(format),
                    at,
                    source: source.clone(),
                    upvotes: 0,
                };
                self.opened.insert(thread, opened);
                let source = source.clone();
                let posted = Posted { author: author.uuid(), body: body.clone(), at, opening: true, reply_to: None, source, version };
                self.posted.insert((thread, post.uuid()), posted);
            }
            Event::Replied { post, to, author, body, source } => {
                active();
                change.replies += 1;
                let reply_to = to.map(PostId::uuid);
                let source = source.clone();
                let posted = Posted { author: author.uuid(), body: body.clone(), at, opening: false, reply_to, source, version };
                self.posted.insert((thread, post.uuid()), posted);
                if let Some(to) = reply_to {
                    self.posts.entry((thread, to)).or_default().replies += 1;
                }
            }
            Event::Retitled { title } => change.title = Some(title.clone()),
            Event::PostEdited { post, body } => {
                let by = match &recorded.meta.actor {
                    Who::Person(person) => Some(person.uuid()),
                    Who::System(_) => None,
                };
                self.edited.push(Edited { post: (thread, post.uuid()), version, body: body.clone(), at, by });
            }
            Event::Locked => change.locked = Some(true),
            Event::Unlocked => change.locked = Some(false),
            Event::Closed { reason } => {
                active();
                change.closed = Some(match reason {
                    CloseReason::Resolved => (true, Some("resolved"), None),
                    CloseReason::Outdated => (true, Some("outdated"), None),
                    CloseReason::Duplicate(of) => (true, Some("duplicate"), of.map(Into::into)),
                });
            }
            Event::Reopened => {
                active();
                change.closed = Some((false, None, None));
            }
            Event::AnswerMarked { post } => {
                active();
                change.answers += 1;
                self.posts.entry((thread, post.uuid())).or_default().answer = Some(true);
            }
            Event::AnswerUnmarked { post } => {
                change.answers -= 1;
                self.posts.entry((thread, post.uuid())).or_default().answer = Some(false);
            }
            Event::Reacted { post, person, reaction } => {
                self.reactions.insert(((thread, post.uuid()), *reaction, person.uuid()), true);
            }
            Event::ReactionWithdrawn { post, person, reaction } => {
                self.reactions.insert(((thread, post.uuid()), *reaction, person.uuid()), false);
            }
            Event::Upvoted { post, person } => self.upvote(thread, *post, *person, true),
            Event::UpvoteWithdrawn { post, person } => self.upvote(thread, *post, *person, false),
        }
    }

    fn upvote(&mut self, thread: Uuid, post: PostId, person: PersonId, stands: bool) {
        let one = if stands { 1 } else { -1 };
        let post = post.uuid();
        self.upvotes.insert(((thread, post), person.uuid()), stands);
        self.posts.entry((thread, post)).or_default().upvotes += one;
        if let Some(opened) = self.opened.get_mut(&thread)
            && opened.post == post
        {
            opened.upvotes += one;
        }
    }

    /// Writes it, each table by few statements.
    pub(super) async fn write(mut self, db: &mut PgConnection) -> Result<(), sqlx::Error> {
        if self.threads.is_empty() {
            return Ok(());
        }
        self.write_opened(db).await?;
        self.write_posted(db).await?;
        // What is listed of threads that were there before may be another now.
        let known: Vec<Uuid> = self.threads.keys().copied().collect();
        self.write_threads(db).await?;
        self.write_posts(db).await?;
        listing::renew(&known, db).await?;
        self.write_edited(db).await?;
        self.write_reactions(db).await?;
        self.write_upvotes(db).await
    }

    async fn write_opened(&mut self, db: &mut PgConnection) -> Result<(), sqlx::Error> {
        if self.opened.is_empty() {
            return Ok(());
        }
        let count = self.opened.len();
        let mut columns = OpenedColumns::with_capacity(count);
        let mut tally: BTreeMap<(Uuid, String), (Uuid, i64)> = BTreeMap::new();
        for (id, opened) in &self.opened {
            let change = self.threads.remove(id).unwrap_or_default();
            tally.entry((opened.category, opened.audience.clone())).or_insert((opened.community, 0)).1 += 1;
            columns.push(*id, opened, change);
        }
        columns.insert(db).await?;
        listing::open(self.opened.iter().map(|(id, opened)| (*id, opened.audience.as_str())), db).await?;
        let mut rows = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for ((category, audience), (community, threads)) in tally {
            rows.0.push(category);
            rows.1.push(audience);
            rows.2.push(community);
            rows.3.push(threads);
        }
        sqlx::query!(
            "insert into thread_tally (category, audience_key, audience, community, threads) \
             select category, sha256(convert_to(audience, 'UTF8')), string_to_array(audience, ','), community, threads \
             from unnest($1::uuid[], $2::text[], $3::uuid[], $4::bigint[]) n(category, audience, community, threads) \
             on conflict (category, audience_key) do update set threads = thread_tally.threads + excluded.threads",
            &rows.0,
            &rows.1,
            &rows.2,
            &rows.3
        )
        .execute(db)
        .await?;
        Ok(())
    }

    async fn write_posted(&mut self, db: &mut PgConnection) -> Result<(), sqlx::Error> {
        if self.posted.is_empty() {
            return Ok(());
        }
        let mut columns = PostedColumns::default();
        for (key, posted) in std::mem::take(&mut self.posted) {
            let change = self.posts.remove(&key).unwrap_or_default();
            // Upvotes of an opening post are in its thread already if both are new.
            columns.push(key, posted, &change);
        }
        columns.insert(db).await
    }

    async fn write_threads(&mut self, db: &mut PgConnection) -> Result<(), sqlx::Error> {
        if self.threads.is_empty() {
            return Ok(());
        }
        let count = self.threads.len();
        let mut ids = Vec::with_capacity(count);
        let mut versions = Vec::with_capacity(count);
        let mut titles: Vec<Option<String>> = Vec::with_capacity(count);
        let mut activities: Vec<Option<Timestamp>> = Vec::with_capacity(count);
        let mut locked: Vec<Option<bool>> = Vec::with_capacity(count);
        let mut closed: Vec<Option<bool>> = Vec::with_capacity(count);
        let mut reasons: Vec<Option<&str>> = Vec::with_capacity(count);
        let mut duplicates: Vec<Option<Uuid>> = Vec::with_capacity(count);
        let mut replies = Vec::with_capacity(count);
        let mut answers = Vec::with_capacity(count);
        for (id, change) in std::mem::take(&mut self.threads) {
            ids.push(id);
            versions.push(change.version);
            titles.push(change.title);
            activities.push(change.activity);
            locked.push(change.locked);
            closed.push(change.closed.map(|(closed, _, _)| closed));
            reasons.push(change.closed.and_then(|(_, reason, _)| reason));
            duplicates.push(change.closed.and_then(|(_, _, duplicate)| duplicate));
            replies.push(change.replies);
            answers.push(change.answers);
        }
        sqlx::query!(
            "update thread t set version = n.version, title = coalesce(n.title, t.title), \
             last_activity_at = greatest(t.last_activity_at, n.activity), locked = coalesce(n.locked, t.locked), \
             closed = coalesce(n.closed, t.closed), \
             close_reason = case when n.closed is null then t.close_reason else n.reason end, \
             duplicate_of = case when n.closed is null then t.duplicate_of else n.duplicate end, \
             reply_count = t.reply_count + n.replies, answer_count = t.answer_count + n.answers \
             from unnest($1::uuid[], $2::bigint[], $3::text[], $4::timestamptz[], $5::bool[], $6::bool[], $7::text[], $8::uuid[], \
             $9::int[], $10::int[]) n(id, version, title, activity, locked, closed, reason, duplicate, replies, answers) \
             where t.id = n.id",
            &ids,
            &versions,
            &titles as _,
            &activities as _,
            &locked as _,
            &closed as _,
            &reasons as _,
            &duplicates as _,
            &replies,
            &answers
        )
        .execute(db)
        .await?;
        Ok(())
    }

    async fn write_posts(&mut self, db: &mut PgConnection) -> Result<(), sqlx::Error> {
        if self.posts.is_empty() {
            return Ok(());
        }
        let (mut threads, mut ids, mut replies, mut upvotes) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut answers: Vec<Option<bool>> = Vec::new();
        let mut any_upvote = false;
        for ((thread, id), change) in std::mem::take(&mut self.posts) {
            threads.push(thread);
            ids.push(id);
            replies.push(change.replies);
            upvotes.push(change.upvotes);
            answers.push(change.answer);
            any_upvote |= change.upvotes != 0;
        }
        sqlx::query!(
            "update post b set reply_count = b.reply_count + n.replies, upvote_count = b.upvote_count + n.upvotes, \
             answer = coalesce(n.answer, b.answer) \
             from unnest($1::uuid[], $2::uuid[], $3::int[], $4::int[], $5::bool[]) n(thread, id, replies, upvotes, answer) \
             where b.thread = n.thread and b.id = n.id",
            &threads,
            &ids,
            &replies,
            &upvotes,
            &answers as _
        )
        .execute(&mut *db)
        .await?;
        if any_upvote {
            sqlx::query!(
                "update thread t set upvote_count = t.upvote_count + n.upvotes \
                 from unnest($1::uuid[], $2::uuid[], $3::int[]) n(thread, post, upvotes) \
                 where t.id = n.thread and t.opening_post = n.post and n.upvotes <> 0",
                &threads,
                &ids,
                &upvotes
            )
            .execute(db)
            .await?;
        }
        Ok(())
    }

    async fn write_edited(&mut self, db: &mut PgConnection) -> Result<(), sqlx::Error> {
        if self.edited.is_empty() {
            return Ok(());
        }
        let (mut threads, mut posts, mut versions, mut bodies, mut times) = (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut editors: Vec<Option<Uuid>> = Vec::new();
        for edited in std::mem::take(&mut self.edited) {
            threads.push(edited.post.0);
            posts.push(edited.post.1);
            versions.push(edited.version);
            bodies.push(edited.body);
            times.push(edited.at);
            editors.push(edited.by);
        }
        // The first edit keeps the original beside it.
        sqlx::query!(
            "insert into post_revision (thread, post, version, body, at, by) \
             select distinct b.thread, b.id, b.version, b.body, b.posted_at, b.author \
             from unnest($1::uuid[], $2::uuid[]) n(thread, post) join post b on b.thread = n.thread and b.id = n.post \
             where b.edited_at is null on conflict do nothing",
            &threads,
            &posts
        )
        .execute(&mut *db)
        .await?;
        sqlx::query!(
            "insert into post_revision (thread, post, version, body, at, by) \
             select * from unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::text[], $5::timestamptz[], $6::uuid[])",
            &threads,
            &posts,
            &versions,
            &bodies,
            &times,
            &editors as _
        )
        .execute(&mut *db)
        .await?;
        sqlx::query!(
            "update post b set body = n.body, edited_at = n.at from ( \
             select distinct on (thread, post) thread, post, body, at \
             from unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::text[], $5::timestamptz[]) e(thread, post, version, body, at) \
             order by thread, post, version desc) n \
             where b.thread = n.thread and b.id = n.post",
            &threads,
            &posts,
            &versions,
            &bodies,
            &times
        )
        .execute(db)
        .await?;
        Ok(())
    }

    async fn write_reactions(&mut self, db: &mut PgConnection) -> Result<(), sqlx::Error> {
        for stands in [true, false] {
            let (mut threads, mut posts, mut codes, mut persons) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
            for (((thread, post), reaction, person), _) in self.reactions.iter().filter(|(_, stand)| **stand == stands) {
                threads.push(*thread);
                posts.push(*post);
                codes.push(code::of(reaction));
                persons.push(*person);
            }
            if threads.is_empty() {
                continue;
            }
            if stands {
                sqlx::query!(
                    "insert into reaction (thread, post, reaction, person) \
                     select * from unnest($1::uuid[], $2::uuid[], $3::text[], $4::uuid[]) on conflict do nothing",
                    &threads,
                    &posts,
                    &codes,
                    &persons
                )
                .execute(&mut *db)
                .await?;
            } else {
                sqlx::query!(
                    "delete from reaction r using unnest($1::uuid[], $2::uuid[], $3::text[], $4::uuid[]) n(thread, post, reaction, person) \
                     where r.thread = n.thread and r.post = n.post and r.reaction = n.reaction and r.person = n.person",
                    &threads,
                    &posts,
                    &codes,
                    &persons
                )
                .execute(&mut *db)
                .await?;
            }
        }
        Ok(())
    }

    async fn write_upvotes(&mut self, db: &mut PgConnection) -> Result<(), sqlx::Error> {
        for stands in [true, false] {
            let (mut threads, mut posts, mut persons) = (Vec::new(), Vec::new(), Vec::new());
            for (((thread, post), person), _) in self.upvotes.iter().filter(|(_, stand)| **stand == stands) {
                threads.push(*thread);
                posts.push(*post);
                persons.push(*person);
            }
            if threads.is_empty() {
                continue;
            }
            if stands {
                sqlx::query!(
                    "insert into upvote (thread, post, person) select * from unnest($1::uuid[], $2::uuid[], $3::uuid[]) on conflict do nothing",
                    &threads,
                    &posts,
                    &persons
                )
                .execute(&mut *db)
                .await?;
            } else {
                sqlx::query!(
                    "delete from upvote u using unnest($1::uuid[], $2::uuid[], $3::uuid[]) n(thread, post, person) \
                     where u.thread = n.thread and u.post = n.post and u.person = n.person",
                    &threads,
                    &posts,
                    &persons
                )
                .execute(&mut *db)
                .await?;
            }
        }
        Ok(())
    }
}

/// Columns of new threads, as one statement takes them.
#[derive(Default)]
struct OpenedColumns {
    ids: Vec<Uuid>,
    communities: Vec<Uuid>,
    categories: Vec<Uuid>,
    authors: Vec<Uuid>,
    organisations: Vec<Option<Uuid>>,
    posts: Vec<Uuid>,
    titles: Vec<String>,
    audiences: Vec<String>,
    formats: Vec<String>,
    opened: Vec<Timestamp>,
    activities: Vec<Timestamp>,
    locked: Vec<bool>,
    closed: Vec<bool>,
    reasons: Vec<Option<&'static str>>,
    duplicates: Vec<Option<Uuid>>,
    replies: Vec<i32>,
    answers: Vec<i32>,
    upvotes: Vec<i32>,
    sources: Vec<Option<String>>,
    versions: Vec<i64>,
}

impl OpenedColumns {
    fn with_capacity(count: usize) -> Self {
        Self { ids: Vec::with_capacity(count), ..Self::default() }
    }

    fn push(&mut self, id: Uuid, opened: &Opened, change: ThreadChange) {
        let (closed, reason, duplicate) = change.closed.unwrap_or((false, None, None));
        self.ids.push(id);
        self.communities.push(opened.community);
        self.categories.push(opened.category);
        self.authors.push(opened.author);
        self.organisations.push(opened.organisation);
        self.posts.push(opened.post);
        self.titles.push(change.title.unwrap_or_else(|| opened.title.clone()));
        self.audiences.push(opened.audience.clone());
        self.formats.push(opened.format.clone());
        self.opened.push(opened.at);
        self.activities.push(change.activity.unwrap_or(opened.at));
        self.locked.push(change.locked.unwrap_or(false));
        self.closed.push(closed);
        self.reasons.push(reason);
        self.duplicates.push(duplicate);
        self.replies.push(change.replies);
        self.answers.push(change.answers);
        self.upvotes.push(opened.upvotes);
        self.sources.push(opened.source.clone());
        self.versions.push(change.version);
    }

    async fn insert(self, db: &mut PgConnection) -> Result<(), sqlx::Error> {
        sqlx::query!(
            "insert into thread (id, community, category, author, organisation, opening_post, title, audience, format, opened_at, \
             last_activity_at, locked, closed, close_reason, duplicate_of, reply_count, answer_count, upvote_count, source, version) \
             select id, community, category, author, organisation, post, title, string_to_array(audience, ','), format, opened, activity, \
             locked, closed, reason, duplicate, replies, answers, upvotes, source, version \
             from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::uuid[], $6::uuid[], $7::text[], $8::text[], $9::text[], \
             $10::timestamptz[], $11::timestamptz[], $12::bool[], $13::bool[], $14::text[], $15::uuid[], $16::int[], $17::int[], \
             $18::int[], $19::text[], $20::bigint[]) \
             n(id, community, category, author, organisation, post, title, audience, format, opened, activity, locked, closed, reason, \
             duplicate, replies, answers, upvotes, source, version)",
            &self.ids,
            &self.communities,
            &self.categories,
            &self.authors,
            &self.organisations as _,
            &self.posts,
            &self.titles,
            &self.audiences,
            &self.formats,
            &self.opened,
            &self.activities,
            &self.locked,
            &self.closed,
            &self.reasons as _,
            &self.duplicates as _,
            &self.replies,
            &self.answers,
            &self.upvotes,
            &self.sources as _,
            &self.versions
        )
        .execute(db)
        .await?;
        Ok(())
    }
}

/// Columns of new posts, as one statement takes them.
#[derive(Default)]
struct PostedColumns {
    threads: Vec<Uuid>,
    ids: Vec<Uuid>,
    authors: Vec<Uuid>,
    bodies: Vec<String>,
    posted: Vec<Timestamp>,
    opening: Vec<bool>,
    answers: Vec<bool>,
    reply_to: Vec<Option<Uuid>>,
    replies: Vec<i32>,
    upvotes: Vec<i32>,
    sources: Vec<Option<String>>,
    versions: Vec<i64>,
}

impl PostedColumns {
    fn push(&mut self, (thread, id): PostKey, posted: Posted, change: &PostChange) {
        self.threads.push(thread);
        self.ids.push(id);
        self.authors.push(posted.author);
        self.bodies.push(posted.body);
        self.posted.push(posted.at);
        self.opening.push(posted.opening);
        self.answers.push(change.answer.unwrap_or(false));
        self.reply_to.push(posted.reply_to);
        self.replies.push(change.replies);
        self.upvotes.push(change.upvotes);
        self.sources.push(posted.source);
        self.versions.push(posted.version);
    }

    async fn insert(self, db: &mut PgConnection) -> Result<(), sqlx::Error> {
        sqlx::query!(
            "insert into post (thread, id, author, body, posted_at, opening, answer, reply_to, reply_count, upvote_count, source, version) \
             select * from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::timestamptz[], $6::bool[], $7::bool[], $8::uuid[], \
             $9::int[], $10::int[], $11::text[], $12::bigint[])",
            &self.threads,
            &self.ids,
            &self.authors,
            &self.bodies,
            &self.posted,
            &self.opening,
            &self.answers,
            &self.reply_to as _,
            &self.replies,
            &self.upvotes,
            &self.sources as _,
            &self.versions
        )
        .execute(db)
        .await?;
        Ok(())
    }
}
