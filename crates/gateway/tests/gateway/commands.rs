//! Commands that are validated, repeated, or too late: nothing is done twice, nothing is done unasked, and everything is told.

use crate::hub::{Answer, Hub, Place, Someone, fresh, text};
use kernel::{Audience, Clock as _, SystemClock};
use organisations::person;
use serde_json::{Value, json};

/// What every payload says.
const TOLD: &str = "events { __typename id position version subject { id } changes { field before after } }
    userErrors { __typename code message field ... on Conflict { currentVersion changes { __typename version actor { name } } } }";

/// Everything that the log's tables hold.
async fn log_of(hub: &Hub) -> Vec<String> {
    let mut all = Vec::new();
    for table in ["log.events", "log.sequence", "log.commands", "log.claims", "log.person_keys", "identity.sessions", "identity.api_tokens"]
    {
        let seen = if table == "identity.api_tokens" { "(t.id, t.name, t.scope)::text" } else { "(t.*)::text" };
        let sql = format!("select coalesce(string_agg({seen}, ';' order by {seen}), '') from {table} t");
        all.push(sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_one(hub.database().pool()).await.unwrap());
    }
    all
}

fn input_type(field: &str) -> String {
    let name = match field {
        "threadLock" | "threadUnlock" | "threadReopen" => "ThreadInput",
        "postMarkAnswer" | "postUnmarkAnswer" | "postUpvote" | "postUpvoteWithdraw" => "PostInput",
        "postReact" | "postReactionWithdraw" => "PostReactionInput",
        "communityOpenToJoiners" | "communityCloseToJoiners" | "communityLeave" => "CommunityInput",
        "communityMemberRemove" | "communityCoordinatorAppoint" | "communityCoordinatorRelease" => "CommunityMemberInput",
        "communityMemberKindChange" => "CommunityMemberKindInput",
        "communityOrganisationJoin" | "communityOrganisationLeave" => "CommunityOrganisationInput",
        "categoryClose" => "CategoryInput",
        "personRoleGrant" | "personRoleRevoke" => "PersonRoleInput",
        "personReinstate" | "personErase" => "PersonInput",
        "teamMemberAdd" | "teamMemberRemove" => "TeamMemberInput",
        "providerDisable" | "providerEnable" | "providerRemove" => "ProviderChangeStateInput",
        _ => return field[..1].to_uppercase() + &field[1..] + "Input",
    };
    name.to_owned()
}

async fn send(hub: &Hub, someone: &Someone, field: &str, selection: &str, input: &Value) -> Answer {
    let document =
        format!("mutation ($input: {}!) {{ {field}(input: $input) {{ {selection} {TOLD} consistencyToken }} }}", input_type(field));
    hub.ask(Some(&someone.token), &document, json!({ "input": input })).await
}

fn types(events: &Value) -> Vec<&str> {
    events.as_array().unwrap().iter().map(|event| event["__typename"].as_str().unwrap()).collect()
}

/// Validates a command, finds that nothing was written, carries it out under the same id, repeats it, and finds that all three tell
/// the same. Yields the payload.
async fn thrice(hub: &Hub, someone: &Someone, field: &str, mut input: Value) -> Value {
    if input.get("commandId").is_none() {
        input["commandId"] = json!(fresh());
    }
    let before = log_of(hub).await;
    input["validateOnly"] = json!(true);
    let tried = send(hub, someone, field, "", &input).await.data()[field].clone();
    assert_eq!(log_of(hub).await, before, "{field}: something was written");
    input["validateOnly"] = json!(false);
    let done = send(hub, someone, field, "", &input).await.data()[field].clone();
    input.as_object_mut().unwrap().remove("validateOnly");
    let again = send(hub, someone, field, "", &input).await.data()[field].clone();

    assert_eq!(tried["userErrors"], done["userErrors"], "{field}");
    assert_eq!(types(&tried["events"]), types(&done["events"]), "{field}");
    for (planned, written) in tried["events"].as_array().unwrap().iter().zip(done["events"].as_array().unwrap()) {
        assert_eq!((&planned["changes"], &planned["version"]), (&written["changes"], &written["version"]), "{field}");
        assert_eq!(planned["position"], Value::Null);
        assert!(written["position"].is_string(), "{field}");
    }
    assert_eq!(tried["consistencyToken"], Value::Null);
    if done["userErrors"] == json!([]) {
        assert_eq!(done, again, "{field}: a repeated command is answered in the same way");
    }
    done
}

async fn talk(hub: &Hub) -> (Someone, Someone, Place, String, String) {
    let (a, b) = (hub.organisation("a").await, hub.organisation("b").await);
    let (ann, bob) = (hub.person(a, "Ann").await, hub.person(b, "Bob").await);
    hub.grant(&ann, person::GrantedRole::Steward).await;
    let place = hub.place(&ann, "testing").await;
    hub.join(&bob, &place).await;
    let (thread, opening) = hub.thread(&ann, &place, "Title").await;
    (ann, bob, place, thread, opening)
}

#[tokio::test]
#[allow(clippy::too_many_lines, reason = "a table with a row for each mutation")]
async fn every_mutation_can_be_validated_carried_out_and_repeated() {
    let hub = Hub::start().await;
    let (ann, bob, place, thread, post) = talk(&hub).await;
    let organisation = gateway::graphql::GlobalId::Organisation(ann.organisation).encode().0;
    let theirs = gateway::graphql::GlobalId::Organisation(bob.organisation).encode().0;
    let (community, category) = (place.community(), place.category());
    let soon = SystemClock.now() + chrono::TimeDelta::days(3);
    let provider_id = fresh();
    let provider = gateway::graphql::GlobalId::Provider(provider_id.parse::<uuid::Uuid>().unwrap().into()).encode().0;
    let team_id = fresh();
    let team = gateway::graphql::GlobalId::Team(team_id.parse::<uuid::Uuid>().unwrap().into()).encode().0;
    let colleague = hub.person(ann.organisation, "Cem").await;
    let token_id = fresh();
    let token = gateway::graphql::GlobalId::Token(token_id.parse::<uuid::Uuid>().unwrap().into()).encode().0;
    let cases = [
        ("organisationRegister", json!({ "slug": "lakes", "name": "Lakes" }), vec!["OrganisationRegisteredEvent"]),
        ("organisationRename", json!({ "organisation": organisation, "name": "Rivers" }), vec!["OrganisationRenamedEvent"]),
        (
            "providerRegister",
            json!({ "commandId": provider_id, "organisation": organisation, "name": "Staff", "issuer": "https://id.example", "clientId": "hub", "clientSecret": "secret" }),
            vec!["OrganisationProviderRegisteredEvent"],
        ),
        ("providerDisable", json!({ "organisation": organisation, "provider": provider }), vec!["OrganisationProviderDisabledEvent"]),
        ("providerEnable", json!({ "organisation": organisation, "provider": provider }), vec!["OrganisationProviderEnabledEvent"]),
        ("providerRemove", json!({ "organisation": organisation, "provider": provider }), vec!["OrganisationProviderRemovedEvent"]),
        ("organisationSuspend", json!({ "organisation": theirs, "reason": "A dispute" }), vec!["OrganisationSuspendedEvent"]),
        ("organisationReinstate", json!({ "organisation": theirs }), vec!["OrganisationReinstatedEvent"]),
        ("profileChange", json!({ "name": "Ann B.", "about": "Words" }), vec!["PersonProfileChangedEvent"]),
        ("personRoleGrant", json!({ "person": bob.global(), "role": "ORGANISATION_ADMIN" }), vec!["PersonRoleGrantedEvent"]),
        ("personRoleRevoke", json!({ "person": bob.global(), "role": "ORGANISATION_ADMIN" }), vec!["PersonRoleRevokedEvent"]),
        ("personSuspend", json!({ "person": bob.global(), "reason": "A leave" }), vec!["PersonSuspendedEvent"]),
        ("personReinstate", json!({ "person": bob.global() }), vec!["PersonReinstatedEvent"]),
        (
            "apiTokenIssue",
            json!({ "commandId": token_id, "name": "Nightly", "scope": "READ", "expiresAt": soon }),
            vec!["PersonTokenIssuedEvent"],
        ),
        ("apiTokenRevoke", json!({ "apiToken": token }), vec!["PersonTokenRevokedEvent"]),
        (
            "teamForm",
            json!({ "commandId": team_id, "organisation": organisation, "name": "Platform" }),
            vec!["TeamFormedEvent", "TeamMemberAddedEvent"],
        ),
        ("teamRename", json!({ "team": team, "name": "Platforms" }), vec!["TeamRenamedEvent"]),
        ("teamMemberAdd", json!({ "team": team, "person": colleague.global() }), vec!["TeamMemberAddedEvent"]),
        ("teamMemberRemove", json!({ "team": team, "person": colleague.global() }), vec!["TeamMemberRemovedEvent"]),
        ("teamDisband", json!({ "team": team }), vec!["TeamDisbandedEvent"]),
        (
            "communityFound",
            json!({ "slug": "new", "name": "New", "subject": "News", "audience": { "kind": "COMMUNITY" }, "charter": {} }),
            vec![
                "CommunityFoundedEvent",
                "CommunityOrganisationJoinedEvent",
                "CommunityMemberJoinedEvent",
                "CommunityCoordinatorAppointedEvent",
            ],
        ),
        (
            "communityCharterAmend",
            json!({ "community": community, "charter": { "purpose": { "text": "To learn" } }, "summary": "Why" }),
            vec!["CommunityCharterAmendedEvent"],
        ),
        ("communityCloseToJoiners", json!({ "community": community }), vec!["CommunityClosedToJoinersEvent"]),
        ("communityOpenToJoiners", json!({ "community": community }), vec!["CommunityOpenedToJoinersEvent"]),
        (
            "communityMemberAdd",
            json!({ "community": community, "person": colleague.global(), "kind": "MEMBER" }),
            vec!["CommunityMemberJoinedEvent"],
        ),
        (
            "communityMemberKindChange",
            json!({ "community": community, "person": colleague.global(), "kind": "CORE" }),
            vec!["CommunityMemberKindChangedEvent"],
        ),
        (
            "communityCoordinatorAppoint",
            json!({ "community": community, "person": colleague.global() }),
            vec!["CommunityCoordinatorAppointedEvent"],
        ),
        (
            "communityCoordinatorRelease",
            json!({ "community": community, "person": colleague.global() }),
            vec!["CommunityCoordinatorReleasedEvent"],
        ),
        ("communityMemberRemove", json!({ "community": community, "person": colleague.global() }), vec!["CommunityMemberLeftEvent"]),
        (
            "categoryOpen",
            json!({ "community": community, "slug": "ideas", "name": "Ideas", "description": "Any", "format": "IDEA" }),
            vec!["CategoryOpenedEvent"],
        ),
        ("categoryDescribe", json!({ "category": category, "name": "General", "description": "All" }), vec!["CategoryDescribedEvent"]),
        ("categoryReorder", json!({ "category": category, "position": 4 }), vec!["CategoryReorderedEvent"]),
        ("threadOpen", json!({ "category": category, "title": "New", "body": "Words" }), vec!["ThreadOpenedEvent"]),
        ("threadReply", json!({ "thread": thread, "body": "An answer", "replyTo": post }), vec!["ThreadRepliedEvent"]),
        ("threadRetitle", json!({ "thread": thread, "title": "Another" }), vec!["ThreadRetitledEvent"]),
        ("threadLock", json!({ "thread": thread }), vec!["ThreadLockedEvent"]),
        ("threadUnlock", json!({ "thread": thread }), vec!["ThreadUnlockedEvent"]),
        ("threadClose", json!({ "thread": thread, "reason": "RESOLVED" }), vec!["ThreadClosedEvent"]),
        ("threadReopen", json!({ "thread": thread }), vec!["ThreadReopenedEvent"]),
        ("postEdit", json!({ "post": post, "body": "Other words" }), vec!["ThreadPostEditedEvent"]),
        ("postReact", json!({ "post": post, "reaction": "HEART" }), vec!["ThreadReactedEvent"]),
        ("postReactionWithdraw", json!({ "post": post, "reaction": "HEART" }), vec!["ThreadReactionWithdrawnEvent"]),
        ("postUpvote", json!({ "post": post }), vec!["ThreadUpvotedEvent"]),
        ("postUpvoteWithdraw", json!({ "post": post }), vec!["ThreadUpvoteWithdrawnEvent"]),
        ("categoryClose", json!({ "category": category }), vec!["CategoryClosedEvent"]),
        ("communityOrganisationLeave", json!({ "community": community, "organisation": theirs }), vec![]),
        ("communityArchive", json!({ "community": community, "reason": "Done" }), vec!["CommunityArchivedEvent"]),
        ("personErase", json!({ "person": bob.global() }), vec!["PersonErasedEvent"]),
    ];
    for (field, input, expected) in cases {
        let done = thrice(&hub, &ann, field, input).await;
        if !expected.is_empty() {
            assert_eq!(done["userErrors"], json!([]), "{field}: {done:#}");
            assert_eq!(types(&done["events"]), expected, "{field}");
            assert!(done["consistencyToken"].is_string());
        }
    }
}

#[tokio::test]
async fn a_refusal_is_the_same_when_validated_and_claims_nothing() {
    let hub = Hub::start().await;
    let (ann, bob, place, thread, post) = talk(&hub).await;
    let community = json!({ "slug": "testing", "name": "N", "subject": "S", "audience": { "kind": "PUBLIC" }, "charter": {} });
    let used = fresh();
    let reply = json!({ "commandId": used, "thread": thread, "body": "First" });
    assert_eq!(send(&hub, &bob, "threadReply", "", &reply).await.data()["threadReply"]["userErrors"], json!([]));
    let cases = [
        (&bob, "threadLock", json!({ "thread": thread }), "DENIED"),
        (&bob, "threadReply", json!({ "thread": thread, "body": "   " }), "TEXT_EMPTY"),
        (&bob, "threadReply", json!({ "thread": "nonsense", "body": "x" }), "INVALID_ID"),
        (&bob, "threadReply", json!({ "commandId": used, "thread": thread, "body": "Second" }), "COMMAND_REUSED"),
        (&ann, "threadReply", json!({ "commandId": used, "thread": thread, "body": "First" }), "COMMAND_REUSED"),
        (&bob, "postUpvote", json!({ "commandId": used, "post": post }), "COMMAND_REUSED"),
        (&bob, "threadReply", json!({ "commandId": used, "thread": "nonsense", "body": "First" }), "COMMAND_REUSED"),
        (&ann, "threadRetitle", json!({ "thread": thread, "title": "New", "expectedVersion": 1 }), "VERSION_CONFLICT"),
        (&ann, "communityFound", community, "TAKEN"),
        (
            &ann,
            "categoryOpen",
            json!({ "community": place.community(), "slug": "general", "name": "G", "description": "", "format": "OPEN" }),
            "TAKEN",
        ),
        (&ann, "threadReply", json!({ "commandId": uuid::Uuid::nil(), "thread": thread, "body": "x" }), "INVALID_COMMAND_ID"),
    ];
    for (someone, field, input, code) in cases {
        let refused = thrice(&hub, someone, field, input).await;
        assert_eq!(refused["userErrors"][0]["code"], json!(code), "{field}: {refused:#}");
        assert_eq!((&refused["events"], &refused["consistencyToken"]), (&json!([]), &Value::Null));
    }
    // After correction the same id serves: it was claimed by nothing.
    let id = fresh();
    let (wrong, right) =
        (json!({ "commandId": id, "thread": thread, "body": "" }), json!({ "commandId": id, "thread": thread, "body": "Right" }));
    assert_eq!(send(&hub, &bob, "threadReply", "", &wrong).await.data()["threadReply"]["userErrors"][0]["code"], json!("TEXT_EMPTY"));
    assert_eq!(thrice(&hub, &bob, "threadReply", right).await["userErrors"], json!([]));
}

#[tokio::test]
async fn what_is_validated_is_shown_before_it_is_there() {
    let hub = Hub::start().await;
    let (ann, _, place, ..) = talk(&hub).await;
    let input = json!({ "commandId": fresh(), "validateOnly": true, "category": place.category(), "title": "New", "body": "Words" });
    let selection = "thread { id } post { id } events { ... on ThreadOpenedEvent { title body author { name } post { id } category { name } actor { name } } }";
    let payload = &send(&hub, &ann, "threadOpen", selection, &input).await.data()["threadOpen"].clone();
    assert_eq!((&payload["thread"], &payload["post"]), (&Value::Null, &Value::Null));
    let event = &payload["events"][0];
    assert_eq!((&event["title"], &event["body"], &event["author"]["name"]), (&json!("New"), &json!("Words"), &json!("Ann")));
    assert_eq!((&event["post"], &event["subject"], &event["category"]["name"]), (&Value::Null, &Value::Null, &json!("General")));
    // A community for its members alone: whoever founds it would be one, and is shown what only they would see.
    let input = json!({ "commandId": fresh(), "validateOnly": true, "slug": "closed", "name": "Closed", "subject": "S",
        "audience": { "kind": "COMMUNITY" }, "charter": {} });
    let payload = &send(&hub, &ann, "communityFound", "community { id }", &input).await.data()["communityFound"].clone();
    assert_eq!((payload["events"].as_array().unwrap().len(), &payload["community"]), (4, &Value::Null));
}

#[tokio::test]
async fn a_session_can_be_looked_at_before_it_is_ended() {
    let hub = Hub::start().await;
    let a = hub.organisation("a").await;
    let (ann, bob) = (hub.person(a, "Ann").await, hub.person(a, "Bob").await);
    hub.session(&ann).await;
    let sessions = hub.ask(Some(&ann.token), "{ viewer { sessions { id } } }", json!({})).await;
    let session = text(&sessions.data()["viewer"]["sessions"][0]["id"]);
    let document = "mutation ($input: SessionEndInput!) { sessionEnd(input: $input) { endedId userErrors { code } } }";
    let end = async |someone: &Someone, only: bool| {
        let input = json!({ "session": session, "validateOnly": only });
        hub.ask(Some(&someone.token), document, json!({ "input": input })).await.data()["sessionEnd"].clone()
    };
    assert_eq!(end(&bob, true).await["userErrors"][0]["code"], json!("NOT_FOUND"));
    for _ in 0..2 {
        assert_eq!(end(&ann, true).await, json!({ "endedId": null, "userErrors": [] }));
    }
    assert_eq!(end(&ann, false).await, json!({ "endedId": session, "userErrors": [] }));
    assert_eq!(end(&ann, true).await["userErrors"][0]["code"], json!("NOT_FOUND"));
}

/// Someone leaves a community that its members alone see, and the answer gets lost.
#[tokio::test]
async fn a_command_is_answered_again_although_its_thing_is_out_of_sight() {
    let hub = Hub::start().await;
    let (a, b) = (hub.organisation("a").await, hub.organisation("b").await);
    let (ann, bob) = (hub.person(a, "Ann").await, hub.person(b, "Bob").await);
    let place = hub.place_for(&ann, "closed", Audience::organisation(a)).await;
    let add = json!({ "commandId": fresh(), "community": place.community(), "person": bob.global(), "kind": "MEMBER" });
    assert_eq!(send(&hub, &ann, "communityMemberAdd", "", &add).await.data()["communityMemberAdd"]["userErrors"], json!([]));
    let leave = json!({ "commandId": fresh(), "community": place.community() });
    let first = send(&hub, &bob, "communityLeave", "community { id }", &leave).await.data()["communityLeave"].clone();
    assert_eq!((types(&first["events"]), &first["community"]), (vec!["CommunityMemberLeftEvent"], &Value::Null));
    assert_eq!(send(&hub, &bob, "communityLeave", "community { id }", &leave).await.data()["communityLeave"], first);
    // Another command to it finds nothing, nor does someone else's of the same id.
    let other = json!({ "commandId": fresh(), "community": place.community() });
    assert_eq!(send(&hub, &bob, "communityLeave", "", &other).await.data()["communityLeave"]["userErrors"][0]["code"], json!("NOT_FOUND"));
    assert_eq!(
        send(&hub, &ann, "communityLeave", "", &leave).await.data()["communityLeave"]["userErrors"][0]["code"],
        json!("COMMAND_REUSED")
    );
}

/// A charter of which some clauses were given is completed from the present one; the command stays the same all the same. And what was done stays done
/// after the community was archived.
#[tokio::test]
async fn a_repeated_command_is_known_by_what_was_asked() {
    let hub = Hub::start().await;
    let (ann, bob, place, thread, _) = talk(&hub).await;
    let amend =
        json!({ "commandId": fresh(), "community": place.community(), "charter": { "purpose": { "text": "One" } }, "summary": "One" });
    let first = send(&hub, &ann, "communityCharterAmend", "", &amend).await.data()["communityCharterAmend"].clone();
    let other =
        json!({ "commandId": fresh(), "community": place.community(), "charter": { "goals": { "text": "Two" } }, "summary": "Two" });
    assert_eq!(send(&hub, &ann, "communityCharterAmend", "", &other).await.data()["communityCharterAmend"]["userErrors"], json!([]));
    assert_eq!(send(&hub, &ann, "communityCharterAmend", "", &amend).await.data()["communityCharterAmend"], first);

    let reply = json!({ "commandId": fresh(), "thread": thread, "body": "In time", "expectedVersion": 1 });
    let first = send(&hub, &bob, "threadReply", "post { id }", &reply).await.data()["threadReply"].clone();
    assert_eq!(first["userErrors"], json!([]));
    let archive = json!({ "commandId": fresh(), "community": place.community(), "reason": "Done" });
    assert_eq!(send(&hub, &ann, "communityArchive", "", &archive).await.data()["communityArchive"]["userErrors"], json!([]));
    let mut again = reply.clone();
    assert_eq!(send(&hub, &bob, "threadReply", "post { id }", &again).await.data()["threadReply"], first);
    again.as_object_mut().unwrap().remove("expectedVersion");
    again["replyTo"] = Value::Null;
    assert_eq!(send(&hub, &bob, "threadReply", "post { id }", &again).await.data()["threadReply"], first, "what is left out is null");
}

#[tokio::test]
async fn the_secret_of_a_token_is_shown_once_and_its_repetition_is_no_error() {
    let hub = Hub::start().await;
    let a = hub.organisation("a").await;
    let ann = hub.person(a, "Ann").await;
    let soon = SystemClock.now() + chrono::TimeDelta::days(3);
    let mut input = json!({ "commandId": fresh(), "name": "Nightly", "scope": "READ", "expiresAt": soon, "validateOnly": true });
    let tried = send(&hub, &ann, "apiTokenIssue", "secret apiToken { id }", &input).await.data()["apiTokenIssue"].clone();
    assert_eq!(
        (&tried["secret"], &tried["apiToken"], types(&tried["events"])),
        (&Value::Null, &Value::Null, vec!["PersonTokenIssuedEvent"])
    );
    input["validateOnly"] = json!(false);
    let first = send(&hub, &ann, "apiTokenIssue", "secret apiToken { id }", &input).await.data()["apiTokenIssue"].clone();
    assert!(first["secret"].is_string());
    let again = send(&hub, &ann, "apiTokenIssue", "secret apiToken { id }", &input).await.data()["apiTokenIssue"].clone();
    assert_eq!((&again["secret"], &again["userErrors"]), (&Value::Null, &json!([])));
    assert_eq!(
        (&again["apiToken"], &again["events"], &again["consistencyToken"]),
        (&first["apiToken"], &first["events"], &first["consistencyToken"])
    );
}

#[tokio::test]
async fn who_comes_too_late_is_told_what_has_changed() {
    let hub = Hub::start().await;
    let (ann, bob, place, thread, _) = talk(&hub).await;
    for n in 0..25 {
        hub.reply(&bob, &thread, &format!("Reply {n}")).await;
    }
    let late = json!({ "commandId": fresh(), "thread": thread, "title": "Late", "expectedVersion": 22 });
    let error = send(&hub, &ann, "threadRetitle", "", &late).await.data()["threadRetitle"]["userErrors"][0].clone();
    assert_eq!((&error["code"], &error["currentVersion"]), (&json!("VERSION_CONFLICT"), &json!(26)));
    let versions =
        |error: &Value| error["changes"].as_array().unwrap().iter().map(|event| event["version"].as_u64().unwrap()).collect::<Vec<_>>();
    assert_eq!(versions(&error), [23, 24, 25, 26]);
    assert_eq!((types(&error["changes"])[0], &error["changes"][0]["actor"]["name"]), ("ThreadRepliedEvent", &json!("Bob")));
    let mut earlier = late.clone();
    earlier["expectedVersion"] = json!(1);
    let error = send(&hub, &ann, "threadRetitle", "", &earlier).await.data()["threadRetitle"]["userErrors"][0].clone();
    assert_eq!(versions(&error), (7..=26).collect::<Vec<_>>(), "the latest twenty");
    let mut ahead = late.clone();
    ahead["expectedVersion"] = json!(40);
    let error = send(&hub, &ann, "threadRetitle", "", &ahead).await.data()["threadRetitle"]["userErrors"][0].clone();
    assert_eq!((&error["code"], versions(&error)), (&json!("VERSION_CONFLICT"), vec![]));
    // What is not for the viewer is left out: that a profile changed is for the person alone.
    let profile = json!({ "commandId": fresh(), "name": "Robert", "about": "" });
    assert_eq!(send(&hub, &bob, "profileChange", "", &profile).await.data()["profileChange"]["userErrors"], json!([]));
    let suspend = json!({ "commandId": fresh(), "person": bob.global(), "reason": "A leave", "expectedVersion": 1 });
    let error = send(&hub, &ann, "personSuspend", "", &suspend).await.data()["personSuspend"]["userErrors"][0].clone();
    assert_eq!((&error["code"], &error["changes"]), (&json!("VERSION_CONFLICT"), &json!([])));
    // A conflict of another kind has nothing to tell of.
    let taken = json!({ "commandId": fresh(), "community": place.community(), "slug": "general", "name": "G", "description": "", "format": "OPEN" });
    let error = send(&hub, &ann, "categoryOpen", "", &taken).await.data()["categoryOpen"]["userErrors"][0].clone();
    assert_eq!((&error["code"], &error["changes"], &error["currentVersion"]), (&json!("TAKEN"), &json!([]), &Value::Null));
}
