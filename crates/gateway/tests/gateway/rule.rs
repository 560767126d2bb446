//! The rule of visibility for events, in plain Rust over the whole log: what is shown to whom, and where it belongs.

use communities::community;
use discussions::{category, thread};
use events::HubEvent;
use gateway::live::Subject;
use kernel::{Audience, CommunityId, PersonId, Recorded, Token, Viewer, Who};
use organisations::{person, team};
use std::collections::{HashMap, HashSet};
use store::Log;
use uuid::Uuid;

/// An event, and what the rule says of it.
struct Ruled {
    position: u64,
    audience: Audience,
    community: Option<CommunityId>,
    thread: Option<Uuid>,
    concerned: HashSet<PersonId>,
}

/// The whole log, ruled.
pub(crate) struct Rule(Vec<Ruled>);

/// What was so far.
#[derive(Default)]
struct Known {
    audiences: HashMap<Uuid, Audience>,
    communities: HashMap<Uuid, CommunityId>,
    participants: HashMap<Uuid, HashSet<PersonId>>,
    teams: HashMap<Uuid, HashSet<PersonId>>,
}

impl Rule {
    pub(crate) async fn read(log: &Log) -> Self {
        let (mut known, mut ruled) = (Known::default(), Vec::new());
        for payload in log.read(0, 1_000_000).await.unwrap() {
            let recorded = events::decode(payload).unwrap();
            ruled.push(known.rule(&recorded));
        }
        Self(ruled)
    }

    /// The positions that a viewer is shown who follows this.
    pub(crate) fn shown(&self, viewer: &Viewer, subject: Subject) -> Vec<u64> {
        let belongs = |ruled: &&Ruled| match subject {
            Subject::Thread(thread) => ruled.thread == Some(thread.uuid()),
            Subject::Community(community) => ruled.community == Some(community),
            Subject::Inbox(person) => ruled.concerned.contains(&person),
            Subject::Everything => true,
        };
        self.0.iter().filter(belongs).filter(|ruled| viewer.sees(&ruled.audience)).map(|ruled| ruled.position).collect()
    }
}

impl Known {
    #[allow(clippy::too_many_lines, reason = "one arm for each event: the whole rule at a glance")]
    fn rule(&mut self, recorded: &Recorded<HubEvent>) -> Ruled {
        let id = recorded.stream.id;
        let actor = match recorded.meta.actor {
            Who::Person(person) => Some(person),
            Who::System(_) => None,
        };
        let mut concerned = HashSet::new();
        let (mut community, mut thread) = (None, None);
        let audience;
        match &recorded.event {
            HubEvent::Organisation(_) => audience = Audience::public(),
            HubEvent::Person(event) => match event {
                person::Event::Joined { .. } | person::Event::Suspended { .. } | person::Event::Reinstated | person::Event::Erased => {
                    audience = Audience::members();
                    if matches!(event, person::Event::Suspended { .. } | person::Event::Reinstated) {
                        concerned.insert(PersonId(id));
                    }
                }
                person::Event::PlaceholderCreated { .. } => audience = Audience::public(),
                person::Event::ProfileChanged { .. }
                | person::Event::TokenIssued { .. }
                | person::Event::TokenRevoked { .. }
                | person::Event::RoleGranted { .. }
                | person::Event::RoleRevoked { .. } => {
                    audience = Audience::of([Token::Person(PersonId(id))].into_iter().chain(actor.map(Token::Person)));
                    if matches!(event, person::Event::RoleGranted { .. } | person::Event::RoleRevoked { .. }) {
                        concerned.insert(PersonId(id));
                    }
                }
            },
            HubEvent::Team(event) => {
                audience = Audience::members();
                let members = self.teams.entry(id).or_default();
                match event {
                    team::Event::MemberAdded { person } => {
                        members.insert(*person);
                        concerned.insert(*person);
                    }
                    team::Event::MemberRemoved { person } => {
                        members.remove(person);
                        concerned.insert(*person);
                    }
                    team::Event::Disbanded => concerned.clone_from(members),
                    team::Event::Formed { .. } | team::Event::Renamed { .. } => {}
                }
            }
            HubEvent::Community(event) => {
                community = Some(CommunityId(id));
                if let community::Event::Founded { audience, .. } = event {
                    self.audiences.insert(id, audience.clone());
                }
                let whole = self.audiences[&id].clone();
                audience = match event {
                    community::Event::MemberJoined { person, .. }
                    | community::Event::MemberLeft { person }
                    | community::Event::MemberKindChanged { person, .. } => {
                        concerned.insert(*person);
                        // Persons who joined are seen by everyone who is signed in.
                        let signed_in = whole.tokens().map(|token| if token == Token::Public { Token::Members } else { token });
                        Audience::of(signed_in.chain([Token::Person(*person)]))
                    }
                    community::Event::CoordinatorAppointed { person } | community::Event::CoordinatorReleased { person } => {
                        concerned.insert(*person);
                        whole
                    }
                    community::Event::Founded { .. }
                    | community::Event::CharterAmended { .. }
                    | community::Event::OpenedToJoiners
                    | community::Event::ClosedToJoiners
                    | community::Event::OrganisationJoined { .. }
                    | community::Event::OrganisationLeft { .. }
                    | community::Event::Archived { .. } => whole,
                };
            }
            HubEvent::Category(event) => {
                if let category::Event::Opened { community, audience, .. } = event {
                    self.audiences.insert(id, audience.clone());
                    self.communities.insert(id, *community);
                }
                community = Some(self.communities[&id]);
                audience = self.audiences[&id].clone();
            }
            HubEvent::Thread(event) => {
                thread = Some(id);
                let participants = self.participants.entry(id).or_default();
                concerned.clone_from(participants);
                match event {
                    thread::Event::Opened { community, audience, author, .. } => {
                        self.audiences.insert(id, audience.clone());
                        self.communities.insert(id, *community);
                        participants.insert(*author);
                    }
                    thread::Event::Replied { author, .. } => {
                        participants.insert(*author);
                    }
                    thread::Event::Retitled { .. }
                    | thread::Event::PostEdited { .. }
                    | thread::Event::Locked
                    | thread::Event::Unlocked
                    | thread::Event::Closed { .. }
                    | thread::Event::Reopened
                    | thread::Event::AnswerMarked { .. }
                    | thread::Event::AnswerUnmarked { .. }
                    | thread::Event::Reacted { .. }
                    | thread::Event::ReactionWithdrawn { .. }
                    | thread::Event::Upvoted { .. }
                    | thread::Event::UpvoteWithdrawn { .. } => {}
                }
                community = Some(self.communities[&id]);
                audience = self.audiences[&id].clone();
            }
        }
        if let Some(actor) = actor {
            concerned.remove(&actor);
        }
        Ruled { position: recorded.seq, audience, community, thread, concerned }
    }
}
