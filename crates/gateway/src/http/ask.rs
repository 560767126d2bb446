//! A GraphQL request as HTTP carries it: in a JSON body, or in the query of a GET.

use super::negotiation::is_json;
use super::problem::Problem;
use crate::caller::{CONSISTENCY_HEADER, ConsistencyToken};
use crate::graphql::limits::{self, Limits};
use async_graphql::Variables;
use axum::body::Body;
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde_json::{Map, Value};

/// A GraphQL request.
#[derive(Clone, Debug, Default)]
pub struct Ask {
    /// The document.
    pub query: Option<String>,
    /// The identifier of a registered document, in place of one.
    pub document_id: Option<String>,
    /// Which of its operations, if there are several.
    pub operation_name: Option<String>,
    /// The values of its variables.
    pub variables: Variables,
    /// The views must have come this far before they are read. HTTP has a header for it; a browser's socket has not.
    pub consistency: Option<ConsistencyToken>,
}

impl Ask {
    /// A request for a document without variables.
    pub fn new(query: impl Into<String>) -> Self {
        Self { query: Some(query.into()), ..Self::default() }
    }

    /// A request for a registered document without variables.
    pub fn registered(id: impl Into<String>) -> Self {
        Self { document_id: Some(id.into()), ..Self::default() }
    }

    /// Reads the body of a POST of at most `most` bytes, with at most as many values as the limits take.
    ///
    /// # Errors
    /// 415 for other media types than JSON, 413 for too much of it, 400 for what is no JSON, 400 or 422 for what is no GraphQL request.
    pub async fn from_body(headers: &HeaderMap, body: Body, most: usize, limits: &Limits) -> Result<Self, Problem> {
        if !is_json(headers) {
            let message = "Send the request as JSON in UTF-8, with “Content-Type: application/json”.";
            return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "UNSUPPORTED_MEDIA_TYPE", message));
        }
        let too_large = || {
            let message = format!("The request's body is larger than {most} bytes. Send less at once.");
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "PAYLOAD_TOO_LARGE", message)
        };
        let announced = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()).and_then(|value| value.parse::<usize>().ok());
        if announced.is_some_and(|length| length > most) {
            return Err(too_large());
        }
        let bytes = match Limited::new(body, most).collect().await {
            Ok(collected) => collected.to_bytes(),
            Err(error) if error.downcast_ref::<LengthLimitError>().is_some() => return Err(too_large()),
            Err(_) => return Err(Problem::bad("The request's body broke off. Send it again.")),
        };
        limits::scan_json(&bytes, limits).map_err(|unfit| Problem::new(StatusCode::BAD_REQUEST, unfit.code(), unfit.message))?;
        let json: Value =
            serde_json::from_slice(&bytes).map_err(|error| Problem::bad(format!("The request's body is not valid JSON: {error}.")))?;
        Self::from_json(json)
    }

    /// Reads the parameters of a GraphQL request from JSON.
    ///
    /// # Errors
    /// 400 or 422 with what is wrong.
    pub fn from_json(json: Value) -> Result<Self, Problem> {
        let mut parameters = match json {
            Value::Object(parameters) => parameters,
            Value::Array(_) => {
                return Err(Problem::malformed("Requests are taken one at a time, not as a list. Send a JSON object with “query”."));
            }
            _ => return Err(Problem::malformed("The request must be a JSON object with “query”.")),
        };
        let query = text("query", parameters.remove("query"))?;
        let document_id = text("documentId", parameters.remove("documentId"))?;
        if query.is_none() && document_id.is_none() {
            let message =
                "“query” is missing: the GraphQL document to run, as a string. A registered document may be named by “documentId” instead.";
            return Err(Problem::malformed(message));
        }
        let operation_name = text("operationName", parameters.remove("operationName"))?;
        let variables = map("variables", parameters.remove("variables"))?;
        let mut extensions = map("extensions", parameters.remove("extensions"))?;
        let consistency = text("extensions.consistencyToken", extensions.remove("consistencyToken"))?;
        let consistency = consistency.map(|token| ConsistencyToken::decode(&token).ok_or_else(|| foreign("extensions.consistencyToken")));
        let consistency = consistency.transpose()?;
        Ok(Self { query, document_id, operation_name, variables: Variables::from_json(Value::Object(variables)), consistency })
    }

    /// Reads the query of a GET.
    ///
    /// # Errors
    /// 400 or 422 with what is wrong.
    pub fn from_query(query: &str) -> Result<Self, Problem> {
        let mut parameters = Map::new();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            let value = match name.as_ref() {
                "documentId" | "operationName" | "variables" | "extensions" if value.is_empty() => Value::Null,
                "query" | "documentId" | "operationName" => Value::String(value.into_owned()),
                "variables" | "extensions" => {
                    serde_json::from_str(&value).map_err(|error| Problem::malformed(format!("“{name}” is not valid JSON: {error}.")))?
                }
                _ => continue,
            };
            if parameters.insert(name.clone().into_owned(), value).is_some() {
                return Err(Problem::malformed(format!("“{name}” is given twice. Give it once.")));
            }
        }
        Self::from_json(Value::Object(parameters))
    }
}

fn text(name: &str, value: Option<Value>) -> Result<Option<String>, Problem> {
    match value {
        Some(Value::String(text)) => Ok(Some(text)),
        None | Some(Value::Null) => Ok(None),
        Some(_) => Err(Problem::malformed(format!("“{name}” must be a string."))),
    }
}

fn map(name: &str, value: Option<Value>) -> Result<Map<String, Value>, Problem> {
    match value {
        Some(Value::Object(map)) => Ok(map),
        None | Some(Value::Null) => Ok(Map::new()),
        Some(_) => Err(Problem::malformed(format!("“{name}” must be a JSON object."))),
    }
}

/// What stands for a consistency token is none.
pub(super) fn foreign(what: &str) -> Problem {
    Problem::new(
        StatusCode::BAD_REQUEST,
        "INVALID_CONSISTENCY_TOKEN",
        format!("“{what}” is no consistency token of this hub. Send one from a mutation's answer, unchanged."),
    )
}

/// The consistency token of a request, from its header.
pub(super) fn consistency(headers: &HeaderMap) -> Result<Option<ConsistencyToken>, Problem> {
    let Some(value) = headers.get(CONSISTENCY_HEADER) else { return Ok(None) };
    value.to_str().ok().and_then(ConsistencyToken::decode).map(Some).ok_or_else(|| foreign("Hub-Consistency-Token"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn a_request_is_read_and_what_is_not_one_is_refused() {
        let ask =
            Ask::from_json(json!({ "query": "{ a }", "operationName": null, "variables": { "a": [1] }, "extensions": {}, "other": 1 }))
                .unwrap();
        assert_eq!((ask.query.as_deref(), ask.operation_name, ask.variables.len()), (Some("{ a }"), None, 1));
        let token = ConsistencyToken(7);
        let ask = Ask::from_json(json!({ "documentId": "a", "extensions": { "consistencyToken": token.encode() } })).unwrap();
        assert_eq!((ask.query, ask.document_id.as_deref(), ask.consistency), (None, Some("a"), Some(token)));
        for wrong in [
            json!([]),
            json!("{ a }"),
            json!(null),
            json!({}),
            json!({ "query": null }),
            json!({ "query": ["a"] }),
            json!({ "query": "{ a }", "operationName": 1 }),
            json!({ "query": "{ a }", "variables": [] }),
            json!({ "query": "{ a }", "variables": "{}" }),
            json!({ "query": "{ a }", "extensions": false }),
            json!({ "query": "{ a }", "extensions": { "consistencyToken": "nonsense" } }),
            json!({ "query": "{ a }", "documentId": 1 }),
            json!({ "documentId": null }),
        ] {
            assert_eq!(Ask::from_json(wrong.clone()).unwrap_err().status, StatusCode::BAD_REQUEST, "{wrong}");
        }
    }

    #[test]
    fn a_query_string_is_read_likewise() {
        let ask = Ask::from_query("query=%7B+a+%7D&variables=%7B%22a%22%3A1%7D&operationName=&extensions=").unwrap();
        assert_eq!((ask.query.as_deref(), ask.operation_name, ask.variables.len()), (Some("{ a }"), None, 1));
        let ask = Ask::from_query("documentId=sha256%3Aab&query=x&documentId2=").unwrap();
        assert_eq!((ask.query.as_deref(), ask.document_id.as_deref()), (Some("x"), Some("sha256:ab")));
        // An empty document is one, though none that parses.
        assert_eq!(Ask::from_query("query=").unwrap().query.as_deref(), Some(""));
        for wrong in [
            "",
            "query=a&query=b",
            "query=a&variables=x",
            "query=a&variables=[]",
            "variables=%7B%7D",
            "documentId=",
            "documentId=a&documentId=b",
        ] {
            assert_eq!(Ask::from_query(wrong).unwrap_err().status, StatusCode::BAD_REQUEST, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn any_query_string_is_read_without_a_panic(query in "\\PC{0,80}") {
            let _ = Ask::from_query(&query);
        }
    }
}
