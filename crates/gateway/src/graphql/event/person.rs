//! What happens to persons. What is personal is shown to the person alone; everyone else reads the present on the person.

use super::super::enums::{GrantedRole, TokenScope};
use super::super::ids::GlobalId;
use super::super::later::ReadLater;
use super::change::{Change, name, real};
use super::{Event, Happening, Setters};
use async_graphql::{ID, MergedObject, SimpleObject};
use chrono::{DateTime, Utc};
use kernel::{OrganisationId, Personal};
use organisations::person::Event as Happened;

typed! {
    /// A person joined the hub.
    PersonJoinedEvent(PersonJoined {
        /// The organisation whose identity provider vouched.
        home: ReadLater<OrganisationId>,
        /// The name that the provider gave; null unless it is you.
        display_name: Option<String>,
        /// The email address that the provider gave, if any; null unless it is you.
        email: Option<String>,
    });
    /// A stand-in was made for someone whose writings were imported.
    PersonPlaceholderCreatedEvent(PersonPlaceholderCreated {
        /// Where from: “github”.
        source: Option<String>,
    });
    /// A person changed the profile.
    PersonProfileChangedEvent(PersonProfileChanged {
        /// The name to show since; null if it was erased.
        display_name: Option<String>,
        /// The few words about oneself since; null if they were erased.
        about: Option<String>,
    });
    /// A role was granted to a person.
    PersonRoleGrantedEvent(PersonRoleGranted {
        /// Which.
        role: GrantedRole,
    });
    /// A role of a person was revoked.
    PersonRoleRevokedEvent(PersonRoleRevoked {
        /// Which.
        role: GrantedRole,
    });
    /// A person was suspended.
    PersonSuspendedEvent(PersonSuspended {
        /// Why; null unless it is you, or you did it.
        reason: Option<String>,
    });
    /// The suspension of a person ended.
    PersonReinstatedEvent;
    /// A person issued an API token.
    PersonTokenIssuedEvent(PersonTokenIssued {
        /// The token's id.
        api_token: ID,
        /// What it is for, in the person's words.
        name: String,
        /// What it may be used for.
        scope: TokenScope,
        /// When it ends.
        expires_at: DateTime<Utc>,
    });
    /// A person revoked an API token.
    PersonTokenRevokedEvent(PersonTokenRevoked {
        /// The token's id.
        api_token: ID,
    });
    /// A person was erased: what was personal is unreadable for good.
    PersonErasedEvent;
}

/// The event with its type.
pub(super) fn typed(of: Happening, event: &Happened) -> Event {
    match event {
        // How the provider knows the person is shown to no one.
        Happened::Joined { organisation, identity: _, name, email } => {
            let display_name = of.private(|| name.known().cloned()).flatten();
            let email = of.private(|| email.as_ref().and_then(Personal::known).cloned()).flatten();
            PersonJoinedEvent(of, PersonJoined { home: ReadLater(*organisation), display_name, email }).into()
        }
        Happened::PlaceholderCreated { source, handle: _, name: _ } => {
            PersonPlaceholderCreatedEvent(of, PersonPlaceholderCreated { source: Some(source.clone()) }).into()
        }
        Happened::ProfileChanged { name, about } => {
            let display_name = of.private(|| name.known().cloned()).flatten();
            let about = of.private(|| about.known().cloned()).flatten();
            PersonProfileChangedEvent(of, PersonProfileChanged { display_name, about }).into()
        }
        Happened::RoleGranted { role } => PersonRoleGrantedEvent(of, PersonRoleGranted { role: (*role).into() }).into(),
        Happened::RoleRevoked { role } => PersonRoleRevokedEvent(of, PersonRoleRevoked { role: (*role).into() }).into(),
        Happened::Suspended { reason } => {
            let reason = of.private(|| reason.clone());
            PersonSuspendedEvent(of, PersonSuspended { reason }).into()
        }
        Happened::Reinstated => PersonReinstatedEvent(of).into(),
        Happened::TokenIssued { token, name, scope, expires_at } => {
            let details = PersonTokenIssued {
                api_token: GlobalId::Token(*token).encode(),
                name: name.clone(),
                scope: (*scope).into(),
                expires_at: *expires_at,
            };
            PersonTokenIssuedEvent(of, details).into()
        }
        Happened::TokenRevoked { token } => {
            PersonTokenRevokedEvent(of, PersonTokenRevoked { api_token: GlobalId::Token(*token).encode() }).into()
        }
        Happened::Erased => PersonErasedEvent(of).into(),
    }
}

/// Which earlier events set what this one changes.
pub(super) fn setters(event: &Happened) -> Option<Setters> {
    match event {
        Happened::ProfileChanged { .. } => Some(Setters::from_the_start(&["hub.organisations.person_profile_changed"])),
        Happened::TokenRevoked { .. } => Some(Setters::of(&["hub.organisations.person_token_issued"])),
        Happened::Joined { .. }
        | Happened::PlaceholderCreated { .. }
        | Happened::RoleGranted { .. }
        | Happened::RoleRevoked { .. }
        | Happened::Suspended { .. }
        | Happened::Reinstated
        | Happened::TokenIssued { .. }
        | Happened::Erased => None,
    }
}

/// The name and the words about oneself that an event gives.
fn profile_of(event: &Happened) -> (Option<&String>, Option<&String>) {
    if let Happened::ProfileChanged { name, about } = event {
        (name.known(), about.known())
    } else if let Happened::Joined { name, .. } = event {
        (name.known(), None)
    } else {
        (None, None)
    }
}

fn token_of(event: &Happened) -> Option<&String> {
    if let Happened::TokenIssued { name, .. } = event { Some(name) } else { None }
}

/// What this event changed, given the earlier event that set the same thing; `private` says whether private values are for the viewer.
pub(super) fn changes(event: &Happened, before: Option<&Happened>, private: bool) -> Vec<Change> {
    match event {
        Happened::Joined { organisation, identity: _, name, email } => {
            let mut changes = vec![Change::new("organisation", GlobalId::Organisation(*organisation).encode().0)];
            if private {
                changes.extend(name.known().map(|name| Change::new("name", name)));
                changes.extend(email.as_ref().and_then(Personal::known).map(|email| Change::new("email", email)));
            }
            changes
        }
        Happened::PlaceholderCreated { source, .. } => vec![Change::switched("placeholder", true), Change::new("source", source)],
        Happened::ProfileChanged { name, about } if private => {
            let (former_name, former_about) = before.map_or((None, None), profile_of);
            real([Change::of("name", former_name, name.known()), Change::of("about", former_about, about.known())])
        }
        Happened::ProfileChanged { .. } => Vec::new(),
        Happened::RoleGranted { role } => vec![Change::new("roles", name(&GrantedRole::from(*role)))],
        Happened::RoleRevoked { role } => vec![Change::gone("roles", name(&GrantedRole::from(*role)))],
        Happened::Suspended { reason } => {
            let reason = private.then(|| Change::new("suspensionReason", reason));
            [Change::switched("suspended", true)].into_iter().chain(reason).collect()
        }
        Happened::Reinstated => vec![Change::switched("suspended", false)],
        Happened::TokenIssued { name, .. } => vec![Change::new("apiTokens", name)],
        Happened::TokenRevoked { .. } => real([Change::of("apiTokens", before.and_then(token_of), None::<String>)]),
        Happened::Erased => vec![Change::switched("erased", true)],
    }
}
