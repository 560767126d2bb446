//! The pages with canned answers, to look at: `cargo run -p web --example gallery`, then open <http://127.0.0.1:4600/>.
//!
//! `/?as=amira` and `/?as=stranger` say whose eyes to look with.
#![allow(missing_docs, reason = "an example")]

#[path = "../tests/canned/mod.rs"]
mod canned;

use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use http::HeaderValue;
use http::header::{COOKIE, SET_COOKIE};
use std::sync::Arc;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:4600".to_owned());
    let listener = tokio::net::TcpListener::bind(&address).await?;
    println!("http://{address}/?as=amira");
    axum::serve(listener, canned::pages(Arc::default()).layer(from_fn(choose))).await
}

async fn choose(mut request: Request, next: Next) -> Response {
    let query = request.uri().query().unwrap_or_default().to_owned();
    let choice = ["as=amira", "as=stranger"].into_iter().find(|choice| query.contains(choice));
    let cookie = choice.map(|choice| choice.replace("as=", "canned="));
    if let Some(value) = cookie.as_deref().and_then(|cookie| HeaderValue::from_str(cookie).ok()) {
        request.headers_mut().insert(COOKIE, value);
    }
    let mut response = next.run(request).await;
    if let Some(value) = cookie.and_then(|cookie| HeaderValue::from_str(&format!("{cookie}; Path=/; HttpOnly; SameSite=Lax")).ok()) {
        response.headers_mut().insert(SET_COOKIE, value);
    }
    response
}
