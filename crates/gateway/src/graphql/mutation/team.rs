//! Commands to teams.

use super::lookup::{shown_team, visible_organisation, visible_person, visible_team};
use super::payloads::TeamPayload;
use super::{Sender, Stop, answer};
use async_graphql::{Context, ID, InputObject, Object, Result};
use kernel::TeamId;
use organisations::team::Command;
use services::HubCommand;
use uuid::Uuid;

/// Forms a team.
#[derive(InputObject)]
pub struct TeamFormInput {
    /// A fresh UUID; send the same one again only to repeat the command.
    command_id: Uuid,
    /// Its organisation.
    organisation: ID,
    /// Its name.
    name: String,
}

/// Renames a team.
#[derive(InputObject)]
pub struct TeamRenameInput {
    /// A fresh UUID; send the same one again only to repeat the command.
    command_id: Uuid,
    /// The version that you have seen; refused if there is a later one.
    expected_version: Option<i32>,
    /// The team.
    team: ID,
    /// The new name.
    name: String,
}

/// Names a team and a person.
#[derive(InputObject)]
pub struct TeamMemberInput {
    /// A fresh UUID; send the same one again only to repeat the command.
    command_id: Uuid,
    /// The version that you have seen; refused if there is a later one.
    expected_version: Option<i32>,
    /// The team.
    team: ID,
    /// The person.
    person: ID,
}

/// Ends a team.
#[derive(InputObject)]
pub struct TeamDisbandInput {
    /// A fresh UUID; send the same one again only to repeat the command.
    command_id: Uuid,
    /// The version that you have seen; refused if there is a later one.
    expected_version: Option<i32>,
    /// The team.
    team: ID,
}

/// Commands to teams.
#[derive(Default)]
pub struct TeamMutation;

#[Object]
impl TeamMutation {
    /// Form a team of your organisation; you are its first member.
    async fn team_form(&self, ctx: &Context<'_>, #[graphql(desc = "The command.")] input: TeamFormInput) -> Result<TeamPayload> {
        let run = async {
            let sender = Sender::new(ctx, input.command_id, None)?;
            let organisation = visible_organisation(sender.request, &input.organisation, "organisation").await?.reference.id;
            carry_out(&sender, sender.opened(), Command::Form { organisation, name: input.name }).await
        };
        answer(run.await)
    }

    /// Rename a team. For its members and its organisation's administrators.
    async fn team_rename(&self, ctx: &Context<'_>, #[graphql(desc = "The command.")] input: TeamRenameInput) -> Result<TeamPayload> {
        let run = async {
            let sender = Sender::new(ctx, input.command_id, input.expected_version)?;
            let team = visible_team(sender.request, &input.team, "team").await?.id;
            carry_out(&sender, team, Command::Rename { name: input.name }).await
        };
        answer(run.await)
    }

    /// Take someone of the organisation into a team.
    async fn team_member_add(&self, ctx: &Context<'_>, #[graphql(desc = "The command.")] input: TeamMemberInput) -> Result<TeamPayload> {
        answer(membership(ctx, input, |person| Command::AddMember { person }).await)
    }

    /// Let someone go from a team; anyone may leave by themselves.
    async fn team_member_remove(&self, ctx: &Context<'_>, #[graphql(desc = "The command.")] input: TeamMemberInput) -> Result<TeamPayload> {
        answer(membership(ctx, input, |person| Command::RemoveMember { person }).await)
    }

    /// End a team.
    async fn team_disband(&self, ctx: &Context<'_>, #[graphql(desc = "The command.")] input: TeamDisbandInput) -> Result<TeamPayload> {
        let run = async {
            let sender = Sender::new(ctx, input.command_id, input.expected_version)?;
            let team = visible_team(sender.request, &input.team, "team").await?.id;
            carry_out(&sender, team, Command::Disband).await
        };
        answer(run.await)
    }
}

async fn membership(ctx: &Context<'_>, input: TeamMemberInput, command: fn(kernel::PersonId) -> Command) -> Result<TeamPayload, Stop> {
    let sender = Sender::new(ctx, input.command_id, input.expected_version)?;
    let team = visible_team(sender.request, &input.team, "team").await?.id;
    let person = visible_person(sender.request, &input.person, "person").await?.reference.id;
    carry_out(&sender, team, command(person)).await
}

async fn carry_out(sender: &Sender<'_>, team: TeamId, command: Command) -> Result<TeamPayload, Stop> {
    let token = sender.send(team, HubCommand::Team(command)).await?;
    Ok(TeamPayload::done(shown_team(sender.request, team).await?, token))
}
