//! Identifiers: one type for each kind of thing, so that a person is never taken for a thread.
//!
//! All are UUIDs of version 7 (RFC 9562), which sort by the time they were made.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use uuid::Uuid;

macro_rules! id {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// The identifier as a bare UUID, as columns and streams hold it.
            pub fn uuid(self) -> Uuid { self.0 }
        }
        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self { Self(id) }
        }
        impl From<$name> for Uuid {
            fn from(id: $name) -> Self { id.0 }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { self.0.fmt(f) }
        }
        impl FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> { text.parse().map(Self) }
        }
    )*};
}

id! {
    /// An organisation: a department, agency or company.
    OrganisationId,
    /// An identity provider of an organisation.
    ProviderId,
    /// A person, of whatever organisation.
    PersonId,
    /// A team within an organisation.
    TeamId,
    /// A community across organisations.
    CommunityId,
    /// A category of a community's discussions.
    CategoryId,
    /// A thread of discussion.
    ThreadId,
    /// A post in a thread; the opening post has an id too.
    PostId,
    /// An API token (not its secret).
    TokenId,
    /// An event in the log.
    EventId,
    /// A command, chosen by whoever sends it; sending it again changes nothing.
    CommandId,
}
