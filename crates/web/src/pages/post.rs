//! One post: a page of its own, its edits, its history, and what people do to it with a click.

use super::thread::to_post;
use super::{path, with_query};
use crate::difference::{self, Line};
use crate::documents::{
    HistoryPage, PostEdit, PostMarkAnswer, PostPage, PostReact, PostReactionWithdraw, PostUnmarkAnswer, PostUpvote, PostUpvoteWithdraw,
    ThreadRetitle,
};
use crate::documents::{
    history_page, post_edit, post_mark_answer, post_page, post_react, post_reaction_withdraw, post_unmark_answer, post_upvote,
    post_upvote_withdraw, thread_retitle,
};
use crate::form::{FieldError, Posted, field_errors, taken};
use crate::problem::Problem;
use crate::visit::{Chrome, Here, Me, Visit, me, page, page_with};
use crate::words::Reaction;
use askama::Template;
use axum::extract::{Path, Query};
use axum::response::Response;
use http::StatusCode;
use kernel::Timestamp;
use serde::Deserialize;
use uuid::Uuid;

/// Replies on a page.
const PAGE: i64 = 30;

/// The part of the address behind the question mark.
#[derive(Deserialize)]
pub(crate) struct Address {
    after: Option<String>,
}

struct Found {
    post: post_page::PostWhole,
    me: Option<Me>,
    preview: String,
}

async fn find(visit: &Visit, thread: &str, id: &str, after: Option<String>, body: String) -> Result<Found, Problem> {
    let data = visit.ask::<PostPage>(post_page::Variables { id: id.to_owned(), first: PAGE, after, body }).await?;
    let me = me!(data.viewer);
    match data.node {
        Some(post_page::PostPageNode::Post(post)) if post.thread.id == thread => Ok(Found { post, me, preview: data.markdown_preview }),
        _ => Err(Problem::NotFound),
    }
}

struct ReplyForm {
    body: String,
    errors: Vec<FieldError>,
}

#[derive(Template)]
#[template(path = "post.html")]
struct OnePost<'p> {
    chrome: Chrome,
    post: &'p post_page::PostWhole,
    thread: &'p post_page::PostWholeThread,
    answers_format: bool,
    next: Option<String>,
    form: ReplyForm,
}

#[derive(Template)]
#[template(path = "post_fragment.html")]
struct Fragment<'p> {
    chrome: Chrome,
    post: &'p post_page::PostWhole,
    thread: &'p post_page::PostWholeThread,
    answers_format: bool,
    class: &'static str,
}

/// The post; as a part of a page, if our script asks for that.
pub(crate) async fn show(
    visit: Visit,
    Path((thread, id)): Path<(String, String)>,
    Query(address): Query<Address>,
) -> Result<Response, Problem> {
    let Found { post, me, .. } = find(&visit, &thread, &id, address.after, String::new()).await?;
    let chrome = visit.chrome(Here::Communities, me);
    let answers_format = post.thread.category.format.has_answers();
    if visit.fragment {
        let class = if post.reply_to.is_some() { "reply fresh" } else { "fresh" };
        return page(&Fragment { chrome, thread: &post.thread, answers_format, class, post: &post });
    }
    let info = &post.replies.page_info;
    let here = path(&["threads", &thread, "posts", &id]);
    let next = info.end_cursor.as_deref().filter(|_| info.has_next_page).map(|cursor| with_query(&here, &[("after", cursor)]));
    let form = ReplyForm { body: String::new(), errors: Vec::new() };
    page(&OnePost { chrome, thread: &post.thread, answers_format, next, form, post: &post })
}

struct EditForm {
    command_id: Uuid,
    title: String,
    body: String,
    errors: Vec<FieldError>,
}

#[derive(Template)]
#[template(path = "post_edit.html")]
struct Edit<'p> {
    chrome: Chrome,
    thread: &'p post_page::PostWholeThread,
    post: &'p str,
    opening: bool,
    preview: Option<String>,
    form: EditForm,
}

/// The form to edit it; with the opening post goes the thread's title.
pub(crate) async fn edit(visit: Visit, Path((thread, id)): Path<(String, String)>) -> Result<Response, Problem> {
    visit.signed_in()?;
    let found = find(&visit, &thread, &id, None, String::new()).await?;
    let form = EditForm {
        command_id: visit.web.ids.next(),
        title: found.post.thread.title.clone(),
        body: found.post.body.clone(),
        errors: Vec::new(),
    };
    render_edit(&visit, found, &id, form, None)
}

fn render_edit(
    visit: &Visit,
    Found { post, me, .. }: Found,
    id: &str,
    form: EditForm,
    preview: Option<String>,
) -> Result<Response, Problem> {
    if !post.post_parts.viewer_can_edit {
        return Err(Problem::NotAllowed("Only its author and the coordinators of the community edit a post.".to_owned()));
    }
    let status = if form.errors.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let chrome = visit.chrome(Here::Communities, me);
    page_with(status, &Edit { chrome, thread: &post.thread, post: id, opening: post.post_parts.is_opening, preview, form })
}

/// Save what changed, or show what it will look like.
pub(crate) async fn save(Path((thread, id)): Path<(String, String)>, Posted { visit, fields }: Posted) -> Result<Response, Problem> {
    let command_id = fields.command_id()?;
    let (title, body) = (fields.text("title"), fields.text("body"));
    let keep = |problem: Problem| problem.keeping(&body);
    let form = |command_id, errors| EditForm { command_id, title: title.clone(), body: body.clone(), errors };
    let shown = if fields.wants_preview() { body.clone() } else { String::new() };
    let found = find(&visit, &thread, &id, None, shown).await.map_err(keep)?;
    if fields.wants_preview() {
        let preview = found.preview.clone();
        return render_edit(&visit, found, &id, form(command_id, Vec::new()), Some(preview));
    }
    let mut errors = Vec::new();
    if found.post.post_parts.is_opening && title.trim() != found.post.thread.title {
        // One form, two commands: the second id follows from the first, so that sending the form twice still does each once.
        let command_id = Uuid::new_v5(&command_id, b"title");
        let input = thread_retitle::ThreadRetitleInput {
            command_id,
            validate_only: None,
            expected_version: None,
            thread: thread.clone(),
            title: title.clone(),
        };
        let outcome = visit.send::<ThreadRetitle>(thread_retitle::Variables { input }).await.map_err(keep)?;
        errors.extend(field_errors(&outcome, &[("title", "Title")]));
    }
    if errors.is_empty() && body != found.post.body {
        let input =
            post_edit::PostEditInput { command_id, validate_only: None, expected_version: None, post: id.clone(), body: body.clone() };
        let outcome = visit.send::<PostEdit>(post_edit::Variables { input }).await.map_err(keep)?;
        errors.extend(field_errors(&outcome, &[("body", "Text")]));
    }
    if errors.is_empty() {
        return Ok(to_post(&path(&["threads", &thread]), Some(&id)));
    }
    render_edit(&visit, found, &id, form(visit.web.ids.next(), errors), None)
}

/// A version of a post, against the one before.
struct Version {
    number: usize,
    at: Timestamp,
    by: Option<String>,
    lines: Vec<Line>,
}

#[derive(Template)]
#[template(path = "history.html")]
struct History {
    chrome: Chrome,
    thread: history_page::PostHistoryThread,
    author: history_page::Who,
    versions: Vec<Version>,
}

/// How the post changed, the newest version first.
pub(crate) async fn history(visit: Visit, Path((thread, id)): Path<(String, String)>) -> Result<Response, Problem> {
    let data = visit.ask::<HistoryPage>(history_page::Variables { id }).await?;
    let chrome = visit.chrome(Here::Communities, me!(data.viewer));
    let post = match data.node {
        Some(history_page::HistoryPageNode::Post(post)) if post.thread.id == thread => post,
        _ => return Err(Problem::NotFound),
    };
    let mut texts: Vec<_> =
        post.revisions.into_iter().map(|revision| (revision.at, revision.by.map(|by| by.name), revision.body)).collect();
    texts.sort_by_key(|(at, ..)| *at);
    if texts.last().is_none_or(|(.., body)| *body != post.body) {
        texts.push((post.edited_at.unwrap_or(post.created_at), None, post.body));
    }
    let mut versions = Vec::with_capacity(texts.len());
    let mut before: Option<String> = None;
    for (number, (at, by, body)) in (1..).zip(texts) {
        let lines = before.as_deref().map_or_else(|| difference::whole(&body), |before| difference::between(before, &body));
        versions.push(Version { number, at, by, lines });
        before = Some(body);
    }
    versions.reverse();
    page(&History { chrome, thread: post.thread, author: post.author, versions })
}

/// The buttons under a post: upvote, react, mark as answer, and each taken back. Which one was pressed is its name and value.
pub(crate) async fn react(Path((thread, id)): Path<(String, String)>, Posted { visit, fields }: Posted) -> Result<Response, Problem> {
    let command_id = fields.command_id()?;
    let reaction = |name: &str| Reaction::parse(&fields.text(name));
    let outcome = if let Some(reaction) = reaction("reaction") {
        let input = post_react::PostReactionInput { command_id, validate_only: None, expected_version: None, post: id.clone(), reaction };
        visit.send::<PostReact>(post_react::Variables { input }).await?
    } else if let Some(reaction) = reaction("withdraw") {
        let input = post_reaction_withdraw::PostReactionInput {
            command_id,
            validate_only: None,
            expected_version: None,
            post: id.clone(),
            reaction,
        };
        visit.send::<PostReactionWithdraw>(post_reaction_withdraw::Variables { input }).await?
    } else {
        match (fields.text("upvote").as_str(), fields.text("answer").as_str()) {
            ("add", _) => {
                let input = post_upvote::PostInput { command_id, validate_only: None, expected_version: None, post: id.clone() };
                visit.send::<PostUpvote>(post_upvote::Variables { input }).await?
            }
            ("withdraw", _) => {
                let input = post_upvote_withdraw::PostInput { command_id, validate_only: None, expected_version: None, post: id.clone() };
                visit.send::<PostUpvoteWithdraw>(post_upvote_withdraw::Variables { input }).await?
            }
            (_, "mark") => {
                let input = post_mark_answer::PostInput { command_id, validate_only: None, expected_version: None, post: id.clone() };
                visit.send::<PostMarkAnswer>(post_mark_answer::Variables { input }).await?
            }
            (_, "unmark") => {
                let input = post_unmark_answer::PostInput { command_id, validate_only: None, expected_version: None, post: id.clone() };
                visit.send::<PostUnmarkAnswer>(post_unmark_answer::Variables { input }).await?
            }
            _ => return Err(Problem::Bad("Press one of the buttons under the post.".to_owned())),
        }
    };
    taken(outcome)?;
    let there = visit.came_from_thread().unwrap_or_else(|| path(&["threads", &thread]));
    Ok(to_post(&there, Some(&id)))
}
