//! Webhook deliveries. Each carries the whole discussion as it was then, and one comment if it is about one.

use kernel::Timestamp;

use super::{
    Category, CloseReason, Discussion, Post, Thread,
    merge::{Collection, Parent, Seen},
    reader::{At, Fault},
};

/// Reads one event of the collection of examples: `{"name", "examples": […]}`.
pub(super) fn read_examples(into: &mut Collection, line: usize, at: &At<'_>) {
    let name = at.get("name").and_then(|name| name.text().ok()).unwrap_or_default();
    let Some(examples) = at.get("examples").and_then(|examples| examples.elements()) else {
        let place = into.next_record(line, at.path());
        return into.problem_at(place, "the examples are not an array");
    };
    if matches!(name, "discussion" | "discussion_comment") {
        examples.for_each(|example| read_delivery(into, line, &example));
    } else {
        let place = into.next_record(line, at.path());
        into.pass_over(place, format!("{} examples of `{name}`: they hold no discussion", examples.count()));
    }
}

/// Reads one delivery.
pub(super) fn read_delivery(into: &mut Collection, line: usize, at: &At<'_>) {
    let place = into.next_record(line, at.path());
    if let Err(fault) = delivery(into, at) {
        into.fault(&place, fault);
    } else if let Some(reason) = at.get("action").and_then(|action| action.text().ok()).and_then(without_content) {
        into.pass_over(place, reason);
    }
}

/// What an action tells beyond the discussion's state, where we import nothing of it.
fn without_content(action: &str) -> Option<&'static str> {
    match action {
        "pinned" | "unpinned" => Some("pinning is the community's own choice here; the discussion's state was read"),
        "transferred" => Some("where it went is read from the deliveries of that repository; the discussion's state was read"),
        "deleted" => Some("what was deleted is not imported"),
        _ => None,
    }
}

fn delivery(into: &mut Collection, at: &At<'_>) -> Result<(), Fault> {
    let action = at.get_text("action")?.unwrap_or_default();
    let source = at.need("discussion")?;
    let discussion = discussion(&source, repository(at, &source)?)?;
    let thread = discussion.thread.source_id.clone();
    let deleted = action == "deleted";

    // Read all before keeping any, so that a delivery counts as a whole or not at all.
    let mut posts = Vec::new();
    for name in ["comment", "answer", "old_answer"] {
        if let Some(comment) = at.get(name) {
            posts.push((name, post(&comment, action == "edited" && name == "comment")?));
        }
    }
    if at.get("comment").is_none() && deleted {
        into.delete_discussion(thread);
        return Ok(());
    }
    let answer_url = source.get_text("answer_html_url")?.map(str::to_owned);
    into.see_discussion(discussion, answer_url);
    for (name, seen) in posts {
        if deleted && name == "comment" {
            into.delete_post(seen.post.source_id);
        } else {
            into.see_post(&thread, seen);
        }
    }
    Ok(())
}

fn repository(at: &At<'_>, discussion: &At<'_>) -> Result<String, Fault> {
    if let Some(name) = at.get("repository").map(|repository| repository.get_text("full_name")).transpose()?.flatten() {
        return Ok(name.to_owned());
    }
    let url = discussion.need("html_url")?;
    super::merge::repository_of(url.text()?).ok_or_else(|| url.fault("does not lie within a repository"))
}

fn discussion(at: &At<'_>, repository: String) -> Result<Discussion, Fault> {
    let created_at = at.need_time("created_at")?;
    let state = at.get_text("state")?.unwrap_or("open");
    let closed = state == "closed";
    let url = at.get_text("html_url")?;
    let thread = Thread {
        source_id: source_id(at, url)?,
        url: url.map(str::to_owned),
        number: at.need_number("number")?,
        title: at.need_text("title")?.to_owned(),
        body: at.get_text("body")?.unwrap_or_default().to_owned(),
        author: at.author("user")?,
        created_at,
        updated_at: updated_at(at, created_at)?,
        locked: at.flag("locked")? || state == "locked",
        closed,
        close_reason: if closed { at.get_text("state_reason")?.and_then(CloseReason::from_source) } else { None },
        // Known by its address only, until all posts are.
        answer: None,
        answered_at: at.get_time("answer_chosen_at")?,
        answered_by: at.get("answer_chosen_by").map(|_| at.author("answer_chosen_by")).transpose()?,
        upvotes: at.get("reactions").map_or(Ok(0), |reactions| reactions.number("+1"))?,
        labels: labels(at)?,
    };
    let category = at.get("category").map_or_else(|| Ok(Category::general()), |category| Category::read(&category, "is_answerable"))?;
    Ok(Discussion { repository, category, thread, posts: Vec::new() })
}

fn labels(at: &At<'_>) -> Result<Vec<String>, Fault> {
    let labels = at.get("labels").and_then(|labels| labels.elements());
    labels.into_iter().flatten().map(|label| label.need_text("name").map(str::to_owned)).collect()
}

fn post(at: &At<'_>, edited: bool) -> Result<Seen, Fault> {
    let created_at = at.need_time("created_at")?;
    let url = at.get_text("html_url")?;
    let post = Post {
        source_id: source_id(at, url)?,
        url: url.map(str::to_owned),
        reply_to: None,
        author: at.author("user")?,
        body: at.get_text("body")?.unwrap_or_default().to_owned(),
        created_at,
        edited,
        upvotes: at.get("reactions").map_or(Ok(0), |reactions| reactions.number("+1"))?,
    };
    let number = if at.get("id").is_some() { Some(at.need_number("id")?) } else { None };
    let parent = if at.get("parent_id").is_some() { Parent::Number(at.need_number("parent_id")?) } else { Parent::None };
    Ok(Seen { post, number, parent, updated_at: updated_at(at, created_at)?, path: at.path().to_owned() })
}

fn updated_at(at: &At<'_>, created_at: Timestamp) -> Result<Timestamp, Fault> {
    Ok(at.get_time("updated_at")?.unwrap_or(created_at))
}

/// The node id, or the address.
fn source_id(at: &At<'_>, url: Option<&str>) -> Result<String, Fault> {
    match (at.get_text("node_id")?.filter(|id| !id.is_empty()), url) {
        (Some(id), _) => Ok(id.to_owned()),
        (None, Some(url)) => Ok(url.to_owned()),
        (None, None) => Err(at.fault("has neither `node_id` nor `html_url`: it could not be known again")),
    }
}
