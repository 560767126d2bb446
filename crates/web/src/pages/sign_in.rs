//! Choosing the organisation to sign in from.

use crate::documents::{SignInPage, sign_in_page};
use crate::problem::Problem;
use crate::visit::{Chrome, Here, Visit, me, page};
use askama::Template;
use axum::extract::Query;
use axum::response::Response;
use serde::Deserialize;
use url::form_urlencoded;

/// The part of the address behind the question mark.
#[derive(Deserialize)]
pub(crate) struct Address {
    return_to: Option<String>,
}

struct SignInOption {
    slug: String,
    organisation: String,
    provider: String,
    href: String,
}

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignIn {
    chrome: Chrome,
    options: Vec<SignInOption>,
}

/// The organisations, each with its providers. Where to go afterwards travels along; the gateway sees that it stays on the hub.
pub(crate) async fn show(visit: Visit, Query(address): Query<Address>) -> Result<Response, Problem> {
    let data = visit.ask::<SignInPage>(sign_in_page::Variables {}).await?;
    let chrome = visit.chrome(Here::SignIn, me!(data.viewer));
    let options = data
        .sign_in_options
        .into_iter()
        .map(|option| SignInOption {
            href: with_return_to(&option.sign_in_url, address.return_to.as_deref()),
            slug: option.organisation.slug,
            organisation: option.organisation.name,
            provider: option.name,
        })
        .collect();
    page(&SignIn { chrome, options })
}

fn with_return_to(url: &str, return_to: Option<&str>) -> String {
    let Some(return_to) = return_to else { return url.to_owned() };
    let pair = form_urlencoded::Serializer::new(String::new()).append_pair("return_to", return_to).finish();
    let joint = if url.contains('?') { '&' } else { '?' };
    format!("{url}{joint}{pair}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_to_go_travels_along() {
        assert_eq!(with_return_to("/sign-in/1", None), "/sign-in/1");
        assert_eq!(with_return_to("/sign-in/1", Some("/a?b=c")), "/sign-in/1?return_to=%2Fa%3Fb%3Dc");
        assert_eq!(with_return_to("/sign-in?p=1", Some("/a")), "/sign-in?p=1&return_to=%2Fa");
    }
}
