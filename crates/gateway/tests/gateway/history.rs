//! The history of things: every event with its type and its difference, as far as the viewer sees it.

use crate::hub::{Answer, Hub, Place, Someone, fresh, text};
use communities::community::{self, MemberKind};
use gateway::graphql::GlobalId;
use kernel::{Actor, Audience, Clock as _, Role, SystemClock};
use organisations::{organisation, person};
use serde_json::{Value, json};
use services::HubCommand;

/// Carries out a mutation that is expected to go through.
async fn done(hub: &Hub, someone: &Someone, field: &str, mut input: Value) -> Value {
    let input_type = match field {
        "threadLock" | "threadReopen" => "ThreadInput".to_owned(),
        "postMarkAnswer" | "postUpvote" => "PostInput".to_owned(),
        "postReact" => "PostReactionInput".to_owned(),
        "personRoleGrant" => "PersonRoleInput".to_owned(),
        "personReinstate" | "personErase" => "PersonInput".to_owned(),
        _ => field[..1].to_uppercase() + &field[1..] + "Input",
    };
    input["commandId"] = json!(fresh());
    let document = format!("mutation ($input: {input_type}!) {{ {field}(input: $input) {{ userErrors {{ code message }} }} }}");
    let answer = hub.ask(Some(&someone.token), &document, json!({ "input": input })).await;
    let payload = answer.data()[field].clone();
    assert_eq!(payload["userErrors"], json!([]), "{field}");
    payload
}

/// The type of the thing with this id.
fn type_of(id: &str) -> String {
    let kind = GlobalId::decode(&id.into()).unwrap().kind();
    kind[..1].to_uppercase() + &kind[1..]
}

/// The history of the thing with this id, 20 events at most.
async fn history(hub: &Hub, token: Option<&str>, id: &str, fields: &str) -> Vec<Value> {
    let on = format!("... on {} {{ history(first: 20) {{ totalCount nodes {{ {fields} }} }} }}", type_of(id));
    let answer = hub.ask(token, &format!("query ($id: ID!) {{ node(id: $id) {{ {on} }} }}"), json!({ "id": id })).await;
    let history = &answer.data()["node"]["history"];
    let nodes = history["nodes"].as_array().cloned().unwrap_or_default();
    assert_eq!(history["totalCount"].as_u64().unwrap_or_default(), nodes.len() as u64, "the count is that of the list");
    nodes
}

fn types(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["__typename"].as_str().unwrap()).collect()
}

fn changes(event: &Value) -> Vec<(String, Option<&str>, Option<&str>)> {
    let changes = event["changes"].as_array().unwrap();
    changes.iter().map(|change| (text(&change["field"]), change["before"].as_str(), change["after"].as_str())).collect()
}

async fn talk(hub: &Hub) -> (Someone, Someone, Place, String, String) {
    let (a, b) = (hub.organisation("a").await, hub.organisation("b").await);
    let (ann, bob) = (hub.person(a, "Ann").await, hub.person(b, "Bob").await);
    let place = hub.place(&ann, "testing").await;
    hub.join(&bob, &place).await;
    let (thread, opening) = hub.thread(&ann, &place, "First title").await;
    (ann, bob, place, thread, opening)
}

#[tokio::test]
async fn a_thread_tells_what_happened_and_what_it_changed() {
    let hub = Hub::start().await;
    let (ann, bob, place, thread, opening) = talk(&hub).await;
    let reply = text(&hub.reply(&bob, &thread, "An answer.").await.data()["threadReply"]["post"]["id"]);
    let other = hub.thread(&ann, &place, "Another").await.0;
    done(&hub, &ann, "threadRetitle", json!({ "thread": thread, "title": "Second title" })).await;
    done(&hub, &bob, "postEdit", json!({ "post": reply, "body": "A better answer." })).await;
    done(&hub, &ann, "threadRetitle", json!({ "thread": thread, "title": "Third title" })).await;
    done(&hub, &bob, "postEdit", json!({ "post": reply, "body": "The best answer." })).await;
    done(&hub, &ann, "postMarkAnswer", json!({ "post": reply })).await;
    done(&hub, &ann, "postReact", json!({ "post": reply, "reaction": "HEART" })).await;
    done(&hub, &ann, "threadClose", json!({ "thread": thread, "reason": "DUPLICATE", "duplicateOf": other })).await;
    done(&hub, &ann, "threadReopen", json!({ "thread": thread })).await;
    done(&hub, &ann, "postEdit", json!({ "post": opening, "body": "A question." })).await;

    let fields = "__typename id type position version occurredAt recordedAt command correlation cause actor { name } organisation { id }
        subject { __typename id } changes { field before after }
        ... on ThreadOpenedEvent { title body author { name } post { id body } community { name } category { name } audience { reach } format }
        ... on ThreadRetitledEvent { title } ... on ThreadPostEditedEvent { post { id } body }
        ... on ThreadReactedEvent { person { name } reaction } ... on ThreadClosedEvent { closeReason duplicateOf { id } }";
    let events = history(&hub, None, &thread, fields).await;
    assert_eq!(
        types(&events),
        [
            "ThreadOpenedEvent",
            "ThreadRepliedEvent",
            "ThreadRetitledEvent",
            "ThreadPostEditedEvent",
            "ThreadRetitledEvent",
            "ThreadPostEditedEvent",
            "ThreadAnswerMarkedEvent",
            "ThreadReactedEvent",
            "ThreadClosedEvent",
            "ThreadReopenedEvent",
            "ThreadPostEditedEvent",
        ]
    );
    for (n, event) in events.iter().enumerate() {
        assert_eq!(event["version"], json!(n + 1));
        assert_eq!(event["subject"], json!({ "__typename": "Thread", "id": thread }));
        assert_eq!(event["correlation"], event["command"]);
        assert_eq!(event["cause"], Value::Null);
        assert!(event["position"].as_str().unwrap().parse::<u64>().unwrap() > 0);
    }
    let opened = &events[0];
    assert_eq!(opened["type"], json!("hub.discussions.thread_opened.v1"));
    assert_eq!((&opened["title"], &opened["body"]), (&json!("First title"), &json!("Opening.")));
    assert_eq!(opened["post"], json!({ "id": opening, "body": "A question." }), "what an event names is shown as it is now");
    assert_eq!((&opened["community"]["name"], &opened["category"]["name"]), (&json!("Community testing"), &json!("General")));
    assert_eq!((&opened["audience"]["reach"], &opened["format"]), (&json!("PUBLIC"), &json!("QUESTION_AND_ANSWER")));
    // A stranger learns that someone of an organisation did it, and no name.
    assert_eq!(opened["actor"]["name"], json!("A member of Department a"));
    assert_eq!(opened["organisation"]["id"], json!(GlobalId::Organisation(ann.organisation).encode().0));
    assert_eq!(changes(&events[2]), [("title".into(), Some("First title"), Some("Second title"))]);
    assert_eq!(changes(&events[4]), [("title".into(), Some("Second title"), Some("Third title"))]);
    assert_eq!(changes(&events[3]), [("body".into(), Some("An answer."), Some("A better answer."))]);
    assert_eq!(changes(&events[5]), [("body".into(), Some("A better answer."), Some("The best answer."))]);
    assert_eq!(changes(&events[10]), [("body".into(), Some("Opening."), Some("A question."))]);
    assert_eq!(changes(&events[6]), [("isAnswer".into(), Some("false"), Some("true"))]);
    assert_eq!(changes(&events[7]), [("reaction".into(), None, Some("HEART"))]);
    let closed = [
        ("closed".into(), Some("false"), Some("true")),
        ("closeReason".into(), None, Some("DUPLICATE")),
        ("duplicateOf".into(), None, Some(other.as_str())),
    ];
    assert_eq!(changes(&events[8]), closed);
    let reopened = closed.map(|(field, before, after)| (field, after, before));
    assert_eq!(changes(&events[9]), reopened);
    assert_eq!(events[8]["duplicateOf"]["id"], json!(other));

    // A post's history is what concerns it among the events of its thread.
    let of_reply = history(&hub, Some(&ann.token), &reply, fields).await;
    let expected: Vec<&Value> = events.iter().enumerate().filter(|(n, _)| [1, 3, 5, 6, 7].contains(n)).map(|(_, event)| event).collect();
    assert_eq!(
        of_reply.iter().map(|event| &event["id"]).collect::<Vec<_>>(),
        expected.iter().map(|event| &event["id"]).collect::<Vec<_>>()
    );
    assert_eq!(of_reply[1]["actor"]["name"], json!("Bob"));
    let of_opening = history(&hub, None, &opening, "__typename version").await;
    assert_eq!(of_opening.iter().map(|event| &event["version"]).collect::<Vec<_>>(), [&json!(1), &json!(11)]);
}

async fn page(hub: &Hub, id: &str, arguments: &str) -> Answer {
    let fields = "edges { cursor node { version } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }";
    let document = format!("query ($id: ID!) {{ node(id: $id) {{ ... on {} {{ history({arguments}) {{ {fields} }} }} }} }}", type_of(id));
    hub.ask(None, &document, json!({ "id": id })).await
}

#[tokio::test]
async fn a_history_is_paged_in_both_directions_by_its_own_cursors() {
    let hub = Hub::start().await;
    let (ann, _, place, thread, opening) = talk(&hub).await;
    for n in 0..6 {
        done(&hub, &ann, "postEdit", json!({ "post": opening, "body": format!("Body {n}") })).await;
        done(&hub, &ann, "threadRetitle", json!({ "thread": thread, "title": format!("Title {n}") })).await;
    }
    let versions = |answer: &Answer| {
        let edges = answer.data()["node"]["history"]["edges"].as_array().unwrap().clone();
        edges.iter().map(|edge| edge["node"]["version"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    for (id, all) in [(&thread, (1..=13).collect::<Vec<u64>>()), (&opening, vec![1, 2, 4, 6, 8, 10, 12])] {
        for size in [1, 3, 5, 100] {
            let (mut forward, mut backward) = (Vec::new(), Vec::new());
            let mut answer = page(&hub, id, &format!("first: {size}")).await;
            loop {
                forward.extend(versions(&answer));
                let info = answer.data()["node"]["history"]["pageInfo"].clone();
                if info["hasNextPage"] != json!(true) {
                    break;
                }
                answer = page(&hub, id, &format!("first: {size}, after: {}", info["endCursor"])).await;
                assert_eq!(answer.data()["node"]["history"]["pageInfo"]["hasPreviousPage"], json!(true));
            }
            let mut answer = page(&hub, id, &format!("last: {size}")).await;
            loop {
                backward.splice(0..0, versions(&answer));
                let info = answer.data()["node"]["history"]["pageInfo"].clone();
                if info["hasPreviousPage"] != json!(true) {
                    break;
                }
                answer = page(&hub, id, &format!("last: {size}, before: {}", info["startCursor"])).await;
            }
            assert_eq!((&forward, &backward), (&all, &all), "pages of {size}");
        }
    }
    let cursor = page(&hub, &thread, "first: 1").await.data()["node"]["history"]["pageInfo"]["endCursor"].clone();
    let other = hub.thread(&ann, &place, "Another").await.0;
    for id in [&other, &opening] {
        assert_eq!(page(&hub, id, &format!("first: 1, after: {cursor}")).await.code(), "INVALID_PAGE");
    }
    assert_eq!(page(&hub, &thread, "after: null").await.code(), "INVALID_PAGE");
    assert_eq!(page(&hub, &thread, "first: 101").await.code(), "INVALID_PAGE");
}

#[tokio::test]
async fn every_other_thing_has_a_history_too() {
    let hub = Hub::start().await;
    let (ann, bob, place, ..) = talk(&hub).await;
    hub.grant(&ann, person::GrantedRole::OrganisationAdmin).await;
    let organisation = GlobalId::Organisation(ann.organisation).encode().0;
    done(&hub, &ann, "organisationRename", json!({ "organisation": organisation, "name": "Renamed" })).await;
    let events = history(&hub, None, &organisation, "__typename changes { field before after }").await;
    assert_eq!(types(&events), ["OrganisationRegisteredEvent", "OrganisationRenamedEvent"]);
    assert_eq!(changes(&events[1]), [("name".into(), Some("Department a"), Some("Renamed"))]);

    let coordinator = ann.actor().with(Role::Coordinator(place.community)).with(Role::CoreMember(place.community));
    let kind = community::Command::ChangeMemberKind { person: bob.id, kind: MemberKind::Core };
    hub.send(coordinator, place.community, HubCommand::Community(kind)).await;
    let clauses = json!({ "purpose": { "text": "To learn." }, "sponsor": { "toBeConfirmed": "who" } });
    let amend = json!({ "community": place.community(), "charter": clauses, "summary": "A purpose" });
    done(&hub, &ann, "communityCharterAmend", amend).await;
    let fields = "__typename changes { field before after } ... on CommunityMemberKindChangedEvent { person { name } kind }
        ... on CommunityCharterAmendedEvent { summary charter { purpose { text } } }";
    let events = history(&hub, Some(&bob.token), &place.community(), fields).await;
    assert_eq!(
        types(&events),
        [
            "CommunityFoundedEvent",
            "CommunityOrganisationJoinedEvent",
            "CommunityMemberJoinedEvent",
            "CommunityCoordinatorAppointedEvent",
            "CommunityOrganisationJoinedEvent",
            "CommunityMemberJoinedEvent",
            "CommunityMemberKindChangedEvent",
            "CommunityCharterAmendedEvent",
        ]
    );
    assert_eq!(events[6]["person"]["name"], json!("Bob"));
    assert_eq!(changes(&events[6]), [("kind".into(), Some("MEMBER"), Some("CORE"))]);
    assert_eq!(
        changes(&events[7]),
        [("charter.purpose".into(), Some("TBC"), Some("To learn.")), ("charter.sponsor".into(), Some("TBC"), Some("TBC: who"))]
    );
    assert_eq!(events[7]["charter"]["purpose"]["text"], json!("To learn."));
    // Who belongs to a public community is not for strangers; that it has coordinators is, without their names.
    let seen = history(&hub, None, &place.community(), "__typename ... on CommunityCoordinatorAppointedEvent { person { name } }").await;
    assert!(!types(&seen).iter().any(|name| name.contains("Member")), "{seen:?}");
    assert_eq!(seen[2]["person"]["name"], json!("A member of Renamed"));

    done(&hub, &ann, "categoryDescribe", json!({ "category": place.category(), "name": "General", "description": "All" })).await;
    done(&hub, &ann, "categoryReorder", json!({ "category": place.category(), "position": 3 })).await;
    let events =
        history(&hub, None, &place.category(), "__typename changes { field before after } ... on CategoryReorderedEvent { place }").await;
    assert_eq!(types(&events), ["CategoryOpenedEvent", "CategoryDescribedEvent", "CategoryReorderedEvent"]);
    assert_eq!(changes(&events[1]), [("description".into(), Some("Anything"), Some("All"))]);
    assert_eq!((changes(&events[2]), &events[2]["place"]), (vec![("position".into(), Some("0"), Some("3"))], &json!(3)));

    let formed = "mutation ($input: TeamFormInput!) { teamForm(input: $input) { team { id } } }";
    let input = json!({ "commandId": fresh(), "organisation": organisation, "name": "Platform" });
    let team = text(&hub.ask(Some(&ann.token), formed, json!({ "input": input })).await.data()["teamForm"]["team"]["id"]);
    done(&hub, &ann, "teamRename", json!({ "team": team, "name": "Platforms" })).await;
    let events =
        history(&hub, Some(&bob.token), &team, "__typename changes { field before after } ... on TeamMemberAddedEvent { person { name } }")
            .await;
    assert_eq!(types(&events), ["TeamFormedEvent", "TeamMemberAddedEvent", "TeamRenamedEvent"]);
    assert_eq!(events[1]["person"]["name"], json!("Ann"));
    assert_eq!(changes(&events[2]), [("name".into(), Some("Platform"), Some("Platforms"))]);
}

/// A person's history: the person sees all of it, whoever did something sees that, and the rest is what everyone sees.
#[tokio::test]
async fn what_is_private_is_for_those_whom_it_concerns() {
    let hub = Hub::start().await;
    let a = hub.organisation("a").await;
    let (ann, bob, eve) = (hub.person(a, "Ann").await, hub.person(a, "Bob").await, hub.person(a, "Eve").await);
    hub.grant(&ann, person::GrantedRole::Steward).await;
    done(&hub, &bob, "profileChange", json!({ "name": "Robert", "about": "Builds bridges" })).await;
    done(&hub, &bob, "profileChange", json!({ "name": "Robert", "about": "Builds tunnels" })).await;
    done(&hub, &ann, "personRoleGrant", json!({ "person": bob.global(), "role": "ORGANISATION_ADMIN" })).await;
    let soon = SystemClock.now() + chrono::TimeDelta::days(3);
    done(&hub, &bob, "apiTokenIssue", json!({ "name": "Nightly", "scope": "READ", "expiresAt": soon })).await;
    done(&hub, &ann, "personSuspend", json!({ "person": bob.global(), "reason": "A long leave" })).await;
    done(&hub, &ann, "personReinstate", json!({ "person": bob.global() })).await;

    let fields = "__typename changes { field before after } ... on PersonJoinedEvent { displayName email home { name } }
        ... on PersonProfileChangedEvent { displayName about } ... on PersonRoleGrantedEvent { role } ... on PersonSuspendedEvent { reason }
        ... on PersonTokenIssuedEvent { name scope expiresAt apiToken }";
    let own = history(&hub, Some(&bob.token), &bob.global(), fields).await;
    assert_eq!(
        types(&own),
        [
            "PersonJoinedEvent",
            "PersonProfileChangedEvent",
            "PersonProfileChangedEvent",
            "PersonRoleGrantedEvent",
            "PersonTokenIssuedEvent",
            "PersonSuspendedEvent",
            "PersonReinstatedEvent",
        ]
    );
    assert_eq!((&own[0]["displayName"], &own[0]["home"]["name"]), (&json!("Bob"), &json!("Department a")));
    assert_eq!(changes(&own[1]), [("name".into(), Some("Bob"), Some("Robert")), ("about".into(), None, Some("Builds bridges"))]);
    assert_eq!(changes(&own[2]), [("about".into(), Some("Builds bridges"), Some("Builds tunnels"))]);
    assert_eq!(own[5]["reason"], json!("A long leave"));

    let by_steward = history(&hub, Some(&ann.token), &bob.global(), fields).await;
    assert_eq!(types(&by_steward), ["PersonJoinedEvent", "PersonRoleGrantedEvent", "PersonSuspendedEvent", "PersonReinstatedEvent"]);
    assert_eq!((&by_steward[2]["reason"], &by_steward[0]["displayName"]), (&json!("A long leave"), &Value::Null));

    let by_colleague = history(&hub, Some(&eve.token), &bob.global(), fields).await;
    assert_eq!(types(&by_colleague), ["PersonJoinedEvent", "PersonSuspendedEvent", "PersonReinstatedEvent"]);
    assert!(!serde_json::to_string(&by_colleague).unwrap().contains("long leave"));
    assert_eq!(changes(&by_colleague[1]), [("suspended".into(), Some("false"), Some("true"))]);
    assert!(history(&hub, None, &bob.global(), "__typename").await.is_empty(), "a stranger does not see the person");

    // Once the person is erased, nothing private of theirs is shown to anyone.
    done(&hub, &ann, "personErase", json!({ "person": bob.global() })).await;
    for someone in [&ann, &eve] {
        let left = history(&hub, Some(&someone.token), &bob.global(), fields).await;
        assert_eq!(types(&left), ["PersonJoinedEvent", "PersonSuspendedEvent", "PersonReinstatedEvent", "PersonErasedEvent"]);
        let words = serde_json::to_string(&left).unwrap();
        assert!(!["Bob", "Robert", "bridges", "long leave", "Nightly"].iter().any(|word| words.contains(word)), "{words}");
    }
}

#[tokio::test]
async fn the_reason_of_an_organisations_suspension_is_for_its_people() {
    let hub = Hub::start().await;
    let (a, b) = (hub.organisation("a").await, hub.organisation("b").await);
    let (ann, bob) = (hub.person(a, "Ann").await, hub.person(b, "Bob").await);
    let suspend = organisation::Command::Suspend { reason: "The agreement ran out".to_owned() };
    hub.send(Actor::system("test"), b, HubCommand::Organisation(suspend)).await;
    hub.send(Actor::system("test"), b, HubCommand::Organisation(organisation::Command::Reinstate)).await;
    let id = GlobalId::Organisation(b).encode().0;
    let fields = "__typename changes { field before after } ... on OrganisationSuspendedEvent { reason }";
    for (token, reason) in [(None, None), (Some(ann.token.as_str()), None), (Some(bob.token.as_str()), Some("The agreement ran out"))] {
        let events = history(&hub, token, &id, fields).await;
        assert_eq!(types(&events), ["OrganisationRegisteredEvent", "OrganisationSuspendedEvent", "OrganisationReinstatedEvent"]);
        assert_eq!(events[1]["reason"].as_str(), reason);
        assert_eq!(changes(&events[1]).len(), 1 + usize::from(reason.is_some()));
    }
}

/// A thread for named readers stands in a community that they may not see: what is masked has no history.
#[tokio::test]
async fn what_is_masked_has_no_history() {
    let hub = Hub::start().await;
    let (a, b) = (hub.organisation("a").await, hub.organisation("b").await);
    let (ann, bob) = (hub.person(a, "Ann").await, hub.person(b, "Bob").await);
    let place = hub.place_for(&ann, "closed", Audience::organisation(a)).await;
    let open = "mutation ($input: ThreadOpenInput!) { threadOpen(input: $input) { thread { id } userErrors { code } } }";
    let audience = json!({ "kind": "PERSONS", "persons": [bob.global(), ann.global()] });
    let input = json!({ "commandId": fresh(), "category": place.category(), "title": "For you", "body": "B", "audience": audience });
    let thread = text(&hub.ask(Some(&ann.token), open, json!({ "input": input })).await.data()["threadOpen"]["thread"]["id"]);
    let document = "query ($id: ID!) { node(id: $id) { ... on Thread { title history(first: 5) { totalCount }
        community { name history(first: 5) { totalCount nodes { id } } } category { name history(first: 5) { totalCount nodes { id } } } } } }";
    let answer = hub.ask(Some(&bob.token), document, json!({ "id": thread })).await;
    let found = &answer.data()["node"];
    assert_eq!((&found["title"], &found["history"]["totalCount"]), (&json!("For you"), &json!(1)));
    for masked in ["community", "category"] {
        assert_eq!(found[masked]["history"], json!({ "totalCount": 0, "nodes": [] }), "{masked}");
    }
}
