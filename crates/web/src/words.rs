//! The schema's enumerations in words that people read, and small texts: initials, dates, counts.

use kernel::Timestamp;
use serde::{Deserialize, Serialize};

macro_rules! enumeration {
    ($(#[$doc:meta])* $name:ident { $($(#[$note:meta])* $variant:ident = $wire:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$note])* #[serde(rename = $wire)] $variant),*
        }

        impl $name {
            /// Every value, in the order of the schema.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The value as the schema and our forms write it.
            pub fn wire(self) -> &'static str {
                match self { $(Self::$variant => $wire),* }
            }

            /// The value that a form or an address names.
            pub fn parse(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|value| value.wire() == text)
            }
        }
    };
}

enumeration! {
    /// How a category's threads work.
    Format {
        /// Free discussion.
        Open = "OPEN",
        /// Questions, whose answers are marked.
        QuestionAndAnswer = "QUESTION_AND_ANSWER",
        /// Announcements.
        Announcement = "ANNOUNCEMENT",
        /// Polls.
        Poll = "POLL",
        /// Ideas, weighed by upvotes.
        Idea = "IDEA",
    }
}

enumeration! {
    /// How someone belongs to a community.
    MemberKind {
        /// One of a small circle.
        Core = "CORE",
        /// A member.
        Member = "MEMBER",
        /// Someone who follows.
        InterestedParty = "INTERESTED_PARTY",
    }
}

enumeration! {
    /// How far something is seen.
    Reach {
        /// By anyone.
        Public = "PUBLIC",
        /// By everyone signed in.
        Members = "MEMBERS",
        /// By some organisations or communities.
        Group = "GROUP",
        /// By named persons.
        Persons = "PERSONS",
    }
}

enumeration! {
    /// Why a thread was closed.
    CloseReason {
        /// It is done.
        Resolved = "RESOLVED",
        /// It no longer applies.
        Outdated = "OUTDATED",
        /// Another thread has it.
        Duplicate = "DUPLICATE",
    }
}

enumeration! {
    /// The order of threads.
    ThreadOrder {
        /// What moved last comes first.
        LatestActivity = "LATEST_ACTIVITY",
        /// What was opened last comes first.
        Newest = "NEWEST",
        /// What most people upvoted comes first.
        MostUpvoted = "MOST_UPVOTED",
    }
}

enumeration! {
    /// A reaction to a post.
    Reaction {
        /// Agreement.
        ThumbsUp = "THUMBS_UP",
        /// Disagreement.
        ThumbsDown = "THUMBS_DOWN",
        /// Laughter.
        Laugh = "LAUGH",
        /// Celebration.
        Hooray = "HOORAY",
        /// Confusion.
        Confused = "CONFUSED",
        /// Thanks.
        Heart = "HEART",
        /// Enthusiasm.
        Rocket = "ROCKET",
        /// Attention.
        Eyes = "EYES",
    }
}

enumeration! {
    /// What an API token may do.
    TokenScope {
        /// Read only.
        Read = "READ",
        /// Read and write.
        Write = "WRITE",
    }
}

enumeration! {
    /// A role given by name.
    GrantedRole {
        /// Administrator of the own organisation.
        OrganisationAdmin = "ORGANISATION_ADMIN",
        /// Steward of the hub.
        Steward = "STEWARD",
    }
}

impl Format {
    /// What threads of it are called.
    pub fn label(self) -> &'static str {
        match self {
            Self::Open => "Open discussion",
            Self::QuestionAndAnswer => "Questions and answers",
            Self::Announcement => "Announcements",
            Self::Poll => "Poll",
            Self::Idea => "Ideas",
        }
    }

    /// What it means for someone about to write.
    pub fn explanation(self) -> &'static str {
        match self {
            Self::Open => "Talk freely. There is no right answer.",
            Self::QuestionAndAnswer => "Ask something. You can mark the replies that answer it.",
            Self::Announcement => "News from the coordinators. Everyone can reply.",
            Self::Poll => "Ask people to choose, by replies and reactions.",
            Self::Idea => "Suggest something. People upvote what they would like to see.",
        }
    }

    /// Whether its threads have answers.
    pub fn has_answers(self) -> bool {
        self == Self::QuestionAndAnswer
    }
}

impl MemberKind {
    /// In words.
    pub fn label(self) -> &'static str {
        match self {
            Self::Core => "Core member",
            Self::Member => "Member",
            Self::InterestedParty => "Interested party",
        }
    }
}

impl Reach {
    /// A short word for a badge.
    pub fn label(self) -> &'static str {
        match self {
            Self::Public => "Public",
            Self::Members => "Signed-in people",
            Self::Group => "Restricted",
            Self::Persons => "Named people",
        }
    }

    /// Whether a badge is worth showing: what anyone sees needs none.
    pub fn is_limited(self) -> bool {
        self != Self::Public
    }
}

impl CloseReason {
    /// In a word.
    pub fn label(self) -> &'static str {
        match self {
            Self::Resolved => "resolved",
            Self::Outdated => "outdated",
            Self::Duplicate => "duplicate",
        }
    }

    /// As a choice in a form.
    pub fn choice(self) -> &'static str {
        match self {
            Self::Resolved => "Resolved: it is done",
            Self::Outdated => "Outdated: it no longer applies",
            Self::Duplicate => "Duplicate: it is discussed elsewhere",
        }
    }
}

impl ThreadOrder {
    /// As an address has it; the usual order needs no word.
    pub fn word(self) -> &'static str {
        match self {
            Self::LatestActivity => "",
            Self::Newest => "newest",
            Self::MostUpvoted => "upvotes",
        }
    }

    /// As a choice in a form.
    pub fn label(self) -> &'static str {
        match self {
            Self::LatestActivity => "Latest activity",
            Self::Newest => "Newest",
            Self::MostUpvoted => "Most upvoted",
        }
    }
}

impl Reaction {
    /// The sign that is shown, by its id on the page.
    pub fn icon(self) -> &'static str {
        match self {
            Self::ThumbsUp => "r-thumbs-up",
            Self::ThumbsDown => "r-thumbs-down",
            Self::Laugh => "r-laugh",
            Self::Hooray => "r-hooray",
            Self::Confused => "r-confused",
            Self::Heart => "r-heart",
            Self::Rocket => "r-rocket",
            Self::Eyes => "r-eyes",
        }
    }

    /// The sign in words, for those who hear the page.
    pub fn label(self) -> &'static str {
        match self {
            Self::ThumbsUp => "Thumbs up",
            Self::ThumbsDown => "Thumbs down",
            Self::Laugh => "Laugh",
            Self::Hooray => "Hooray",
            Self::Confused => "Confused",
            Self::Heart => "Heart",
            Self::Rocket => "Rocket",
            Self::Eyes => "Eyes",
        }
    }
}

impl TokenScope {
    /// In words.
    pub fn label(self) -> &'static str {
        match self {
            Self::Read => "Read only",
            Self::Write => "Read and write",
        }
    }
}

impl GrantedRole {
    /// In words.
    pub fn label(self) -> &'static str {
        match self {
            Self::OrganisationAdmin => "Organisation administrator",
            Self::Steward => "Hub steward",
        }
    }
}

/// What happened, from an event's name on the wire: `hub.discussions.thread_post_edited.v1` reads “Thread post edited”.
pub fn happened(wire: &str) -> String {
    let name = wire.rsplit('.').find(|part| !is_version(part)).unwrap_or(wire);
    let mut letters = name.chars().map(|letter| if letter == '_' { ' ' } else { letter });
    letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect()
}

fn is_version(part: &str) -> bool {
    part.strip_prefix('v').is_some_and(|number| number.parse::<u16>().is_ok())
}

/// The name of a field as people write it: `closeReason` reads “Close reason”.
pub fn spaced(name: &str) -> String {
    let mut text = String::with_capacity(name.len() + 4);
    for (at, letter) in name.char_indices() {
        match letter {
            _ if at == 0 => text.extend(letter.to_uppercase()),
            _ if letter.is_uppercase() => {
                text.push(' ');
                text.extend(letter.to_lowercase());
            }
            _ => text.push(letter),
        }
    }
    text
}

/// Up to two initials of a name: of the first word and the last.
pub fn initials(name: &str) -> String {
    let mut words = name.split_whitespace().filter_map(|word| word.chars().find(|c| c.is_alphanumeric()));
    let first = words.next();
    let last = words.next_back();
    let initials: String = first.into_iter().chain(last).flat_map(char::to_uppercase).collect();
    if initials.is_empty() { "?".to_owned() } else { initials }
}

/// Whether a name says no more than the organisation: strangers read “A member of …” where others read who it was.
pub fn stands_for(name: &str, organisation: &str) -> bool {
    name.ends_with(organisation)
}

/// The class that colours whatever belongs to an organisation: one of eight, the same on every page.
pub fn accent(slug: &str) -> &'static str {
    const CLASSES: [&str; 8] = ["accent-1", "accent-2", "accent-3", "accent-4", "accent-5", "accent-6", "accent-7", "accent-8"];
    let sum = slug.bytes().fold(0usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(usize::from(byte)));
    CLASSES[sum % CLASSES.len()]
}

/// A moment for people: `21 November 2026, 14:03 UTC`. A script turns it into the reader's own zone.
pub fn moment(at: &Timestamp) -> String {
    at.format("%-d %B %Y, %H:%M UTC").to_string()
}

/// The same, shorter, for lists: `21 Nov 2026, 14:03 UTC`.
pub fn brief(at: &Timestamp) -> String {
    at.format("%-d %b %Y, %H:%M UTC").to_string()
}

/// A moment for machines, as `datetime` attributes take it.
pub fn machine(at: &Timestamp) -> String {
    at.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// A day: `21 November 2026`.
pub fn day(at: &Timestamp) -> String {
    at.format("%-d %B %Y").to_string()
}

/// A count with its noun: `1 reply`, `2 replies`, `no replies`.
pub fn count(number: &i64, one: &str, many: &str) -> String {
    match number {
        0 => format!("no {many}"),
        1 => format!("1 {one}"),
        _ => format!("{number} {many}"),
    }
}

/// How many organisations take part: `1 organisation`, `3 organisations`.
pub fn organisations(number: usize) -> String {
    if number == 1 { "1 organisation".to_owned() } else { format!("{number} organisations") }
}

/// A browser as its owner recognises it: `Firefox on Linux`.
pub fn browser(user_agent: &str) -> String {
    // The order matters: browsers claim to be those that came before them.
    let name = [("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari")];
    let system =
        [("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Windows", "Windows"), ("Mac OS X", "macOS"), ("Linux", "Linux")];
    let find = |table: &[(&str, &'static str)]| table.iter().find(|(mark, _)| user_agent.contains(mark)).map(|(_, word)| *word);
    match (find(&name), find(&system)) {
        (Some(name), Some(system)) => format!("{name} on {system}"),
        (Some(name), None) => name.to_owned(),
        (None, Some(system)) => format!("A browser on {system}"),
        (None, None) if user_agent.trim().is_empty() => "A browser that did not say its name".to_owned(),
        (None, None) => user_agent.chars().take(60).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn initials_are_of_the_first_and_the_last_word() {
        assert_eq!(initials("Amira Okafor"), "AO");
        assert_eq!(initials("Jean van der Berg"), "JB");
        assert_eq!(initials("  élodie "), "É");
        assert_eq!(initials("  "), "?");
    }

    #[test]
    fn what_happened_is_read_from_its_name() {
        assert_eq!(happened("hub.discussions.thread_post_edited.v1"), "Thread post edited");
        assert_eq!(happened("hub.organisations.team_formed.v12"), "Team formed");
        assert_eq!(happened("odd"), "Odd");
        assert_eq!(spaced("closeReason"), "Close reason");
        assert_eq!(spaced("title"), "Title");
    }

    #[test]
    fn counts_are_said_as_people_say_them() {
        assert_eq!(count(&0, "reply", "replies"), "no replies");
        assert_eq!(count(&1, "reply", "replies"), "1 reply");
        assert_eq!(count(&7, "reply", "replies"), "7 replies");
    }

    #[test]
    fn browsers_are_told_apart() {
        assert_eq!(browser("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"), "Firefox on Linux");
        assert_eq!(browser("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/130.0 Safari/537.36 Edg/130.0"), "Edge on Windows");
        assert_eq!(browser("curl/8.0"), "curl/8.0");
        assert_eq!(browser(""), "A browser that did not say its name");
    }

    #[test]
    fn every_value_is_read_as_it_is_written() {
        for value in Reaction::ALL {
            assert_eq!(Reaction::parse(value.wire()), Some(*value));
        }
        assert_eq!(Format::parse("open"), None);
    }
}
