//! Commands to communities.

use super::super::enums::MemberKind;
use super::super::ids;
use super::envelope::{Changing, Opening};
use super::inputs::{AudienceInput, CharterInput};
use super::lookup::{shown_community, visible_community, visible_organisation, visible_person};
use super::payloads::CommunityPayload;
use super::{Outcome, Sender, Stop, answer, refuse};
use async_graphql::{Context, ID, InputObject, Object, Result};
use communities::charter::Charter;
use communities::community::Command;
use kernel::{CommunityId, Kind, OrganisationId, PersonId, TeamId};
use services::HubCommand;

/// Founds a community.
#[derive(InputObject)]
pub struct CommunityFoundInput {
    #[graphql(flatten)]
    command: Opening,
    /// The address within the hub: 2 to 60 lower-case letters, digits and single hyphens.
    slug: String,
    /// The name.
    name: String,
    /// What it is about, in a line.
    subject: String,
    /// Who may see it.
    audience: AudienceInput,
    /// What it is for and how it works.
    charter: CharterInput,
}

/// Amends a community's charter.
#[derive(InputObject)]
pub struct CommunityCharterAmendInput {
    #[graphql(flatten)]
    command: Changing,
    /// The community.
    community: ID,
    /// The clauses that change.
    charter: CharterInput,
    /// What changed and why, in a line.
    summary: String,
}

/// Names a community.
#[derive(InputObject)]
pub struct CommunityInput {
    #[graphql(flatten)]
    command: Changing,
    /// The community.
    community: ID,
}

/// Archives a community.
#[derive(InputObject)]
pub struct CommunityArchiveInput {
    #[graphql(flatten)]
    command: Changing,
    /// The community.
    community: ID,
    /// Why.
    reason: String,
}

/// Joins a community.
#[derive(InputObject)]
pub struct CommunityJoinInput {
    #[graphql(flatten)]
    command: Changing,
    /// The community.
    community: ID,
    /// As what.
    #[graphql(default_with = "Some(MemberKind::Member)")]
    kind: Option<MemberKind>,
    /// The team that you represent.
    team: Option<ID>,
}

/// Brings a person into a community.
#[derive(InputObject)]
pub struct CommunityMemberAddInput {
    #[graphql(flatten)]
    command: Changing,
    /// The community.
    community: ID,
    /// The person.
    person: ID,
    /// As what.
    kind: MemberKind,
    /// The team that the person represents.
    team: Option<ID>,
}

/// Names a community and a person.
#[derive(InputObject)]
pub struct CommunityMemberInput {
    #[graphql(flatten)]
    command: Changing,
    /// The community.
    community: ID,
    /// The person.
    person: ID,
}

/// Changes the kind of a membership.
#[derive(InputObject)]
pub struct CommunityMemberKindInput {
    #[graphql(flatten)]
    command: Changing,
    /// The community.
    community: ID,
    /// The person.
    person: ID,
    /// The kind that it shall have.
    kind: MemberKind,
}

/// Names a community and an organisation.
#[derive(InputObject)]
pub struct CommunityOrganisationInput {
    #[graphql(flatten)]
    command: Changing,
    /// The community.
    community: ID,
    /// The organisation.
    organisation: ID,
}

/// Commands to communities.
#[derive(Default)]
pub struct CommunityMutation;

#[Object]
impl CommunityMutation {
    /// Found a community; you are its first core member and its coordinator.
    async fn community_found(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The command.")] input: CommunityFoundInput,
    ) -> Result<CommunityPayload> {
        let run = async {
            let sender = Sender::new(ctx, &input)?;
            let looked_up = async {
                let community: CommunityId = sender.opened();
                let home = sender.organisation()?;
                let audience = input.audience.read(sender.request, community)?;
                let charter = input.charter.read(Charter::default())?;
                let command = Command::Found { slug: input.slug, name: input.name, subject: input.subject, home, audience, charter };
                Ok((community, HubCommand::Community(command)))
            };
            shown(&sender, sender.outcome(looked_up).await?).await
        };
        answer(run.await)
    }

    /// Amend the charter. For coordinators.
    async fn community_charter_amend(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The command.")] input: CommunityCharterAmendInput,
    ) -> Result<CommunityPayload> {
        let run = async {
            let sender = Sender::new(ctx, &input)?;
            let looked_up = async {
                let row = visible_community(sender.request, &input.community, "community").await?;
                let charter = input.charter.read(row.charter)?;
                let command = Command::AmendCharter { charter, summary: input.summary };
                Ok((row.reference.id, HubCommand::Community(command)))
            };
            shown(&sender, sender.outcome(looked_up).await?).await
        };
        answer(run.await)
    }

    /// Let anyone who sees the community join it. For coordinators.
    async fn community_open_to_joiners(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The command.")] input: CommunityInput,
    ) -> Result<CommunityPayload> {
        answer(change(Sender::new(ctx, &input), &input.community, Command::OpenToJoiners).await)
    }

    /// Let no one join but by a coordinator's hand. For coordinators.
    async fn community_close_to_joiners(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The command.")] input: CommunityInput,
    ) -> Result<CommunityPayload> {
        answer(change(Sender::new(ctx, &input), &input.community, Command::CloseToJoiners).await)
    }

    /// Join a community. Your organisation thereby takes part in it.
    async fn community_join(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The command.")] input: CommunityJoinInput,
    ) -> Result<CommunityPayload> {
        let run = async {
            let sender = Sender::new(ctx, &input)?;
            let looked_up = async {
                let (person, organisation) = (sender.oneself()?, sender.organisation()?);
                let kind = input.kind.unwrap_or(MemberKind::Member).into();
                let command = Command::Join { person, organisation, kind, team: team(input.team.as_ref())? };
                let community = visible_community(sender.request, &input.community, "community").await?.reference.id;
                Ok((community, HubCommand::Community(command)))
            };
            shown(&sender, sender.outcome(looked_up).await?).await
        };
        answer(run.await)
    }

    /// Leave a community.
    async fn community_leave(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The command.")] input: CommunityInput,
    ) -> Result<CommunityPayload> {
        let run = async {
            let sender = Sender::new(ctx, &input)?;
            let looked_up = async {
                let person = sender.oneself()?;
                let community = visible_community(sender.request, &input.community, "community").await?.reference.id;
                Ok((community, HubCommand::Community(Command::Leave { person })))
            };
            shown(&sender, sender.outcome(looked_up).await?).await
        };
        answer(run.await)
    }

    /// Bring a person in. For coordinators.
    async fn community_member_add(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The command.")] input: CommunityMemberAddInput,
    ) -> Result<CommunityPayload> {
        let run = async {
            let sender = Sender::new(ctx, &input)?;
            let looked_up = async {
                let team = team(input.team.as_ref())?;
                let community = visible_community(sender.request, &input.community, "community").await?.reference.id;
                let person = visible_person(sender.request, &input.person, "person").await?.reference;
                let Some(organisation) = person.organisation.map(|organisation| organisation.id) else {
                    let message = "This person belongs to no organisation, and only members of organisations belong to communities.";
                    return Err(refuse(Kind::Conflict, "NO_ORGANISATION", message, "person"));
                };
                let command = Command::Join { person: person.id, organisation, kind: input.kind.into(), team };
                Ok((community, HubCommand::Community(command)))
            };
            shown(&sender, sender.outcome(looked_up).await?).await
        };
        answer(run.await)
    }

    /// Let a member go. For coordinators.
    async fn community_member_remove(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The command.")] input: CommunityMemberInput,
    ) -> Result<CommunityPayload> {
        answer(member(ctx, input, |person| Command::Leave { person }).await)
    }

    /// Change the kind of a membership. For coordinators.
    async fn community_member_kind_change(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The command.")] input: CommunityMemberKindInput,
    ) -> Result<CommunityPayload> {
        let run = async {
            let sender = Sender::new(ctx, &input)?;
            let looked_up = async {
                let community = visible_community(sender.request, &input.community, "community").await?.reference.id;
                let person = visible_person(sender.request, &input.person, "person").await?.reference.id;
                Ok((community, HubCommand::Community(Command::ChangeMemberKind { person, kind: input.kind.into() })))
            };
            shown(&sender, sender.outcome(looked_up).await?).await
        };
        answer(run.await)
    }

    /// Appoint a coordinator from among the members. For coordinators.
    async fn community_coordinator_appoint(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The command.")] input: CommunityMemberInput,
    ) -> Result<CommunityPayload> {
        answer(member(ctx, input, |person| Command::AppointCoordinator { person }).await)
    }

    /// Release a coordinator, who stays a member. For coordinators.
    async fn community_coordinator_release(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The command.")] input: CommunityMemberInput,
    ) -> Result<CommunityPayload> {
        answer(member(ctx, input, |person| Command::ReleaseCoordinator { person }).await)
    }

    /// Bring an organisation in. For coordinators, and for administrators of that organisation.
    async fn community_organisation_join(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The command.")] input: CommunityOrganisationInput,
    ) -> Result<CommunityPayload> {
        answer(part(ctx, input, |organisation| Command::JoinOrganisation { organisation }).await)
    }

    /// Take an organisation out. For coordinators, and for administrators of that organisation.
    async fn community_organisation_leave(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The command.")] input: CommunityOrganisationInput,
    ) -> Result<CommunityPayload> {
        answer(part(ctx, input, |organisation| Command::LeaveOrganisation { organisation }).await)
    }

    /// Archive a community: it can be read, and nothing is added. For coordinators.
    async fn community_archive(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The command.")] input: CommunityArchiveInput,
    ) -> Result<CommunityPayload> {
        answer(change(Sender::new(ctx, &input), &input.community, Command::Archive { reason: input.reason }).await)
    }
}

fn team(id: Option<&ID>) -> Result<Option<TeamId>, Stop> {
    Ok(id.map(|id| ids::read::<ids::Team>(id, "team")).transpose()?)
}

async fn member(ctx: &Context<'_>, input: CommunityMemberInput, command: fn(PersonId) -> Command) -> Result<CommunityPayload, Stop> {
    let sender = Sender::new(ctx, &input)?;
    let looked_up = async {
        let community = visible_community(sender.request, &input.community, "community").await?.reference.id;
        let person = visible_person(sender.request, &input.person, "person").await?.reference.id;
        Ok((community, HubCommand::Community(command(person))))
    };
    shown(&sender, sender.outcome(looked_up).await?).await
}

async fn part(
    ctx: &Context<'_>,
    input: CommunityOrganisationInput,
    command: fn(OrganisationId) -> Command,
) -> Result<CommunityPayload, Stop> {
    let sender = Sender::new(ctx, &input)?;
    let looked_up = async {
        let community = visible_community(sender.request, &input.community, "community").await?.reference.id;
        let organisation = visible_organisation(sender.request, &input.organisation, "organisation").await?.reference.id;
        Ok((community, HubCommand::Community(command(organisation))))
    };
    shown(&sender, sender.outcome(looked_up).await?).await
}

async fn change(sender: Result<Sender<'_>, Stop>, community: &ID, command: Command) -> Result<CommunityPayload, Stop> {
    let sender = sender?;
    let looked_up = async {
        let community = visible_community(sender.request, community, "community").await?.reference.id;
        Ok((community, HubCommand::Community(command)))
    };
    shown(&sender, sender.outcome(looked_up).await?).await
}

async fn shown(sender: &Sender<'_>, outcome: Outcome<CommunityId>) -> Result<CommunityPayload, Stop> {
    Ok(CommunityPayload::done(shown_community(sender.request, outcome.of).await?, outcome.done))
}

commands! {
    CommunityFoundInput, CommunityCharterAmendInput, CommunityInput, CommunityArchiveInput, CommunityJoinInput, CommunityMemberAddInput,
    CommunityMemberInput, CommunityMemberKindInput, CommunityOrganisationInput,
}
