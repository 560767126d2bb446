//! Mutations: what they show, what they refuse, and that sending one again does it once.

use crate::hub::{Answer, Hub, Someone, fresh, text};
use gateway::Settings;
use gateway::graphql::GlobalId;
use kernel::{Audience, ThreadId};
use organisations::person::GrantedRole;
use serde_json::{Value, json};
use uuid::Uuid;

const REPLY: &str = "mutation ($input: ThreadReplyInput!) { threadReply(input: $input) {
    thread { replyCount version } post { id body author { name } }
    userErrors { __typename code message field ... on Conflict { currentVersion } } consistencyToken } }";

async fn run(hub: &Hub, someone: &Someone, field: &str, input_type: &str, selection: &str, input: Value) -> Value {
    let document = format!(
        "mutation ($input: {input_type}!) {{ {field}(input: $input) {{ {selection} userErrors {{ __typename code field message }} }} }}"
    );
    let answer = hub.ask(Some(&someone.token), &document, json!({ "input": input })).await;
    answer.data()[field].clone()
}

fn error(payload: &Value) -> (String, String, Option<String>) {
    let error = &payload["userErrors"][0];
    (text(&error["__typename"]), text(&error["code"]), error["field"].as_str().map(str::to_owned))
}

#[tokio::test]
async fn a_mutation_shows_its_own_effect_and_is_done_once() {
    let hub = Hub::start().await;
    let (a, b) = (hub.organisation("a").await, hub.organisation("b").await);
    let (ann, bob) = (hub.person(a, "Ann").await, hub.person(b, "Bob").await);
    let place = hub.place(&ann, "testing").await;
    hub.join(&bob, &place).await;
    let (thread, _) = hub.thread(&ann, &place, "Hello").await;

    let input = json!({ "commandId": fresh(), "thread": thread, "body": "First." });
    let first = hub.ask(Some(&bob.token), REPLY, json!({ "input": input })).await;
    let payload = &first.data()["threadReply"];
    assert_eq!(payload["thread"]["replyCount"], json!(1));
    assert_eq!(payload["post"]["body"], json!("First."));
    assert_eq!(first.header("hub-consistency-token"), payload["consistencyToken"].as_str().unwrap());
    assert_ne!(first.header("hub-cost"), "(none)");

    let again = hub.ask(Some(&bob.token), REPLY, json!({ "input": input })).await;
    assert_eq!(again.data()["threadReply"]["post"]["id"], payload["post"]["id"]);
    assert_eq!(again.data()["threadReply"]["thread"]["replyCount"], json!(1));

    // The same id for something else, or by someone else, is refused.
    let other = json!({ "commandId": input["commandId"], "thread": thread, "body": "Second." });
    for someone in [&bob, &ann] {
        let reused = hub.ask(Some(&someone.token), REPLY, json!({ "input": other })).await;
        assert_eq!(error(&reused.data()["threadReply"]), ("Conflict".into(), "COMMAND_REUSED".into(), Some("commandId".into())));
    }

    let version = payload["thread"]["version"].as_i64().unwrap();
    let stale = json!({ "commandId": fresh(), "thread": thread, "body": "Late.", "expectedVersion": version - 1 });
    let conflict = hub.ask(Some(&bob.token), REPLY, json!({ "input": stale })).await;
    let found = &conflict.data()["threadReply"]["userErrors"][0];
    assert_eq!((&found["code"], &found["currentVersion"]), (&json!("VERSION_CONFLICT"), &json!(version)));
    let good = json!({ "commandId": fresh(), "thread": thread, "body": "In time.", "expectedVersion": version });
    assert_eq!(hub.ask(Some(&bob.token), REPLY, json!({ "input": good })).await.data()["threadReply"]["userErrors"], json!([]));
}

#[tokio::test]
async fn bad_input_is_a_user_error_with_its_field() {
    let hub = Hub::start().await;
    let a = hub.organisation("a").await;
    let ann = hub.person(a, "Ann").await;
    let place = hub.place(&ann, "testing").await;
    let (thread, post) = hub.thread(&ann, &place, "Hello").await;
    let (other_thread, other_post) = hub.thread(&ann, &place, "Other").await;

    let reply = |id: Value, body: &str, more: Value| {
        let mut input = json!({ "commandId": fresh(), "thread": id, "body": body });
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        run(&hub, &ann, "threadReply", "ThreadReplyInput", "", input)
    };
    let unknown = GlobalId::Thread(ThreadId(Uuid::from_u128(7))).encode().0;
    for (payload, kind, code, field) in [
        (reply(json!("nonsense"), "x", json!({})).await, "InvalidInput", "INVALID_ID", "thread"),
        (reply(json!(""), "x", json!({})).await, "InvalidInput", "INVALID_ID", "thread"),
        (reply(json!(place.community()), "x", json!({})).await, "InvalidInput", "INVALID_ID", "thread"),
        (reply(json!(unknown), "x", json!({})).await, "NotFound", "NOT_FOUND", "thread"),
        (reply(json!(thread), "   ", json!({})).await, "InvalidInput", "TEXT_EMPTY", "body"),
        (reply(json!(thread), &"x".repeat(70_000), json!({})).await, "InvalidInput", "TEXT_TOO_LONG", "body"),
        (reply(json!(thread), "a\u{0}b", json!({})).await, "InvalidInput", "TEXT_CONTROL_CHARACTER", "body"),
        (reply(json!(thread), "x", json!({ "expectedVersion": -1 })).await, "InvalidInput", "INVALID_VERSION", "expectedVersion"),
        (reply(json!(thread), "x", json!({ "commandId": Uuid::nil() })).await, "InvalidInput", "INVALID_COMMAND_ID", "commandId"),
        (reply(json!(thread), "x", json!({ "replyTo": other_post })).await, "InvalidInput", "OTHER_THREAD", "replyTo"),
        (reply(json!(thread), "x", json!({ "replyTo": thread })).await, "InvalidInput", "INVALID_ID", "replyTo"),
    ] {
        assert_eq!(error(&payload), (kind.into(), code.into(), Some(field.into())), "{payload:#}");
    }
    let taken =
        json!({ "commandId": fresh(), "slug": "testing", "name": "N", "subject": "S", "audience": { "kind": "PUBLIC" }, "charter": {} });
    let payload = run(&hub, &ann, "communityFound", "CommunityFoundInput", "community { id }", taken).await;
    assert_eq!(error(&payload), ("Conflict".into(), "TAKEN".into(), Some("slug".into())));
    let closed = json!({ "commandId": fresh(), "thread": thread, "reason": "RESOLVED", "duplicateOf": other_thread });
    let payload = run(&hub, &ann, "threadClose", "ThreadCloseInput", "", closed).await;
    assert_eq!(error(&payload), ("InvalidInput".into(), "DUPLICATE_OF".into(), Some("duplicateOf".into())));
    let persons =
        json!({ "commandId": fresh(), "category": place.category(), "title": "T", "body": "B", "audience": { "kind": "PERSONS" } });
    let payload = run(&hub, &ann, "threadOpen", "ThreadOpenInput", "", persons).await;
    assert_eq!(error(&payload).1, "AUDIENCE_PERSONS");

    // What GraphQL's own types refuse is an error of the request, not a fault.
    for input in
        [json!({ "commandId": "x", "post": post }), json!({ "post": post }), json!({ "commandId": fresh(), "post": 1.5 }), json!(7)]
    {
        let document = "mutation ($input: PostInput!) { postUpvote(input: $input) { userErrors { code } } }";
        let answer = hub.ask(Some(&ann.token), document, json!({ "input": input })).await;
        assert!(answer.status.as_u16() == 400 || !answer.body["errors"].is_null(), "{:#}", answer.body);
        assert_ne!(answer.code(), "INTERNAL", "{:#}", answer.body);
    }
}

#[tokio::test]
async fn what_may_not_be_seen_is_as_little_there_as_what_does_not_exist() {
    let hub = Hub::start().await;
    let (a, b) = (hub.organisation("a").await, hub.organisation("b").await);
    let (ann, bob) = (hub.person(a, "Ann").await, hub.person(b, "Bob").await);
    let place = hub.place_for(&ann, "hidden", Audience::organisation(a)).await;
    let (thread, post) = hub.thread(&ann, &place, "Secret").await;
    let missing = GlobalId::Thread(ThreadId(Uuid::from_u128(7))).encode().0;
    let ask = |id: String| {
        let document =
            "mutation ($input: ThreadInput!) { threadLock(input: $input) { thread { id } userErrors { __typename code message field } } }";
        let (hub, token) = (&hub, bob.token.clone());
        async move { hub.ask(Some(&token), document, json!({ "input": { "commandId": fresh(), "thread": id } })).await.body }
    };
    assert_eq!(ask(thread).await["data"], ask(missing).await["data"]);
    let payload = run(&hub, &bob, "postUpvote", "PostInput", "", json!({ "commandId": fresh(), "post": post })).await;
    assert_eq!(error(&payload), ("NotFound".into(), "NOT_FOUND".into(), Some("post".into())));
    let joined =
        run(&hub, &bob, "communityJoin", "CommunityJoinInput", "", json!({ "commandId": fresh(), "community": place.community() })).await;
    assert_eq!(error(&joined).1, "NOT_FOUND");
}

#[tokio::test]
async fn founding_and_joining_change_the_actors_own_standing_at_once() {
    // On one connection, as on the embedded database: nothing may hold it while asking for another.
    let hub = Hub::with(Settings::default(), "http://localhost:8080", 1).await;
    let (a, b) = (hub.organisation("a").await, hub.organisation("b").await);
    let (ann, bob) = (hub.person(a, "Ann").await, hub.person(b, "Bob").await);
    let found = json!({ "commandId": fresh(), "slug": "crypto", "name": "Cryptography", "subject": "Keys", "audience": { "kind": "MEMBERS" },
        "charter": { "purpose": { "text": "To **know**." }, "cadence": { "toBeConfirmed": "who" } } });
    let selection = "community { id memberCount version viewerMembership { kind coordinator } viewerCan { manage openThread join leave }
        charter { purpose { stated text } cadence { stated text } goals { stated } openClauses } }";
    let payload = run(&hub, &ann, "communityFound", "CommunityFoundInput", selection, found).await;
    assert_eq!(payload["userErrors"], json!([]), "{payload:#}");
    let community = &payload["community"];
    assert_eq!(community["viewerMembership"], json!({ "kind": "CORE", "coordinator": true }));
    assert_eq!(community["viewerCan"]["manage"], json!(true));
    assert_eq!(community["charter"]["purpose"], json!({ "stated": true, "text": "To **know**." }));
    let id = text(&community["id"]);

    let opened = json!({ "commandId": fresh(), "community": id, "slug": "general", "name": "General", "description": "", "format": "OPEN", "audience": { "kind": "COMMUNITY" } });
    let payload = run(&hub, &ann, "categoryOpen", "CategoryOpenInput", "category { id position }", opened).await;
    assert_eq!(payload["userErrors"], json!([]), "{payload:#}");
    let category = text(&payload["category"]["id"]);

    // Bob sees the category only once he has joined, and in the very answer to that.
    let joined = run(
        &hub,
        &bob,
        "communityJoin",
        "CommunityJoinInput",
        "community { memberCount categories { id } viewerMembership { kind } }",
        json!({ "commandId": fresh(), "community": id }),
    )
    .await;
    assert_eq!(joined["community"]["categories"], json!([{ "id": category }]), "{joined:#}");
    assert_eq!(joined["community"]["viewerMembership"], json!({ "kind": "MEMBER" }));
    let thread = json!({ "commandId": fresh(), "category": category, "title": "Keys", "body": "Which?" });
    let payload =
        run(&hub, &bob, "threadOpen", "ThreadOpenInput", "thread { id title openingPost { body } viewerCan { edit reply lock } }", thread)
            .await;
    assert_eq!(payload["thread"]["viewerCan"], json!({ "edit": true, "reply": true, "lock": false }), "{payload:#}");

    let amended = json!({ "commandId": fresh(), "community": id, "summary": "Goals", "charter": { "goals": { "text": "Fewer keys." } } });
    let payload = run(
        &hub,
        &ann,
        "communityCharterAmend",
        "CommunityCharterAmendInput",
        "community { charter { purpose { text } goals { text } } }",
        amended,
    )
    .await;
    assert_eq!(payload["community"]["charter"], json!({ "purpose": { "text": "To **know**." }, "goals": { "text": "Fewer keys." } }));
    let payload =
        run(&hub, &bob, "communityArchive", "CommunityArchiveInput", "", json!({ "commandId": fresh(), "community": id, "reason": "No" }))
            .await;
    assert_eq!(error(&payload).0, "NotAllowed");
    let left = run(
        &hub,
        &bob,
        "communityLeave",
        "CommunityInput",
        "community { viewerMembership { kind } categories { id } }",
        json!({ "commandId": fresh(), "community": id }),
    )
    .await;
    assert_eq!(left["community"], json!({ "viewerMembership": null, "categories": [] }), "{left:#}");
}

#[tokio::test]
async fn threads_and_posts_are_written_marked_and_closed() {
    let hub = Hub::start().await;
    let (a, b) = (hub.organisation("a").await, hub.organisation("b").await);
    let (ann, bob) = (hub.person(a, "Ann").await, hub.person(b, "Bob").await);
    let place = hub.place(&ann, "testing").await;
    hub.join(&bob, &place).await;
    let (thread, opening) = hub.thread(&bob, &place, "How?").await;
    let answer = hub.reply(&ann, &thread, "So.").await;
    let post = text(&answer.data()["threadReply"]["post"]["id"]);
    let thread_input = || json!({ "commandId": fresh(), "thread": thread });
    let post_input = |post: &str| json!({ "commandId": fresh(), "post": post });
    let selection = "thread { title locked closed closeReason answered upvoteCount } post { body isAnswer upvoteCount viewerHasUpvoted reactions { reaction count viewerHasReacted } revisions { body } }";
    let steps: Vec<(&Someone, &str, &str, Value, &str, Value)> = vec![
        (
            &bob,
            "threadRetitle",
            "ThreadRetitleInput",
            json!({ "commandId": fresh(), "thread": thread, "title": "How, then?" }),
            "/thread/title",
            json!("How, then?"),
        ),
        (&bob, "postMarkAnswer", "PostInput", post_input(&post), "/post/isAnswer", json!(true)),
        (&bob, "postUnmarkAnswer", "PostInput", post_input(&post), "/thread/answered", json!(false)),
        (&ann, "postUpvote", "PostInput", post_input(&opening), "/thread/upvoteCount", json!(1)),
        (&ann, "postUpvoteWithdraw", "PostInput", post_input(&opening), "/thread/upvoteCount", json!(0)),
        (
            &bob,
            "postReact",
            "PostReactionInput",
            json!({ "commandId": fresh(), "post": post, "reaction": "ROCKET" }),
            "/post/reactions",
            json!([{ "reaction": "ROCKET", "count": 1, "viewerHasReacted": true }]),
        ),
        (
            &bob,
            "postReactionWithdraw",
            "PostReactionInput",
            json!({ "commandId": fresh(), "post": post, "reaction": "ROCKET" }),
            "/post/reactions",
            json!([]),
        ),
        (
            &ann,
            "postEdit",
            "PostEditInput",
            json!({ "commandId": fresh(), "post": post, "body": "So, and so." }),
            "/post/body",
            json!("So, and so."),
        ),
        (&ann, "threadLock", "ThreadInput", thread_input(), "/thread/locked", json!(true)),
        (&ann, "threadUnlock", "ThreadInput", thread_input(), "/thread/locked", json!(false)),
        (
            &bob,
            "threadClose",
            "ThreadCloseInput",
            json!({ "commandId": fresh(), "thread": thread, "reason": "OUTDATED" }),
            "/thread/closeReason",
            json!("OUTDATED"),
        ),
        (&bob, "threadReopen", "ThreadInput", thread_input(), "/thread/closed", json!(false)),
    ];
    for (someone, field, input_type, input, pointer, expected) in steps {
        let payload = run(&hub, someone, field, input_type, selection, input).await;
        assert_eq!(payload["userErrors"], json!([]), "{field}: {payload:#}");
        assert_eq!(payload.pointer(pointer), Some(&expected), "{field}: {payload:#}");
    }
    let payload = run(&hub, &bob, "threadLock", "ThreadInput", "", thread_input()).await;
    assert_eq!(error(&payload).0, "NotAllowed");
}

#[tokio::test]
async fn organisations_persons_and_teams_are_looked_after() {
    let hub = Hub::start().await;
    let a = hub.organisation("a").await;
    let (ann, ada) = (hub.person(a, "Ann").await, hub.person(a, "Ada").await);
    hub.grant(&ann, GrantedRole::OrganisationAdmin).await;
    hub.grant(&ann, GrantedRole::Steward).await;
    let organisation = GlobalId::Organisation(a).encode().0;

    let registered = run(
        &hub,
        &ann,
        "organisationRegister",
        "OrganisationRegisterInput",
        "organisation { slug name version }",
        json!({ "commandId": fresh(), "slug": "new", "name": "New" }),
    )
    .await;
    assert_eq!(registered["organisation"], json!({ "slug": "new", "name": "New", "version": 1 }), "{registered:#}");
    let payload = run(
        &hub,
        &ada,
        "organisationRegister",
        "OrganisationRegisterInput",
        "",
        json!({ "commandId": fresh(), "slug": "newer", "name": "N" }),
    )
    .await;
    assert_eq!(error(&payload).0, "NotAllowed");
    let renamed = run(
        &hub,
        &ann,
        "organisationRename",
        "OrganisationRenameInput",
        "organisation { name }",
        json!({ "commandId": fresh(), "organisation": organisation, "name": "Department of A" }),
    )
    .await;
    assert_eq!(renamed["organisation"]["name"], json!("Department of A"), "{renamed:#}");

    let provider = json!({ "commandId": fresh(), "organisation": organisation, "name": "Staff", "issuer": "https://idp.example.org", "clientId": "hub", "clientSecret": "canary-secret" });
    let answer = run(
        &hub,
        &ann,
        "providerRegister",
        "ProviderRegisterInput",
        "organisation { providers { id name issuer enabled } }",
        provider.clone(),
    )
    .await;
    assert_eq!(answer["userErrors"], json!([]), "{answer:#}");
    let id = text(&answer["organisation"]["providers"][0]["id"]);
    assert!(!answer.to_string().contains("canary"));
    let stored: Vec<u8> =
        sqlx::query_scalar("select sealed from identity.provider_secrets").fetch_one(hub.database().pool()).await.unwrap();
    assert!(!stored.windows(6).any(|window| window == b"canary"));
    let in_log: i64 =
        sqlx::query_scalar("select count(*) from log.events where data like '%canary%'").fetch_one(hub.database().pool()).await.unwrap();
    assert_eq!(in_log, 0);
    for (field, enabled) in [("providerDisable", false), ("providerEnable", true)] {
        let input = json!({ "commandId": fresh(), "organisation": organisation, "provider": id });
        let answer = run(&hub, &ann, field, "ProviderChangeStateInput", "organisation { providers { enabled } }", input).await;
        assert_eq!(answer["organisation"]["providers"][0]["enabled"], json!(enabled), "{answer:#}");
    }
    let input = json!({ "commandId": fresh(), "organisation": organisation, "provider": id });
    let answer = run(&hub, &ann, "providerRemove", "ProviderChangeStateInput", "organisation { providers { id } }", input).await;
    assert_eq!(answer["organisation"]["providers"], json!([]), "{answer:#}");

    let formed = run(
        &hub,
        &ada,
        "teamForm",
        "TeamFormInput",
        "team { id members(first: 5) { totalCount } }",
        json!({ "commandId": fresh(), "organisation": organisation, "name": "Keys" }),
    )
    .await;
    assert_eq!(formed["team"]["members"]["totalCount"], json!(1), "{formed:#}");
    let team = text(&formed["team"]["id"]);
    let added = run(
        &hub,
        &ada,
        "teamMemberAdd",
        "TeamMemberInput",
        "team { members(first: 5) { totalCount } }",
        json!({ "commandId": fresh(), "team": team, "person": ann.global() }),
    )
    .await;
    assert_eq!(added["team"]["members"]["totalCount"], json!(2), "{added:#}");
    let disbanded =
        run(&hub, &ada, "teamDisband", "TeamDisbandInput", "team { disbanded }", json!({ "commandId": fresh(), "team": team })).await;
    assert_eq!(disbanded["team"]["disbanded"], json!(true), "{disbanded:#}");

    let granted = run(
        &hub,
        &ann,
        "personRoleGrant",
        "PersonRoleInput",
        "person { name }",
        json!({ "commandId": fresh(), "person": ada.global(), "role": "ORGANISATION_ADMIN" }),
    )
    .await;
    assert_eq!(granted["userErrors"], json!([]));
    let roles = hub.ask(Some(&ada.token), "{ viewer { roles } }", json!({})).await;
    assert_eq!(roles.data()["viewer"]["roles"], json!(["ORGANISATION_ADMIN"]));
}

#[tokio::test]
async fn suspending_a_person_ends_sessions_and_tokens_at_once() {
    let hub = Hub::start().await;
    let a = hub.organisation("a").await;
    let (ann, ada) = (hub.person(a, "Ann").await, hub.person(a, "Ada").await);
    hub.grant(&ann, GrantedRole::OrganisationAdmin).await;
    let session = hub.session(&ada).await;
    let suspended = run(
        &hub,
        &ann,
        "personSuspend",
        "PersonSuspendInput",
        "person { suspended }",
        json!({ "commandId": fresh(), "person": ada.global(), "reason": "Left" }),
    )
    .await;
    assert_eq!(suspended["person"]["suspended"], json!(true), "{suspended:#}");
    let answer = hub.ask(Some(&ada.token), "{ viewer { person { name } } }", json!({})).await;
    assert_eq!((answer.status.as_u16(), answer.code()), (401, "UNAUTHENTICATED"));
    assert!(!hub.identity.sessions.is_open(session.session.id).await.unwrap());
    let back =
        run(&hub, &ann, "personReinstate", "PersonInput", "person { suspended }", json!({ "commandId": fresh(), "person": ada.global() }))
            .await;
    assert_eq!(back["person"]["suspended"], json!(false), "{back:#}");
}

#[tokio::test]
async fn a_tokens_secret_is_shown_once() {
    let hub = Hub::start().await;
    let a = hub.organisation("a").await;
    let ann = hub.person(a, "Ann").await;
    let expires = (chrono::DateTime::<chrono::Utc>::from(std::time::SystemTime::now()) + chrono::TimeDelta::days(30)).to_rfc3339();
    let issue = json!({ "commandId": fresh(), "name": "Script", "scope": "READ", "expiresAt": expires });
    let selection = "secret apiToken { id name scope }";
    let first = run(&hub, &ann, "apiTokenIssue", "ApiTokenIssueInput", selection, issue.clone()).await;
    let secret = text(&first["secret"]);
    assert_eq!(first["userErrors"], json!([]), "{first:#}");
    let again = run(&hub, &ann, "apiTokenIssue", "ApiTokenIssueInput", selection, issue).await;
    assert_eq!(again["secret"], Value::Null);
    assert_eq!(again["apiToken"], first["apiToken"]);
    assert_eq!(again["userErrors"], json!([]), "the command went through, then as now");

    let who = |secret: String| {
        let hub = &hub;
        async move { hub.ask(Some(&secret), "{ viewer { person { name } } }", json!({})).await }
    };
    assert_eq!(who(secret.clone()).await.data()["viewer"]["person"]["name"], json!("Ann"));
    let revoked = run(
        &hub,
        &ann,
        "apiTokenRevoke",
        "ApiTokenRevokeInput",
        "apiToken { id }",
        json!({ "commandId": fresh(), "apiToken": first["apiToken"]["id"] }),
    )
    .await;
    assert_eq!(revoked["userErrors"], json!([]), "{revoked:#}");
    assert_eq!(who(secret).await.status.as_u16(), 401);

    for (input, code) in [
        (json!({ "commandId": fresh(), "name": " ", "scope": "READ", "expiresAt": expires }), "InvalidInput"),
        (json!({ "commandId": fresh(), "name": "Old", "scope": "READ", "expiresAt": "2020-01-01T00:00:00Z" }), "InvalidInput"),
    ] {
        let payload = run(&hub, &ann, "apiTokenIssue", "ApiTokenIssueInput", "secret", input).await;
        assert_eq!((error(&payload).0.as_str(), &payload["secret"]), (code, &Value::Null), "{payload:#}");
    }
}

#[tokio::test]
async fn people_end_their_own_sessions_and_no_one_elses() {
    let hub = Hub::start().await;
    let a = hub.organisation("a").await;
    let (ann, ada) = (hub.person(a, "Ann").await, hub.person(a, "Ada").await);
    let session = hub.session(&ann).await;
    let id = GlobalId::Session(session.session.id.0).encode().0;
    let document = "mutation ($input: SessionEndInput!) { sessionEnd(input: $input) { endedId userErrors { __typename code field } } }";
    let answer: Answer = hub.ask(Some(&ada.token), document, json!({ "input": { "session": id } })).await;
    assert_eq!(error(&answer.data()["sessionEnd"]).1, "NOT_FOUND");
    let answer = hub.ask(Some(&ann.token), document, json!({ "input": { "session": id } })).await;
    assert_eq!(answer.data()["sessionEnd"], json!({ "endedId": id, "userErrors": [] }));
    assert!(!hub.identity.sessions.is_open(session.session.id).await.unwrap());
}
