//! A team within an organisation. Teams own resources, and persons represent teams.

use kernel::{Action, Actor, Aggregate, Denied, Kind, OrganisationId, PersonId, Scope, TeamId, TextError, Timestamp, text};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use uuid::Uuid;

#[cfg(test)]
mod tests;

/// What may be asked of a team.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Command {
    /// Form it; the person who does becomes its first member.
    Form {
        /// Its organisation.
        organisation: OrganisationId,
        /// Its name.
        name: String,
    },
    /// Give it another name.
    Rename {
        /// The new name.
        name: String,
    },
    /// Take someone in.
    AddMember {
        /// Whom.
        person: PersonId,
    },
    /// Let someone go.
    RemoveMember {
        /// Whom.
        person: PersonId,
    },
    /// End the team.
    Disband,
}

/// What can happen to a team.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "type", content = "data", rename_all = "snake_case")]
pub enum Event {
    /// It was formed.
    Formed {
        /// Its organisation.
        organisation: OrganisationId,
        /// Its name.
        name: String,
    },
    /// It has another name.
    Renamed {
        /// The new name.
        name: String,
    },
    /// Someone belongs to it now.
    MemberAdded {
        /// Who.
        person: PersonId,
    },
    /// Someone does no longer.
    MemberRemoved {
        /// Who.
        person: PersonId,
    },
    /// It is no more.
    Disbanded,
}

/// Why a team refuses a command.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The actor may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// A text is not as it should be.
    #[error(transparent)]
    Text(#[from] TextError),
    /// It was never formed.
    #[error("There is no such team. Check the address.")]
    NotFound,
    /// It is formed already.
    #[error("This team is formed already. Rename it instead.")]
    AlreadyFormed,
    /// It is no more.
    #[error("This team was disbanded. Form another one.")]
    Disbanded,
}

impl kernel::Refusal for Refusal {
    fn code(&self) -> &'static str {
        match self {
            Self::Denied(_) => "DENIED",
            Self::Text(error) => error.code(),
            Self::NotFound => "TEAM_NOT_FOUND",
            Self::AlreadyFormed => "TEAM_EXISTS",
            Self::Disbanded => "TEAM_DISBANDED",
        }
    }

    fn kind(&self) -> Kind {
        match self {
            Self::Denied(_) => Kind::Denied,
            Self::Text(_) => Kind::Invalid,
            Self::NotFound => Kind::NotFound,
            Self::AlreadyFormed | Self::Disbanded => Kind::Conflict,
        }
    }

    fn field(&self) -> Option<&'static str> {
        match self {
            Self::Text(error) => Some(error.field()),
            Self::Denied(_) | Self::NotFound | Self::AlreadyFormed | Self::Disbanded => None,
        }
    }
}

/// A team as its events made it.
#[derive(Clone, Debug)]
pub struct Team {
    id: TeamId,
    organisation: Option<OrganisationId>,
    name: String,
    members: BTreeSet<PersonId>,
    disbanded: bool,
}

impl Team {
    /// Its organisation; none before it was formed.
    pub fn organisation(&self) -> Option<OrganisationId> {
        self.organisation
    }
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }
    /// Who belongs to it; no one any more once it was disbanded.
    pub fn members(&self) -> &BTreeSet<PersonId> {
        &self.members
    }
    /// Whether it is no more.
    pub fn disbanded(&self) -> bool {
        self.disbanded
    }
}

impl Aggregate for Team {
    const CONTEXT: &'static str = "organisations";
    const NAME: &'static str = "team";
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn new(id: Uuid) -> Self {
        Self { id: id.into(), organisation: None, name: String::new(), members: BTreeSet::new(), disbanded: false }
    }

    fn decide(&self, command: Command, by: &Actor, _now: Timestamp) -> Result<Vec<Event>, Refusal> {
        if let Command::Form { organisation, name } = command {
            if self.organisation.is_some() {
                return Err(Refusal::AlreadyFormed);
            }
            by.may(Action::TeamForm, &Scope::organisation(organisation))?;
            let mut events = vec![Event::Formed { organisation, name: text::line("name", &name, text::LINE)? }];
            events.extend(by.person_id().map(|person| Event::MemberAdded { person }));
            return Ok(events);
        }
        let organisation = self.organisation.ok_or(Refusal::NotFound)?;
        by.may(Action::TeamManage, &Scope::organisation(organisation).team(self.id))?;
        if self.disbanded {
            return Err(Refusal::Disbanded);
        }
        match command {
            Command::Form { .. } => Err(Refusal::AlreadyFormed),
            Command::Rename { name } => {
                let name = text::line("name", &name, text::LINE)?;
                Ok(if name == self.name { Vec::new() } else { vec![Event::Renamed { name }] })
            }
            Command::AddMember { person } => {
                Ok(if self.members.contains(&person) { Vec::new() } else { vec![Event::MemberAdded { person }] })
            }
            Command::RemoveMember { person } => {
                Ok(if self.members.contains(&person) { vec![Event::MemberRemoved { person }] } else { Vec::new() })
            }
            Command::Disband => Ok(vec![Event::Disbanded]),
        }
    }

    fn apply(&mut self, event: &Event) {
        match event {
            Event::Formed { organisation, name } => {
                self.organisation = Some(*organisation);
                self.name.clone_from(name);
            }
            Event::Renamed { name } => self.name.clone_from(name),
            Event::MemberAdded { person } => {
                self.members.insert(*person);
            }
            Event::MemberRemoved { person } => {
                self.members.remove(person);
            }
            Event::Disbanded => {
                self.disbanded = true;
                self.members.clear();
            }
        }
    }
}
