//! A team within an organisation. Teams own resources, and persons represent teams.

use kernel::{OrganisationId, PersonId};
use serde::{Deserialize, Serialize};

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
