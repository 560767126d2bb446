//! An organisation: a department, agency or company that takes part in the hub and brings its own identity provider.

use kernel::ProviderId;
use serde::{Deserialize, Serialize};

/// What may be asked of an organisation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Command {
    /// Register it.
    Register {
        /// Its address within the hub, unique.
        slug: String,
        /// Its name.
        name: String,
    },
    /// Give it another name.
    Rename {
        /// The new name.
        name: String,
    },
    /// Suspend it: none of its people may sign in.
    Suspend {
        /// Why, for the record.
        reason: String,
    },
    /// End the suspension.
    Reinstate,
    /// Register an identity provider. Its secret is kept elsewhere, sealed.
    RegisterProvider {
        /// The provider's id.
        provider: ProviderId,
        /// What people call it: “Staff sign-in”.
        name: String,
        /// The issuer, exactly as the provider writes it.
        issuer: String,
        /// The client id that the provider gave the hub.
        client_id: String,
        /// Scopes to ask for besides `openid`.
        scopes: Vec<String>,
    },
    /// No one may sign in through it.
    DisableProvider {
        /// Which one.
        provider: ProviderId,
    },
    /// It may be used again.
    EnableProvider {
        /// Which one.
        provider: ProviderId,
    },
    /// Remove it for good.
    RemoveProvider {
        /// Which one.
        provider: ProviderId,
    },
}

/// What can happen to an organisation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "type", content = "data", rename_all = "snake_case")]
pub enum Event {
    /// It was registered.
    Registered {
        /// Its address within the hub.
        slug: String,
        /// Its name.
        name: String,
    },
    /// It has another name.
    Renamed {
        /// The new name.
        name: String,
    },
    /// It was suspended.
    Suspended {
        /// Why.
        reason: String,
    },
    /// The suspension ended.
    Reinstated,
    /// An identity provider was registered, and is enabled.
    ProviderRegistered {
        /// The provider's id.
        provider: ProviderId,
        /// What people call it.
        name: String,
        /// The issuer.
        issuer: String,
        /// The client id.
        client_id: String,
        /// Scopes besides `openid`.
        scopes: Vec<String>,
    },
    /// A provider was disabled.
    ProviderDisabled {
        /// Which one.
        provider: ProviderId,
    },
    /// A provider was enabled.
    ProviderEnabled {
        /// Which one.
        provider: ProviderId,
    },
    /// A provider was removed.
    ProviderRemoved {
        /// Which one.
        provider: ProviderId,
    },
}
