//! Mutations: each is one command to one aggregate, named aggregate first.
//!
//! What a mutation names is looked up in the views by the viewer, so that what may not be seen is as little there as what does
//! not exist. The service decides; the answer waits, bounded, until the views show the effect, and is then read by the viewer
//! with the standing of that moment.
//!
//! A command that was carried out before is answered as it was then, with the things as they are now. One that is only validated goes the
//! same way up to the log, and writes nothing.
//!
//! **To add a mutation:** give it an input with an [`Opening`](envelope::Opening) or a [`Changing`](envelope::Changing) in its field
//! `command`, name the input among the `commands!` of its aggregate's file here, and write a resolver of a few lines there, made of
//! [`Sender`] and the look-ups in [`lookup`].

#[macro_use]
mod envelope;

pub mod access;
pub mod category;
pub mod community;
pub mod inputs;
mod lookup;
pub mod organisation;
mod outcome;
pub mod payloads;
pub mod person;
pub mod team;
pub mod thread;

use super::context::{OrFault, RequestContext};
use super::error::{FaultCode, UserError, fault};
use super::event::{Since, Told};
use super::later::ReadLater;
use crate::caller::ConsistencyToken;
use async_graphql::{Context, MergedObject, Value};
use envelope::{APART, Envelope, Input};
use kernel::{Actor, CommandId, OrganisationId, PersonId, StreamId};
use outcome::{About, Done, Outcome};
use services::{Asked, Failure, HubCommand, Receipt, Refused, Request, Trial};
use std::time::Duration;
use tokio::time::Instant;
use uuid::Uuid;

/// How often it is looked whether someone is barred yet.
const BAR_POLL: Duration = Duration::from_millis(10);

/// Everything that changes something. Each takes one `input`.
#[derive(Default, MergedObject)]
pub struct Mutation(
    organisation::OrganisationMutation,
    person::PersonMutation,
    team::TeamMutation,
    community::CommunityMutation,
    category::CategoryMutation,
    thread::ThreadMutation,
    access::AccessMutation,
);

/// Why a mutation stops: something to tell its user, or a request-level error.
enum Stop {
    User(UserError),
    Fault(async_graphql::Error),
}

impl From<UserError> for Stop {
    fn from(error: UserError) -> Self {
        Self::User(error)
    }
}

impl From<async_graphql::Error> for Stop {
    fn from(error: async_graphql::Error) -> Self {
        Self::Fault(error)
    }
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        match super::error::refused(failure) {
            Ok(user) => Self::User(user),
            Err(fault) => Self::Fault(fault),
        }
    }
}

/// What every payload can say: that nothing was changed, and why.
trait Payload: Sized {
    /// Nothing was changed.
    fn refused(error: UserError) -> Self;
}

/// The payload, or the request-level error.
fn answer<P: Payload>(outcome: Result<P, Stop>) -> async_graphql::Result<P> {
    match outcome {
        Ok(payload) => Ok(payload),
        Err(Stop::User(error)) => Ok(P::refused(error)),
        Err(Stop::Fault(error)) => Err(error),
    }
}

/// Sends one command for the request's actor.
struct Sender<'c> {
    request: &'c RequestContext,
    actor: Actor,
    id: CommandId,
    expected_version: Option<u64>,
    /// Whether the command is only to be validated.
    only_tries: bool,
    asked: Asked,
}

impl<'c> Sender<'c> {
    /// A sender for a mutation with this input.
    fn new(ctx: &'c Context<'_>, input: &impl Input) -> Result<Self, Stop> {
        let Envelope { command_id, expected_version, validate_only } = input.envelope();
        let request = RequestContext::of(ctx)?;
        if request.credential().is_some_and(|credential| !credential.may_write()) {
            return Err(
                UserError::not_allowed("This API token is for reading only. Issue one with the scope WRITE to change anything.").into()
            );
        }
        if command_id.is_nil() {
            let message = "The commandId is all zeros. Give each command a fresh UUID; send the same one again only to repeat the command.";
            return Err(UserError::invalid("INVALID_COMMAND_ID", message, "commandId").into());
        }
        let expected_version = match expected_version.map(u64::try_from) {
            None => None,
            Some(Ok(version)) if version > 0 => Some(version),
            Some(_) => {
                let message = "Versions count from 1. Give the version that you have seen, or leave it out.";
                return Err(UserError::invalid("INVALID_VERSION", message, "expectedVersion").into());
            }
        };
        let (actor, id, asked) = (request.actor()?, CommandId(command_id), asked(ctx, input));
        Ok(Self { request, actor, id, expected_version, only_tries: validate_only, asked })
    }

    /// The person who acts.
    fn oneself(&self) -> Result<PersonId, Stop> {
        self.actor.person_id().ok_or_else(|| UserError::not_allowed("Only a person can do this.").into())
    }

    /// The organisation of the person who acts.
    fn organisation(&self) -> Result<OrganisationId, Stop> {
        self.actor.organisation.ok_or_else(|| UserError::not_allowed("You belong to no organisation, and this takes one.").into())
    }

    /// The id of whatever this command opens: the command's own, so that sending it again opens nothing else.
    fn opened<T: From<Uuid>>(&self) -> T {
        T::from(self.id.0)
    }

    /// The id of something else that this command makes, by its name.
    fn derived<T: From<Uuid>>(&self, name: &str) -> T {
        T::from(Uuid::new_v5(&self.id.0, name.as_bytes()))
    }

    /// Carries out, or tries, the command that `looked_up` finds, once what it names was looked up; waits until the views show it. What
    /// was done before under this id stands, even if what it names is not to be seen any more.
    async fn outcome<K: About>(&self, looked_up: impl Future<Output = Result<(K, HubCommand), Stop>>) -> Result<Outcome<K>, Stop> {
        match looked_up.await {
            Ok((of, command)) => Ok(Outcome { of, done: self.send(of.target(), command).await? }),
            Err(Stop::User(error)) => self.done_before().await?.ok_or(Stop::User(error)),
            Err(fault @ Stop::Fault(_)) => Err(fault),
        }
    }

    async fn send(&self, target: Uuid, command: HubCommand) -> Result<Done, Stop> {
        let stream = command.stream(target);
        let mut request = Request::new(self.id, self.actor.clone(), target, command);
        request.expected_version = self.expected_version;
        request.asked = Some(self.asked);
        request.traceparent = telemetry::traceparent();
        let services = &self.request.backend().services;
        let sent = if self.only_tries { services.try_out(request).await } else { services.execute(request).await.map(Trial::Did) };
        match sent {
            Ok(Trial::Did(receipt)) => Ok(self.shown(&receipt).await?),
            Ok(Trial::Would(planned)) => {
                let events = planned.into_events().map_err(|error| unreadable(&error))?;
                Ok(Done { events: Told::Planned(events), token: None })
            }
            Err(failure) => Err(self.refused(stream, failure)),
        }
    }

    /// Why a command did not go through; if it came too late, with what happened meanwhile.
    fn refused(&self, stream: StreamId, failure: Failure) -> Stop {
        let found = if let Failure::Refused(refused) = &failure { refused.current_version } else { None };
        let mut stop = Stop::from(failure);
        if let (Stop::User(UserError::Conflict(conflict)), Some(expected), Some(found)) = (&mut stop, self.expected_version, found) {
            conflict.changes = ReadLater(Since::version(stream, expected, found));
        }
        stop
    }

    /// What this command came to, if it was carried out before.
    async fn done_before<K: About>(&self) -> Result<Option<Outcome<K>>, Stop> {
        let log = &self.request.backend().log;
        let receipt = match log.outcome_of(self.id, &self.asked.fingerprint(&self.actor.who)).await {
            Ok(Some(receipt)) => receipt,
            Ok(None) => return Ok(None),
            Err(error) => return Err(Failure::from(error).into()),
        };
        let events = log.load_range(&receipt.stream, receipt.first_version, receipt.last_version).await;
        let events = events.map_err(|error| unreadable(&error))?.into_iter().map(events::decode).collect::<Result<Vec<_>, _>>();
        let Some(of) = K::of(receipt.stream.id, &events.map_err(|error| unreadable(&error))?) else { return Ok(None) };
        Ok(Some(Outcome { of, done: self.shown(&receipt).await? }))
    }

    /// Waits, bounded, until the views show what a command did; then reads the actor's standing anew, which it may have changed.
    async fn shown(&self, receipt: &Receipt) -> async_graphql::Result<Done> {
        let backend = self.request.backend();
        // No event: it was so already.
        let Some(last) = receipt.events.last() else { return Ok(Done::default()) };
        let events = Told::Written(receipt.stream.clone(), receipt.first_version, receipt.last_version);
        let deadline = Instant::now() + backend.projection_wait;
        let sequenced = backend.log.await_sequenced(*last, backend.projection_wait).await.map_err(|error| unreadable(&error))?;
        let Some(position) = sequenced else { return Ok(Done { events, token: None }) };
        let _reached = backend.progress.await_projected(position, deadline.saturating_duration_since(Instant::now())).await;
        self.request.renew().await.or_fault()?;
        Ok(Done { events, token: Some(ConsistencyToken(position)) })
    }
}

/// What tells this mutation from others under the same id: its name, and what its input asks. What it says of the command itself is
/// left out, so that a command may be tried first and then carried out, or be repeated without an expected version.
fn asked(ctx: &Context<'_>, input: &impl Input) -> Asked {
    let mut value = input.to_value();
    if let Value::Object(fields) = &mut value {
        fields.retain(|name, _| !APART.contains(&name.as_str()));
    }
    let what = (ctx.item.node.name.node.as_str(), value);
    Asked::of(&serde_json::to_vec(&what).expect("inputs are plain data and serialise"))
}

/// The log cannot be read after a command was sent.
fn unreadable(error: &dyn std::fmt::Display) -> async_graphql::Error {
    tracing::warn!(%error, "a command was sent, but the log cannot be read");
    let message = "The command was sent, but its effect cannot be read at the moment. Send the same command again to see it.";
    fault(FaultCode::Unavailable, message)
}

impl Sender<'_> {
    /// Waits, bounded, until the process that follows the log has barred whom a command shut out, so that the answer is true.
    async fn barred(&self, subject: impl Into<Uuid>) -> async_graphql::Result<()> {
        let (backend, subject) = (self.request.backend(), subject.into());
        let deadline = Instant::now() + backend.projection_wait;
        while !backend.identity.bars.is_barred(subject).await.or_fault()? && Instant::now() < deadline {
            tokio::time::sleep(BAR_POLL).await;
        }
        Ok(())
    }
}

/// A rule that the gateway itself holds was broken.
fn refuse(kind: kernel::Kind, code: &str, message: &str, field: &str) -> Stop {
    Stop::User(
        Refused { code: code.to_owned(), kind, message: message.to_owned(), field: Some(field.to_owned()), current_version: None }.into(),
    )
}
