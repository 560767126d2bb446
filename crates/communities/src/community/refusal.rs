//! Why a community refuses a command.

use kernel::{Denied, Kind, TextError};

/// Why a community refuses a command.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The actor may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// A text is not as it should be.
    #[error(transparent)]
    Text(#[from] TextError),
    /// It was never founded, or the actor may not see it.
    #[error("There is no such community. Check the address.")]
    NotFound,
    /// It is founded already.
    #[error("This community is founded already. Amend its charter instead.")]
    AlreadyFounded,
    /// It is archived.
    #[error("This community is archived: it can be read, and nothing is added. Found another one, or join one that is active.")]
    Archived,
    /// The audience is not one that a community can have.
    #[error("“audience” must be everyone, everyone signed in, an organisation, or the community itself. Choose one of these.")]
    Audience,
    /// It takes no one by themselves.
    #[error("This community is closed to joiners. Ask one of its coordinators to bring you in.")]
    ClosedToJoiners,
    /// A person can only join for their own organisation.
    #[error("You can join for your own organisation only. Leave “organisation” as it is.")]
    OtherOrganisation,
    /// The person belongs to it already, in another way.
    #[error("This person belongs to the community already. Change the kind of the membership instead.")]
    AlreadyMember,
    /// The person does not belong to it.
    #[error("This person does not belong to the community. Bring them in first.")]
    NotMember,
    /// It has as many core members as it takes.
    #[error(
        "The community has {most} core members, which is the most it takes. Join as a member, or let another core member step back first."
    )]
    CoreFull {
        /// The most core members it takes.
        most: u16,
    },
    /// Its last coordinator cannot go while others remain.
    #[error("This is the community's last coordinator. Appoint another one first, or archive the community.")]
    LastCoordinator,
    /// Its home organisation cannot leave it.
    #[error("This is the community's home organisation, which cannot leave it. Archive the community instead.")]
    HomeOrganisation,
    /// Members of the organisation remain.
    #[error("{count} members of this organisation still belong to the community. Let them leave first.")]
    MembersRemain {
        /// How many.
        count: usize,
    },
}

impl kernel::Refusal for Refusal {
    fn code(&self) -> &'static str {
        match self {
            Self::Denied(_) => "DENIED",
            Self::Text(error) => error.code(),
            Self::NotFound => "COMMUNITY_NOT_FOUND",
            Self::AlreadyFounded => "COMMUNITY_EXISTS",
            Self::Archived => "COMMUNITY_ARCHIVED",
            Self::Audience => "AUDIENCE_INVALID",
            Self::ClosedToJoiners => "CLOSED_TO_JOINERS",
            Self::OtherOrganisation => "OTHER_ORGANISATION",
            Self::AlreadyMember => "ALREADY_MEMBER",
            Self::NotMember => "NOT_A_MEMBER",
            Self::CoreFull { .. } => "CORE_FULL",
            Self::LastCoordinator => "LAST_COORDINATOR",
            Self::HomeOrganisation => "HOME_ORGANISATION",
            Self::MembersRemain { .. } => "MEMBERS_REMAIN",
        }
    }

    fn kind(&self) -> Kind {
        match self {
            Self::Denied(_) => Kind::Denied,
            Self::Text(_) | Self::Audience | Self::OtherOrganisation => Kind::Invalid,
            Self::NotFound => Kind::NotFound,
            Self::AlreadyFounded
            | Self::Archived
            | Self::ClosedToJoiners
            | Self::AlreadyMember
            | Self::NotMember
            | Self::CoreFull { .. }
            | Self::LastCoordinator
            | Self::HomeOrganisation
            | Self::MembersRemain { .. } => Kind::Conflict,
        }
    }

    fn field(&self) -> Option<&'static str> {
        match self {
            Self::Text(error) => Some(error.field()),
            Self::Audience => Some("audience"),
            Self::OtherOrganisation | Self::HomeOrganisation | Self::MembersRemain { .. } => Some("organisation"),
            Self::AlreadyMember | Self::NotMember | Self::LastCoordinator => Some("person"),
            Self::CoreFull { .. } => Some("kind"),
            Self::Denied(_) | Self::NotFound | Self::AlreadyFounded | Self::Archived | Self::ClosedToJoiners => None,
        }
    }
}
