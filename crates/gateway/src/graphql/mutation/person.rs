//! Commands to persons: profiles, roles, suspension, erasure.

use super::super::context::OrFault;
use super::super::enums::GrantedRole;
use super::envelope::Changing;
use super::lookup::{shown_person, visible_person};
use super::payloads::PersonPayload;
use super::{Outcome, Sender, Stop, answer};
use async_graphql::{Context, ID, InputObject, Object, Result};
use kernel::PersonId;
use organisations::person::Command;
use services::HubCommand;

/// Changes one's own profile.
#[derive(InputObject)]
pub struct ProfileChangeInput {
    #[graphql(flatten)]
    command: Changing,
    /// The name to show.
    name: String,
    /// A few words about oneself.
    about: String,
}

/// Names a person and a role.
#[derive(InputObject)]
pub struct PersonRoleInput {
    #[graphql(flatten)]
    command: Changing,
    /// The person.
    person: ID,
    /// The role.
    role: GrantedRole,
}

/// Suspends a person.
#[derive(InputObject)]
pub struct PersonSuspendInput {
    #[graphql(flatten)]
    command: Changing,
    /// The person.
    person: ID,
    /// Why, for the record.
    reason: String,
}

/// Names a person.
#[derive(InputObject)]
pub struct PersonInput {
    #[graphql(flatten)]
    command: Changing,
    /// The person.
    person: ID,
}

/// Commands to persons.
#[derive(Default)]
pub struct PersonMutation;

#[Object]
impl PersonMutation {
    /// Change your own profile.
    async fn profile_change(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The command.")] input: ProfileChangeInput,
    ) -> Result<PersonPayload> {
        let run = async {
            let sender = Sender::new(ctx, &input)?;
            let looked_up = async {
                let command = Command::ChangeProfile { name: input.name, about: input.about };
                Ok((sender.oneself()?, HubCommand::Person(command)))
            };
            shown(&sender, sender.outcome(looked_up).await?).await
        };
        answer(run.await)
    }

    /// Grant a role to a person. For administrators of the person's organisation, and for stewards.
    async fn person_role_grant(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The command.")] input: PersonRoleInput,
    ) -> Result<PersonPayload> {
        answer(change(Sender::new(ctx, &input), &input.person, Command::GrantRole { role: input.role.into() }).await)
    }

    /// Revoke a role of a person. For administrators of the person's organisation, and for stewards.
    async fn person_role_revoke(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The command.")] input: PersonRoleInput,
    ) -> Result<PersonPayload> {
        answer(change(Sender::new(ctx, &input), &input.person, Command::RevokeRole { role: input.role.into() }).await)
    }

    /// Suspend a person: sessions, tokens and open streams end at once. For administrators and stewards.
    async fn person_suspend(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The command.")] input: PersonSuspendInput,
    ) -> Result<PersonPayload> {
        answer(shut_out(Sender::new(ctx, &input), &input.person, Command::Suspend { reason: input.reason }).await)
    }

    /// End the suspension of a person. For administrators and stewards.
    async fn person_reinstate(&self, ctx: &Context<'_>, #[graphql(desc = "The command.")] input: PersonInput) -> Result<PersonPayload> {
        answer(change(Sender::new(ctx, &input), &input.person, Command::Reinstate).await)
    }

    /// Erase a person for good: what was personal becomes unreadable, what the person wrote stays as a former member's.
    async fn person_erase(&self, ctx: &Context<'_>, #[graphql(desc = "The command.")] input: PersonInput) -> Result<PersonPayload> {
        answer(shut_out(Sender::new(ctx, &input), &input.person, Command::Erase).await)
    }
}

async fn shut_out(sender: Result<Sender<'_>, Stop>, person: &ID, command: Command) -> Result<PersonPayload, Stop> {
    let sender = sender?;
    let outcome = to_person(&sender, person, command).await?;
    let person = outcome.of;
    let payload = shown(&sender, outcome).await?;
    if !sender.only_tries {
        sender.request.backend().identity.sessions.end_all_of_person(person).await.or_fault()?;
        sender.barred(person).await?;
    }
    Ok(payload)
}

async fn change(sender: Result<Sender<'_>, Stop>, person: &ID, command: Command) -> Result<PersonPayload, Stop> {
    let sender = sender?;
    shown(&sender, to_person(&sender, person, command).await?).await
}

async fn to_person(sender: &Sender<'_>, person: &ID, command: Command) -> Result<Outcome<PersonId>, Stop> {
    let looked_up = async {
        let person = visible_person(sender.request, person, "person").await?.reference.id;
        Ok((person, HubCommand::Person(command)))
    };
    sender.outcome(looked_up).await
}

async fn shown(sender: &Sender<'_>, outcome: Outcome<PersonId>) -> Result<PersonPayload, Stop> {
    Ok(PersonPayload::done(shown_person(sender.request, outcome.of).await?, outcome.done))
}

commands! { ProfileChangeInput, PersonRoleInput, PersonSuspendInput, PersonInput }
