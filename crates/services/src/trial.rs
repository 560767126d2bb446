//! Commands that are only tried: everything is done as if in earnest, but for the writing.

use crate::command::{Planned, Trial};
use crate::handle::{Decided, End, Services};
use kernel::Aggregate;
use store::{AppendError, Receipt};

/// The decision is held against the log, and nothing is written.
pub(crate) struct TryOut;

impl End for TryOut {
    type Outcome = Trial;

    async fn end<A: Aggregate>(services: &Services, decided: Decided<A>) -> Result<Trial, AppendError> {
        let append = decided.append;
        if let Some(receipt) = services.log().rehearse(&append).await? {
            return Ok(Trial::Did(receipt));
        }
        let events = append.events.into_iter().map(|event| (event.id, event.payload)).collect();
        Ok(Trial::Would(Planned {
            stream: append.stream,
            first_version: append.expected + 1,
            meta: append.meta,
            recorded_at: append.now,
            events,
        }))
    }

    fn did(receipt: Receipt) -> Trial {
        Trial::Did(receipt)
    }
}
