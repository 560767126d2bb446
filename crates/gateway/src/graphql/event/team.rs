//! What happens to teams.

use super::super::ids::GlobalId;
use super::super::later::ReadLater;
use super::change::{Change, real};
use super::{Event, Happening, Setters};
use async_graphql::{MergedObject, SimpleObject};
use kernel::{OrganisationId, PersonId};
use organisations::team::Event as Happened;

typed! {
    /// A team was formed.
    TeamFormedEvent(TeamFormed {
        /// The organisation that it is a team of.
        home: ReadLater<OrganisationId>,
        /// The name that it was formed with.
        name: String,
    });
    /// A team got another name.
    TeamRenamedEvent(TeamRenamed {
        /// The new name.
        name: String,
    });
    /// Someone was taken into a team.
    TeamMemberAddedEvent(TeamMemberAdded {
        /// Who.
        person: ReadLater<PersonId>,
    });
    /// Someone left a team, or was let go.
    TeamMemberRemovedEvent(TeamMemberRemoved {
        /// Who.
        person: ReadLater<PersonId>,
    });
    /// A team was disbanded.
    TeamDisbandedEvent;
}

/// The event with its type.
pub(super) fn typed(of: Happening, event: &Happened) -> Event {
    match event {
        Happened::Formed { organisation, name } => {
            TeamFormedEvent(of, TeamFormed { home: ReadLater(*organisation), name: name.clone() }).into()
        }
        Happened::Renamed { name } => TeamRenamedEvent(of, TeamRenamed { name: name.clone() }).into(),
        Happened::MemberAdded { person } => TeamMemberAddedEvent(of, TeamMemberAdded { person: ReadLater(*person) }).into(),
        Happened::MemberRemoved { person } => TeamMemberRemovedEvent(of, TeamMemberRemoved { person: ReadLater(*person) }).into(),
        Happened::Disbanded => TeamDisbandedEvent(of).into(),
    }
}

/// Which earlier events set what this one changes.
pub(super) fn setters(event: &Happened) -> Option<Setters> {
    match event {
        Happened::Renamed { .. } => Some(Setters::from_the_start(&["hub.organisations.team_renamed"])),
        Happened::Formed { .. } | Happened::MemberAdded { .. } | Happened::MemberRemoved { .. } | Happened::Disbanded => None,
    }
}

fn name_of(event: &Happened) -> Option<&String> {
    if let Happened::Formed { name, .. } | Happened::Renamed { name } = event { Some(name) } else { None }
}

/// What this event changed, given the earlier event that set the same thing.
pub(super) fn changes(event: &Happened, before: Option<&Happened>) -> Vec<Change> {
    match event {
        Happened::Formed { organisation, name } => {
            vec![Change::new("organisation", GlobalId::Organisation(*organisation).encode().0), Change::new("name", name)]
        }
        Happened::Renamed { name } => real([Change::of("name", before.and_then(name_of), Some(name))]),
        Happened::MemberAdded { person } => vec![Change::new("members", GlobalId::Person(*person).encode().0)],
        Happened::MemberRemoved { person } => vec![Change::gone("members", GlobalId::Person(*person).encode().0)],
        Happened::Disbanded => vec![Change::switched("disbanded", true)],
    }
}
