use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn user(login: &str) -> Value {
    json!({ "login": login, "id": 7, "node_id": "U_7", "type": "User" })
}

fn discussion(updated_at: &str) -> Value {
    json!({
        "node_id": "D_1", "id": 1, "number": 12, "title": "Which linters?", "body": "We use *two*.", "state": "open", "locked": false,
        "html_url": "https://github.com/example/standards/discussions/12",
        "category": { "name": "Q&A", "slug": "q-a", "is_answerable": true, "description": "Ask the community" },
        "user": user("maple"), "created_at": "2030-01-02T09:00:00Z", "updated_at": updated_at, "answer_html_url": null
    })
}

fn comment(number: u64, parent: Option<u64>, body: &str) -> Value {
    json!({
        "node_id": format!("DC_{number}"), "id": number, "parent_id": parent, "body": body, "user": user("cedar"),
        "html_url": format!("https://github.com/example/standards/discussions/12#discussioncomment-{number}"),
        "created_at": format!("2030-01-02T10:{number:02}:00Z"), "updated_at": format!("2030-01-02T10:{number:02}:00Z")
    })
}

fn delivery(action: &str, discussion: &Value) -> Value {
    json!({ "action": action, "discussion": discussion, "repository": { "full_name": "example/standards" }, "sender": user("maple") })
}

fn about_comment(action: &str, comment: &Value) -> Value {
    let mut delivery = delivery(action, &discussion("2030-01-02T11:00:00Z"));
    delivery["comment"] = comment.clone();
    delivery
}

fn export() -> Value {
    let notes = json!({
        "id": "D_2", "number": 2, "title": "Weekly notes", "body": "Hello", "url": "https://github.com/example/standards/discussions/2",
        "createdAt": "2030-02-01T08:00:00Z", "updatedAt": "2030-02-03T08:00:00Z", "closed": true, "stateReason": "OUTDATED", "locked": true,
        "upvoteCount": 3, "author": null, "labels": { "nodes": [{ "name": "notes" }] },
        "category": { "name": "Announcements", "slug": "announcements", "isAnswerable": false, "emoji": ":mega:" },
        "comments": { "nodes": [] }
    });
    let reply = json!({ "id": "DC_2", "body": "Automatically.", "author": { "login": "maple" }, "createdAt": "2030-01-02T10:00:00Z" });
    let comment = json!({
        "id": "DC_1", "body": "Every month.", "author": { "login": "cedar" }, "createdAt": "2030-01-02T08:00:00Z",
        "lastEditedAt": "2030-01-02T09:00:00Z", "upvoteCount": 1,
        "url": "https://github.com/example/standards/discussions/1#discussioncomment-1", "replies": { "edges": [{ "node": reply }] }
    });
    let question = json!({
        "id": "D_1", "number": 1, "title": "How to rotate keys?", "body": "Every year?",
        "url": "https://github.com/example/standards/discussions/1", "createdAt": "2030-01-01T08:00:00Z",
        "updatedAt": "2030-01-03T08:00:00Z", "closed": false, "locked": false, "upvoteCount": 0,
        "author": { "login": "birch", "name": "B. Birch" }, "category": { "name": "Q&A", "isAnswerable": true },
        "answer": { "id": "DC_2" }, "answerChosenAt": "2030-01-02T12:00:00Z", "answerChosenBy": { "login": "birch" },
        "comments": { "nodes": [comment] }
    });
    let discussions = json!({ "pageInfo": { "hasNextPage": false }, "nodes": [notes, question] });
    json!({ "data": { "repository": { "nameWithOwner": "example/standards", "discussions": discussions } } })
}

fn messages(remarks: &[Remark]) -> Vec<String> {
    remarks.iter().map(ToString::to_string).collect()
}

#[test]
fn an_export_is_read_whole() {
    let parsed = parse(&export().to_string());
    insta::assert_json_snapshot!(parsed);
}

#[test]
fn deliveries_are_put_together() {
    let mut answered = delivery("answered", &discussion("2030-01-02T12:00:00Z"));
    answered["answer"] = comment(2, None, "Clippy.");
    answered["discussion"]["answer_html_url"] = answered["answer"]["html_url"].clone();
    let file = json!([
        answered,
        about_comment("created", &comment(3, Some(2), "And rustfmt.")),
        delivery("created", &discussion("2030-01-02T09:00:00Z")),
    ]);
    let parsed = parse(&file.to_string());
    insta::assert_json_snapshot!(parsed);
}

#[test]
fn the_latest_state_counts_whatever_the_order() {
    let mut later = discussion("2030-01-05T09:00:00Z");
    later["title"] = json!("Which formatters?");
    later["state"] = json!("closed");
    later["state_reason"] = json!("duplicate");
    let earlier = discussion("2030-01-04T09:00:00Z");
    for file in [
        json!([delivery("edited", &later), delivery("created", &earlier)]),
        json!([delivery("created", &earlier), delivery("edited", &later)]),
    ] {
        let parsed = parse(&file.to_string());
        assert_eq!(parsed.discussions.len(), 1);
        let thread = &parsed.discussions[0].thread;
        assert_eq!((thread.title.as_str(), thread.closed, thread.close_reason), ("Which formatters?", true, Some(CloseReason::Duplicate)));
    }
}

#[test]
fn what_was_deleted_stays_deleted() {
    let gone = comment(2, None, "Oops");
    let file = json!([about_comment("deleted", &gone), about_comment("created", &gone), about_comment("edited", &gone)]);
    assert_eq!(parse(&file.to_string()).discussions[0].posts, []);
    let file = json!([delivery("deleted", &discussion("2030-01-02T09:00:00Z")), delivery("created", &discussion("2030-01-02T09:00:00Z"))]);
    assert_eq!(parse(&file.to_string()).discussions, []);
}

#[test]
fn an_edited_comment_says_so() {
    let mut edited = comment(2, None, "Clippy, pedantic.");
    edited["updated_at"] = json!("2030-01-02T11:00:00Z");
    let file = json!([about_comment("edited", &edited), about_comment("created", &comment(2, None, "Clippy."))]);
    let posts = &parse(&file.to_string()).discussions[0].posts;
    assert_eq!((posts.len(), posts[0].body.as_str(), posts[0].edited), (1, "Clippy, pedantic.", true));
}

#[test]
fn no_action_of_a_discussion_is_too_much() {
    for action in [
        "answered",
        "category_changed",
        "closed",
        "created",
        "deleted",
        "edited",
        "labeled",
        "locked",
        "pinned",
        "reopened",
        "transferred",
        "unanswered",
        "unlabeled",
        "unlocked",
        "unpinned",
        "of_tomorrow",
    ] {
        let parsed = parse(&delivery(action, &discussion("2030-01-02T09:00:00Z")).to_string());
        assert_eq!(parsed.problems, [], "{action}");
        assert_eq!(parsed.discussions.len(), usize::from(action != "deleted"), "{action}");
    }
}

#[test]
fn the_collection_of_examples_is_read_and_other_events_are_passed_over() {
    let file = json!([
        { "name": "push", "actions": [], "examples": [{}, {}] },
        { "name": "discussion", "actions": ["created"], "examples": [delivery("created", &discussion("2030-01-02T09:00:00Z"))] },
        { "name": "discussion_comment", "actions": ["created"], "examples": [about_comment("created", &comment(1, None, "Hi"))] },
    ]);
    let parsed = parse(&file.to_string());
    assert_eq!((parsed.discussions.len(), parsed.discussions[0].posts.len()), (1, 1));
    assert_eq!(messages(&parsed.passed_over), ["record 1, line 1, $[0]: 2 examples of `push`: they hold no discussion"]);
    assert_eq!(parsed.problems, []);
}

#[test]
fn a_malformed_record_is_named_and_the_rest_is_read() {
    let mut nameless = delivery("created", &discussion("2030-01-02T09:00:00Z"));
    nameless["discussion"]["node_id"] = json!("D_2");
    nameless["discussion"]["title"] = json!(5);
    let mut timeless = delivery("created", &discussion("2030-01-02T09:00:00Z"));
    timeless["discussion"]["created_at"] = json!("yesterday");
    let file = json!([nameless, "nonsense", delivery("created", &discussion("2030-01-02T09:00:00Z")), timeless]);
    let parsed = parse(&file.to_string());
    assert_eq!(parsed.discussions.len(), 1);
    assert_eq!(
        messages(&parsed.problems),
        [
            "record 1, line 1, $[0].discussion.title: is not text",
            "record 2, line 1, $[1]: this is neither a webhook delivery nor the answer to a GraphQL query of discussions",
            "record 4, line 1, $[3].discussion.created_at: is not a time as in 2030-01-31T12:00:00Z",
        ]
    );
}

#[test]
fn a_broken_line_among_lines_is_named_and_the_rest_is_read() {
    let file = format!(
        "{}\n{{\"action\": \n{}\n",
        delivery("created", &discussion("2030-01-02T09:00:00Z")),
        about_comment("created", &comment(1, None, "Hi"))
    );
    let parsed = parse(&file);
    assert_eq!((parsed.discussions.len(), parsed.discussions[0].posts.len()), (1, 1));
    let problems = messages(&parsed.problems);
    assert_eq!(problems.len(), 1);
    assert!(problems[0].starts_with("line 2, $: not JSON from column"), "{problems:?}");
}

#[test]
fn an_array_that_breaks_off_keeps_what_came_before() {
    let whole =
        json!([delivery("created", &discussion("2030-01-02T09:00:00Z")), about_comment("created", &comment(1, None, "Hi"))]).to_string();
    let parsed = parse(&whole[..whole.len() - 40]);
    assert_eq!(parsed.discussions.len(), 1);
    assert_eq!(parsed.problems.len(), 1);
}

#[test]
fn pages_one_after_the_other_are_read() {
    let mut second = export();
    second["data"]["repository"]["discussions"]["nodes"] = json!([]);
    let parsed = parse(&format!("{}{}\n{}", export(), second, json!([second])));
    assert_eq!((parsed.discussions.len(), parsed.problems.len()), (2, 0));
}

#[test]
fn comments_left_on_a_next_page_are_missed() {
    let mut page = export();
    page["data"]["repository"]["discussions"]["nodes"][1]["comments"]["pageInfo"] = json!({ "hasNextPage": true });
    let problems = messages(&parse(&page.to_string()).problems);
    assert_eq!(
        problems,
        [
            "record 2, line 1, $.data.repository.discussions.nodes[1].comments: GitHub has more comments than this file: ask for the next pages too"
        ]
    );
}

#[test]
fn the_error_github_answered_with_is_shown() {
    let problems =
        messages(&parse(r#"{"data": {"repository": null}, "errors": [{"message": "Could not resolve to a Repository"}]}"#).problems);
    assert!(problems.iter().any(|problem| problem.contains("Could not resolve to a Repository")), "{problems:?}");
}

#[test]
fn a_reply_without_its_parent_stands_alone_and_is_named() {
    let parsed = parse(&about_comment("created", &comment(9, Some(8), "Indeed")).to_string());
    assert_eq!(parsed.discussions[0].posts[0].reply_to, None);
    assert_eq!(
        messages(&parsed.problems),
        ["record 1, line 1, $.comment: replies to comment 8, which this file does not hold; it is taken as a comment of its own"]
    );
}

#[test]
fn replies_follow_what_they_reply_to_even_if_clocks_disagree_or_they_form_a_circle() {
    let mut early = comment(1, Some(2), "Reply from the past");
    early["created_at"] = json!("2029-01-01T00:00:00Z");
    let file = json!([about_comment("created", &early), about_comment("created", &comment(2, None, "Comment"))]);
    let posts = parse(&file.to_string()).discussions[0].posts.clone();
    assert_eq!(posts.iter().map(|post| post.source_id.as_str()).collect::<Vec<_>>(), ["DC_2", "DC_1"]);
    let file = json!([about_comment("created", &comment(1, Some(2), "a")), about_comment("created", &comment(2, Some(1), "b"))]);
    let posts = parse(&file.to_string()).discussions[0].posts.clone();
    assert_eq!((posts.len(), posts[0].reply_to.clone()), (2, None));
}

#[test]
fn an_empty_file_is_named() {
    assert_eq!(messages(&parse(" \n").problems), ["line 1, $: the file is empty"]);
}

fn arbitrary_json() -> impl Strategy<Value = Value> {
    let names = prop::sample::select(vec![
        "action",
        "discussion",
        "comment",
        "answer",
        "repository",
        "discussions",
        "data",
        "nodes",
        "edges",
        "node",
        "comments",
        "replies",
        "id",
        "node_id",
        "name",
        "examples",
        "number",
        "title",
        "body",
        "created_at",
        "createdAt",
        "user",
        "author",
        "login",
        "category",
        "errors",
        "payload",
        "request",
        "full_name",
        "parent_id",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
        Just(json!("2030-01-01T00:00:00Z")),
        Just(json!("discussion")),
    ];
    leaf.prop_recursive(6, 64, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map(names.clone(), inner, 0..8)
                .prop_map(|map| map.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Value>()),
        ]
    })
}

proptest! {
    #[test]
    fn arbitrary_json_makes_no_panic(value in arbitrary_json()) {
        let parsed = parse(&value.to_string());
        for discussion in &parsed.discussions {
            let mut before = std::collections::BTreeSet::new();
            for post in &discussion.posts {
                prop_assert!(post.reply_to.as_ref().is_none_or(|parent| before.contains(parent)));
                before.insert(post.source_id.clone());
            }
        }
    }

    #[test]
    fn arbitrary_text_makes_no_panic(text in "[\\[\\]{}\",:a-z0-9\\n é]{0,200}") {
        let _ = parse(&text);
    }

    #[test]
    fn a_file_cut_off_anywhere_makes_no_panic(cut in 0..3000_usize) {
        let text = export().to_string();
        let cut = (0..=cut.min(text.len())).rev().find(|cut| text.is_char_boundary(*cut)).unwrap_or(0);
        let _ = parse(&text[..cut]);
    }
}
