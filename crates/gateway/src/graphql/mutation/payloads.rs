//! What mutations answer: the changed thing as the viewer sees it now, or why nothing was changed.

use super::super::category::Category;
use super::super::community::Community;
use super::super::error::UserError;
use super::super::event::Told;
use super::super::later::ReadLater;
use super::super::organisation::Organisation;
use super::super::person::Person;
use super::super::post::Post;
use super::super::team::Team;
use super::super::thread::Thread;
use super::super::viewer::ApiToken;
use super::Payload;
use super::outcome::Done;
use crate::caller::ConsistencyToken;
use async_graphql::{ID, SimpleObject};

macro_rules! payloads {
    ($($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty),* $(,)? })*) => {$(
        $(#[$doc])*
        #[derive(SimpleObject)]
        pub struct $name {
            $($(#[$field_doc])* pub $field: Option<$type>,)*
            /// What happened by the command, in order: also when it is repeated. For a command that is only validated, what would happen;
            /// such events have no position. Empty if it was so already.
            pub events: ReadLater<Told>,
            /// Why nothing was changed; empty if it was done.
            pub user_errors: Vec<UserError>,
            /// Pass it along with later requests, in the header Hub-Consistency-Token, to be sure that they see this change.
            pub consistency_token: Option<String>,
        }

        impl Payload for $name {
            fn refused(error: UserError) -> Self {
                Self { $($field: None,)* events: ReadLater(Told::Nothing), user_errors: vec![error], consistency_token: None }
            }
        }

        impl $name {
            /// It was done, or would be.
            pub(super) fn done($($field: Option<$type>,)* done: Done) -> Self {
                let consistency_token = done.token.map(ConsistencyToken::encode);
                Self { $($field,)* events: ReadLater(done.events), user_errors: Vec::new(), consistency_token }
            }
        }
    )*};
}

payloads! {
    /// What a command to an organisation answers.
    OrganisationPayload {
        /// The organisation; null if you may not see it (any more), or if it does not show yet.
        organisation: Organisation,
    }
    /// What a command to a person answers.
    PersonPayload {
        /// The person; null if you may not see it (any more), or if it does not show yet.
        person: Person,
    }
    /// What a command to a team answers.
    TeamPayload {
        /// The team; null if you may not see it (any more), or if it does not show yet.
        team: Team,
    }
    /// What a command to a community answers.
    CommunityPayload {
        /// The community; null if you may not see it (any more), or if it does not show yet.
        community: Community,
    }
    /// What a command to a category answers.
    CategoryPayload {
        /// The category; null if you may not see it (any more), or if it does not show yet.
        category: Category,
    }
    /// What a command to a thread answers.
    ThreadPayload {
        /// The thread; null if you may not see it (any more), or if it does not show yet.
        thread: Thread,
        /// The post that was written, edited or marked.
        post: Post,
    }
    /// What issuing or revoking an API token answers.
    ApiTokenPayload {
        /// The token's secret. It is shown this once and kept nowhere: store it now. Null when the command is repeated; if the secret
        /// was lost, revoke the token and issue another.
        secret: String,
        /// The token.
        api_token: ApiToken,
    }
}

/// What ending a session answers.
#[derive(SimpleObject)]
pub struct SessionEndPayload {
    /// The session that was ended; null if that was only validated.
    pub ended_id: Option<ID>,
    /// Why nothing was changed; empty if it was done.
    pub user_errors: Vec<UserError>,
}

impl Payload for SessionEndPayload {
    fn refused(error: UserError) -> Self {
        Self { ended_id: None, user_errors: vec![error] }
    }
}
