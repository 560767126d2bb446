//! A community: who founded it, what its charter says, which organisations and persons belong to it.

use crate::charter::Charter;
use kernel::{Audience, OrganisationId, PersonId, TeamId};
use serde::{Deserialize, Serialize};

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
