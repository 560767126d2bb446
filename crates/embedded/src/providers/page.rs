//! The pages that people see: plain HTML, no script, readable without the style sheet.

use super::Provider;
use super::authorization::Request;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse as _, Response};
use std::fmt::Write as _;
use std::sync::Arc;

/// The style sheet: large text, strong contrast, light and dark.
const STYLE: &str = include_str!("style.css");

/// The style sheet.
pub(super) async fn style() -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/css; charset=utf-8"),
        (header::CACHE_CONTROL, "public, max-age=3600"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, STYLE).into_response()
}

/// What someone sees who comes here by hand.
pub(super) async fn front(State(provider): State<Arc<Provider>>) -> Response {
    let hub = escape(&provider.redirect_uri.origin().ascii_serialization());
    let main = format!(
        "<h1>Nothing to sign in to</h1>\n<p>This page lets you in to the hub. Begin there: <a href=\"{hub}/\">go to the hub</a>.</p>"
    );
    page(&provider, StatusCode::OK, "Nothing to sign in to", &main)
}

/// The people to choose from.
pub(super) fn people(provider: &Provider, request: &Request) -> Response {
    let mut main = String::from(
        "<h1>Who would you like to be?</h1>\n\
         <p>Choose one of these invented people. There is no password: this is a demonstration.</p>\n\
         <form method=\"post\" action=\"/authorize\">\n",
    );
    let Request { client_id, redirect_uri, response_type, scope, state, nonce, code_challenge, code_challenge_method, prompt: _ } = request;
    let fields = [
        ("client_id", client_id),
        ("redirect_uri", redirect_uri),
        ("response_type", response_type),
        ("scope", scope),
        ("state", state),
        ("nonce", nonce),
        ("code_challenge", code_challenge),
        ("code_challenge_method", code_challenge_method),
    ];
    for (name, value) in fields {
        let _ = writeln!(main, "<input type=\"hidden\" name=\"{name}\" value=\"{}\">", escape(value));
    }
    main.push_str("<ul class=\"people\">\n");
    for person in &provider.department.people {
        let initials: String = person.name.split(' ').filter_map(|word| word.chars().next()).take(2).collect();
        let _ = writeln!(
            main,
            "<li><button name=\"person\" value=\"{}\"><span class=\"initials\" aria-hidden=\"true\">{}</span>\
             <span class=\"who\"><span class=\"name\">{}</span> <span class=\"post\">{}</span> <span class=\"email\">{}</span></span></button></li>",
            escape(person.username),
            escape(&initials),
            escape(person.name),
            escape(person.post),
            escape(person.email),
        );
    }
    main.push_str("</ul>\n<p><button class=\"cancel\" name=\"person\" value=\"\">Do not sign in</button></p>\n</form>");
    page(provider, StatusCode::OK, "Who would you like to be?", &main)
}

/// Something that cannot be sent back to the hub.
pub(super) fn problem(provider: &Provider, status: StatusCode, text: &str) -> Response {
    page(provider, status, "This did not work", &format!("<h1>This did not work</h1>\n<p>{}</p>", escape(text)))
}

/// After signing out.
pub(super) fn signed_out(provider: &Provider) -> Response {
    page(provider, StatusCode::OK, "You are signed out", "<h1>You are signed out</h1>\n<p>You may close this page.</p>")
}

fn page(provider: &Provider, status: StatusCode, title: &str, main: &str) -> Response {
    let (title, department, name) = (escape(title), escape(provider.department.name), escape(provider.department.provider));
    let html = format!(
        "<!doctype html>\n<html lang=\"en-GB\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"robots\" content=\"noindex\">\n\
         <title>{title} – {department}</title>\n<link rel=\"stylesheet\" href=\"/style.css\">\n</head>\n<body>\n\
         <header><p class=\"department\">{department}</p><p class=\"provider\">{name}</p></header>\n\
         <main>\n<p class=\"notice\"><strong>Demonstration.</strong> This department is invented, and nothing here protects anything.</p>\n\
         {main}\n</main>\n</body>\n</html>\n"
    );
    // A browser holds the page's form to the policy also where it is sent on to, so the hub's address is named in it.
    let policy = format!(
        "default-src 'none'; style-src 'self'; form-action 'self' {}; base-uri 'none'; frame-ancestors 'none'",
        provider.redirect_uri.origin().ascii_serialization()
    );
    let headers = [
        (header::CONTENT_SECURITY_POLICY, policy.as_str()),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // Not `no-referrer`: that would take the form's own origin from it, which is checked.
        (header::REFERRER_POLICY, "same-origin"),
    ];
    (status, headers, Html(html)).into_response()
}

/// Text as it may stand in HTML, within and without quotes.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_breaks_out_of_an_attribute() {
        assert_eq!(escape("\"><script>'&"), "&quot;&gt;&lt;script&gt;&#39;&amp;");
    }
}
