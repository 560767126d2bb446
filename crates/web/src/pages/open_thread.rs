//! Opening a thread: its category, its words, and who may see it.

use super::path;
use crate::documents::{ThreadOpen, ThreadOpenPage, thread_open, thread_open_page};
use crate::form::{FieldError, Fields, Posted, field_errors};
use crate::problem::Problem;
use crate::visit::{Chrome, Here, Visit, me, page_with};
use crate::words::{Format, Reach};
use askama::Template;
use axum::extract::{Path, Query};
use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;
use serde::Deserialize;
use thread_open::{AudienceInput, AudienceKind, ThreadOpenInput};
use uuid::Uuid;

/// The part of the address behind the question mark.
#[derive(Deserialize)]
pub(crate) struct Address {
    category: Option<String>,
}

struct Form {
    command_id: Uuid,
    category: String,
    title: String,
    body: String,
    audience: String,
    errors: Vec<FieldError>,
}

#[derive(Template)]
#[template(path = "thread_open.html")]
struct OpenThread {
    chrome: Chrome,
    base: String,
    community: thread_open_page::ThreadOpenPageCommunity,
    categories: Vec<thread_open_page::ThreadOpenPageCommunityCategories>,
    audiences: Vec<(&'static str, String, &'static str)>,
    preview: Option<String>,
    form: Form,
}

/// The form.
pub(crate) async fn show(visit: Visit, Path(slug): Path<String>, Query(address): Query<Address>) -> Result<Response, Problem> {
    visit.signed_in()?;
    let mut form = Form {
        command_id: visit.web.ids.next(),
        category: String::new(),
        title: String::new(),
        body: String::new(),
        audience: String::new(),
        errors: Vec::new(),
    };
    form.category = address.category.unwrap_or_default();
    render(&visit, slug, form, false).await
}

async fn render(visit: &Visit, slug: String, mut form: Form, preview: bool) -> Result<Response, Problem> {
    let base = path(&["communities", &slug]);
    let body = if preview { form.body.clone() } else { String::new() };
    let data = visit.ask::<ThreadOpenPage>(thread_open_page::Variables { slug, body }).await?;
    let mut community = data.community.ok_or(Problem::NotFound)?;
    let can = &community.viewer_can;
    let may = |format: Format| if format == Format::Announcement { can.announce } else { can.open_thread };
    let categories: Vec<_> =
        std::mem::take(&mut community.categories).into_iter().filter(|category| !category.closed && may(category.format)).collect();
    if let [only] = categories.as_slice() {
        form.category.clone_from(&only.id);
    }
    let status = if form.errors.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let page = OpenThread {
        chrome: visit.chrome(Here::Communities, me!(data.viewer)),
        base,
        categories,
        audiences: audiences(community.audience.reach, &community.audience.summary, &community.name),
        community,
        preview: preview.then_some(data.markdown_preview),
        form,
    };
    page_with(status, &page)
}

/// What may be chosen: a thread never reaches further than its community.
fn audiences(reach: Reach, summary: &str, community: &str) -> Vec<(&'static str, String, &'static str)> {
    let mut choices = vec![("", format!("As usual in its category: {summary}"), "")];
    if reach == Reach::Public {
        choices.push(("MEMBERS", "Everyone who is signed in".to_owned(), "Not on the open web."));
    }
    if matches!(reach, Reach::Public | Reach::Members) {
        choices.push(("COMMUNITY", format!("Only members of {community}"), ""));
        choices.push(("ORGANISATION", "Only people of your organisation".to_owned(), "Also those who are not members here."));
    }
    choices
}

fn audience(word: &str) -> Option<AudienceInput> {
    let kind = match word {
        "MEMBERS" => AudienceKind::MEMBERS,
        "COMMUNITY" => AudienceKind::COMMUNITY,
        "ORGANISATION" => AudienceKind::ORGANISATION,
        _ => return None,
    };
    Some(AudienceInput { kind, persons: None })
}

/// Open it, or show what it will look like.
pub(crate) async fn send(Path(slug): Path<String>, Posted { visit, fields }: Posted) -> Result<Response, Problem> {
    let command_id = fields.command_id()?;
    let form = |command_id, errors| read(&fields, command_id, errors);
    if fields.wants_preview() {
        return render(&visit, slug, form(command_id, Vec::new()), true).await;
    }
    let wanted = [("category", "Choose where it belongs."), ("title", "Give it a title."), ("body", "Write what it is about.")];
    let missing: Vec<_> =
        wanted.iter().filter(|(field, _)| fields.given(field).is_none()).map(|(field, message)| FieldError::at(field, message)).collect();
    if !missing.is_empty() {
        return render(&visit, slug, form(command_id, missing), false).await;
    }
    let input = ThreadOpenInput {
        command_id,
        validate_only: None,
        category: fields.text("category"),
        title: fields.text("title"),
        body: fields.text("body"),
        audience: audience(&fields.text("audience")),
    };
    let outcome =
        visit.send::<ThreadOpen>(thread_open::Variables { input }).await.map_err(|problem| problem.keeping(&fields.text("body")))?;
    if let (true, Some(thread)) = (outcome.user_errors.is_empty(), &outcome.thread) {
        return Ok(Redirect::to(&path(&["threads", &thread.id])).into_response());
    }
    let errors = field_errors(
        &outcome,
        &[("category", "Where does it belong?"), ("title", "Title"), ("body", "Text"), ("audience", "Who can see it?")],
    );
    render(&visit, slug, form(visit.web.ids.next(), errors), false).await
}

fn read(fields: &Fields, command_id: Uuid, errors: Vec<FieldError>) -> Form {
    Form {
        command_id,
        category: fields.text("category"),
        title: fields.text("title"),
        body: fields.text("body"),
        audience: fields.text("audience"),
        errors,
    }
}
