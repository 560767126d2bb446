//! What a command answered, whichever command it was.

use graphql_client::GraphQLQuery;
use serde::Deserialize;

/// A mutation: its document has one field, aliased to `outcome`.
pub(crate) trait Command: GraphQLQuery {
    /// What the answer says.
    fn outcome(data: Self::ResponseData) -> Outcome;
}

/// What a command answered.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Outcome {
    pub(crate) user_errors: Vec<UserError>,
    pub(crate) thread: Option<ThreadChanged>,
    pub(crate) post: Option<PostChanged>,
    pub(crate) community: Option<CommunityChanged>,
    /// The secret of a new API token: shown once.
    pub(crate) secret: Option<String>,
}

/// What was wrong with a command.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub(crate) struct UserError {
    #[serde(rename = "__typename")]
    pub(crate) kind: String,
    pub(crate) code: String,
    pub(crate) message: String,
    pub(crate) field: Option<String>,
}

/// The thread that a command changed.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ThreadChanged {
    pub(crate) id: String,
    pub(crate) reply_count: i64,
}

/// The post that a command changed.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct PostChanged {
    pub(crate) id: String,
}

/// The community that a command changed.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct CommunityChanged {
    pub(crate) slug: String,
}
