//! What may be set about the way in.

use crate::documents::Documents;
use crate::graphql::limits::Limits;
use crate::http::statuses::Statuses;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Writes the process's metrics in the text format of Prometheus.
pub type MetricsText = Arc<dyn Fn() -> String + Send + Sync>;

/// What may be set about the way in.
#[derive(Clone)]
pub struct Settings {
    /// Whether the schema may be asked about itself, and read at `/schema.graphql`.
    pub introspection: bool,
    /// Who is told “Did you mean …” of a name that the schema does not have.
    pub suggestions: Suggestions,
    /// Whether the query page is served at `/graphiql`.
    pub graphiql: bool,
    /// A folder with GraphiQL's own files (`docs/decisions/0003-graphiql.md`); without it the hub's plain query page is served.
    pub graphiql_files: Option<PathBuf>,
    /// Whose statuses GraphQL requests are answered with.
    pub statuses: Statuses,
    /// The registered documents, and whether others are taken.
    pub documents: Documents,
    /// What one request may ask for.
    pub limits: Limits,
    /// Bytes of a request's body.
    pub body_bytes: usize,
    /// How long a request may take, its body included.
    pub request_timeout: Duration,
    /// How long a mutation waits until the views show its effect, and a read until they show what its consistency token names.
    pub projection_wait: Duration,
    /// Requests a second from one address, and from one person; bursts of ten times as many are taken.
    pub rates: Rates,
    /// Points of cost that a caller of the API may spend.
    pub budgets: Budgets,
    /// Whether a proxy in front of the hub names the client's address in `X-Forwarded-For`.
    pub behind_proxy: bool,
    /// How long a WebSocket may take to send `connection_init`.
    pub socket_init_wait: Duration,
    /// How often open streams are asked for signs of life, and told that they live.
    pub stream_ping: Duration,
    /// How often it is looked at whether the sessions and tokens of open streams still hold.
    pub stream_recheck: Duration,
    /// How many events are kept in memory, once for all streams, for those who are a little behind.
    pub stream_kept: usize,
    /// How long the reader of a stream may take to accept what was sent before the stream is ended.
    pub stream_send_wait: Duration,
    /// How long a connection may have something to write of which nothing is taken before it is let go.
    pub write_wait: Duration,
    /// Operations at once on one WebSocket.
    pub socket_operations: usize,
    /// Writes the metrics for `/metrics`; without it there is no such page.
    pub metrics: Option<MetricsText>,
}

/// Who is told “Did you mean …” of a name that the schema does not have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Suggestions {
    /// Nobody.
    Nobody,
    /// Who is signed in or presents an API token. A stranger who tries names finds out no more than that they are wrong.
    #[default]
    SignedIn,
    /// Everyone.
    Everyone,
}

impl Suggestions {
    /// Whether someone is told.
    pub fn reach(self, signed_in: bool) -> bool {
        match self {
            Self::Nobody => false,
            Self::SignedIn => signed_in,
            Self::Everyone => true,
        }
    }
}

/// Requests a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rates {
    /// From one address. Loopback addresses are not limited unless a proxy is in front.
    pub per_address: NonZeroU32,
    /// From one person, whatever the address.
    pub per_person: NonZeroU32,
}

impl Default for Rates {
    fn default() -> Self {
        let n = |number| NonZeroU32::new(number).expect("the number is not zero");
        Self { per_address: n(100), per_person: n(200) }
    }
}

/// Points of cost that a caller of the API may spend: the buckets of persons, and of strangers by their address. Each field is a setting
/// of the hub, by its name in the table `budgets`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Budgets {
    /// Points that the bucket of a person holds when it is full, whatever the address and the token; 0 for no limit.
    pub person_capacity: u32,
    /// Points that come back to it each second.
    pub person_restore: NonZeroU32,
    /// Points that the bucket of strangers at one address holds; 0 for no limit. Loopback addresses are not limited unless a proxy is in front.
    pub address_capacity: u32,
    /// Points that come back to it each second.
    pub address_restore: NonZeroU32,
}

/// A bucket of points of cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// How many it holds when it is full: the most that one operation may cost.
    pub capacity: NonZeroU32,
    /// How many come back each second.
    pub restore: NonZeroU32,
}

impl Budgets {
    /// Nobody is held to a budget.
    pub const NONE: Self =
        Self { person_capacity: 0, person_restore: NonZeroU32::MIN, address_capacity: 0, address_restore: NonZeroU32::MIN };

    /// The bucket of a person; none if persons are not limited.
    pub fn of_person(&self) -> Option<Budget> {
        Some(Budget { capacity: NonZeroU32::new(self.person_capacity)?, restore: self.person_restore })
    }

    /// The bucket of strangers at one address; none if they are not limited.
    pub fn of_address(&self) -> Option<Budget> {
        Some(Budget { capacity: NonZeroU32::new(self.address_capacity)?, restore: self.address_restore })
    }
}

impl Default for Budgets {
    fn default() -> Self {
        let (capacity, restore) = (40_000, NonZeroU32::new(4_000).expect("the number is not zero"));
        Self { person_capacity: capacity, person_restore: restore, address_capacity: capacity, address_restore: restore }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            introspection: true,
            suggestions: Suggestions::default(),
            graphiql: true,
            graphiql_files: None,
            statuses: Statuses::default(),
            documents: Documents::default(),
            limits: Limits::default(),
            body_bytes: 1024 * 1024,
            request_timeout: Duration::from_secs(15),
            projection_wait: Duration::from_secs(2),
            rates: Rates::default(),
            budgets: Budgets::default(),
            behind_proxy: false,
            socket_init_wait: Duration::from_secs(5),
            stream_ping: Duration::from_secs(12),
            stream_recheck: Duration::from_millis(800),
            stream_kept: 4_096,
            stream_send_wait: Duration::from_secs(10),
            write_wait: Duration::from_secs(30),
            socket_operations: 20,
            metrics: None,
        }
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("introspection", &self.introspection)
            .field("suggestions", &self.suggestions)
            .field("graphiql", &self.graphiql)
            .field("limits", &self.limits)
            .field("rates", &self.rates)
            .field("budgets", &self.budgets)
            .finish_non_exhaustive()
    }
}
