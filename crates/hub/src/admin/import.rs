//! `hub import github-discussions`: conversations written elsewhere become threads, under their authors' names.
//!
//! Every id and every command id is derived from the identifiers that GitHub gave, so that importing the same
//! files again changes nothing, and importing newer ones adds what is new.

use anyhow::{Context, bail};
use communities::charter::{Charter, Clause};
use communities::community;
use discussions::category::{self, Format};
use discussions::thread::{self, CloseReason, Home};
use interchange::github::{self, Category, Discussion};
use kernel::{Actor, Audience, CategoryId, CommandId, CommunityId, OrganisationId, PersonId, PostId, Timestamp};
use organisations::{organisation, person};
use serde::Serialize;
use services::{Dispatch, Failure, HubCommand, Request, Services};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::path::PathBuf;
use store::Log;
use uuid::Uuid;

/// The namespace of everything that came from GitHub.
const GITHUB: Uuid = Uuid::from_u128(0x1f0e_9d6a_2b7c_5e43_8c1d_77a0_5b3e_9214);

/// Where imported threads go.
#[derive(Clone, Debug, Default)]
pub(crate) struct Destination {
    /// The community's address; made from the repository's name if left out.
    pub(crate) community: Option<String>,
    /// The address of the organisation at whose home a community is founded; the repository's owner if left out.
    pub(crate) organisation: Option<String>,
    /// Whether a newly founded community is for signed-in people only.
    pub(crate) members_only: bool,
}

/// What an import did.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Report {
    /// Threads that were not there before.
    pub(crate) threads: u64,
    /// Posts that were not there before.
    pub(crate) posts: u64,
    /// People who got a placeholder.
    pub(crate) people: u64,
    /// Commands whose outcome was there already.
    pub(crate) unchanged: u64,
    /// Records that hold nothing to import.
    pub(crate) passed_over: u64,
    /// What could not be imported, with its place.
    pub(crate) problems: Vec<String>,
}

/// Sends the commands of an import.
pub(crate) struct Importer<'a> {
    /// The log, to look up addresses that are taken.
    pub(crate) log: &'a Log,
    /// Where commands go.
    pub(crate) services: &'a Services,
    /// Where threads go.
    pub(crate) destination: Destination,
    /// What was done so far.
    pub(crate) report: Report,
    known: BTreeSet<Uuid>,
}

impl<'a> Importer<'a> {
    /// An import that has done nothing yet.
    pub(crate) fn new(log: &'a Log, services: &'a Services, destination: Destination) -> Self {
        Self { log, services, destination, report: Report::default(), known: BTreeSet::new() }
    }

    /// Imports files, one after the other. `advance` is told of each discussion: how many are done, of how many.
    ///
    /// # Errors
    /// The hub itself fails. What is wrong with a file or a record goes into the report.
    pub(crate) async fn files(&mut self, files: &[PathBuf], mut advance: impl FnMut(u64, u64)) -> anyhow::Result<()> {
        let mut discussions = Vec::new();
        for file in files {
            let name = file.display();
            let text = match std::fs::read_to_string(file) {
                Ok(text) => text,
                Err(error) => {
                    self.report.problems.push(format!("{name}: cannot be read: {error}"));
                    continue;
                }
            };
            let parsed = github::parse(&text);
            self.report.problems.extend(parsed.problems.iter().map(|problem| format!("{name}: {problem}")));
            self.report.passed_over += parsed.passed_over.len() as u64;
            discussions.extend(parsed.discussions.into_iter().map(|discussion| (name.to_string(), discussion)));
        }
        let total = discussions.len() as u64;
        for (done, (file, discussion)) in (1..).zip(&discussions) {
            match self.discussion(discussion).await {
                Ok(()) => {}
                Err(Stop::Record(problem)) => self.report.problems.push(format!("{file}: {}: {problem}", place(discussion))),
                Err(Stop::Hub(error)) => return Err(error),
            }
            advance(done, total);
        }
        Ok(())
    }

    async fn discussion(&mut self, discussion: &Discussion) -> Result<(), Stop> {
        let community = self.community(discussion).await?;
        let category = self.category(community, &discussion.category).await?;
        let author = self.person(&discussion.thread.author).await?;
        let target = derived(&format!("discussion:{}", discussion.thread.source_id));
        let opening = PostId(derived(&format!("post:{}", discussion.thread.source_id)));
        let home = Home { community, category, format: format_of(&discussion.category), audience: Audience::public(), open: true };
        let open = thread::Command::Open {
            home,
            author,
            post: opening,
            title: discussion.thread.title.clone(),
            body: text_or_note(&discussion.thread.body),
            audience: None,
            source: discussion.thread.url.clone(),
        };
        let opened = self
            .send(&format!("open:{}", discussion.thread.source_id), target, HubCommand::Thread(open), discussion.thread.created_at)
            .await?;
        match opened {
            Sent::New => self.report.threads += 1,
            Sent::Before => self.report.unchanged += 1,
            Sent::Differs => {
                self.change(target, thread::Command::Retitle { title: discussion.thread.title.clone() }, discussion).await?;
                self.change(target, thread::Command::EditPost { post: opening, body: text_or_note(&discussion.thread.body) }, discussion)
                    .await?;
            }
        }
        for post in &discussion.posts {
            let author = self.person(&post.author).await?;
            let id = PostId(derived(&format!("post:{}", post.source_id)));
            let reply = thread::Command::Reply {
                post: id,
                to: post.reply_to.as_ref().map(|parent| PostId(derived(&format!("post:{parent}")))),
                author,
                body: text_or_note(&post.body),
                source: post.url.clone(),
            };
            match self.send(&format!("reply:{}", post.source_id), target, HubCommand::Thread(reply), post.created_at).await {
                Ok(Sent::New) => self.report.posts += 1,
                Ok(Sent::Before) => self.report.unchanged += 1,
                Ok(Sent::Differs) => {
                    self.change(target, thread::Command::EditPost { post: id, body: text_or_note(&post.body) }, discussion).await?;
                }
                Err(Stop::Record(problem)) => {
                    self.report.problems.push(format!("{}, post {}: {problem}", place(discussion), post.source_id));
                }
                Err(hub) => return Err(hub),
            }
        }
        self.state(target, discussion).await
    }

    /// Brings answer, lock and closing to what the source says.
    async fn state(&mut self, target: Uuid, discussion: &Discussion) -> Result<(), Stop> {
        if let Some(answer) = &discussion.thread.answer {
            let post = PostId(derived(&format!("post:{answer}")));
            self.change(target, thread::Command::MarkAnswer { post }, discussion).await?;
        }
        let lock = if discussion.thread.locked { thread::Command::Lock } else { thread::Command::Unlock };
        self.change(target, lock, discussion).await?;
        let close = if discussion.thread.closed {
            let reason = match discussion.thread.close_reason {
                Some(github::CloseReason::Outdated) => CloseReason::Outdated,
                Some(github::CloseReason::Duplicate) => CloseReason::Duplicate(None),
                Some(github::CloseReason::Resolved) | None => CloseReason::Resolved,
            };
            thread::Command::Close { reason }
        } else {
            thread::Command::Reopen
        };
        self.change(target, close, discussion).await
    }

    /// A command that makes something so; where it is so already, nothing is recorded.
    async fn change(&mut self, target: Uuid, command: thread::Command, discussion: &Discussion) -> Result<(), Stop> {
        let digest = hex::encode(Sha256::digest(serde_json::to_vec(&command).unwrap_or_default()));
        let at = discussion.thread.updated_at;
        let key = format!("change:{}:{digest}:{at}", discussion.thread.source_id);
        match self.send(&key, target, HubCommand::Thread(command), at).await {
            Ok(_) => Ok(()),
            Err(Stop::Record(problem)) => {
                self.report.problems.push(format!("{}: {problem}", place(discussion)));
                Ok(())
            }
            Err(hub) => Err(hub),
        }
    }

    async fn community(&mut self, discussion: &Discussion) -> Result<CommunityId, Stop> {
        let slug = self.destination.community.clone().unwrap_or_else(|| slug(&discussion.repository, "imported"));
        if let Some(id) = self.log.claim_holder("community_slug", &slug).await.context("the log does not answer")? {
            return Ok(CommunityId(id));
        }
        let home = self.home(discussion).await?;
        let id = CommunityId(derived(&format!("community:{slug}")));
        let found = community::Command::Found {
            slug: slug.clone(),
            name: discussion.repository.clone(),
            subject: format!("Discussions of {}", discussion.repository),
            home,
            audience: if self.destination.members_only { Audience::members() } else { Audience::public() },
            charter: Charter {
                purpose: Clause::Stated(format!("Imported from the GitHub Discussions of `{}`.", discussion.repository)),
                ..Charter::default()
            },
        };
        self.send(&format!("found:{slug}"), id.0, HubCommand::Community(found), discussion.thread.created_at).await?;
        Ok(id)
    }

    /// The organisation at whose home a community is founded: the one that was named, or the one that owned the repository,
    /// which is registered under that name if the hub does not know it.
    async fn home(&mut self, discussion: &Discussion) -> Result<OrganisationId, Stop> {
        if let Some(named) = &self.destination.organisation {
            let holder = self.log.claim_holder("organisation_slug", named).await.context("the log does not answer")?;
            return holder
                .map(OrganisationId)
                .ok_or_else(|| Stop::Hub(anyhow::anyhow!("There is no organisation “{named}”. `hub org list` shows those there are.")));
        }
        let owner = discussion.repository.split('/').next().unwrap_or_default();
        let address = slug(owner, "imported");
        if let Some(id) = self.log.claim_holder("organisation_slug", &address).await.context("the log does not answer")? {
            return Ok(OrganisationId(id));
        }
        let id = OrganisationId(derived(&format!("organisation:{address}")));
        let register = organisation::Command::Register { slug: address.clone(), name: owner.to_owned() };
        self.send(&format!("organisation:{address}"), id.0, HubCommand::Organisation(register), None).await?;
        Ok(id)
    }

    async fn category(&mut self, community: CommunityId, found: &Category) -> Result<CategoryId, Stop> {
        let slug = slug(&found.slug, "general");
        let claimed = self.log.claim_holder("category_slug", &format!("{community}/{slug}")).await.context("the log does not answer")?;
        if let Some(id) = claimed {
            return Ok(CategoryId(id));
        }
        let id = CategoryId(derived(&format!("category:{community}:{slug}")));
        let open = category::Command::Open {
            community,
            slug: slug.clone(),
            name: found.name.clone(),
            description: found.description.clone(),
            format: format_of(found),
            // As wide as the community: the service narrows nothing, and refuses what is wider.
            audience: self
                .services
                .state::<community::Community>(community)
                .await
                .map_err(stop)?
                .0
                .audience()
                .cloned()
                .unwrap_or_else(Audience::public),
            within: Audience::public(),
            position: 0,
        };
        self.send(&format!("category:{community}:{slug}"), id.0, HubCommand::Category(open), None).await?;
        Ok(id)
    }

    async fn person(&mut self, author: &github::Author) -> Result<PersonId, Stop> {
        let id = derived(&format!("person:{}", author.login.to_lowercase()));
        if self.known.insert(id) {
            let placeholder = person::Command::CreatePlaceholder {
                source: "github".to_owned(),
                handle: author.login.clone(),
                name: author.name.clone().unwrap_or_else(|| author.login.clone()),
            };
            let sent = self.send(&format!("person:{}", author.login.to_lowercase()), id, HubCommand::Person(placeholder), None).await?;
            if sent == Sent::New {
                self.report.people += 1;
            }
        }
        Ok(PersonId(id))
    }

    async fn send(&mut self, key: &str, target: Uuid, command: HubCommand, at: impl Into<Option<Timestamp>>) -> Result<Sent, Stop> {
        let id = CommandId(derived(&format!("command:{key}:{target}")));
        let before = self.log.receipt(id).await.context("the log does not answer")?;
        let mut request = Request::new(id, Actor::system("import"), target, command);
        request.occurred_at = at.into();
        match self.services.execute(request).await {
            Ok(_) if before.is_some() => Ok(Sent::Before),
            Ok(_) => Ok(Sent::New),
            Err(Failure::Refused(refused)) if before.is_some() && matches!(refused.code.as_str(), "COMMAND_REUSED") => Ok(Sent::Differs),
            Err(Failure::Refused(_)) if before.is_some() => Ok(Sent::Differs),
            Err(failure) => Err(stop(failure)),
        }
    }
}

/// What became of a command of an import.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sent {
    /// It was carried out.
    New,
    /// It had been carried out by an earlier import.
    Before,
    /// An earlier import carried out the same with other content: the source has changed since.
    Differs,
}

/// Why an import does not go on.
enum Stop {
    /// This record cannot be imported; the others can.
    Record(String),
    /// The hub fails.
    Hub(anyhow::Error),
}

impl From<anyhow::Error> for Stop {
    fn from(error: anyhow::Error) -> Self {
        Self::Hub(error)
    }
}

fn stop(failure: Failure) -> Stop {
    match failure {
        Failure::Refused(refused) => Stop::Record(refused.message),
        unavailable @ Failure::Unavailable(_) => Stop::Hub(unavailable.into()),
    }
}

fn derived(what: &str) -> Uuid {
    Uuid::new_v5(&GITHUB, what.as_bytes())
}

fn format_of(category: &Category) -> Format {
    match category.format {
        github::Format::Open => Format::Open,
        github::Format::QuestionAndAnswer => Format::QuestionAndAnswer,
        github::Format::Announcement => Format::Announcement,
        github::Format::Poll => Format::Poll,
        github::Format::Idea => Format::Idea,
    }
}

/// Where a discussion stands at its source.
fn place(discussion: &Discussion) -> String {
    format!("discussion {} of {}", discussion.thread.number, discussion.repository)
}

/// An empty body says so, because a post says something.
fn text_or_note(body: &str) -> String {
    if body.trim().is_empty() { "*(no text)*".to_owned() } else { body.to_owned() }
}

/// An address made from a name: lower-case letters, digits and single hyphens.
fn slug(name: &str, otherwise: &str) -> String {
    let mut slug = String::new();
    for character in name.to_lowercase().chars() {
        if character.is_ascii_alphanumeric() {
            slug.push(character);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
        if slug.len() == 60 {
            break;
        }
    }
    let slug = slug.trim_end_matches('-');
    if slug.len() < 2 { otherwise.to_owned() } else { slug.to_owned() }
}

/// Refuses files that are not there before anything is done.
pub(crate) fn check(files: &[PathBuf]) -> anyhow::Result<()> {
    for file in files {
        if !file.is_file() {
            bail!("There is no file {}. Name the JSON files to import.", file.display());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_are_made_from_names() {
        assert_eq!(slug("octo-org/Octo Repo!", "x"), "octo-org-octo-repo");
        assert_eq!(slug("Q&A", "x"), "q-a");
        assert_eq!(slug("💡", "general"), "general");
        assert!(slug(&"a b".repeat(60), "x").len() <= 60);
    }
}
