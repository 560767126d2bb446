//! The rule of visibility for events as audiences, apart from any viewer.

use super::rule::{self, Rule};
use crate::organisations::{organisation, person, team};
use crate::visibility;
use ::communities::community::Event as CommunityEvent;
use ::discussions::category::Event as CategoryEvent;
use ::discussions::thread::Event as ThreadEvent;
use ::organisations::organisation::Event as OrganisationEvent;
use ::organisations::person::Event as PersonEvent;
use ::organisations::team::Event as TeamEvent;
use events::HubEvent;
use kernel::{Audience, OrganisationId, PersonId, Recorded, Token, Who};
use std::borrow::Borrow;
use std::collections::HashMap;
use store::Reads;
use uuid::Uuid;

/// Who may see an event at present.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Who may see that it happened, and all that is not private in it.
    pub audience: Audience,
    /// Who may see what is private in it besides: personal values, and the reason of a suspension. It admits no one where nothing
    /// is private, and for what happened to someone who was erased.
    pub private: Audience,
}

/// What is known of a thing or person that something happened to.
struct Known {
    audience: Audience,
    erased: bool,
}

/// Who may see each of these events at present, in their order: by the present audience of the thing that it happened to. None where
/// nobody may, because there is no such thing (yet) in the views.
///
/// It takes one statement, however many events there are. Of a thing that the views do not hold, the audience is taken from the
/// event that brought it into being, if that is among the events: so what a command does can be shown before it is done.
///
/// # Errors
/// The database's.
pub async fn audiences<R: Borrow<Recorded<HubEvent>>>(db: &Reads, events: &[R]) -> Result<Vec<Option<Seen>>, sqlx::Error> {
    if events.is_empty() {
        return Ok(Vec::new());
    }
    let mut known = at_present(db, events).await?;
    for recorded in events.iter().map(Borrow::borrow) {
        if let Some(audience) = from_the_start(&recorded.event) {
            known.entry(recorded.stream.id).or_insert(Known { audience, erased: false });
        }
    }
    Ok(events.iter().map(|recorded| seen(recorded.borrow(), &known)).collect())
}

fn seen(recorded: &Recorded<HubEvent>, known: &HashMap<Uuid, Known>) -> Option<Seen> {
    let thing = known.get(&recorded.stream.id)?;
    let private = private(recorded, thing);
    let audience = match rule::of(&recorded.event) {
        Rule::Thing => thing.audience.clone(),
        Rule::Private => private.clone(),
        Rule::Membership(member) => {
            let of_member = known.get(&member.uuid()).map_or_else(|| Audience::of([]), |member| member.audience.clone());
            thing.audience.narrowed(&of_member).and(Token::Person(member))
        }
    };
    Some(Seen { audience, private })
}

/// Those whom private values concern, and who did it: whoever did something knows what. Of the erased nobody is shown anything.
fn private(recorded: &Recorded<HubEvent>, thing: &Known) -> Audience {
    let concerned = match &recorded.event {
        HubEvent::Person(_) if !thing.erased => Token::Person(PersonId(recorded.stream.id)),
        HubEvent::Organisation(_) => Token::Organisation(OrganisationId(recorded.stream.id)),
        HubEvent::Person(_) | HubEvent::Team(_) | HubEvent::Community(_) | HubEvent::Category(_) | HubEvent::Thread(_) => {
            return Audience::of([]);
        }
    };
    match recorded.meta.actor {
        Who::Person(actor) => Audience::of([concerned, Token::Person(actor)]),
        Who::System(_) => Audience::of([concerned]),
    }
}

/// The audience that a thing begins with, if this is the event that brings it into being.
fn from_the_start(event: &HubEvent) -> Option<Audience> {
    match event {
        HubEvent::Organisation(OrganisationEvent::Registered { .. }) => Some(organisation::audience()),
        HubEvent::Person(PersonEvent::Joined { .. }) => Some(person::audience(false)),
        HubEvent::Person(PersonEvent::PlaceholderCreated { .. }) => Some(person::audience(true)),
        HubEvent::Team(TeamEvent::Formed { .. }) => Some(team::audience()),
        HubEvent::Community(CommunityEvent::Founded { audience, .. })
        | HubEvent::Category(CategoryEvent::Opened { audience, .. })
        | HubEvent::Thread(ThreadEvent::Opened { audience, .. }) => Some(audience.clone()),
        HubEvent::Organisation(_)
        | HubEvent::Person(_)
        | HubEvent::Team(_)
        | HubEvent::Community(_)
        | HubEvent::Category(_)
        | HubEvent::Thread(_) => None,
    }
}

/// The ids of what these events happened to and name, by the view that they stand in.
#[derive(Default)]
struct Ids {
    organisations: Vec<Uuid>,
    persons: Vec<Uuid>,
    teams: Vec<Uuid>,
    communities: Vec<Uuid>,
    categories: Vec<Uuid>,
    threads: Vec<Uuid>,
}

impl Ids {
    fn of<R: Borrow<Recorded<HubEvent>>>(events: &[R]) -> Self {
        let mut ids = Self::default();
        for recorded in events.iter().map(Borrow::borrow) {
            let of_stream = match &recorded.event {
                HubEvent::Organisation(_) => &mut ids.organisations,
                HubEvent::Person(_) => &mut ids.persons,
                HubEvent::Team(_) => &mut ids.teams,
                HubEvent::Community(_) => &mut ids.communities,
                HubEvent::Category(_) => &mut ids.categories,
                HubEvent::Thread(_) => &mut ids.threads,
            };
            of_stream.push(recorded.stream.id);
            if let Rule::Membership(member) = rule::of(&recorded.event) {
                ids.persons.push(member.uuid());
            }
        }
        let all = [&mut ids.organisations, &mut ids.persons, &mut ids.teams, &mut ids.communities, &mut ids.categories, &mut ids.threads];
        for list in all {
            list.sort_unstable();
            list.dedup();
        }
        ids
    }
}

async fn at_present<R: Borrow<Recorded<HubEvent>>>(db: &Reads, events: &[R]) -> Result<HashMap<Uuid, Known>, sqlx::Error> {
    let ids = Ids::of(events);
    let rows = sqlx::query!(
        r#"select id as "id!", audience as "audience!", false as "erased!" from organisation where id = any($1)
           union all select id, audience, erased from person where id = any($2)
           union all select id, audience, false from team where id = any($3)
           union all select id, audience, false from community where id = any($4)
           union all select id, audience, false from category where id = any($5)
           union all select id, audience, false from thread where id = any($6)"#,
        &ids.organisations,
        &ids.persons,
        &ids.teams,
        &ids.communities,
        &ids.categories,
        &ids.threads
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| (row.id, Known { audience: visibility::audience(row.audience), erased: row.erased })).collect())
}
