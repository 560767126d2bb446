//! The way in for programs and pages: GraphQL over HTTP, SSE and WebSocket, sign-in, health and limits.

pub mod graphql;
