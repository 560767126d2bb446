//! Commands to teams.

use super::envelope::{Changing, Opening};
use super::lookup::{shown_team, visible_organisation, visible_person, visible_team};
use super::payloads::TeamPayload;
use super::{Outcome, Sender, Stop, answer};
use async_graphql::{Context, ID, InputObject, Object, Result};
use kernel::TeamId;
use organisations::team::Command;
use services::HubCommand;

/// Forms a team.
#[derive(InputObject)]
pub struct TeamFormInput {
    #[graphql(flatten)]
    command: Opening,
    /// Its organisation.
    organisation: ID,
    /// Its name.
    name: String,
}

/// Renames a team.
#[derive(InputObject)]
pub struct TeamRenameInput {
    #[graphql(flatten)]
    command: Changing,
    /// The team.
    team: ID,
    /// The new name.
    name: String,
}

/// Names a team and a person.
#[derive(InputObject)]
pub struct TeamMemberInput {
    #[graphql(flatten)]
    command: Changing,
    /// The team.
    team: ID,
    /// The person.
    person: ID,
}

/// Ends a team.
#[derive(InputObject)]
pub struct TeamDisbandInput {
    #[graphql(flatten)]
    command: Changing,
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
            let sender = Sender::new(ctx, &input)?;
            let looked_up = async {
                let organisation = visible_organisation(sender.request, &input.organisation, "organisation").await?.reference.id;
                Ok((sender.opened(), HubCommand::Team(Command::Form { organisation, name: input.name })))
            };
            shown(&sender, sender.outcome(looked_up).await?).await
        };
        answer(run.await)
    }

    /// Rename a team. For its members and its organisation's administrators.
    async fn team_rename(&self, ctx: &Context<'_>, #[graphql(desc = "The command.")] input: TeamRenameInput) -> Result<TeamPayload> {
        answer(change(Sender::new(ctx, &input), &input.team, Command::Rename { name: input.name }).await)
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
        answer(change(Sender::new(ctx, &input), &input.team, Command::Disband).await)
    }
}

async fn membership(ctx: &Context<'_>, input: TeamMemberInput, command: fn(kernel::PersonId) -> Command) -> Result<TeamPayload, Stop> {
    let sender = Sender::new(ctx, &input)?;
    let looked_up = async {
        let team = visible_team(sender.request, &input.team, "team").await?.id;
        let person = visible_person(sender.request, &input.person, "person").await?.reference.id;
        Ok((team, HubCommand::Team(command(person))))
    };
    shown(&sender, sender.outcome(looked_up).await?).await
}

async fn change(sender: Result<Sender<'_>, Stop>, team: &ID, command: Command) -> Result<TeamPayload, Stop> {
    let sender = sender?;
    let looked_up = async {
        let team = visible_team(sender.request, team, "team").await?.id;
        Ok((team, HubCommand::Team(command)))
    };
    shown(&sender, sender.outcome(looked_up).await?).await
}

async fn shown(sender: &Sender<'_>, outcome: Outcome<TeamId>) -> Result<TeamPayload, Stop> {
    Ok(TeamPayload::done(shown_team(sender.request, outcome.of).await?, outcome.done))
}

commands! { TeamFormInput, TeamRenameInput, TeamMemberInput, TeamDisbandInput }
