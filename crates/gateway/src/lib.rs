//! The way in for programs and pages: GraphQL over HTTP, SSE and WebSocket, sign-in, health and limits.
//!
//! [`Api`] answers GraphQL requests, whoever brings them: [`Api::router`] over HTTP, [`Api::page_query`] from a page in the same
//! process. `graphql/` holds the schema, a file for each type and for each aggregate's mutations; `http/` the protocols.

pub mod api;
pub mod caller;
pub mod documents;
pub mod freshness;
pub mod graphql;
pub mod http;
pub mod live;
pub mod markdown;
pub mod page;
pub mod settings;
pub mod streaming;

pub use api::{Answer, Api, Cause, Parts, Refusal, Way};
pub use caller::{Caller, ConsistencyToken};
pub use documents::Documents;
pub use freshness::Freshness;
pub use graphql::limits::Limits;
pub use graphql::sdl;
pub use http::statuses::Statuses;
pub use page::PageError;
pub use settings::{Budget, Budgets, Rates, Settings, Suggestions};
pub use streaming::Streamed;
