//! An answer as HTTP: the status and the body that the media type asks for.

use super::conditional::EntityTag;
use super::negotiation::Media;
use super::problem::{Problem, RETRY_SECONDS};
use crate::api::{Answer, Cause, Refusal};
use crate::caller::CONSISTENCY_HEADER;
use crate::freshness::Freshness;
use crate::settings::Settings;
use async_graphql::{ServerError, Value};
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderName, RETRY_AFTER, VARY};
use http::{HeaderValue, StatusCode};
use serde::Serialize;
use std::collections::BTreeMap;

/// The header that tells what an answer cost.
const COST_HEADER: HeaderName = HeaderName::from_static("hub-cost");
/// What an answer depends on besides its address.
const VARIES: HeaderValue = HeaderValue::from_static("Accept, Authorization, Cookie");
/// Its own client alone may keep an answer, and asks each time whether it still holds.
const KEPT: HeaderValue = HeaderValue::from_static("private, no-cache");

/// The answer over HTTP.
pub(crate) fn respond(answer: Answer, media: Media, settings: &Settings) -> Response {
    let statuses = settings.statuses;
    match answer {
        Answer::Refused(Refusal { cause: Cause::Problem(problem), .. }) => problem.by(statuses).respond(statuses.media_of_failure(media)),
        Answer::Refused(Refusal { cause: Cause::Wrong(wrong), errors }) => {
            let (status, media) = statuses.of_refusal(wrong, media);
            send(status, &Body { errors: &errors, data: None, extensions: None }, media)
        }
        Answer::Unchanged { tag, freshness } => unchanged(&tag, freshness),
        Answer::Executed { response, charge, freshness, tag } => {
            let away = response.errors.iter().any(|error| code(error) == Some("UNAVAILABLE"));
            let mut http = if away && response.data == Value::Null {
                // Nothing could be read. Without data the status may say so, to whoever balances load between hubs for one.
                let body = Body { errors: &response.errors, data: None, extensions: None };
                send(StatusCode::SERVICE_UNAVAILABLE, &body, statuses.media_of_failure(media))
            } else {
                let body = Body { errors: &response.errors, data: Some(&response.data), extensions: Some(&response.extensions) };
                send(statuses.of_execution(!response.errors.is_empty(), media), &body, media)
            };
            let headers = http.headers_mut();
            if away {
                headers.insert(RETRY_AFTER, HeaderValue::from(RETRY_SECONDS));
            }
            headers.insert(COST_HEADER, HeaderValue::from(charge.requested));
            if let Some(balance) = charge.balance {
                balance.tell(headers);
            }
            headers.extend(freshness.headers());
            if let Some(token) = consistency_token(&response.data).and_then(|token| HeaderValue::from_str(token).ok()) {
                headers.insert(HeaderName::from_static(CONSISTENCY_HEADER), token);
            }
            if let Some(tag) = tag {
                headers.insert(ETAG, tag.header());
                headers.insert(CACHE_CONTROL, KEPT);
            }
            http
        }
    }
}

/// The client has the answer already. The headers that a stored answer is renewed with are those that it would have.
fn unchanged(tag: &EntityTag, freshness: Freshness) -> Response {
    let mut http = StatusCode::NOT_MODIFIED.into_response();
    let headers = http.headers_mut();
    headers.insert(ETAG, tag.header());
    headers.insert(CACHE_CONTROL, KEPT);
    headers.insert(VARY, VARIES);
    headers.extend(freshness.headers());
    http
}

/// The body of an answer. It is written as it is, for the fields of the data stand in the order that they were asked in.
#[derive(Serialize)]
struct Body<'a> {
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [ServerError],
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    extensions: Option<&'a BTreeMap<String, Value>>,
}

/// The code of an error.
pub(crate) fn code(error: &ServerError) -> Option<&str> {
    match error.extensions.as_ref().and_then(|extensions| extensions.get("code")) {
        Some(Value::String(code)) => Some(code),
        _ => None,
    }
}

/// The last consistency token among a mutation's answers, for the header; a client may as well take it from the data.
fn consistency_token(data: &Value) -> Option<&str> {
    let Value::Object(fields) = data else { return None };
    fields.values().rev().find_map(|payload| match payload {
        Value::Object(payload) => match payload.get("consistencyToken") {
            Some(Value::String(token)) => Some(token.as_str()),
            _ => None,
        },
        _ => None,
    })
}

fn send(status: StatusCode, body: &Body<'_>, media: Media) -> Response {
    let text = match serde_json::to_string(body) {
        Ok(text) => text,
        Err(error) => {
            tracing::error!(%error, "an answer is no JSON");
            return Problem::internal().respond(media);
        }
    };
    let mut response = (status, text).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media.content_type()));
    // What someone sees depends on who asks, and on the moment.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(VARY, VARIES);
    response
}
