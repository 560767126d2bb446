//! Load, decide, append: the same for every aggregate.

use crate::command::{Dispatch, HubCommand, Request, Trial};
use crate::failure::{Failure, Refused};
use crate::trial::TryOut;
use async_trait::async_trait;
use communities::community::Community;
use discussions::category::{self, Category, Format};
use discussions::thread::{self, Thread};
use events::WireEvent;
use kernel::{Aggregate, Audience, Clock, CommunityId, EventId, Ids, Metadata, PersonId, StreamId, clock};
use organisations::organisation::Organisation;
use organisations::person::Person;
use organisations::team::Team;
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

    /// Carries out or tries a request, whichever aggregate it is for.
    pub(crate) async fn run<E: End>(&self, request: &Request) -> Result<E::Outcome, Failure> {
        match self.settled(request).await {
            Ok(HubCommand::Organisation(command)) => self.handle::<Organisation, E>(request, command).await,
            Ok(HubCommand::Person(command)) => self.handle::<Person, E>(request, command).await,
            Ok(HubCommand::Team(command)) => self.handle::<Team, E>(request, command).await,
            Ok(HubCommand::Community(command)) => self.handle::<Community, E>(request, command).await,
            Ok(HubCommand::Category(command)) => self.handle::<Category, E>(request, command).await,
            Ok(HubCommand::Thread(command)) => self.handle::<Thread, E>(request, command).await,
            Err(failure) => self.as_before::<E>(request, failure).await,
        }
    }

    async fn handle<A, E>(&self, request: &Request, command: A::Command) -> Result<E::Outcome, Failure>
    where
        A: Aggregate,
        A::Event: WireEvent,
        E: End,
    {
        let mut round = 0;
        loop {
            round += 1;
            let failure = match self.decide::<A>(request, command.clone()).await {
                Ok(decided) => match E::end(self, decided).await {
                    Ok(outcome) => return Ok(outcome),
                    // Others wrote to the stream meanwhile: decide anew.
                    Err(AppendError::Conflict { .. }) if round < ROUNDS && request.expected_version.is_none() => continue,
                    Err(error) => error.into(),
                },
                Err(failure) => failure,
            };
            return self.as_before::<E>(request, failure).await;
        }
    }

    /// The outcome that the command had before, if it was carried out before: what was done under an id stands, even if it could
    /// not be done again now. A refusal if its id was used for another; else the failure.
    async fn as_before<E: End>(&self, request: &Request, failure: Failure) -> Result<E::Outcome, Failure> {
        match self.log.outcome_of(request.id, &fingerprint(request)).await {
            Ok(Some(receipt)) => Ok(E::did(receipt)),
            Err(error @ AppendError::CommandReused) => Err(error.into()),
            Ok(None) | Err(_) => Err(failure),
        }
    }

    /// What follows from a command in the present state of its aggregate.
    async fn decide<A>(&self, request: &Request, command: A::Command) -> Result<Decided<A>, Failure>
    where
        A: Aggregate,
        A::Event: WireEvent,
    {
        let now = clock::to_microseconds(self.clock.now());
        let occurred_at = request.occurred_at.filter(|_| request.actor.is_system()).map_or(now, clock::to_microseconds);
        let stream = StreamId::of::<A>(request.target);
        let (mut state, version) = self.state::<A>(request.target).await?;
        if let Some(expected) = request.expected_version.filter(|expected| *expected != version) {
            return Err(Refused::conflict(expected, version).into());
        }
        let decided = state.decide(command, &request.actor, occurred_at).map_err(|refusal| Refused::by(&refusal))?;
        let mut claims = Vec::new();
        let mut events = Vec::with_capacity(decided.len());
        for event in decided {
            claims.extend(state.claims(&event));
            state.apply(&event);
            events.push(NewEvent { id: EventId(self.ids.next()), payload: event.into_hub().to_payload() });
        }
        let append = Append {
            personal: (stream.aggregate == Person::NAME).then_some(PersonId(request.target)),
            stream,
            expected: version,
            command: request.id,
            fingerprint: fingerprint(request),
            meta: Metadata {
                occurred_at,
                actor: request.actor.who.clone(),
                organisation: request.actor.organisation,
                command: request.id,
                correlation: request.correlation.unwrap_or(request.id.0),
                causation: request.causation,
                traceparent: request.traceparent.clone(),
            },
            events,
            claims,
            now,
        };
        Ok(Decided { append, state })
    }

    /// Appends what was decided, and remembers the state that it leads to.
    async fn append<A: Aggregate>(&self, decided: Decided<A>) -> Result<Receipt, AppendError> {
        let Decided { append, state } = decided;
        let (stream, version) = (append.stream.clone(), append.expected);
        let appended = self.log.append(append).await?;
        if !appended.repeated && appended.receipt.last_version > version && may_be_kept(&stream) {
            self.states.insert(stream, Kept { version: appended.receipt.last_version, state: Arc::new(state) });
        }
        Ok(appended.receipt)
    }

    /// The log.
    pub(crate) fn log(&self) -> &Log {
        &self.log
    }
}

/// What was decided: the events, and the state with them.
pub(crate) struct Decided<A> {
    pub(crate) append: Append,
    state: A,
}

/// What is done with a decision.
pub(crate) trait End {
    /// What comes of it.
    type Outcome: Send;

    /// Does it.
    fn end<A: Aggregate>(services: &Services, decided: Decided<A>) -> impl Future<Output = Result<Self::Outcome, AppendError>> + Send;

    /// What comes of a command that was carried out before.
    fn did(receipt: Receipt) -> Self::Outcome;
}

/// The decision is carried out.
struct CarryOut;

impl End for CarryOut {
    type Outcome = Receipt;

    async fn end<A: Aggregate>(services: &Services, decided: Decided<A>) -> Result<Receipt, AppendError> {
        services.append(decided).await
    }

    fn did(receipt: Receipt) -> Receipt {
        receipt
    }
}

#[async_trait]
impl Dispatch for Services {
    #[tracing::instrument(skip_all, fields(command = %request.id, target = %request.target))]
    async fn execute(&self, request: Request) -> Result<Receipt, Failure> {
        let outcome = self.run::<CarryOut>(&request).await;
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
        metrics::counter!("hub_commands_total", "context" => request.command.context(), "result" => result).increment(1);
        outcome
    }

    #[tracing::instrument(skip_all, fields(command = %request.id, target = %request.target))]
    async fn try_out(&self, request: Request) -> Result<Trial, Failure> {
        let outcome = self.run::<TryOut>(&request).await;
        metrics::counter!("hub_commands_total", "context" => request.command.context(), "result" => "tried").increment(1);
        outcome
    }
}

/// Personal data is not kept in memory beyond the command that needs it.
fn may_be_kept(stream: &StreamId) -> bool {
    stream.aggregate != Person::NAME
}

/// What makes two requests with the same id the same request: who asks for what, in the sender's own terms if it gives them. Else
/// what the sender looked up in views on the way is left out, for it may read otherwise the second time.
fn fingerprint(request: &Request) -> [u8; 32] {
    if let Some(asked) = request.asked {
        return asked.fingerprint(&request.actor.who);
    }
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
