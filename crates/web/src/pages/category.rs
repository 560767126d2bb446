//! Opening a category in a community.

use super::path;
use crate::documents::{CategoryOpen, CategoryOpenPage, category_open, category_open_page};
use crate::form::{FieldError, Fields, Posted, field_errors};
use crate::problem::Problem;
use crate::visit::{Chrome, Here, Visit, me, page_with};
use crate::words::Format;
use askama::Template;
use axum::extract::Path;
use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;
use uuid::Uuid;

/// The formats that one may choose here.
pub(crate) const FORMATS: [Format; 4] = [Format::Open, Format::QuestionAndAnswer, Format::Announcement, Format::Idea];

struct Form {
    command_id: Uuid,
    community: String,
    name: String,
    slug: String,
    description: String,
    format: Format,
    errors: Vec<FieldError>,
}

#[derive(Template)]
#[template(path = "category_open.html")]
struct OpenCategory {
    chrome: Chrome,
    base: String,
    name: String,
    form: Form,
}

/// The form.
pub(crate) async fn show(visit: Visit, Path(slug): Path<String>) -> Result<Response, Problem> {
    visit.signed_in()?;
    render(&visit, slug, &Fields::default(), Vec::new()).await
}

async fn render(visit: &Visit, slug: String, fields: &Fields, errors: Vec<FieldError>) -> Result<Response, Problem> {
    let base = path(&["communities", &slug]);
    let data = visit.ask::<CategoryOpenPage>(category_open_page::Variables { slug }).await?;
    let community = data.community.ok_or(Problem::NotFound)?;
    if !community.viewer_can.manage {
        return Err(Problem::NotAllowed(format!("Only the coordinators of {} open categories.", community.name)));
    }
    let form = Form {
        command_id: visit.web.ids.next(),
        community: community.id,
        name: fields.text("name"),
        slug: fields.text("slug"),
        description: fields.text("description"),
        format: Format::parse(&fields.text("format")).unwrap_or(Format::Open),
        errors,
    };
    let status = if form.errors.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    page_with(status, &OpenCategory { chrome: visit.chrome(Here::Communities, me!(data.viewer)), base, name: community.name, form })
}

/// Open it.
pub(crate) async fn send(Path(slug): Path<String>, Posted { visit, fields }: Posted) -> Result<Response, Problem> {
    let input = category_open::CategoryOpenInput {
        command_id: fields.command_id()?,
        validate_only: None,
        community: fields.text("community"),
        slug: fields.text("slug"),
        name: fields.text("name"),
        description: fields.text("description"),
        format: Format::parse(&fields.text("format")).unwrap_or(Format::Open),
        audience: None,
        position: None,
    };
    let outcome = visit.send::<CategoryOpen>(category_open::Variables { input }).await?;
    let errors = field_errors(
        &outcome,
        &[("name", "Name"), ("slug", "Short name for the address"), ("description", "Description"), ("format", "How do its threads work?")],
    );
    if errors.is_empty() {
        Ok(Redirect::to(&path(&["communities", &slug])).into_response())
    } else {
        render(&visit, slug, &fields, errors).await
    }
}
