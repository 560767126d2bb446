//! The pages through their router, with canned answers behind them.
#![allow(missing_docs, clippy::unwrap_used, clippy::unnecessary_wraps, reason = "tests")]

mod canned;

use axum::body::Body;
use canned::{Canned, FORM_TOKEN, HOSTILE, pages};
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, COOKIE, LOCATION, RETRY_AFTER};
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use std::sync::Arc;
use tower::ServiceExt;
use web::PageError;

struct Page {
    status: StatusCode,
    headers: HeaderMap,
    html: String,
}

impl Page {
    fn location(&self) -> &str {
        self.headers[LOCATION].to_str().unwrap()
    }

    fn title(&self) -> &str {
        between(&self.html, "<title>", "</title>")
    }
}

fn between<'h>(html: &'h str, start: &str, end: &str) -> &'h str {
    html.split_once(start).and_then(|(_, rest)| rest.split_once(end)).map(|(inner, _)| inner).unwrap_or_default()
}

async fn send(hub: &Arc<Canned>, request: Request<Body>) -> Page {
    let response = pages(Arc::clone(hub)).oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    Page { status: parts.status, headers: parts.headers, html: String::from_utf8(bytes.to_vec()).unwrap() }
}

async fn get(hub: &Arc<Canned>, path: &str, signed_in: bool) -> Page {
    let request = Request::get(path).header(COOKIE, if signed_in { "canned=amira" } else { "" });
    send(hub, request.body(Body::empty()).unwrap()).await
}

async fn post(hub: &Arc<Canned>, path: &str, fields: &[(&str, &str)]) -> Page {
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let request = Request::post(path)
        .header(COOKIE, "canned=amira")
        .header("referer", "http://hub.example/threads/T1?after=c9")
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded");
    send(hub, request.body(Body::from(body)).unwrap()).await
}

const COMMAND: (&str, &str) = ("command_id", "0192f0c1-2c5b-7c3e-8a11-000000000001");

fn command(fields: &[(&'static str, &'static str)]) -> Vec<(&'static str, &'static str)> {
    [("form_token", FORM_TOKEN), COMMAND].into_iter().chain(fields.iter().copied()).collect()
}

fn refusal(field: Option<&str>, message: &str) -> Result<Value, PageError> {
    Ok(
        json!({ "outcome": { "userErrors": [{ "__typename": "InvalidInput", "code": "INVALID", "message": message, "field": field }], "thread": null, "post": null, "community": null, "secret": null } }),
    )
}

fn asked(hub: &Canned) -> Vec<(String, Value)> {
    hub.asked.lock().unwrap().clone()
}

/// Every address that shows a page.
const EVERY: [&str; 19] = [
    "/",
    "/accessibility",
    "/sign-in",
    "/communities",
    "/communities/secure-engineering",
    "/communities/secure-engineering/discussions",
    "/communities/secure-engineering/discussions?category=C1&state=answered&order=newest&after=c9",
    "/threads/T1",
    "/threads/T1?from=end",
    "/threads/T1/posts/R1",
    "/threads/T1/posts/O1/history",
    "/history/T1",
    "/people/P2",
    "/organisations/harbour-authority",
    "/communities/new",
    "/communities/secure-engineering/discussions/new",
    "/communities/secure-engineering/categories/new",
    "/threads/T1/posts/O1/edit",
    "/profile",
];

/// Those of them that only the signed-in see.
const FOR_THE_SIGNED_IN: &[&str] = &[
    "/communities/new",
    "/communities/secure-engineering/discussions/new",
    "/communities/secure-engineering/categories/new",
    "/threads/T1/posts/O1/edit",
    "/profile",
];

#[tokio::test]
async fn every_page_has_a_title_one_heading_and_its_landmarks() {
    let hub = Arc::new(Canned::default());
    for signed_in in [true, false] {
        for path in EVERY {
            if !signed_in && FOR_THE_SIGNED_IN.contains(&path) {
                continue;
            }
            let page = get(&hub, path, signed_in).await;
            assert_eq!(page.status, StatusCode::OK, "{path}");
            assert!(page.title().ends_with(" – The hub"), "{path}: {}", page.title());
            assert_eq!(page.html.matches("<h1").count(), 1, "{path}");
            for part in [
                "<html lang=\"en-GB\">",
                "<main id=\"main\"",
                "<header class=\"masthead\"",
                "<footer",
                "href=\"#main\"",
                "name=\"viewport\"",
            ] {
                assert_eq!(page.html.matches(part).count(), 1, "{path}: {part}");
            }
        }
    }
}

#[tokio::test]
async fn no_page_carries_code_or_style_of_its_own() {
    let hub = Arc::new(Canned::default());
    for path in EVERY {
        let page = get(&hub, path, true).await;
        let policy = page.headers[CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(!policy.contains("unsafe") && policy.contains("frame-ancestors 'none'"), "{path}: {policy}");
        assert_eq!(page.headers[CACHE_CONTROL], "no-store", "{path}");
        assert!(!page.html.contains("<style") && !page.html.contains(" style=") && !page.html.contains(" onclick="), "{path}");
        for script in page.html.split("<script").skip(1) {
            assert!(script.starts_with(" src=\"/assets/"), "{path}: {script:.60}");
        }
    }
}

#[tokio::test]
async fn no_page_weighs_much() {
    let hub = Arc::new(Canned::default());
    let home = get(&hub, "/", true).await;
    let mut shared = 0;
    for asset in home.html.split("/assets/").skip(1) {
        let name = asset.split('"').next().unwrap();
        let page = get(&hub, &format!("/assets/{name}"), false).await;
        assert_eq!(page.status, StatusCode::OK, "{name}");
        assert!(page.headers[CACHE_CONTROL].to_str().unwrap().contains("immutable"), "{name}");
        shared += page.html.len();
    }
    for path in EVERY {
        let page = get(&hub, path, true).await;
        assert!(page.html.len() + shared < 100_000, "{path}: {} + {shared} bytes", page.html.len());
    }
}

#[tokio::test]
async fn a_full_page_of_a_thread_weighs_little_besides_its_words() {
    let mut data = canned::answer("ThreadPage", &json!({ "id": "T1" }), true);
    let id = "CErfSdgeIkcUg1ANl0bFa-ZIIDL8afdYVaX7_h7XGEh8";
    data["node"]["id"] = json!("B0rfSdgeIkcUg1ANl0bFa-Y");
    let mut node = data["node"]["posts"]["nodes"][1].clone();
    node["id"] = json!(id);
    node["replies"] = json!({ "totalCount": 1, "nodes": [node.clone()] });
    data["node"]["posts"]["nodes"] = json!(vec![node; 20]);
    let page = get(&Arc::new(Canned::but("ThreadPage", Ok(data))), "/threads/T1", true).await;
    assert_eq!(page.html.matches("<article").count(), 42);
    assert!(page.html.len() < 100_000, "{} bytes", page.html.len());
}

#[tokio::test]
async fn what_people_type_is_shown_as_text() {
    let mut data = canned::answer("ThreadPage", &json!({ "id": "T1" }), true);
    data["node"]["title"] = json!(HOSTILE);
    data["node"]["author"]["name"] = json!(HOSTILE);
    data["node"]["openingPost"]["author"]["name"] = json!(HOSTILE);
    data["node"]["community"]["name"] = json!(HOSTILE);
    data["node"]["audience"]["summary"] = json!(HOSTILE);
    data["viewer"]["person"]["name"] = json!(HOSTILE);
    let page = get(&Arc::new(Canned::but("ThreadPage", Ok(data))), "/threads/T1", true).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(!page.html.contains("<script>") && !page.html.contains("<img"), "{}", page.html);
    assert!(page.title().starts_with("&#60;/title&#62;"), "{}", page.title());
}

#[tokio::test]
async fn each_page_asks_once() {
    for path in EVERY {
        let hub = Arc::new(Canned::default());
        get(&hub, path, true).await;
        assert_eq!(asked(&hub).len(), 1, "{path}: {:?}", asked(&hub));
    }
}

#[tokio::test]
async fn the_filter_of_the_discussions_is_asked_for() {
    let hub = Arc::new(Canned::default());
    get(&hub, "/communities/secure-engineering/discussions?category=C1&state=unanswered&order=upvotes&after=c9", true).await;
    let (_, variables) = asked(&hub).remove(0);
    assert_eq!(variables["filter"]["category"], "C1");
    assert_eq!(variables["filter"]["answered"], false);
    assert_eq!((&variables["order"], &variables["after"]), (&json!("MOST_UPVOTED"), &json!("c9")));
}

#[tokio::test]
async fn strangers_are_sent_to_sign_in_and_back() {
    let hub = Arc::new(Canned::default());
    let page = get(&hub, "/communities/secure-engineering/discussions/new?category=C1", false).await;
    assert_eq!(page.status, StatusCode::SEE_OTHER);
    assert_eq!(page.location(), "/sign-in?return_to=%2Fcommunities%2Fsecure-engineering%2Fdiscussions%2Fnew%3Fcategory%3DC1");
    let choice = get(&hub, "/sign-in?return_to=/threads/T1%3Ffrom%3Dend", false).await;
    assert!(choice.html.contains("href=\"/sign-in/I1?return_to=%2Fthreads%2FT1%3Ffrom%3Dend\""), "{}", choice.html);
}

#[tokio::test]
async fn strangers_find_no_button_that_is_not_theirs() {
    let hub = Arc::new(Canned::default());
    for path in EVERY.iter().filter(|path| !FOR_THE_SIGNED_IN.contains(path)) {
        let page = get(&hub, path, false).await;
        assert!(!page.html.contains("method=\"post\""), "{path}");
    }
}

#[tokio::test]
async fn what_is_missing_and_what_is_hidden_look_the_same() {
    let hub = Arc::new(Canned::default());
    for path in [
        "/threads/nothing",
        "/communities/nothing",
        "/communities/nothing/discussions",
        "/people/nothing",
        "/organisations/nothing",
        "/threads/T1/posts/nothing",
        "/nothing/at/all",
    ] {
        let page = get(&hub, path, true).await;
        assert_eq!((page.status, page.title()), (StatusCode::NOT_FOUND, "Page not found – The hub"), "{path}");
        assert_eq!(page.html.matches("<h1").count(), 1, "{path}");
    }
    // An id that was cut short is no fault of the hub.
    let hub = Arc::new(Canned::but("ThreadPage", Err(PageError::Rejected("No such id.".into()))));
    assert_eq!(get(&hub, "/threads/T", true).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn faults_are_said_in_plain_words() {
    let hub = Arc::new(Canned::but("HomePage", Err(PageError::Unavailable { retry_after: 7 })));
    let page = get(&hub, "/", false).await;
    assert_eq!((page.status, &page.headers[RETRY_AFTER]), (StatusCode::SERVICE_UNAVAILABLE, &"7".parse().unwrap()));
    assert!(page.html.contains("Try again"));
    let hub = Arc::new(Canned::but("HomePage", Err(PageError::Internal("relation views.thread does not exist".into()))));
    let page = get(&hub, "/", false).await;
    assert_eq!(page.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(!page.html.contains("relation"), "inner workings stay inside");
    let page = get(&Arc::new(Canned::default()), "/preview", true).await;
    assert_eq!(page.status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn a_form_needs_its_token() {
    let hub = Arc::new(Canned::default());
    for token in ["", "another"] {
        let page = post(&hub, "/threads/T1/reply", &[("form_token", token), COMMAND, ("body", "A long <thought>")]).await;
        assert_eq!(page.status, StatusCode::FORBIDDEN);
        assert!(page.html.contains("A long &#60;thought&#62;</textarea>"), "what was typed is given back: {}", page.html);
    }
    let json = Request::post("/threads/T1/reply").header(COOKIE, "canned=amira").header(CONTENT_TYPE, "application/json");
    assert_eq!(send(&hub, json.body(Body::from("{}")).unwrap()).await.status, StatusCode::BAD_REQUEST);
    assert!(asked(&hub).is_empty(), "nothing was sent");
}

#[tokio::test]
async fn every_form_carries_its_token_and_the_id_of_its_command() {
    let hub = Arc::new(Canned::default());
    for path in EVERY {
        let page = get(&hub, path, true).await;
        for form in page.html.split("<form").skip(1).filter(|form| form.contains("method=\"post\"")) {
            let form = form.split("</form>").next().unwrap();
            assert!(form.contains(&format!("name=\"form_token\" value=\"{FORM_TOKEN}\"")), "{path}: {form}");
            assert!(form.contains("name=\"command_id\"") || form.contains("/sign-out"), "{path}: {form}");
        }
    }
}

#[tokio::test]
async fn a_reply_is_sent_once_and_leads_to_itself() {
    let hub = Arc::new(Canned::default());
    let page = post(&hub, "/threads/T1/reply", &command(&[("body", "Thank you.\r\nThat helps.")])).await;
    assert_eq!((page.status, page.location()), (StatusCode::SEE_OTHER, "/threads/T1#post-R5"));
    let expected = json!({ "input": { "commandId": COMMAND.1, "thread": "T1", "body": "Thank you.\nThat helps." } });
    assert_eq!(asked(&hub), [("ThreadReply".to_owned(), expected)]);
}

#[tokio::test]
async fn a_reply_to_a_post_leads_back_to_where_it_was_written() {
    let hub = Arc::new(Canned::default());
    let page = post(&hub, "/threads/T1/reply", &command(&[("body", "Indeed."), ("reply_to", "R1")])).await;
    assert_eq!(page.location(), "/threads/T1?after=c9#post-R5");
    assert_eq!(asked(&hub)[0].1["input"]["replyTo"], "R1");
}

#[tokio::test]
async fn what_is_refused_is_said_at_its_field_and_nothing_typed_is_lost() {
    let hub = Arc::new(Canned::but("ThreadOpen", refusal(Some("title"), "“title” is too long. Shorten it.")));
    let fields = command(&[("category", "C2"), ("title", "A \"very\" long title"), ("body", "Some <b>words</b>"), ("audience", "MEMBERS")]);
    let page = post(&hub, "/communities/secure-engineering/discussions/new", &fields).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.title().starts_with("Error: "));
    assert!(page.html.contains("<a href=\"#title\">“Title” is too long. Shorten it.</a>"), "{}", page.html);
    assert!(page.html.contains("aria-invalid=\"true\" aria-describedby=\"title-hint title-error\""));
    assert!(page.html.contains("value=\"A &#34;very&#34; long title\""));
    assert!(page.html.contains(">Some &#60;b&#62;words&#60;/b&#62;</textarea>"));
    assert!(page.html.contains("name=\"category\" value=\"C2\" checked"));
    assert!(page.html.contains("name=\"audience\" value=\"MEMBERS\" checked"));
}

#[tokio::test]
async fn everything_that_is_missing_is_said_at_once() {
    let hub = Arc::new(Canned::default());
    let page = post(&hub, "/communities/secure-engineering/discussions/new", &command(&[("title", " ")])).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    for field in ["category", "title", "body"] {
        assert!(page.html.contains(&format!("<a href=\"#{field}\">")), "{field}");
    }
}

#[tokio::test]
async fn words_survive_an_outage() {
    let hub = Arc::new(Canned::but("ThreadReply", Err(PageError::Unavailable { retry_after: 3 })));
    let page = post(&hub, "/threads/T1/reply", &command(&[("body", "Written with care")])).await;
    assert_eq!(page.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(page.html.contains("Written with care</textarea>"));
}

#[tokio::test]
async fn a_preview_sends_nothing() {
    let hub = Arc::new(Canned::default());
    let page = post(&hub, "/threads/T1/reply", &command(&[("body", "As it will **look**."), ("do", "preview")])).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.html.contains("As it will <strong>look</strong>.") && page.html.contains("As it will **look**.</textarea>"));
    assert_eq!(asked(&hub).iter().map(|(operation, _)| operation.as_str()).collect::<Vec<_>>(), ["ThreadPage"]);
    let part = post(&hub, "/preview", &[("form_token", FORM_TOKEN), ("body", "As it will **look**.")]).await;
    assert_eq!(part.html, "<p>As it will <strong>look</strong>.</p>");
}

#[tokio::test]
async fn each_button_sends_its_command() {
    let buttons = [
        ("/threads/T1/posts/R1/react", ("upvote", "add"), "PostUpvote"),
        ("/threads/T1/posts/R1/react", ("upvote", "withdraw"), "PostUpvoteWithdraw"),
        ("/threads/T1/posts/R1/react", ("reaction", "HEART"), "PostReact"),
        ("/threads/T1/posts/R1/react", ("withdraw", "HEART"), "PostReactionWithdraw"),
        ("/threads/T1/posts/R1/react", ("answer", "mark"), "PostMarkAnswer"),
        ("/threads/T1/posts/R1/react", ("answer", "unmark"), "PostUnmarkAnswer"),
        ("/threads/T1/lock", ("", ""), "ThreadLock"),
        ("/threads/T1/unlock", ("", ""), "ThreadUnlock"),
        ("/threads/T1/close", ("reason", "OUTDATED"), "ThreadClose"),
        ("/threads/T1/reopen", ("", ""), "ThreadReopen"),
        ("/communities/secure-engineering/join", ("kind", "INTERESTED_PARTY"), "CommunityJoin"),
        ("/communities/secure-engineering/leave", ("community", "K1"), "CommunityLeave"),
        ("/profile/tokens/A1/revoke", ("", ""), "ApiTokenRevoke"),
        ("/profile/sessions/S2/end", ("", ""), "SessionEnd"),
        ("/profile", ("name", "Amira"), "ProfileChange"),
        ("/communities/secure-engineering/categories/new", ("name", "Ideas"), "CategoryOpen"),
        ("/communities/new", ("name", "Secure Engineering"), "CommunityFound"),
    ];
    for (path, field, operation) in buttons {
        let hub = Arc::new(Canned::default());
        let page = post(&hub, path, &command(&[field])).await;
        assert_eq!(page.status, StatusCode::SEE_OTHER, "{operation}: {}", page.html);
        assert_eq!(asked(&hub)[0].0, operation);
    }
}

#[tokio::test]
async fn a_refused_button_explains_itself() {
    for (kind, status) in
        [("NotAllowed", StatusCode::FORBIDDEN), ("NotFound", StatusCode::NOT_FOUND), ("Conflict", StatusCode::BAD_REQUEST)]
    {
        let answer = json!({ "outcome": { "userErrors": [{ "__typename": kind, "code": "X", "message": "Only a coordinator may lock this thread.", "field": null }] } });
        let page = post(&Arc::new(Canned::but("ThreadLock", Ok(answer))), "/threads/T1/lock", &command(&[])).await;
        assert_eq!(page.status, status, "{kind}");
        assert_eq!(page.html.contains("Only a coordinator may lock this thread."), kind != "NotFound", "{kind}");
    }
}

#[tokio::test]
async fn closing_as_a_duplicate_takes_the_address_of_the_other_thread() {
    let hub = Arc::new(Canned::default());
    post(&hub, "/threads/T1/close", &command(&[("reason", "DUPLICATE"), ("duplicate", "https://hub.example/threads/T2?after=x")])).await;
    assert_eq!(asked(&hub)[0].1["input"]["duplicateOf"], "T2");
    let page = post(&hub, "/threads/T1/close", &command(&[("reason", "DUPLICATE"), ("duplicate", "that one")])).await;
    assert_eq!(page.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn an_edit_sends_only_what_changed() {
    let hub = Arc::new(Canned::default());
    let title = "How do you rotate signing keys without breaking old builds?";
    let fields = command(&[("title", title), ("body", "Now with an example.")]);
    let page = post(&hub, "/threads/T1/posts/O1/edit", &fields).await;
    assert_eq!((page.status, page.location()), (StatusCode::SEE_OTHER, "/threads/T1#post-O1"));
    let operations: Vec<_> = asked(&hub).into_iter().map(|(operation, _)| operation).collect();
    assert_eq!(operations, ["PostPage", "PostEdit"]);
    let hub = Arc::new(Canned::default());
    post(&hub, "/threads/T1/posts/O1/edit", &command(&[("title", "Another"), ("body", "Now with an example.")])).await;
    let ids: Vec<_> =
        asked(&hub)[1..].iter().map(|(operation, variables)| (operation.clone(), variables["input"]["commandId"].clone())).collect();
    assert_eq!((ids[0].0.as_str(), ids[1].0.as_str()), ("ThreadRetitle", "PostEdit"));
    assert_ne!(ids[0].1, ids[1].1, "two commands have two ids");
}

#[tokio::test]
async fn a_new_token_is_shown_on_the_page_that_answers() {
    let hub = Arc::new(Canned::default());
    let page = post(&hub, "/profile/tokens", &command(&[("token-name", "Report"), ("scope", "WRITE"), ("days", "7")])).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.html.contains("hub_Zq1mB7xYc3dE5fG7hJ9kL1nP3rS5tV7wX9zA1bC3dE"));
    let input = &asked(&hub)[0].1["input"];
    assert_eq!((&input["scope"], &input["expiresAt"]), (&json!("WRITE"), &json!("2026-11-28T14:00:00Z")));
    assert!(!get(&hub, "/profile", true).await.html.contains("hub_Zq1mB7"), "and on no other");
}

#[tokio::test]
async fn our_script_gets_a_post_alone() {
    let hub = Arc::new(Canned::default());
    let request =
        Request::builder().method(Method::GET).uri("/threads/T1/posts/R1").header("x-hub-fragment", "post").header(COOKIE, "canned=amira");
    let part = send(&hub, request.body(Body::empty()).unwrap()).await;
    assert_eq!(part.status, StatusCode::OK);
    assert!(
        part.html.trim_start().starts_with("<li") && part.html.contains("id=\"post-R1\"") && !part.html.contains("<html"),
        "{}",
        part.html
    );
    insta::assert_snapshot!("fragment", part.html);
}

#[tokio::test]
async fn the_pages_as_they_are_written() {
    let hub = Arc::new(Canned::default());
    let main = |page: &Page| {
        // Assets are named by their content, which the style sheet changes more often than the page.
        let body = page.html.split_once("<body>").unwrap().1;
        body.to_owned()
    };
    insta::assert_snapshot!("home", main(&get(&hub, "/", true).await));
    insta::assert_snapshot!("sign_in", main(&get(&hub, "/sign-in?return_to=/threads/T1", false).await));
    insta::assert_snapshot!("community", main(&get(&hub, "/communities/secure-engineering", false).await));
    insta::assert_snapshot!("thread_of_a_stranger", main(&get(&hub, "/threads/T1", false).await));
    insta::assert_snapshot!("not_found", main(&get(&hub, "/threads/nothing", false).await));
}

#[tokio::test]
async fn an_unknown_asset_is_not_found_and_the_plain_name_is_not_kept() {
    let hub = Arc::new(Canned::default());
    assert_eq!(get(&hub, "/assets/other.css", false).await.status, StatusCode::NOT_FOUND);
    assert_eq!(get(&hub, "/assets/icon.css", false).await.status, StatusCode::NOT_FOUND);
    for plain in ["/assets/hub.css", "/assets/hub.0123456789abcdef.css", "/assets/hub.js", "/assets/icon.svg"] {
        let page = get(&hub, plain, false).await;
        assert_eq!((page.status, page.headers[CACHE_CONTROL].to_str().unwrap()), (StatusCode::OK, "no-cache"), "{plain}");
    }
}

#[tokio::test]
async fn what_happened_is_told_latest_first_with_its_difference_and_place() {
    let hub = Arc::new(Canned::default());
    let page = get(&hub, "/history/T1", true).await;
    let at = |text: &str| page.html.find(text).unwrap_or_else(|| panic!("{text} is not on the page"));
    assert!(at("Thread replied") < at("Thread locked") && at("Thread locked") < at("Thread retitled"));
    assert!(page.html.contains("no. 17 in the log") && page.html.contains("by the hub itself"));
    assert!(page.html.contains("<ins>signing </ins>") || page.html.contains("<ins>signing"), "the new words of the title are marked");
    // What brought something into being, or switched it, has no difference to show.
    assert_eq!(page.html.matches("class=\"diff\"").count(), 1);
    assert!(page.html.contains("href=\"/history/T1?before=c1\"") && !page.html.contains("?after=c9"));
    assert_eq!(get(&hub, "/history/T9", true).await.status, StatusCode::NOT_FOUND);
}
