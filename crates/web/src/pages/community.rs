//! A community: its charter and people; joining and leaving.

use super::path;
use crate::documents::{CommunityJoin, CommunityLeave, CommunityPage, community_join, community_leave, community_page};
use crate::form::{FieldError, Posted, field_errors, taken};
use crate::problem::Problem;
use crate::visit::{Chrome, Here, Visit, me, page_with};
use crate::words::MemberKind;
use askama::Template;
use axum::extract::Path;
use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;

#[derive(Template)]
#[template(path = "community.html")]
struct OneCommunity {
    chrome: Chrome,
    community: community_page::CommunityPageCommunity,
    errors: Vec<FieldError>,
}

/// The community.
pub(crate) async fn show(visit: Visit, Path(slug): Path<String>) -> Result<Response, Problem> {
    render(&visit, slug, Vec::new()).await
}

async fn render(visit: &Visit, slug: String, errors: Vec<FieldError>) -> Result<Response, Problem> {
    let data = visit.ask::<CommunityPage>(community_page::Variables { slug }).await?;
    let chrome = visit.chrome(Here::Communities, me!(data.viewer));
    let community = data.community.ok_or(Problem::NotFound)?;
    let status = if errors.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    page_with(status, &OneCommunity { chrome, community, errors })
}

/// Join it.
pub(crate) async fn join(Path(slug): Path<String>, Posted { visit, fields }: Posted) -> Result<Response, Problem> {
    let input = community_join::CommunityJoinInput {
        command_id: fields.command_id()?,
        validate_only: None,
        expected_version: None,
        community: fields.text("community"),
        kind: Some(MemberKind::parse(&fields.text("kind")).unwrap_or(MemberKind::Member)),
        team: None,
    };
    let outcome = visit.send::<CommunityJoin>(community_join::Variables { input }).await?;
    let errors = field_errors(&outcome, &[]);
    if errors.is_empty() { Ok(Redirect::to(&path(&["communities", &slug])).into_response()) } else { render(&visit, slug, errors).await }
}

/// Leave it.
pub(crate) async fn leave(Posted { visit, fields }: Posted) -> Result<Response, Problem> {
    let input = community_leave::CommunityInput {
        command_id: fields.command_id()?,
        validate_only: None,
        expected_version: None,
        community: fields.text("community"),
    };
    let outcome = visit.send::<CommunityLeave>(community_leave::Variables { input }).await?;
    // One who has left may no longer see a community of members: back to the list, then.
    taken(outcome)?;
    Ok(Redirect::to("/communities").into_response())
}
