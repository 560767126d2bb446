//! GraphQL over HTTP (<https://graphql.github.io/graphql-over-http/draft/>).

use super::answer::respond;
use super::ask::Ask;
use super::negotiation::{Media, accepted};
use super::problem::Problem;
use super::stream;
use crate::api::{Api, Way};
use crate::caller::{CONSISTENCY_HEADER, Caller};
use axum::extract::{Request, State};
use axum::response::Response;
use http::{Method, StatusCode};
use identity::Credential;

/// Names of headers that a page of another origin cannot send without asking, which the hub never allows.
const OWN_HEADERS: [&str; 2] = ["hub-request", "x-requested-with"];

/// A GraphQL request, whatever its method.
pub async fn answer(State(api): State<Api>, request: Request) -> Response {
    let Some(media) = accepted(request.headers(), true) else {
        let message = "The hub answers with application/graphql-response+json or application/json. Name one of them in “Accept”.";
        return Problem::new(StatusCode::NOT_ACCEPTABLE, "NOT_ACCEPTABLE", message).respond(Media::Json);
    };
    if media == Media::EventStream {
        return stream::answer(State(api), request).await;
    }
    match asked(&api, request, media).await {
        Ok((caller, ask, way)) => {
            let answer = api.execute(&caller, ask, way).await;
            respond(answer, media, api.settings().limits.cost)
        }
        Err(problem) => problem.respond(media),
    }
}

/// Reads who asks, and what.
pub(super) async fn asked(api: &Api, request: Request, media: Media) -> Result<(Caller, Ask, Way), Problem> {
    let streaming = media == Media::EventStream;
    let way = match (request.method(), streaming) {
        (&Method::GET, false) => Way::Reading,
        (&Method::GET, true) => Way::Streaming,
        (&Method::POST, false) => Way::Full,
        (&Method::POST, true) => Way::All,
        _ => return Err(Problem::method("GET, POST")),
    };
    let (parts, body) = request.into_parts();
    let caller = api.caller(&parts).await.map_err(|error| Problem::from(&error))?;
    api.admit(&caller)?;
    if parts.headers.contains_key(CONSISTENCY_HEADER) && caller.consistency.is_none() {
        return Err(Problem::bad("“Hub-Consistency-Token” is no token of this hub. Send one from a mutation's answer, unchanged."));
    }
    let ask = if parts.method == Method::GET {
        Ask::from_query(parts.uri.query().unwrap_or_default())?
    } else {
        let own =
            OWN_HEADERS.iter().any(|name| parts.headers.contains_key(*name)) || api.backend().identity.site.is_same_origin(&parts.headers);
        if matches!(caller.credential, Some(Credential::Session(_))) && !own {
            let message = "This request carries a session's cookie, but nothing that shows that it comes from the hub's own pages. Send the header “Hub-Request: 1”, or use an API token.";
            return Err(Problem::new(StatusCode::FORBIDDEN, "FOREIGN_ORIGIN", message));
        }
        let reading = Ask::from_body(&parts.headers, body, api.settings().body_bytes);
        tokio::time::timeout(api.settings().request_timeout, reading).await.map_err(|_| {
            Problem::new(StatusCode::REQUEST_TIMEOUT, "REQUEST_TIMEOUT", "The request's body did not arrive in time. Send it again.")
        })??
    };
    Ok((caller, ask, way))
}
