//! The short name of each event, without writing the event out.

use crate::HubEvent;
use crate::wire::{WIRES, Wire};
use communities::community;
use discussions::{category, thread};
use organisations::{organisation, person, team};

impl HubEvent {
    /// What happened, as wire names carry it: `opened`.
    pub fn tag(&self) -> &'static str {
        match self {
            Self::Organisation(event) => match event {
                organisation::Event::Registered { .. } => "registered",
                organisation::Event::Renamed { .. } => "renamed",
                organisation::Event::Suspended { .. } => "suspended",
                organisation::Event::Reinstated => "reinstated",
                organisation::Event::ProviderRegistered { .. } => "provider_registered",
                organisation::Event::ProviderDisabled { .. } => "provider_disabled",
                organisation::Event::ProviderEnabled { .. } => "provider_enabled",
                organisation::Event::ProviderRemoved { .. } => "provider_removed",
            },
            Self::Person(event) => match event {
                person::Event::Joined { .. } => "joined",
                person::Event::PlaceholderCreated { .. } => "placeholder_created",
                person::Event::ProfileChanged { .. } => "profile_changed",
                person::Event::RoleGranted { .. } => "role_granted",
                person::Event::RoleRevoked { .. } => "role_revoked",
                person::Event::Suspended { .. } => "suspended",
                person::Event::Reinstated => "reinstated",
                person::Event::TokenIssued { .. } => "token_issued",
                person::Event::TokenRevoked { .. } => "token_revoked",
                person::Event::Erased => "erased",
            },
            Self::Team(event) => match event {
                team::Event::Formed { .. } => "formed",
                team::Event::Renamed { .. } => "renamed",
                team::Event::MemberAdded { .. } => "member_added",
                team::Event::MemberRemoved { .. } => "member_removed",
                team::Event::Disbanded => "disbanded",
            },
            Self::Community(event) => match event {
                community::Event::Founded { .. } => "founded",
                community::Event::CharterAmended { .. } => "charter_amended",
                community::Event::OpenedToJoiners => "opened_to_joiners",
                community::Event::ClosedToJoiners => "closed_to_joiners",
                community::Event::OrganisationJoined { .. } => "organisation_joined",
                community::Event::OrganisationLeft { .. } => "organisation_left",
                community::Event::MemberJoined { .. } => "member_joined",
                community::Event::MemberLeft { .. } => "member_left",
                community::Event::MemberKindChanged { .. } => "member_kind_changed",
                community::Event::CoordinatorAppointed { .. } => "coordinator_appointed",
                community::Event::CoordinatorReleased { .. } => "coordinator_released",
                community::Event::Archived { .. } => "archived",
            },
            Self::Category(event) => match event {
                category::Event::Opened { .. } => "opened",
                category::Event::Described { .. } => "described",
                category::Event::Reordered { .. } => "reordered",
                category::Event::Closed => "closed",
            },
            Self::Thread(event) => match event {
                thread::Event::Opened { .. } => "opened",
                thread::Event::Replied { .. } => "replied",
                thread::Event::Retitled { .. } => "retitled",
                thread::Event::PostEdited { .. } => "post_edited",
                thread::Event::Locked => "locked",
                thread::Event::Unlocked => "unlocked",
                thread::Event::Closed { .. } => "closed",
                thread::Event::Reopened => "reopened",
                thread::Event::AnswerMarked { .. } => "answer_marked",
                thread::Event::AnswerUnmarked { .. } => "answer_unmarked",
                thread::Event::Reacted { .. } => "reacted",
                thread::Event::ReactionWithdrawn { .. } => "reaction_withdrawn",
                thread::Event::Upvoted { .. } => "upvoted",
                thread::Event::UpvoteWithdrawn { .. } => "upvote_withdrawn",
            },
        }
    }

    /// Its name and version on the wire.
    ///
    /// # Panics
    /// Never: every event has a row in [`WIRES`]; a test holds it over every event.
    pub fn wire(&self) -> &'static Wire {
        let (context, aggregate, event) = (self.context(), self.aggregate(), self.tag());
        let row = WIRES.iter().find(|wire| wire.event == event && wire.aggregate == aggregate && wire.context == context);
        row.expect("every event has a row in WIRES")
    }
}

#[cfg(test)]
mod tests {
    use crate::samples;

    #[test]
    fn the_short_name_is_the_one_that_is_written() {
        for event in samples() {
            let payload = event.to_payload();
            assert_eq!((event.wire().kind(), event.wire().version), (payload.kind, payload.schema), "{event:?}");
        }
    }
}
