//! Who belongs to which community. A membership is shown to whoever sees both the community and the person; one's own always.

use crate::code;
use crate::columns::{Columns, FromColumns, Written, any_of, count, fetch};
use crate::communities::community::CommunityRef;
use crate::organisations::organisation::OrganisationRef;
use crate::organisations::person::PersonRef;
use crate::page::{Page, Position, Slice, Sorted, count_each, each, parent};
use crate::visibility::visible;
use ::communities::community::MemberKind;
use kernel::{CommunityId, PersonId, TeamId, Timestamp, Viewer};
use sea_query::{Alias, Expr, ExprTrait, JoinType, Query, SelectStatement};
use std::collections::HashMap;
use store::Reads;
use uuid::Uuid;

/// A membership.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MembershipRow {
    /// Of which community.
    pub community: CommunityRef,
    /// Whose.
    pub person: PersonRef,
    /// For which organisation.
    pub organisation: OrganisationRef,
    /// Representing which team.
    pub team: Option<TeamId>,
    /// Of which kind.
    pub kind: MemberKind,
    /// Whether the person coordinates the community.
    pub coordinator: bool,
    /// Since when.
    pub joined_at: Timestamp,
}

impl FromColumns for MembershipRow {
    fn from_columns(columns: &mut Columns<'_>) -> Result<Self, sqlx::Error> {
        let community: Uuid = columns.next()?;
        let community = CommunityRef::read(community.into(), columns)?;
        let person: Uuid = columns.next()?;
        let person = PersonRef::read(person.into(), columns)?;
        let organisation: Uuid = columns.next()?;
        Ok(Self {
            community,
            person,
            organisation: OrganisationRef::read_known(organisation.into(), columns)?,
            team: columns.next::<Option<Uuid>>()?.map(TeamId),
            kind: code::read(columns.next()?)?,
            coordinator: columns.next()?,
            joined_at: columns.next()?,
        })
    }
}

fn from() -> SelectStatement {
    Query::select()
        .from_as("membership", Alias::new("m"))
        .join_as(JoinType::InnerJoin, "community", Alias::new("c"), Expr::col(("c", "id")).equals(("m", "community")))
        .join_as(JoinType::LeftJoin, "person", Alias::new("p"), Expr::col(("p", "id")).equals(("m", "person")))
        .to_owned()
}

fn select(viewer: &Viewer) -> SelectStatement {
    let (community, organisation) = (CommunityRef::columns("c"), OrganisationRef::columns("o"));
    from()
        .join_as(JoinType::LeftJoin, "organisation", Alias::new("o"), Expr::col(("o", "id")).equals(("m", "organisation")))
        .join_as(JoinType::LeftJoin, "organisation", Alias::new("po"), Expr::col(("po", "id")).equals(("p", "organisation")))
        .expr(Expr::cust(format!("c.id, {community}, m.person")))
        .expr(PersonRef::columns("p", "po", viewer))
        .expr(Expr::cust(format!("m.organisation, {organisation}, m.team, m.kind, m.coordinator, m.joined_at")))
        .to_owned()
}

/// Narrows a statement over memberships to those of the parent community, as far as the viewer sees it and them.
fn of_parent_community(select: &mut SelectStatement, viewer: &Viewer) {
    select.and_where(Expr::col(("m", "community")).eq(parent())).and_where(visible("c", viewer)).and_where(visible("p", viewer));
}

/// The same page of the memberships of each of these communities, in the order of joining.
///
/// # Errors
/// The database's.
pub async fn of_communities(
    viewer: &Viewer,
    db: &Reads,
    communities: &[CommunityId],
    page: &Page,
) -> Result<HashMap<CommunityId, Slice<MembershipRow>>, sqlx::Error> {
    let mut select = select(viewer);
    of_parent_community(&mut select, viewer);
    page.cut(&mut select, Sorted::ascending("m", "joined_at", "person"));
    each(db, communities, page, select, |row: &MembershipRow| Position::new(row.joined_at, row.person.id)).await
}

/// How many memberships of each of these communities there are for the viewer.
///
/// # Errors
/// The database's.
pub async fn totals_of_communities(
    viewer: &Viewer,
    db: &Reads,
    communities: &[CommunityId],
) -> Result<HashMap<CommunityId, u64>, sqlx::Error> {
    let mut select = from();
    select.expr(Expr::cust("count(*)"));
    of_parent_community(&mut select, viewer);
    count_each(db, communities, select).await
}

/// A page of the viewer's own memberships, the latest first; empty for strangers.
///
/// # Errors
/// The database's.
pub async fn of_viewer(viewer: &Viewer, db: &Reads, page: &Page) -> Result<Slice<MembershipRow>, sqlx::Error> {
    let Some(person) = viewer.person else { return Ok(Slice::empty()) };
    let mut select = select(viewer);
    select.and_where(Expr::col(("m", "person")).eq(person.uuid()));
    page.cut(&mut select, Sorted::descending("m", "joined_at", "community"));
    let rows = fetch(db, select.written()).await?;
    Ok(page.slice(rows, |row: &MembershipRow| Position::new(row.joined_at, row.community.id)))
}

/// How many communities the viewer belongs to.
///
/// # Errors
/// The database's.
pub async fn total_of_viewer(viewer: &Viewer, db: &Reads) -> Result<u64, sqlx::Error> {
    let Some(person) = viewer.person else { return Ok(0) };
    let mut select = from();
    select.expr(Expr::cust("count(*)")).and_where(Expr::col(("m", "person")).eq(person.uuid()));
    count(db, select.written()).await
}

/// The viewer's own memberships of these communities, in no order.
///
/// # Errors
/// The database's.
pub async fn of_viewer_in(viewer: &Viewer, db: &Reads, communities: &[CommunityId]) -> Result<Vec<MembershipRow>, sqlx::Error> {
    let Some(person) = viewer.person else { return Ok(Vec::new()) };
    let sql =
        select(viewer).and_where(Expr::col(("m", "person")).eq(person.uuid())).and_where(any_of("m", "community", communities)).written();
    fetch(db, sql).await
}

struct Coordinator {
    community: CommunityId,
    person: PersonRef,
}

impl FromColumns for Coordinator {
    fn from_columns(columns: &mut Columns<'_>) -> Result<Self, sqlx::Error> {
        let (community, person): (Uuid, Uuid) = (columns.next()?, columns.next()?);
        Ok(Self { community: community.into(), person: PersonRef::read(PersonId(person), columns)? })
    }
}

/// The coordinators of these communities, each with the community, in the order of joining. Those not seen by name come masked:
/// that a community has coordinators, and of which organisations, is shown with the community.
///
/// # Errors
/// The database's.
pub async fn coordinators(viewer: &Viewer, db: &Reads, communities: &[CommunityId]) -> Result<Vec<(CommunityId, PersonRef)>, sqlx::Error> {
    let select = from()
        .join_as(JoinType::LeftJoin, "organisation", Alias::new("po"), Expr::col(("po", "id")).equals(("p", "organisation")))
        .expr(Expr::cust("m.community, m.person"))
        .expr(PersonRef::columns("p", "po", viewer))
        .and_where(Expr::cust("m.coordinator"))
        .and_where(visible("c", viewer))
        .and_where(any_of("m", "community", communities))
        .order_by(("m", "joined_at"), sea_query::Order::Asc)
        .order_by(("m", "person"), sea_query::Order::Asc)
        .to_owned();
    let rows: Vec<Coordinator> = fetch(db, select.written()).await?;
    Ok(rows.into_iter().map(|row| (row.community, row.person)).collect())
}
