//! A person: who joined from which identity provider, with which roles. All personal data of the hub is here.

mod rules;
#[cfg(test)]
mod tests;

use kernel::{Claim, Denied, Kind, OrganisationId, PersonId, Personal, ProviderId, TextError, Timestamp, TokenId};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// How a provider knows a person. Identity is provider, issuer and subject together, never an email address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Identity {
    /// The provider, as the hub knows it.
    pub provider: ProviderId,
    /// The issuer (`iss`).
    pub issuer: String,
    /// The subject (`sub`).
    pub subject: Personal<String>,
}

impl Identity {
    /// The space of claims that holds identities.
    pub const SPACE: &'static str = "identity";

    /// The value to claim, so that no two persons share an identity; none once the person is erased.
    pub fn claim(&self) -> Option<String> {
        self.subject.known().map(|subject| format!("{}\n{}\n{subject}", self.provider, self.issuer))
    }
}

/// A role that is granted to a person by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GrantedRole {
    /// Administrator of the person's own organisation.
    OrganisationAdmin,
    /// Steward of the hub.
    Steward,
}

/// What an API token may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TokenScope {
    /// Queries and subscriptions only.
    Read,
    /// Commands too.
    Write,
}

/// What may be asked of a person.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Command {
    /// Join the hub, after a verified sign-in.
    Join {
        /// The organisation whose provider vouched.
        organisation: OrganisationId,
        /// How that provider knows the person.
        identity: Identity,
        /// The name to show.
        name: String,
        /// The email address that the provider states, if any.
        email: Option<String>,
    },
    /// Stand in for someone whose writings were imported.
    CreatePlaceholder {
        /// Where from: `github`.
        source: String,
        /// The name used there.
        handle: String,
        /// The name to show.
        name: String,
    },
    /// Change the profile.
    ChangeProfile {
        /// The name to show.
        name: String,
        /// A few words about oneself.
        about: String,
    },
    /// Grant a role.
    GrantRole {
        /// Which.
        role: GrantedRole,
    },
    /// Revoke a role.
    RevokeRole {
        /// Which.
        role: GrantedRole,
    },
    /// Suspend: no sign-in, and open sessions end.
    Suspend {
        /// Why.
        reason: String,
    },
    /// End the suspension.
    Reinstate,
    /// Record that an API token was issued. Its secret's hash is kept elsewhere.
    IssueToken {
        /// The token's id.
        token: TokenId,
        /// What it is for.
        name: String,
        /// What it may be used for.
        scope: TokenScope,
        /// When it ends; within a year.
        expires_at: Timestamp,
    },
    /// Revoke an API token.
    RevokeToken {
        /// Which.
        token: TokenId,
    },
    /// Erase the person: what was personal becomes unreadable for good.
    Erase,
}

/// What can happen to a person.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "type", content = "data", rename_all = "snake_case")]
pub enum Event {
    /// The person joined.
    Joined {
        /// The organisation.
        organisation: OrganisationId,
        /// How its provider knows the person.
        identity: Identity,
        /// The name to show.
        name: Personal<String>,
        /// The email address, if the provider stated one.
        email: Option<Personal<String>>,
    },
    /// A placeholder was made for someone whose writings were imported.
    PlaceholderCreated {
        /// Where from.
        source: String,
        /// The name used there.
        handle: Personal<String>,
        /// The name to show.
        name: Personal<String>,
    },
    /// The profile changed.
    ProfileChanged {
        /// The name to show.
        name: Personal<String>,
        /// A few words about oneself.
        about: Personal<String>,
    },
    /// A role was granted.
    RoleGranted {
        /// Which.
        role: GrantedRole,
    },
    /// A role was revoked.
    RoleRevoked {
        /// Which.
        role: GrantedRole,
    },
    /// The person was suspended.
    Suspended {
        /// Why.
        reason: String,
    },
    /// The suspension ended.
    Reinstated,
    /// An API token was issued.
    TokenIssued {
        /// Its id.
        token: TokenId,
        /// What it is for.
        name: String,
        /// What it may be used for.
        scope: TokenScope,
        /// When it ends.
        expires_at: Timestamp,
    },
    /// An API token was revoked.
    TokenRevoked {
        /// Its id.
        token: TokenId,
    },
    /// The person was erased; the key to the personal data is destroyed with this event.
    Erased,
}

/// The most live API tokens that a person may have.
pub const TOKENS: usize = 20;
/// The longest life of an API token, in days.
pub const TOKEN_DAYS: i64 = 366;
/// The most characters of an email address that is taken, RFC 3696 with its erratum.
pub const EMAIL: usize = 320;

/// Why a person's record refuses a command.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The actor may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// A text is not as it should be.
    #[error(transparent)]
    Text(#[from] TextError),
    /// There is no such person.
    #[error("There is no such person. Check the address.")]
    NotFound,
    /// The person joined already.
    #[error("This person is known already. Sign in instead of joining again.")]
    AlreadyJoined,
    /// The person was erased.
    #[error("This person was erased. Nothing more can be done with the record; to come back, sign in anew.")]
    Gone,
    /// It is a stand-in for someone whose writings were imported.
    #[error("This is a placeholder for someone who never signed in here. It has no account: it can only be erased.")]
    Placeholder,
    /// The person is suspended.
    #[error("This person is suspended. Reinstate the person first.")]
    Suspended,
    /// Someone tried to suspend themselves.
    #[error("You cannot suspend yourself: you could not undo it. Ask another administrator.")]
    Oneself,
    /// The provider's name for the person was erased before it arrived, or is empty or too long.
    #[error("“subject” must be 1 to 255 characters, as the identity provider states it.")]
    Subject,
    /// The token would end too early or too late.
    #[error("“expiresAt” must be in the future and at most 366 days ahead. Choose another day.")]
    TokenExpiry,
    /// The person has as many tokens as one may have.
    #[error("You have 20 live API tokens, which is the most. Revoke one that you no longer use.")]
    TooManyTokens,
    /// That token's id is taken.
    #[error("An API token with this id exists already. Choose a new id.")]
    TokenExists,
    /// The person has no such token.
    #[error("There is no such API token, or it was revoked already. Look at the list of tokens.")]
    TokenNotFound,
}

impl kernel::Refusal for Refusal {
    fn code(&self) -> &'static str {
        match self {
            Self::Denied(_) => "DENIED",
            Self::Text(error) => error.code(),
            Self::NotFound => "PERSON_NOT_FOUND",
            Self::AlreadyJoined => "PERSON_EXISTS",
            Self::Gone => "PERSON_GONE",
            Self::Placeholder => "PERSON_IS_PLACEHOLDER",
            Self::Suspended => "PERSON_SUSPENDED",
            Self::Oneself => "SUSPENDS_ONESELF",
            Self::Subject => "SUBJECT_INVALID",
            Self::TokenExpiry => "TOKEN_EXPIRY",
            Self::TooManyTokens => "TOO_MANY_TOKENS",
            Self::TokenExists => "TOKEN_EXISTS",
            Self::TokenNotFound => "TOKEN_NOT_FOUND",
        }
    }

    fn kind(&self) -> Kind {
        match self {
            Self::Denied(_) => Kind::Denied,
            Self::Text(_) | Self::Subject | Self::TokenExpiry => Kind::Invalid,
            Self::NotFound | Self::Gone | Self::TokenNotFound => Kind::NotFound,
            Self::AlreadyJoined | Self::Placeholder | Self::Suspended | Self::Oneself | Self::TooManyTokens | Self::TokenExists => {
                Kind::Conflict
            }
        }
    }

    fn field(&self) -> Option<&'static str> {
        match self {
            Self::Text(error) => Some(error.field()),
            Self::Subject => Some("subject"),
            Self::TokenExpiry => Some("expiresAt"),
            Self::Denied(_)
            | Self::NotFound
            | Self::AlreadyJoined
            | Self::Gone
            | Self::Placeholder
            | Self::Suspended
            | Self::Oneself
            | Self::TooManyTokens
            | Self::TokenExists
            | Self::TokenNotFound => None,
        }
    }
}

/// How far a person's record has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stage {
    /// Nothing happened yet.
    #[default]
    Unknown,
    /// A stand-in for someone whose writings were imported.
    Placeholder,
    /// Joined, with an account.
    Joined,
    /// Erased.
    Erased,
}

/// A person as the events made it. What was erased reads as nothing.
#[derive(Clone, Debug)]
pub struct Person {
    id: PersonId,
    stage: Stage,
    organisation: Option<OrganisationId>,
    identity: Option<Identity>,
    name: Option<String>,
    about: Option<String>,
    email: Option<String>,
    suspended: bool,
    roles: BTreeSet<GrantedRole>,
    tokens: BTreeMap<TokenId, Timestamp>,
}

impl Person {
    /// How far the record has come.
    pub fn stage(&self) -> Stage {
        self.stage
    }
    /// The person's organisation; placeholders have none.
    pub fn organisation(&self) -> Option<OrganisationId> {
        self.organisation
    }
    /// How the provider knows the person.
    pub fn identity(&self) -> Option<&Identity> {
        self.identity.as_ref()
    }
    /// The name to show.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }
    /// A few words about the person.
    pub fn about(&self) -> Option<&str> {
        self.about.as_deref()
    }
    /// The email address that the provider stated.
    pub fn email(&self) -> Option<&str> {
        self.email.as_deref()
    }
    /// Whether the person may not sign in for now.
    pub fn suspended(&self) -> bool {
        self.suspended
    }
    /// Whether the person was erased.
    pub fn erased(&self) -> bool {
        self.stage == Stage::Erased
    }
    /// Whether this is a stand-in for someone whose writings were imported.
    pub fn placeholder(&self) -> bool {
        self.stage == Stage::Placeholder
    }
    /// The roles granted by name.
    pub fn roles(&self) -> &BTreeSet<GrantedRole> {
        &self.roles
    }
    /// The API tokens that were not revoked, with the moment at which each ends.
    pub fn tokens(&self) -> &BTreeMap<TokenId, Timestamp> {
        &self.tokens
    }

    /// Whether the person may sign in: joined, neither suspended nor erased.
    pub fn active(&self) -> bool {
        self.stage == Stage::Joined && !self.suspended
    }

    fn identity_claim(&self) -> Option<Claim> {
        let value = self.identity.as_ref()?.claim()?;
        Some(Claim::Release { space: Identity::SPACE, value })
    }
}
