//! Who does something, and with which rights.

use crate::audience::{Audience, Grants, Token};
use crate::authority::{Action, Denied, Standing};
use crate::id::{CommunityId, OrganisationId, PersonId, TeamId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Who acts: a person, or the hub itself through one of its processes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Who {
    /// A person who signed in, or whose API token was presented.
    Person(PersonId),
    /// A process of the hub, by name: `sign-in`, `import`, `demo`, `command line`.
    System(String),
}

/// A role that someone holds, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Looks after the whole hub.
    Steward,
    /// Administers one organisation.
    OrganisationAdmin(OrganisationId),
    /// Belongs to a team.
    TeamMember(TeamId),
    /// Coordinates and moderates a community.
    Coordinator(CommunityId),
    /// Is one of a community's few core members.
    CoreMember(CommunityId),
    /// Is a member of a community.
    Member(CommunityId),
    /// Follows a community as an interested party.
    InterestedParty(CommunityId),
}

/// Who acts, for which organisation, with which roles. It accompanies every command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// The person or process.
    pub who: Who,
    /// The organisation that the person belongs to.
    pub organisation: Option<OrganisationId>,
    /// Every role held at the moment of the command.
    pub roles: BTreeSet<Role>,
}

/// What an action touches; together with an actor it yields the actor's standings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// The organisation concerned.
    pub organisation: Option<OrganisationId>,
    /// The community concerned.
    pub community: Option<CommunityId>,
    /// The team concerned.
    pub team: Option<TeamId>,
    /// The person concerned: oneself, or the author.
    pub person: Option<PersonId>,
}

impl Scope {
    /// The hub as a whole.
    pub fn hub() -> Self {
        Self::default()
    }
    /// Within one organisation.
    pub fn organisation(id: OrganisationId) -> Self {
        Self { organisation: Some(id), ..Self::default() }
    }
    /// Within one community.
    pub fn community(id: CommunityId) -> Self {
        Self { community: Some(id), ..Self::default() }
    }
    /// Of this person (oneself, or the author).
    pub fn of(mut self, person: PersonId) -> Self {
        self.person = Some(person);
        self
    }
    /// At home in this organisation.
    pub fn at(mut self, organisation: OrganisationId) -> Self {
        self.organisation = Some(organisation);
        self
    }
    /// Of this team.
    pub fn team(mut self, team: TeamId) -> Self {
        self.team = Some(team);
        self
    }
}

impl Actor {
    /// A person of an organisation, without any role yet.
    pub fn person(person: PersonId, organisation: OrganisationId) -> Self {
        Self { who: Who::Person(person), organisation: Some(organisation), roles: BTreeSet::new() }
    }

    /// A process of the hub.
    pub fn system(process: &str) -> Self {
        Self { who: Who::System(process.to_owned()), organisation: None, roles: BTreeSet::new() }
    }

    /// The same actor with one more role.
    pub fn with(mut self, role: Role) -> Self {
        self.roles.insert(role);
        self
    }

    /// The person who acts, unless it is the hub itself.
    pub fn person_id(&self) -> Option<PersonId> {
        match self.who {
            Who::Person(id) => Some(id),
            Who::System(_) => None,
        }
    }

    /// Whether the hub itself acts.
    pub fn is_system(&self) -> bool {
        matches!(self.who, Who::System(_))
    }

    /// What the actor holds to see things by: the same grants that a viewer with these roles has.
    pub fn grants(&self) -> Grants {
        let Who::Person(person) = self.who else {
            return Grants::default();
        };
        let communities = self.roles.iter().filter_map(|role| match *role {
            Role::Coordinator(id) | Role::CoreMember(id) | Role::Member(id) | Role::InterestedParty(id) => Some(Token::Community(id)),
            Role::Steward | Role::OrganisationAdmin(_) | Role::TeamMember(_) => None,
        });
        let organisation = self.organisation.map(Token::Organisation);
        Grants::of([Token::Members, Token::Person(person)].into_iter().chain(organisation).chain(communities))
    }

    /// Whether the actor sees what has that audience; the hub itself sees everything. To anyone else, what they
    /// may not see does not exist, for commands as for queries.
    pub fn sees(&self, audience: &Audience) -> bool {
        self.is_system() || audience.admits(&self.grants())
    }

    /// Every standing of this actor towards what the scope names.
    pub fn standings(&self, scope: &Scope) -> BTreeSet<Standing> {
        let mut standings = BTreeSet::new();
        let Who::Person(person) = self.who else {
            standings.insert(Standing::System);
            return standings;
        };
        standings.insert(Standing::Person);
        if scope.person == Some(person) {
            standings.insert(Standing::Oneself);
        }
        if scope.organisation.is_some() && scope.organisation == self.organisation {
            standings.insert(Standing::Colleague);
        }
        for role in &self.roles {
            let standing = match *role {
                Role::Steward => Some(Standing::Steward),
                Role::OrganisationAdmin(id) => (scope.organisation == Some(id)).then_some(Standing::OrganisationAdmin),
                Role::TeamMember(id) => (scope.team == Some(id)).then_some(Standing::TeamMember),
                Role::Coordinator(id) => (scope.community == Some(id)).then_some(Standing::Coordinator),
                Role::CoreMember(id) => (scope.community == Some(id)).then_some(Standing::CoreMember),
                Role::Member(id) => (scope.community == Some(id)).then_some(Standing::Member),
                Role::InterestedParty(id) => (scope.community == Some(id)).then_some(Standing::InterestedParty),
            };
            standings.extend(standing);
        }
        standings
    }

    /// Whether the actor may do this there, by the [table](crate::authority::allowed).
    ///
    /// # Errors
    /// [`Denied`], which names the standings that would suffice.
    pub fn may(&self, action: Action, scope: &Scope) -> Result<(), Denied> {
        if self.standings(scope).iter().any(|standing| action.allows(*standing)) { Ok(()) } else { Err(Denied { action }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn an_actor_sees_what_a_viewer_with_the_same_roles_sees() {
        let (person, organisation): (PersonId, OrganisationId) = (Uuid::from_u128(1).into(), Uuid::from_u128(2).into());
        let (here, elsewhere): (CommunityId, CommunityId) = (Uuid::from_u128(3).into(), Uuid::from_u128(4).into());
        let actor = Actor::person(person, organisation).with(Role::InterestedParty(here)).with(Role::Steward);
        assert_eq!(actor.grants(), crate::Viewer::person(person, organisation, [here]).grants);
        assert!(actor.sees(&Audience::community(here)));
        assert!(!actor.sees(&Audience::community(elsewhere)), "a steward looks after the hub, and does not read along");
    }

    #[test]
    fn the_hub_itself_sees_everything() {
        let hub = Actor::system("import");
        assert!(hub.sees(&Audience::persons([Uuid::from_u128(1).into()])));
        assert!(hub.may(Action::ContentImport, &Scope::hub()).is_ok());
    }

    #[test]
    fn a_role_counts_only_where_it_is_held() {
        let (here, elsewhere): (CommunityId, CommunityId) = (Uuid::from_u128(3).into(), Uuid::from_u128(4).into());
        let actor = Actor::person(Uuid::from_u128(1).into(), Uuid::from_u128(2).into()).with(Role::Coordinator(here));
        assert!(actor.may(Action::ThreadLock, &Scope::community(here)).is_ok());
        let denied = actor.may(Action::ThreadLock, &Scope::community(elsewhere)).unwrap_err();
        assert_eq!(denied.to_string(), "You may not lock or unlock this thread. It is open to: a coordinator of the community.");
    }
}
