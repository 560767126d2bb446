//! The table of authority: which standing allows which action. It is written down once, here.
//!
//! **To add a new action:** add a variant to [`Action`], list it in [`Action::ALL`], give it its row in
//! [`allowed`] and its words in [`Action::phrase`] (the compiler asks for both), and accept the changed
//! snapshot of the matrix.

use serde::{Deserialize, Serialize};
use std::fmt::Write as _;

/// How an actor stands towards what an action touches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Standing {
    /// The hub itself.
    System,
    /// A steward of the hub.
    Steward,
    /// An administrator of the organisation concerned.
    OrganisationAdmin,
    /// Someone of the same organisation.
    Colleague,
    /// A member of the team concerned.
    TeamMember,
    /// A coordinator of the community concerned.
    Coordinator,
    /// A core member of the community concerned.
    CoreMember,
    /// A member of the community concerned.
    Member,
    /// An interested party of the community concerned.
    InterestedParty,
    /// The person concerned, or the author.
    Oneself,
    /// Anyone signed in.
    Person,
}

impl Standing {
    /// Every standing, in the order of the matrix.
    pub const ALL: [Self; 11] = [
        Self::System,
        Self::Steward,
        Self::OrganisationAdmin,
        Self::Colleague,
        Self::TeamMember,
        Self::Coordinator,
        Self::CoreMember,
        Self::Member,
        Self::InterestedParty,
        Self::Oneself,
        Self::Person,
    ];

    /// The standing in words, as error messages use it.
    pub fn phrase(self) -> &'static str {
        match self {
            Self::System => "the hub itself",
            Self::Steward => "a hub steward",
            Self::OrganisationAdmin => "an administrator of the organisation",
            Self::Colleague => "a person of the organisation",
            Self::TeamMember => "a member of the team",
            Self::Coordinator => "a coordinator of the community",
            Self::CoreMember => "a core member of the community",
            Self::Member => "a member of the community",
            Self::InterestedParty => "an interested party of the community",
            Self::Oneself => "the person concerned or the author",
            Self::Person => "anyone signed in",
        }
    }
}

/// Something an actor may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Register an organisation.
    OrganisationRegister,
    /// Rename an organisation.
    OrganisationRename,
    /// Suspend or reinstate an organisation.
    OrganisationSuspend,
    /// Register, change, disable, enable or remove an identity provider.
    ProviderManage,
    /// Join the hub: only a verified sign-in, or an import, brings a person.
    PersonJoin,
    /// Change a profile.
    ProfileChange,
    /// Grant or revoke the role of organisation administrator.
    OrganisationAdminGrant,
    /// Grant or revoke the role of hub steward.
    StewardGrant,
    /// Suspend or reinstate a person.
    PersonSuspend,
    /// Erase a person.
    PersonErase,
    /// Issue an API token for oneself.
    TokenIssue,
    /// Revoke an API token.
    TokenRevoke,
    /// Form a team.
    TeamForm,
    /// Rename or disband a team, add and remove members.
    TeamManage,
    /// Found a community.
    CommunityFound,
    /// Amend a charter, open or close to joiners, archive.
    CommunityManage,
    /// Join a community.
    CommunityJoin,
    /// Leave a community.
    CommunityLeave,
    /// Change the kind of a membership, remove members, appoint coordinators.
    MembershipManage,
    /// Bring an organisation into a community, or take it out.
    CommunityOrganisationManage,
    /// Open, describe, reorder or close a category.
    CategoryManage,
    /// Open a thread.
    ThreadOpen,
    /// Open a thread in a category of announcements.
    AnnouncementOpen,
    /// Post in a thread, or reply to a post.
    ThreadReply,
    /// Post in a locked thread.
    LockedThreadReply,
    /// Edit a post or a title.
    PostEdit,
    /// Close or reopen a thread.
    ThreadClose,
    /// Lock or unlock a thread.
    ThreadLock,
    /// Mark or unmark a post as answer.
    AnswerMark,
    /// React to a post, upvote a thread or post, or take either back.
    PostReact,
    /// Bring in content that was written elsewhere, under its authors' names.
    ContentImport,
}

impl Action {
    /// Every action, in the order of the matrix.
    pub const ALL: [Self; 31] = [
        Self::OrganisationRegister,
        Self::OrganisationRename,
        Self::OrganisationSuspend,
        Self::ProviderManage,
        Self::PersonJoin,
        Self::ProfileChange,
        Self::OrganisationAdminGrant,
        Self::StewardGrant,
        Self::PersonSuspend,
        Self::PersonErase,
        Self::TokenIssue,
        Self::TokenRevoke,
        Self::TeamForm,
        Self::TeamManage,
        Self::CommunityFound,
        Self::CommunityManage,
        Self::CommunityJoin,
        Self::CommunityLeave,
        Self::MembershipManage,
        Self::CommunityOrganisationManage,
        Self::CategoryManage,
        Self::ThreadOpen,
        Self::AnnouncementOpen,
        Self::ThreadReply,
        Self::LockedThreadReply,
        Self::PostEdit,
        Self::ThreadClose,
        Self::ThreadLock,
        Self::AnswerMark,
        Self::PostReact,
        Self::ContentImport,
    ];

    /// Whether someone of this standing may do it.
    pub fn allows(self, standing: Standing) -> bool {
        standing == Standing::System || allowed(self).contains(&standing)
    }

    /// The action in words, to follow “may not”.
    pub fn phrase(self) -> &'static str {
        match self {
            Self::OrganisationRegister => "register an organisation",
            Self::OrganisationRename => "rename this organisation",
            Self::OrganisationSuspend => "suspend or reinstate an organisation",
            Self::ProviderManage => "manage the identity providers of this organisation",
            Self::PersonJoin => "bring a person into the hub",
            Self::ProfileChange => "change this profile",
            Self::OrganisationAdminGrant => "grant or revoke the role of organisation administrator here",
            Self::StewardGrant => "grant or revoke the role of hub steward",
            Self::PersonSuspend => "suspend or reinstate this person",
            Self::PersonErase => "erase this person",
            Self::TokenIssue => "issue an API token for this person",
            Self::TokenRevoke => "revoke this API token",
            Self::TeamForm => "form a team in this organisation",
            Self::TeamManage => "manage this team",
            Self::CommunityFound => "found a community for this organisation",
            Self::CommunityManage => "manage this community",
            Self::CommunityJoin => "join this community",
            Self::CommunityLeave => "end this membership",
            Self::MembershipManage => "manage the members of this community",
            Self::CommunityOrganisationManage => "manage the organisations of this community",
            Self::CategoryManage => "manage the categories of this community",
            Self::ThreadOpen => "open a thread in this community",
            Self::AnnouncementOpen => "open a thread among the announcements",
            Self::ThreadReply => "post in this thread",
            Self::LockedThreadReply => "post in a locked thread",
            Self::PostEdit => "edit this post",
            Self::ThreadClose => "close or reopen this thread",
            Self::ThreadLock => "lock or unlock this thread",
            Self::AnswerMark => "mark answers in this thread",
            Self::PostReact => "react in this thread",
            Self::ContentImport => "import content",
        }
    }
}

/// The standings that allow an action; the hub itself ([`Standing::System`]) is allowed everything.
pub fn allowed(action: Action) -> &'static [Standing] {
    use Standing::{Colleague, Coordinator, CoreMember, InterestedParty, Member, Oneself, OrganisationAdmin, Person, Steward, TeamMember};
    match action {
        Action::OrganisationRegister | Action::OrganisationSuspend | Action::StewardGrant => &[Steward],
        Action::OrganisationRename | Action::ProviderManage | Action::OrganisationAdminGrant | Action::PersonSuspend => {
            &[Steward, OrganisationAdmin]
        }
        Action::PersonJoin | Action::ContentImport => &[],
        Action::ProfileChange | Action::TokenIssue => &[Oneself],
        Action::PersonErase => &[Steward, Oneself],
        Action::TokenRevoke => &[Steward, OrganisationAdmin, Oneself],
        Action::TeamForm | Action::CommunityFound => &[OrganisationAdmin, Colleague],
        Action::TeamManage => &[OrganisationAdmin, TeamMember],
        Action::CommunityManage | Action::MembershipManage => &[Steward, OrganisationAdmin, Coordinator],
        Action::CommunityJoin => &[Person],
        Action::CommunityLeave => &[Steward, Coordinator, Oneself],
        Action::CommunityOrganisationManage => &[OrganisationAdmin, Coordinator],
        Action::CategoryManage | Action::AnnouncementOpen | Action::LockedThreadReply | Action::ThreadLock => &[Coordinator],
        Action::ThreadOpen | Action::ThreadReply | Action::PostReact => &[Coordinator, CoreMember, Member, InterestedParty],
        Action::PostEdit | Action::ThreadClose | Action::AnswerMark => &[Coordinator, Oneself],
    }
}

/// The actor may not do this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("You may not {}. It is open to: {}.", action.phrase(), open_to(*action))]
pub struct Denied {
    /// What was asked for.
    pub action: Action,
}

fn open_to(action: Action) -> String {
    let mut text = String::new();
    for standing in allowed(action) {
        if !text.is_empty() {
            text.push_str("; ");
        }
        text.push_str(standing.phrase());
    }
    if text.is_empty() {
        text.push_str(Standing::System.phrase());
    }
    text
}

/// The whole matrix as text, for documentation and for the snapshot test.
pub fn matrix() -> String {
    let mut text = String::new();
    for action in Action::ALL {
        let names: Vec<String> = Standing::ALL.iter().filter(|s| action.allows(**s)).map(|s| format!("{s:?}")).collect();
        let _ = writeln!(text, "{:<28} {}", format!("{action:?}"), names.join(" "));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_matrix() {
        insta::assert_snapshot!(matrix());
    }

    #[test]
    fn every_action_is_listed_once() {
        let listed: std::collections::BTreeSet<_> = Action::ALL.into_iter().collect();
        assert_eq!(listed.len(), Action::ALL.len());
        assert_eq!(Action::ALL.last(), listed.iter().last(), "Action::ALL follows the order of declaration to its end");
    }
}
