//! A community: who founded it, what its charter says, which organisations and persons belong to it.

mod refusal;
mod rules;
#[cfg(test)]
mod tests;

pub use refusal::Refusal;

use crate::charter::Charter;
use kernel::{Audience, CommunityId, OrganisationId, PersonId, TeamId};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The space of claims that holds the slugs of communities.
pub const SLUG_SPACE: &str = "community_slug";

/// How many core members a community has at most unless it says otherwise, “to promote interactive sessions”.
pub const CORE_MEMBERS: u16 = 15;

/// The kind of a membership.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MemberKind {
    /// One of the few who carry the community.
    Core,
    /// A member.
    Member,
    /// Follows what goes on.
    InterestedParty,
}

/// What may be asked of a community.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Command {
    /// Found it. The person who does becomes a core member and its coordinator.
    Found {
        /// Its address within the hub, unique.
        slug: String,
        /// Its name.
        name: String,
        /// What it is about, in a line.
        subject: String,
        /// Its home organisation.
        home: OrganisationId,
        /// Who may see it.
        audience: Audience,
        /// Its charter.
        charter: Charter,
    },
    /// Amend the charter.
    AmendCharter {
        /// The whole charter, as it shall read.
        charter: Charter,
        /// What changed and why, in a line.
        summary: String,
    },
    /// Let anyone join.
    OpenToJoiners,
    /// Let no one join but by a coordinator's hand.
    CloseToJoiners,
    /// An organisation takes part.
    JoinOrganisation {
        /// Which.
        organisation: OrganisationId,
    },
    /// An organisation no longer takes part.
    LeaveOrganisation {
        /// Which.
        organisation: OrganisationId,
    },
    /// Someone joins. A coordinator may bring in others, and as core members.
    Join {
        /// Who.
        person: PersonId,
        /// The person's organisation, which thereby takes part.
        organisation: OrganisationId,
        /// As what.
        kind: MemberKind,
        /// The team that the person represents.
        team: Option<TeamId>,
    },
    /// Someone leaves, or is let go.
    Leave {
        /// Who.
        person: PersonId,
    },
    /// Change the kind of a membership.
    ChangeMemberKind {
        /// Whose.
        person: PersonId,
        /// To what.
        kind: MemberKind,
    },
    /// Appoint a coordinator from among the members.
    AppointCoordinator {
        /// Whom.
        person: PersonId,
    },
    /// Release a coordinator.
    ReleaseCoordinator {
        /// Whom.
        person: PersonId,
    },
    /// Archive it: it can be read, and nothing is added.
    Archive {
        /// Why.
        reason: String,
    },
}

/// What can happen to a community.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "type", content = "data", rename_all = "snake_case")]
pub enum Event {
    /// It was founded, open to joiners.
    Founded {
        /// Its address within the hub.
        slug: String,
        /// Its name.
        name: String,
        /// What it is about.
        subject: String,
        /// Its home organisation.
        home: OrganisationId,
        /// Who may see it.
        audience: Audience,
        /// Its charter.
        charter: Charter,
        /// The most core members it takes.
        core_members: u16,
    },
    /// The charter was amended.
    CharterAmended {
        /// The charter as it reads now.
        charter: Charter,
        /// What changed.
        summary: String,
    },
    /// Anyone may join.
    OpenedToJoiners,
    /// No one may join by themselves.
    ClosedToJoiners,
    /// An organisation takes part.
    OrganisationJoined {
        /// Which.
        organisation: OrganisationId,
    },
    /// An organisation no longer takes part.
    OrganisationLeft {
        /// Which.
        organisation: OrganisationId,
    },
    /// Someone joined.
    MemberJoined {
        /// Who.
        person: PersonId,
        /// For which organisation.
        organisation: OrganisationId,
        /// As what.
        kind: MemberKind,
        /// Representing which team.
        team: Option<TeamId>,
    },
    /// Someone left.
    MemberLeft {
        /// Who.
        person: PersonId,
    },
    /// A membership is of another kind.
    MemberKindChanged {
        /// Whose.
        person: PersonId,
        /// Of which kind now.
        kind: MemberKind,
    },
    /// A coordinator was appointed.
    CoordinatorAppointed {
        /// Who.
        person: PersonId,
    },
    /// A coordinator was released.
    CoordinatorReleased {
        /// Who.
        person: PersonId,
    },
    /// It was archived.
    Archived {
        /// Why.
        reason: String,
    },
}

/// A membership.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Membership {
    /// The organisation that the person belongs to.
    pub organisation: OrganisationId,
    /// Its kind.
    pub kind: MemberKind,
    /// The team that the person represents.
    pub team: Option<TeamId>,
}

/// A community as its events made it.
#[derive(Clone, Debug)]
pub struct Community {
    id: CommunityId,
    founding: Option<Founding>,
    charter: Charter,
    open: bool,
    organisations: BTreeSet<OrganisationId>,
    members: BTreeMap<PersonId, Membership>,
    coordinators: BTreeSet<PersonId>,
    archived: bool,
}

/// What a community was founded with, and keeps.
#[derive(Clone, Debug)]
struct Founding {
    slug: String,
    name: String,
    home: OrganisationId,
    audience: Audience,
    core_members: u16,
}

impl Community {
    /// Its address within the hub; none before it was founded.
    pub fn slug(&self) -> Option<&str> {
        self.founding.as_ref().map(|founding| founding.slug.as_str())
    }
    /// Its name; none before it was founded.
    pub fn name(&self) -> Option<&str> {
        self.founding.as_ref().map(|founding| founding.name.as_str())
    }
    /// Its home organisation; none before it was founded.
    pub fn home(&self) -> Option<OrganisationId> {
        self.founding.as_ref().map(|founding| founding.home)
    }
    /// Who may see it; none before it was founded.
    pub fn audience(&self) -> Option<&Audience> {
        self.founding.as_ref().map(|founding| &founding.audience)
    }
    /// Its charter as it reads now.
    pub fn charter(&self) -> &Charter {
        &self.charter
    }
    /// Whether anyone may join.
    pub fn open(&self) -> bool {
        self.open
    }
    /// Whether nothing is added any more.
    pub fn archived(&self) -> bool {
        self.archived
    }
    /// The organisations that take part.
    pub fn organisations(&self) -> &BTreeSet<OrganisationId> {
        &self.organisations
    }
    /// Its members.
    pub fn members(&self) -> &BTreeMap<PersonId, Membership> {
        &self.members
    }
    /// The kind of this person's membership; none if they do not belong to it.
    pub fn member_kind(&self, person: PersonId) -> Option<MemberKind> {
        self.members.get(&person).map(|membership| membership.kind)
    }
    /// Its coordinators.
    pub fn coordinators(&self) -> &BTreeSet<PersonId> {
        &self.coordinators
    }
}
