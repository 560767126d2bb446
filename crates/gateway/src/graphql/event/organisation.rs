//! What happens to organisations and their identity providers.

use super::super::ids::GlobalId;
use super::super::later::ReadLater;
use super::change::{Change, real};
use super::{Event, Happening, Setters};
use async_graphql::{ID, MergedObject, SimpleObject};
use kernel::{OrganisationId, ProviderId};
use organisations::organisation::Event as Happened;

typed! {
    /// An organisation was registered.
    OrganisationRegisteredEvent(OrganisationRegistered {
        /// The address within the hub.
        slug: String,
        /// The name that it was registered with.
        name: String,
    });
    /// An organisation got another name.
    OrganisationRenamedEvent(OrganisationRenamed {
        /// The new name.
        name: String,
    });
    /// An organisation was suspended: none of its people may sign in.
    OrganisationSuspendedEvent(OrganisationSuspended {
        /// Why; null unless you are one of its people, or suspended it.
        reason: Option<String>,
    });
    /// The suspension of an organisation ended.
    OrganisationReinstatedEvent;
    /// An identity provider of an organisation was registered.
    OrganisationProviderRegisteredEvent(OrganisationProviderRegistered {
        /// The provider, as it is now; null if it was removed.
        provider: ReadLater<(OrganisationId, ProviderId)>,
        /// What people called it.
        name: String,
        /// The issuer, as the provider writes it.
        issuer: String,
    });
    /// An identity provider was disabled: nobody may sign in through it.
    OrganisationProviderDisabledEvent(OrganisationProviderDisabled {
        /// The provider, as it is now; null if it was removed.
        provider: ReadLater<(OrganisationId, ProviderId)>,
    });
    /// An identity provider was enabled again.
    OrganisationProviderEnabledEvent(OrganisationProviderEnabled {
        /// The provider, as it is now; null if it was removed.
        provider: ReadLater<(OrganisationId, ProviderId)>,
    });
    /// An identity provider was removed for good.
    OrganisationProviderRemovedEvent(OrganisationProviderRemoved {
        /// The id that the provider had.
        provider_id: ID,
    });
}

/// The event with its type.
pub(super) fn typed(of: Happening, event: &Happened) -> Event {
    let organisation = OrganisationId(of.stream());
    let provider = |id: &ProviderId| ReadLater((organisation, *id));
    match event {
        Happened::Registered { slug, name } => {
            OrganisationRegisteredEvent(of, OrganisationRegistered { slug: slug.clone(), name: name.clone() }).into()
        }
        Happened::Renamed { name } => OrganisationRenamedEvent(of, OrganisationRenamed { name: name.clone() }).into(),
        Happened::Suspended { reason } => {
            let reason = of.private(|| reason.clone());
            OrganisationSuspendedEvent(of, OrganisationSuspended { reason }).into()
        }
        Happened::Reinstated => OrganisationReinstatedEvent(of).into(),
        // The client id and the scopes are shown to no one.
        Happened::ProviderRegistered { provider: id, name, issuer, client_id: _, scopes: _ } => {
            let details = OrganisationProviderRegistered { provider: provider(id), name: name.clone(), issuer: issuer.clone() };
            OrganisationProviderRegisteredEvent(of, details).into()
        }
        Happened::ProviderDisabled { provider: id } => {
            OrganisationProviderDisabledEvent(of, OrganisationProviderDisabled { provider: provider(id) }).into()
        }
        Happened::ProviderEnabled { provider: id } => {
            OrganisationProviderEnabledEvent(of, OrganisationProviderEnabled { provider: provider(id) }).into()
        }
        Happened::ProviderRemoved { provider: id } => {
            let provider_id = GlobalId::Provider(*id).encode();
            OrganisationProviderRemovedEvent(of, OrganisationProviderRemoved { provider_id }).into()
        }
    }
}

/// Which earlier events set what this one changes.
pub(super) fn setters(event: &Happened) -> Option<Setters> {
    match event {
        Happened::Renamed { .. } => Some(Setters::from_the_start(&["hub.organisations.organisation_renamed"])),
        Happened::ProviderDisabled { .. } | Happened::ProviderEnabled { .. } | Happened::ProviderRemoved { .. } => {
            Some(Setters::of(&["hub.organisations.organisation_provider_registered"]))
        }
        Happened::Registered { .. } | Happened::Suspended { .. } | Happened::Reinstated | Happened::ProviderRegistered { .. } => None,
    }
}

fn name_of(event: &Happened) -> Option<&String> {
    if let Happened::Registered { name, .. } | Happened::Renamed { name } = event { Some(name) } else { None }
}

/// The name of the provider that an event of its registration gives.
fn provider_of(event: &Happened) -> Option<&String> {
    if let Happened::ProviderRegistered { name, .. } = event { Some(name) } else { None }
}

/// What this event changed, given the earlier event that set the same thing; `private` says whether private values are for the viewer.
pub(super) fn changes(event: &Happened, before: Option<&Happened>, private: bool) -> Vec<Change> {
    match event {
        Happened::Registered { slug, name } => vec![Change::new("slug", slug), Change::new("name", name)],
        Happened::Renamed { name } => real([Change::of("name", before.and_then(name_of), Some(name))]),
        Happened::Suspended { reason } => {
            let reason = private.then(|| Change::new("suspensionReason", reason));
            [Change::switched("suspended", true)].into_iter().chain(reason).collect()
        }
        Happened::Reinstated => vec![Change::switched("suspended", false)],
        Happened::ProviderRegistered { name, .. } => vec![Change::new("providers", name)],
        Happened::ProviderDisabled { .. } => vec![Change::switched(&enabled(before), false)],
        Happened::ProviderEnabled { .. } => vec![Change::switched(&enabled(before), true)],
        Happened::ProviderRemoved { .. } => real([Change::of("providers", before.and_then(provider_of), None::<String>)]),
    }
}

/// The field that says whether a provider is enabled, with the name that the provider was registered under.
fn enabled(registered: Option<&Happened>) -> String {
    match registered.and_then(provider_of) {
        Some(name) => format!("providers.{name}.enabled"),
        None => "providers.enabled".to_owned(),
    }
}
