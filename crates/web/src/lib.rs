//! The pages of the hub: each is one GraphQL document and one template.
//!
//! Pages are written on the server and work without scripts: what changes something is a form that is sent, a mutation that is
//! run, and a redirect. Documents are held against `schema.graphql` when this crate compiles. The pages ask the gateway in process,
//! through [`Execute`], and know nothing of ids, views or the log.
//!
//! - `graphql/`: a document for each page, and one for each command
//! - `templates/`: a template for each page; `layout.html` is the frame, `parts.html` what pages share
//! - `assets/`: the style sheet (the design system), the script, the icon
//! - `src/pages/`: a handler for each page and form
//!
//! **To add a page:** write its document and template, name the document in `documents.rs`, write its handler in `pages/`, and give
//! it its route in [`router`].

mod assets;
mod difference;
mod documents;
mod execute;
mod form;
mod live;
mod outcome;
mod pages;
mod problem;
mod visit;
pub mod words;

pub use execute::{Execute, PageError};
pub use live::own_documents;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use kernel::{Clock, Ids};
use pages::{
    category, communities, community, discussions, founding, home, open_thread, people, post as one_post, preview, profile, record,
    sign_in, thread,
};
use problem::Problem;
use std::sync::Arc;

/// What the pages work with.
#[derive(Clone)]
pub struct Web {
    /// Runs the documents.
    pub hub: Arc<dyn Execute>,
    /// Draws the ids of commands.
    pub ids: Arc<dyn Ids>,
    /// Tells when a token ends.
    pub clock: Arc<dyn Clock>,
}

/// Every page, with the assets they need. Whatever is not found here is answered with a page that says so, so this goes last.
pub fn router(web: Web) -> Router {
    let pages = Router::new()
        .route("/", get(home::show))
        .route("/accessibility", get(home::accessibility))
        .route("/sign-in", get(sign_in::show))
        .route("/communities", get(communities::show))
        .route("/communities/new", get(founding::show).post(founding::send))
        .route("/communities/{slug}", get(community::show))
        .route("/communities/{slug}/join", post(community::join))
        .route("/communities/{slug}/leave", post(community::leave))
        .route("/communities/{slug}/categories/new", get(category::show).post(category::send))
        .route("/communities/{slug}/discussions", get(discussions::show))
        .route("/communities/{slug}/discussions/new", get(open_thread::show).post(open_thread::send))
        .route("/threads/{thread}", get(thread::show))
        .route("/threads/{thread}/reply", post(thread::reply))
        .route("/threads/{thread}/lock", post(thread::lock))
        .route("/threads/{thread}/unlock", post(thread::unlock))
        .route("/threads/{thread}/close", post(thread::close))
        .route("/threads/{thread}/reopen", post(thread::reopen))
        .route("/threads/{thread}/posts/{post}", get(one_post::show))
        .route("/threads/{thread}/posts/{post}/history", get(one_post::history))
        .route("/threads/{thread}/posts/{post}/edit", get(one_post::edit).post(one_post::save))
        .route("/threads/{thread}/posts/{post}/react", post(one_post::react))
        .route("/history/{thing}", get(record::show))
        .route("/people/{person}", get(people::person))
        .route("/organisations/{slug}", get(people::organisation))
        .route("/profile", get(profile::show).post(profile::save))
        .route("/profile/tokens", post(profile::issue_token))
        .route("/profile/tokens/{token}/revoke", post(profile::revoke_token))
        .route("/profile/sessions/{session}/end", post(profile::end_session))
        .route("/preview", post(preview::show))
        .fallback(async || Problem::NotFound)
        .layer(from_fn_with_state(web.clone(), problem::dress))
        .with_state(web);
    Router::new().route("/assets/{name}", get(assets::serve)).merge(pages)
}
