//! What a person may see and do, read at the start of a request.

use crate::code;
use ::communities::community::MemberKind;
use kernel::{Actor, CommunityId, OrganisationId, PersonId, Role, TeamId, Viewer};
use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, Row};
use std::collections::HashMap;
use std::sync::LazyLock;
use store::Reads;
use uuid::Uuid;

/// What a person may see and do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Who looks.
    pub viewer: Viewer,
    /// Who acts, with every role held.
    pub actor: Actor,
    /// Whether the person is suspended.
    pub suspended: bool,
    /// Whether the person's organisation is suspended.
    pub organisation_suspended: bool,
}

impl Standing {
    /// Whether the person may come in at all.
    pub fn is_admitted(&self) -> bool {
        !self.suspended && !self.organisation_suspended
    }
}

/// The columns of a standing, where [`JOINS`] has joined it. [`read`] reads them.
pub const COLUMNS: &str = "p.organisation, p.organisation_admin, p.steward, p.suspended, coalesce(o.suspended, false), \
     teams.ids, memberships.communities, memberships.kinds, memberships.coordinates";

/// Joins the standing of the person in the column `person` of the table `s`: whatever names a person may be read together
/// with what the person may see and do, by one statement.
pub const JOINS: &str = "left join person p on p.id = s.person and p.organisation is not null and not p.erased \
     left join organisation o on o.id = p.organisation \
     left join lateral (select array_agg(m.team) as ids from team_member m join team t on t.id = m.team \
     where m.person = p.id and not t.disbanded) teams on true \
     left join lateral (select array_agg(m.community) as communities, array_agg(m.kind) as kinds, array_agg(m.coordinator) as coordinates \
     from membership m where m.person = p.id) memberships on true";

/// The standing of a person who can sign in; none for placeholders, for the erased, and for persons not known (yet).
///
/// # Errors
/// The database's.
pub async fn of(db: &Reads, person: PersonId) -> Result<Option<Standing>, sqlx::Error> {
    Ok(of_each(db, &[person]).await?.remove(&person))
}

/// The standings of those of these persons who can sign in, by one statement.
///
/// # Errors
/// The database's.
pub async fn of_each(db: &Reads, persons: &[PersonId]) -> Result<HashMap<PersonId, Standing>, sqlx::Error> {
    static STATEMENT: LazyLock<String> = LazyLock::new(|| format!("select s.person, {COLUMNS} from unnest($1::uuid[]) s(person) {JOINS}"));
    let ids: Vec<Uuid> = persons.iter().map(|person| person.uuid()).collect();
    let rows = sqlx::query(AssertSqlSafe(STATEMENT.as_str())).bind(ids).fetch_all(db).await?;
    let mut standings = HashMap::with_capacity(rows.len());
    for row in rows {
        let person = PersonId(row.try_get(0)?);
        standings.extend(read(person, &row, 1)?.map(|standing| (person, standing)));
    }
    Ok(standings)
}

/// Reads a standing from [its columns](COLUMNS), of which the first is this one of the row; none as in [`of`].
///
/// # Errors
/// The columns are not those, or hold what this version does not know.
pub fn read(person: PersonId, row: &PgRow, first: usize) -> Result<Option<Standing>, sqlx::Error> {
    let Some(organisation) = row.try_get::<Option<Uuid>, _>(first)?.map(OrganisationId) else { return Ok(None) };
    let mut actor = Actor::person(person, organisation);
    if row.try_get(first + 2)? {
        actor = actor.with(Role::Steward);
    }
    if row.try_get(first + 1)? {
        actor = actor.with(Role::OrganisationAdmin(organisation));
    }
    for team in row.try_get::<Option<Vec<Uuid>>, _>(first + 5)?.unwrap_or_default() {
        actor = actor.with(Role::TeamMember(TeamId(team)));
    }
    let communities = row.try_get::<Option<Vec<Uuid>>, _>(first + 6)?.unwrap_or_default();
    let kinds = row.try_get::<Option<Vec<String>>, _>(first + 7)?.unwrap_or_default();
    let coordinates = row.try_get::<Option<Vec<bool>>, _>(first + 8)?.unwrap_or_default();
    for ((community, kind), coordinates) in communities.iter().zip(&kinds).zip(&coordinates) {
        let community = CommunityId(*community);
        actor = actor.with(match code::read(kind)? {
            MemberKind::Core => Role::CoreMember(community),
            MemberKind::Member => Role::Member(community),
            MemberKind::InterestedParty => Role::InterestedParty(community),
        });
        if *coordinates {
            actor = actor.with(Role::Coordinator(community));
        }
    }
    Ok(Some(Standing {
        viewer: Viewer::person(person, organisation, communities.into_iter().map(CommunityId)),
        actor,
        suspended: row.try_get(first + 3)?,
        organisation_suspended: row.try_get(first + 4)?,
    }))
}
