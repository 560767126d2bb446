use super::*;
use kernel::testing::{self, ID, Scenario};
use kernel::{Action, Actor, Denied, OrganisationId, Role, TextError, Token};
use uuid::Uuid;

/// This aggregate's history.
fn given(events: impl IntoIterator<Item = Event>) -> Scenario<Thread> {
    testing::given(events)
}
fn community() -> CommunityId {
    Uuid::from_u128(1).into()
}
fn organisation() -> OrganisationId {
    Uuid::from_u128(2).into()
}
fn person(number: u128) -> PersonId {
    Uuid::from_u128(number).into()
}
fn post(number: u128) -> PostId {
    Uuid::from_u128(100 + number).into()
}
fn author() -> Actor {
    Actor::person(person(10), organisation()).with(Role::Member(community()))
}
fn member() -> Actor {
    Actor::person(person(11), organisation()).with(Role::InterestedParty(community()))
}
fn coordinator() -> Actor {
    Actor::person(person(12), organisation()).with(Role::Coordinator(community()))
}
fn outsider() -> Actor {
    Actor::person(person(13), Uuid::from_u128(3).into())
}
fn import() -> Actor {
    Actor::system("import")
}
fn denied(action: Action) -> Refusal {
    Refusal::Denied(Denied { action })
}
fn home(format: Format, audience: Audience) -> Home {
    Home { community: community(), category: Uuid::from_u128(4).into(), format, audience, open: true }
}
fn open_in(home: Home, audience: Option<Audience>) -> Command {
    Command::Open {
        home,
        author: person(10),
        post: post(0),
        title: " How? ".into(),
        body: "By **hand**.\r\n".into(),
        audience,
        source: None,
    }
}
fn open() -> Command {
    open_in(home(Format::Open, Audience::members()), None)
}
fn opened_as(format: Format, audience: Audience) -> Event {
    Event::Opened {
        community: community(),
        category: Uuid::from_u128(4).into(),
        format,
        audience,
        author: person(10),
        post: post(0),
        title: "How?".into(),
        body: "By **hand**.".into(),
        source: None,
    }
}
fn opened() -> Event {
    opened_as(Format::Open, Audience::members())
}
fn question() -> Vec<Event> {
    vec![opened_as(Format::QuestionAndAnswer, Audience::members()), replied(1, None)]
}
fn reply(number: u128, to: Option<PostId>) -> Command {
    Command::Reply { post: post(number), to, author: person(11), body: "Thus.".into(), source: None }
}
fn replied(number: u128, to: Option<PostId>) -> Event {
    Event::Replied { post: post(number), to, author: person(11), body: "Thus.".into(), source: None }
}
fn edit(number: u128, body: &str) -> Command {
    Command::EditPost { post: post(number), body: body.into() }
}
fn edited(number: u128, body: &str) -> Event {
    Event::PostEdited { post: post(number), body: body.into() }
}
fn retitle(title: &str) -> Command {
    Command::Retitle { title: title.into() }
}
fn react(number: u128) -> Command {
    Command::React { post: post(number), reaction: Reaction::Heart }
}
fn reacted() -> Event {
    Event::Reacted { post: post(1), person: person(11), reaction: Reaction::Heart }
}
fn every_command_on_an_open_thread() -> Vec<Command> {
    vec![
        reply(5, None),
        retitle("Why?"),
        edit(0, "x"),
        Command::Lock,
        Command::Unlock,
        Command::Close { reason: CloseReason::Resolved },
        Command::Reopen,
        Command::MarkAnswer { post: post(1) },
        Command::UnmarkAnswer { post: post(1) },
        react(1),
        Command::WithdrawReaction { post: post(1), reaction: Reaction::Heart },
        Command::Upvote { post: post(1) },
        Command::WithdrawUpvote { post: post(1) },
    ]
}

#[test]
fn a_member_opens_a_thread() {
    let thread = given([]).by(author()).when(open()).then([opened()]);
    assert_eq!((thread.author(), thread.opening_post(), thread.title()), (Some(person(10)), Some(post(0)), "How?"));
    assert_eq!((thread.community(), thread.audience()), (Some(community()), Some(&Audience::members())));
    assert!(!thread.locked() && thread.closed().is_none());
}

#[test]
fn who_does_not_belong_to_the_community_opens_none() {
    let command = Command::Open {
        home: home(Format::Open, Audience::members()),
        author: person(13),
        post: post(0),
        title: "x".into(),
        body: "x".into(),
        audience: None,
        source: None,
    };
    given([]).by(outsider()).when(command).refused(denied(Action::ThreadOpen));
    given([]).by(outsider()).when(open_in(home(Format::Open, Audience::community(community())), None)).refused(Refusal::CategoryNotFound);
}

#[test]
fn announcements_are_a_coordinators() {
    let announcements = home(Format::Announcement, Audience::members());
    given([]).by(author()).when(open_in(announcements.clone(), None)).refused(denied(Action::AnnouncementOpen));
    let by = author().with(Role::Coordinator(community()));
    given([]).by(by).when(open_in(announcements, None)).then([opened_as(Format::Announcement, Audience::members())]);
}

#[test]
fn a_closed_category_takes_no_thread_and_a_thread_is_opened_once() {
    let closed = Home { open: false, ..home(Format::Open, Audience::members()) };
    given([]).by(author()).when(open_in(closed, None)).refused(Refusal::CategoryClosed);
    given([opened()]).by(author()).when(open()).refused(Refusal::AlreadyOpened);
}

#[test]
fn title_and_body_have_bounds() {
    let open = |title: &str, body: &str, source: Option<String>| {
        given([]).by(import()).when(Command::Open {
            home: home(Format::Open, Audience::members()),
            author: person(10),
            post: post(0),
            title: title.into(),
            body: body.into(),
            audience: None,
            source,
        })
    };
    open("", "x", None).refused(Refusal::Text(TextError::Empty { field: "title" }));
    open(&"x".repeat(201), "x", None).refused_with("TEXT_TOO_LONG");
    open("x", " \n", None).refused(Refusal::Text(TextError::Empty { field: "body" }));
    open("x", &"x".repeat(65_537), None).refused_with("TEXT_TOO_LONG");
    open("x", "x", Some("x".repeat(2_001))).refused_with("TEXT_TOO_LONG");
}

#[test]
fn an_audience_only_narrows() {
    let here = Audience::community(community());
    let open = |whole: Audience, part: Audience| given([]).by(author()).when(open_in(home(Format::Open, whole), Some(part)));
    open(Audience::public(), Audience::members()).then([opened()]);
    open(Audience::members(), here.clone()).then([opened_as(Format::Open, here.clone())]);
    open(Audience::members(), Audience::public()).refused(Refusal::AudienceTooWide);
    open(here.clone(), Audience::organisation(organisation())).refused(Refusal::AudienceTooWide);
    open(Audience::members(), Audience::of([])).refused(Refusal::AudienceEmpty);
    let named = Audience::persons([person(10), person(11)]);
    open(here, Audience::persons([person(11)])).then([opened_as(Format::Open, named)]);
}

#[test]
fn the_author_is_never_shut_out() {
    let elsewhere: OrganisationId = Uuid::from_u128(3).into();
    let kept = Audience::of([Token::Organisation(elsewhere), Token::Person(person(10))]);
    let command = open_in(home(Format::Open, Audience::members()), Some(Audience::organisation(elsewhere)));
    given([]).by(author()).when(command).then([opened_as(Format::Open, kept)]);
}

#[test]
fn only_an_import_writes_under_others_names_and_gives_a_source() {
    given([]).by(coordinator()).when(open()).refused(denied(Action::ContentImport));
    given([]).by(import()).when(open()).then([opened()]);
    given([opened()]).by(coordinator()).when(reply(1, None)).refused(denied(Action::ContentImport));
    given([opened()]).by(import()).when(reply(1, None)).then([replied(1, None)]);
    let from = |author| Command::Reply { post: post(1), to: None, author, body: "x".into(), source: Some("https://old.example/1".into()) };
    given([opened()]).by(member()).when(from(person(11))).refused(denied(Action::ContentImport));
    let imported =
        Event::Replied { post: post(1), to: None, author: person(11), body: "x".into(), source: Some("https://old.example/1".into()) };
    given([opened()]).by(import()).when(from(person(11))).then([imported]);
}

#[test]
fn a_member_replies() {
    let thread = given([opened()]).by(member()).when(reply(1, None)).then([replied(1, None)]);
    assert_eq!(thread.posts()[&post(1)].author, person(11));
    let by_outsider = Command::Reply { post: post(1), to: None, author: person(13), body: "x".into(), source: None };
    given([opened()]).by(outsider()).when(by_outsider).refused(denied(Action::ThreadReply));
    given([opened(), replied(1, None)]).by(member()).when(reply(1, None)).refused(Refusal::PostExists);
    let blank = Command::Reply { post: post(1), to: None, author: person(11), body: " ".into(), source: None };
    given([opened()]).by(member()).when(blank).refused_with("TEXT_EMPTY");
}

#[test]
fn replies_go_one_level_deep() {
    let history = vec![opened(), replied(1, None), replied(2, Some(post(1)))];
    given(history.clone()).by(member()).when(reply(3, Some(post(1)))).then([replied(3, Some(post(1)))]);
    given(history.clone()).by(member()).when(reply(3, Some(post(2)))).then([replied(3, Some(post(1)))]);
    given(history.clone()).by(member()).when(reply(3, Some(post(0)))).then([replied(3, None)]);
    given(history).by(member()).when(reply(3, Some(post(9)))).refused(Refusal::PostNotFound);
}

#[test]
fn a_locked_thread_is_a_coordinators() {
    let history = [opened(), replied(1, None), Event::Locked];
    given(history.clone()).by(member()).when(reply(2, None)).refused(Refusal::Locked);
    given(history.clone()).by(author()).when(edit(0, "x")).refused(Refusal::Locked);
    given(history.clone()).by(author()).when(retitle("x")).refused(Refusal::Locked);
    given(history.clone()).by(coordinator()).when(edit(1, "x")).then([edited(1, "x")]);
    given(history.clone()).by(coordinator()).when(retitle("x")).then([Event::Retitled { title: "x".into() }]);
    given(history.clone()).by(member().with(Role::Coordinator(community()))).when(reply(2, None)).then([replied(2, None)]);
    given(history).by(member()).when(react(1)).then([reacted()]);
}

#[test]
fn a_closed_thread_still_takes_posts() {
    given([opened(), Event::Closed { reason: CloseReason::Resolved }]).by(member()).when(reply(1, None)).then([replied(1, None)]);
}

#[test]
fn a_post_is_its_authors_and_a_coordinators_to_edit() {
    let history = [opened(), replied(1, None)];
    for by in [member(), coordinator(), import()] {
        given(history.clone()).by(by).when(edit(1, "Rather so.")).then([edited(1, "Rather so.")]);
    }
    given(history.clone()).by(author()).when(edit(1, "x")).refused(denied(Action::PostEdit));
    given(history.clone()).by(author()).when(edit(9, "x")).refused(Refusal::PostNotFound);
    given(history.clone()).by(member()).when(edit(1, "")).refused_with("TEXT_EMPTY");
    given(history).by(member()).when(edit(1, "Thus.\n")).nothing();
    given([opened(), replied(1, None), edited(1, "x")]).by(member()).when(edit(1, "Thus.")).then([edited(1, "Thus.")]);
}

#[test]
fn the_title_is_the_authors_and_a_coordinators_to_change() {
    for by in [author(), coordinator()] {
        let thread = given([opened()]).by(by).when(retitle("Why?")).then([Event::Retitled { title: "Why?".into() }]);
        assert_eq!(thread.title(), "Why?");
    }
    given([opened()]).by(author()).when(retitle("How? ")).nothing();
    given([opened()]).by(author()).when(retitle("")).refused_with("TEXT_EMPTY");
    given([opened()]).by(member()).when(retitle("Why?")).refused(denied(Action::PostEdit));
}

#[test]
fn a_coordinator_locks_and_unlocks() {
    given([opened()]).by(coordinator()).when(Command::Lock).then([Event::Locked]);
    given([opened(), Event::Locked]).by(coordinator()).when(Command::Lock).nothing();
    given([opened(), Event::Locked]).by(coordinator()).when(Command::Unlock).then([Event::Unlocked]);
    given([opened()]).by(coordinator()).when(Command::Unlock).nothing();
    given([opened()]).by(author()).when(Command::Lock).refused(denied(Action::ThreadLock));
    given([opened(), Event::Locked]).by(author()).when(Command::Unlock).refused(denied(Action::ThreadLock));
    given([opened()]).by(import()).when(Command::Lock).then([Event::Locked]);
}

#[test]
fn the_author_or_a_coordinator_closes_and_reopens() {
    let close = |reason| Command::Close { reason };
    let closed = |reason| Event::Closed { reason };
    for by in [author(), coordinator(), import()] {
        let thread = given([opened()]).by(by).when(close(CloseReason::Resolved)).then([closed(CloseReason::Resolved)]);
        assert_eq!(thread.closed(), Some(CloseReason::Resolved));
    }
    let history = [opened(), closed(CloseReason::Resolved)];
    given(history.clone()).by(author()).when(close(CloseReason::Resolved)).nothing();
    given(history.clone()).by(author()).when(close(CloseReason::Outdated)).then([closed(CloseReason::Outdated)]);
    given(history.clone()).by(author()).when(Command::Reopen).then([Event::Reopened]);
    given([opened()]).by(author()).when(Command::Reopen).nothing();
    given([opened()]).by(member()).when(close(CloseReason::Resolved)).refused(denied(Action::ThreadClose));
    given(history).by(member()).when(Command::Reopen).refused(denied(Action::ThreadClose));
    given([opened()]).by(author()).when(close(CloseReason::Duplicate(Some(ID.into())))).refused(Refusal::DuplicateOfItself);
}

#[test]
fn answers_are_marked_by_who_asked_or_a_coordinator() {
    let mark = |number| Command::MarkAnswer { post: post(number) };
    let marked = |number| Event::AnswerMarked { post: post(number) };
    for by in [author(), coordinator(), import()] {
        let thread = given(question()).by(by).when(mark(1)).then([marked(1)]);
        assert!(thread.answers().contains(&post(1)));
    }
    let several = || question().into_iter().chain([replied(2, Some(post(1))), marked(1)]);
    given(several()).by(author()).when(mark(2)).then([marked(2)]);
    given(several()).by(author()).when(mark(1)).nothing();
    given(several()).by(author()).when(mark(0)).refused(Refusal::OpeningPost);
    given(several()).by(author()).when(mark(9)).refused(Refusal::PostNotFound);
    given(several()).by(member()).when(mark(2)).refused(denied(Action::AnswerMark));
    given([opened(), replied(1, None)]).by(author()).when(mark(1)).refused(Refusal::NoQuestion);
}

#[test]
fn the_mark_of_an_answer_is_taken_back() {
    let unmark = |number| Command::UnmarkAnswer { post: post(number) };
    let marked = || question().into_iter().chain([Event::AnswerMarked { post: post(1) }]);
    given(marked()).by(author()).when(unmark(1)).then([Event::AnswerUnmarked { post: post(1) }]);
    given(question()).by(author()).when(unmark(1)).nothing();
    given(question()).by(author()).when(unmark(9)).refused(Refusal::PostNotFound);
    given(marked()).by(member()).when(unmark(1)).refused(denied(Action::AnswerMark));
}

#[test]
fn a_member_reacts_once_in_each_way() {
    given(question()).by(member()).when(react(1)).then([reacted()]);
    let history = || question().into_iter().chain([reacted()]);
    given(history()).by(member()).when(react(1)).nothing();
    let rocket = Event::Reacted { post: post(1), person: person(11), reaction: Reaction::Rocket };
    given(history()).by(member()).when(Command::React { post: post(1), reaction: Reaction::Rocket }).then([rocket]);
    given(question()).by(member()).when(react(9)).refused(Refusal::PostNotFound);
    given(question()).by(outsider()).when(react(1)).refused(denied(Action::PostReact));
    given(question()).by(import()).when(react(1)).refused(Refusal::NoPerson);
}

#[test]
fn a_reaction_is_taken_back_by_who_gave_it() {
    let withdraw = Command::WithdrawReaction { post: post(1), reaction: Reaction::Heart };
    let withdrawn = Event::ReactionWithdrawn { post: post(1), person: person(11), reaction: Reaction::Heart };
    let history = || question().into_iter().chain([reacted()]);
    given(history()).by(member()).when(withdraw.clone()).then([withdrawn]);
    given(history()).by(author()).when(withdraw.clone()).nothing();
    given(question()).by(outsider()).when(withdraw.clone()).refused(denied(Action::PostReact));
    given(question()).by(import()).when(withdraw).refused(Refusal::NoPerson);
    let elsewhere = Command::WithdrawReaction { post: post(9), reaction: Reaction::Heart };
    given(question()).by(member()).when(elsewhere).refused(Refusal::PostNotFound);
}

#[test]
fn a_member_upvotes_once_and_may_take_it_back() {
    let upvote = |number| Command::Upvote { post: post(number) };
    let withdraw = |number| Command::WithdrawUpvote { post: post(number) };
    let upvoted = Event::Upvoted { post: post(1), person: person(11) };
    given(question()).by(member()).when(upvote(1)).then([upvoted.clone()]);
    let history = || question().into_iter().chain([upvoted.clone()]);
    given(history()).by(member()).when(upvote(1)).nothing();
    given(history()).by(member()).when(withdraw(1)).then([Event::UpvoteWithdrawn { post: post(1), person: person(11) }]);
    given(history()).by(author()).when(withdraw(1)).nothing();
    for command in [upvote(9), withdraw(9)] {
        given(question()).by(member()).when(command).refused(Refusal::PostNotFound);
    }
    for command in [upvote(1), withdraw(1)] {
        given(question()).by(outsider()).when(command.clone()).refused(denied(Action::PostReact));
        given(question()).by(import()).when(command).refused(Refusal::NoPerson);
    }
}

#[test]
fn before_it_is_opened_there_is_nothing_to_do() {
    for command in every_command_on_an_open_thread() {
        given([]).by(coordinator()).when(command).refused(Refusal::NotFound);
    }
}

#[test]
fn to_who_may_not_see_it_it_does_not_exist() {
    for command in every_command_on_an_open_thread() {
        let hidden = [opened_as(Format::QuestionAndAnswer, Audience::persons([person(10)])), replied(1, None)];
        for by in [member(), coordinator(), outsider()] {
            given(hidden.clone()).by(by).when(command.clone()).refused(Refusal::NotFound);
        }
    }
}
