//! The communities that one may see.

use super::with_query;
use crate::documents::{CommunitiesPage, communities_page};
use crate::problem::Problem;
use crate::visit::{Chrome, Here, Visit, me, page};
use askama::Template;
use axum::extract::Query;
use axum::response::Response;
use serde::Deserialize;

const PAGE: i64 = 24;

/// The part of the address behind the question mark.
#[derive(Deserialize)]
pub(crate) struct Address {
    after: Option<String>,
}

#[derive(Template)]
#[template(path = "communities.html")]
struct Communities {
    chrome: Chrome,
    data: communities_page::ResponseData,
    next: Option<String>,
}

/// Their list, by pages.
pub(crate) async fn show(visit: Visit, Query(address): Query<Address>) -> Result<Response, Problem> {
    let data = visit.ask::<CommunitiesPage>(communities_page::Variables { first: PAGE, after: address.after }).await?;
    let info = &data.communities.page_info;
    let next = info.end_cursor.as_deref().filter(|_| info.has_next_page).map(|cursor| with_query("/communities", &[("after", cursor)]));
    page(&Communities { chrome: visit.chrome(Here::Communities, me!(data.viewer)), next, data })
}
