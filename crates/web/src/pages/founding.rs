//! Founding a community.

use super::path;
use crate::documents::{CommunityFound, ViewerPage, community_found, viewer_page};
use crate::form::{FieldError, Fields, Posted, field_errors};
use crate::problem::Problem;
use crate::visit::{Chrome, Here, Me, Visit, me, page_with};
use askama::Template;
use axum::response::{IntoResponse, Redirect, Response};
use community_found::{AudienceInput, AudienceKind, CharterInput, ClauseInput, CommunityFoundInput};
use http::StatusCode;
use uuid::Uuid;

/// The audiences that a community may have: value, label, hint.
pub(crate) const AUDIENCES: [(&str, &str, &str); 3] = [
    ("MEMBERS", "Everyone who is signed in", "People of every organisation on this hub."),
    ("PUBLIC", "Anyone", "On the open web, too. People still sign in to write."),
    ("ORGANISATION", "Only people of your organisation", "Others cannot even see that it exists."),
];

const CLAUSES: [(&str, &str, &str); 6] = [
    ("purpose", "Purpose", "Why it exists."),
    ("goals", "Goals", "What it wants to have achieved in a year."),
    ("scope", "Scope", "What belongs to it, and what does not."),
    ("sponsor", "Sponsor", "Who gives it backing and time."),
    ("format", "Format", "How it works: meetings, backlog, workshops."),
    ("cadence", "How often we meet", "For example: every second Tuesday."),
];

struct Clause {
    name: &'static str,
    label: &'static str,
    hint: &'static str,
    text: String,
}

struct Form {
    command_id: Uuid,
    name: String,
    slug: String,
    subject: String,
    audience: String,
    clauses: Vec<Clause>,
    errors: Vec<FieldError>,
}

impl Form {
    fn of(fields: &Fields, command_id: Uuid, errors: Vec<FieldError>) -> Self {
        Self {
            command_id,
            name: fields.text("name"),
            slug: fields.text("slug"),
            subject: fields.text("subject"),
            audience: fields.given("audience").unwrap_or_else(|| "MEMBERS".to_owned()),
            clauses: CLAUSES.iter().map(|&(name, label, hint)| Clause { name, label, hint, text: fields.text(name) }).collect(),
            errors,
        }
    }
}

#[derive(Template)]
#[template(path = "community_found.html")]
struct Founding {
    chrome: Chrome,
    form: Form,
}

/// The form.
pub(crate) async fn show(visit: Visit) -> Result<Response, Problem> {
    visit.signed_in()?;
    let data = visit.ask::<ViewerPage>(viewer_page::Variables {}).await?;
    let form = Form::of(&Fields::default(), visit.web.ids.next(), Vec::new());
    render(&visit, me!(data.viewer), form)
}

fn render(visit: &Visit, me: Option<Me>, form: Form) -> Result<Response, Problem> {
    let status = if form.errors.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    page_with(status, &Founding { chrome: visit.chrome(Here::Communities, me), form })
}

/// Found it.
pub(crate) async fn send(Posted { visit, fields }: Posted) -> Result<Response, Problem> {
    let clause = |name: &str| {
        Some(ClauseInput { text: fields.given(name), to_be_confirmed: fields.given(name).is_none().then(|| "Not settled yet.".to_owned()) })
    };
    let kind = match fields.text("audience").as_str() {
        "PUBLIC" => AudienceKind::PUBLIC,
        "ORGANISATION" => AudienceKind::ORGANISATION,
        _ => AudienceKind::MEMBERS,
    };
    let input = CommunityFoundInput {
        command_id: fields.command_id()?,
        validate_only: None,
        slug: fields.text("slug"),
        name: fields.text("name"),
        subject: fields.text("subject"),
        audience: AudienceInput { kind, persons: None },
        charter: CharterInput {
            purpose: clause("purpose"),
            goals: clause("goals"),
            scope: clause("scope"),
            sponsor: clause("sponsor"),
            format: clause("format"),
            cadence: clause("cadence"),
        },
    };
    let outcome = visit
        .send::<CommunityFound>(community_found::Variables { input })
        .await
        .map_err(|problem| problem.keeping(&fields.text("purpose")))?;
    if let (true, Some(community)) = (outcome.user_errors.is_empty(), &outcome.community) {
        return Ok(Redirect::to(&path(&["communities", &community.slug])).into_response());
    }
    let own = [("name", "Name"), ("slug", "Short name for the address"), ("subject", "Subject"), ("audience", "Who can see it?")];
    let known: Vec<_> = own.into_iter().chain(CLAUSES.iter().map(|&(name, label, _)| (name, label))).collect();
    let errors = field_errors(&outcome, &known);
    let data = visit.ask::<ViewerPage>(viewer_page::Variables {}).await?;
    render(&visit, me!(data.viewer), Form::of(&fields, visit.web.ids.next(), errors))
}
