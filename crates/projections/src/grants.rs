//! What a person may see and do, read at the start of a request.

use crate::code;
use ::communities::community::MemberKind;
use kernel::{Actor, CommunityId, OrganisationId, PersonId, Role, TeamId, Viewer};
use sqlx::PgPool;

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
    let row = sqlx::query!(
        r#"select p.organisation as "organisation!", p.organisation_admin, p.steward, p.suspended,
                  coalesce(o.suspended, false) as "organisation_suspended!",
                  coalesce((select array_agg(m.team) from team_member m join team t on t.id = m.team
                            where m.person = p.id and not t.disbanded), '{}') as "teams!",
                  coalesce((select array_agg(m.community order by m.community) from membership m where m.person = p.id), '{}') as "communities!",
                  coalesce((select array_agg(m.kind order by m.community) from membership m where m.person = p.id), '{}') as "kinds!",
                  coalesce((select array_agg(m.coordinator order by m.community) from membership m where m.person = p.id), '{}')
                    as "coordinates!"
           from person p left join organisation o on o.id = p.organisation
           where p.id = $1 and p.organisation is not null and not p.erased"#,
        person.uuid()
    )
    .fetch_optional(db)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let organisation = OrganisationId(row.organisation);
    let communities = row.communities.iter().copied().map(CommunityId);
    let mut actor = Actor::person(person, organisation);
    if row.steward {
        actor = actor.with(Role::Steward);
    }
    if row.organisation_admin {
        actor = actor.with(Role::OrganisationAdmin(organisation));
    }
    for team in row.teams {
        actor = actor.with(Role::TeamMember(TeamId(team)));
    }
    for ((community, kind), coordinates) in communities.clone().zip(&row.kinds).zip(&row.coordinates) {
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
        viewer: Viewer::person(person, organisation, communities),
        actor,
        suspended: row.suspended,
        organisation_suspended: row.organisation_suspended,
    }))
}
