//! An answer as HTTP: the status and the body that the media type asks for.

use super::negotiation::Media;
use super::problem::{Problem, RETRY_SECONDS};
use crate::api::{Answer, Refusal};
use crate::caller::CONSISTENCY_HEADER;
use async_graphql::{ServerError, Value};
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, RETRY_AFTER, VARY};
use http::{HeaderValue, StatusCode};
use serde::Serialize;
use serde_json::json;
use std::collections::BTreeMap;

/// The header that tells what an answer cost, and what may be spent on one.
const COST_HEADER: HeaderName = HeaderName::from_static("hub-cost");

/// The answer over HTTP. `most` is the cost that one request may have.
pub fn respond(answer: Answer, media: Media, most: u64) -> Response {
    match answer {
        Answer::Refused(Refusal { problem: Some(problem), .. }) => problem.respond(media),
        Answer::Refused(Refusal { status, errors, problem: None }) => {
            // For application/json the request was well-formed, and that is all its status tells.
            let status = if media == Media::Json && status == StatusCode::BAD_REQUEST { StatusCode::OK } else { status };
            send(status, &Body { errors: &errors, data: None, extensions: None }, media)
        }
        Answer::Executed { response, cost } => {
            let away = response.errors.iter().any(|error| code(error) == Some("UNAVAILABLE"));
            let mut extensions = response.extensions;
            extensions.insert("cost".to_owned(), Value::from_json(json!({ "requested": cost, "limit": most })).unwrap_or_default());
            let body = Body { errors: &response.errors, data: Some(&response.data), extensions: Some(&extensions) };
            let status = if away { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
            let mut http = send(status, &body, media);
            if away {
                http.headers_mut().insert(RETRY_AFTER, HeaderValue::from(RETRY_SECONDS));
            }
            http.headers_mut().insert(COST_HEADER, HeaderValue::from(cost));
            if let Some(token) = consistency_token(&response.data).and_then(|token| HeaderValue::from_str(token).ok()) {
                http.headers_mut().insert(HeaderName::from_static(CONSISTENCY_HEADER), token);
            }
            http
        }
    }
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
    headers.insert(VARY, HeaderValue::from_static("Accept, Authorization, Cookie"));
    response
}
