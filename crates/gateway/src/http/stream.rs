//! GraphQL over server-sent events: graphql-sse, distinct connections mode
//! (<https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md>). Each request is answered by a stream of its own.

use super::answer::respond;
use super::graphql::{asked, options};
use super::negotiation::{Media, accepted};
use super::problem::Problem;
use crate::api::{Answer, Api};
use async_graphql::Response as Executed;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use futures::{Stream, StreamExt};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName};
use http::{HeaderValue, Method, StatusCode};
use std::convert::Infallible;
use std::time::Duration;

/// The methods that are answered here.
pub(super) const METHODS: &str = "GET, POST, OPTIONS";

/// An operation as a stream of events.
pub async fn answer(State(api): State<Api>, request: Request) -> Response {
    if request.method() == Method::OPTIONS {
        return options(METHODS);
    }
    let wanted = accepted(request.headers(), true);
    if !matches!(wanted, Some(Media::EventStream)) && !asks_for_events(&request) {
        let message = "This address answers with a stream of events. Name text/event-stream in “Accept”.";
        return Problem::new(StatusCode::NOT_ACCEPTABLE, "NOT_ACCEPTABLE", message).respond(Media::Json);
    }
    let (caller, ask, way) = match asked(&api, request, Media::EventStream).await {
        Ok(asked) => asked,
        Err(problem) => return problem.by(api.settings().statuses).respond(Media::GraphqlResponse),
    };
    match api.stream(&caller, ask, way).await {
        Err(refused) => respond(Answer::Refused(refused), Media::GraphqlResponse, api.settings()),
        Ok(responses) => {
            let mut response = Body::from_stream(events(responses, api.settings().stream_ping)).into_response();
            let headers = response.headers_mut();
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(Media::EventStream.content_type()));
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
            // Proxies that gather answers before passing them on are asked not to.
            headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
            response
        }
    }
}

/// Whether the events are taken at all, among other media types that would be preferred elsewhere.
fn asks_for_events(request: &Request) -> bool {
    let values = request.headers().get_all(http::header::ACCEPT);
    values.iter().filter_map(|value| value.to_str().ok()).any(|value| value.to_ascii_lowercase().contains("text/event-stream"))
}

/// The events: `next` for each answer, `complete` at the end, and a comment now and then to show that the stream lives.
fn events(
    responses: impl Stream<Item = Executed> + Send + 'static,
    ping: Duration,
) -> impl Stream<Item = Result<Bytes, Infallible>> + Send {
    let answers = responses.map(|response| {
        // JSON has no bare line breaks, so one line of data holds it.
        match serde_json::to_string(&response) {
            Ok(json) => format!("event: next\ndata: {json}\n\n"),
            Err(error) => {
                tracing::error!(%error, "an answer is no JSON");
                "event: next\ndata: {\"errors\":[{\"message\":\"The hub made a mistake while answering.\",\"extensions\":{\"code\":\"INTERNAL\"}}]}\n\n".to_owned()
            }
        }
    });
    let complete = futures::stream::once(async { "event: complete\ndata:\n\n".to_owned() });
    let stream = Box::pin(answers.chain(complete));
    futures::stream::unfold((stream, true), move |(mut stream, first)| async move {
        if first {
            // Headers and a first comment go out at once, so that the client knows that it is connected.
            return Some((Ok(Bytes::from_static(b":\n\n")), (stream, false)));
        }
        match tokio::time::timeout(ping, stream.next()).await {
            Ok(Some(event)) => Some((Ok(Bytes::from(event)), (stream, false))),
            Ok(None) => None,
            Err(_quiet) => Some((Ok(Bytes::from_static(b":\n\n")), (stream, false))),
        }
    })
}
