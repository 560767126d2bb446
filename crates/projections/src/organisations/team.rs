//! The view of teams. Teams are shown to everyone signed in.

use super::organisation::OrganisationRef;
use crate::columns::{Columns, FromColumns, Written, any_of, fetch};
use crate::page::{Key, Page, Position, Slice, Sorted, count_each, each, parent};
use crate::runtime::Projection;
use crate::visibility::visible;
use ::organisations::team::Event;
use async_trait::async_trait;
use events::HubEvent;
use kernel::{Audience, OrganisationId, Recorded, TeamId, Viewer};
use sea_query::{Alias, Expr, ExprTrait, JoinType, Query, SelectStatement};
use sqlx::PgConnection;
use std::collections::HashMap;
use store::Reads;
use uuid::Uuid;

/// The projection “teams”.
#[derive(Clone, Copy, Debug)]
pub struct Teams;

/// Who sees a team: everyone signed in.
pub fn audience() -> Audience {
    Audience::members()
}

#[async_trait]
impl Projection for Teams {
    fn name(&self) -> &'static str {
        "teams"
    }

    fn tables(&self) -> &'static [&'static str] {
        &["team", "team_member"]
    }

    fn concerns(&self, event: &HubEvent) -> bool {
        match event {
            HubEvent::Team(_) => true,
            HubEvent::Organisation(_) | HubEvent::Person(_) | HubEvent::Community(_) | HubEvent::Category(_) | HubEvent::Thread(_) => false,
        }
    }

    async fn apply(&self, recorded: &Recorded<HubEvent>, db: &mut PgConnection) -> Result<(), sqlx::Error> {
        match &recorded.event {
            HubEvent::Team(event) => happened(recorded, event, db).await,
            HubEvent::Organisation(_) | HubEvent::Person(_) | HubEvent::Community(_) | HubEvent::Category(_) | HubEvent::Thread(_) => {
                Ok(())
            }
        }
    }
}

async fn happened(recorded: &Recorded<HubEvent>, event: &Event, db: &mut PgConnection) -> Result<(), sqlx::Error> {
    let id = recorded.stream.id;
    let at = recorded.meta.occurred_at;
    let version = recorded.version.cast_signed();
    match event {
        Event::Formed { organisation, name } => {
            sqlx::query!(
                "insert into team (id, organisation, name, audience, formed_at, version) values ($1, $2, $3, $4, $5, $6)",
                id,
                organisation.uuid(),
                name,
                &audience().to_texts(),
                at,
                version
            )
            .execute(&mut *db)
            .await?;
        }
        Event::Renamed { name } => {
            sqlx::query!("update team set name = $2 where id = $1", id, name).execute(&mut *db).await?;
        }
        Event::MemberAdded { person } => {
            sqlx::query!(
                "insert into team_member (team, person, added_at) values ($1, $2, $3) on conflict do nothing",
                id,
                person.uuid(),
                at
            )
            .execute(&mut *db)
            .await?;
        }
        Event::MemberRemoved { person } => {
            sqlx::query!("delete from team_member where team = $1 and person = $2", id, person.uuid()).execute(&mut *db).await?;
        }
        Event::Disbanded => {
            sqlx::query!("update team set disbanded = true where id = $1", id).execute(&mut *db).await?;
        }
    }
    sqlx::query!("update team set version = $2 where id = $1", id, version).execute(db).await?;
    Ok(())
}

/// A team.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TeamRow {
    /// Its id.
    pub id: TeamId,
    /// Its name.
    pub name: String,
    /// Its organisation.
    pub organisation: OrganisationRef,
    /// Whether it was disbanded.
    pub disbanded: bool,
    /// The version of its stream.
    pub version: u64,
}

impl FromColumns for TeamRow {
    fn from_columns(columns: &mut Columns<'_>) -> Result<Self, sqlx::Error> {
        let id: Uuid = columns.next()?;
        let name = columns.next()?;
        let organisation: Uuid = columns.next()?;
        Ok(Self {
            id: id.into(),
            name,
            organisation: OrganisationRef::read_known(organisation.into(), columns)?,
            disbanded: columns.next()?,
            version: columns.next::<i64>()?.cast_unsigned(),
        })
    }
}

fn select(viewer: &Viewer) -> SelectStatement {
    Query::select()
        .expr(Expr::cust(format!("t.id, t.name, t.organisation, {}, t.disbanded, t.version", OrganisationRef::columns("o"))))
        .from_as("team", Alias::new("t"))
        .join_as(JoinType::LeftJoin, "organisation", Alias::new("o"), Expr::col(("o", "id")).equals(("t", "organisation")))
        .and_where(visible("t", viewer))
        .to_owned()
}

/// These teams, as far as there are any and the viewer may see them, in no order.
///
/// # Errors
/// The database's.
pub async fn by_ids(viewer: &Viewer, db: &Reads, ids: &[TeamId]) -> Result<Vec<TeamRow>, sqlx::Error> {
    let sql = select(viewer).and_where(any_of("t", "id", ids)).written();
    fetch(db, sql).await
}

/// The same page of the teams of each of these organisations, by name.
///
/// # Errors
/// The database's.
pub async fn of_organisations(
    viewer: &Viewer,
    db: &Reads,
    organisations: &[OrganisationId],
    page: &Page,
) -> Result<HashMap<OrganisationId, Slice<TeamRow>>, sqlx::Error> {
    let mut select = select(viewer);
    select.and_where(Expr::col(("t", "organisation")).eq(parent()));
    page.cut(&mut select, Sorted::ascending("t", "name", "id"));
    each(db, organisations, page, select, |row: &TeamRow| Position::new(Key::Text(row.name.clone()), row.id)).await
}

/// How many teams of each of these organisations there are for the viewer.
///
/// # Errors
/// The database's.
pub async fn totals_of_organisations(
    viewer: &Viewer,
    db: &Reads,
    organisations: &[OrganisationId],
) -> Result<HashMap<OrganisationId, u64>, sqlx::Error> {
    let select = Query::select()
        .expr(Expr::cust("count(*)"))
        .from_as("team", Alias::new("t"))
        .and_where(visible("t", viewer))
        .and_where(Expr::col(("t", "organisation")).eq(parent()))
        .to_owned();
    count_each(db, organisations, select).await
}
