//! What every bounded context speaks of: identifiers, time, actors and what they may do, aggregates,
//! the envelope around an event, audiences, personal data, and the given/when/then test harness.
//!
//! Nothing here does I/O. Time and chance come in through [`Clock`] and [`Ids`], so that a test decides both.

pub mod actor;
pub mod aggregate;
pub mod audience;
pub mod authority;
pub mod clock;
pub mod envelope;
pub mod id;
pub mod personal;
pub mod testing;
pub mod text;

pub use actor::{Actor, Role, Scope, Who};
pub use aggregate::{Aggregate, Claim, Kind, Refusal};
pub use audience::{Audience, Grants, Reach, Tlp, Token, Viewer};
pub use authority::{Action, Denied, Standing};
pub use clock::{Clock, Ids, RandomIds, SystemClock, Timestamp};
pub use envelope::{Metadata, Payload, Recorded, StreamId};
pub use id::{CategoryId, CommandId, CommunityId, EventId, OrganisationId, PersonId, PostId, ProviderId, TeamId, ThreadId, TokenId};
pub use personal::Personal;
pub use text::TextError;
