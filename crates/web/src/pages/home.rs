//! The start page, and what the hub says of its accessibility.

use crate::documents::{HomePage, ViewerPage, home_page, viewer_page};
use crate::problem::Problem;
use crate::visit::{Chrome, Here, Visit, me, page};
use askama::Template;
use axum::response::Response;

#[derive(Template)]
#[template(path = "home.html")]
struct Home {
    chrome: Chrome,
    data: home_page::ResponseData,
}

/// What is new; for strangers, what the hub is.
pub(crate) async fn show(visit: Visit) -> Result<Response, Problem> {
    let data = visit.ask::<HomePage>(home_page::Variables {}).await?;
    page(&Home { chrome: visit.chrome(Here::Home, me!(data.viewer)), data })
}

#[derive(Template)]
#[template(path = "accessibility.html")]
struct Accessibility {
    chrome: Chrome,
}

/// What the hub does for everyone to take part.
pub(crate) async fn accessibility(visit: Visit) -> Result<Response, Problem> {
    let data = visit.ask::<ViewerPage>(viewer_page::Variables {}).await?;
    page(&Accessibility { chrome: visit.chrome(Here::Elsewhere, me!(data.viewer)) })
}
