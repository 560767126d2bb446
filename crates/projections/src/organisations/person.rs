//! The view of persons. Who sees a person's name is decided in `docs/decisions/0002-who-sees-persons.md`.

use super::organisation::OrganisationRef;
use crate::columns::{Columns, FromColumns, Written, any_of, fetch};
use crate::page::{Key, Page, Position, Slice, Sorted, count_each, each, parent};
use crate::runtime::Projection;
use crate::visibility::{grants, visible};
use ::organisations::person::{Event, GrantedRole};
use async_trait::async_trait;
use events::HubEvent;
use kernel::{Audience, OrganisationId, PersonId, Personal, ProviderId, Recorded, TeamId, Timestamp, Viewer};
use sea_query::{Alias, Expr, ExprTrait, JoinType, Query, SelectStatement};
use sqlx::PgConnection;
use std::collections::HashMap;
use store::Reads;
use uuid::Uuid;

/// The projection “people”.
#[derive(Clone, Copy, Debug)]
pub struct People;

/// Who sees a person by name: everyone signed in. Placeholders stand for people who published elsewhere under the name
/// shown, and whose work is shown with it: anyone.
pub fn audience(placeholder: bool) -> Audience {
    if placeholder { Audience::public() } else { Audience::members() }
}

#[async_trait]
impl Projection for People {
    fn name(&self) -> &'static str {
        "people"
    }

    fn tables(&self) -> &'static [&'static str] {
        &["person"]
    }

    fn concerns(&self, event: &HubEvent) -> bool {
        match event {
            HubEvent::Person(_) => true,
            HubEvent::Organisation(_) | HubEvent::Team(_) | HubEvent::Community(_) | HubEvent::Category(_) | HubEvent::Thread(_) => false,
        }
    }

    async fn apply(&self, recorded: &Recorded<HubEvent>, db: &mut PgConnection) -> Result<(), sqlx::Error> {
        match &recorded.event {
            HubEvent::Person(event) => happened(recorded, event, db).await,
            HubEvent::Organisation(_) | HubEvent::Team(_) | HubEvent::Community(_) | HubEvent::Category(_) | HubEvent::Thread(_) => Ok(()),
        }
    }
}

fn known(text: &Personal<String>) -> Option<&str> {
    text.known().map(String::as_str)
}

async fn happened(recorded: &Recorded<HubEvent>, event: &Event, db: &mut PgConnection) -> Result<(), sqlx::Error> {
    let id = recorded.stream.id;
    let at = recorded.meta.occurred_at;
    let version = recorded.version.cast_signed();
    match event {
        Event::Joined { organisation, identity, name, email } => {
            sqlx::query!(
                "insert into person (id, organisation, name, about, email, provider, issuer, subject, audience, joined_at, version) \
                 values ($1, $2, $3, '', $4, $5, $6, $7, $8, $9, $10)",
                id,
                organisation.uuid(),
                known(name),
                email.as_ref().and_then(known),
                identity.provider.uuid(),
                identity.issuer,
                known(&identity.subject),
                &audience(false).to_texts(),
                at,
                version
            )
            .execute(&mut *db)
            .await?;
        }
        Event::PlaceholderCreated { source, handle, name } => {
            sqlx::query!(
                "insert into person (id, name, about, source, handle, audience, placeholder, joined_at, version) \
                 values ($1, $2, '', $3, $4, $5, true, $6, $7)",
                id,
                known(name),
                source,
                known(handle),
                &audience(true).to_texts(),
                at,
                version
            )
            .execute(&mut *db)
            .await?;
        }
        Event::ProfileChanged { name, about } => {
            sqlx::query!("update person set name = $2, about = $3 where id = $1", id, known(name), known(about)).execute(&mut *db).await?;
        }
        Event::RoleGranted { role } => hold(*role, true, id, db).await?,
        Event::RoleRevoked { role } => hold(*role, false, id, db).await?,
        Event::Suspended { reason } => {
            sqlx::query!("update person set suspended = true, suspension_reason = $2 where id = $1", id, reason).execute(&mut *db).await?;
        }
        Event::Reinstated => {
            sqlx::query!("update person set suspended = false, suspension_reason = null where id = $1", id).execute(&mut *db).await?;
        }
        // Tokens are kept where their hashes are, in the schema `identity`.
        Event::TokenIssued { .. } | Event::TokenRevoked { .. } => {}
        Event::Erased => {
            sqlx::query!(
                "update person set erased = true, name = null, about = null, email = null, subject = null, handle = null, \
                 organisation_admin = false, steward = false where id = $1",
                id
            )
            .execute(&mut *db)
            .await?;
        }
    }
    sqlx::query!("update person set version = $2 where id = $1", id, version).execute(db).await?;
    Ok(())
}

async fn hold(role: GrantedRole, held: bool, person: Uuid, db: &mut PgConnection) -> Result<(), sqlx::Error> {
    match role {
        GrantedRole::OrganisationAdmin => {
            sqlx::query!("update person set organisation_admin = $2 where id = $1", person, held).execute(db).await?;
        }
        GrantedRole::Steward => {
            sqlx::query!("update person set steward = $2 where id = $1", person, held).execute(db).await?;
        }
    }
    Ok(())
}

/// A person as other rows name them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PersonRef {
    /// The id.
    pub id: PersonId,
    /// The name to show to this viewer: “A member of …” if the name is not for them, “Former member” if it was erased.
    pub name: String,
    /// Whether the viewer sees the person by name.
    pub visible: bool,
    /// The organisation.
    pub organisation: Option<OrganisationRef>,
    /// Whether it stands for someone whose writings were imported.
    pub placeholder: bool,
}

impl PersonRef {
    /// The columns of a person joined under one alias, with the organisation under another, for this viewer.
    pub(crate) fn columns(person: &str, organisation: &str, viewer: &Viewer) -> Expr {
        let organisation = OrganisationRef::columns(organisation);
        Expr::cust_with_values(
            format!(
                "{person}.audience && $1, case when {person}.audience && $2 then {person}.name end, coalesce({person}.erased, false), \
                 coalesce({person}.placeholder, false), {organisation}"
            ),
            [grants(viewer), grants(viewer)],
        )
    }

    /// Reads them. The id is known to the row that refers to the person, even if the person's own view lags behind.
    pub(crate) fn read(id: PersonId, columns: &mut Columns<'_>) -> Result<Self, sqlx::Error> {
        let visible: Option<bool> = columns.next()?;
        let name: Option<String> = columns.next()?;
        let erased: bool = columns.next()?;
        let placeholder: bool = columns.next()?;
        let organisation = OrganisationRef::read(columns)?;
        let name = shown_name(name, erased, organisation.as_ref());
        Ok(Self { id, name, visible: visible.unwrap_or(false), organisation, placeholder })
    }
}

/// The name to show for a person. An erased one is a former member to everyone; one whose name is not for the viewer is a
/// member of an organisation.
fn shown_name(name: Option<String>, erased: bool, organisation: Option<&OrganisationRef>) -> String {
    match (name, erased, organisation) {
        (_, true, _) | (None, false, None) => "Former member".to_owned(),
        (Some(name), false, _) => name,
        (None, false, Some(organisation)) => format!("A member of {}", organisation.name),
    }
}

/// A person. What is not for the viewer is left out of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonRow {
    /// What others name the person by.
    pub reference: PersonRef,
    /// A few words about oneself.
    pub about: String,
    /// Whether the person is suspended.
    pub suspended: bool,
    /// When the person joined; for those not seen by name, only the month.
    pub joined_at: Timestamp,
    /// The version of the person's stream; 0 for those not seen by name.
    pub version: u64,
    sort_name: String,
}

impl FromColumns for PersonRow {
    fn from_columns(columns: &mut Columns<'_>) -> Result<Self, sqlx::Error> {
        let id: Uuid = columns.next()?;
        Ok(Self {
            reference: PersonRef::read(id.into(), columns)?,
            about: columns.next()?,
            suspended: columns.next()?,
            joined_at: columns.next()?,
            version: columns.next::<i64>()?.cast_unsigned(),
            sort_name: columns.next()?,
        })
    }
}

/// Persons without regard to who looks; what is not for the viewer is masked.
fn masked(viewer: &Viewer) -> SelectStatement {
    Query::select()
        .expr(Expr::cust("p.id"))
        .expr(PersonRef::columns("p", "o", viewer))
        .expr(Expr::cust_with_values(
            "case when p.audience && $1 then coalesce(p.about, '') else '' end, p.suspended and p.audience && $2, \
             case when p.audience && $3 then p.joined_at else date_trunc('month', p.joined_at, 'UTC') end, \
             case when p.audience && $4 then p.version else 0 end, \
             case when p.audience && $5 then p.sort_name else '' end",
            std::iter::repeat_with(|| grants(viewer)).take(5),
        ))
        .from_as("person", Alias::new("p"))
        .join_as(JoinType::LeftJoin, "organisation", Alias::new("o"), Expr::col(("o", "id")).equals(("p", "organisation")))
        .to_owned()
}

/// These persons, as far as there are any and the viewer may see them, in no order.
///
/// # Errors
/// The database's.
pub async fn by_ids(viewer: &Viewer, db: &Reads, ids: &[PersonId]) -> Result<Vec<PersonRow>, sqlx::Error> {
    let mut rows = referred(viewer, db, ids).await?;
    rows.retain(|row| row.reference.visible);
    Ok(rows)
}

/// These persons as rows that the viewer sees refer to them: those not seen by name come masked.
///
/// # Errors
/// The database's.
pub async fn referred(viewer: &Viewer, db: &Reads, ids: &[PersonId]) -> Result<Vec<PersonRow>, sqlx::Error> {
    let sql = masked(viewer).and_where(any_of("p", "id", ids)).written();
    fetch(db, sql).await
}

const BY_NAME: Sorted = Sorted::ascending("p", "sort_name", "id");

fn position(row: &PersonRow) -> Position {
    Position::new(Key::Text(row.sort_name.clone()), row.reference.id)
}

/// The same page of the people of each of these organisations, by name.
///
/// # Errors
/// The database's.
pub async fn of_organisations(
    viewer: &Viewer,
    db: &Reads,
    organisations: &[OrganisationId],
    page: &Page,
) -> Result<HashMap<OrganisationId, Slice<PersonRow>>, sqlx::Error> {
    let mut select = masked(viewer);
    select.and_where(visible("p", viewer)).and_where(Expr::col(("p", "organisation")).eq(parent()));
    page.cut(&mut select, BY_NAME);
    each(db, organisations, page, select, position).await
}

/// How many people of each of these organisations there are for the viewer.
///
/// # Errors
/// The database's.
pub async fn totals_of_organisations(
    viewer: &Viewer,
    db: &Reads,
    organisations: &[OrganisationId],
) -> Result<HashMap<OrganisationId, u64>, sqlx::Error> {
    let mut select = counting();
    select.and_where(visible("p", viewer)).and_where(Expr::col(("p", "organisation")).eq(parent()));
    count_each(db, organisations, select).await
}

fn counting() -> SelectStatement {
    Query::select().expr(Expr::cust("count(*)")).from_as("person", Alias::new("p")).to_owned()
}

/// Narrows a statement over persons to the members of the parent team, if the viewer sees the team.
fn of_parent_team(select: &mut SelectStatement, viewer: &Viewer) {
    select
        .join_as(JoinType::InnerJoin, "team_member", Alias::new("m"), Expr::col(("m", "person")).equals(("p", "id")))
        .join_as(JoinType::InnerJoin, "team", Alias::new("t"), Expr::col(("t", "id")).equals(("m", "team")))
        .and_where(Expr::col(("m", "team")).eq(parent()))
        .and_where(visible("t", viewer))
        .and_where(visible("p", viewer));
}

/// The same page of the members of each of these teams, by name.
///
/// # Errors
/// The database's.
pub async fn of_teams(
    viewer: &Viewer,
    db: &Reads,
    teams: &[TeamId],
    page: &Page,
) -> Result<HashMap<TeamId, Slice<PersonRow>>, sqlx::Error> {
    let mut select = masked(viewer);
    of_parent_team(&mut select, viewer);
    page.cut(&mut select, BY_NAME);
    each(db, teams, page, select, position).await
}

/// How many members of each of these teams there are for the viewer.
///
/// # Errors
/// The database's.
pub async fn totals_of_teams(viewer: &Viewer, db: &Reads, teams: &[TeamId]) -> Result<HashMap<TeamId, u64>, sqlx::Error> {
    let mut select = counting();
    of_parent_team(&mut select, viewer);
    count_each(db, teams, select).await
}

/// What only the person themselves is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Oneself {
    /// The email address, if the provider stated one.
    pub email: Option<String>,
    /// The provider that the person signs in through.
    pub provider: Option<ProviderId>,
    /// Roles granted by name.
    pub roles: Vec<GrantedRole>,
}

/// What only the viewer is shown of themselves; none for strangers.
///
/// # Errors
/// The database's.
pub async fn oneself(viewer: &Viewer, db: &Reads) -> Result<Option<Oneself>, sqlx::Error> {
    let Some(person) = viewer.person else { return Ok(None) };
    let row = sqlx::query!("select email, provider, organisation_admin, steward from person where id = $1", person.uuid())
        .fetch_optional(db)
        .await?;
    Ok(row.map(|row| Oneself {
        email: row.email,
        provider: row.provider.map(ProviderId),
        roles: [(row.organisation_admin, GrantedRole::OrganisationAdmin), (row.steward, GrantedRole::Steward)]
            .into_iter()
            .filter_map(|(held, role)| held.then_some(role))
            .collect(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_shown_masked_or_gone() {
        let organisation = OrganisationRef { id: Uuid::nil().into(), slug: "north".into(), name: "Department North".into() };
        assert_eq!(shown_name(Some("Ada".into()), false, Some(&organisation)), "Ada");
        assert_eq!(shown_name(None, false, Some(&organisation)), "A member of Department North");
        assert_eq!(shown_name(Some("Ada".into()), true, Some(&organisation)), "Former member");
        assert_eq!(shown_name(None, true, None), "Former member");
    }
}
