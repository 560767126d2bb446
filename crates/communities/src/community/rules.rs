//! What a community decides, and how events change it.

use super::{CORE_MEMBERS, Command, Community, Event, Founding, MemberKind, Membership, Refusal, SLUG_SPACE};
use crate::charter::Charter;
use kernel::{Action, Actor, Aggregate, Audience, Claim, Denied, OrganisationId, PersonId, Reach, Scope, TeamId, Timestamp, Token, text};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

impl Aggregate for Community {
    const CONTEXT: &'static str = "communities";
    const NAME: &'static str = "community";
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn new(id: Uuid) -> Self {
        Self {
            id: id.into(),
            founding: None,
            charter: Charter::default(),
            open: false,
            organisations: BTreeSet::new(),
            members: BTreeMap::new(),
            coordinators: BTreeSet::new(),
            archived: false,
        }
    }

    fn decide(&self, command: Command, by: &Actor, _now: Timestamp) -> Result<Vec<Event>, Refusal> {
        match command {
            Command::Found { slug, name, subject, home, audience, charter } => {
                by.may(Action::CommunityFound, &Scope::organisation(home))?;
                if self.founding.is_some() {
                    return Err(Refusal::AlreadyFounded);
                }
                let founded = Event::Founded {
                    slug: text::slug("slug", &slug)?,
                    name: text::line("name", &name, text::LINE)?,
                    subject: text::line("subject", &subject, text::LINE)?,
                    home,
                    audience: self.audience_of_founding(audience)?,
                    charter: charter.checked()?,
                    core_members: CORE_MEMBERS,
                };
                Ok(founding_events(founded, home, by.person_id()))
            }
            Command::AmendCharter { charter, summary } => {
                self.manage(by, Action::CommunityManage)?;
                let charter = charter.checked()?;
                if charter == self.charter {
                    return Ok(Vec::new());
                }
                Ok(vec![Event::CharterAmended { charter, summary: text::line("summary", &summary, text::LINE)? }])
            }
            Command::OpenToJoiners => {
                self.manage(by, Action::CommunityManage)?;
                Ok(if self.open { Vec::new() } else { vec![Event::OpenedToJoiners] })
            }
            Command::CloseToJoiners => {
                self.manage(by, Action::CommunityManage)?;
                Ok(if self.open { vec![Event::ClosedToJoiners] } else { Vec::new() })
            }
            Command::JoinOrganisation { organisation } => {
                self.allow_for_organisation(by, organisation)?;
                self.active()?;
                Ok(self.organisation_joins(organisation).into_iter().collect())
            }
            Command::LeaveOrganisation { organisation } => self.leave_organisation(by, organisation),
            Command::Join { person, organisation, kind, team } => self.join(by, person, organisation, kind, team),
            Command::Leave { person } => self.leave(by, person),
            Command::ChangeMemberKind { person, kind } => self.change_member_kind(by, person, kind),
            Command::AppointCoordinator { person } => {
                self.manage(by, Action::MembershipManage)?;
                if !self.members.contains_key(&person) {
                    return Err(Refusal::NotMember);
                }
                Ok(if self.coordinators.contains(&person) { Vec::new() } else { vec![Event::CoordinatorAppointed { person }] })
            }
            Command::ReleaseCoordinator { person } => {
                self.manage(by, Action::MembershipManage)?;
                if !self.coordinators.contains(&person) {
                    return Ok(Vec::new());
                }
                self.spare_coordinator(by, person)?;
                Ok(vec![Event::CoordinatorReleased { person }])
            }
            Command::Archive { reason } => {
                self.allow(by, Action::CommunityManage, self.scope()?)?;
                let reason = text::body("reason", &reason, 2_000)?;
                Ok(if self.archived { Vec::new() } else { vec![Event::Archived { reason }] })
            }
        }
    }

    fn apply(&mut self, event: &Event) {
        match event {
            Event::Founded { slug, name, subject: _, home, audience, charter, core_members } => {
                self.founding = Some(Founding {
                    slug: slug.clone(),
                    name: name.clone(),
                    home: *home,
                    audience: audience.clone(),
                    core_members: *core_members,
                });
                self.charter = charter.clone();
                self.open = true;
            }
            Event::CharterAmended { charter, summary: _ } => self.charter = charter.clone(),
            Event::OpenedToJoiners => self.open = true,
            Event::ClosedToJoiners => self.open = false,
            Event::OrganisationJoined { organisation } => {
                self.organisations.insert(*organisation);
            }
            Event::OrganisationLeft { organisation } => {
                self.organisations.remove(organisation);
            }
            Event::MemberJoined { person, organisation, kind, team } => {
                self.members.insert(*person, Membership { organisation: *organisation, kind: *kind, team: *team });
            }
            Event::MemberLeft { person } => {
                self.members.remove(person);
            }
            Event::MemberKindChanged { person, kind } => {
                if let Some(membership) = self.members.get_mut(person) {
                    membership.kind = *kind;
                }
            }
            Event::CoordinatorAppointed { person } => {
                self.coordinators.insert(*person);
            }
            Event::CoordinatorReleased { person } => {
                self.coordinators.remove(person);
            }
            Event::Archived { .. } => self.archived = true,
        }
    }

    fn claims(&self, event: &Event) -> Vec<Claim> {
        match event {
            Event::Founded { slug, .. } => vec![Claim::Take { space: SLUG_SPACE, value: slug.clone() }],
            Event::CharterAmended { .. }
            | Event::OpenedToJoiners
            | Event::ClosedToJoiners
            | Event::OrganisationJoined { .. }
            | Event::OrganisationLeft { .. }
            | Event::MemberJoined { .. }
            | Event::MemberLeft { .. }
            | Event::MemberKindChanged { .. }
            | Event::CoordinatorAppointed { .. }
            | Event::CoordinatorReleased { .. }
            | Event::Archived { .. } => Vec::new(),
        }
    }
}

/// The home organisation takes part from the start; the founder, unless it is the hub itself, carries the community.
fn founding_events(founded: Event, home: OrganisationId, by: Option<PersonId>) -> Vec<Event> {
    let mut events = vec![founded, Event::OrganisationJoined { organisation: home }];
    if let Some(person) = by {
        events.push(Event::MemberJoined { person, organisation: home, kind: MemberKind::Core, team: None });
        events.push(Event::CoordinatorAppointed { person });
    }
    events
}

impl Community {
    fn founding(&self) -> Result<&Founding, Refusal> {
        self.founding.as_ref().ok_or(Refusal::NotFound)
    }

    fn scope(&self) -> Result<Scope, Refusal> {
        Ok(Scope::community(self.id).at(self.founding()?.home))
    }

    /// Who may not, and may not see the community either, learns nothing of it.
    fn allow(&self, by: &Actor, action: Action, scope: Scope) -> Result<(), Refusal> {
        let founding = self.founding()?;
        match by.may(action, &scope) {
            Ok(()) => Ok(()),
            Err(denied) if by.sees(&founding.audience) => Err(denied.into()),
            Err(Denied { .. }) => Err(Refusal::NotFound),
        }
    }

    fn active(&self) -> Result<(), Refusal> {
        if self.archived { Err(Refusal::Archived) } else { Ok(()) }
    }

    fn manage(&self, by: &Actor, action: Action) -> Result<(), Refusal> {
        self.allow(by, action, self.scope()?)?;
        self.active()
    }

    /// A community that only its own people or organisations see is always seen by its members, whichever
    /// organisation they are of. Named persons are no audience for a community: they would be its members.
    fn audience_of_founding(&self, audience: Audience) -> Result<Audience, Refusal> {
        if audience.is_empty() || audience.reach() == Reach::Persons {
            return Err(Refusal::Audience);
        }
        Ok(if audience.reach() == Reach::Group { audience.and(Token::Community(self.id)) } else { audience })
    }

    /// A coordinator decides, or an administrator of either organisation: the home's, or the one in question.
    fn allow_for_organisation(&self, by: &Actor, organisation: OrganisationId) -> Result<(), Refusal> {
        let action = Action::CommunityOrganisationManage;
        if by.may(action, &self.scope()?).is_ok() {
            return Ok(());
        }
        if !by.sees(&self.founding()?.audience) {
            return Err(Refusal::NotFound);
        }
        Ok(by.may(action, &Scope::organisation(organisation))?)
    }

    fn organisation_joins(&self, organisation: OrganisationId) -> Option<Event> {
        (!self.organisations.contains(&organisation)).then_some(Event::OrganisationJoined { organisation })
    }

    fn leave_organisation(&self, by: &Actor, organisation: OrganisationId) -> Result<Vec<Event>, Refusal> {
        self.allow_for_organisation(by, organisation)?;
        self.active()?;
        if self.founding()?.home == organisation {
            return Err(Refusal::HomeOrganisation);
        }
        let count = self.members.values().filter(|membership| membership.organisation == organisation).count();
        if count > 0 {
            return Err(Refusal::MembersRemain { count });
        }
        Ok(if self.organisations.contains(&organisation) { vec![Event::OrganisationLeft { organisation }] } else { Vec::new() })
    }

    /// Anyone who sees an open community may join it for their own organisation. Who manages its members may
    /// bring in others, and core members, whether it is open or not.
    fn join(
        &self,
        by: &Actor,
        person: PersonId,
        organisation: OrganisationId,
        kind: MemberKind,
        team: Option<TeamId>,
    ) -> Result<Vec<Event>, Refusal> {
        let oneself = by.person_id() == Some(person);
        let manages = by.may(Action::MembershipManage, &self.scope()?).is_ok();
        if !manages && !by.sees(&self.founding()?.audience) {
            return Err(Refusal::NotFound);
        }
        if !oneself || kind == MemberKind::Core {
            by.may(Action::MembershipManage, &self.scope()?)?;
        } else {
            by.may(Action::CommunityJoin, &self.scope()?.of(person))?;
        }
        self.active()?;
        if oneself && by.organisation != Some(organisation) {
            return Err(Refusal::OtherOrganisation);
        }
        if let Some(membership) = self.members.get(&person) {
            let same = Membership { organisation, kind, team } == *membership;
            return if same { Ok(Vec::new()) } else { Err(Refusal::AlreadyMember) };
        }
        if !self.open && !manages {
            return Err(Refusal::ClosedToJoiners);
        }
        if kind == MemberKind::Core {
            self.room_in_core()?;
        }
        let mut events: Vec<Event> = self.organisation_joins(organisation).into_iter().collect();
        events.push(Event::MemberJoined { person, organisation, kind, team });
        Ok(events)
    }

    fn room_in_core(&self) -> Result<(), Refusal> {
        let most = self.founding()?.core_members;
        let core = self.members.values().filter(|membership| membership.kind == MemberKind::Core).count();
        if core >= usize::from(most) { Err(Refusal::CoreFull { most }) } else { Ok(()) }
    }

    /// Leaving is always possible, in an archived community too, but for the last coordinator of others.
    fn leave(&self, by: &Actor, person: PersonId) -> Result<Vec<Event>, Refusal> {
        self.allow(by, Action::CommunityLeave, self.scope()?.of(person))?;
        if !self.members.contains_key(&person) {
            return Ok(Vec::new());
        }
        let mut events = Vec::new();
        if self.coordinators.contains(&person) {
            self.spare_coordinator(by, person)?;
            events.push(Event::CoordinatorReleased { person });
        }
        events.push(Event::MemberLeft { person });
        Ok(events)
    }

    /// A community is not left without a coordinator while others remain in it. Only the hub itself may do that:
    /// someone who was erased is gone, whatever they coordinated.
    fn spare_coordinator(&self, by: &Actor, person: PersonId) -> Result<(), Refusal> {
        let last = self.coordinators.iter().all(|coordinator| *coordinator == person);
        let others = self.members.keys().any(|member| *member != person);
        if last && others && !self.archived && !by.is_system() { Err(Refusal::LastCoordinator) } else { Ok(()) }
    }

    /// Everyone may step back from the core, or between member and interested party, by themselves.
    fn change_member_kind(&self, by: &Actor, person: PersonId, kind: MemberKind) -> Result<Vec<Event>, Refusal> {
        let own = by.person_id() == Some(person) && self.members.contains_key(&person) && kind != MemberKind::Core;
        if !own {
            self.allow(by, Action::MembershipManage, self.scope()?)?;
        }
        self.active()?;
        let membership = self.members.get(&person).ok_or(Refusal::NotMember)?;
        if membership.kind == kind {
            return Ok(Vec::new());
        }
        if kind == MemberKind::Core {
            self.room_in_core()?;
        }
        Ok(vec![Event::MemberKindChanged { person, kind }])
    }
}
