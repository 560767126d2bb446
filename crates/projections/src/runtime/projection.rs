//! What a view brings to the runtime.

use async_trait::async_trait;
use events::HubEvent;
use kernel::Recorded;
use sqlx::PgConnection;

/// A view: its tables and how events change them.
///
/// A handler uses nothing but the events and its own tables, which it names without a schema: a rebuild runs the same
/// handler over a shadow copy in another schema, where no other table is found.
#[async_trait]
pub trait Projection: Send + Sync + 'static {
    /// Its name, as checkpoints and `hub projections` know it: lower-case letters and underscores.
    fn name(&self) -> &'static str;

    /// Its tables in the schema `views`.
    fn tables(&self) -> &'static [&'static str];

    /// Whether the event may change the view. If none of a batch does, only the checkpoint moves.
    fn concerns(&self, event: &HubEvent) -> bool;

    /// Brings one event into the view.
    ///
    /// # Errors
    /// The database's.
    async fn apply(&self, recorded: &Recorded<HubEvent>, db: &mut PgConnection) -> Result<(), sqlx::Error>;

    /// Brings events into the view in their order; the same as one after the other, for views that can do it faster.
    ///
    /// # Errors
    /// The database's.
    async fn apply_all(&self, events: &[Recorded<HubEvent>], db: &mut PgConnection) -> Result<(), sqlx::Error> {
        for recorded in events {
            self.apply(recorded, db).await?;
        }
        Ok(())
    }
}
