//! Brings the demonstration's departments, people and conversations into the log, as commands.
//!
//! Every command's id is derived from what it is about, so that a start that was cut short is completed by the
//! next one, and a complete one changes nothing.

use anyhow::{Context, bail};
use communities::charter::{Charter, Clause};
use communities::community::{self, MemberKind};
use discussions::category::{self, Format};
use discussions::thread::{self, CloseReason, Home, Reaction};
use embedded::content::{COMMUNITIES, DemoCommunity, DemoPost, DemoThread, End, Seen, Writer};
use kernel::{Actor, Audience, CategoryId, CommandId, CommunityId, OrganisationId, PersonId, PostId, Role, ThreadId, Timestamp};
use services::{Dispatch, Failure, HubCommand, Request};
use std::sync::Arc;
use uuid::Uuid;

/// The namespace of every id of the demonstration.
const NAMESPACE: Uuid = Uuid::from_u128(0x6f2d_41c0_8a35_4b0e_9a53_1d52_70b4_e8f1);

/// An id of the demonstration, the same at every start.
pub(crate) fn id(what: &str) -> Uuid {
    Uuid::new_v5(&NAMESPACE, what.as_bytes())
}

/// Sends the demonstration's commands.
pub(crate) struct Seeder {
    /// Where commands go.
    pub(crate) services: Arc<dyn Dispatch>,
    /// The moment that “hours ago” counts from.
    pub(crate) now: Timestamp,
}

impl Seeder {
    /// Sends one command; a refusal is a mistake in the demonstration's content.
    pub(crate) async fn send(&self, key: &str, by: Actor, target: Uuid, command: HubCommand, at: Option<Timestamp>) -> anyhow::Result<()> {
        let mut request = Request::new(CommandId(id(&format!("command:{key}"))), by, target, command);
        request.occurred_at = at;
        match self.services.execute(request).await {
            Ok(_) => Ok(()),
            Err(Failure::Refused(refused)) => bail!("the demonstration's command {key} was refused: {}", refused.message),
            Err(failure @ Failure::Unavailable(_)) => {
                Err(failure).with_context(|| format!("the demonstration's command {key} did not go through"))
            }
        }
    }

    /// Every community with its conversations.
    pub(crate) async fn communities(&self) -> anyhow::Result<()> {
        for community in COMMUNITIES {
            self.community(community).await.with_context(|| format!("community {}", community.slug))?;
        }
        Ok(())
    }

    async fn community(&self, demo: &DemoCommunity) -> anyhow::Result<()> {
        let community = CommunityId(id(&format!("community:{}", demo.slug)));
        let home = organisation_id(demo.founder.0);
        let audience = match demo.seen {
            Seen::Public => Audience::public(),
            Seen::Members => Audience::members(),
            Seen::Community => Audience::community(community),
        };
        let found = community::Command::Found {
            slug: demo.slug.to_owned(),
            name: demo.name.to_owned(),
            subject: demo.subject.to_owned(),
            home,
            audience: audience.clone(),
            charter: charter(demo),
        };
        let slug = demo.slug;
        self.send(&format!("found:{slug}"), person(demo.founder), community.0, HubCommand::Community(found), None).await?;
        let coordinator = person(demo.founder).with(Role::Coordinator(community)).with(Role::CoreMember(community));
        for (writer, kind) in demo.members {
            let kind = match *kind {
                "core" => MemberKind::Core,
                "member" => MemberKind::Member,
                _ => MemberKind::InterestedParty,
            };
            let join = community::Command::Join { person: person_id(*writer), organisation: organisation_id(writer.0), kind, team: None };
            let key = format!("join:{slug}:{}:{}", writer.0, writer.1);
            self.send(&key, coordinator.clone(), community.0, HubCommand::Community(join), None).await?;
        }
        for (position, (address, name, description, format)) in demo.categories.iter().enumerate() {
            let open = category::Command::Open {
                community,
                slug: (*address).to_owned(),
                name: (*name).to_owned(),
                description: (*description).to_owned(),
                format: format_of(format),
                audience: audience.clone(),
                within: audience.clone(),
                position: u16::try_from(position).unwrap_or(u16::MAX),
            };
            let category = category_id(slug, address);
            self.send(&format!("category:{slug}:{address}"), coordinator.clone(), category.0, HubCommand::Category(open), None).await?;
        }
        for thread in demo.threads {
            self.thread(demo, community, &audience, thread).await.with_context(|| format!("thread {}", thread.key))?;
        }
        Ok(())
    }

    async fn thread(&self, demo: &DemoCommunity, community: CommunityId, audience: &Audience, thread: &DemoThread) -> anyhow::Result<()> {
        let key = format!("{}:{}", demo.slug, thread.key);
        let target = ThreadId(id(&format!("thread:{key}"))).0;
        let format =
            demo.categories.iter().find(|(slug, ..)| *slug == thread.category).map_or(Format::Open, |(_, _, _, format)| format_of(format));
        let home = Home { community, category: category_id(demo.slug, thread.category), format, audience: audience.clone(), open: true };
        let hub = || Actor::system("demo");
        let open = thread::Command::Open {
            home,
            author: person_id(thread.author),
            post: post_id(&key, None),
            title: thread.title.to_owned(),
            body: thread.body.to_owned(),
            audience: None,
            source: None,
        };
        self.send(&format!("open:{key}"), hub(), target, HubCommand::Thread(open), Some(self.hours_ago(thread.hours_ago))).await?;
        for writer in thread.upvotes {
            let upvote = thread::Command::Upvote { post: post_id(&key, None) };
            let by = person(*writer).with(Role::Member(community));
            self.send(&format!("upvote:{key}:{}:{}", writer.0, writer.1), by, target, HubCommand::Thread(upvote), None).await?;
        }
        for (place, post) in thread.posts.iter().enumerate() {
            self.post(&key, community, target, place, post).await?;
        }
        let end = match thread.end {
            End::Open => return Ok(()),
            End::Resolved => thread::Command::Close { reason: CloseReason::Resolved },
            End::Locked => thread::Command::Lock,
        };
        // It ended an hour after the last that was said.
        let last = thread.posts.iter().map(|post| post.hours_ago).min().unwrap_or(thread.hours_ago);
        let at = self.hours_ago(last.saturating_sub(1));
        self.send(&format!("end:{key}"), hub(), target, HubCommand::Thread(end), Some(at)).await
    }

    async fn post(&self, key: &str, community: CommunityId, target: Uuid, place: usize, post: &DemoPost) -> anyhow::Result<()> {
        let own = post_id(key, Some(place));
        let reply = thread::Command::Reply {
            post: own,
            to: post.to.map(|place| post_id(key, Some(place))),
            author: person_id(post.author),
            body: post.body.to_owned(),
            source: None,
        };
        let at = Some(self.hours_ago(post.hours_ago));
        self.send(&format!("reply:{key}:{place}"), Actor::system("demo"), target, HubCommand::Thread(reply), at).await?;
        for (writer, reaction) in post.reactions {
            let react = thread::Command::React { post: own, reaction: reaction_of(reaction) };
            let by = person(*writer).with(Role::Member(community));
            self.send(&format!("react:{key}:{place}:{}:{}", writer.0, writer.1), by, target, HubCommand::Thread(react), None).await?;
        }
        if post.answer {
            let mark = thread::Command::MarkAnswer { post: own };
            self.send(&format!("answer:{key}:{place}"), Actor::system("demo"), target, HubCommand::Thread(mark), at).await?;
        }
        Ok(())
    }

    fn hours_ago(&self, hours: u32) -> Timestamp {
        self.now - chrono::TimeDelta::hours(i64::from(hours))
    }
}

pub(crate) fn organisation_id(department: usize) -> OrganisationId {
    OrganisationId(id(&format!("organisation:{department}")))
}

pub(crate) fn person_id(writer: Writer) -> PersonId {
    PersonId(id(&format!("person:{}:{}", writer.0, writer.1)))
}

fn person(writer: Writer) -> Actor {
    Actor::person(person_id(writer), organisation_id(writer.0))
}

fn category_id(community: &str, category: &str) -> CategoryId {
    CategoryId(id(&format!("category:{community}:{category}")))
}

fn post_id(thread: &str, place: Option<usize>) -> PostId {
    PostId(id(&place.map_or_else(|| format!("post:{thread}"), |place| format!("post:{thread}:{place}"))))
}

fn charter(demo: &DemoCommunity) -> Charter {
    let clause = |name: &str| {
        let text = demo.charter.iter().find(|(clause, _)| *clause == name).map_or("TBC", |(_, text)| *text);
        text.strip_prefix("TBC").map_or_else(|| Clause::Stated(text.to_owned()), |note| Clause::ToBeConfirmed(note.trim().to_owned()))
    };
    Charter {
        purpose: clause("purpose"),
        goals: clause("goals"),
        scope: clause("scope"),
        sponsor: clause("sponsor"),
        format: clause("format"),
        cadence: clause("cadence"),
    }
}

fn format_of(name: &str) -> Format {
    match name {
        "question_and_answer" => Format::QuestionAndAnswer,
        "announcement" => Format::Announcement,
        "poll" => Format::Poll,
        "idea" => Format::Idea,
        _ => Format::Open,
    }
}

fn reaction_of(name: &str) -> Reaction {
    match name {
        "thumbs_down" => Reaction::ThumbsDown,
        "laugh" => Reaction::Laugh,
        "hooray" => Reaction::Hooray,
        "confused" => Reaction::Confused,
        "heart" => Reaction::Heart,
        "rocket" => Reaction::Rocket,
        "eyes" => Reaction::Eyes,
        _ => Reaction::ThumbsUp,
    }
}
