//! What a person may see and do, read at the start of a request.

use crate::code;
use ::communities::community::MemberKind;
use kernel::{Actor, CommunityId, OrganisationId, PersonId, Role, TeamId, Viewer};
use sqlx::PgPool;
use std::collections::HashMap;
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

/// The standing of a person who can sign in; none for placeholders, for the erased, and for persons not known (yet).
///
/// # Errors
/// The database's.
pub async fn of(db: &PgPool, person: PersonId) -> Result<Option<Standing>, sqlx::Error> {
    Ok(of_each(db, &[person]).await?.remove(&person))
}

/// The standings of those of these persons who can sign in, by one statement.
///
/// # Errors
/// The database's.
pub async fn of_each(db: &PgPool, persons: &[PersonId]) -> Result<HashMap<PersonId, Standing>, sqlx::Error> {
    let ids: Vec<Uuid> = persons.iter().map(|person| person.uuid()).collect();
    let rows = sqlx::query_as!(
        Row,
        r#"select p.id as "id!", p.organisation as "organisation!", p.organisation_admin as "organisation_admin!", p.steward as "steward!",
                  p.suspended as "suspended!",
                  coalesce(o.suspended, false) as "organisation_suspended!",
                  coalesce((select array_agg(m.team) from team_member m join team t on t.id = m.team
                            where m.person = p.id and not t.disbanded), '{}') as "teams!",
                  coalesce((select array_agg(m.community order by m.community) from membership m where m.person = p.id), '{}') as "communities!",
                  coalesce((select array_agg(m.kind order by m.community) from membership m where m.person = p.id), '{}') as "kinds!",
                  coalesce((select array_agg(m.coordinator order by m.community) from membership m where m.person = p.id), '{}')
                    as "coordinates!"
           from person p left join organisation o on o.id = p.organisation
           where p.id = any($1) and p.organisation is not null and not p.erased"#,
        &ids
    )
    .fetch_all(db)
    .await?;
    rows.into_iter().map(|row| Ok((PersonId(row.id), row.standing()?))).collect()
}

#[allow(clippy::struct_excessive_bools, reason = "a row of the statement, column by column")]
struct Row {
    id: Uuid,
    organisation: Uuid,
    organisation_admin: bool,
    steward: bool,
    suspended: bool,
    organisation_suspended: bool,
    teams: Vec<Uuid>,
    communities: Vec<Uuid>,
    kinds: Vec<String>,
    coordinates: Vec<bool>,
}

impl Row {
    fn standing(self) -> Result<Standing, sqlx::Error> {
        let (person, organisation) = (PersonId(self.id), OrganisationId(self.organisation));
        let communities = self.communities.iter().copied().map(CommunityId);
        let mut actor = Actor::person(person, organisation);
        if self.steward {
            actor = actor.with(Role::Steward);
        }
        if self.organisation_admin {
            actor = actor.with(Role::OrganisationAdmin(organisation));
        }
        for team in self.teams {
            actor = actor.with(Role::TeamMember(TeamId(team)));
        }
        for ((community, kind), coordinates) in communities.clone().zip(&self.kinds).zip(&self.coordinates) {
            actor = actor.with(match code::read(kind)? {
                MemberKind::Core => Role::CoreMember(community),
                MemberKind::Member => Role::Member(community),
                MemberKind::InterestedParty => Role::InterestedParty(community),
            });
            if *coordinates {
                actor = actor.with(Role::Coordinator(community));
            }
        }
        Ok(Standing {
            viewer: Viewer::person(person, organisation, communities),
            actor,
            suspended: self.suspended,
            organisation_suspended: self.organisation_suspended,
        })
    }
}
