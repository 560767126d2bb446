//! Work of a request that runs beside it: only for as long as the request does.

use futures::task::{FutureObj, Spawn, SpawnError};
use tokio_util::sync::{CancellationToken, DropGuard};

/// Starts what loaders do. All of it is dropped, with the statements that run, once the [guard](DropGuard) is.
pub(super) struct WhileWanted(CancellationToken);

impl WhileWanted {
    /// With the guard that whoever wants the work holds.
    pub(super) fn guarded() -> (Self, DropGuard) {
        let wanted = CancellationToken::new();
        (Self(wanted.clone()), wanted.drop_guard())
    }
}

impl Spawn for WhileWanted {
    fn spawn_obj(&self, future: FutureObj<'static, ()>) -> Result<(), SpawnError> {
        let wanted = self.0.clone();
        tokio::spawn(async move { wanted.run_until_cancelled(future).await });
        Ok(())
    }
}
