use super::*;
use kernel::Role;
use kernel::testing::{self, ID, Scenario};

/// This aggregate's history.
fn given(events: impl IntoIterator<Item = Event>) -> Scenario<Organisation> {
    testing::given(events)
}
fn steward() -> Actor {
    Actor::person(Uuid::from_u128(1).into(), Uuid::from_u128(2).into()).with(Role::Steward)
}
fn admin() -> Actor {
    Actor::person(Uuid::from_u128(3).into(), ID.into()).with(Role::OrganisationAdmin(ID.into()))
}
fn colleague() -> Actor {
    Actor::person(Uuid::from_u128(4).into(), ID.into())
}
fn denied(action: Action) -> Refusal {
    Refusal::Denied(Denied { action })
}
fn nothing_yet() -> Scenario<Organisation> {
    given([])
}
fn register() -> Command {
    Command::Register { slug: "harbour-office".into(), name: " Harbour Office ".into() }
}
fn registered() -> Event {
    Event::Registered { slug: "harbour-office".into(), name: "Harbour Office".into() }
}
fn suspended() -> Event {
    Event::Suspended { reason: "No agreement.".into() }
}
fn provider() -> ProviderId {
    Uuid::from_u128(7).into()
}
fn register_provider(issuer: &str) -> Command {
    Command::RegisterProvider {
        provider: provider(),
        name: "Staff sign-in".into(),
        issuer: issuer.into(),
        client_id: "hub".into(),
        scopes: vec!["openid".into(), "email".into(), " email ".into(), String::new()],
    }
}
fn provider_registered() -> Event {
    Event::ProviderRegistered {
        provider: provider(),
        name: "Staff sign-in".into(),
        issuer: "https://id.harbour.example".into(),
        client_id: "hub".into(),
        scopes: vec!["email".into()],
    }
}

#[test]
fn a_steward_registers_an_organisation() {
    let organisation = nothing_yet().by(steward()).when(register()).then([registered()]);
    assert_eq!(organisation.slug(), Some("harbour-office"));
    assert_eq!(organisation.name(), "Harbour Office");
}

#[test]
fn its_slug_is_claimed() {
    let claim = Claim::Take { space: SLUG_SPACE, value: "harbour-office".into() };
    assert_eq!(Organisation::new(ID).claims(&registered()), [claim]);
    assert_eq!(Organisation::new(ID).claims(&suspended()), []);
}

#[test]
fn no_one_else_registers_one() {
    nothing_yet().by(admin()).when(register()).refused(denied(Action::OrganisationRegister));
}

#[test]
fn it_is_registered_once() {
    given([registered()]).by(steward()).when(register()).refused(Refusal::AlreadyRegistered);
}

#[test]
fn a_slug_and_a_name_have_a_form() {
    let bad = |slug: &str, name: &str| nothing_yet().when(Command::Register { slug: slug.into(), name: name.into() });
    bad("Harbour", "Harbour").refused_with("TEXT_FORM");
    bad("harbour", " ").refused_with("TEXT_EMPTY");
    bad("harbour", &"x".repeat(201)).refused_with("TEXT_TOO_LONG");
}

#[test]
fn before_it_is_registered_there_is_nothing_to_do() {
    for command in [
        Command::Rename { name: "Other".into() },
        Command::Suspend { reason: "x".into() },
        Command::Reinstate,
        register_provider("https://id.harbour.example"),
        Command::DisableProvider { provider: provider() },
        Command::EnableProvider { provider: provider() },
        Command::RemoveProvider { provider: provider() },
    ] {
        nothing_yet().by(steward()).when(command).refused(Refusal::NotFound);
    }
}

#[test]
fn its_administrator_renames_it() {
    let rename = |name: &str| Command::Rename { name: name.into() };
    given([registered()]).by(admin()).when(rename("Tides Office")).then([Event::Renamed { name: "Tides Office".into() }]);
    given([registered()]).by(admin()).when(rename("Harbour Office")).nothing();
    given([registered()]).by(colleague()).when(rename("Tides")).refused(denied(Action::OrganisationRename));
}

#[test]
fn a_steward_suspends_it_with_a_reason_and_reinstates_it() {
    let suspend = |reason: &str| Command::Suspend { reason: reason.into() };
    let organisation = given([registered()]).by(steward()).when(suspend("No agreement.")).then([suspended()]);
    assert!(organisation.suspended());
    given([registered()]).by(steward()).when(suspend("")).refused_with("TEXT_EMPTY");
    given([registered(), suspended()]).by(steward()).when(suspend("Again")).nothing();
    given([registered()]).by(admin()).when(suspend("x")).refused(denied(Action::OrganisationSuspend));
    given([registered(), suspended()]).by(steward()).when(Command::Reinstate).then([Event::Reinstated]);
    given([registered()]).by(steward()).when(Command::Reinstate).nothing();
    given([registered(), suspended()]).by(admin()).when(Command::Reinstate).refused(denied(Action::OrganisationSuspend));
}

#[test]
fn while_suspended_only_a_steward_changes_it() {
    for command in [
        Command::Rename { name: "Tides".into() },
        register_provider("https://id.harbour.example"),
        Command::DisableProvider { provider: provider() },
        Command::EnableProvider { provider: provider() },
        Command::RemoveProvider { provider: provider() },
    ] {
        given([registered(), suspended()]).by(admin()).when(command).refused(Refusal::Suspended);
    }
    let by_steward = given([registered(), suspended()]).by(steward());
    by_steward.when(register_provider("https://id.harbour.example")).then([provider_registered()]);
}

#[test]
fn its_administrator_registers_a_provider() {
    let organisation =
        given([registered()]).by(admin()).when(register_provider("https://id.harbour.example")).then([provider_registered()]);
    assert!(organisation.providers()[&provider()].enabled);
    let by_colleague = given([registered()]).by(colleague());
    by_colleague.when(register_provider("https://id.harbour.example")).refused(denied(Action::ProviderManage));
}

#[test]
fn an_issuer_is_an_https_address_and_nothing_more() {
    for kept in ["https://id.harbour.example/realms/a", "http://localhost:8081/a", "http://127.0.0.1:9", "http://[::1]:9/x"] {
        let mut expected = provider_registered();
        if let Event::ProviderRegistered { issuer, .. } = &mut expected {
            kept.clone_into(issuer);
        }
        given([registered()]).by(admin()).when(register_provider(kept)).then([expected]);
    }
    for issuer in [
        "http://id.harbour.example",
        "https://id.harbour.example?x=1",
        "https://id.harbour.example#x",
        "https://me@id.harbour.example",
        "https://me:secret@id.harbour.example",
        "ftp://localhost",
        "file:///etc",
        "mailto:x",
        "nonsense",
        "http://localhost.example",
        "http://127.0.0.1.example",
    ] {
        given([registered()]).by(admin()).when(register_provider(issuer)).refused(Refusal::Issuer);
    }
    given([registered()]).by(admin()).when(register_provider("")).refused_with("TEXT_EMPTY");
}

#[test]
fn a_provider_has_a_client_id_a_name_and_plain_scopes() {
    let with = |name: &str, client_id: &str, scopes: Vec<String>| {
        given([registered()]).by(admin()).when(Command::RegisterProvider {
            provider: provider(),
            name: name.into(),
            issuer: "https://id.harbour.example".into(),
            client_id: client_id.into(),
            scopes,
        })
    };
    with("", "hub", vec![]).refused_with("TEXT_EMPTY");
    with("Staff", " ", vec![]).refused(Refusal::Text(TextError::Empty { field: "clientId" }));
    with("Staff", "hub", vec!["two words".into()]).refused_with("TEXT_FORM");
    with("Staff", "hub", vec!["x".into(); 21]).refused_with("TEXT_FORM");
}

#[test]
fn the_same_provider_is_registered_once() {
    let again = given([registered(), provider_registered()]).by(admin());
    again.when(register_provider("https://id.harbour.example")).nothing();
    let changed = given([registered(), provider_registered()]).by(admin());
    changed.when(register_provider("https://other.harbour.example")).refused(Refusal::ProviderExists);
    let twin = Command::RegisterProvider {
        provider: Uuid::from_u128(8).into(),
        name: "Twin".into(),
        issuer: "https://id.harbour.example".into(),
        client_id: "hub".into(),
        scopes: vec![],
    };
    given([registered(), provider_registered()]).by(admin()).when(twin.clone()).refused(Refusal::ProviderExists);
    given([registered(), provider_registered(), Event::ProviderRemoved { provider: provider() }]).by(admin()).when(twin).then([
        Event::ProviderRegistered {
            provider: Uuid::from_u128(8).into(),
            name: "Twin".into(),
            issuer: "https://id.harbour.example".into(),
            client_id: "hub".into(),
            scopes: vec![],
        },
    ]);
}

#[test]
fn a_provider_is_disabled_and_enabled() {
    let disabled = Event::ProviderDisabled { provider: provider() };
    let enabled = Event::ProviderEnabled { provider: provider() };
    let disable = Command::DisableProvider { provider: provider() };
    let enable = Command::EnableProvider { provider: provider() };
    let history = [registered(), provider_registered()];
    let organisation = given(history.clone()).by(admin()).when(disable.clone()).then([disabled.clone()]);
    assert!(!organisation.providers()[&provider()].enabled);
    given(history.clone()).by(admin()).when(enable.clone()).nothing();
    let off = [registered(), provider_registered(), disabled];
    given(off.clone()).by(admin()).when(disable.clone()).nothing();
    given(off).by(admin()).when(enable.clone()).then([enabled]);
    for command in [disable, enable] {
        given(history.clone()).by(colleague()).when(command).refused(denied(Action::ProviderManage));
    }
}

#[test]
fn a_removed_provider_is_gone() {
    let remove = Command::RemoveProvider { provider: provider() };
    let removed = Event::ProviderRemoved { provider: provider() };
    let organisation = given([registered(), provider_registered()]).by(admin()).when(remove.clone()).then([removed.clone()]);
    assert!(organisation.providers().is_empty());
    for command in [remove, Command::DisableProvider { provider: provider() }, Command::EnableProvider { provider: provider() }] {
        given([registered(), provider_registered(), removed.clone()]).by(admin()).when(command).refused(Refusal::ProviderNotFound);
    }
}

#[test]
fn refusals_tell_programs_what_is_wrong() {
    use kernel::Refusal as _;
    let refusal = Refusal::Issuer;
    assert_eq!((refusal.code(), refusal.kind(), refusal.field()), ("ISSUER_INVALID", Kind::Invalid, Some("issuer")));
    let refusal = Refusal::Text(TextError::Empty { field: "clientId" });
    assert_eq!((refusal.code(), refusal.kind(), refusal.field()), ("TEXT_EMPTY", Kind::Invalid, Some("clientId")));
    assert_eq!(Refusal::NotFound.kind(), Kind::NotFound);
}
