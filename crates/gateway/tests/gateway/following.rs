//! Whoever follows something sees the log, filtered by the rule of visibility, without a gap and without a repeat: through
//! reconnects at any position, through gateways that stop, while events are written, and however little is kept in memory.

use crate::hub::{Hub, PATIENCE, Place, Someone, fresh, text};
use crate::rule::Rule;
use crate::sse::Events;
use communities::community::{self, MemberKind};
use discussions::thread;
use futures::future::join_all;
use gateway::graphql::GlobalId;
use gateway::live::{Counted, Subject};
use gateway::{Api, Settings};
use http::StatusCode;
use kernel::{Audience, CommunityId, PostId, Role, ThreadId, Token, Viewer};
use organisations::person::{self, GrantedRole};
use serde_json::{Value, json};
use services::HubCommand;
use std::sync::{Arc, Mutex};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Chance that is the same every time (splitmix64).
#[derive(Clone)]
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % end as u64).unwrap()
    }
    fn of<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.below(choices.len())]
    }
}

/// People, communities and threads with various audiences.
struct World {
    hub: Hub,
    ann: Someone,
    bob: Someone,
    cat: Someone,
    dan: Someone,
    zoe: Someone,
    joiners: Vec<Someone>,
    open: Place,
    closed: Place,
    threads: Vec<(ThreadId, Audience, CommunityId)>,
}

impl World {
    async fn found(settings: Settings) -> Self {
        let hub = Hub::with(settings, "http://localhost:8080", 10).await;
        let (a, b) = (hub.organisation("a").await, hub.organisation("b").await);
        let (ann, zoe) = (hub.person(a, "Ann").await, hub.person(a, "Zoe").await);
        let (bob, cat, dan) = (hub.person(b, "Bob").await, hub.person(b, "Cat").await, hub.person(b, "Dan").await);
        let mut joiners = Vec::new();
        for number in 0..3 {
            joiners.push(hub.person(b, &format!("Joiner {number}")).await);
        }
        let open = hub.place(&ann, "open").await;
        let closed = hub.place_for(&ann, "closed", Audience::organisation(a)).await;
        let mut world = Self { hub, ann, bob, cat, dan, zoe, joiners, open, closed, threads: Vec::new() };
        for someone in [&world.bob, &world.cat] {
            world.hub.join(someone, &world.open).await;
        }
        // Only a coordinator can bring someone into a community that they do not see.
        let bring =
            community::Command::Join { person: world.bob.id, organisation: world.bob.organisation, kind: MemberKind::Member, team: None };
        let coordinator = world.coordinator(world.closed.community);
        world.hub.send(coordinator, world.closed.community, HubCommand::Community(bring)).await;
        let communities = (world.open.community, world.closed.community);
        let within = Audience::of([Token::Organisation(a)]);
        for (place, audience) in [
            (0, Audience::public()),
            (0, Audience::community(communities.0)),
            (1, within.clone().and(Token::Community(communities.1))),
            (0, Audience::persons([world.ann.id, world.cat.id])),
        ] {
            let place = if place == 0 { &world.open } else { &world.closed };
            let thread = world.open_thread(place, &audience).await;
            world.threads.push((thread, audience, place.community));
        }
        world
    }

    fn coordinator(&self, community: CommunityId) -> kernel::Actor {
        self.ann.actor().with(Role::Coordinator(community)).with(Role::CoreMember(community))
    }

    async fn open_thread(&self, place: &Place, audience: &Audience) -> ThreadId {
        let id = ThreadId(Uuid::parse_str(&fresh()).unwrap());
        let of_category = if place.community == self.open.community {
            Audience::public()
        } else {
            Audience::of([Token::Organisation(self.ann.organisation), Token::Community(place.community)])
        };
        let home = thread::Home {
            community: place.community,
            category: place.category,
            format: discussions::category::Format::QuestionAndAnswer,
            audience: of_category,
            open: true,
        };
        let open = thread::Command::Open {
            home,
            author: self.ann.id,
            post: PostId(Uuid::parse_str(&fresh()).unwrap()),
            title: "A thread".to_owned(),
            body: "Opening.".to_owned(),
            audience: Some(audience.clone()),
            source: None,
        };
        self.hub.send(self.coordinator(place.community), id, HubCommand::Thread(open)).await;
        id
    }

    /// Whoever may write in a thread, by its number: everyone who sees it, as a member of its community.
    fn writers(&self, thread: usize) -> Vec<&Someone> {
        match thread {
            0 | 1 => vec![&self.ann, &self.bob, &self.cat],
            2 => vec![&self.ann, &self.bob],
            _ => vec![&self.ann, &self.cat],
        }
    }

    /// Replies and returns the post, without waiting until it shows.
    async fn reply(&self, thread: usize, by: &Someone, body: String) -> PostId {
        let (id, _, community) = &self.threads[thread];
        let post = PostId(Uuid::parse_str(&fresh()).unwrap());
        let reply = thread::Command::Reply { post, to: None, author: by.id, body, source: None };
        let actor = by.actor().with(Role::Member(*community));
        self.hub.try_send(actor, *id, HubCommand::Thread(reply)).await.unwrap();
        post
    }

    /// One thing after another happens, of all kinds, in one thread and around it.
    async fn write(&self, thread: usize, mut chance: Chance, events: usize) {
        let (id, _, community) = self.threads[thread].clone();
        let mut posts = vec![self.reply(thread, &self.ann, "First.".to_owned()).await];
        for number in 0..events {
            let by = *chance.of(&self.writers(thread));
            let post = *chance.of(&posts);
            let in_thread = match chance.below(10) {
                0..=4 => {
                    posts.push(self.reply(thread, by, format!("Number {number} in {thread}.")).await);
                    continue;
                }
                5 => thread::Command::React { post, reaction: thread::Reaction::Heart },
                6 => thread::Command::Upvote { post },
                7 => {
                    let title = format!("Title {number}");
                    self.hub
                        .try_send(self.coordinator(community), id, HubCommand::Thread(thread::Command::Retitle { title }))
                        .await
                        .unwrap();
                    continue;
                }
                8 => {
                    let mark = thread::Command::MarkAnswer { post };
                    self.hub.try_send(self.coordinator(community), id, HubCommand::Thread(mark)).await.unwrap();
                    continue;
                }
                _ => {
                    self.around(thread, &mut chance).await;
                    continue;
                }
            };
            let actor = by.actor().with(Role::Member(community));
            self.hub.try_send(actor, id, HubCommand::Thread(in_thread)).await.unwrap();
        }
    }

    /// Something that happens to no thread. Each writer does it to someone else, so that none is refused.
    async fn around(&self, writer: usize, chance: &mut Chance) {
        match (writer, chance.below(3)) {
            (0..=2, 0) => {
                let joiner = &self.joiners[writer];
                let join =
                    community::Command::Join { person: joiner.id, organisation: joiner.organisation, kind: MemberKind::Member, team: None };
                // They may be in it already.
                let _joined_or_not = self.hub.try_send(joiner.actor(), self.open.community, HubCommand::Community(join)).await;
            }
            (0..=2, 1) => {
                let joiner = &self.joiners[writer];
                let leave = community::Command::Leave { person: joiner.id };
                let actor = joiner.actor().with(Role::Member(self.open.community));
                let _left_or_not = self.hub.try_send(actor, self.open.community, HubCommand::Community(leave)).await;
            }
            _ => {
                let role = GrantedRole::OrganisationAdmin;
                let command = if chance.below(2) == 0 { person::Command::GrantRole { role } } else { person::Command::RevokeRole { role } };
                let _changed_or_not = self.hub.try_send(kernel::Actor::system("test"), self.bob.id, HubCommand::Person(command)).await;
            }
        }
    }

    fn viewer(&self, someone: Option<&Someone>) -> Viewer {
        let Some(someone) = someone else { return Viewer::stranger() };
        let communities: &[CommunityId] = match someone.id {
            id if id == self.ann.id || id == self.bob.id => &[self.open.community, self.closed.community],
            id if id == self.cat.id => &[self.open.community],
            _ => &[],
        };
        Viewer::person(someone.id, someone.organisation, communities.iter().copied())
    }
}

/// Someone who follows something, over and over again.
struct Follower {
    name: String,
    token: Option<String>,
    viewer: Viewer,
    subject: Subject,
}

impl Follower {
    /// Everyone who follows something in this test.
    fn all(world: &World) -> Vec<Self> {
        let (ann, bob, cat, dan) = (Some(&world.ann), Some(&world.bob), Some(&world.cat), Some(&world.dan));
        let thread = |number: usize| Subject::Thread(world.threads[number].0);
        let (open, closed) = (Subject::Community(world.open.community), Subject::Community(world.closed.community));
        let inbox = |someone: Option<&Someone>| Subject::Inbox(someone.unwrap().id);
        [
            ("bob, a public thread", bob, thread(0)),
            ("a stranger, a public thread", None, thread(0)),
            ("cat, a thread of the community", cat, thread(1)),
            ("bob, a thread of the closed community", bob, thread(2)),
            ("cat, a thread for named persons", cat, thread(3)),
            ("dan, the open community", dan, open),
            ("bob, the open community", bob, open),
            ("a stranger, the open community", None, open),
            ("bob, the closed community", bob, closed),
            ("bob, the inbox", bob, inbox(bob)),
            ("cat, the inbox", cat, inbox(cat)),
            ("ann, everything", ann, Subject::Everything),
            ("bob, everything", bob, Subject::Everything),
            ("dan, everything", dan, Subject::Everything),
            ("a stranger, everything", None, Subject::Everything),
        ]
        .into_iter()
        .map(|(name, someone, subject)| Self {
            name: name.to_owned(),
            token: someone.map(|someone| someone.token.clone()),
            viewer: world.viewer(someone),
            subject,
        })
        .collect()
    }

    fn document(&self) -> (&'static str, &'static str, Value) {
        let id = |id: GlobalId| json!(id.encode().0);
        match self.subject {
            Subject::Thread(thread) => (
                "subscription ($id: ID!, $after: String) { threadActivity(thread: $id, after: $after) { position kind post { id } } }",
                "threadActivity",
                id(GlobalId::Thread(thread)),
            ),
            Subject::Community(community) => (
                "subscription ($id: ID!, $after: String) { communityActivity(community: $id, after: $after) { position thread { id } } }",
                "communityActivity",
                id(GlobalId::Community(community)),
            ),
            Subject::Inbox(_) => {
                ("subscription ($after: String) { inboxActivity(after: $after) { position reason } }", "inboxActivity", json!(null))
            }
            Subject::Everything => ("subscription ($after: String) { myEvents(after: $after) { position } }", "myEvents", json!(null)),
        }
    }

    /// Follows until the target is seen: from wherever it is, at whichever gateway, for as long as chance has it.
    async fn follow(&self, gateways: Arc<Gateways>, mut chance: Chance, after: u64, mut target: watch::Receiver<Option<u64>>) -> Vec<u64> {
        let mut seen: Vec<u64> = Vec::new();
        let (document, field, id) = self.document();
        let mut after = after;
        loop {
            let variables =
                if id.is_null() { json!({ "after": after.to_string() }) } else { json!({ "id": id, "after": after.to_string() }) };
            let gateway = gateways.any(&mut chance);
            let mut events = match Events::open(&gateway.router(), self.token.as_deref(), document, variables).await {
                Ok(events) => events,
                // It stops just now: on to the next one.
                Err((StatusCode::SERVICE_UNAVAILABLE, _)) if gateway.backend().live.is_closed() => continue,
                Err(refused) => panic!("{}: {refused:?}", self.name),
            };
            // Sometimes it reads on for long, sometimes only a few.
            let mut left = [1, 3, 40, 400][chance.below(4)];
            // Sometimes it takes nothing for a while after the first, and the gateway goes on without it.
            let mut rests = chance.below(3) == 0;
            while left > 0 {
                if target.borrow().is_some_and(|target| after >= target) {
                    return seen;
                }
                let next = tokio::select! {
                    next = events.next() => next,
                    // It may have seen all there is to see.
                    _ = target.wait_for(|target| target.is_some_and(|target| after >= target)) => return seen,
                };
                let Some((name, data)) = next else { break };
                if name == "complete" {
                    // The gateway stops: on to the next one.
                    continue;
                }
                let answer: Value = serde_json::from_str(&data).unwrap();
                assert!(answer.get("errors").is_none(), "{}: {answer:#}", self.name);
                after = text(&answer["data"][field]["position"]).parse().unwrap();
                seen.push(after);
                left -= 1;
                if std::mem::take(&mut rests) {
                    gateways.until(gateways.head() + 90, &target).await;
                }
            }
        }
    }
}

/// Gateways that come and go.
struct Gateways {
    log: store::Log,
    up: Mutex<Vec<Api>>,
}

impl Gateways {
    fn any(&self, chance: &mut Chance) -> Api {
        chance.of(&self.up.lock().unwrap()).clone()
    }

    fn head(&self) -> u64 {
        *self.log.progress().borrow()
    }

    /// Waits until the log has come so far, or nothing more is written.
    async fn until(&self, position: u64, target: &watch::Receiver<Option<u64>>) {
        let (mut head, mut target) = (self.log.progress(), target.clone());
        tokio::select! {
            _ = head.wait_for(|head| *head >= position) => {}
            _ = target.wait_for(Option::is_some) => {}
        }
    }
}

async fn nothing_is_missing_and_nothing_comes_twice(seed: u64) -> Counted {
    // Almost nothing is kept, so that all ways of catching up are gone.
    let settings = Settings { stream_kept: 24, stream_send_wait: PATIENCE, ..Settings::default() };
    let world = Arc::new(World::found(settings).await);
    let gateways = Arc::new(Gateways { log: world.hub.log.clone(), up: Mutex::new(vec![world.hub.api.clone(), world.hub.gateway()]) });
    let start = world.hub.log.head().await.unwrap();
    let mut chance = Chance(seed);
    let mut followers = Vec::new();
    for follower in Follower::all(&world) {
        let (target, seen_by) = watch::channel(None);
        // Some begin with the very first event.
        let after = if chance.below(3) == 0 { 0 } else { start };
        let follower = Arc::new(follower);
        let (following, gateways, own) = (Arc::clone(&follower), Arc::clone(&gateways), Chance(seed ^ followers.len() as u64 ^ 0xabcd));
        let task = tokio::spawn(async move { following.follow(gateways, own, after, seen_by).await });
        followers.push((follower, after, target, task));
    }
    // Four write at once, while gateways stop and others start.
    let written = CancellationToken::new();
    let writing = async {
        join_all((0..4).map(|thread| {
            let (world, chance) = (Arc::clone(&world), Chance(seed.wrapping_mul(31) + thread as u64));
            async move { world.write(thread, chance, 80).await }
        }))
        .await;
        written.cancel();
    };
    let restarts = async {
        let mut head = world.hub.log.progress();
        for after in [60, 120, 180] {
            let more = written.run_until_cancelled(head.wait_for(|head| *head >= start + after)).await;
            drop(more);
            let next = world.hub.gateway();
            let stopped = std::mem::replace(&mut gateways.up.lock().unwrap()[1], next);
            stopped.close_streams();
        }
    };
    tokio::join!(writing, restarts);

    for thread in 0..4 {
        world.reply(thread, &world.ann, "The last one.".to_owned()).await;
    }
    // What was appended last has its place once this has.
    world.hub.grant(&world.zoe, GrantedRole::OrganisationAdmin).await;
    let log = Rule::read(&world.hub.log).await;
    for (follower, after, target, task) in followers {
        let expected: Vec<u64> = log.shown(&follower.viewer, follower.subject).into_iter().filter(|position| *position > after).collect();
        assert!(expected.len() > 20, "seed {seed}: {} has something to see", follower.name);
        target.send(expected.last().copied()).unwrap();
        let shown = tokio::time::timeout(PATIENCE, task).await;
        let shown = shown.unwrap_or_else(|_| panic!("seed {seed}: {} never saw {:?}", follower.name, expected.last())).unwrap();
        assert_eq!(shown, expected, "seed {seed}: {}", follower.name);
    }
    world.hub.api.backend().live.counted()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn followers_see_the_log_as_the_rule_has_it_whatever_happens_to_them() {
    let (mut overrun, mut fell_behind, mut read_batches) = (0, 0, 0);
    for seed in [1, 2, 3] {
        let counted = nothing_is_missing_and_nothing_comes_twice(seed).await;
        overrun += counted.overrun;
        fell_behind += counted.fell_behind;
        read_batches += counted.read_batches;
    }
    // All ways of catching up were gone.
    assert!(overrun > 0 && fell_behind > 0 && read_batches > 0, "{overrun} {fell_behind} {read_batches}");
}
