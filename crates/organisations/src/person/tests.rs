use super::*;
use kernel::testing::{self, ID, Scenario};
use kernel::{Action, Actor, Aggregate, Role};
use uuid::Uuid;

/// This aggregate's history.
fn given(events: impl IntoIterator<Item = Event>) -> Scenario<Person> {
    testing::given(events)
}
fn organisation() -> OrganisationId {
    Uuid::from_u128(1).into()
}
fn oneself() -> Actor {
    Actor::person(ID.into(), organisation())
}
fn colleague() -> Actor {
    Actor::person(Uuid::from_u128(3).into(), organisation())
}
fn admin() -> Actor {
    colleague().with(Role::OrganisationAdmin(organisation()))
}
fn admin_elsewhere() -> Actor {
    let other = Uuid::from_u128(2).into();
    Actor::person(Uuid::from_u128(4).into(), other).with(Role::OrganisationAdmin(other))
}
fn steward() -> Actor {
    Actor::person(Uuid::from_u128(5).into(), Uuid::from_u128(2).into()).with(Role::Steward)
}
fn denied(action: Action) -> Refusal {
    Refusal::Denied(Denied { action })
}
fn identity(subject: &str) -> Identity {
    Identity { provider: Uuid::from_u128(6).into(), issuer: "https://id.example".into(), subject: Personal::from(subject.to_owned()) }
}
fn join(name: &str, subject: &str, email: Option<String>) -> Command {
    Command::Join { organisation: organisation(), identity: identity(subject), name: name.into(), email }
}
fn joined() -> Event {
    Event::Joined {
        organisation: organisation(),
        identity: identity("s1"),
        name: Personal::from("Robin Quay".to_owned()),
        email: Some(Personal::from("robin at harbour".to_owned())),
    }
}
fn placeholder() -> Event {
    Event::PlaceholderCreated {
        source: "github".into(),
        handle: Personal::from("samtide".to_owned()),
        name: Personal::from("Sam Tide".to_owned()),
    }
}
fn suspended() -> Event {
    Event::Suspended { reason: "Left.".into() }
}
fn granted(role: GrantedRole) -> Event {
    Event::RoleGranted { role }
}
fn now() -> Timestamp {
    Timestamp::from_timestamp(1_800_000_000, 0).unwrap()
}
fn days(days: i64) -> Timestamp {
    now() + (Timestamp::from_timestamp(days * 86_400, 0).unwrap() - Timestamp::UNIX_EPOCH)
}
fn token(number: u128) -> TokenId {
    Uuid::from_u128(100 + number).into()
}
fn issue(number: u128, expires_at: Timestamp) -> Command {
    Command::IssueToken { token: token(number), name: "Export".into(), scope: TokenScope::Read, expires_at }
}
fn issued(number: u128, expires_at: Timestamp) -> Event {
    Event::TokenIssued { token: token(number), name: "Export".into(), scope: TokenScope::Read, expires_at }
}
fn one(event: Event) -> Scenario<Person> {
    given([event])
}

#[test]
fn a_verified_sign_in_brings_a_person() {
    let person = given([]).when(join(" Robin Quay ", "s1", Some("robin at harbour".into()))).then([joined()]);
    assert_eq!(person.name(), Some("Robin Quay"));
    assert_eq!(person.email(), Some("robin at harbour"), "a provider's odd address is kept as it is");
    assert_eq!(person.organisation(), Some(organisation()));
    assert!(person.active());
}

#[test]
fn no_person_brings_a_person() {
    given([]).by(steward()).when(join("Robin", "s1", None)).refused(denied(Action::PersonJoin));
    one(joined()).when(join("Robin", "s1", None)).refused(Refusal::AlreadyJoined);
    one(placeholder()).when(join("Robin", "s1", None)).refused(Refusal::AlreadyJoined);
}

#[test]
fn what_the_provider_states_has_bounds() {
    let join = |name: &str, subject: &str, email: Option<String>| given([]).when(join(name, subject, email));
    join("", "s1", None).refused_with("TEXT_EMPTY");
    join("Robin", "", None).refused(Refusal::Subject);
    join("Robin", &"x".repeat(256), None).refused(Refusal::Subject);
    join("Robin", "s1", Some("x".repeat(321))).refused(Refusal::Text(TextError::TooLong { field: "email", length: 321, most: 320 }));
    let without =
        Event::Joined { organisation: organisation(), identity: identity("s1"), name: Personal::from("Robin".to_owned()), email: None };
    join("Robin", "s1", Some(" ".into())).then([without]);
    let nameless = Identity { subject: Personal::Erased(true), ..identity("s1") };
    let command = Command::Join { organisation: organisation(), identity: nameless, name: "Robin".into(), email: None };
    given([]).when(command).refused(Refusal::Subject);
    let no_issuer = Identity { issuer: String::new(), ..identity("s1") };
    let command = Command::Join { organisation: organisation(), identity: no_issuer, name: "Robin".into(), email: None };
    given([]).when(command).refused_with("TEXT_EMPTY");
}

#[test]
fn an_identity_is_claimed_until_the_person_is_erased() {
    let value = identity("s1").claim().unwrap();
    let mut person = Person::new(ID);
    assert_eq!(person.claims(&joined()), [Claim::Take { space: Identity::SPACE, value: value.clone() }]);
    person.apply(&joined());
    assert_eq!(person.claims(&Event::Erased), [Claim::Release { space: Identity::SPACE, value }]);
    assert_eq!(person.claims(&suspended()), []);
    let mut stand_in = Person::new(ID);
    stand_in.apply(&placeholder());
    assert_eq!(stand_in.claims(&Event::Erased), []);
}

#[test]
fn an_import_makes_placeholders() {
    let create =
        |handle: &str, name: &str| Command::CreatePlaceholder { source: "github".into(), handle: handle.into(), name: name.into() };
    let person = given([]).when(create("samtide", "Sam Tide")).then([placeholder()]);
    assert!(Person::placeholder(&person));
    assert!(!person.active());
    given([]).by(steward()).when(create("samtide", "Sam")).refused(denied(Action::PersonJoin));
    given([]).when(create("", "Sam")).refused_with("TEXT_EMPTY");
    given([]).when(create("samtide", "")).refused_with("TEXT_EMPTY");
    one(joined()).when(create("samtide", "Sam")).refused(Refusal::AlreadyJoined);
}

#[test]
fn before_the_person_joined_there_is_nothing_to_do() {
    for command in [
        Command::ChangeProfile { name: "Robin".into(), about: String::new() },
        Command::GrantRole { role: GrantedRole::Steward },
        Command::RevokeRole { role: GrantedRole::Steward },
        Command::Suspend { reason: "x".into() },
        Command::Reinstate,
        issue(1, days(1)),
        Command::RevokeToken { token: token(1) },
        Command::Erase,
    ] {
        given([]).by(steward()).when(command).refused(Refusal::NotFound);
    }
}

#[test]
fn everyone_changes_their_own_profile() {
    let change = |name: &str, about: &str| Command::ChangeProfile { name: name.into(), about: about.into() };
    let changed =
        |name: &str, about: &str| Event::ProfileChanged { name: Personal::from(name.to_owned()), about: Personal::from(about.to_owned()) };
    let person = one(joined()).by(oneself()).when(change("Robin", "Hello\n")).then([changed("Robin", "Hello")]);
    assert_eq!(person.about(), Some("Hello"));
    one(joined()).by(oneself()).when(change("Robin Quay", " ")).nothing();
    one(joined()).by(oneself()).when(change(" ", "")).refused_with("TEXT_EMPTY");
    one(joined()).by(oneself()).when(change("Robin", &"x".repeat(2001))).refused_with("TEXT_TOO_LONG");
    one(joined()).by(admin()).when(change("Robin", "")).refused(denied(Action::ProfileChange));
}

#[test]
fn an_administrator_makes_an_administrator_of_the_same_organisation() {
    let grant = Command::GrantRole { role: GrantedRole::OrganisationAdmin };
    let revoke = Command::RevokeRole { role: GrantedRole::OrganisationAdmin };
    let admin_granted = granted(GrantedRole::OrganisationAdmin);
    for by in [admin(), steward()] {
        one(joined()).by(by).when(grant.clone()).then([admin_granted.clone()]);
    }
    for by in [colleague(), admin_elsewhere(), oneself()] {
        one(joined()).by(by.clone()).when(grant.clone()).refused(denied(Action::OrganisationAdminGrant));
        given([joined(), admin_granted.clone()]).by(by).when(revoke.clone()).refused(denied(Action::OrganisationAdminGrant));
    }
    given([joined(), admin_granted.clone()]).by(admin()).when(grant).nothing();
    let revoked = Event::RoleRevoked { role: GrantedRole::OrganisationAdmin };
    let person = given([joined(), admin_granted]).by(admin()).when(revoke.clone()).then([revoked]);
    assert!(person.roles().is_empty());
    one(joined()).by(admin()).when(revoke).nothing();
}

#[test]
fn only_a_steward_makes_a_steward() {
    let grant = Command::GrantRole { role: GrantedRole::Steward };
    let person = one(joined()).by(steward()).when(grant.clone()).then([granted(GrantedRole::Steward)]);
    assert!(person.roles().contains(&GrantedRole::Steward));
    one(joined()).by(admin()).when(grant).refused(denied(Action::StewardGrant));
    one(joined()).by(admin()).when(Command::RevokeRole { role: GrantedRole::Steward }).refused(denied(Action::StewardGrant));
}

#[test]
fn a_placeholder_has_no_account() {
    one(placeholder()).by(steward()).when(Command::GrantRole { role: GrantedRole::Steward }).refused(Refusal::Placeholder);
    one(placeholder()).by(steward()).when(Command::Suspend { reason: "x".into() }).refused(Refusal::Placeholder);
    one(placeholder()).at(now()).when(issue(1, days(1))).refused(Refusal::Placeholder);
    one(placeholder()).by(steward()).when(Command::Erase).then([Event::Erased]);
}

#[test]
fn an_administrator_suspends_and_reinstates() {
    let suspend = || Command::Suspend { reason: "Left.".into() };
    let person = one(joined()).by(admin()).when(suspend()).then([suspended()]);
    assert!(!person.active());
    one(joined()).by(steward()).when(suspend()).then([suspended()]);
    one(joined()).by(admin_elsewhere()).when(suspend()).refused(denied(Action::PersonSuspend));
    one(joined()).by(admin()).when(Command::Suspend { reason: String::new() }).refused_with("TEXT_EMPTY");
    given([joined(), suspended()]).by(admin()).when(suspend()).nothing();
    given([joined(), suspended()]).by(admin()).when(Command::Reinstate).then([Event::Reinstated]);
    given([joined(), suspended()]).by(oneself()).when(Command::Reinstate).refused(denied(Action::PersonSuspend));
    one(joined()).by(admin()).when(Command::Reinstate).nothing();
}

#[test]
fn no_one_suspends_themselves() {
    let by = oneself().with(Role::OrganisationAdmin(organisation()));
    one(joined()).by(by).when(Command::Suspend { reason: "x".into() }).refused(Refusal::Oneself);
}

#[test]
fn the_suspended_get_neither_roles_nor_tokens() {
    let grant = Command::GrantRole { role: GrantedRole::OrganisationAdmin };
    given([joined(), suspended()]).by(admin()).when(grant).refused(Refusal::Suspended);
    given([joined(), suspended()]).by(oneself()).at(now()).when(issue(1, days(1))).refused(Refusal::Suspended);
}

#[test]
fn a_token_is_issued_for_oneself_and_ends_within_a_year() {
    one(joined()).by(oneself()).at(now()).when(issue(1, days(366))).then([issued(1, days(366))]);
    one(joined()).by(oneself()).at(now()).when(issue(1, days(367))).refused(Refusal::TokenExpiry);
    one(joined()).by(oneself()).at(now()).when(issue(1, now())).refused(Refusal::TokenExpiry);
    one(joined()).by(admin()).at(now()).when(issue(1, days(1))).refused(denied(Action::TokenIssue));
    given([joined(), issued(1, days(1))]).by(oneself()).at(now()).when(issue(1, days(2))).refused(Refusal::TokenExists);
    let nameless = Command::IssueToken { token: token(1), name: " ".into(), scope: TokenScope::Write, expires_at: days(1) };
    one(joined()).by(oneself()).at(now()).when(nameless).refused_with("TEXT_EMPTY");
}

#[test]
fn at_most_twenty_tokens_are_live() {
    let history = |ends: Timestamp| std::iter::once(joined()).chain((0..20).map(move |number| issued(number, ends)));
    given(history(days(2))).by(oneself()).at(now()).when(issue(50, days(1))).refused(Refusal::TooManyTokens);
    given(history(days(-1))).by(oneself()).at(now()).when(issue(50, days(1))).then([issued(50, days(1))]);
    let one_revoked = history(days(2)).chain([Event::TokenRevoked { token: token(3) }]);
    given(one_revoked).by(oneself()).at(now()).when(issue(50, days(1))).then([issued(50, days(1))]);
}

#[test]
fn a_token_is_revoked_by_oneself_or_an_administrator() {
    let revoke = Command::RevokeToken { token: token(1) };
    for by in [oneself(), admin(), steward()] {
        let person = given([joined(), issued(1, days(1))]).by(by).when(revoke.clone()).then([Event::TokenRevoked { token: token(1) }]);
        assert!(person.tokens().is_empty());
    }
    given([joined(), issued(1, days(1))]).by(colleague()).when(revoke.clone()).refused(denied(Action::TokenRevoke));
    one(joined()).by(oneself()).when(revoke).refused(Refusal::TokenNotFound);
}

#[test]
fn everyone_may_be_erased_at_their_own_wish() {
    for by in [oneself(), steward()] {
        let history = [joined(), granted(GrantedRole::Steward), issued(1, days(1))];
        let person = given(history).by(by).when(Command::Erase).then([Event::Erased]);
        assert!(person.erased() && !person.active());
        assert_eq!((person.name(), person.email(), person.identity()), (None, None, None));
        assert!(person.roles().is_empty() && person.tokens().is_empty());
        assert_eq!(person.organisation(), Some(organisation()));
    }
    one(joined()).by(admin()).when(Command::Erase).refused(denied(Action::PersonErase));
}

#[test]
fn an_erased_person_is_gone() {
    for command in [
        join("Robin", "s1", None),
        Command::CreatePlaceholder { source: "github".into(), handle: "x".into(), name: "X".into() },
        Command::ChangeProfile { name: "Robin".into(), about: String::new() },
        Command::GrantRole { role: GrantedRole::Steward },
        Command::RevokeRole { role: GrantedRole::Steward },
        Command::Suspend { reason: "x".into() },
        Command::Reinstate,
        issue(1, days(1)),
        Command::RevokeToken { token: token(1) },
        Command::Erase,
    ] {
        given([joined(), Event::Erased]).when(command).refused(Refusal::Gone);
    }
}

#[test]
fn what_was_erased_in_the_log_is_read_as_nothing() {
    let erased = Event::Joined {
        organisation: organisation(),
        identity: Identity { subject: Personal::Erased(true), ..identity("s1") },
        name: Personal::Erased(true),
        email: Some(Personal::Erased(true)),
    };
    let mut person = Person::new(ID);
    assert_eq!(person.claims(&erased), []);
    person.apply(&erased);
    assert_eq!((person.name(), person.email()), (None, None));
    assert_eq!(person.claims(&Event::Erased), []);
    person.apply(&Event::Erased);
    assert_eq!(person.stage(), Stage::Erased);
}
