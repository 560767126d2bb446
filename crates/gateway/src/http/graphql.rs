//! GraphQL over HTTP (<https://http-spec.graphql.org/September2026/>).

use super::answer::respond;
use super::ask::{self, Ask};
use super::conditional::Revalidation;
use super::negotiation::{Media, accepted};
use super::problem::Problem;
use super::stream;
use crate::api::{Api, Way};
use crate::caller::Caller;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::header::ALLOW;
use http::{HeaderName, Method, StatusCode};
use identity::Credential;

/// Names of headers that a page of another origin cannot send without asking, which the hub never allows.
const OWN_HEADERS: [&str; 2] = ["hub-request", "x-requested-with"];

/// The methods that are answered here.
const METHODS: &str = "GET, HEAD, POST, OPTIONS";

/// A GraphQL request, whatever its method.
pub async fn answer(State(api): State<Api>, request: Request) -> Response {
    if request.method() == Method::OPTIONS {
        return options(METHODS);
    }
    let statuses = api.settings().statuses;
    let Some(media) = accepted(request.headers(), true) else {
        let message = "The hub answers with application/graphql-response+json or application/json. Name one of them in “Accept”.";
        return Problem::new(StatusCode::NOT_ACCEPTABLE, "NOT_ACCEPTABLE", message).respond(Media::Json);
    };
    if media == Media::EventStream {
        return stream::answer(State(api), request).await;
    }
    let safe = matches!(*request.method(), Method::GET | Method::HEAD);
    let revalidation = safe.then(|| Revalidation::of(request.headers(), media));
    match asked(&api, request, media).await {
        Ok((caller, ask, way)) => {
            let answer = api.answer(&caller, ask, way, revalidation).await;
            respond(answer, media, api.settings())
        }
        Err(problem) => problem.by(statuses).respond(statuses.media_of_failure(media)),
    }
}

/// What may be asked of an address, and how. Nothing is said of other origins: they may not ask.
pub(super) fn options(methods: &'static str) -> Response {
    let headers = [(ALLOW, methods), (HeaderName::from_static("accept-post"), "application/json")];
    (StatusCode::NO_CONTENT, headers).into_response()
}

/// Reads who asks, and what.
pub(super) async fn asked(api: &Api, request: Request, media: Media) -> Result<(Caller, Ask, Way), Problem> {
    let streaming = media == Media::EventStream;
    let way = match (request.method(), streaming) {
        // The answer to a HEAD is that to a GET, less its body, which is left out on the way.
        (&Method::GET | &Method::HEAD, false) => Way::Reading,
        (&Method::GET, true) => Way::Streaming,
        (&Method::POST, false) => Way::Full,
        (&Method::POST, true) => Way::All,
        (_, false) => return Err(Problem::method(METHODS)),
        (_, true) => return Err(Problem::method(stream::METHODS)),
    };
    let (parts, body) = request.into_parts();
    let caller = api.caller_now(&parts).await.map_err(|error| Problem::from(&error))?;
    api.admit(&caller)?;
    ask::consistency(&parts.headers)?;
    let ask = if parts.method == Method::POST {
        let own =
            OWN_HEADERS.iter().any(|name| parts.headers.contains_key(*name)) || api.backend().identity.site.is_same_origin(&parts.headers);
        if matches!(caller.credential, Some(Credential::Session(_))) && !own {
            let message = "This request carries a session's cookie, but nothing that shows that it comes from the hub's own pages. Send the header “Hub-Request: 1”, or use an API token.";
            return Err(Problem::new(StatusCode::FORBIDDEN, "FOREIGN_ORIGIN", message));
        }
        let reading = Ask::from_body(&parts.headers, body, api.settings().body_bytes, &api.settings().limits);
        tokio::time::timeout(api.settings().request_timeout, reading).await.map_err(|_| {
            Problem::new(StatusCode::REQUEST_TIMEOUT, "REQUEST_TIMEOUT", "The request's body did not arrive in time. Send it again.")
        })??
    } else {
        Ask::from_query(parts.uri.query().unwrap_or_default())?
    };
    Ok((caller, ask, way))
}
