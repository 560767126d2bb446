use super::*;
use crate::charter::Clause;
use kernel::testing::{self, ID, Scenario};
use kernel::{Action, Actor, Aggregate, Claim, Denied, Role, Token};
use uuid::Uuid;

/// This aggregate's history.
fn given(events: impl IntoIterator<Item = Event>) -> Scenario<Community> {
    testing::given(events)
}
fn home() -> OrganisationId {
    Uuid::from_u128(1).into()
}
fn away() -> OrganisationId {
    Uuid::from_u128(2).into()
}
fn person(number: u128) -> PersonId {
    Uuid::from_u128(number).into()
}
fn founder() -> Actor {
    Actor::person(person(10), home())
}
fn coordinator() -> Actor {
    founder().with(Role::Coordinator(ID.into())).with(Role::CoreMember(ID.into()))
}
fn member() -> Actor {
    Actor::person(person(11), home()).with(Role::Member(ID.into()))
}
fn newcomer() -> Actor {
    Actor::person(person(12), away())
}
fn home_admin() -> Actor {
    Actor::person(person(13), home()).with(Role::OrganisationAdmin(home()))
}
fn away_admin() -> Actor {
    Actor::person(person(14), away()).with(Role::OrganisationAdmin(away()))
}
fn steward() -> Actor {
    Actor::person(person(15), away()).with(Role::Steward)
}
fn denied(action: Action) -> Refusal {
    Refusal::Denied(Denied { action })
}
fn charter(purpose: &str) -> Charter {
    Charter { purpose: Clause::Stated(purpose.into()), ..Charter::default() }
}
fn found(audience: Audience) -> Command {
    Command::Found {
        slug: "secure-engineering".into(),
        name: "Secure Engineering".into(),
        subject: "Software that withstands".into(),
        home: home(),
        audience,
        charter: charter("Share what we learn."),
    }
}
fn founded_for(audience: Audience, core_members: u16) -> Event {
    Event::Founded {
        slug: "secure-engineering".into(),
        name: "Secure Engineering".into(),
        subject: "Software that withstands".into(),
        home: home(),
        audience,
        charter: charter("Share what we learn."),
        core_members,
    }
}
fn founded() -> Event {
    founded_for(Audience::members(), CORE_MEMBERS)
}
fn takes_part(organisation: OrganisationId) -> Event {
    Event::OrganisationJoined { organisation }
}
fn joined(number: u128, organisation: OrganisationId, kind: MemberKind) -> Event {
    Event::MemberJoined { person: person(number), organisation, kind, team: None }
}
fn appointed(number: u128) -> Event {
    Event::CoordinatorAppointed { person: person(number) }
}
fn released(number: u128) -> Event {
    Event::CoordinatorReleased { person: person(number) }
}
fn left(number: u128) -> Event {
    Event::MemberLeft { person: person(number) }
}
fn archived() -> Event {
    Event::Archived { reason: "Done.".into() }
}
/// A community with its founder.
fn young() -> Vec<Event> {
    vec![founded(), takes_part(home()), joined(10, home(), MemberKind::Core), appointed(10)]
}
/// One with a second member.
fn grown() -> Vec<Event> {
    with(young(), [joined(11, home(), MemberKind::Member)])
}
/// One that only its own people see.
fn hidden() -> Vec<Event> {
    let audience = Audience::of([Token::Organisation(home()), Token::Community(ID.into())]);
    vec![founded_for(audience, CORE_MEMBERS), takes_part(home()), joined(10, home(), MemberKind::Core), appointed(10)]
}
fn with(mut history: Vec<Event>, more: impl IntoIterator<Item = Event>) -> Vec<Event> {
    history.extend(more);
    history
}
fn join(number: u128, organisation: OrganisationId, kind: MemberKind) -> Command {
    Command::Join { person: person(number), organisation, kind, team: None }
}
fn leave(number: u128) -> Command {
    Command::Leave { person: person(number) }
}
fn change(number: u128, kind: MemberKind) -> Command {
    Command::ChangeMemberKind { person: person(number), kind }
}
fn appoint(number: u128) -> Command {
    Command::AppointCoordinator { person: person(number) }
}
fn release(number: u128) -> Command {
    Command::ReleaseCoordinator { person: person(number) }
}
fn archive(reason: &str) -> Command {
    Command::Archive { reason: reason.into() }
}

#[test]
fn who_founds_a_community_carries_and_coordinates_it() {
    let community = given([]).by(founder()).when(found(Audience::members())).then(young());
    assert_eq!(community.member_kind(person(10)), Some(MemberKind::Core));
    assert!(community.coordinators().contains(&person(10)));
    assert!(community.open() && !community.archived());
    assert_eq!(
        (community.home(), community.slug(), community.audience()),
        (Some(home()), Some("secure-engineering"), Some(&Audience::members()))
    );
}

#[test]
fn the_hub_itself_founds_one_without_members() {
    given([]).when(found(Audience::members())).then([founded(), takes_part(home())]);
}

#[test]
fn its_slug_is_claimed() {
    let claim = Claim::Take { space: SLUG_SPACE, value: "secure-engineering".into() };
    assert_eq!(Community::new(ID).claims(&founded()), [claim]);
    assert_eq!(Community::new(ID).claims(&archived()), []);
}

#[test]
fn one_founds_for_ones_own_organisation_and_once() {
    given([]).by(newcomer()).when(found(Audience::members())).refused(denied(Action::CommunityFound));
    given(young()).by(founder()).when(found(Audience::members())).refused(Refusal::AlreadyFounded);
}

#[test]
fn its_members_always_see_it() {
    let mut events = hidden();
    let asked = Audience::organisation(home());
    given([]).by(founder()).when(found(asked)).then(events.clone());
    events[0] = founded_for(Audience::community(ID.into()), CORE_MEMBERS);
    given([]).by(founder()).when(found(Audience::community(ID.into()))).then(events);
}

#[test]
fn it_is_not_for_named_persons_nor_for_no_one() {
    given([]).by(founder()).when(found(Audience::persons([person(10)]))).refused(Refusal::Audience);
    given([]).by(founder()).when(found(Audience::of([]))).refused(Refusal::Audience);
}

#[test]
fn its_texts_have_bounds() {
    let found = |slug: &str, name: &str, subject: &str, charter: Charter| {
        let command = Command::Found {
            slug: slug.into(),
            name: name.into(),
            subject: subject.into(),
            home: home(),
            audience: Audience::public(),
            charter,
        };
        given([]).by(founder()).when(command)
    };
    found("Bad Slug", "Name", "Subject", Charter::default()).refused_with("TEXT_FORM");
    found("slug", "", "Subject", Charter::default()).refused_with("TEXT_EMPTY");
    found("slug", "Name", "", Charter::default()).refused_with("TEXT_EMPTY");
    found("slug", "Name", "Subject", charter(&"x".repeat(20_001))).refused_with("TEXT_TOO_LONG");
    let note = Charter { sponsor: Clause::ToBeConfirmed("x".repeat(20_001)), ..Charter::default() };
    found("slug", "Name", "Subject", note).refused_with("TEXT_TOO_LONG");
}

#[test]
fn before_it_is_founded_there_is_nothing_to_do() {
    for command in [
        Command::AmendCharter { charter: Charter::default(), summary: "x".into() },
        Command::OpenToJoiners,
        Command::CloseToJoiners,
        Command::JoinOrganisation { organisation: away() },
        Command::LeaveOrganisation { organisation: away() },
        join(12, away(), MemberKind::Member),
        leave(12),
        change(12, MemberKind::Member),
        appoint(12),
        release(12),
        archive("x"),
    ] {
        given([]).by(steward()).when(command).refused(Refusal::NotFound);
    }
}

#[test]
fn to_who_may_not_see_it_it_does_not_exist() {
    for command in [
        Command::AmendCharter { charter: Charter::default(), summary: "x".into() },
        Command::OpenToJoiners,
        Command::CloseToJoiners,
        Command::JoinOrganisation { organisation: away() },
        Command::LeaveOrganisation { organisation: away() },
        join(12, away(), MemberKind::Member),
        leave(11),
        change(11, MemberKind::Member),
        appoint(11),
        release(11),
        archive("x"),
    ] {
        for by in [newcomer(), away_admin()] {
            given(hidden()).by(by).when(command.clone()).refused(Refusal::NotFound);
        }
    }
    given(hidden()).by(steward()).when(Command::CloseToJoiners).then([Event::ClosedToJoiners]);
}

#[test]
fn a_coordinator_amends_the_charter() {
    let amend = |purpose: &str, summary: &str| Command::AmendCharter { charter: charter(purpose), summary: summary.into() };
    let amended = Event::CharterAmended { charter: charter("Learn."), summary: "Shorter".into() };
    for by in [coordinator(), home_admin(), steward()] {
        let community = given(young()).by(by).when(amend("Learn.", " Shorter ")).then([amended.clone()]);
        assert_eq!(community.charter(), &charter("Learn."));
    }
    given(young()).by(coordinator()).when(amend("Share what we learn.", "Same")).nothing();
    given(young()).by(coordinator()).when(amend("Learn.", "")).refused_with("TEXT_EMPTY");
    given(young()).by(coordinator()).when(amend(&"x".repeat(20_001), "Long")).refused_with("TEXT_TOO_LONG");
    for by in [member(), away_admin()] {
        given(young()).by(by).when(amend("Learn.", "Shorter")).refused(denied(Action::CommunityManage));
    }
}

#[test]
fn a_blank_clause_is_still_to_be_confirmed() {
    let amend = Command::AmendCharter { charter: charter(" "), summary: "Start over".into() };
    let amended = Event::CharterAmended { charter: Charter::default(), summary: "Start over".into() };
    given(young()).by(coordinator()).when(amend).then([amended]);
}

#[test]
fn a_coordinator_closes_and_opens_it_to_joiners() {
    let closed = with(young(), [Event::ClosedToJoiners]);
    let community = given(young()).by(coordinator()).when(Command::CloseToJoiners).then([Event::ClosedToJoiners]);
    assert!(!community.open());
    given(closed.clone()).by(coordinator()).when(Command::CloseToJoiners).nothing();
    given(closed).by(coordinator()).when(Command::OpenToJoiners).then([Event::OpenedToJoiners]);
    given(young()).by(coordinator()).when(Command::OpenToJoiners).nothing();
    for command in [Command::OpenToJoiners, Command::CloseToJoiners] {
        given(young()).by(member()).when(command).refused(denied(Action::CommunityManage));
    }
}

#[test]
fn an_organisation_takes_part_by_a_coordinator_or_an_administrator() {
    let bring = Command::JoinOrganisation { organisation: away() };
    for by in [coordinator(), home_admin(), away_admin()] {
        let community = given(young()).by(by).when(bring.clone()).then([takes_part(away())]);
        assert!(community.organisations().contains(&away()));
    }
    given(with(young(), [takes_part(away())])).by(coordinator()).when(bring.clone()).nothing();
    given(young()).by(newcomer()).when(bring).refused(denied(Action::CommunityOrganisationManage));
}

#[test]
fn an_organisation_leaves_once_its_members_have() {
    let take_out = |organisation| Command::LeaveOrganisation { organisation };
    let away_left = Event::OrganisationLeft { organisation: away() };
    let history = with(young(), [takes_part(away())]);
    given(history.clone()).by(away_admin()).when(take_out(away())).then([away_left]);
    given(young()).by(coordinator()).when(take_out(away())).nothing();
    given(history.clone()).by(newcomer()).when(take_out(away())).refused(denied(Action::CommunityOrganisationManage));
    let peopled = with(history, [joined(12, away(), MemberKind::Member)]);
    given(peopled).by(away_admin()).when(take_out(away())).refused(Refusal::MembersRemain { count: 1 });
    given(young()).by(coordinator()).when(take_out(home())).refused(Refusal::HomeOrganisation);
}

#[test]
fn anyone_joins_an_open_community_and_their_organisation_with_them() {
    let newly = joined(12, away(), MemberKind::Member);
    let community = given(young()).by(newcomer()).when(join(12, away(), MemberKind::Member)).then([takes_part(away()), newly.clone()]);
    assert_eq!(community.member_kind(person(12)), Some(MemberKind::Member));
    given(with(young(), [takes_part(away())])).by(newcomer()).when(join(12, away(), MemberKind::Member)).then([newly]);
}

#[test]
fn joining_twice_changes_nothing() {
    given(grown()).by(member()).when(join(11, home(), MemberKind::Member)).nothing();
    given(grown()).by(member()).when(join(11, home(), MemberKind::InterestedParty)).refused(Refusal::AlreadyMember);
}

#[test]
fn one_joins_for_oneself_and_for_ones_own_organisation() {
    given(young()).by(newcomer()).when(join(12, home(), MemberKind::Member)).refused(Refusal::OtherOrganisation);
    given(young()).by(newcomer()).when(join(16, away(), MemberKind::Member)).refused(denied(Action::MembershipManage));
    let brought = [takes_part(away()), joined(16, away(), MemberKind::InterestedParty)];
    given(young()).by(coordinator()).when(join(16, away(), MemberKind::InterestedParty)).then(brought);
}

#[test]
fn a_closed_community_is_joined_by_a_coordinators_hand() {
    let closed = with(young(), [Event::ClosedToJoiners]);
    given(closed.clone()).by(newcomer()).when(join(12, away(), MemberKind::Member)).refused(Refusal::ClosedToJoiners);
    let brought = [takes_part(away()), joined(12, away(), MemberKind::Member)];
    given(closed).by(coordinator()).when(join(12, away(), MemberKind::Member)).then(brought);
}

#[test]
fn the_core_is_small_and_a_coordinators_to_choose() {
    given(young()).by(newcomer()).when(join(12, away(), MemberKind::Core)).refused(denied(Action::MembershipManage));
    let brought = joined(11, home(), MemberKind::Core);
    given(young()).by(coordinator()).when(join(11, home(), MemberKind::Core)).then([brought]);
    let mut full = grown();
    full[0] = founded_for(Audience::members(), 1);
    given(full.clone()).by(coordinator()).when(join(12, home(), MemberKind::Core)).refused(Refusal::CoreFull { most: 1 });
    given(full).by(coordinator()).when(change(11, MemberKind::Core)).refused(Refusal::CoreFull { most: 1 });
}

#[test]
fn a_membership_changes_its_kind() {
    let changed = |kind| Event::MemberKindChanged { person: person(11), kind };
    let community = given(grown()).by(coordinator()).when(change(11, MemberKind::Core)).then([changed(MemberKind::Core)]);
    assert_eq!(community.member_kind(person(11)), Some(MemberKind::Core));
    given(grown()).by(coordinator()).when(change(11, MemberKind::Member)).nothing();
    given(grown()).by(coordinator()).when(change(12, MemberKind::Member)).refused(Refusal::NotMember);
    given(grown()).by(member()).when(change(11, MemberKind::Core)).refused(denied(Action::MembershipManage));
    given(grown()).by(newcomer()).when(change(11, MemberKind::InterestedParty)).refused(denied(Action::MembershipManage));
    given(grown()).by(member()).when(change(11, MemberKind::InterestedParty)).then([changed(MemberKind::InterestedParty)]);
}

#[test]
fn everyone_may_leave() {
    let community = given(grown()).by(member()).when(leave(11)).then([left(11)]);
    assert_eq!(community.member_kind(person(11)), None);
    for by in [coordinator(), steward()] {
        given(grown()).by(by).when(leave(11)).then([left(11)]);
    }
    given(grown()).by(newcomer()).when(leave(11)).refused(denied(Action::CommunityLeave));
    given(young()).by(newcomer()).when(leave(12)).nothing();
}

#[test]
fn a_coordinator_who_leaves_is_released_first() {
    let two = with(grown(), [appointed(11)]);
    given(two).by(coordinator()).when(leave(10)).then([released(10), left(10)]);
}

#[test]
fn others_are_not_left_without_a_coordinator() {
    given(grown()).by(coordinator()).when(leave(10)).refused(Refusal::LastCoordinator);
    given(grown()).by(coordinator()).when(release(10)).refused(Refusal::LastCoordinator);
    given(young()).by(coordinator()).when(leave(10)).then([released(10), left(10)]);
    given(young()).by(coordinator()).when(release(10)).then([released(10)]);
    given(with(grown(), [archived()])).by(coordinator()).when(leave(10)).then([released(10), left(10)]);
    given(grown()).by(Actor::system("erasure")).when(leave(10)).then([released(10), left(10)]);
}

#[test]
fn coordinators_are_appointed_from_among_the_members_and_released() {
    let community = given(grown()).by(coordinator()).when(appoint(11)).then([appointed(11)]);
    assert!(community.coordinators().contains(&person(11)));
    given(grown()).by(coordinator()).when(appoint(10)).nothing();
    given(grown()).by(coordinator()).when(appoint(12)).refused(Refusal::NotMember);
    given(grown()).by(member()).when(appoint(11)).refused(denied(Action::MembershipManage));
    given(with(grown(), [appointed(11)])).by(home_admin()).when(release(10)).then([released(10)]);
    given(grown()).by(coordinator()).when(release(11)).nothing();
    given(grown()).by(member()).when(release(10)).refused(denied(Action::MembershipManage));
}

#[test]
fn a_coordinator_archives_it_with_a_reason() {
    let community = given(grown()).by(coordinator()).when(archive("Done.")).then([archived()]);
    assert!(community.archived());
    given(with(grown(), [archived()])).by(coordinator()).when(archive("Again")).nothing();
    given(grown()).by(coordinator()).when(archive(" ")).refused_with("TEXT_EMPTY");
    given(grown()).by(member()).when(archive("Done.")).refused(denied(Action::CommunityManage));
}

#[test]
fn an_archived_community_takes_nothing_but_leaving() {
    for command in [
        Command::AmendCharter { charter: Charter::default(), summary: "x".into() },
        Command::OpenToJoiners,
        Command::CloseToJoiners,
        Command::JoinOrganisation { organisation: away() },
        Command::LeaveOrganisation { organisation: away() },
        join(16, home(), MemberKind::Member),
        change(11, MemberKind::Core),
        appoint(11),
        release(10),
    ] {
        given(with(grown(), [archived()])).by(coordinator()).when(command).refused(Refusal::Archived);
    }
    given(with(grown(), [archived()])).by(newcomer()).when(join(12, away(), MemberKind::Member)).refused(Refusal::Archived);
    given(with(grown(), [archived()])).by(member()).when(leave(11)).then([left(11)]);
}
