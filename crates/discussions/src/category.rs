//! A category of a community's discussions: its format and who may see what is in it.

use kernel::{Action, Actor, Aggregate, Audience, Claim, CommunityId, Denied, Kind, Scope, TextError, Timestamp, text};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

#[cfg(test)]
mod tests;

/// The space of claims that holds the slugs of categories, each with its community: `<community>/<slug>`.
pub const SLUG_SPACE: &str = "category_slug";

/// What threads of a category are like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Open-ended conversation.
    Open,
    /// Questions, whose answers can be marked.
    QuestionAndAnswer,
    /// Announcements: only coordinators open threads.
    Announcement,
    /// Polls.
    Poll,
    /// Ideas, ranked by upvotes.
    Idea,
}

/// What may be asked of a category.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Command {
    /// Open it.
    Open {
        /// Its community.
        community: CommunityId,
        /// Its address within the community, unique there.
        slug: String,
        /// Its name.
        name: String,
        /// What belongs in it.
        description: String,
        /// What its threads are like.
        format: Format,
        /// Who may see what is in it; not wider than the community's own audience.
        audience: Audience,
        /// The community's own audience, as the service looked it up.
        within: Audience,
        /// Where it stands among the community's categories, from 0.
        position: u16,
    },
    /// Change its name and description.
    Describe {
        /// Its name.
        name: String,
        /// What belongs in it.
        description: String,
    },
    /// Move it among the community's categories.
    Reorder {
        /// Its new place, from 0.
        position: u16,
    },
    /// Close it: what is there stays, nothing new is opened.
    Close,
}

/// What can happen to a category.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "type", content = "data", rename_all = "snake_case")]
pub enum Event {
    /// It was opened.
    Opened {
        /// Its community.
        community: CommunityId,
        /// Its address within the community.
        slug: String,
        /// Its name.
        name: String,
        /// What belongs in it.
        description: String,
        /// What its threads are like.
        format: Format,
        /// Who may see what is in it.
        audience: Audience,
        /// Where it stands, from 0.
        position: u16,
    },
    /// Its name and description changed.
    Described {
        /// Its name.
        name: String,
        /// What belongs in it.
        description: String,
    },
    /// It stands elsewhere.
    Reordered {
        /// Its place, from 0.
        position: u16,
    },
    /// It was closed.
    Closed,
}

/// Why a category refuses a command.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The actor may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// A text is not as it should be.
    #[error(transparent)]
    Text(#[from] TextError),
    /// It was never opened, or the actor may not see it.
    #[error("There is no such category. Check the address.")]
    NotFound,
    /// It was opened already.
    #[error("This category is open already. Describe it anew instead.")]
    AlreadyOpened,
    /// The audience names no one.
    #[error("“audience” names no one. Leave it out, or say who may see what is in the category.")]
    AudienceEmpty,
    /// The audience reaches further than the community's.
    #[error("“audience” reaches further than the community's own. Choose the community's audience or a part of it.")]
    AudienceTooWide,
}

impl kernel::Refusal for Refusal {
    fn code(&self) -> &'static str {
        match self {
            Self::Denied(_) => "DENIED",
            Self::Text(error) => error.code(),
            Self::NotFound => "CATEGORY_NOT_FOUND",
            Self::AlreadyOpened => "CATEGORY_EXISTS",
            Self::AudienceEmpty => "AUDIENCE_EMPTY",
            Self::AudienceTooWide => "AUDIENCE_TOO_WIDE",
        }
    }

    fn kind(&self) -> Kind {
        match self {
            Self::Denied(_) => Kind::Denied,
            Self::Text(_) | Self::AudienceEmpty | Self::AudienceTooWide => Kind::Invalid,
            Self::NotFound => Kind::NotFound,
            Self::AlreadyOpened => Kind::Conflict,
        }
    }

    fn field(&self) -> Option<&'static str> {
        match self {
            Self::Text(error) => Some(error.field()),
            Self::AudienceEmpty | Self::AudienceTooWide => Some("audience"),
            Self::Denied(_) | Self::NotFound | Self::AlreadyOpened => None,
        }
    }
}

/// A category as its events made it.
#[derive(Clone, Debug, Default)]
pub struct Category {
    opening: Option<Opening>,
    name: String,
    description: String,
    position: u16,
    closed: bool,
}

/// What a category was opened with, and keeps.
#[derive(Clone, Debug)]
struct Opening {
    community: CommunityId,
    slug: String,
    format: Format,
    audience: Audience,
}

impl Category {
    /// Its community; none before it was opened.
    pub fn community(&self) -> Option<CommunityId> {
        self.opening.as_ref().map(|opening| opening.community)
    }
    /// Its address within the community; none before it was opened.
    pub fn slug(&self) -> Option<&str> {
        self.opening.as_ref().map(|opening| opening.slug.as_str())
    }
    /// What its threads are like; none before it was opened.
    pub fn format(&self) -> Option<Format> {
        self.opening.as_ref().map(|opening| opening.format)
    }
    /// Who may see what is in it; none before it was opened.
    pub fn audience(&self) -> Option<&Audience> {
        self.opening.as_ref().map(|opening| &opening.audience)
    }
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }
    /// What belongs in it.
    pub fn description(&self) -> &str {
        &self.description
    }
    /// Where it stands among the community's categories, from 0.
    pub fn position(&self) -> u16 {
        self.position
    }
    /// Whether threads may be opened in it: it was opened and not closed.
    pub fn open(&self) -> bool {
        self.opening.is_some() && !self.closed
    }

    /// Who may not, and may not see the category either, learns nothing of it.
    fn manage(&self, by: &Actor) -> Result<(), Refusal> {
        let opening = self.opening.as_ref().ok_or(Refusal::NotFound)?;
        match by.may(Action::CategoryManage, &Scope::community(opening.community)) {
            Ok(()) => Ok(()),
            Err(denied) if by.sees(&opening.audience) => Err(denied.into()),
            Err(Denied { .. }) => Err(Refusal::NotFound),
        }
    }
}

impl Aggregate for Category {
    const CONTEXT: &'static str = "discussions";
    const NAME: &'static str = "category";
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn new(_id: Uuid) -> Self {
        Self::default()
    }

    fn decide(&self, command: Command, by: &Actor, _now: Timestamp) -> Result<Vec<Event>, Refusal> {
        match command {
            Command::Open { community, slug, name, description, format, audience, within, position } => {
                by.may(Action::CategoryManage, &Scope::community(community))?;
                if self.opening.is_some() {
                    return Err(Refusal::AlreadyOpened);
                }
                let slug = text::slug("slug", &slug)?;
                let name = text::line("name", &name, text::LINE)?;
                let description = text::optional("description", &description, 2_000)?;
                if audience.is_empty() {
                    return Err(Refusal::AudienceEmpty);
                }
                if !audience.stays_within(&within, community) {
                    return Err(Refusal::AudienceTooWide);
                }
                Ok(vec![Event::Opened { community, slug, name, description, format, audience, position }])
            }
            Command::Describe { name, description } => {
                self.manage(by)?;
                let name = text::line("name", &name, text::LINE)?;
                let description = text::optional("description", &description, 2_000)?;
                let same = name == self.name && description == self.description;
                Ok(if same { Vec::new() } else { vec![Event::Described { name, description }] })
            }
            Command::Reorder { position } => {
                self.manage(by)?;
                Ok(if position == self.position { Vec::new() } else { vec![Event::Reordered { position }] })
            }
            Command::Close => {
                self.manage(by)?;
                Ok(if self.closed { Vec::new() } else { vec![Event::Closed] })
            }
        }
    }

    fn apply(&mut self, event: &Event) {
        match event {
            Event::Opened { community, slug, name, description, format, audience, position } => {
                self.opening = Some(Opening { community: *community, slug: slug.clone(), format: *format, audience: audience.clone() });
                self.name.clone_from(name);
                self.description.clone_from(description);
                self.position = *position;
            }
            Event::Described { name, description } => {
                self.name.clone_from(name);
                self.description.clone_from(description);
            }
            Event::Reordered { position } => self.position = *position,
            Event::Closed => self.closed = true,
        }
    }

    fn claims(&self, event: &Event) -> Vec<Claim> {
        match event {
            Event::Opened { community, slug, .. } => {
                vec![Claim::Take { space: SLUG_SPACE, value: format!("{community}/{slug}") }]
            }
            Event::Described { .. } | Event::Reordered { .. } | Event::Closed => Vec::new(),
        }
    }
}
