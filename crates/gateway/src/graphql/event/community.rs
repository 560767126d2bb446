//! What happens to communities, their charters and their members.

use super::super::audience::Audience;
use super::super::community::Charter;
use super::super::enums::MemberKind;
use super::super::ids::GlobalId;
use super::super::later::ReadLater;
use super::change::{Change, name, real};
use super::{Event, Happening, Setters};
use async_graphql::{MergedObject, SimpleObject};
use communities::charter::{self, Clause};
use communities::community::{Event as Happened, MemberKind as Kind};
use kernel::{OrganisationId, PersonId, TeamId};

typed! {
    /// A community was founded.
    CommunityFoundedEvent(CommunityFounded {
        /// The address within the hub.
        slug: String,
        /// The name that it was founded with.
        name: String,
        /// What it is about, in a line.
        topic: String,
        /// The community's home organisation.
        home: ReadLater<OrganisationId>,
        /// Who may see the community.
        audience: Audience,
        /// The charter that it was founded with.
        charter: Charter,
        /// The most core members that it takes.
        core_member_limit: i32,
    });
    /// A community's charter was amended.
    CommunityCharterAmendedEvent(CommunityCharterAmended {
        /// The charter as this amendment left it.
        charter: Charter,
        /// What changed and why, in a line.
        summary: String,
    });
    /// Anyone who sees a community may join it.
    CommunityOpenedToJoinersEvent;
    /// No one may join a community but by a coordinator's hand.
    CommunityClosedToJoinersEvent;
    /// An organisation takes part in a community.
    CommunityOrganisationJoinedEvent(CommunityOrganisationJoined {
        /// Which.
        participant: ReadLater<OrganisationId>,
    });
    /// An organisation no longer takes part in a community.
    CommunityOrganisationLeftEvent(CommunityOrganisationLeft {
        /// Which.
        participant: ReadLater<OrganisationId>,
    });
    /// Someone joined a community, or was brought in.
    CommunityMemberJoinedEvent(CommunityMemberJoined {
        /// Who.
        person: ReadLater<PersonId>,
        /// For which organisation.
        home: ReadLater<OrganisationId>,
        /// As what.
        kind: MemberKind,
        /// Representing which team, if any.
        team: ReadLater<Option<TeamId>>,
    });
    /// Someone left a community, or was let go.
    CommunityMemberLeftEvent(CommunityMemberLeft {
        /// Who.
        person: ReadLater<PersonId>,
    });
    /// A membership of a community is of another kind.
    CommunityMemberKindChangedEvent(CommunityMemberKindChanged {
        /// Whose.
        person: ReadLater<PersonId>,
        /// Of which kind since.
        kind: MemberKind,
    });
    /// A coordinator of a community was appointed.
    CommunityCoordinatorAppointedEvent(CommunityCoordinatorAppointed {
        /// Who.
        person: ReadLater<PersonId>,
    });
    /// A coordinator of a community was released.
    CommunityCoordinatorReleasedEvent(CommunityCoordinatorReleased {
        /// Who.
        person: ReadLater<PersonId>,
    });
    /// A community was archived: it can be read, and nothing is added.
    CommunityArchivedEvent(CommunityArchived {
        /// Why.
        reason: Option<String>,
    });
}

/// The event with its type.
pub(super) fn typed(of: Happening, event: &Happened) -> Event {
    match event {
        Happened::Founded { slug, name, subject, home, audience, charter, core_members } => {
            let details = CommunityFounded {
                slug: slug.clone(),
                name: name.clone(),
                topic: subject.clone(),
                home: ReadLater(*home),
                audience: audience.clone().into(),
                charter: charter.clone().into(),
                core_member_limit: i32::from(*core_members),
            };
            CommunityFoundedEvent(of, details).into()
        }
        Happened::CharterAmended { charter, summary } => {
            CommunityCharterAmendedEvent(of, CommunityCharterAmended { charter: charter.clone().into(), summary: summary.clone() }).into()
        }
        Happened::OpenedToJoiners => CommunityOpenedToJoinersEvent(of).into(),
        Happened::ClosedToJoiners => CommunityClosedToJoinersEvent(of).into(),
        Happened::OrganisationJoined { organisation } => {
            CommunityOrganisationJoinedEvent(of, CommunityOrganisationJoined { participant: ReadLater(*organisation) }).into()
        }
        Happened::OrganisationLeft { organisation } => {
            CommunityOrganisationLeftEvent(of, CommunityOrganisationLeft { participant: ReadLater(*organisation) }).into()
        }
        Happened::MemberJoined { person, organisation, kind, team } => {
            let details = CommunityMemberJoined {
                person: ReadLater(*person),
                home: ReadLater(*organisation),
                kind: (*kind).into(),
                team: ReadLater(*team),
            };
            CommunityMemberJoinedEvent(of, details).into()
        }
        Happened::MemberLeft { person } => CommunityMemberLeftEvent(of, CommunityMemberLeft { person: ReadLater(*person) }).into(),
        Happened::MemberKindChanged { person, kind } => {
            let details = CommunityMemberKindChanged { person: ReadLater(*person), kind: (*kind).into() };
            CommunityMemberKindChangedEvent(of, details).into()
        }
        Happened::CoordinatorAppointed { person } => {
            CommunityCoordinatorAppointedEvent(of, CommunityCoordinatorAppointed { person: ReadLater(*person) }).into()
        }
        Happened::CoordinatorReleased { person } => {
            CommunityCoordinatorReleasedEvent(of, CommunityCoordinatorReleased { person: ReadLater(*person) }).into()
        }
        Happened::Archived { reason } => CommunityArchivedEvent(of, CommunityArchived { reason: Some(reason.clone()) }).into(),
    }
}

/// Which earlier events set what this one changes.
pub(super) fn setters(event: &Happened) -> Option<Setters> {
    match event {
        Happened::CharterAmended { .. } => Some(Setters::from_the_start(&["hub.communities.community_charter_amended"])),
        Happened::MemberKindChanged { .. } | Happened::MemberLeft { .. } => {
            Some(Setters::of(&["hub.communities.community_member_joined", "hub.communities.community_member_kind_changed"]))
        }
        Happened::Founded { .. }
        | Happened::OpenedToJoiners
        | Happened::ClosedToJoiners
        | Happened::OrganisationJoined { .. }
        | Happened::OrganisationLeft { .. }
        | Happened::MemberJoined { .. }
        | Happened::CoordinatorAppointed { .. }
        | Happened::CoordinatorReleased { .. }
        | Happened::Archived { .. } => None,
    }
}

fn charter_of(event: &Happened) -> Option<&charter::Charter> {
    if let Happened::Founded { charter, .. } | Happened::CharterAmended { charter, .. } = event { Some(charter) } else { None }
}

fn kind_of(event: &Happened) -> Option<Kind> {
    if let Happened::MemberJoined { kind, .. } | Happened::MemberKindChanged { kind, .. } = event { Some(*kind) } else { None }
}

/// A clause as a text: what it says, or that it is to be confirmed, with the note of what is missing.
fn clause(clause: &Clause) -> String {
    match clause {
        Clause::Stated(text) => text.clone(),
        Clause::ToBeConfirmed(note) if note.is_empty() => "TBC".to_owned(),
        Clause::ToBeConfirmed(note) => format!("TBC: {note}"),
    }
}

/// What this event changed, given the earlier event that set the same thing.
pub(super) fn changes(event: &Happened, before: Option<&Happened>) -> Vec<Change> {
    let person = |person: &PersonId| GlobalId::Person(*person).encode().0;
    let kind = |kind: Kind| name(&MemberKind::from(kind));
    match event {
        Happened::Founded { slug, name, subject, home, audience: _, charter, core_members } => {
            let mut changes = vec![
                Change::new("slug", slug),
                Change::new("name", name),
                Change::new("subject", subject),
                Change::new("home", GlobalId::Organisation(*home).encode().0),
                Change::new("coreMemberLimit", core_members.to_string()),
            ];
            changes.extend(amended(None, charter));
            changes
        }
        Happened::CharterAmended { charter, .. } => amended(before.and_then(charter_of), charter),
        Happened::OpenedToJoiners => vec![Change::switched("open", true)],
        Happened::ClosedToJoiners => vec![Change::switched("open", false)],
        Happened::OrganisationJoined { organisation } => {
            vec![Change::new("organisations", GlobalId::Organisation(*organisation).encode().0)]
        }
        Happened::OrganisationLeft { organisation } => {
            vec![Change::gone("organisations", GlobalId::Organisation(*organisation).encode().0)]
        }
        Happened::MemberJoined { person: joined, kind: joined_as, .. } => {
            vec![Change::new("members", person(joined)), Change::new("kind", kind(*joined_as))]
        }
        Happened::MemberLeft { person: left } => {
            let former = before.and_then(kind_of).map(|former| Change::gone("kind", kind(former)));
            [Change::gone("members", person(left))].into_iter().chain(former).collect()
        }
        Happened::MemberKindChanged { kind: now, .. } => real([Change::of("kind", before.and_then(kind_of).map(kind), Some(kind(*now)))]),
        Happened::CoordinatorAppointed { person: appointed } => vec![Change::new("coordinators", person(appointed))],
        Happened::CoordinatorReleased { person: released } => vec![Change::gone("coordinators", person(released))],
        Happened::Archived { reason } => vec![Change::switched("archived", true), Change::new("archiveReason", reason)],
    }
}

/// The clauses that differ.
fn amended(before: Option<&charter::Charter>, after: &charter::Charter) -> Vec<Change> {
    let former = before.map(|charter| charter.clauses().map(|(_, text)| clause(text)));
    let changes = after.clauses().into_iter().enumerate().map(|(n, (name, text))| {
        let former = former.as_ref().map(|clauses| clauses[n].clone());
        Change::of(&format!("charter.{name}"), former, Some(clause(text)))
    });
    real(changes)
}
