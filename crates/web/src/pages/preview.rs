//! What Markdown will look like, for our script. Without it, the forms have a button that shows the page again with a preview.

use crate::documents::{PreviewFragment, preview_fragment};
use crate::form::Posted;
use crate::problem::Problem;
use axum::response::{Html, IntoResponse, Response};

/// The text as the hub will show it: sanitised by the gateway, like any post.
pub(crate) async fn show(Posted { visit, fields }: Posted) -> Result<Response, Problem> {
    let data = visit.ask::<PreviewFragment>(preview_fragment::Variables { source: fields.text("body") }).await?;
    Ok(Html(data.markdown_preview).into_response())
}
