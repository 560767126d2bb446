//! The query page at `/graphiql`, and the schema at `/schema.graphql`.
//!
//! GraphiQL itself is not part of the hub's sources (`docs/decisions/0003-graphiql.md` says why, and how to get it). Whoever
//! wants it puts its four files into a folder and names that folder in the settings; they are then served from here, from the
//! hub's own origin. Without it there is a plain page that does the essential and needs nothing.

use super::problem::Problem;
use crate::api::Api;
use axum::Router;
use axum::extract::Path;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};
use std::path::{Path as FilePath, PathBuf};

/// What the plain page may load and do.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);
/// What GraphiQL needs besides: it writes its styles into the page, and runs its editor's workers.
const GRAPHIQL_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self' 'unsafe-inline'; script-src 'self'; connect-src 'self'; img-src 'self' data:; font-src 'self' data:; worker-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

/// The query page and its files.
pub(super) fn routes(folder: Option<&FilePath>) -> Router<Api> {
    match folder.map(PathBuf::from) {
        None => Router::new()
            .route("/graphiql", get(async || page(include_str!("explorer/plain.html"), POLICY)))
            .route("/graphiql/plain.js", get(async || file("text/javascript; charset=utf-8", include_bytes!("explorer/plain.js").to_vec())))
            .route("/graphiql/plain.css", get(async || file("text/css; charset=utf-8", include_bytes!("explorer/plain.css").to_vec()))),
        Some(folder) => Router::new()
            .route("/graphiql", get(async || page(include_str!("explorer/graphiql.html"), GRAPHIQL_POLICY)))
            .route("/graphiql/start.js", get(async || file("text/javascript; charset=utf-8", include_bytes!("explorer/start.js").to_vec())))
            .route("/graphiql/start.css", get(async || file("text/css; charset=utf-8", include_bytes!("explorer/start.css").to_vec())))
            .route("/graphiql/{name}", get(async move |Path(name): Path<String>| from_folder(&folder, &name).await)),
    }
}

/// The schema in the schema definition language.
pub(super) async fn schema() -> Response {
    file("text/plain; charset=utf-8", crate::graphql::sdl().into_bytes())
}

fn page(html: &'static str, policy: HeaderValue) -> Response {
    ([(CONTENT_SECURITY_POLICY, policy), (CACHE_CONTROL, HeaderValue::from_static("no-cache"))], Html(html)).into_response()
}

fn file(media: &'static str, bytes: Vec<u8>) -> Response {
    ([(CONTENT_TYPE, media), (CACHE_CONTROL, "no-cache")], bytes).into_response()
}

async fn from_folder(folder: &FilePath, name: &str) -> Response {
    let missing = || Problem::new(StatusCode::NOT_FOUND, "NOT_FOUND", "There is no such file.").into_response();
    // A plain file name of the folder itself, so that nothing outside of it can be asked for.
    let plain = !name.starts_with('.') && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'));
    let media = match name.rsplit_once('.').map(|(_, ending)| ending) {
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("woff2") => "font/woff2",
        Some("ttf") => "font/ttf",
        _ => return missing(),
    };
    if !plain {
        return missing();
    }
    match tokio::fs::read(folder.join(name)).await {
        Ok(bytes) => file(media, bytes),
        Err(error) => {
            tracing::info!(%error, name, "a file of GraphiQL is missing");
            missing()
        }
    }
}
