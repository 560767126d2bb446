//! The GraphQL documents behind the pages, held against the schema when this crate compiles.
//!
//! **To add a page:** put its document into `graphql/`, name its operation here, and give it a template and a handler in
//! `pages/`. **To add a command:** put its mutation into `graphql/commands/` with its field aliased to `outcome`, and name it here.
#![allow(unreachable_pub, clippy::pedantic, clippy::upper_case_acronyms, missing_docs, reason = "the derive writes these modules")]

use crate::outcome::{Command, Outcome};
use crate::words::{CloseReason, Format, GrantedRole, MemberKind, Reach, Reaction, ThreadOrder, TokenScope};
use graphql_client::GraphQLQuery;

type DateTime = kernel::Timestamp;
type UUID = uuid::Uuid;

macro_rules! pages {
    ($($name:ident = $file:tt),* $(,)?) => {$(
        #[derive(GraphQLQuery)]
        #[graphql(
            schema_path = "../../schema.graphql",
            query_path = $file,
            response_derives = "Debug, Clone",
            fragments_other_variant,
            extern_enums("CloseReason", "Format", "GrantedRole", "MemberKind", "Reach", "Reaction", "ThreadOrder", "TokenScope"),
        )]
        pub(crate) struct $name;
    )*};
}

macro_rules! commands {
    ($($name:ident = $file:tt),* $(,)?) => {$(
        #[derive(GraphQLQuery)]
        #[graphql(
            schema_path = "../../schema.graphql",
            query_path = $file,
            response_type = "crate::outcome::Outcome",
            skip_serializing_none,
            extern_enums("CloseReason", "Format", "MemberKind", "Reaction", "TokenScope"),
        )]
        pub(crate) struct $name;

        impl Command for $name {
            fn outcome(data: Self::ResponseData) -> Outcome {
                data.outcome
            }
        }
    )*};
}

pages! {
    CategoryOpenPage = "graphql/category_open_page.graphql",
    CommunitiesPage = "graphql/communities_page.graphql",
    CommunityPage = "graphql/community_page.graphql",
    DiscussionsPage = "graphql/discussions_page.graphql",
    HistoryPage = "graphql/history_page.graphql",
    HomePage = "graphql/home_page.graphql",
    OrganisationPage = "graphql/organisation_page.graphql",
    PersonPage = "graphql/person_page.graphql",
    PostPage = "graphql/post_page.graphql",
    PreviewFragment = "graphql/preview_fragment.graphql",
    ProfilePage = "graphql/profile_page.graphql",
    RecordPage = "graphql/record_page.graphql",
    SignInPage = "graphql/sign_in_page.graphql",
    ThreadOpenPage = "graphql/thread_open_page.graphql",
    ThreadPage = "graphql/thread_page.graphql",
    ViewerPage = "graphql/viewer_page.graphql",
}

commands! {
    ApiTokenIssue = "graphql/commands/api_token_issue.graphql",
    ApiTokenRevoke = "graphql/commands/api_token_revoke.graphql",
    CategoryOpen = "graphql/commands/category_open.graphql",
    CommunityFound = "graphql/commands/community_found.graphql",
    CommunityJoin = "graphql/commands/community_join.graphql",
    CommunityLeave = "graphql/commands/community_leave.graphql",
    PostEdit = "graphql/commands/post_edit.graphql",
    PostMarkAnswer = "graphql/commands/post_mark_answer.graphql",
    PostReact = "graphql/commands/post_react.graphql",
    PostReactionWithdraw = "graphql/commands/post_reaction_withdraw.graphql",
    PostUnmarkAnswer = "graphql/commands/post_unmark_answer.graphql",
    PostUpvote = "graphql/commands/post_upvote.graphql",
    PostUpvoteWithdraw = "graphql/commands/post_upvote_withdraw.graphql",
    ProfileChange = "graphql/commands/profile_change.graphql",
    SessionEnd = "graphql/commands/session_end.graphql",
    ThreadClose = "graphql/commands/thread_close.graphql",
    ThreadLock = "graphql/commands/thread_lock.graphql",
    ThreadOpen = "graphql/commands/thread_open.graphql",
    ThreadReopen = "graphql/commands/thread_reopen.graphql",
    ThreadReply = "graphql/commands/thread_reply.graphql",
    ThreadRetitle = "graphql/commands/thread_retitle.graphql",
    ThreadUnlock = "graphql/commands/thread_unlock.graphql",
}
