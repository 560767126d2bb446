//! What happens to categories.

use super::super::audience::Audience;
use super::super::enums::Format;
use super::super::ids::GlobalId;
use super::super::later::ReadLater;
use super::change::{Change, name, real};
use super::{Event, Happening, Setters};
use async_graphql::{MergedObject, SimpleObject};
use discussions::category::Event as Happened;
use kernel::CommunityId;

typed! {
    /// A category was opened.
    CategoryOpenedEvent(CategoryOpened {
        /// The category's community.
        community: ReadLater<CommunityId>,
        /// The address within the community.
        slug: String,
        /// The name that it was opened with.
        name: String,
        /// What belonged in it.
        description: String,
        /// What its threads are like.
        format: Format,
        /// Who may see what is in it.
        audience: Audience,
        /// Where it stood among the community's categories, from 0.
        place: i32,
    });
    /// A category's name or description changed.
    CategoryDescribedEvent(CategoryDescribed {
        /// The name that it has since.
        name: String,
        /// What belongs in it since.
        description: String,
    });
    /// A category stands elsewhere among its community's.
    CategoryReorderedEvent(CategoryReordered {
        /// Where it stands since, from 0.
        place: i32,
    });
    /// A category was closed: nothing new is opened in it.
    CategoryClosedEvent;
}

/// The event with its type.
pub(super) fn typed(of: Happening, event: &Happened) -> Event {
    match event {
        Happened::Opened { community, slug, name, description, format, audience, position } => {
            let details = CategoryOpened {
                community: ReadLater(*community),
                slug: slug.clone(),
                name: name.clone(),
                description: description.clone(),
                format: (*format).into(),
                audience: audience.clone().into(),
                place: i32::from(*position),
            };
            CategoryOpenedEvent(of, details).into()
        }
        Happened::Described { name, description } => {
            CategoryDescribedEvent(of, CategoryDescribed { name: name.clone(), description: description.clone() }).into()
        }
        Happened::Reordered { position } => CategoryReorderedEvent(of, CategoryReordered { place: i32::from(*position) }).into(),
        Happened::Closed => CategoryClosedEvent(of).into(),
    }
}

/// Which earlier events set what this one changes.
pub(super) fn setters(event: &Happened) -> Option<Setters> {
    match event {
        Happened::Described { .. } => Some(Setters::from_the_start(&["hub.discussions.category_described"])),
        Happened::Reordered { .. } => Some(Setters::from_the_start(&["hub.discussions.category_reordered"])),
        Happened::Opened { .. } | Happened::Closed => None,
    }
}

fn description_of(event: &Happened) -> Option<(&String, &String)> {
    if let Happened::Opened { name, description, .. } | Happened::Described { name, description } = event {
        Some((name, description))
    } else {
        None
    }
}

fn position_of(event: &Happened) -> Option<u16> {
    if let Happened::Opened { position, .. } | Happened::Reordered { position } = event { Some(*position) } else { None }
}

/// What this event changed, given the earlier event that set the same thing.
pub(super) fn changes(event: &Happened, before: Option<&Happened>) -> Vec<Change> {
    match event {
        Happened::Opened { community, slug, name: title, description, format, audience: _, position } => vec![
            Change::new("community", GlobalId::Community(*community).encode().0),
            Change::new("slug", slug),
            Change::new("name", title),
            Change::new("description", description),
            Change::new("format", name(&Format::from(*format))),
            Change::new("position", position.to_string()),
        ],
        Happened::Described { name, description } => {
            let before = before.and_then(description_of);
            real([
                Change::of("name", before.map(|before| before.0), Some(name)),
                Change::of("description", before.map(|before| before.1), Some(description)),
            ])
        }
        Happened::Reordered { position } => {
            let before = before.and_then(position_of).map(|before| before.to_string());
            real([Change::of("position", before, Some(position.to_string()))])
        }
        Happened::Closed => vec![Change::switched("closed", true)],
    }
}
