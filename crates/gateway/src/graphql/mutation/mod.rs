//! Mutations: each is one command to one aggregate, named aggregate first.
//!
//! What a mutation names is looked up in the views by the viewer, so that what may not be seen is as little there as what does
//! not exist. The service decides; the answer waits, bounded, until the views show the effect, and is then read by the viewer
//! with the standing of that moment.
//!
//! **To add a mutation:** give it an input, and a resolver of a few lines in its aggregate's file here, made of [`Sender`] and
//! the look-ups in [`lookup`].

pub mod access;
pub mod category;
pub mod community;
pub mod inputs;
mod lookup;
pub mod organisation;
pub mod payloads;
pub mod person;
pub mod team;
pub mod thread;

use super::context::{OrFault, RequestContext};
use super::error::{FaultCode, UserError, fault};
use crate::caller::ConsistencyToken;
use async_graphql::{Context, MergedObject};
use kernel::{Actor, CommandId, OrganisationId, PersonId};
use services::{Failure, HubCommand, Receipt, Refused, Request};
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
}

impl<'c> Sender<'c> {
    /// A sender for a mutation with this `commandId` and `expectedVersion`.
    fn new(ctx: &'c Context<'_>, command_id: Uuid, expected_version: Option<i32>) -> Result<Self, Stop> {
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
        Ok(Self { request, actor: request.actor()?, id: CommandId(command_id), expected_version })
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

    /// Carries the command out and waits until the views show it.
    async fn send(&self, target: impl Into<Uuid>, command: HubCommand) -> Result<Option<ConsistencyToken>, Stop> {
        let mut request = Request::new(self.id, self.actor.clone(), target, command);
        request.expected_version = self.expected_version;
        request.traceparent = telemetry::traceparent();
        let receipt = self.request.backend().services.execute(request).await?;
        Ok(self.shown(&receipt).await?)
    }

    /// Waits, bounded, until the views show what a command did; then reads the actor's standing anew, which it may have changed.
    async fn shown(&self, receipt: &Receipt) -> async_graphql::Result<Option<ConsistencyToken>> {
        let backend = self.request.backend();
        // No event: it was so already.
        let Some(last) = receipt.events.last() else { return Ok(None) };
        let deadline = Instant::now() + backend.projection_wait;
        let sequenced = backend.log.await_sequenced(*last, backend.projection_wait).await.map_err(|error| {
            tracing::warn!(%error, "a command was carried out, but the log cannot be read");
            let message =
                "The command was carried out, but its effect cannot be read at the moment. Send the same command again to see it.";
            fault(FaultCode::Unavailable, message)
        })?;
        let Some(position) = sequenced else { return Ok(None) };
        let _reached = backend.progress.await_projected(position, deadline.saturating_duration_since(Instant::now())).await;
        self.request.renew().await.or_fault()?;
        Ok(Some(ConsistencyToken(position)))
    }
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
