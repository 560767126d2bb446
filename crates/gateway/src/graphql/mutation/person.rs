//! Commands to persons: profiles, roles, suspension, erasure.

use super::super::context::OrFault;
use super::super::enums::GrantedRole;
use super::lookup::{shown_person, visible_person};
use super::payloads::PersonPayload;
use super::{Sender, Stop, answer};
use async_graphql::{Context, ID, InputObject, Object, Result};
use kernel::PersonId;
use organisations::person::Command;
use services::HubCommand;
use uuid::Uuid;

/// Changes one's own profile.
#[derive(InputObject)]
pub struct ProfileChangeInput {
    /// A fresh UUID; send the same one again only to repeat the command.
    command_id: Uuid,
    /// The version that you have seen; refused if there is a later one.
    expected_version: Option<i32>,
    /// The name to show.
    name: String,
    /// A few words about oneself.
    about: String,
}

/// Names a person and a role.
#[derive(InputObject)]
pub struct PersonRoleInput {
    /// A fresh UUID; send the same one again only to repeat the command.
    command_id: Uuid,
    /// The version that you have seen; refused if there is a later one.
    expected_version: Option<i32>,
    /// The person.
    person: ID,
    /// The role.
    role: GrantedRole,
}

/// Suspends a person.
#[derive(InputObject)]
pub struct PersonSuspendInput {
    /// A fresh UUID; send the same one again only to repeat the command.
    command_id: Uuid,
    /// The version that you have seen; refused if there is a later one.
    expected_version: Option<i32>,
    /// The person.
    person: ID,
    /// Why, for the record.
    reason: String,
}

/// Names a person.
#[derive(InputObject)]
pub struct PersonInput {
    /// A fresh UUID; send the same one again only to repeat the command.
    command_id: Uuid,
    /// The version that you have seen; refused if there is a later one.
    expected_version: Option<i32>,
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
            let sender = Sender::new(ctx, input.command_id, input.expected_version)?;
            let oneself = sender.oneself()?;
            carry_out(&sender, oneself, Command::ChangeProfile { name: input.name, about: input.about }).await
        };
        answer(run.await)
    }

    /// Grant a role to a person. For administrators of the person's organisation, and for stewards.
    async fn person_role_grant(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The command.")] input: PersonRoleInput,
    ) -> Result<PersonPayload> {
        answer(change(ctx, input.command_id, input.expected_version, &input.person, Command::GrantRole { role: input.role.into() }).await)
    }

    /// Revoke a role of a person. For administrators of the person's organisation, and for stewards.
    async fn person_role_revoke(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The command.")] input: PersonRoleInput,
    ) -> Result<PersonPayload> {
        answer(change(ctx, input.command_id, input.expected_version, &input.person, Command::RevokeRole { role: input.role.into() }).await)
    }

    /// Suspend a person: sessions, tokens and open streams end at once. For administrators and stewards.
    async fn person_suspend(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The command.")] input: PersonSuspendInput,
    ) -> Result<PersonPayload> {
        answer(shut_out(ctx, input.command_id, input.expected_version, &input.person, Command::Suspend { reason: input.reason }).await)
    }

    /// End the suspension of a person. For administrators and stewards.
    async fn person_reinstate(&self, ctx: &Context<'_>, #[graphql(desc = "The command.")] input: PersonInput) -> Result<PersonPayload> {
        answer(change(ctx, input.command_id, input.expected_version, &input.person, Command::Reinstate).await)
    }

    /// Erase a person for good: what was personal becomes unreadable, what the person wrote stays as a former member's.
    async fn person_erase(&self, ctx: &Context<'_>, #[graphql(desc = "The command.")] input: PersonInput) -> Result<PersonPayload> {
        answer(shut_out(ctx, input.command_id, input.expected_version, &input.person, Command::Erase).await)
    }
}

async fn shut_out(ctx: &Context<'_>, id: Uuid, expected: Option<i32>, person: &ID, command: Command) -> Result<PersonPayload, Stop> {
    let sender = Sender::new(ctx, id, expected)?;
    let person = visible_person(sender.request, person, "person").await?.reference.id;
    let payload = carry_out(&sender, person, command).await?;
    sender.request.backend().identity.sessions.end_all_of_person(person).await.or_fault()?;
    sender.barred(person).await?;
    Ok(payload)
}

async fn change(ctx: &Context<'_>, id: Uuid, expected: Option<i32>, person: &ID, command: Command) -> Result<PersonPayload, Stop> {
    let sender = Sender::new(ctx, id, expected)?;
    let person = visible_person(sender.request, person, "person").await?.reference.id;
    carry_out(&sender, person, command).await
}

async fn carry_out(sender: &Sender<'_>, person: PersonId, command: Command) -> Result<PersonPayload, Stop> {
    let token = sender.send(person, HubCommand::Person(command)).await?;
    Ok(PersonPayload::done(shown_person(sender.request, person).await?, token))
}
