//! A thread: reading it, replying, and looking after it.

use super::{path, with_query};
use crate::documents::{ThreadClose, ThreadLock, ThreadPage, ThreadReopen, ThreadReply, ThreadUnlock};
use crate::documents::{thread_close, thread_lock, thread_page, thread_reopen, thread_reply, thread_unlock};
use crate::form::{FieldError, Posted, field_errors, taken};
use crate::problem::Problem;
use crate::visit::{Chrome, Here, Visit, me, page_with};
use crate::words::CloseReason;
use askama::Template;
use axum::extract::{Path, Query};
use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;
use serde::Deserialize;
use url::form_urlencoded::byte_serialize;
use uuid::Uuid;

/// Posts on a page.
const PAGE: i64 = 20;

/// The part of the address behind the question mark.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Address {
    after: Option<String>,
    before: Option<String>,
    from: Option<String>,
}

struct Form {
    command_id: Uuid,
    body: String,
    reply_to: String,
    replying_to: Option<String>,
    errors: Vec<FieldError>,
}

#[derive(Template)]
#[template(path = "thread.html")]
struct OneThread {
    chrome: Chrome,
    thread: thread_page::ThreadParts,
    position: String,
    answers_format: bool,
    first_page: bool,
    earlier: Option<String>,
    later: Option<String>,
    reach_hint: String,
    preview: Option<String>,
    form: Form,
}

/// The thread.
pub(crate) async fn show(visit: Visit, Path(id): Path<String>, Query(address): Query<Address>) -> Result<Response, Problem> {
    let form =
        Form { command_id: visit.web.ids.next(), body: String::new(), reply_to: String::new(), replying_to: None, errors: Vec::new() };
    render(&visit, id, &address, form, false).await
}

async fn render(visit: &Visit, id: String, address: &Address, mut form: Form, preview: bool) -> Result<Response, Problem> {
    let backwards = address.from.as_deref() == Some("end") || address.before.is_some();
    let variables = thread_page::Variables {
        id,
        first: (!backwards).then_some(PAGE),
        after: address.after.clone().filter(|_| !backwards),
        last: backwards.then_some(PAGE),
        before: address.before.clone(),
        body: if preview { form.body.clone() } else { String::new() },
    };
    let data = visit.ask::<ThreadPage>(variables).await?;
    let Some(thread_page::ThreadPageNode::Thread(thread)) = data.node else { return Err(Problem::NotFound) };
    let here = path(&["threads", &thread.id]);
    let info = &thread.posts.page_info;
    let link = |name: &str, there: bool, cursor: &Option<String>| {
        cursor.as_deref().filter(|_| there).map(|cursor| with_query(&here, &[(name, cursor)]))
    };
    let (earlier, later) =
        (link("before", info.has_previous_page, &info.start_cursor), link("after", info.has_next_page, &info.end_cursor));
    if !form.reply_to.is_empty() {
        let author =
            thread.posts.nodes.iter().find(|node| node.post_parts.id == form.reply_to).map(|node| node.post_parts.author.name.clone());
        form.replying_to = Some(author.unwrap_or_else(|| "an earlier post".to_owned()));
    }
    let status = if form.errors.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let page = OneThread {
        chrome: visit.chrome(Here::Communities, me!(data.viewer)),
        position: data.hub.position,
        answers_format: thread.category.format.has_answers(),
        first_page: earlier.is_none(),
        earlier,
        later,
        reach_hint: format!("Who can see it: {}", thread.audience.summary),
        preview: preview.then_some(data.markdown_preview),
        form,
        thread,
    };
    page_with(status, &page)
}

/// Reply to the thread, or to a post in it; or show what the reply will look like.
pub(crate) async fn reply(Path(id): Path<String>, Posted { visit, fields }: Posted) -> Result<Response, Problem> {
    let command_id = fields.command_id()?;
    let form =
        |command_id, errors| Form { command_id, body: fields.text("body"), reply_to: fields.text("reply_to"), replying_to: None, errors };
    let address = Address { from: Some("end".to_owned()), ..Address::default() };
    if fields.wants_preview() {
        return render(&visit, id, &address, form(command_id, Vec::new()), true).await;
    }
    let input = thread_reply::ThreadReplyInput {
        command_id,
        validate_only: None,
        expected_version: None,
        thread: id.clone(),
        body: fields.text("body"),
        reply_to: fields.given("reply_to"),
    };
    let outcome =
        visit.send::<ThreadReply>(thread_reply::Variables { input }).await.map_err(|problem| problem.keeping(&fields.text("body")))?;
    let errors = field_errors(&outcome, &[("body", "Your reply")]);
    if !errors.is_empty() {
        return render(&visit, id, &address, form(visit.web.ids.next(), errors), false).await;
    }
    let mut there = path(&["threads", &id]);
    if fields.given("reply_to").is_some() {
        there = visit.came_from_thread().unwrap_or(there);
    } else if outcome.thread.is_some_and(|thread| thread.reply_count > PAGE) {
        there.push_str("?from=end");
    }
    Ok(to_post(&there, outcome.post.as_ref().map(|post| post.id.as_str())))
}

/// To a page, and on it to a post.
pub(super) fn to_post(page: &str, post: Option<&str>) -> Response {
    let anchor = post.map(|id| format!("#post-{}", byte_serialize(id.as_bytes()).collect::<String>())).unwrap_or_default();
    Redirect::to(&format!("{page}{anchor}")).into_response()
}

/// Lock it.
pub(crate) async fn lock(Path(id): Path<String>, Posted { visit, fields }: Posted) -> Result<Response, Problem> {
    let input =
        thread_lock::ThreadInput { command_id: fields.command_id()?, validate_only: None, expected_version: None, thread: id.clone() };
    taken(visit.send::<ThreadLock>(thread_lock::Variables { input }).await?)?;
    Ok(to_post(&path(&["threads", &id]), None))
}

/// Unlock it.
pub(crate) async fn unlock(Path(id): Path<String>, Posted { visit, fields }: Posted) -> Result<Response, Problem> {
    let input =
        thread_unlock::ThreadInput { command_id: fields.command_id()?, validate_only: None, expected_version: None, thread: id.clone() };
    taken(visit.send::<ThreadUnlock>(thread_unlock::Variables { input }).await?)?;
    Ok(to_post(&path(&["threads", &id]), None))
}

/// Close it.
pub(crate) async fn close(Path(id): Path<String>, Posted { visit, fields }: Posted) -> Result<Response, Problem> {
    let reason = CloseReason::parse(&fields.text("reason")).ok_or_else(|| Problem::Bad("Choose why the thread is closed.".to_owned()))?;
    let duplicate_of = match reason {
        CloseReason::Duplicate => Some(thread_in(&fields.text("duplicate")).ok_or_else(|| {
            Problem::Bad("Give the address of the thread that this one repeats: copy it from your browser, /threads/… and all.".to_owned())
        })?),
        CloseReason::Resolved | CloseReason::Outdated => None,
    };
    let input = thread_close::ThreadCloseInput {
        command_id: fields.command_id()?,
        validate_only: None,
        expected_version: None,
        thread: id.clone(),
        reason,
        duplicate_of,
    };
    taken(visit.send::<ThreadClose>(thread_close::Variables { input }).await?)?;
    Ok(to_post(&path(&["threads", &id]), None))
}

/// Open it again.
pub(crate) async fn reopen(Path(id): Path<String>, Posted { visit, fields }: Posted) -> Result<Response, Problem> {
    let input =
        thread_reopen::ThreadInput { command_id: fields.command_id()?, validate_only: None, expected_version: None, thread: id.clone() };
    taken(visit.send::<ThreadReopen>(thread_reopen::Variables { input }).await?)?;
    Ok(to_post(&path(&["threads", &id]), None))
}

/// The thread that an address leads to: `https://hub.example.org/threads/ID?after=…`, or a part of it.
fn thread_in(address: &str) -> Option<String> {
    let (_, rest) = address.trim().rsplit_once("/threads/")?;
    let id = rest.split(['/', '?', '#']).next().filter(|id| !id.is_empty())?;
    url::form_urlencoded::parse(id.replace('+', "%2B").as_bytes()).next().map(|(id, _)| id.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_is_found_in_its_address() {
        assert_eq!(thread_in("https://hub.example.org/threads/abc?after=x#post-1").as_deref(), Some("abc"));
        assert_eq!(thread_in(" /threads/a_b-c/posts/d ").as_deref(), Some("a_b-c"));
        assert_eq!(thread_in("https://example.org/"), None);
        assert_eq!(thread_in("/threads/"), None);
    }
}
