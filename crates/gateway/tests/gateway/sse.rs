//! A stream of server-sent events as a client reads it.

use crate::hub::{Hub, PATIENCE, Someone};
use axum::Router;
use axum::body::{Body, BodyDataStream};
use futures::StreamExt;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{Method, Request, StatusCode};
use serde_json::{Value, json};
use std::time::Duration;
use tower::ServiceExt;

pub(crate) const FOLLOW: &str = "subscription ($thread: ID!, $after: String) { threadActivity(thread: $thread, after: $after) {
    position kind actor { name } post { body } thread { replyCount } } }";

/// The events of a stream.
pub(crate) struct Events {
    pub(crate) body: BodyDataStream,
    text: String,
}

impl Events {
    pub(crate) async fn open(router: &Router, token: Option<&str>, query: &str, variables: Value) -> Result<Self, (StatusCode, Value)> {
        let bearer = token.map(|token| format!("Bearer {token}"));
        let headers: Vec<(&str, &str)> = bearer.iter().map(|bearer| ("authorization", bearer.as_str())).collect();
        Self::with(router, &headers, query, variables).await
    }

    pub(crate) async fn with(
        router: &Router,
        headers: &[(&str, &str)],
        query: &str,
        variables: Value,
    ) -> Result<Self, (StatusCode, Value)> {
        let mut request = Request::builder()
            .method(Method::POST)
            .uri("/graphql/stream")
            .header(ACCEPT, "text/event-stream")
            .header(CONTENT_TYPE, "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = json!({ "query": query, "variables": variables }).to_string();
        let response = router.clone().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
        let status = response.status();
        if status != StatusCode::OK {
            let bytes = axum::body::to_bytes(response.into_body(), 100_000).await.unwrap();
            return Err((status, serde_json::from_slice(&bytes).unwrap()));
        }
        assert!(response.headers()[CONTENT_TYPE].to_str().unwrap().starts_with("text/event-stream"));
        Ok(Self { body: response.into_body().into_data_stream(), text: String::new() })
    }

    /// Reads on until so many subscribers are told what happens as it happens.
    pub(crate) async fn connected(&mut self, hub: &Hub, joined: usize) {
        let all = async {
            while hub.api.backend().live.figures().joined < joined {
                tokio::select! {
                    chunk = self.body.next() => self.text.push_str(std::str::from_utf8(&chunk.unwrap().unwrap()).unwrap()),
                    () = tokio::time::sleep(Duration::from_millis(5)) => {}
                }
            }
        };
        tokio::time::timeout(PATIENCE, all).await.expect("it is connected in time");
    }

    pub(crate) async fn follow(hub: &Hub, someone: &Someone, thread: &str, after: Option<&str>) -> Self {
        Self::open(&hub.router, Some(&someone.token), FOLLOW, json!({ "thread": thread, "after": after })).await.unwrap()
    }

    /// The next event: its name and data; comments are passed over.
    pub(crate) async fn next(&mut self) -> Option<(String, String)> {
        tokio::time::timeout(PATIENCE, self.next_of_all()).await.expect("something comes in time")
    }

    async fn next_of_all(&mut self) -> Option<(String, String)> {
        loop {
            while let Some((event, rest)) = self.text.split_once("\n\n") {
                let (event, rest) = (event.to_owned(), rest.to_owned());
                self.text = rest;
                let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name)).map(|value| value.trim().to_owned());
                if let Some(name) = field("event:") {
                    return Some((name, field("data:").unwrap_or_default()));
                }
            }
            // A stream that breaks off has no more events either.
            let chunk = self.body.next().await?.ok()?;
            self.text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    /// The next activity.
    pub(crate) async fn activity(&mut self) -> Value {
        self.field("threadActivity").await
    }

    /// The next answer's field of this name.
    pub(crate) async fn field(&mut self, field: &str) -> Value {
        let (name, data) = self.next().await.expect("the stream goes on");
        assert_eq!(name, "next", "{data}");
        let payload: Value = serde_json::from_str(&data).unwrap();
        assert!(payload.get("errors").is_none(), "{payload:#}");
        payload["data"][field].clone()
    }

    /// Whether the stream breaks off, after whatever answers; else what it ends with.
    pub(crate) async fn is_broken_off(&mut self) -> Result<(), String> {
        let end = async {
            loop {
                match self.body.next().await {
                    Some(Ok(chunk)) => self.text.push_str(std::str::from_utf8(&chunk).unwrap()),
                    Some(Err(_)) if !self.text.contains("complete") => return Ok(()),
                    Some(Err(_)) | None => return Err(self.text.clone()),
                }
            }
        };
        tokio::time::timeout(PATIENCE, end).await.expect("it ends in time")
    }

    /// Nothing but the end is left.
    pub(crate) async fn ends(&mut self) {
        assert_eq!(self.next().await.expect("its end is told").0, "complete");
        assert!(self.next().await.is_none());
    }
}
