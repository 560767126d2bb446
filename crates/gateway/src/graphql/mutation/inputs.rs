//! Inputs that several mutations share.

use super::super::context::RequestContext;
use super::super::ids;
use super::{Stop, refuse};
use async_graphql::{Enum, ID, InputObject};
use communities::charter::{Charter, Clause};
use kernel::{Audience, CommunityId, Kind, PersonId};

/// The most persons that an audience names.
const MOST_PERSONS: usize = 100;

/// Whom an audience consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum AudienceKind {
    /// Anyone, signed in or not.
    Public,
    /// Everyone who is signed in.
    Members,
    /// The members of the community concerned.
    Community,
    /// The people of your own organisation.
    Organisation,
    /// The persons you name.
    Persons,
}

/// Who may see something.
#[derive(Debug, InputObject)]
pub struct AudienceInput {
    /// Whom it consists of.
    pub kind: AudienceKind,
    /// The persons, for PERSONS: at most 100. Name yourself if you want to see it.
    pub persons: Option<Vec<ID>>,
}

impl AudienceInput {
    /// The audience meant, where this community is concerned.
    pub(super) fn read(self, request: &RequestContext, community: CommunityId) -> Result<Audience, Stop> {
        let persons = self.persons.unwrap_or_default();
        if self.kind != AudienceKind::Persons && !persons.is_empty() {
            return Err(refuse(
                Kind::Invalid,
                "AUDIENCE_PERSONS",
                "Persons are named only where the audience's kind is PERSONS.",
                "audience",
            ));
        }
        match self.kind {
            AudienceKind::Public => Ok(Audience::public()),
            AudienceKind::Members => Ok(Audience::members()),
            AudienceKind::Community => Ok(Audience::community(community)),
            AudienceKind::Organisation => {
                let own = request.standing().viewer.organisation;
                own.map(Audience::organisation).ok_or_else(|| {
                    refuse(Kind::Denied, "NO_ORGANISATION", "You belong to no organisation, so nothing can be for it alone.", "audience")
                })
            }
            AudienceKind::Persons if persons.is_empty() || persons.len() > MOST_PERSONS => {
                let message = format!("Name the persons of the audience: at least one, at most {MOST_PERSONS}.");
                Err(refuse(Kind::Invalid, "AUDIENCE_PERSONS", &message, "audience"))
            }
            AudienceKind::Persons => {
                let persons: Result<Vec<PersonId>, _> = persons.iter().map(|id| ids::read::<ids::Person>(id, "audience")).collect();
                Ok(Audience::persons(persons?))
            }
        }
    }
}

/// A clause of a charter. Give `text` if it is settled, or `toBeConfirmed` with a note of what is missing.
#[derive(Debug, Default, InputObject)]
pub struct ClauseInput {
    /// What it says, in Markdown.
    pub text: Option<String>,
    /// It is not settled yet: what is missing, such as “who”.
    pub to_be_confirmed: Option<String>,
}

impl ClauseInput {
    fn read(self, field: &str) -> Result<Clause, Stop> {
        match (self.text, self.to_be_confirmed) {
            (Some(text), None) => Ok(Clause::Stated(text)),
            (None, note) => Ok(Clause::ToBeConfirmed(note.unwrap_or_default())),
            (Some(_), Some(_)) => {
                let message = "A clause is settled or to be confirmed, not both: give “text” or “toBeConfirmed”.";
                Err(refuse(Kind::Invalid, "CLAUSE_AMBIGUOUS", message, field))
            }
        }
    }
}

/// A community's charter. A clause that is left out stays as it is; in a new charter it is to be confirmed.
#[derive(Debug, Default, InputObject)]
pub struct CharterInput {
    /// Why the community exists.
    pub purpose: Option<ClauseInput>,
    /// What it wants to reach.
    pub goals: Option<ClauseInput>,
    /// What it deals with.
    pub scope: Option<ClauseInput>,
    /// Who stands behind it.
    pub sponsor: Option<ClauseInput>,
    /// How it works: backlog, meetings, channels.
    pub format: Option<ClauseInput>,
    /// How often it meets.
    pub cadence: Option<ClauseInput>,
}

impl CharterInput {
    /// The whole charter: what is given, and the present one for the rest.
    pub(super) fn read(self, present: Charter) -> Result<Charter, Stop> {
        let clause = |given: Option<ClauseInput>, present: Clause, field: &str| match given {
            Some(given) => given.read(&format!("charter.{field}")),
            None => Ok(present),
        };
        Ok(Charter {
            purpose: clause(self.purpose, present.purpose, "purpose")?,
            goals: clause(self.goals, present.goals, "goals")?,
            scope: clause(self.scope, present.scope, "scope")?,
            sponsor: clause(self.sponsor, present.sponsor, "sponsor")?,
            format: clause(self.format, present.format, "format")?,
            cadence: clause(self.cadence, present.cadence, "cadence")?,
        })
    }
}
