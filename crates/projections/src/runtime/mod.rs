//! How views are kept: each projection reads the log from its own checkpoint, at its own pace.
//!
//! - A view's rows and its checkpoint change in one transaction, and only from `checkpoint + 1` on, so every event
//!   comes into the view exactly once, however many processes try ([`projector`]).
//! - An event that a projection fails on stops that projection alone ([`State::Poisoned`]); the others go on.
//! - A [rebuild](mod@rebuild) fills a shadow copy beside the running view and swaps it in.
//!
//! **To add a new view:** write one file in its context's folder with its [`Projection`] and its queries side by side, its
//! tables in a migration, and name it in [`all`]. **To change a view:** change its tables in a new migration, its handler and its queries, and
//! run `hub projections rebuild NAME` after the upgrade.

mod feed;
mod progress;
mod projection;
mod projector;
mod rebuild;
mod status;

pub use feed::Inlet;
pub use progress::{Progress, Projected, Reach};
pub use projection::Projection;
pub use projector::{Outcome, Projector, Projectors};
pub use rebuild::{RebuildError, Rebuilding, rebuild, rebuild_projection};
pub use status::{ControlError, State, Status, pause, retry, skip, status};

use crate::communities::community::Communities;
use crate::discussions::category::Categories;
use crate::discussions::thread::Threads;
use crate::organisations::organisation::Organisations;
use crate::organisations::person::People;
use crate::organisations::team::Teams;
use std::sync::Arc;

/// Every projection of the hub.
pub fn all() -> Vec<Arc<dyn Projection>> {
    vec![Arc::new(Organisations), Arc::new(People), Arc::new(Teams), Arc::new(Communities), Arc::new(Categories), Arc::new(Threads)]
}
