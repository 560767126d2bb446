//! Who looks and who acts, as the views know the person at this moment: grants to see, roles to act.

use identity::Credential;
use kernel::{Actor, Viewer};
use std::sync::{Arc, PoisonError, RwLock};
use store::Reads;

/// The same person seen from two sides, with the grants and roles of one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// What may be seen.
    pub viewer: Viewer,
    /// What may be done; none for strangers.
    pub actor: Option<Actor>,
}

/// The standing of someone who was found in the views. One who is suspended has the standing of a stranger, as has one who was not found.
impl From<Option<projections::grants::Standing>> for Standing {
    fn from(found: Option<projections::grants::Standing>) -> Self {
        match found.filter(projections::grants::Standing::is_admitted) {
            Some(found) => Self { viewer: found.viewer, actor: Some(found.actor) },
            None => Self::default(),
        }
    }
}

/// Reads the standing of whoever presented a credential. One who is suspended or erased, or whom the views do not know, has the
/// standing of a stranger.
///
/// # Errors
/// The database's.
pub async fn read(db: &Reads, credential: &Credential) -> Result<Standing, sqlx::Error> {
    Ok(projections::grants::of(db, credential.person()).await?.into())
}

/// The standing of the moment, shared by all who work with it.
#[derive(Clone, Debug, Default)]
pub struct Cell(Arc<RwLock<Arc<Standing>>>);

impl Cell {
    /// The standing as it is now.
    pub fn get(&self) -> Arc<Standing> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Replaces it.
    pub fn set(&self, standing: Standing) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(standing);
    }
}

impl From<Standing> for Cell {
    fn from(standing: Standing) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(standing))))
    }
}
