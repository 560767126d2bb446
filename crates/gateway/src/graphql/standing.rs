//! Who looks and who acts, as the views know the person at this moment: grants to see, roles to act.

use identity::Credential;
use kernel::{Actor, Viewer};
use sqlx::PgPool;

/// The same person seen from two sides, with the grants and roles of one moment.
#[derive(Clone, Debug, Default)]
pub struct Standing {
    /// What may be seen.
    pub viewer: Viewer,
    /// What may be done; none for strangers.
    pub actor: Option<Actor>,
}

/// Reads the standing of whoever presented a credential. One who is suspended or erased, or whom the views do not know, has the
/// standing of a stranger.
///
/// # Errors
/// The database's.
pub async fn read(db: &PgPool, credential: &Credential) -> Result<Standing, sqlx::Error> {
    let found = projections::grants::of(db, credential.person()).await?;
    Ok(found
        .filter(projections::grants::Standing::is_admitted)
        .map(|standing| Standing { viewer: standing.viewer, actor: Some(standing.actor) })
        .unwrap_or_default())
}
