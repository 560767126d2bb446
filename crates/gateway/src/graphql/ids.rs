//! Global ids: opaque to clients, a type and its UUID within.
//!
//! **To add a type that has an id:** give it a variant and a tag in [`GlobalId`]; the compiler names the rest.

use super::error::UserError;
use async_graphql::ID;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kernel::{CategoryId, CommunityId, EventId, OrganisationId, PersonId, PostId, ProviderId, TeamId, ThreadId, TokenId};
use uuid::Uuid;

/// The id of anything that the API shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GlobalId {
    /// An organisation.
    Organisation(OrganisationId),
    /// An identity provider.
    Provider(ProviderId),
    /// A person.
    Person(PersonId),
    /// A team.
    Team(TeamId),
    /// A community.
    Community(CommunityId),
    /// A category.
    Category(CategoryId),
    /// A thread.
    Thread(ThreadId),
    /// A post, and the thread that it stands in.
    Post(ThreadId, PostId),
    /// A session of the viewer.
    Session(Uuid),
    /// An API token of the viewer.
    Token(TokenId),
    /// Something that happened.
    Event(EventId),
}

/// The text is no id of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("This is no id of this hub. Take ids from the API's answers, unchanged.")]
pub struct NoId;

impl GlobalId {
    fn tag(self) -> u8 {
        match self {
            Self::Organisation(_) => 1,
            Self::Provider(_) => 2,
            Self::Person(_) => 3,
            Self::Team(_) => 4,
            Self::Community(_) => 5,
            Self::Category(_) => 6,
            Self::Thread(_) => 7,
            Self::Post(..) => 8,
            Self::Session(_) => 9,
            Self::Token(_) => 10,
            Self::Event(_) => 11,
        }
    }

    /// What kind of thing it is, in words.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Organisation(_) => Organisation::KIND,
            Self::Provider(_) => Provider::KIND,
            Self::Person(_) => Person::KIND,
            Self::Team(_) => Team::KIND,
            Self::Community(_) => Community::KIND,
            Self::Category(_) => Category::KIND,
            Self::Thread(_) => Thread::KIND,
            Self::Post(..) => Post::KIND,
            Self::Session(_) => Session::KIND,
            Self::Token(_) => Token::KIND,
            Self::Event(_) => "event",
        }
    }

    /// The id as clients hold it.
    pub fn encode(self) -> ID {
        let mut bytes = Vec::with_capacity(33);
        bytes.push(self.tag());
        match self {
            Self::Post(thread, post) => {
                bytes.extend_from_slice(thread.0.as_bytes());
                bytes.extend_from_slice(post.0.as_bytes());
            }
            Self::Organisation(OrganisationId(id))
            | Self::Provider(ProviderId(id))
            | Self::Person(PersonId(id))
            | Self::Team(TeamId(id))
            | Self::Community(CommunityId(id))
            | Self::Category(CategoryId(id))
            | Self::Thread(ThreadId(id))
            | Self::Session(id)
            | Self::Token(TokenId(id))
            | Self::Event(EventId(id)) => bytes.extend_from_slice(id.as_bytes()),
        }
        ID(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// What a client's id means.
    ///
    /// # Errors
    /// [`NoId`]: it did not come from this hub.
    pub fn decode(id: &ID) -> Result<Self, NoId> {
        // The longest is 33 bytes, 44 characters; what is longer is not worth decoding.
        let bytes = if id.len() <= 44 { URL_SAFE_NO_PAD.decode(id.as_bytes()).map_err(|_| NoId)? } else { return Err(NoId) };
        let (tag, rest) = bytes.split_first().ok_or(NoId)?;
        if *tag == 8 {
            let (thread, post) = rest.split_at_checked(16).ok_or(NoId)?;
            return Ok(Self::Post(uuid(thread)?.into(), uuid(post)?.into()));
        }
        let id = uuid(rest)?;
        match tag {
            1 => Ok(Self::Organisation(id.into())),
            2 => Ok(Self::Provider(id.into())),
            3 => Ok(Self::Person(id.into())),
            4 => Ok(Self::Team(id.into())),
            5 => Ok(Self::Community(id.into())),
            6 => Ok(Self::Category(id.into())),
            7 => Ok(Self::Thread(id.into())),
            9 => Ok(Self::Session(id)),
            10 => Ok(Self::Token(id.into())),
            11 => Ok(Self::Event(id.into())),
            _ => Err(NoId),
        }
    }
}

fn uuid(bytes: &[u8]) -> Result<Uuid, NoId> {
    Uuid::from_slice(bytes).map_err(|_| NoId)
}

/// A kind of thing that a client may name by its id.
pub trait Named: Sized {
    /// Its kind, in words.
    const KIND: &'static str;
    /// What the id carries.
    type Inner;
    /// The inner id, if the global id is of this kind.
    fn from_global(id: GlobalId) -> Option<Self::Inner>;
}

macro_rules! named {
    ($($(#[$doc:meta])* $name:ident: $kind:literal, $pattern:pat => $value:expr, $inner:ty;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub struct $name;
        impl Named for $name {
            const KIND: &'static str = $kind;
            type Inner = $inner;
            fn from_global(id: GlobalId) -> Option<$inner> {
                if let $pattern = id { Some($value) } else { None }
            }
        }
    )*};
}

named! {
    /// Ids of organisations.
    Organisation: "organisation", GlobalId::Organisation(id) => id, OrganisationId;
    /// Ids of identity providers.
    Provider: "identity provider", GlobalId::Provider(id) => id, ProviderId;
    /// Ids of persons.
    Person: "person", GlobalId::Person(id) => id, PersonId;
    /// Ids of teams.
    Team: "team", GlobalId::Team(id) => id, TeamId;
    /// Ids of communities.
    Community: "community", GlobalId::Community(id) => id, CommunityId;
    /// Ids of categories.
    Category: "category", GlobalId::Category(id) => id, CategoryId;
    /// Ids of threads.
    Thread: "thread", GlobalId::Thread(id) => id, ThreadId;
    /// Ids of posts, each with its thread.
    Post: "post", GlobalId::Post(thread, post) => (thread, post), (ThreadId, PostId);
    /// Ids of sessions.
    Session: "session", GlobalId::Session(id) => id, Uuid;
    /// Ids of API tokens.
    Token: "API token", GlobalId::Token(id) => id, TokenId;
}

/// Reads an id of one kind from an input field.
///
/// # Errors
/// The user error `INVALID_ID`, which names the field.
pub fn read<K: Named>(id: &ID, field: &str) -> Result<K::Inner, UserError> {
    let decoded = GlobalId::decode(id).map_err(|error| UserError::invalid("INVALID_ID", error.to_string(), field))?;
    K::from_global(decoded).ok_or_else(|| {
        let message = format!("This is the id of a {}; “{field}” takes the id of a {}.", decoded.kind(), K::KIND);
        UserError::invalid("INVALID_ID", message, field)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn global_id() -> impl Strategy<Value = GlobalId> {
        (1u8..=11, any::<u128>(), any::<u128>()).prop_map(|(tag, one, other)| {
            let id = Uuid::from_u128(one);
            match tag {
                1 => GlobalId::Organisation(id.into()),
                2 => GlobalId::Provider(id.into()),
                3 => GlobalId::Person(id.into()),
                4 => GlobalId::Team(id.into()),
                5 => GlobalId::Community(id.into()),
                6 => GlobalId::Category(id.into()),
                7 => GlobalId::Thread(id.into()),
                8 => GlobalId::Post(id.into(), Uuid::from_u128(other).into()),
                9 => GlobalId::Session(id),
                10 => GlobalId::Token(id.into()),
                _ => GlobalId::Event(id.into()),
            }
        })
    }

    proptest! {
        #[test]
        fn an_id_survives_its_text(id in global_id()) {
            prop_assert_eq!(GlobalId::decode(&id.encode()), Ok(id));
        }

        #[test]
        fn any_text_is_read_without_a_panic_and_only_one_text_means_a_thing(text in "\\PC{0,60}") {
            if let Ok(id) = GlobalId::decode(&ID(text.clone())) {
                prop_assert_eq!(id.encode().0, text);
            }
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let text = URL_SAFE_NO_PAD.encode(bytes);
            if let Ok(id) = GlobalId::decode(&ID(text.clone())) {
                prop_assert_eq!(id.encode().0, text);
            }
        }
    }

    #[test]
    fn an_id_of_another_kind_is_named_as_such() {
        let id = GlobalId::Team(Uuid::from_u128(7).into()).encode();
        let error = read::<Thread>(&id, "thread").unwrap_err();
        assert_eq!((error.as_code(), error.as_field()), ("INVALID_ID", Some("thread")));
        assert!(error.as_message().contains("the id of a team"), "{}", error.as_message());
    }
}
