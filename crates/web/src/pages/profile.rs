//! The reader's own page: name, API tokens, sessions.

use crate::documents::{ApiTokenIssue, ApiTokenRevoke, ProfileChange, ProfilePage, SessionEnd};
use crate::documents::{api_token_issue, api_token_revoke, profile_change, profile_page, session_end};
use crate::form::{FieldError, Posted, field_errors, taken};
use crate::problem::Problem;
use crate::visit::{Chrome, Here, Me, Visit, page_with};
use crate::words::{GrantedRole, TokenScope, accent};
use askama::Template;
use axum::extract::{Path, Query};
use axum::response::{IntoResponse, Redirect, Response};
use chrono::TimeDelta;
use http::StatusCode;
use serde::Deserialize;

/// How long a token may live: days, and how the form says it. A year is the most that the hub grants.
pub(crate) const LIFETIMES: [(i64, &str); 4] = [(7, "In a week"), (30, "In a month"), (90, "In three months"), (365, "In a year")];
const USUAL_LIFETIME: i64 = 30;

/// The part of the address behind the question mark.
#[derive(Deserialize)]
pub(crate) struct Address {
    done: Option<String>,
}

struct AboutForm {
    name: String,
    about: String,
    errors: Vec<FieldError>,
}

struct TokenForm {
    name: String,
    scope: TokenScope,
    days: i64,
    errors: Vec<FieldError>,
}

impl TokenForm {
    fn empty() -> Self {
        Self { name: String::new(), scope: TokenScope::Read, days: USUAL_LIFETIME, errors: Vec::new() }
    }
}

#[derive(Template)]
#[template(path = "profile.html")]
struct Profile {
    chrome: Chrome,
    person: profile_page::ProfilePageViewerPerson,
    email: Option<String>,
    roles: Vec<GrantedRole>,
    memberships: Vec<profile_page::ProfilePageViewerMembershipsNodes>,
    sessions: Vec<profile_page::ProfilePageViewerSessions>,
    tokens: Vec<profile_page::ProfilePageViewerApiTokens>,
    notice: Option<&'static str>,
    secret: Option<String>,
    form: AboutForm,
    token: TokenForm,
}

/// The page.
pub(crate) async fn show(visit: Visit, Query(address): Query<Address>) -> Result<Response, Problem> {
    let notice = match address.done.as_deref() {
        Some("saved") => Some("Your profile is saved."),
        Some("revoked") => Some("The token is revoked. It no longer works."),
        Some("ended") => Some("The session has ended."),
        _ => None,
    };
    render(&visit, None, TokenForm::empty(), notice, None).await
}

async fn render(
    visit: &Visit,
    form: Option<AboutForm>,
    token: TokenForm,
    notice: Option<&'static str>,
    secret: Option<String>,
) -> Result<Response, Problem> {
    let data = visit.ask::<ProfilePage>(profile_page::Variables {}).await?;
    let viewer = data.viewer;
    let person = viewer.person.ok_or(Problem::SignedOut)?;
    let me = Me {
        name: person.who.name.clone(),
        accent: person.who.organisation.as_ref().map_or("", |organisation| accent(&organisation.slug)),
    };
    let form = form.unwrap_or_else(|| AboutForm { name: person.who.name.clone(), about: person.about.clone(), errors: Vec::new() });
    let status = if form.errors.is_empty() && token.errors.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let page = Profile {
        chrome: visit.chrome(Here::Profile, Some(me)),
        person,
        email: viewer.email,
        roles: viewer.roles,
        memberships: viewer.memberships.nodes,
        sessions: viewer.sessions,
        tokens: viewer.api_tokens,
        notice,
        secret,
        form,
        token,
    };
    page_with(status, &page)
}

/// Save the name and the few words.
pub(crate) async fn save(Posted { visit, fields }: Posted) -> Result<Response, Problem> {
    let (name, about) = (fields.text("name"), fields.text("about"));
    let input = profile_change::ProfileChangeInput {
        command_id: fields.command_id()?,
        validate_only: None,
        expected_version: None,
        name: name.clone(),
        about: about.clone(),
    };
    let outcome = visit.send::<ProfileChange>(profile_change::Variables { input }).await.map_err(|problem| problem.keeping(&about))?;
    let errors = field_errors(&outcome, &[("name", "Name"), ("about", "A few words about you")]);
    if errors.is_empty() {
        return Ok(Redirect::to("/profile?done=saved").into_response());
    }
    render(&visit, Some(AboutForm { name, about, errors }), TokenForm::empty(), None, None).await
}

/// Make an API token. Its secret is on the page that answers, and nowhere else.
pub(crate) async fn issue_token(Posted { visit, fields }: Posted) -> Result<Response, Problem> {
    let days = fields.text("days").parse().ok().filter(|days| LIFETIMES.iter().any(|(known, _)| known == days)).unwrap_or(USUAL_LIFETIME);
    let scope = TokenScope::parse(&fields.text("scope")).unwrap_or(TokenScope::Read);
    let name = fields.text("token-name");
    let input = api_token_issue::ApiTokenIssueInput {
        command_id: fields.command_id()?,
        validate_only: None,
        name: name.clone(),
        scope,
        expires_at: visit.web.clock.now() + TimeDelta::days(days),
    };
    let outcome = visit.send::<ApiTokenIssue>(api_token_issue::Variables { input }).await?;
    let mut errors =
        field_errors(&outcome, &[("name", "What is it for?"), ("scope", "What may it do?"), ("expiresAt", "When does it end?")]);
    for error in &mut errors {
        // The page has two fields for a name, so this one is called otherwise here.
        error.field = error.field.take().map(|field| match field.as_str() {
            "name" => "token-name".to_owned(),
            "expiresAt" => "days".to_owned(),
            _ => field,
        });
    }
    let token = if errors.is_empty() { TokenForm::empty() } else { TokenForm { name, scope, days, errors } };
    render(&visit, None, token, None, outcome.secret).await
}

/// Revoke an API token.
pub(crate) async fn revoke_token(Path(token): Path<String>, Posted { visit, fields }: Posted) -> Result<Response, Problem> {
    let input = api_token_revoke::ApiTokenRevokeInput { command_id: fields.command_id()?, validate_only: None, api_token: token };
    taken(visit.send::<ApiTokenRevoke>(api_token_revoke::Variables { input }).await?)?;
    Ok(Redirect::to("/profile?done=revoked").into_response())
}

/// End a session on another browser.
pub(crate) async fn end_session(Path(session): Path<String>, Posted { visit, .. }: Posted) -> Result<Response, Problem> {
    let input = session_end::SessionEndInput { session, validate_only: None };
    taken(visit.send::<SessionEnd>(session_end::Variables { input }).await?)?;
    Ok(Redirect::to("/profile?done=ended").into_response())
}
