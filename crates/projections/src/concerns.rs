//! Where an event belongs and whom it concerns: what the fan-out of live updates must know of threads, categories and teams.
//!
//! This is the one place that reads views without a viewer, for it decides nothing about what is shown: each event is authorised
//! afterwards, for each viewer, by its audience.

use crate::visibility::audience;
use kernel::{Audience, CategoryId, CommunityId, PersonId, TeamId, ThreadId};
use std::collections::HashMap;
use store::Reads;
use uuid::Uuid;

/// Where a thread stands. It never changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home {
    /// Its community.
    pub community: CommunityId,
    /// Who may see it.
    pub audience: Audience,
}

/// Where these threads stand, as far as the view has them.
///
/// # Errors
/// The database's.
pub async fn homes(db: &Reads, threads: &[ThreadId]) -> Result<HashMap<ThreadId, Home>, sqlx::Error> {
    let ids: Vec<Uuid> = threads.iter().map(|id| id.uuid()).collect();
    let rows = sqlx::query!("select id, community, audience from thread where id = any($1)", &ids).fetch_all(db).await?;
    Ok(rows.into_iter().map(|row| (row.id.into(), Home { community: row.community.into(), audience: audience(row.audience) })).collect())
}

/// The communities of these categories, as far as the view has them.
///
/// # Errors
/// The database's.
pub async fn communities(db: &Reads, categories: &[CategoryId]) -> Result<HashMap<CategoryId, CommunityId>, sqlx::Error> {
    let ids: Vec<Uuid> = categories.iter().map(|id| id.uuid()).collect();
    let rows = sqlx::query!("select id, community from category where id = any($1)", &ids).fetch_all(db).await?;
    Ok(rows.into_iter().map(|row| (row.id.into(), row.community.into())).collect())
}

/// Who wrote in a thread, each with the version of the thread that their first post came with. Posts never vanish, so a view that
/// is ahead of an event still tells rightly who had written before it.
pub type Participants = HashMap<PersonId, u64>;

/// Who wrote in these threads.
///
/// # Errors
/// The database's.
pub async fn participants(db: &Reads, threads: &[ThreadId]) -> Result<HashMap<ThreadId, Participants>, sqlx::Error> {
    let ids: Vec<Uuid> = threads.iter().map(|id| id.uuid()).collect();
    let rows =
        sqlx::query!(r#"select thread, author, min(version) as "version!" from post where thread = any($1) group by thread, author"#, &ids)
            .fetch_all(db)
            .await?;
    let mut each: HashMap<ThreadId, Participants> = HashMap::new();
    for row in rows {
        each.entry(row.thread.into()).or_default().insert(row.author.into(), row.version.cast_unsigned());
    }
    Ok(each)
}

/// In which of these threads a person wrote, with the version of the thread that their first post there came with.
///
/// # Errors
/// The database's.
pub async fn participations(db: &Reads, person: PersonId, threads: &[ThreadId]) -> Result<HashMap<ThreadId, u64>, sqlx::Error> {
    let ids: Vec<Uuid> = threads.iter().map(|id| id.uuid()).collect();
    let rows = sqlx::query!(
        r#"select thread, min(version) as "version!" from post where thread = any($1) and author = $2 group by thread"#,
        &ids,
        person.uuid()
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| (row.thread.into(), row.version.cast_unsigned())).collect())
}

/// Who belongs to these teams; of a disbanded one, who belonged to it at its end.
///
/// # Errors
/// The database's.
pub async fn members(db: &Reads, teams: &[TeamId]) -> Result<HashMap<TeamId, Vec<PersonId>>, sqlx::Error> {
    let ids: Vec<Uuid> = teams.iter().map(|id| id.uuid()).collect();
    let rows = sqlx::query!("select team, person from team_member where team = any($1)", &ids).fetch_all(db).await?;
    let mut each: HashMap<TeamId, Vec<PersonId>> = HashMap::new();
    for row in rows {
        each.entry(row.team.into()).or_default().push(row.person.into());
    }
    Ok(each)
}
