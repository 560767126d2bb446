//! GraphQL over server-sent events: graphql-sse, distinct connections mode
//! (<https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md>). Each request is answered by a stream of its own.

use super::answer::respond;
use super::graphql::{asked, options};
use super::negotiation::{Media, accepted};
use super::problem::Problem;
use crate::api::{Answer, Api, coded};
use crate::live::Place;
use crate::settings::Settings;
use crate::streaming::Streamed;
use async_graphql::Response as Executed;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use futures::stream::BoxStream;
use futures::{Stream, StreamExt};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName};
use http::{HeaderValue, Method, StatusCode};
use serde_json::json;
use std::time::Duration;
use tokio::time::{Instant, timeout};

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
        Ok(streamed) => {
            let closing = api.clone();
            let events = events(streamed, api.settings(), move || closing.is_closing());
            let mut response = Body::from_stream(events).into_response();
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

/// A sign of life: a comment, which clients pass over.
const COMMENT: Bytes = Bytes::from_static(b":\n\n");
const COMPLETE: Bytes = Bytes::from_static(b"event: complete\ndata:\n\n");

/// What comes next on the wire.
enum Stage {
    /// Headers and a first comment go out at once, so that the client knows that it is connected.
    Opening,
    Answers,
    /// One last event, and no more.
    Complete,
    Closed,
}

/// A stream of events on its way to its reader.
struct Events {
    responses: BoxStream<'static, Executed>,
    place: Place,
    stage: Stage,
    ping: Duration,
    /// How long the reader may take for one event.
    wait: Duration,
    /// When the last one was handed over, and up to which position all were.
    handed: Instant,
    position: Option<u64>,
}

/// The hub stops. The stream is broken off, for a client to whom its end is told does not come again.
#[derive(Debug, thiserror::Error)]
#[error("the hub is going away")]
struct GoingAway;

/// The events: `next` for each answer, `complete` at the end, and a comment now and then to show that the stream lives.
fn events<C>(streamed: Streamed, settings: &Settings, is_closing: C) -> impl Stream<Item = Result<Bytes, GoingAway>> + Send + use<C>
where
    C: Fn() -> bool + Send + 'static,
{
    let Streamed { responses, place, lasting } = streamed;
    let (ping, wait) = (settings.stream_ping, settings.stream_send_wait);
    let events = Events { responses, place, stage: Stage::Opening, ping, wait, handed: Instant::now(), position: None };
    futures::stream::unfold((events, is_closing), move |(mut events, is_closing)| async move {
        let event = events.next().await?;
        if lasting && matches!(events.stage, Stage::Closed) && is_closing() {
            return Some((Err(GoingAway), (events, is_closing)));
        }
        Some((Ok(event), (events, is_closing)))
    })
}

impl Events {
    async fn next(&mut self) -> Option<Bytes> {
        let event = match self.stage {
            Stage::Opening => {
                self.stage = Stage::Answers;
                COMMENT
            }
            // The next one is asked for only when there is room for it. If that took too long, the stream ends in order, as soon as
            // the reader reads on: all that was handed over is before this in what they read.
            Stage::Answers if self.handed.elapsed() > self.wait => {
                self.responses = futures::stream::empty().boxed();
                self.stage = Stage::Complete;
                too_slow(self.position)
            }
            Stage::Answers => match timeout(self.ping, self.responses.next()).await {
                Ok(Some(response)) => {
                    self.position = self.place.get().or(self.position);
                    next(&response)
                }
                Ok(None) => {
                    self.stage = Stage::Closed;
                    COMPLETE
                }
                Err(_quiet) => COMMENT,
            },
            Stage::Complete => {
                self.stage = Stage::Closed;
                COMPLETE
            }
            Stage::Closed => return None,
        };
        self.handed = Instant::now();
        Some(event)
    }
}

/// An answer as an event. JSON has no bare line breaks, so one line of data holds it.
fn next(response: &Executed) -> Bytes {
    let json = serde_json::to_string(response).unwrap_or_else(|error| {
        tracing::error!(%error, "an answer is no JSON");
        json!({ "errors": [coded("INTERNAL", "The hub made a mistake while answering.")] }).to_string()
    });
    Bytes::from(format!("event: next\ndata: {json}\n\n"))
}

/// That the reader was too slow, with the last position that they were sent.
fn too_slow(position: Option<u64>) -> Bytes {
    let message = "You took the events more slowly than they are waited for. Subscribe again, from the last position you have seen.";
    let mut error = coded("TOO_SLOW", message);
    if let Some(position) = position {
        error.extensions.get_or_insert_default().set("position", position.to_string());
    }
    next(&Executed::from_errors(vec![error]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Settings {
        Settings { stream_ping: Duration::from_secs(5), stream_send_wait: Duration::from_secs(10), ..Settings::default() }
    }

    #[tokio::test(start_paused = true)]
    async fn a_quiet_stream_shows_that_it_lives_and_a_finished_one_that_it_is() {
        let responses = futures::stream::once(async {
            tokio::time::sleep(Duration::from_secs(11)).await;
            Executed::new(async_graphql::Value::from(1))
        });
        let events = events(Streamed { responses: responses.boxed(), place: Place::default(), lasting: true }, &settings(), || false);
        let all: Vec<Bytes> = events.map(|event| event.expect("the hub goes on")).collect().await;
        let texts: Vec<&str> = all.iter().map(|bytes| std::str::from_utf8(bytes).expect("it is text")).collect();
        assert_eq!(texts, [":\n\n", ":\n\n", ":\n\n", "event: next\ndata: {\"data\":1}\n\n", "event: complete\ndata:\n\n"]);
    }

    #[tokio::test]
    async fn a_stream_that_ends_with_the_hub_is_broken_off() {
        let streamed = Streamed { responses: futures::stream::empty().boxed(), place: Place::default(), lasting: true };
        let all: Vec<_> = events(streamed, &settings(), || true).collect().await;
        assert!(matches!(&all[..], [Ok(_), Err(GoingAway)]), "{all:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_who_takes_too_long_is_told_where_to_go_on() {
        let place = Place::default();
        let told = place.clone();
        let responses = futures::stream::iter(7..).map(move |position| {
            told.set(position);
            Executed::new(async_graphql::Value::from(position))
        });
        let events = events(Streamed { responses: responses.boxed(), place, lasting: true }, &settings(), || false);
        let mut events = std::pin::pin!(events);
        let mut take =
            async || events.next().await.map(|event| String::from_utf8(event.expect("the hub goes on").to_vec()).expect("it is text"));
        for expected in [":\n\n", "event: next\ndata: {\"data\":7}\n\n"] {
            assert_eq!(take().await.as_deref(), Some(expected));
        }
        // That is slow, and not too slow.
        tokio::time::advance(Duration::from_secs(9)).await;
        assert_eq!(take().await.as_deref(), Some("event: next\ndata: {\"data\":8}\n\n"));
        tokio::time::advance(Duration::from_secs(11)).await;
        let last = take().await.expect("it is told");
        assert!(last.contains("\"code\":\"TOO_SLOW\"") && last.contains("\"position\":\"8\""), "{last}");
        assert_eq!(take().await.as_deref(), Some("event: complete\ndata:\n\n"));
        assert_eq!(take().await, None);
    }
}
