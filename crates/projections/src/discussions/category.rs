//! The view of categories.

use crate::code;
use crate::columns::{Columns, FromColumns, Written, any_of, fetch};
use crate::communities::community::CommunityRef;
use crate::runtime::Projection;
use crate::visibility::{audience, grants, visible};
use ::discussions::category::{Event, Format};
use async_trait::async_trait;
use events::HubEvent;
use kernel::{Audience, CategoryId, CommunityId, Recorded, Viewer};
use sea_query::{Alias, Expr, ExprTrait, JoinType, Order, Query, SelectStatement};
use sqlx::PgConnection;
use store::Reads;
use uuid::Uuid;

/// The projection “categories”.
#[derive(Clone, Copy, Debug)]
pub struct Categories;

#[async_trait]
impl Projection for Categories {
    fn name(&self) -> &'static str {
        "categories"
    }

    fn tables(&self) -> &'static [&'static str] {
        &["category"]
    }

    fn concerns(&self, event: &HubEvent) -> bool {
        match event {
            HubEvent::Category(_) => true,
            HubEvent::Organisation(_) | HubEvent::Person(_) | HubEvent::Team(_) | HubEvent::Community(_) | HubEvent::Thread(_) => false,
        }
    }

    async fn apply(&self, recorded: &Recorded<HubEvent>, db: &mut PgConnection) -> Result<(), sqlx::Error> {
        match &recorded.event {
            HubEvent::Category(event) => happened(recorded, event, db).await,
            HubEvent::Organisation(_) | HubEvent::Person(_) | HubEvent::Team(_) | HubEvent::Community(_) | HubEvent::Thread(_) => Ok(()),
        }
    }
}

async fn happened(recorded: &Recorded<HubEvent>, event: &Event, db: &mut PgConnection) -> Result<(), sqlx::Error> {
    let id = recorded.stream.id;
    let version = recorded.version.cast_signed();
    match event {
        Event::Opened { community, slug, name, description, format, audience, position } => {
            sqlx::query!(
                "insert into category (id, community, slug, name, description, format, audience, position, opened_at, version) \
                 values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
                id,
                community.uuid(),
                slug,
                name,
                description,
                code::of(format),
                &audience.to_texts(),
                i32::from(*position),
                recorded.meta.occurred_at,
                version
            )
            .execute(&mut *db)
            .await?;
        }
        Event::Described { name, description } => {
            sqlx::query!("update category set name = $2, description = $3 where id = $1", id, name, description).execute(&mut *db).await?;
        }
        Event::Reordered { position } => {
            sqlx::query!("update category set position = $2 where id = $1", id, i32::from(*position)).execute(&mut *db).await?;
        }
        Event::Closed => {
            sqlx::query!("update category set closed = true where id = $1", id).execute(&mut *db).await?;
        }
    }
    sqlx::query!("update category set version = $2 where id = $1", id, version).execute(db).await?;
    Ok(())
}

/// A category as other rows name it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CategoryRef {
    /// Its id.
    pub id: CategoryId,
    /// Its address within the community.
    pub slug: String,
    /// Its name.
    pub name: String,
}

impl CategoryRef {
    /// The columns of a category joined under an alias.
    pub(crate) fn columns(alias: &str) -> String {
        format!("coalesce({alias}.slug, ''), coalesce({alias}.name, '')")
    }

    /// Reads them. Until its own view has caught up, the category has no name yet.
    pub(crate) fn read(id: CategoryId, columns: &mut Columns<'_>) -> Result<Self, sqlx::Error> {
        Ok(Self { id, slug: columns.next()?, name: columns.next()? })
    }
}

/// A category. What is not for the viewer is left out of it.
#[allow(clippy::struct_excessive_bools, reason = "a row has the columns it has")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CategoryRow {
    /// What others name it by.
    pub reference: CategoryRef,
    /// Whether the viewer may see it; a thread may show the name of one that they may not.
    pub visible: bool,
    /// Its community.
    pub community: CommunityRef,
    /// Whether the viewer may see the community.
    pub community_visible: bool,
    /// Whether the community is archived.
    pub community_archived: bool,
    /// What belongs in it.
    pub description: String,
    /// What its threads are like.
    pub format: Format,
    /// Who may see what is in it.
    pub audience: Audience,
    /// Whether it takes no more threads.
    pub closed: bool,
    /// Where it stands among the community's categories, from 0.
    pub position: u32,
    /// The version of its stream.
    pub version: u64,
}

impl FromColumns for CategoryRow {
    fn from_columns(columns: &mut Columns<'_>) -> Result<Self, sqlx::Error> {
        let id: Uuid = columns.next()?;
        let reference = CategoryRef::read(id.into(), columns)?;
        let visible = columns.next()?;
        let community: Uuid = columns.next()?;
        let mut row = Self {
            reference,
            visible,
            community: CommunityRef::read(community.into(), columns)?,
            community_visible: columns.next()?,
            community_archived: columns.next()?,
            description: columns.next()?,
            format: code::read(columns.next()?)?,
            audience: audience(columns.next()?),
            closed: columns.next()?,
            position: columns.next::<i32>()?.cast_unsigned(),
            version: columns.next::<i64>()?.cast_unsigned(),
        };
        if !row.visible {
            row.description = String::new();
            row.audience = Audience::of([]);
            row.version = 0;
        }
        Ok(row)
    }
}

fn masked(viewer: &Viewer) -> SelectStatement {
    let (category, community) = (CategoryRef::columns("g"), CommunityRef::columns("c"));
    Query::select()
        .expr(Expr::cust(format!("g.id, {category}")))
        .expr(Expr::cust_with_values("g.audience && $1", [grants(viewer)]))
        .expr(Expr::cust(format!("g.community, {community}")))
        .expr(Expr::cust_with_values("coalesce(c.audience && $1, false)", [grants(viewer)]))
        .expr(Expr::cust("coalesce(c.archived, false), g.description, g.format, g.audience, g.closed, g.position, g.version"))
        .from_as("category", Alias::new("g"))
        .join_as(JoinType::LeftJoin, "community", Alias::new("c"), Expr::col(("c", "id")).equals(("g", "community")))
        .to_owned()
}

/// These categories, as far as there are any and the viewer may see them, in no order.
///
/// # Errors
/// The database's.
pub async fn by_ids(viewer: &Viewer, db: &Reads, ids: &[CategoryId]) -> Result<Vec<CategoryRow>, sqlx::Error> {
    let sql = masked(viewer).and_where(visible("g", viewer)).and_where(any_of("g", "id", ids)).written();
    fetch(db, sql).await
}

/// These categories as rows that the viewer sees refer to them: those not for the viewer come masked.
///
/// # Errors
/// The database's.
pub async fn referred(viewer: &Viewer, db: &Reads, ids: &[CategoryId]) -> Result<Vec<CategoryRow>, sqlx::Error> {
    let sql = masked(viewer).and_where(any_of("g", "id", ids)).written();
    fetch(db, sql).await
}

/// The categories of these communities, each community's in its order.
///
/// # Errors
/// The database's.
pub async fn of_communities(viewer: &Viewer, db: &Reads, communities: &[CommunityId]) -> Result<Vec<CategoryRow>, sqlx::Error> {
    let sql = masked(viewer)
        .and_where(visible("g", viewer))
        .and_where(any_of("g", "community", communities))
        .order_by(("g", "position"), Order::Asc)
        .order_by(("g", "id"), Order::Asc)
        .written();
    fetch(db, sql).await
}
