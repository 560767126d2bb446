//! What can keep a page from being shown, and the page that says so and helps.

use crate::execute::PageError;
use crate::visit::{Chrome, Visit};
use askama::Template;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Redirect, Response};
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderName, REFERRER_POLICY, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::{HeaderValue, StatusCode};

/// Why a page cannot be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Problem {
    /// It does not exist, or the viewer may not see it: the two look the same.
    NotFound,
    /// The viewer sees it and may not do that.
    NotAllowed(String),
    /// One must sign in first.
    SignedOut,
    /// A form came without a good token; what was typed is given back.
    FormExpired { typed: Option<String> },
    /// The request is no good.
    Bad(String),
    /// The request is of a kind that this address does not take.
    WrongMethod,
    /// Too much was asked.
    TooMany { retry_after: u64 },
    /// A part of the hub is away.
    Unavailable { retry_after: u64, typed: Option<String> },
    /// A fault of the hub.
    Internal,
}

impl From<PageError> for Problem {
    fn from(error: PageError) -> Self {
        match error {
            PageError::Unavailable { retry_after } => Self::Unavailable { retry_after, typed: None },
            PageError::TooMany { retry_after } => Self::TooMany { retry_after },
            PageError::SignedOut => Self::SignedOut,
            PageError::NotAllowed(message) => Self::NotAllowed(message),
            PageError::Rejected(message) => Self::Bad(message),
            PageError::Internal(message) => {
                tracing::error!(%message, "a page's document could not be answered");
                Self::Internal
            }
        }
    }
}

impl Problem {
    /// On a page that only shows: an address that makes no sense is one that leads nowhere.
    pub(crate) fn when_looking(self) -> Self {
        match self {
            Self::Bad(_) => Self::NotFound,
            other => other,
        }
    }

    /// With what was typed, so that it can be given back.
    pub(crate) fn keeping(self, text: &str) -> Self {
        let kept = (!text.trim().is_empty()).then(|| text.to_owned());
        match self {
            Self::Unavailable { retry_after, .. } => Self::Unavailable { retry_after, typed: kept },
            Self::FormExpired { .. } | Self::SignedOut => Self::FormExpired { typed: kept },
            other => other,
        }
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::NotAllowed(_) | Self::FormExpired { .. } => StatusCode::FORBIDDEN,
            Self::SignedOut => StatusCode::UNAUTHORIZED,
            Self::Bad(_) => StatusCode::BAD_REQUEST,
            Self::WrongMethod => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooMany { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable { .. } => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn retry_after(&self) -> Option<u64> {
        match self {
            Self::TooMany { retry_after } | Self::Unavailable { retry_after, .. } => Some(*retry_after),
            _ => None,
        }
    }

    fn title(&self) -> &'static str {
        match self {
            Self::NotFound => "Page not found",
            Self::NotAllowed(_) => "You cannot do that",
            Self::SignedOut => "Sign in first",
            Self::FormExpired { .. } => "This form has expired",
            Self::Bad(_) => "That did not make sense to the hub",
            Self::WrongMethod => "That cannot be done here",
            Self::TooMany { .. } => "That was very fast",
            Self::Unavailable { .. } => "The hub is busy for a moment",
            Self::Internal => "Sorry, something went wrong",
        }
    }

    fn paragraphs(&self, signed_in: bool) -> Vec<String> {
        let said = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        match self {
            Self::NotFound if signed_in => said(&[
                "There is nothing at this address that you can see.",
                "If you typed it, check it. If someone sent it to you, ask them whether it is meant for people of your organisation or community.",
            ]),
            Self::NotFound => said(&[
                "There is nothing at this address that everyone can see.",
                "If you typed it, check it. If someone sent it to you, sign in and try again: it may be meant for members.",
            ]),
            Self::NotAllowed(message) | Self::Bad(message) => vec![message.clone()],
            Self::SignedOut => said(&["You need to be signed in to do this."]),
            Self::FormExpired { typed } => {
                let mut texts: Vec<String> = said(&["The page was open for long, or you signed in again since. Nothing was sent."]);
                texts.push(
                    if typed.is_some() {
                        "Copy what you wrote, open the page again, and send it from there."
                    } else {
                        "Open the page again and send it from there."
                    }
                    .to_owned(),
                );
                texts
            }
            Self::WrongMethod => said(&["This address takes no request of that kind. Go back and use the page's own buttons."]),
            Self::TooMany { retry_after } => {
                vec![format!("You asked for a lot in a short time. Wait {retry_after} seconds and try again.")]
            }
            Self::Unavailable { retry_after, .. } => vec![
                "A part of the hub cannot be reached. What was saved is safe.".to_owned(),
                format!(
                    "Try again in {retry_after} seconds. If this lasts, the people who run the hub have been told by its health check."
                ),
            ],
            Self::Internal => said(&[
                "That is a fault of the hub, not of yours. It has been written down.",
                "Try again. If it happens again, tell the people who run this hub what you were doing.",
            ]),
        }
    }
}

impl IntoResponse for Problem {
    /// The bare answer; [`dress`] makes the page of it.
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

#[derive(Template)]
#[template(path = "problem.html")]
struct ProblemPage {
    chrome: Chrome,
    title: &'static str,
    paragraphs: Vec<String>,
    typed: Option<String>,
    offer_sign_in: bool,
    retry: bool,
}

/// What pages may load and do: our own style sheet and script and nothing inline; forms go nowhere else; nobody frames us.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// Turns problems into pages, and gives every page its headers.
pub(crate) async fn dress(State(web): State<crate::Web>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let looking = parts.method.is_safe();
    let identified = web.hub.identify(&mut parts).await;
    let visit = Visit::of(&web, &parts.extensions, &parts.uri, &parts.headers);
    let mut response = match identified {
        Ok(()) => next.run(Request::from_parts(parts, body)).await,
        Err(error) => Problem::from(error).into_response(),
    };
    let problem = response.extensions().get::<Problem>().cloned().or_else(|| match response.status() {
        StatusCode::METHOD_NOT_ALLOWED => Some(Problem::WrongMethod),
        // An address that axum could not read: a path or a query that is no UTF-8.
        StatusCode::BAD_REQUEST => Some(Problem::NotFound),
        _ => None,
    });
    if let Some(problem) = problem {
        response = match problem {
            Problem::SignedOut if looking && !visit.is_signed_in() => {
                Redirect::to(&visit.chrome(crate::visit::Here::Elsewhere, None).sign_in()).into_response()
            }
            problem => shown(&problem, &visit, looking),
        };
    }
    let headers = response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.insert(HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin"));
    // Pages differ from viewer to viewer, and what someone may see changes: no cache may keep them.
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

fn shown(problem: &Problem, visit: &Visit, looking: bool) -> Response {
    let typed = match problem {
        Problem::FormExpired { typed } | Problem::Unavailable { typed, .. } => typed.clone(),
        _ => None,
    };
    let page = ProblemPage {
        chrome: visit.chrome(crate::visit::Here::Elsewhere, None),
        title: problem.title(),
        paragraphs: problem.paragraphs(visit.is_signed_in()),
        typed,
        offer_sign_in: matches!(problem, Problem::NotFound | Problem::SignedOut | Problem::FormExpired { .. } | Problem::NotAllowed(_)),
        retry: looking && matches!(problem, Problem::Unavailable { .. } | Problem::TooMany { .. } | Problem::Internal),
    };
    let mut response = match page.render() {
        Ok(html) => (problem.status(), Html(html)).into_response(),
        Err(error) => {
            tracing::error!(%error, "the page of a problem could not be written");
            problem.status().into_response()
        }
    };
    if let Some(seconds) = problem.retry_after() {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}
