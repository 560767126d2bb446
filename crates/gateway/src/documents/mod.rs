//! Registered documents: what clients ask for by an identifier instead of sending its text (GraphQL over HTTP, appendix
//! “Persisted Documents”).
//!
//! An operator hands the hub the file that the client's build wrote. Requests become short enough for GET, whose answers can be
//! revalidated; and where [`Mode::Only`] is set, nobody can have the hub run anything that was not written by who builds the clients.

mod id;
mod registry;

pub use id::{DocumentId, WrongId};
#[cfg(test)]
pub(crate) use registry::NothingRuns;
pub use registry::{Fault, Registry, RegistryError};

use crate::api::{Refusal, Way, coded};
use crate::http::ask::Ask;
use crate::http::statuses::Wrong;
use async_graphql::parser::types::{OperationDefinition, Selection};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Which documents the hub takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Those that are sent; identifiers mean nothing.
    Off,
    /// Those that are sent, and registered ones by their identifiers.
    #[default]
    Allow,
    /// Registered ones, by identifier or text, and questions about the schema itself.
    Only,
}

/// The registered documents, and whether others are taken.
#[derive(Clone, Debug, Default)]
pub struct Documents {
    /// Which documents are taken.
    pub mode: Mode,
    /// The registered ones.
    pub registry: Arc<Registry>,
}

/// The document that a request asks for.
pub(crate) struct Found {
    /// Its text.
    pub(crate) text: String,
    /// Whether it is registered or a page's own, so that [`Documents::admit`] need not look at it.
    registered: bool,
}

impl Documents {
    /// The text that a request asks for.
    ///
    /// # Errors
    /// It names no document, or one that is not registered.
    pub(crate) fn find(&self, ask: Ask, way: Way) -> Result<Found, Refusal> {
        let Ask { query, document_id, .. } = ask;
        // Where there are no identifiers, one is a parameter that the hub does not know, and is passed over as such.
        let id = document_id.filter(|_| self.mode != Mode::Off);
        match (query, id) {
            (Some(_), Some(_)) => {
                Err(refused(Wrong::Malformed, "BAD_REQUEST", "Send the document as “query”, or its identifier as “documentId”, not both."))
            }
            (Some(text), None) => {
                let registered = way == Way::Page || (self.mode == Mode::Only && self.registry.holds(&text));
                Ok(Found { text, registered })
            }
            (None, Some(id)) => {
                let id = DocumentId::read(&id).map_err(|wrong| {
                    refused(Wrong::Malformed, "INVALID_DOCUMENT_ID", format!("“documentId” is no document identifier: {wrong}."))
                })?;
                let text = self.registry.text(&id).ok_or_else(|| {
                    let message = format!("There is no registered document “{id}”. {}", self.remedy());
                    refused(Wrong::Unregistered, "PERSISTED_DOCUMENT_NOT_FOUND", message)
                })?;
                Ok(Found { text: text.to_owned(), registered: true })
            }
            (None, None) => Err(refused(Wrong::Malformed, "BAD_REQUEST", "“query” is missing: the GraphQL document to run, as a string.")),
        }
    }

    fn remedy(&self) -> &'static str {
        match self.mode {
            Mode::Off | Mode::Allow => "Send its text as “query”, or have it registered by who runs this hub.",
            Mode::Only => "Have it registered by who runs this hub.",
        }
    }

    /// Whether an operation of this document may run.
    ///
    /// # Errors
    /// Only registered documents are taken, and this is none.
    pub(crate) fn admit(&self, found: &Found, operation: &OperationDefinition) -> Result<(), Refusal> {
        if self.mode != Mode::Only || found.registered || asks_about_schema(operation) {
            return Ok(());
        }
        let message = "This hub takes registered documents only. Send the identifier of one as “documentId”, or have yours registered by who runs this hub.";
        Err(refused(Wrong::Unwelcome, "PERSISTED_DOCUMENT_REQUIRED", message))
    }
}

fn refused(wrong: Wrong, code: &str, message: impl Into<String>) -> Refusal {
    Refusal::new(wrong, coded(code, message))
}

/// Whether all that an operation asks for is about the schema. Whether that is answered is decided elsewhere.
fn asks_about_schema(operation: &OperationDefinition) -> bool {
    operation.selection_set.node.items.iter().all(|selection| match &selection.node {
        Selection::Field(field) => field.node.name.node.starts_with("__"),
        Selection::FragmentSpread(_) | Selection::InlineFragment(_) => false,
    })
}
