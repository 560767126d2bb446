//! Load, decide, append: the same for every aggregate.

use crate::command::{Dispatch, HubCommand, Request};
use crate::failure::{Failure, Refused};
use async_trait::async_trait;
use communities::community::{self, Community};
use discussions::category::{self, Category, Format};
use discussions::thread::{self, Thread};
use events::WireEvent;
use kernel::{Aggregate, Audience, Clock, CommunityId, EventId, Ids, Metadata, OrganisationId, PersonId, StreamId, Timestamp, clock};
use organisations::organisation::Organisation;
use organisations::person::Person;
use organisations::team::{self, Team};
use sha2::{Digest, Sha256};
use std::any::Any;
use std::sync::Arc;
use store::{Append, AppendError, Log, NewEvent, Receipt};
use uuid::Uuid;

/// How often a command is decided anew when others wrote to its stream meanwhile.
/// Sixteen rounds lost in a row mean a stream under siege; the sender is told of the conflict.
const ROUNDS: usize = 16;

/// A version that no stream ever has: the greatest that the database's integers hold.
const LAST: u64 = i64::MAX as u64;

/// How many aggregates' states are kept in memory, each with the version it stands at.
/// Streams only grow, and the version is checked at append, so a kept state can be old but never wrong.
const KEPT_STATES: u64 = 10_000;

/// The services, in process.
#[derive(Clone)]
pub struct Services {
    log: Log,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    states: moka::sync::Cache<StreamId, Kept>,
}

#[derive(Clone)]
struct Kept {
    version: u64,
    state: Arc<dyn Any + Send + Sync>,
}

impl Services {
    /// Services over this log.
    pub fn new(log: Log, clock: Arc<dyn Clock>, ids: Arc<dyn Ids>) -> Self {
        Self { log, clock, ids, states: moka::sync::Cache::new(KEPT_STATES) }
    }

    /// The state of an aggregate as its whole stream builds it, and its version.
    ///
    /// # Errors
    /// [`Failure::Unavailable`] when the log does not answer.
    pub async fn state<A>(&self, id: impl Into<Uuid>) -> Result<(A, u64), Failure>
    where
        A: Aggregate,
        A::Event: WireEvent,
    {
        let id = id.into();
        let stream = StreamId::of::<A>(id);
        let kept = self.states.get(&stream).and_then(|kept| Some((kept.version, kept.state.downcast::<A>().ok()?)));
        let (mut version, mut state) = kept.map_or_else(|| (0, A::new(id)), |(version, state)| (version, A::clone(&state)));
        let newer = self.log.load_range(&stream, version + 1, LAST).await.map_err(unreadable)?;
        if newer.is_empty() {
            return Ok((state, version));
        }
        for recorded in newer {
            version = recorded.version;
            let event = events::HubEvent::from_payload(&recorded.event).map_err(unreadable)?;
            let event = A::Event::from_hub(event)
                .ok_or_else(|| unreadable(format!("stream {stream} holds an event of another aggregate at version {version}")))?;
            state.apply(&event);
        }
        if may_be_kept(&stream) {
            self.states.insert(stream, Kept { version, state: Arc::new(state.clone()) });
        }
        Ok((state, version))
    }

    async fn handle<A>(&self, request: &Request, command: A::Command) -> Result<Receipt, Failure>
    where
        A: Aggregate,
        A::Event: WireEvent,
    {
        let fingerprint = fingerprint(request);
        let now = clock::to_microseconds(self.clock.now());
        let occurred_at = request.occurred_at.filter(|_| request.actor.is_system()).map_or(now, clock::to_microseconds);
        let mut round = 0;
        loop {
            round += 1;
            match self.decide_once::<A>(request, command.clone(), fingerprint, occurred_at, now).await {
                Err(Attempt::Overtaken(_)) if round < ROUNDS && request.expected_version.is_none() => {}
                Err(Attempt::Overtaken(failure) | Attempt::Failed(failure)) => {
                    // What was done before under this id stands, even if it could not be done again now.
                    return self.outcome_of_the_first::<A>(request, fingerprint, now).await.unwrap_or(Err(failure));
                }
                Ok(receipt) => return Ok(receipt),
            }
        }
    }

    /// The outcome that this command had before, if it was carried out before; a refusal if its id was used for another.
    async fn outcome_of_the_first<A: Aggregate>(
        &self,
        request: &Request,
        fingerprint: [u8; 32],
        now: Timestamp,
    ) -> Option<Result<Receipt, Failure>> {
        // The log looks for the command before it looks at the version, and no stream has this one.
        let append = Self::append_of(request, StreamId::of::<A>(request.target), LAST, fingerprint, now, now);
        match self.log.append(append).await {
            Ok(appended) => Some(Ok(appended.receipt)),
            Err(error @ AppendError::CommandReused) => Some(Err(error.into())),
            Err(_) => None,
        }
    }

    /// An append for a request, without events.
    fn append_of(
        request: &Request,
        stream: StreamId,
        expected: u64,
        fingerprint: [u8; 32],
        occurred_at: Timestamp,
        now: Timestamp,
    ) -> Append {
        Append {
            personal: (stream.aggregate == Person::NAME).then_some(PersonId(request.target)),
            stream,
            expected,
            command: request.id,
            fingerprint,
            meta: Metadata {
                occurred_at,
                actor: request.actor.who.clone(),
                organisation: request.actor.organisation,
                command: request.id,
                correlation: request.correlation.unwrap_or(request.id.0),
                causation: request.causation,
                traceparent: request.traceparent.clone(),
            },
            events: Vec::new(),
            claims: Vec::new(),
            now,
        }
    }

    async fn decide_once<A>(
        &self,
        request: &Request,
        command: A::Command,
        fingerprint: [u8; 32],
        occurred_at: Timestamp,
        now: Timestamp,
    ) -> Result<Receipt, Attempt>
    where
        A: Aggregate,
        A::Event: WireEvent,
    {
        let stream = StreamId::of::<A>(request.target);
        let (mut state, version) = self.state::<A>(request.target).await.map_err(Attempt::Failed)?;
        if let Some(expected) = request.expected_version.filter(|expected| *expected != version) {
            return Err(Attempt::Failed(Refused::conflict(expected, version).into()));
        }
        let decided =
            state.decide(command, &request.actor, occurred_at).map_err(|refusal| Attempt::Failed(Refused::by(&refusal).into()))?;
        let mut claims = Vec::new();
        let mut new_events = Vec::with_capacity(decided.len());
        for event in decided {
            claims.extend(state.claims(&event));
            state.apply(&event);
            new_events.push(NewEvent { id: EventId(self.ids.next()), payload: event.into_hub().to_payload() });
        }
        let append =
            Append { events: new_events, claims, ..Self::append_of(request, stream.clone(), version, fingerprint, occurred_at, now) };
        match self.log.append(append).await {
            Ok(appended) => {
                if !appended.repeated && appended.receipt.last_version > version && may_be_kept(&stream) {
                    self.states.insert(stream, Kept { version: appended.receipt.last_version, state: Arc::new(state) });
                }
                Ok(appended.receipt)
            }
            Err(error @ AppendError::Conflict { .. }) => Err(Attempt::Overtaken(error.into())),
            Err(error) => Err(Attempt::Failed(error.into())),
        }
    }

    /// Puts the truth of the streams in the place of what the sender looked up in views, which may lag, and keeps
    /// archived communities as they are.
    async fn settle_thread(&self, target: Uuid, command: thread::Command) -> Result<thread::Command, Failure> {
        use thread::Command;
        match command {
            Command::Open { home, author, post, title, body, audience, source } => {
                let (category, _) = self.state::<Category>(home.category).await?;
                let (Some(community), Some(format), Some(seen_by)) = (category.community(), category.format(), category.audience()) else {
                    return Err(Refused::not_found("category", "category").into());
                };
                self.demand_living(community).await?;
                let home = thread::Home { community, category: home.category, format, audience: seen_by.clone(), open: category.open() };
                Ok(Command::Open { home, author, post, title, body, audience, source })
            }
            Command::Reply { .. } | Command::Retitle { .. } | Command::EditPost { .. } => {
                if let Some(community) = self.state::<Thread>(target).await?.0.community() {
                    self.demand_living(community).await?;
                }
                Ok(command)
            }
            Command::Lock
            | Command::Unlock
            | Command::Close { .. }
            | Command::Reopen
            | Command::MarkAnswer { .. }
            | Command::UnmarkAnswer { .. }
            | Command::React { .. }
            | Command::WithdrawReaction { .. }
            | Command::Upvote { .. }
            | Command::WithdrawUpvote { .. } => Ok(command),
        }
    }

    /// Keeps people to the organisation that they really belong to.
    async fn settle_community(&self, command: &community::Command) -> Result<(), Failure> {
        match command {
            community::Command::Join { person, organisation, .. } => self.demand_belonging(*person, *organisation).await,
            community::Command::Found { .. }
            | community::Command::AmendCharter { .. }
            | community::Command::OpenToJoiners
            | community::Command::CloseToJoiners
            | community::Command::JoinOrganisation { .. }
            | community::Command::LeaveOrganisation { .. }
            | community::Command::Leave { .. }
            | community::Command::ChangeMemberKind { .. }
            | community::Command::AppointCoordinator { .. }
            | community::Command::ReleaseCoordinator { .. }
            | community::Command::Archive { .. } => Ok(()),
        }
    }

    async fn settle_team(&self, target: Uuid, command: &team::Command) -> Result<(), Failure> {
        match command {
            team::Command::AddMember { person } => match self.state::<Team>(target).await?.0.organisation() {
                Some(organisation) => self.demand_belonging(*person, organisation).await,
                None => Ok(()),
            },
            team::Command::Form { .. } | team::Command::Rename { .. } | team::Command::RemoveMember { .. } | team::Command::Disband => {
                Ok(())
            }
        }
    }

    async fn demand_belonging(&self, person: PersonId, organisation: OrganisationId) -> Result<(), Failure> {
        let (state, _) = self.state::<Person>(person).await?;
        if state.organisation() == Some(organisation) && !state.erased() {
            return Ok(());
        }
        Err(Refused::not_found("person of that organisation", "person").into())
    }

    async fn settle_category(&self, target: Uuid, command: category::Command) -> Result<category::Command, Failure> {
        use category::Command;
        let Command::Open { community, slug, name, description, format, audience, within: _, position } = command else {
            if let Some(community) = self.state::<Category>(target).await?.0.community() {
                self.demand_living(community).await?;
            }
            return Ok(command);
        };
        let state = self.demand_living(community).await?;
        let Some(within) = state.audience().cloned() else {
            return Err(Refused::not_found("community", "community").into());
        };
        Ok(Command::Open { community, slug, name, description, format, audience, within, position })
    }

    /// The community, unless it is archived: then it can be read, and nothing is added.
    async fn demand_living(&self, id: CommunityId) -> Result<Community, Failure> {
        let (community, _) = self.state::<Community>(id).await?;
        if community.archived() {
            return Err(Refused {
                code: "COMMUNITY_ARCHIVED".to_owned(),
                kind: kernel::Kind::Conflict,
                message: "This community is archived: it can be read, and nothing is added.".to_owned(),
                field: None,
                current_version: None,
            }
            .into());
        }
        Ok(community)
    }
}

#[async_trait]
impl Dispatch for Services {
    #[tracing::instrument(skip_all, fields(command = %request.id, target = %request.target))]
    async fn execute(&self, request: Request) -> Result<Receipt, Failure> {
        let context = request.command.context();
        let outcome = match request.command.clone() {
            HubCommand::Organisation(command) => self.handle::<Organisation>(&request, command).await,
            HubCommand::Person(command) => self.handle::<Person>(&request, command).await,
            HubCommand::Team(command) => {
                self.settle_team(request.target, &command).await?;
                self.handle::<Team>(&request, command).await
            }
            HubCommand::Community(command) => {
                self.settle_community(&command).await?;
                self.handle::<Community>(&request, command).await
            }
            HubCommand::Category(command) => {
                let command = self.settle_category(request.target, command).await?;
                self.handle::<Category>(&request, command).await
            }
            HubCommand::Thread(command) => {
                let command = self.settle_thread(request.target, command).await?;
                self.handle::<Thread>(&request, command).await
            }
        };
        let result = match &outcome {
            Ok(_) => "done",
            Err(Failure::Refused(refused)) => {
                if refused.kind == kernel::Kind::Denied {
                    tracing::warn!(actor = ?request.actor.who, code = refused.code, message = refused.message, "denied");
                }
                "refused"
            }
            Err(Failure::Unavailable(_)) => "unavailable",
        };
        metrics::counter!("hub_commands_total", "context" => context, "result" => result).increment(1);
        outcome
    }
}

enum Attempt {
    /// Others wrote to the stream meanwhile: decide anew.
    Overtaken(Failure),
    /// It will not go through.
    Failed(Failure),
}

/// Personal data is not kept in memory beyond the command that needs it.
fn may_be_kept(stream: &StreamId) -> bool {
    stream.aggregate != Person::NAME
}

/// What makes two requests with the same id the same request: who asks whom for what. What the sender looked
/// up in views on the way is left out, for it may read otherwise the second time.
fn fingerprint(request: &Request) -> [u8; 32] {
    let mut command = request.command.clone();
    match &mut command {
        HubCommand::Thread(thread::Command::Open { home, .. }) => {
            let category = home.category;
            *home = thread::Home {
                community: CommunityId(Uuid::nil()),
                category,
                format: Format::Open,
                audience: Audience::public(),
                open: true,
            };
        }
        HubCommand::Category(category::Command::Open { within, .. }) => *within = Audience::public(),
        HubCommand::Organisation(_)
        | HubCommand::Person(_)
        | HubCommand::Team(_)
        | HubCommand::Community(_)
        | HubCommand::Category(_)
        | HubCommand::Thread(_) => {}
    }
    let what = serde_json::to_vec(&(&request.actor.who, request.target, command)).expect("commands are plain data and serialise");
    Sha256::digest(what).into()
}

fn unreadable(error: impl std::fmt::Display) -> Failure {
    tracing::error!(%error, "stream unreadable");
    Failure::Unavailable("the event log cannot be read".to_owned())
}
