//! An organisation: a department, agency or company that takes part in the hub and brings its own identity provider.

use kernel::{Action, Actor, Aggregate, Claim, Denied, Kind, OrganisationId, ProviderId, Scope, TextError, Timestamp, text};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use url::{Host, Url};
use uuid::Uuid;

#[cfg(test)]
mod tests;

/// The space of claims that holds the slugs of organisations.
pub const SLUG_SPACE: &str = "organisation_slug";

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

/// Why an organisation refuses a command.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The actor may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// A text is not as it should be.
    #[error(transparent)]
    Text(#[from] TextError),
    /// It was never registered.
    #[error("There is no such organisation. Check the address.")]
    NotFound,
    /// It is registered already.
    #[error("This organisation is registered already. Rename it instead.")]
    AlreadyRegistered,
    /// It is suspended, and the actor is no steward.
    #[error("This organisation is suspended. Ask a hub steward to reinstate it first.")]
    Suspended,
    /// The issuer is no address that a sign-in may rely on.
    #[error(
        "“issuer” must be an https address without user name, query or fragment, such as https://id.example.org (http only on this machine itself)."
    )]
    Issuer,
    /// The organisation has that provider already.
    #[error("This organisation already has a provider with that issuer and client id. Change or enable that one.")]
    ProviderExists,
    /// The organisation has no such provider.
    #[error("This organisation has no such identity provider. Look at its list of providers.")]
    ProviderNotFound,
}

impl kernel::Refusal for Refusal {
    fn code(&self) -> &'static str {
        match self {
            Self::Denied(_) => "DENIED",
            Self::Text(error) => error.code(),
            Self::NotFound => "ORGANISATION_NOT_FOUND",
            Self::AlreadyRegistered => "ORGANISATION_EXISTS",
            Self::Suspended => "ORGANISATION_SUSPENDED",
            Self::Issuer => "ISSUER_INVALID",
            Self::ProviderExists => "PROVIDER_EXISTS",
            Self::ProviderNotFound => "PROVIDER_NOT_FOUND",
        }
    }

    fn kind(&self) -> Kind {
        match self {
            Self::Denied(_) => Kind::Denied,
            Self::Text(_) | Self::Issuer => Kind::Invalid,
            Self::NotFound | Self::ProviderNotFound => Kind::NotFound,
            Self::AlreadyRegistered | Self::Suspended | Self::ProviderExists => Kind::Conflict,
        }
    }

    fn field(&self) -> Option<&'static str> {
        match self {
            Self::Text(error) => Some(error.field()),
            Self::Issuer | Self::ProviderExists => Some("issuer"),
            Self::Denied(_) | Self::NotFound | Self::AlreadyRegistered | Self::Suspended | Self::ProviderNotFound => None,
        }
    }
}

/// An identity provider of an organisation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provider {
    /// What people call it.
    pub name: String,
    /// The issuer, exactly as the provider writes it.
    pub issuer: String,
    /// The hub's client id there.
    pub client_id: String,
    /// Scopes besides `openid`.
    pub scopes: Vec<String>,
    /// Whether one may sign in through it.
    pub enabled: bool,
}

/// An organisation as its events made it.
#[derive(Clone, Debug)]
pub struct Organisation {
    id: OrganisationId,
    slug: Option<String>,
    name: String,
    suspended: bool,
    providers: BTreeMap<ProviderId, Provider>,
}

impl Organisation {
    /// Its address within the hub; none before it was registered.
    pub fn slug(&self) -> Option<&str> {
        self.slug.as_deref()
    }
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }
    /// Whether it is suspended: none of its people may sign in.
    pub fn suspended(&self) -> bool {
        self.suspended
    }
    /// Its identity providers, enabled or not.
    pub fn providers(&self) -> &BTreeMap<ProviderId, Provider> {
        &self.providers
    }

    fn scope(&self) -> Scope {
        Scope::organisation(self.id)
    }

    /// Whether the actor may do that here; while it is suspended, only who may suspend it.
    fn allow(&self, by: &Actor, action: Action) -> Result<(), Refusal> {
        by.may(action, &self.scope())?;
        if self.suspended && by.may(Action::OrganisationSuspend, &self.scope()).is_err() {
            return Err(Refusal::Suspended);
        }
        Ok(())
    }

    fn provider(&self, id: ProviderId) -> Result<&Provider, Refusal> {
        self.providers.get(&id).ok_or(Refusal::ProviderNotFound)
    }

    fn register_provider(
        &self,
        id: ProviderId,
        name: &str,
        issuer: &str,
        client_id: &str,
        scopes: &[String],
    ) -> Result<Vec<Event>, Refusal> {
        let provider = Provider {
            name: text::line("name", name, text::LINE)?,
            issuer: issuer_address(issuer)?,
            client_id: text::line("clientId", client_id, text::LINE)?,
            scopes: scope_names(scopes)?,
            enabled: true,
        };
        if self.providers.get(&id).is_some_and(|known| Provider { enabled: true, ..known.clone() } == provider) {
            return Ok(Vec::new());
        }
        let same = |known: &Provider| known.issuer == provider.issuer && known.client_id == provider.client_id;
        if self.providers.contains_key(&id) || self.providers.values().any(same) {
            return Err(Refusal::ProviderExists);
        }
        let Provider { name, issuer, client_id, scopes, enabled: _ } = provider;
        Ok(vec![Event::ProviderRegistered { provider: id, name, issuer, client_id, scopes }])
    }
}

/// `OpenID` Connect Discovery 1.0, section 3: an https URL with neither query nor fragment. Plain http is taken on the
/// loopback interface, where no one can listen in, for demonstration and tests.
fn issuer_address(issuer: &str) -> Result<String, Refusal> {
    let issuer = text::line("issuer", issuer, 2_000)?;
    let url = Url::parse(&issuer).map_err(|_| Refusal::Issuer)?;
    let loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => return Err(Refusal::Issuer),
    };
    let safe = url.scheme() == "https" || (url.scheme() == "http" && loopback);
    let bare = url.query().is_none() && url.fragment().is_none() && url.username().is_empty() && url.password().is_none();
    if safe && bare { Ok(issuer) } else { Err(Refusal::Issuer) }
}

/// Scopes as RFC 6749, section 3.3, writes them, without `openid`, which is always asked for, each once.
fn scope_names(scopes: &[String]) -> Result<Vec<String>, Refusal> {
    let fits = |scope: &str| scope.len() <= 100 && scope.bytes().all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\\');
    let names: Vec<&str> = scopes.iter().map(|scope| scope.trim()).filter(|scope| !scope.is_empty()).collect();
    if names.len() > 20 || !names.iter().all(|name| fits(name)) {
        return Err(TextError::Form { field: "scopes", form: "at most 20 words without spaces, such as “profile” and “email”" }.into());
    }
    let mut seen = BTreeSet::from(["openid"]);
    Ok(names.into_iter().filter(|name| seen.insert(name)).map(str::to_owned).collect())
}

impl Aggregate for Organisation {
    const CONTEXT: &'static str = "organisations";
    const NAME: &'static str = "organisation";
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn new(id: Uuid) -> Self {
        Self { id: id.into(), slug: None, name: String::new(), suspended: false, providers: BTreeMap::new() }
    }

    fn decide(&self, command: Command, by: &Actor, _now: Timestamp) -> Result<Vec<Event>, Refusal> {
        if let Command::Register { slug, name } = command {
            by.may(Action::OrganisationRegister, &Scope::hub())?;
            if self.slug.is_some() {
                return Err(Refusal::AlreadyRegistered);
            }
            return Ok(vec![Event::Registered { slug: text::slug("slug", &slug)?, name: text::line("name", &name, text::LINE)? }]);
        }
        if self.slug.is_none() {
            return Err(Refusal::NotFound);
        }
        match command {
            Command::Register { .. } => Err(Refusal::AlreadyRegistered),
            Command::Rename { name } => {
                self.allow(by, Action::OrganisationRename)?;
                let name = text::line("name", &name, text::LINE)?;
                Ok(if name == self.name { Vec::new() } else { vec![Event::Renamed { name }] })
            }
            Command::Suspend { reason } => {
                self.allow(by, Action::OrganisationSuspend)?;
                let reason = text::body("reason", &reason, 2_000)?;
                Ok(if self.suspended { Vec::new() } else { vec![Event::Suspended { reason }] })
            }
            Command::Reinstate => {
                self.allow(by, Action::OrganisationSuspend)?;
                Ok(if self.suspended { vec![Event::Reinstated] } else { Vec::new() })
            }
            Command::RegisterProvider { provider, name, issuer, client_id, scopes } => {
                self.allow(by, Action::ProviderManage)?;
                self.register_provider(provider, &name, &issuer, &client_id, &scopes)
            }
            Command::DisableProvider { provider } => {
                self.allow(by, Action::ProviderManage)?;
                Ok(if self.provider(provider)?.enabled { vec![Event::ProviderDisabled { provider }] } else { Vec::new() })
            }
            Command::EnableProvider { provider } => {
                self.allow(by, Action::ProviderManage)?;
                Ok(if self.provider(provider)?.enabled { Vec::new() } else { vec![Event::ProviderEnabled { provider }] })
            }
            Command::RemoveProvider { provider } => {
                self.allow(by, Action::ProviderManage)?;
                self.provider(provider)?;
                Ok(vec![Event::ProviderRemoved { provider }])
            }
        }
    }

    fn apply(&mut self, event: &Event) {
        match event {
            Event::Registered { slug, name } => {
                self.slug = Some(slug.clone());
                self.name.clone_from(name);
            }
            Event::Renamed { name } => self.name.clone_from(name),
            Event::Suspended { .. } => self.suspended = true,
            Event::Reinstated => self.suspended = false,
            Event::ProviderRegistered { provider, name, issuer, client_id, scopes } => {
                let known = Provider {
                    name: name.clone(),
                    issuer: issuer.clone(),
                    client_id: client_id.clone(),
                    scopes: scopes.clone(),
                    enabled: true,
                };
                self.providers.insert(*provider, known);
            }
            Event::ProviderDisabled { provider } => self.enable(*provider, false),
            Event::ProviderEnabled { provider } => self.enable(*provider, true),
            Event::ProviderRemoved { provider } => {
                self.providers.remove(provider);
            }
        }
    }

    fn claims(&self, event: &Event) -> Vec<Claim> {
        match event {
            Event::Registered { slug, .. } => vec![Claim::Take { space: SLUG_SPACE, value: slug.clone() }],
            Event::Renamed { .. }
            | Event::Suspended { .. }
            | Event::Reinstated
            | Event::ProviderRegistered { .. }
            | Event::ProviderDisabled { .. }
            | Event::ProviderEnabled { .. }
            | Event::ProviderRemoved { .. } => Vec::new(),
        }
    }
}

impl Organisation {
    fn enable(&mut self, provider: ProviderId, enabled: bool) {
        if let Some(known) = self.providers.get_mut(&provider) {
            known.enabled = enabled;
        }
    }
}
