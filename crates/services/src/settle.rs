//! What the sender looked up in views, which may lag, put right from the streams before anything is decided.

use crate::command::{HubCommand, Request};
use crate::failure::{Failure, Refused};
use crate::handle::Services;
use communities::community::{self, Community};
use discussions::category::{self, Category};
use discussions::thread::{self, Thread};
use kernel::{CommunityId, OrganisationId, PersonId};
use organisations::person::Person;
use organisations::team::{self, Team};
use uuid::Uuid;

impl Services {
    /// The command of a request as the streams have it.
    pub(crate) async fn settled(&self, request: &Request) -> Result<HubCommand, Failure> {
        match request.command.clone() {
            command @ (HubCommand::Organisation(_) | HubCommand::Person(_)) => Ok(command),
            HubCommand::Team(command) => {
                self.settle_team(request.target, &command).await?;
                Ok(HubCommand::Team(command))
            }
            HubCommand::Community(command) => {
                self.settle_community(&command).await?;
                Ok(HubCommand::Community(command))
            }
            HubCommand::Category(command) => self.settle_category(request.target, command).await.map(HubCommand::Category),
            HubCommand::Thread(command) => self.settle_thread(request.target, command).await.map(HubCommand::Thread),
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
