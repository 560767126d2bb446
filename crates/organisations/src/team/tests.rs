use super::*;
use kernel::Role;
use kernel::testing::{self, ID, Scenario};

/// This aggregate's history.
fn given(events: impl IntoIterator<Item = Event>) -> Scenario<Team> {
    testing::given(events)
}
fn organisation() -> OrganisationId {
    Uuid::from_u128(1).into()
}
fn person(number: u128) -> PersonId {
    Uuid::from_u128(number).into()
}
fn colleague() -> Actor {
    Actor::person(person(3), organisation())
}
fn member() -> Actor {
    colleague().with(Role::TeamMember(ID.into()))
}
fn admin() -> Actor {
    Actor::person(person(4), organisation()).with(Role::OrganisationAdmin(organisation()))
}
fn outsider() -> Actor {
    Actor::person(person(5), Uuid::from_u128(2).into())
}
fn formed() -> [Event; 2] {
    [Event::Formed { organisation: organisation(), name: "Platform".into() }, Event::MemberAdded { person: person(3) }]
}
fn form() -> Command {
    Command::Form { organisation: organisation(), name: "Platform".into() }
}
fn denied(action: Action) -> Refusal {
    Refusal::Denied(Denied { action })
}

#[test]
fn who_forms_a_team_is_its_first_member() {
    let team = given([]).by(colleague()).when(form()).then(formed());
    assert!(team.members().contains(&person(3)));
    assert_eq!(team.organisation(), Some(organisation()));
}

#[test]
fn the_hub_itself_forms_a_team_without_members() {
    given([]).when(form()).then([formed()[0].clone()]);
}

#[test]
fn a_team_is_formed_by_a_colleague_once_with_a_name() {
    given([]).by(outsider()).when(form()).refused(denied(Action::TeamForm));
    given(formed()).by(colleague()).when(form()).refused(Refusal::AlreadyFormed);
    given([]).by(colleague()).when(Command::Form { organisation: organisation(), name: String::new() }).refused_with("TEXT_EMPTY");
}

#[test]
fn a_member_renames_it() {
    let rename = |name: &str| Command::Rename { name: name.into() };
    let team = given(formed()).by(member()).when(rename("Tools")).then([Event::Renamed { name: "Tools".into() }]);
    assert_eq!(team.name(), "Tools");
    given(formed()).by(member()).when(rename("Platform")).nothing();
    given(formed()).by(member()).when(rename("")).refused_with("TEXT_EMPTY");
    given(formed()).by(colleague()).when(rename("Tools")).refused(denied(Action::TeamManage));
}

#[test]
fn members_come_and_go() {
    let add = |number| Command::AddMember { person: person(number) };
    let remove = |number| Command::RemoveMember { person: person(number) };
    given(formed()).by(member()).when(add(6)).then([Event::MemberAdded { person: person(6) }]);
    given(formed()).by(member()).when(add(3)).nothing();
    given(formed()).by(colleague()).when(add(6)).refused(denied(Action::TeamManage));
    given(formed()).by(admin()).when(remove(6)).nothing();
    given(formed()).by(outsider()).when(remove(3)).refused(denied(Action::TeamManage));
}

#[test]
fn the_last_member_may_go() {
    let left = Event::MemberRemoved { person: person(3) };
    let team = given(formed()).by(admin()).when(Command::RemoveMember { person: person(3) }).then([left]);
    assert!(team.members().is_empty());
    assert!(!Team::disbanded(&team));
}

#[test]
fn a_disbanded_team_takes_nothing() {
    given(formed()).by(colleague()).when(Command::Disband).refused(denied(Action::TeamManage));
    let team = given(formed()).by(admin()).when(Command::Disband).then([Event::Disbanded]);
    assert!(Team::disbanded(&team));
    for command in [
        Command::Rename { name: "Tools".into() },
        Command::AddMember { person: person(6) },
        Command::RemoveMember { person: person(3) },
        Command::Disband,
    ] {
        let history = formed().into_iter().chain([Event::Disbanded]);
        given(history).by(admin()).when(command).refused(Refusal::Disbanded);
    }
    given(formed().into_iter().chain([Event::Disbanded])).by(colleague()).when(form()).refused(Refusal::AlreadyFormed);
}

#[test]
fn before_it_is_formed_there_is_nothing_to_do() {
    for command in [
        Command::Rename { name: "Tools".into() },
        Command::AddMember { person: person(6) },
        Command::RemoveMember { person: person(3) },
        Command::Disband,
    ] {
        given([]).by(admin()).when(command).refused(Refusal::NotFound);
    }
}
