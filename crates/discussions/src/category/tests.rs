use super::*;
use kernel::testing::{self, ID, Scenario};
use kernel::{OrganisationId, PersonId, Role, Token};

/// This aggregate's history.
fn given(events: impl IntoIterator<Item = Event>) -> Scenario<Category> {
    testing::given(events)
}
fn community() -> CommunityId {
    Uuid::from_u128(1).into()
}
fn organisation(number: u128) -> OrganisationId {
    Uuid::from_u128(number).into()
}
fn person() -> PersonId {
    Uuid::from_u128(10).into()
}
fn coordinator() -> Actor {
    Actor::person(person(), organisation(2)).with(Role::Coordinator(community()))
}
fn member() -> Actor {
    Actor::person(person(), organisation(2)).with(Role::Member(community()))
}
fn outsider() -> Actor {
    Actor::person(Uuid::from_u128(11).into(), organisation(3))
}
fn denied() -> Refusal {
    Refusal::Denied(Denied { action: Action::CategoryManage })
}
fn open(audience: Audience, within: Audience) -> Command {
    Command::Open {
        community: community(),
        slug: "questions".into(),
        name: " Questions ".into(),
        description: "Ask anything.\n".into(),
        format: Format::QuestionAndAnswer,
        audience,
        within,
        position: 1,
    }
}
fn opened(audience: Audience) -> Event {
    Event::Opened {
        community: community(),
        slug: "questions".into(),
        name: "Questions".into(),
        description: "Ask anything.".into(),
        format: Format::QuestionAndAnswer,
        audience,
        position: 1,
    }
}

#[test]
fn a_coordinator_opens_a_category() {
    let command = open(Audience::members(), Audience::members());
    let category = given([]).by(coordinator()).when(command.clone()).then([opened(Audience::members())]);
    assert!(category.open());
    assert_eq!((category.community(), category.format()), (Some(community()), Some(Format::QuestionAndAnswer)));
    assert_eq!((category.slug(), category.name(), category.position()), (Some("questions"), "Questions", 1));
    given([]).by(member()).when(command.clone()).refused(denied());
    given([opened(Audience::members())]).by(coordinator()).when(command).refused(Refusal::AlreadyOpened);
}

#[test]
fn its_slug_is_claimed_within_the_community() {
    let claim = Claim::Take { space: SLUG_SPACE, value: format!("{}/questions", community()) };
    assert_eq!(Category::new(ID).claims(&opened(Audience::members())), [claim]);
    assert_eq!(Category::new(ID).claims(&Event::Closed), []);
}

#[test]
fn its_audience_is_the_communitys_or_a_part_of_it() {
    let here = Audience::community(community());
    for (audience, within) in [
        (Audience::public(), Audience::public()),
        (Audience::members(), Audience::public()),
        (here.clone(), Audience::members()),
        (here.clone(), Audience::of([Token::Organisation(organisation(2)), Token::Community(community())])),
        (Audience::persons([person()]), here.clone()),
    ] {
        given([]).by(coordinator()).when(open(audience.clone(), within)).then([opened(audience)]);
    }
    for (audience, within) in
        [(Audience::public(), Audience::members()), (Audience::members(), here.clone()), (Audience::organisation(organisation(3)), here)]
    {
        given([]).by(coordinator()).when(open(audience, within)).refused(Refusal::AudienceTooWide);
    }
    given([]).by(coordinator()).when(open(Audience::of([]), Audience::public())).refused(Refusal::AudienceEmpty);
}

#[test]
fn its_texts_have_bounds() {
    let open = |slug: &str, name: &str, description: &str| {
        given([]).by(coordinator()).when(Command::Open {
            community: community(),
            slug: slug.into(),
            name: name.into(),
            description: description.into(),
            format: Format::Open,
            audience: Audience::public(),
            within: Audience::public(),
            position: 0,
        })
    };
    open("Q", "Questions", "").refused_with("TEXT_FORM");
    open("questions", " ", "").refused_with("TEXT_EMPTY");
    open("questions", "Questions", &"x".repeat(2_001)).refused_with("TEXT_TOO_LONG");
}

#[test]
fn a_coordinator_describes_and_reorders_it() {
    let history = [opened(Audience::members())];
    let describe = |name: &str, description: &str| Command::Describe { name: name.into(), description: description.into() };
    let described = Event::Described { name: "Q & A".into(), description: String::new() };
    let category = given(history.clone()).by(coordinator()).when(describe("Q & A", " ")).then([described]);
    assert_eq!((category.name(), category.description()), ("Q & A", ""));
    given(history.clone()).by(coordinator()).when(describe("Questions", "Ask anything.")).nothing();
    given(history.clone()).by(coordinator()).when(describe("", "")).refused_with("TEXT_EMPTY");
    given(history.clone()).by(member()).when(describe("Q & A", "")).refused(denied());
    given(history.clone()).by(coordinator()).when(Command::Reorder { position: 4 }).then([Event::Reordered { position: 4 }]);
    given(history.clone()).by(coordinator()).when(Command::Reorder { position: 1 }).nothing();
    given(history).by(member()).when(Command::Reorder { position: 4 }).refused(denied());
}

#[test]
fn what_is_closed_stays_closed() {
    let history = [opened(Audience::members())];
    let category = given(history.clone()).by(coordinator()).when(Command::Close).then([Event::Closed]);
    assert!(!category.open());
    given(history.clone()).by(member()).when(Command::Close).refused(denied());
    let closed = [opened(Audience::members()), Event::Closed];
    given(closed.clone()).by(coordinator()).when(Command::Close).nothing();
    given(closed).by(coordinator()).when(open(Audience::members(), Audience::members())).refused(Refusal::AlreadyOpened);
}

#[test]
fn before_it_is_opened_and_to_who_may_not_see_it_it_does_not_exist() {
    for command in [Command::Describe { name: "Q".into(), description: String::new() }, Command::Reorder { position: 4 }, Command::Close] {
        given([]).by(coordinator()).when(command.clone()).refused(Refusal::NotFound);
        let hidden = opened(Audience::community(community()));
        given([hidden]).by(outsider()).when(command).refused(Refusal::NotFound);
    }
}
