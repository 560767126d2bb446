//! Whether the process lives, whether the hub is fit to serve, and its metrics.

use super::problem::{Problem, RETRY_SECONDS};
use crate::api::Api;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use chrono::TimeDelta;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, StatusCode};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::timeout;

/// How long a check may take.
const WAIT: Duration = Duration::from_secs(3);
/// An event that has waited longer for its place in the log than this tells that no sequencer is at work.
const SEQUENCER_WAIT: TimeDelta = TimeDelta::seconds(10);
/// A view that is further behind than this is reported as lagging.
const LAG: u64 = 10_000;

/// The process lives.
pub async fn alive() -> Response {
    sent(StatusCode::OK, &json!({ "status": "ok" }))
}

/// Whether the hub is fit to serve: 200 `ok` or `degraded` (a view has stopped or lags; the rest works), 503 if the database
/// does not answer or its tables are not there.
pub async fn ready(State(api): State<Api>) -> Response {
    let backend = api.backend();
    let looked = timeout(WAIT, async {
        let views = projections::status(backend.db.pool()).await?;
        let last = sqlx::query!(
            r#"select e.recorded_at, exists (select from log.sequence s where s.pos = e.pos) as "sequenced!"
               from log.events e order by e.xid desc, e.pos desc limit 1"#
        )
        .fetch_optional(&backend.db)
        .await?;
        let waiting = last.filter(|last| !last.sequenced).map(|last| backend.clock.now() - last.recorded_at);
        Ok::<_, sqlx::Error>((views, waiting))
    })
    .await;
    let (views, waiting) = match looked {
        Ok(Ok(found)) => found,
        Ok(Err(error)) => {
            tracing::warn!(%error, "not ready: the database does not answer");
            return unready("The database does not answer, or its tables are not there.");
        }
        Err(_elapsed) => return unready("The database does not answer in time."),
    };
    if api.is_closing() {
        return unready("The hub is stopping.");
    }
    let views: Vec<Value> = views
        .iter()
        .map(|view| {
            json!({
                "name": view.name,
                "state": view.state,
                "checkpoint": view.checkpoint,
                "lag": view.lag(),
                "healthy": view.is_healthy() && view.lag() < LAG,
            })
        })
        .collect();
    let sequencing = waiting.is_none_or(|since| since < SEQUENCER_WAIT);
    let degraded = !sequencing || views.iter().any(|view| view["healthy"] == false);
    // Errors are not shown: they are for `hub projections status`, and this page is for anyone.
    sent(
        StatusCode::OK,
        &json!({ "status": if degraded { "degraded" } else { "ok" }, "sequencer": { "healthy": sequencing }, "projections": views }),
    )
}

/// The process's metrics, for Prometheus.
pub async fn metrics(State(api): State<Api>) -> Response {
    let Some(text) = &api.settings().metrics else {
        return Problem::new(StatusCode::NOT_FOUND, "NOT_FOUND", "There are no metrics here.").into_response();
    };
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8"), (CACHE_CONTROL, "no-store")], text()).into_response()
}

fn unready(reason: &str) -> Response {
    let mut response = sent(StatusCode::SERVICE_UNAVAILABLE, &json!({ "status": "unavailable", "reason": reason }));
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(RETRY_SECONDS));
    response
}

fn sent(status: StatusCode, body: &Value) -> Response {
    (status, [(CONTENT_TYPE, "application/json; charset=utf-8"), (CACHE_CONTROL, "no-store")], body.to_string()).into_response()
}
