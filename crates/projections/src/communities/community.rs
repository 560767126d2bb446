//! The view of communities: what each is about, its charter, and which organisations and persons belong to it.

use crate::code;
use crate::columns::{Columns, FromColumns, Written, any_of, count, fetch};
use crate::organisations::organisation::OrganisationRef;
use crate::page::{Key, Page, Position, Slice, Sorted};
use crate::runtime::Projection;
use crate::visibility::{audience, grants, visible};
use ::communities::charter::{Charter, Clause};
use ::communities::community::Event;
use async_trait::async_trait;
use events::HubEvent;
use kernel::{Audience, CommunityId, OrganisationId, Recorded, Timestamp, Viewer};
use sea_query::{Alias, Expr, ExprTrait, JoinType, Query, SelectStatement};
use sqlx::PgConnection;
use store::Reads;
use uuid::Uuid;

/// The projection “communities”.
#[derive(Clone, Copy, Debug)]
pub struct Communities;

#[async_trait]
impl Projection for Communities {
    fn name(&self) -> &'static str {
        "communities"
    }

    fn tables(&self) -> &'static [&'static str] {
        &["community", "community_organisation", "membership"]
    }

    fn concerns(&self, event: &HubEvent) -> bool {
        match event {
            HubEvent::Community(_) => true,
            HubEvent::Organisation(_) | HubEvent::Person(_) | HubEvent::Team(_) | HubEvent::Category(_) | HubEvent::Thread(_) => false,
        }
    }

    async fn apply(&self, recorded: &Recorded<HubEvent>, db: &mut PgConnection) -> Result<(), sqlx::Error> {
        match &recorded.event {
            HubEvent::Community(event) => happened(recorded, event, db).await,
            HubEvent::Organisation(_) | HubEvent::Person(_) | HubEvent::Team(_) | HubEvent::Category(_) | HubEvent::Thread(_) => Ok(()),
        }
    }
}

async fn happened(recorded: &Recorded<HubEvent>, event: &Event, db: &mut PgConnection) -> Result<(), sqlx::Error> {
    let id = recorded.stream.id;
    let at = recorded.meta.occurred_at;
    let version = recorded.version.cast_signed();
    match event {
        Event::Founded { slug, name, subject, home, audience, charter, core_members } => {
            sqlx::query!(
                "insert into community (id, slug, name, subject, home, audience, core_member_limit, founded_at, version, \
                 purpose, purpose_stated, goals, goals_stated, scope, scope_stated, sponsor, sponsor_stated, format, format_stated, \
                 cadence, cadence_stated) \
                 values ($1, $2, $3, $4, $5, $6, $7, $8, $9, '', false, '', false, '', false, '', false, '', false, '', false)",
                id,
                slug,
                name,
                subject,
                home.uuid(),
                &audience.to_texts(),
                i32::from(*core_members),
                at,
                version
            )
            .execute(&mut *db)
            .await?;
            write_charter(id, charter, db).await?;
        }
        Event::CharterAmended { charter, summary: _ } => write_charter(id, charter, db).await?,
        Event::OpenedToJoiners => {
            sqlx::query!("update community set open = true where id = $1", id).execute(&mut *db).await?;
        }
        Event::ClosedToJoiners => {
            sqlx::query!("update community set open = false where id = $1", id).execute(&mut *db).await?;
        }
        Event::OrganisationJoined { organisation } => {
            sqlx::query!(
                "insert into community_organisation (community, organisation, joined_at) values ($1, $2, $3) on conflict do nothing",
                id,
                organisation.uuid(),
                at
            )
            .execute(&mut *db)
            .await?;
        }
        Event::OrganisationLeft { organisation } => {
            sqlx::query!("delete from community_organisation where community = $1 and organisation = $2", id, organisation.uuid())
                .execute(&mut *db)
                .await?;
        }
        Event::MemberJoined { person, organisation, kind, team } => {
            let added = sqlx::query!(
                "insert into membership (community, person, organisation, team, kind, joined_at) values ($1, $2, $3, $4, $5, $6) \
                 on conflict do nothing",
                id,
                person.uuid(),
                organisation.uuid(),
                team.map(kernel::TeamId::uuid),
                code::of(kind),
                at
            )
            .execute(&mut *db)
            .await?;
            count_members(id, i32::from(added.rows_affected() == 1), db).await?;
        }
        Event::MemberLeft { person } => {
            let removed =
                sqlx::query!("delete from membership where community = $1 and person = $2", id, person.uuid()).execute(&mut *db).await?;
            count_members(id, -i32::from(removed.rows_affected() == 1), db).await?;
        }
        Event::MemberKindChanged { person, kind } => {
            sqlx::query!("update membership set kind = $3 where community = $1 and person = $2", id, person.uuid(), code::of(kind))
                .execute(&mut *db)
                .await?;
        }
        Event::CoordinatorAppointed { person } => {
            sqlx::query!("update membership set coordinator = true where community = $1 and person = $2", id, person.uuid())
                .execute(&mut *db)
                .await?;
        }
        Event::CoordinatorReleased { person } => {
            sqlx::query!("update membership set coordinator = false where community = $1 and person = $2", id, person.uuid())
                .execute(&mut *db)
                .await?;
        }
        Event::Archived { reason } => {
            sqlx::query!("update community set archived = true, archive_reason = $2 where id = $1", id, reason).execute(&mut *db).await?;
        }
    }
    sqlx::query!("update community set version = $2 where id = $1", id, version).execute(db).await?;
    Ok(())
}

async fn count_members(community: Uuid, more: i32, db: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::query!("update community set member_count = member_count + $2 where id = $1", community, more).execute(db).await?;
    Ok(())
}

async fn write_charter(community: Uuid, charter: &Charter, db: &mut PgConnection) -> Result<(), sqlx::Error> {
    fn parts(clause: &Clause) -> (&str, bool) {
        match clause {
            Clause::Stated(text) => (text, true),
            Clause::ToBeConfirmed(note) => (note, false),
        }
    }
    let [purpose, goals, scope, sponsor, format, cadence] = charter.clauses().map(|(_, clause)| parts(clause));
    sqlx::query!(
        "update community set purpose = $2, purpose_stated = $3, goals = $4, goals_stated = $5, scope = $6, scope_stated = $7, \
         sponsor = $8, sponsor_stated = $9, format = $10, format_stated = $11, cadence = $12, cadence_stated = $13 where id = $1",
        community,
        purpose.0,
        purpose.1,
        goals.0,
        goals.1,
        scope.0,
        scope.1,
        sponsor.0,
        sponsor.1,
        format.0,
        format.1,
        cadence.0,
        cadence.1
    )
    .execute(db)
    .await?;
    Ok(())
}

/// A community as other rows name it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CommunityRef {
    /// Its id.
    pub id: CommunityId,
    /// Its address within the hub.
    pub slug: String,
    /// Its name.
    pub name: String,
}

impl CommunityRef {
    /// The columns of a community joined under an alias.
    pub(crate) fn columns(alias: &str) -> String {
        format!("coalesce({alias}.slug, ''), coalesce({alias}.name, '')")
    }

    /// Reads them. Until its own view has caught up, the community has no name yet.
    pub(crate) fn read(id: CommunityId, columns: &mut Columns<'_>) -> Result<Self, sqlx::Error> {
        Ok(Self { id, slug: columns.next()?, name: columns.next()? })
    }
}

/// A community. What is not for the viewer is left out of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommunityRow {
    /// What others name it by.
    pub reference: CommunityRef,
    /// Whether the viewer may see it; a thread may show the name of one that they may not.
    pub visible: bool,
    /// What it is about, in a line.
    pub subject: String,
    /// Who may see it.
    pub audience: Audience,
    /// Its home organisation.
    pub home: OrganisationRef,
    /// Its charter.
    pub charter: Charter,
    /// Whether anyone may join.
    pub open: bool,
    /// Whether it is archived.
    pub archived: bool,
    /// Why it was archived.
    pub archive_reason: Option<String>,
    /// The most core members it takes.
    pub core_member_limit: u32,
    /// How many members of any kind it has.
    pub member_count: u32,
    /// When it was founded.
    pub founded_at: Timestamp,
    /// The version of its stream.
    pub version: u64,
}

impl FromColumns for CommunityRow {
    fn from_columns(columns: &mut Columns<'_>) -> Result<Self, sqlx::Error> {
        fn clause(columns: &mut Columns<'_>) -> Result<Clause, sqlx::Error> {
            let text: String = columns.next()?;
            Ok(if columns.next()? { Clause::Stated(text) } else { Clause::ToBeConfirmed(text) })
        }
        let id: Uuid = columns.next()?;
        let reference = CommunityRef::read(id.into(), columns)?;
        let visible = columns.next()?;
        let subject = columns.next()?;
        let audience = audience(columns.next()?);
        let home: Uuid = columns.next()?;
        let home = OrganisationRef::read_known(home.into(), columns)?;
        let charter = Charter {
            purpose: clause(columns)?,
            goals: clause(columns)?,
            scope: clause(columns)?,
            sponsor: clause(columns)?,
            format: clause(columns)?,
            cadence: clause(columns)?,
        };
        let mut row = Self {
            reference,
            visible,
            subject,
            audience,
            home,
            charter,
            open: columns.next()?,
            archived: columns.next()?,
            archive_reason: columns.next()?,
            core_member_limit: columns.next::<i32>()?.cast_unsigned(),
            member_count: columns.next::<i32>()?.cast_unsigned(),
            founded_at: columns.next()?,
            version: columns.next::<i64>()?.cast_unsigned(),
        };
        if !row.visible {
            row.mask();
        }
        Ok(row)
    }
}

impl CommunityRow {
    /// Leaves what a thread has to show of a community that the viewer may not see: its name, its home and since when.
    fn mask(&mut self) {
        self.subject = String::new();
        self.audience = Audience::of([]);
        self.charter = Charter::default();
        self.archive_reason = None;
        self.member_count = 0;
        self.version = 0;
    }
}

fn masked(viewer: &Viewer) -> SelectStatement {
    let reference = CommunityRef::columns("c");
    let home = OrganisationRef::columns("o");
    Query::select()
        .expr(Expr::cust(format!("c.id, {reference}")))
        .expr(Expr::cust_with_values("c.audience && $1", [grants(viewer)]))
        .expr(Expr::cust(format!(
            "c.subject, c.audience, c.home, {home}, c.purpose, c.purpose_stated, c.goals, c.goals_stated, c.scope, c.scope_stated, \
             c.sponsor, c.sponsor_stated, c.format, c.format_stated, c.cadence, c.cadence_stated, c.open, c.archived, c.archive_reason, \
             c.core_member_limit, c.member_count, c.founded_at, c.version"
        )))
        .from_as("community", Alias::new("c"))
        .join_as(JoinType::LeftJoin, "organisation", Alias::new("o"), Expr::col(("o", "id")).equals(("c", "home")))
        .to_owned()
}

/// These communities, as far as there are any and the viewer may see them, in no order.
///
/// # Errors
/// The database's.
pub async fn by_ids(viewer: &Viewer, db: &Reads, ids: &[CommunityId]) -> Result<Vec<CommunityRow>, sqlx::Error> {
    let sql = masked(viewer).and_where(visible("c", viewer)).and_where(any_of("c", "id", ids)).written();
    fetch(db, sql).await
}

/// These communities as rows that the viewer sees refer to them: those not for the viewer come masked.
///
/// # Errors
/// The database's.
pub async fn referred(viewer: &Viewer, db: &Reads, ids: &[CommunityId]) -> Result<Vec<CommunityRow>, sqlx::Error> {
    let sql = masked(viewer).and_where(any_of("c", "id", ids)).written();
    fetch(db, sql).await
}

/// The community at this address.
///
/// # Errors
/// The database's.
pub async fn by_slug(viewer: &Viewer, db: &Reads, slug: &str) -> Result<Option<CommunityRow>, sqlx::Error> {
    let sql = masked(viewer).and_where(visible("c", viewer)).and_where(Expr::col(("c", "slug")).eq(slug)).written();
    Ok(fetch(db, sql).await?.pop())
}

/// A page of the communities, by name.
///
/// # Errors
/// The database's.
pub async fn page(viewer: &Viewer, db: &Reads, page: &Page) -> Result<Slice<CommunityRow>, sqlx::Error> {
    let mut select = masked(viewer);
    select.and_where(visible("c", viewer));
    page.cut(&mut select, Sorted::ascending("c", "name", "id"));
    let rows = fetch(db, select.written()).await?;
    Ok(page.slice(rows, |row: &CommunityRow| Position::new(Key::Text(row.reference.name.clone()), row.reference.id)))
}

/// How many communities there are for the viewer.
///
/// # Errors
/// The database's.
pub async fn total(viewer: &Viewer, db: &Reads) -> Result<u64, sqlx::Error> {
    let select =
        Query::select().expr(Expr::cust("count(*)")).from_as("community", Alias::new("c")).and_where(visible("c", viewer)).to_owned();
    count(db, select.written()).await
}

struct Participant {
    community: CommunityId,
    organisation: OrganisationRef,
}

impl FromColumns for Participant {
    fn from_columns(columns: &mut Columns<'_>) -> Result<Self, sqlx::Error> {
        let (community, organisation): (Uuid, Uuid) = (columns.next()?, columns.next()?);
        Ok(Self { community: community.into(), organisation: OrganisationRef::read_known(OrganisationId(organisation), columns)? })
    }
}

/// The organisations that take part in these communities, each with its community, in the order in which they joined.
///
/// # Errors
/// The database's.
pub async fn organisations(
    viewer: &Viewer,
    db: &Reads,
    communities: &[CommunityId],
) -> Result<Vec<(CommunityId, OrganisationRef)>, sqlx::Error> {
    let select = Query::select()
        .expr(Expr::cust(format!("co.community, co.organisation, {}", OrganisationRef::columns("o"))))
        .from_as("community_organisation", Alias::new("co"))
        .join_as(JoinType::InnerJoin, "community", Alias::new("c"), Expr::col(("c", "id")).equals(("co", "community")))
        .join_as(JoinType::LeftJoin, "organisation", Alias::new("o"), Expr::col(("o", "id")).equals(("co", "organisation")))
        .and_where(visible("c", viewer))
        .and_where(any_of("co", "community", communities))
        .order_by(("co", "joined_at"), sea_query::Order::Asc)
        .order_by(("co", "organisation"), sea_query::Order::Asc)
        .to_owned();
    let rows: Vec<Participant> = fetch(db, select.written()).await?;
    Ok(rows.into_iter().map(|row| (row.community, row.organisation)).collect())
}
