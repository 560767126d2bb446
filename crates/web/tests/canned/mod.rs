//! Canned answers: pages can be tested, and looked at, without a hub behind them.
#![allow(clippy::unwrap_used, clippy::needless_pass_by_value, reason = "tests, and JSON written down by hand")]

use async_trait::async_trait;
use http::Extensions;
use http::request::Parts;
use kernel::{Clock, Ids, Timestamp};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use uuid::Uuid;
use web::{Execute, PageError, Web};

/// The token that forms carry here.
pub(crate) const FORM_TOKEN: &str = "canned-form-token";

/// A hub that answers from these pages. What it was asked is kept.
#[derive(Default)]
pub(crate) struct Canned {
    /// Operations and variables, in order.
    pub(crate) asked: Mutex<Vec<(String, Value)>>,
    /// Answers that differ from the usual ones, by operation.
    pub(crate) instead: Mutex<Vec<(&'static str, Result<Value, PageError>)>>,
}

/// Marks a request as made by someone who is signed in.
#[derive(Clone, Copy)]
struct SignedIn;

#[async_trait]
impl Execute for Canned {
    async fn identify(&self, request: &mut Parts) -> Result<(), PageError> {
        let cookie = request.headers.get("cookie").and_then(|cookie| cookie.to_str().ok()).unwrap_or_default();
        if cookie.contains("canned=amira") {
            request.extensions.insert(SignedIn);
        }
        Ok(())
    }

    fn form_token(&self, caller: &Extensions) -> Option<String> {
        caller.get::<SignedIn>().map(|_| FORM_TOKEN.to_owned())
    }

    fn check_form_token(&self, caller: &Extensions, token: &str) -> bool {
        caller.get::<SignedIn>().is_some() && token == FORM_TOKEN
    }

    async fn page_query(
        &self,
        caller: &Extensions,
        document: &'static str,
        operation: &'static str,
        variables: Value,
    ) -> Result<Value, PageError> {
        assert!(document.contains(operation), "{operation} is not in its document");
        self.asked.lock().unwrap().push((operation.to_owned(), variables.clone()));
        if let Some((_, answer)) = self.instead.lock().unwrap().iter().find(|(name, _)| *name == operation) {
            return answer.clone();
        }
        Ok(answer(operation, &variables, caller.get::<SignedIn>().is_some()))
    }
}

impl Canned {
    /// A hub that answers this operation otherwise.
    #[allow(dead_code, reason = "the gallery shows the usual answers only")]
    pub(crate) fn but(operation: &'static str, answer: Result<Value, PageError>) -> Self {
        Self { asked: Mutex::default(), instead: Mutex::new(vec![(operation, answer)]) }
    }
}

/// Ids that count up, so that pages come out the same each time.
#[derive(Default)]
pub(crate) struct Counting(AtomicU64);

impl Ids for Counting {
    fn next(&self) -> Uuid {
        Uuid::from_u128(u128::from(self.0.fetch_add(1, Ordering::Relaxed)) + 1)
    }
}

/// A clock that stands still.
pub(crate) struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        "2026-11-21T14:00:00Z".parse().unwrap()
    }
}

/// The pages over a canned hub.
pub(crate) fn pages(hub: Arc<Canned>) -> axum::Router {
    web::router(Web { hub, ids: Arc::new(Counting::default()), clock: Arc::new(Still) })
}

/// A title that would do harm if it were not escaped.
#[allow(dead_code, reason = "for tests")]
pub(crate) const HOSTILE: &str = "</title><script>alert(1)</script> & \"quotes\" <img src=x onerror=alert(1)>";

const HARBOUR: (&str, &str) = ("harbour-authority", "Department for Harbours and Tides");
const ARCHIVE: (&str, &str) = ("records-office", "National Records Office");
const MINT: (&str, &str) = ("mint-agency", "Mint Agency");

fn organisation((slug, name): (&str, &str)) -> Value {
    json!({ "slug": slug, "name": name })
}

fn person(id: &str, name: &str, home: (&str, &str)) -> Value {
    json!({ "id": id, "name": name, "organisation": organisation(home) })
}

fn amira() -> Value {
    person("P1", "Amira Lindqvist", HARBOUR)
}
fn tomas() -> Value {
    person("P2", "Tomás Okonjo", ARCHIVE)
}
fn wen() -> Value {
    person("P3", "Wen Abernathy", MINT)
}
fn ingrid() -> Value {
    person("P4", "Ingrid Bellweather", ARCHIVE)
}

fn viewer(signed_in: bool) -> Value {
    json!({ "person": if signed_in { amira() } else { Value::Null } })
}

fn page_info(next: bool) -> Value {
    json!({ "hasNextPage": next, "hasPreviousPage": false, "startCursor": "c1", "endCursor": "c9" })
}

fn audience(reach: &str) -> Value {
    let summary = match reach {
        "PUBLIC" => "Anyone, signed in or not",
        "MEMBERS" => "Everyone who is signed in",
        _ => "Members of Secure Engineering",
    };
    json!({ "reach": reach, "summary": summary, "organisations": [], "communities": [] })
}

fn community_item(slug: &str, name: &str, subject: &str, home: (&str, &str), members: i64, joined: bool) -> Value {
    json!({
        "slug": slug, "name": name, "subject": subject, "archived": false, "open": slug != "incident-desk", "memberCount": members,
        "home": organisation(home), "organisations": [organisation(HARBOUR), organisation(ARCHIVE)],
        "audience": audience(if slug == "incident-desk" { "MEMBERS" } else { "PUBLIC" }),
        "viewerMembership": if joined { json!({ "kind": "CORE" }) } else { Value::Null },
    })
}

fn communities(signed_in: bool) -> Value {
    json!([
        community_item(
            "secure-engineering",
            "Secure Engineering",
            "Building systems that expect to be attacked: practices, tools and approaches.",
            HARBOUR,
            23,
            signed_in
        ),
        community_item(
            "defend-as-one",
            "Defend as One, Technical",
            "Technical teams across organisations, raising cyber resilience together.",
            ARCHIVE,
            41,
            false
        ),
        community_item(
            "open-source-practice",
            "Open Source Best Practices",
            "Helping developers take part in open source, safely and well.",
            MINT,
            17,
            signed_in
        ),
        community_item("incident-desk", "Incident Desk", "What happened, what we saw, what we would do differently.", ARCHIVE, 9, false),
    ])
}

#[allow(clippy::too_many_arguments)]
fn thread_item(id: &str, title: &str, author: Value, category: &str, format: &str, replies: i64, upvotes: i64, state: &str) -> Value {
    json!({
        "id": id, "title": title, "author": author,
        "community": { "slug": "secure-engineering", "name": "Secure Engineering" },
        "category": { "name": category, "format": format },
        "audience": audience(if state == "limited" { "GROUP" } else { "PUBLIC" }),
        "openedAt": "2026-11-18T09:12:00Z", "lastActivityAt": "2026-11-21T13:40:00Z",
        "locked": state == "locked", "closed": state == "closed", "closeReason": if state == "closed" { json!("RESOLVED") } else { Value::Null },
        "answered": state == "answered", "replyCount": replies, "upvoteCount": upvotes,
    })
}

fn threads() -> Value {
    json!([
        thread_item(
            "T1",
            "How do you rotate signing keys without breaking old builds?",
            amira(),
            "Questions",
            "QUESTION_AND_ANSWER",
            12,
            9,
            "answered"
        ),
        thread_item(
            "T2",
            "Show and tell: threat modelling in ninety minutes, with the worksheet we use",
            tomas(),
            "Show and tell",
            "OPEN",
            5,
            14,
            ""
        ),
        thread_item("T3", "Proposal: one shared baseline for container images", wen(), "Ideas", "IDEA", 31, 22, "limited"),
        thread_item("T4", "Next coordinator’s term begins on 1 December", ingrid(), "News", "ANNOUNCEMENT", 0, 3, "locked"),
        thread_item("T5", "Which static analysis tools survive a monorepo?", tomas(), "Questions", "QUESTION_AND_ANSWER", 1, 0, "closed"),
    ])
}

fn post(id: &str, author: Value, html: &str, extra: &Value) -> Value {
    let mut post = json!({
        "id": id, "author": author, "html": html, "createdAt": "2026-11-18T09:12:00Z", "editedAt": null, "isAnswer": false, "isOpening": false, "source": null,
        "reactions": [], "upvoteCount": 0, "viewerHasUpvoted": false, "viewerCanEdit": false,
    });
    for (name, value) in extra.as_object().unwrap() {
        post[name] = value.clone();
    }
    post
}

const OPENING: &str = "<p>We sign every release of our <strong>tide tables service</strong>. The key must be rotated once a year, but \
consumers pin the old one, and some of them build only twice a year.</p><p>What we tried:</p><ol><li>Publishing both keys for ninety days</li>\
<li>A <code>keys.json</code> beside the artefacts</li></ol><pre><code>cosign verify-blob --key https://example.org/keys/2026.pub tides-4.2.tar.gz\n</code></pre>\
<blockquote><p>“Rotate early, rotate often” is easy to say.</p></blockquote><p>How do others keep old builds verifiable?</p>";

const ANSWER: &str = "<p>We keep a signed list of all keys that were ever good, with the dates between which each one was. Verifiers check the \
signature <em>as of the date of the build</em>. It took two weeks, and nobody has pinned a key since.</p>";

fn can(signed_in: bool) -> Value {
    json!({ "reply": signed_in, "edit": signed_in, "close": signed_in, "lock": signed_in, "markAnswer": signed_in, "react": signed_in })
}

fn thread_head(signed_in: bool) -> Value {
    json!({
        "id": "T1", "title": "How do you rotate signing keys without breaking old builds?",
        "openedAt": "2026-11-18T09:12:00Z", "lastActivityAt": "2026-11-21T13:40:00Z",
        "locked": false, "closed": false, "closeReason": null, "answered": true, "replyCount": 4, "upvoteCount": 9, "viewerHasUpvoted": false, "source": null,
        "community": { "slug": "secure-engineering", "name": "Secure Engineering", "archived": false },
        "category": { "id": "C1", "name": "Questions", "format": "QUESTION_AND_ANSWER" },
        "author": amira(), "audience": audience("PUBLIC"), "duplicateOf": null, "viewerCan": can(signed_in),
    })
}

fn opening(signed_in: bool) -> Value {
    post(
        "O1",
        amira(),
        OPENING,
        &json!({ "isOpening": true, "upvoteCount": 9, "editedAt": "2026-11-18T10:00:00Z", "viewerCanEdit": signed_in,
            "reactions": [{ "reaction": "THUMBS_UP", "count": 6, "viewerHasReacted": false }, { "reaction": "EYES", "count": 2, "viewerHasReacted": signed_in }] }),
    )
}

fn answer_post() -> Value {
    post(
        "R1",
        tomas(),
        ANSWER,
        &json!({ "isAnswer": true, "upvoteCount": 7, "viewerHasUpvoted": true, "createdAt": "2026-11-18T11:31:00Z",
            "reactions": [{ "reaction": "HEART", "count": 3, "viewerHasReacted": false }] }),
    )
}

fn thread(signed_in: bool) -> Value {
    let mut thread = thread_head(signed_in);
    thread["__typename"] = json!("Thread");
    thread["openingPost"] = opening(signed_in);
    thread["answers"] = json!([answer_post()]);
    let mut first = answer_post();
    first["replies"] = json!({ "totalCount": 2, "nodes": [
        post("R2", amira(), "<p>That is what we were missing. Where does the list itself live?</p>", &json!({ "viewerCanEdit": signed_in, "createdAt": "2026-11-18T12:02:00Z" })),
        post("R3", tomas(), "<p>In the same bucket, signed with a key that lives in a safe. I will bring the script to the next meeting.</p>", &json!({ "createdAt": "2026-11-18T12:20:00Z", "upvoteCount": 2 })),
    ] });
    let mut second = post(
        "R4",
        wen(),
        "<p>We do it the other way round: <a href=\"https://example.org/transparency\">a transparency log</a>, and keys that live for ten minutes.</p>\
         <table><thead><tr><th>Approach</th><th>Work</th><th>Offline</th></tr></thead><tbody><tr><td>List of keys</td><td>low</td><td>yes</td></tr><tr><td>Transparency log</td><td>more</td><td>no</td></tr></tbody></table>",
        &json!({ "createdAt": "2026-11-21T13:40:00Z", "upvoteCount": 4 }),
    );
    second["replies"] = json!({ "totalCount": 0, "nodes": [] });
    thread["posts"] = json!({ "totalCount": 2, "pageInfo": page_info(false), "nodes": [first, second] });
    thread
}

fn whole_post(id: &str, signed_in: bool) -> Value {
    let mut whole = if id == "O1" { opening(signed_in) } else { answer_post() };
    whole["__typename"] = json!("Post");
    whole["viewerCanEdit"] = json!(signed_in);
    whole["body"] = json!("We sign every release of our **tide tables service**.");
    whole["revisions"] = json!([]);
    whole["replyTo"] = Value::Null;
    whole["replies"] = json!({ "totalCount": 0, "pageInfo": page_info(false), "nodes": [] });
    whole["thread"] = thread_head(signed_in);
    whole
}

fn categories() -> Value {
    let category = |id: &str, name: &str, description: &str, format: &str, count: i64| json!({ "id": id, "name": name, "description": description, "format": format, "closed": false, "threadCount": count, "audience": audience("PUBLIC") });
    json!([
        category("C1", "Questions", "Ask, and mark what answered it.", "QUESTION_AND_ANSWER", 42),
        category("C2", "Show and tell", "What you built, and what you learned.", "OPEN", 18),
        category("C3", "Ideas", "What the community could do next.", "IDEA", 11),
        category("C4", "News", "From the coordinators.", "ANNOUNCEMENT", 6),
    ])
}

fn clause(stated: bool, text: &str) -> Value {
    json!({ "stated": stated, "text": text, "html": format!("<p>{text}</p>") })
}

fn community(signed_in: bool) -> Value {
    let membership = |person: Value, kind: &str, coordinator: bool, team: Value| json!({ "kind": kind, "coordinator": coordinator, "person": person, "team": team });
    json!({
        "id": "K1", "slug": "secure-engineering", "name": "Secure Engineering", "subject": "Building systems that expect to be attacked: practices, tools and approaches.",
        "open": true, "archived": false, "archiveReason": null, "foundedAt": "2026-03-02T08:00:00Z", "memberCount": 23, "coreMemberLimit": 15,
        "home": organisation(HARBOUR), "audience": audience("PUBLIC"),
        "charter": {
            "openClauses": ["sponsor", "cadence"],
            "purpose": clause(true, "Give guidance on developing and operating systems securely, and share what works."),
            "goals": clause(true, "Curate principles, practices and patterns; offer training; answer questions within two days."),
            "scope": clause(true, "Secure development, secure operation at scale, and security good practice."),
            "sponsor": clause(false, "To be confirmed: who"),
            "format": clause(true, "A shared backlog to which any member can contribute, and regular meetings to refine it."),
            "cadence": clause(false, "To be confirmed: how frequently"),
        },
        "coordinators": [tomas(), wen()],
        "organisations": [organisation(HARBOUR), organisation(ARCHIVE), organisation(MINT)],
        "members": { "totalCount": 23, "nodes": [
            membership(amira(), "CORE", false, json!({ "name": "Tides platform" })), membership(tomas(), "CORE", true, Value::Null),
            membership(wen(), "MEMBER", true, Value::Null), membership(ingrid(), "INTERESTED_PARTY", false, Value::Null),
        ] },
        "categories": categories(),
        "threads": { "totalCount": 77, "pageInfo": page_info(true), "nodes": threads() },
        "viewerMembership": if signed_in { json!({ "kind": "CORE", "coordinator": false, "joinedAt": "2026-03-09T08:00:00Z" }) } else { Value::Null },
        "viewerCan": { "join": false, "leave": signed_in, "manage": signed_in, "openThread": signed_in, "announce": false },
    })
}

fn profile() -> Value {
    let mut me = amira();
    me["about"] = json!("I look after the signing of releases. Ask me about keys, and about tide tables.");
    me["joinedAt"] = json!("2026-03-02T08:00:00Z");
    me["version"] = json!(4);
    json!({ "viewer": {
        "person": me, "email": "amira.lindqvist@harbours.example", "roles": ["ORGANISATION_ADMIN"],
        "memberships": { "nodes": memberships() },
        "sessions": [
            { "id": "S1", "current": true, "startedAt": "2026-11-21T08:00:00Z", "lastSeenAt": "2026-11-21T13:59:00Z", "expiresAt": "2026-11-28T08:00:00Z", "userAgent": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0", "provider": { "name": "Harbour sign-in" } },
            { "id": "S2", "current": false, "startedAt": "2026-11-19T08:00:00Z", "lastSeenAt": "2026-11-19T18:12:00Z", "expiresAt": "2026-11-26T08:00:00Z", "userAgent": "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0) Safari/604.1", "provider": { "name": "Harbour sign-in" } },
        ],
        "apiTokens": [{ "id": "A1", "name": "Nightly report", "scope": "READ", "issuedAt": "2026-11-01T08:00:00Z", "expiresAt": "2026-12-01T08:00:00Z", "lastUsedAt": "2026-11-21T02:00:00Z" }],
    } })
}

fn memberships() -> Value {
    json!([
        { "kind": "CORE", "coordinator": false, "community": { "slug": "secure-engineering", "name": "Secure Engineering", "subject": "…", "archived": false } },
        { "kind": "INTERESTED_PARTY", "coordinator": true, "community": { "slug": "open-source-practice", "name": "Open Source Best Practices", "subject": "…", "archived": false } },
    ])
}

/// What the hub answers.
pub(crate) fn answer(operation: &str, variables: &Value, signed_in: bool) -> Value {
    let mut data = json!({ "viewer": viewer(signed_in) });
    let known = variables["slug"].as_str().is_none_or(|slug| slug == "secure-engineering" || slug == HARBOUR.0);
    match operation {
        "HomePage" => {
            data["viewer"]["memberships"] = json!({ "nodes": if signed_in { memberships() } else { json!([]) } });
            data["communities"] = json!({ "totalCount": 4, "nodes": communities(signed_in) });
            data["threads"] = json!({ "nodes": threads() });
        }
        "SignInPage" => {
            data["signInOptions"] = json!([
                { "provider": "I1", "name": "Harbour sign-in", "signInUrl": "/sign-in/I1", "organisation": organisation(HARBOUR) },
                { "provider": "I2", "name": "Records identity", "signInUrl": "/sign-in/I2", "organisation": organisation(ARCHIVE) },
                { "provider": "I3", "name": "Mint identity", "signInUrl": "/sign-in/I3", "organisation": organisation(MINT) },
            ]);
        }
        "ViewerPage" => {}
        "CommunitiesPage" => {
            data["communities"] = json!({ "totalCount": 4, "pageInfo": page_info(false), "nodes": communities(signed_in) });
        }
        "CommunityPage" | "DiscussionsPage" | "ThreadOpenPage" | "CategoryOpenPage" => {
            data["community"] = if known { community(signed_in) } else { Value::Null };
            data["markdownPreview"] = json!("<p>As it will <strong>look</strong>.</p>");
        }
        "ThreadPage" => {
            data["hub"] = json!({ "position": "pos-41" });
            data["markdownPreview"] = json!("<p>As it will <strong>look</strong>.</p>");
            data["node"] = if variables["id"] == "T1" { thread(signed_in) } else { Value::Null };
        }
        "PostPage" => {
            data["markdownPreview"] = json!("<p>As it will <strong>look</strong>.</p>");
            let id = variables["id"].as_str().unwrap_or_default();
            data["node"] = if ["O1", "R1"].contains(&id) { whole_post(id, signed_in) } else { Value::Null };
        }
        "HistoryPage" => {
            data["node"] = json!({
                "__typename": "Post", "id": "O1", "createdAt": "2026-11-18T09:12:00Z", "editedAt": "2026-11-18T10:00:00Z", "isOpening": true, "author": amira(),
                "body": "We sign every release of our **tide tables service**.\n\nThe key must be rotated once a year.\n\nHow do others keep old builds verifiable?",
                "thread": { "id": "T1", "title": "How do you rotate signing keys without breaking old builds?" },
                "revisions": [{ "at": "2026-11-18T09:12:00Z", "by": amira(), "body": "We sign every release of our **tide tables service**.\n\nThe key must be rotated twice a year.\n\nAny ideas?" }],
            });
        }
        "RecordPage" => {
            let event = |kind: &str, wire: &str, place: i64, actor: Value, changes: Value| json!({ "__typename": kind, "id": format!("E{place}"), "type": wire, "position": place.to_string(), "occurredAt": "2026-11-18T09:12:00Z", "actor": actor, "changes": changes });
            let history = json!({ "pageInfo": { "hasPreviousPage": true, "hasNextPage": false, "startCursor": "c1", "endCursor": "c9" }, "nodes": [
                event("ThreadRetitledEvent", "hub.discussions.thread_retitled.v1", 17, amira(), json!([{ "field": "title", "before": "How do you rotate keys?", "after": "How do you rotate signing keys without breaking old builds?" }])),
                event("ThreadLockedEvent", "hub.discussions.thread_locked.v1", 23, Value::Null, json!([{ "field": "locked", "before": "false", "after": "true" }])),
                event("ThreadRepliedEvent", "hub.discussions.thread_replied.v1", 29, tomas(), json!([{ "field": "body", "before": null, "after": HOSTILE }])),
            ] });
            let thread = json!({ "__typename": "Thread", "id": "T1", "title": "How do you rotate signing keys without breaking old builds?", "history": history });
            data["node"] = if variables["id"] == "T1" { thread } else { Value::Null };
        }
        "ProfilePage" => data = profile(),
        "PersonPage" => {
            let mut whole = tomas();
            whole["__typename"] = json!("Person");
            whole["about"] = json!("Archivist turned engineer. I keep old builds alive.");
            whole["placeholder"] = json!(false);
            whole["suspended"] = json!(false);
            whole["joinedAt"] = json!("2026-03-02T08:00:00Z");
            data["node"] = if variables["id"] == "P2" { whole } else { Value::Null };
            data["threads"] = json!({ "totalCount": 5, "nodes": threads() });
        }
        "OrganisationPage" => {
            data["organisation"] = if known {
                json!({
                    "id": "G1", "slug": HARBOUR.0, "name": HARBOUR.1, "suspended": false, "registeredAt": "2026-03-01T08:00:00Z",
                    "people": { "totalCount": 2, "pageInfo": page_info(false), "nodes": [amira(), person("P9", "Bo Castellan", HARBOUR)] },
                    "teams": { "totalCount": 1, "nodes": [{ "id": "M1", "name": "Tides platform", "disbanded": false }] },
                })
            } else {
                Value::Null
            };
        }
        "PreviewFragment" => data = json!({ "markdownPreview": "<p>As it will <strong>look</strong>.</p>" }),
        _ => {
            // Whatever else is a command, and it is taken.
            data = json!({ "outcome": {
                "userErrors": [], "thread": { "id": "T1", "replyCount": 5 }, "post": { "id": "R5" }, "community": { "slug": "secure-engineering" },
                "secret": "hub_Zq1mB7xYc3dE5fG7hJ9kL1nP3rS5tV7wX9zA1bC3dE",
            } });
        }
    }
    data
}
