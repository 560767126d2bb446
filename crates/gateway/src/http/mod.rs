//! The protocols: GraphQL over HTTP, SSE and WebSocket, sign-in, health.

pub mod answer;
pub mod ask;
pub mod budget;
pub mod conditional;
pub mod connections;
pub mod explorer;
pub mod graphql;
pub mod guard;
pub mod health;
pub mod negotiation;
pub mod problem;
pub mod sign_in;
pub mod socket;
pub mod statuses;
pub mod stream;
pub(crate) mod ticks;

use crate::api::Api;
use axum::Router;
use axum::routing::{any, get, post};

impl Api {
    /// Every address that the gateway answers, guarded: rate limits, security headers, request ids, spans, and answers even to panics.
    pub fn router(&self) -> Router {
        let settings = self.settings();
        let mut router = Router::new()
            .route("/graphql", any(graphql::answer))
            .route("/graphql/stream", any(stream::answer))
            .route("/graphql/ws", any(socket::answer))
            .route("/sign-in/{provider}", get(sign_in::start).post(sign_in::start))
            .route("/sign-in/{provider}/callback", get(sign_in::finish))
            .route("/sign-out", post(sign_in::sign_out))
            .route("/healthz", get(health::alive))
            .route("/readyz", get(health::ready));
        if settings.introspection {
            router = router.route("/schema.graphql", get(explorer::schema));
        }
        if settings.graphiql {
            router = router.merge(explorer::routes(settings.graphiql_files.as_deref()));
        }
        if settings.metrics.is_some() {
            router = router.route("/metrics", get(health::metrics));
        }
        self.guard(router.with_state(self.clone()))
    }
}
