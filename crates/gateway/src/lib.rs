//! The GraphQL API over HTTP, SSE and WebSocket
