//! A person: who joined from which identity provider, with which roles. All personal data of the hub is here.

use kernel::{OrganisationId, Personal, ProviderId, Timestamp, TokenId};
use serde::{Deserialize, Serialize};

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
