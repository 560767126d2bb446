//! Who looks and who acts, as the views know the person at this moment: grants to see, roles to act.

use identity::Credential;
use kernel::{Actor, Viewer};
use sqlx::PgPool;
use std::sync::{Arc, PoisonError, RwLock};

/// The same person seen from two sides, with the grants and roles of one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// What may be seen.
    pub viewer: Viewer,
    /// What may be done; none for strangers.
    pub actor: Option<Actor>,
}

/// The standing of someone who was found in the views. One who is suspended has the standing of a stranger.
pub fn admitted(found: projections::grants::Standing) -> Standing {
    if found.is_admitted() { Standing { viewer: found.viewer, actor: Some(found.actor) } } else { Standing::default() }
}

/// Reads the standing of whoever presented a credential. One who is suspended or erased, or whom the views do not know, has the
/// standing of a stranger.
///
/// # Errors
/// The database's.
pub async fn read(db: &PgPool, credential: &Credential) -> Result<Standing, sqlx::Error> {
    let found = projections::grants::of(db, credential.person()).await?;
    Ok(found.map(admitted).unwrap_or_default())
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
