//! The view of organisations and their identity providers. Organisations are public: a stranger sees who takes part.

use crate::columns::{Columns, FromColumns, Written, any_of, count, fetch};
use crate::page::{Key, Page, Position, Slice, Sorted};
use crate::runtime::Projection;
use crate::visibility::visible;
use ::organisations::organisation::Event;
use async_trait::async_trait;
use events::HubEvent;
use kernel::{Audience, OrganisationId, ProviderId, Recorded, Timestamp, Viewer};
use sea_query::{Alias, Expr, ExprTrait, Query, SelectStatement};
use sqlx::PgConnection;
use store::Reads;
use uuid::Uuid;

/// The projection “organisations”.
#[derive(Clone, Copy, Debug)]
pub struct Organisations;

/// Who sees an organisation: anyone.
pub fn audience() -> Audience {
    Audience::public()
}

#[async_trait]
impl Projection for Organisations {
    fn name(&self) -> &'static str {
        "organisations"
    }

    fn tables(&self) -> &'static [&'static str] {
        &["organisation", "identity_provider"]
    }

    fn concerns(&self, event: &HubEvent) -> bool {
        match event {
            HubEvent::Organisation(_) => true,
            HubEvent::Person(_) | HubEvent::Team(_) | HubEvent::Community(_) | HubEvent::Category(_) | HubEvent::Thread(_) => false,
        }
    }

    async fn apply(&self, recorded: &Recorded<HubEvent>, db: &mut PgConnection) -> Result<(), sqlx::Error> {
        match &recorded.event {
            HubEvent::Organisation(event) => happened(recorded, event, db).await,
            HubEvent::Person(_) | HubEvent::Team(_) | HubEvent::Community(_) | HubEvent::Category(_) | HubEvent::Thread(_) => Ok(()),
        }
    }
}

async fn happened(recorded: &Recorded<HubEvent>, event: &Event, db: &mut PgConnection) -> Result<(), sqlx::Error> {
    let id = recorded.stream.id;
    let at = recorded.meta.occurred_at;
    let version = recorded.version.cast_signed();
    match event {
        Event::Registered { slug, name } => {
            sqlx::query!(
                "insert into organisation (id, slug, name, audience, registered_at, version) values ($1, $2, $3, $4, $5, $6)",
                id,
                slug,
                name,
                &audience().to_texts(),
                at,
                version
            )
            .execute(&mut *db)
            .await?;
        }
        Event::Renamed { name } => {
            sqlx::query!("update organisation set name = $2 where id = $1", id, name).execute(&mut *db).await?;
        }
        Event::Suspended { reason } => {
            sqlx::query!("update organisation set suspended = true, suspension_reason = $2 where id = $1", id, reason)
                .execute(&mut *db)
                .await?;
        }
        Event::Reinstated => {
            sqlx::query!("update organisation set suspended = false, suspension_reason = null where id = $1", id).execute(&mut *db).await?;
        }
        Event::ProviderRegistered { provider, name, issuer, client_id, scopes } => {
            sqlx::query!(
                "insert into identity_provider (id, organisation, name, issuer, client_id, scopes, registered_at) \
                 values ($1, $2, $3, $4, $5, $6, $7)",
                provider.uuid(),
                id,
                name,
                issuer,
                client_id,
                scopes,
                at
            )
            .execute(&mut *db)
            .await?;
        }
        Event::ProviderDisabled { provider } => {
            sqlx::query!("update identity_provider set enabled = false where id = $1", provider.uuid()).execute(&mut *db).await?;
        }
        Event::ProviderEnabled { provider } => {
            sqlx::query!("update identity_provider set enabled = true where id = $1", provider.uuid()).execute(&mut *db).await?;
        }
        Event::ProviderRemoved { provider } => {
            sqlx::query!("delete from identity_provider where id = $1", provider.uuid()).execute(&mut *db).await?;
        }
    }
    sqlx::query!("update organisation set version = $2 where id = $1", id, version).execute(db).await?;
    Ok(())
}

/// An organisation as other rows name it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OrganisationRef {
    /// Its id.
    pub id: OrganisationId,
    /// Its address within the hub.
    pub slug: String,
    /// Its name.
    pub name: String,
}

impl OrganisationRef {
    /// The columns of an organisation joined under an alias.
    pub(crate) fn columns(alias: &str) -> String {
        format!("{alias}.id, {alias}.slug, {alias}.name")
    }

    /// Reads them; none if nothing was joined.
    pub(crate) fn read(columns: &mut Columns<'_>) -> Result<Option<Self>, sqlx::Error> {
        let (id, slug, name): (Option<Uuid>, Option<String>, Option<String>) = (columns.next()?, columns.next()?, columns.next()?);
        Ok(id.map(|id| Self { id: id.into(), slug: slug.unwrap_or_default(), name: name.unwrap_or_default() }))
    }

    /// Reads them where one was joined for sure; until its own view has caught up, the organisation has no name yet.
    pub(crate) fn read_known(id: OrganisationId, columns: &mut Columns<'_>) -> Result<Self, sqlx::Error> {
        Ok(Self::read(columns)?.unwrap_or(Self { id, slug: String::new(), name: String::new() }))
    }
}

/// An organisation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrganisationRow {
    /// What others name it by.
    pub reference: OrganisationRef,
    /// Whether it is suspended.
    pub suspended: bool,
    /// When it was registered.
    pub registered_at: Timestamp,
    /// The version of its stream.
    pub version: u64,
}

impl FromColumns for OrganisationRow {
    fn from_columns(columns: &mut Columns<'_>) -> Result<Self, sqlx::Error> {
        Ok(Self {
            reference: OrganisationRef { id: columns.next::<Uuid>()?.into(), slug: columns.next()?, name: columns.next()? },
            suspended: columns.next()?,
            registered_at: columns.next()?,
            version: columns.next::<i64>()?.cast_unsigned(),
        })
    }
}

fn select(viewer: &Viewer) -> SelectStatement {
    Query::select()
        .expr(Expr::cust("o.id, o.slug, o.name, o.suspended, o.registered_at, o.version"))
        .from_as("organisation", Alias::new("o"))
        .and_where(visible("o", viewer))
        .to_owned()
}

/// These organisations, as far as there are any and the viewer may see them, in no order.
///
/// # Errors
/// The database's.
pub async fn by_ids(viewer: &Viewer, db: &Reads, ids: &[OrganisationId]) -> Result<Vec<OrganisationRow>, sqlx::Error> {
    let sql = select(viewer).and_where(any_of("o", "id", ids)).written();
    fetch(db, sql).await
}

/// The organisation at this address.
///
/// # Errors
/// The database's.
pub async fn by_slug(viewer: &Viewer, db: &Reads, slug: &str) -> Result<Option<OrganisationRow>, sqlx::Error> {
    let sql = select(viewer).and_where(Expr::col(("o", "slug")).eq(slug)).written();
    Ok(fetch(db, sql).await?.pop())
}

/// A page of the organisations, by name.
///
/// # Errors
/// The database's.
pub async fn page(viewer: &Viewer, db: &Reads, page: &Page) -> Result<Slice<OrganisationRow>, sqlx::Error> {
    let mut select = select(viewer);
    page.cut(&mut select, Sorted::ascending("o", "name", "id"));
    let rows = fetch(db, select.written()).await?;
    Ok(page.slice(rows, |row: &OrganisationRow| Position::new(Key::Text(row.reference.name.clone()), row.reference.id)))
}

/// How many organisations there are for the viewer.
///
/// # Errors
/// The database's.
pub async fn total(viewer: &Viewer, db: &Reads) -> Result<u64, sqlx::Error> {
    let select =
        Query::select().expr(Expr::cust("count(*)")).from_as("organisation", Alias::new("o")).and_where(visible("o", viewer)).to_owned();
    count(db, select.written()).await
}

/// An identity provider of an organisation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderRecord {
    /// Its id.
    pub id: ProviderId,
    /// The organisation that it belongs to.
    pub organisation: OrganisationRef,
    /// Whether that organisation is suspended.
    pub organisation_suspended: bool,
    /// What people call it.
    pub name: String,
    /// The issuer, exactly.
    pub issuer: String,
    /// The client id that it gave the hub.
    pub client_id: String,
    /// Scopes to ask for besides `openid`.
    pub scopes: Vec<String>,
    /// Whether people may sign in through it.
    pub enabled: bool,
}

impl FromColumns for ProviderRecord {
    fn from_columns(columns: &mut Columns<'_>) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: columns.next::<Uuid>()?.into(),
            organisation: OrganisationRef { id: columns.next::<Uuid>()?.into(), slug: columns.next()?, name: columns.next()? },
            organisation_suspended: columns.next()?,
            name: columns.next()?,
            issuer: columns.next()?,
            client_id: columns.next()?,
            scopes: columns.next()?,
            enabled: columns.next()?,
        })
    }
}

fn select_providers(viewer: &Viewer) -> SelectStatement {
    Query::select()
        .expr(Expr::cust("i.id, o.id, o.slug, o.name, o.suspended, i.name, i.issuer, i.client_id, i.scopes, i.enabled"))
        .from_as("identity_provider", Alias::new("i"))
        .join_as(sea_query::JoinType::InnerJoin, "organisation", Alias::new("o"), Expr::col(("o", "id")).equals(("i", "organisation")))
        .and_where(visible("o", viewer))
        .order_by(("o", "name"), sea_query::Order::Asc)
        .order_by(("i", "name"), sea_query::Order::Asc)
        .order_by(("i", "id"), sea_query::Order::Asc)
        .to_owned()
}

/// The identity providers of these organisations, by name. A provider is shown to whoever sees its organisation.
///
/// # Errors
/// The database's.
pub async fn providers(viewer: &Viewer, db: &Reads, organisations: &[OrganisationId]) -> Result<Vec<ProviderRecord>, sqlx::Error> {
    let sql = select_providers(viewer).and_where(any_of("i", "organisation", organisations)).written();
    fetch(db, sql).await
}

/// One identity provider, whether people may sign in through it or not: the caller asks `enabled` and `organisation_suspended`.
///
/// # Errors
/// The database's.
pub async fn provider(viewer: &Viewer, db: &Reads, id: ProviderId) -> Result<Option<ProviderRecord>, sqlx::Error> {
    let sql = select_providers(viewer).and_where(Expr::col(("i", "id")).eq(id.uuid())).written();
    Ok(fetch(db, sql).await?.pop())
}

/// The providers that people may sign in through: the enabled ones of organisations that are not suspended.
///
/// # Errors
/// The database's.
pub async fn sign_in_options(viewer: &Viewer, db: &Reads) -> Result<Vec<ProviderRecord>, sqlx::Error> {
    let sql = select_providers(viewer).and_where(Expr::cust("i.enabled and not o.suspended")).written();
    fetch(db, sql).await
}
