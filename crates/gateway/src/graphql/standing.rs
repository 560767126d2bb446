//! Who looks and who acts, as the views know the person at this moment: grants to see, roles to act.

use identity::Credential;
use kernel::{Actor, CommunityId, Role, Viewer};
use sqlx::PgPool;

/// The same person seen from two sides, with the grants and roles of one moment.
#[derive(Clone, Debug, Default)]
pub struct Standing {
    /// What may be seen.
    pub viewer: Viewer,
    /// What may be done; none for strangers.
    pub actor: Option<Actor>,
}

/// Reads a person's standing.
///
/// # Errors
/// The database's.
pub async fn read(db: &PgPool, credential: &Credential) -> Result<Standing, sqlx::Error> {
    let (person, organisation) = (credential.person(), credential.organisation());
    // One statement for everything, for it runs with every request. Whoever is not in the view yet (a sign-in a moment ago)
    // simply has no roles. What a community's members may see is theirs whatever the kind of their membership.
    let row = sqlx::query!(
        r#"select
             exists (select from person where id = $1 and steward and not suspended and not erased) as "steward!",
             exists (select from person where id = $1 and organisation_admin and not suspended and not erased) as "administrator!",
             array(select m.community from membership m where m.person = $1 order by m.community) as "communities!",
             array(select m.kind from membership m where m.person = $1 order by m.community) as "kinds!",
             array(select m.coordinator from membership m where m.person = $1 order by m.community) as "coordinates!",
             array(select t.team from team_member t where t.person = $1) as "teams!""#,
        person.uuid(),
    )
    .fetch_one(db)
    .await?;
    let communities: Vec<CommunityId> = row.communities.iter().copied().map(CommunityId::from).collect();
    let mut actor = Actor::person(person, organisation);
    if row.steward {
        actor.roles.insert(Role::Steward);
    }
    if row.administrator {
        actor.roles.insert(Role::OrganisationAdmin(organisation));
    }
    actor.roles.extend(row.teams.into_iter().map(|team| Role::TeamMember(team.into())));
    for (community, (kind, coordinates)) in communities.iter().zip(row.kinds.iter().zip(row.coordinates)) {
        actor.roles.insert(match kind.as_str() {
            "core" => Role::CoreMember(*community),
            "member" => Role::Member(*community),
            _ => Role::InterestedParty(*community),
        });
        if coordinates {
            actor.roles.insert(Role::Coordinator(*community));
        }
    }
    Ok(Standing { viewer: Viewer::person(person, organisation, communities), actor: Some(actor) })
}
