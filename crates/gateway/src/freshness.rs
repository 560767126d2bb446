//! As of when something was read: every answer says up to where the views held the log and how far that is behind, and no answer
//! is older than its caller demands.

use crate::api::{Api, Refusal};
use crate::caller::ConsistencyToken;
use crate::http::problem::Problem;
use async_graphql::{Response, Value};
use http::{HeaderName, HeaderValue, StatusCode};
use projections::{Projected, Reach};

/// The header that tells up to where the views held the log.
pub const POSITION_HEADER: HeaderName = HeaderName::from_static("hub-position");
/// The header that tells how many events that was behind the log.
pub const LAG_HEADER: HeaderName = HeaderName::from_static("hub-lag");

/// As of when something is read. Taken before the reading begins, so that it never claims more than was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Freshness {
    /// How far the views were.
    pub reach: Reach,
    /// How many events they were behind the log.
    pub lag: u64,
}

impl Freshness {
    /// Says so in an answer's extensions. The position is text, as everywhere in the API: it may grow beyond what numbers in JSON hold.
    pub(crate) fn tell(self, response: &mut Response) {
        response.extensions.insert("position".to_owned(), Value::from(self.reach.position.to_string()));
        response.extensions.insert("lag".to_owned(), Value::from(self.lag));
    }

    /// The same as headers.
    pub(crate) fn headers(self) -> [(HeaderName, HeaderValue); 2] {
        [(POSITION_HEADER, HeaderValue::from(self.reach.position)), (LAG_HEADER, HeaderValue::from(self.lag))]
    }
}

impl Api {
    /// As of when something would be read now, as far as this process knows. Costs no statement.
    pub(crate) fn freshness(&self) -> Freshness {
        self.freshness_of(self.backend().progress.known())
    }

    pub(crate) fn freshness_of(&self, reach: Reach) -> Freshness {
        Freshness { reach, lag: self.known_end().saturating_sub(reach.position) }
    }

    /// Waits, bounded, until the views hold what a consistency token names.
    ///
    /// # Errors
    /// `STALE` (503) if they do not by then; 400 at once if the log does not go that far, so that waiting would be in vain.
    pub(crate) async fn await_consistency(&self, ConsistencyToken(required): ConsistencyToken) -> Result<(), Refusal> {
        let backend = self.backend();
        if backend.progress.known().position >= required {
            return Ok(());
        }
        // What this process knows of the log may be a moment old, so it is read before a token is called wrong.
        if self.known_end() < required && backend.log.head().await.map_err(|error| unreadable(&error))? < required {
            let message = "“Hub-Consistency-Token” names a place beyond the end of this hub's log. Send one from a mutation's answer of this hub, unchanged.";
            return Err(Problem::new(StatusCode::BAD_REQUEST, "INVALID_CONSISTENCY_TOKEN", message).into());
        }
        match backend.progress.await_projected(required, self.settings().projection_wait).await {
            Projected::Reached => Ok(()),
            Projected::Behind { least } => Err(stale(least, required, self.known_end().saturating_sub(least)).into()),
        }
    }
}

fn unreadable(error: &store::Error) -> Refusal {
    if error.is_unavailable() {
        tracing::warn!(%error, "the log's end cannot be read");
        return Problem::unavailable("The hub cannot read its log at the moment. Try again shortly.").into();
    }
    tracing::error!(%error, "the log's end could not be read");
    Problem::internal().into()
}

/// The views are not as far as the caller demands. Nothing was read or changed.
fn stale(position: u64, required: u64, lag: u64) -> Problem {
    let message = format!(
        "The hub's views hold its log up to {position}, and your consistency token demands {required}. Try again shortly, or ask without the token to get what there is."
    );
    Problem::again(StatusCode::SERVICE_UNAVAILABLE, "STALE", message)
        .tell("position", position.to_string())
        .tell("required", required.to_string())
        .tell("lag", lag)
}
