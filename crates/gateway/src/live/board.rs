//! What was told last, and who follows what. One lock holds both, so that whoever joins does so between two events.

use super::happening::{Happening, Subject, actor};
use super::mailbox::Mailbox;
use crate::graphql::commons::Commons;
use crate::graphql::standing::Cell;
use kernel::{CommunityId, PersonId, ThreadId};
use projections::concerns::Participants;
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How much memory the events may take that are kept for those who are a little behind.
const KEPT_BYTES: usize = 8 * 1024 * 1024;

/// Someone who follows something.
pub(super) struct Subscriber {
    number: u64,
    pub(super) subject: Subject,
    pub(super) person: Option<PersonId>,
    pub(super) standing: Cell,
    pub(super) mailbox: Mailbox,
    /// Whether events are routed to the mailbox.
    joined: AtomicBool,
}

impl Subscriber {
    /// Whether they may see it, now.
    pub(super) fn sees(&self, happening: &Happening) -> bool {
        self.standing.get().viewer.sees(&happening.seen.audience)
    }

    /// Of these, those that belong to what they follow and may be seen. (Of inboxes the database knows.)
    pub(super) fn concerned_by(&self, mut happenings: Vec<Arc<Happening>>) -> Vec<Arc<Happening>> {
        happenings.retain(|happening| happening.belongs_to(self.subject) && self.sees(happening));
        happenings
    }
}

type Members = HashMap<u64, Arc<Subscriber>>;

/// Who follows what.
#[derive(Default)]
struct Routes {
    threads: HashMap<ThreadId, Members>,
    communities: HashMap<CommunityId, Members>,
    inboxes: HashMap<PersonId, Members>,
    everything: Members,
    /// By who they are, whatever they follow.
    persons: HashMap<PersonId, Members>,
}

fn enter<K: std::hash::Hash + Eq>(routes: &mut HashMap<K, Members>, key: K, subscriber: &Arc<Subscriber>) {
    routes.entry(key).or_default().insert(subscriber.number, Arc::clone(subscriber));
}

fn leave<K: std::hash::Hash + Eq>(routes: &mut HashMap<K, Members>, key: &K, number: u64) {
    if let Some(members) = routes.get_mut(key) {
        members.remove(&number);
        if members.is_empty() {
            routes.remove(key);
        }
    }
}

impl Routes {
    fn enter(&mut self, subscriber: &Arc<Subscriber>) {
        match subscriber.subject {
            Subject::Thread(thread) => enter(&mut self.threads, thread, subscriber),
            Subject::Community(community) => enter(&mut self.communities, community, subscriber),
            Subject::Inbox(person) => enter(&mut self.inboxes, person, subscriber),
            Subject::Everything => {
                self.everything.insert(subscriber.number, Arc::clone(subscriber));
            }
        }
        if let Some(person) = subscriber.person {
            enter(&mut self.persons, person, subscriber);
        }
    }

    fn leave(&mut self, subscriber: &Subscriber) {
        let number = subscriber.number;
        match subscriber.subject {
            Subject::Thread(thread) => leave(&mut self.threads, &thread, number),
            Subject::Community(community) => leave(&mut self.communities, &community, number),
            Subject::Inbox(person) => leave(&mut self.inboxes, &person, number),
            Subject::Everything => {
                self.everything.remove(&number);
            }
        }
        if let Some(person) = subscriber.person {
            leave(&mut self.persons, &person, number);
        }
    }
}

#[derive(Default)]
struct State {
    /// The last events that were told, without a gap up to `told`. Those that cannot be understood are none.
    kept: VecDeque<Option<Arc<Happening>>>,
    bytes: usize,
    /// Up to here everything was told.
    told: u64,
    routes: Routes,
    /// Who is about to follow something, or does. While there is anyone, no event is passed over.
    leases: usize,
    numbers: u64,
    subscribers: usize,
}

impl State {
    /// The position of the first event that is kept.
    fn first(&self) -> u64 {
        self.told + 1 - self.kept.len() as u64
    }
}

/// Whom an event concerns by their inbox; made where there are inboxes.
#[derive(Clone, Debug, Default)]
pub(super) struct Concerned {
    pub(super) persons: HashSet<PersonId>,
    pub(super) participants: Arc<Participants>,
}

impl Concerned {
    /// Whether it concerns this person: not what they did themselves, and in a thread only what came after their first post.
    pub(super) fn names(&self, person: PersonId, happening: &Happening) -> bool {
        actor(&happening.recorded) != Some(person)
            && (self.persons.contains(&person) || self.participants.get(&person).is_some_and(|first| *first < happening.recorded.version))
    }
}

/// What comes after a position.
pub(super) enum After {
    /// Nothing: from now on events are routed to the mailbox.
    Joined,
    /// These events, at most so many as were asked for, up to this position.
    Kept(Vec<Arc<Happening>>, u64),
    /// More than is kept, up to this position.
    Gone(u64),
}

/// What was told last, and who follows what.
pub(super) struct Board {
    /// How many events are kept.
    most: usize,
    /// What is kept for those who follow, for as long as anyone does.
    commons: Arc<Commons>,
    state: Mutex<State>,
}

impl Board {
    /// An empty board, to keep so many events.
    pub(super) fn new(most: usize, commons: Arc<Commons>) -> Self {
        Self { most, commons, state: Mutex::default() }
    }

    /// From this position on everything is told. Called once, before anyone is there to be told.
    pub(super) fn start(&self, position: u64) {
        self.lock().told = position;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Up to here everything was told.
    pub(super) fn told(&self) -> u64 {
        self.lock().told
    }

    /// From now on no event is passed over, until the lease is dropped.
    pub(super) fn lease(self: &Arc<Self>) -> Lease {
        self.lock().leases += 1;
        Lease(Arc::clone(self))
    }

    /// Whether anyone is there to be told.
    pub(super) fn is_attended(&self) -> bool {
        self.lock().leases > 0
    }

    /// Passes over what no one is there to be told. False if someone has come.
    pub(super) fn pass_over(&self, to: u64) -> bool {
        let mut state = self.lock();
        if state.leases > 0 {
            return false;
        }
        if to > state.told {
            state.told = to;
            state.kept = VecDeque::new();
            state.bytes = 0;
        }
        true
    }

    /// Whether anyone follows an inbox.
    pub(super) fn has_inboxes(&self) -> bool {
        !self.lock().routes.inboxes.is_empty()
    }

    /// Someone who will follow something, once they have [caught up](Self::after).
    pub(super) fn subscriber(&self, subject: Subject, person: Option<PersonId>, standing: Cell) -> Arc<Subscriber> {
        let mut state = self.lock();
        state.numbers += 1;
        state.subscribers += 1;
        let (mailbox, joined) = (Mailbox::default(), AtomicBool::new(false));
        Arc::new(Subscriber { number: state.numbers, subject, person, standing, mailbox, joined })
    }

    /// They follow it no longer.
    pub(super) fn dismiss(&self, subscriber: &Subscriber) {
        let mut state = self.lock();
        state.subscribers -= 1;
        if subscriber.joined.load(Ordering::Relaxed) {
            state.routes.leave(subscriber);
        }
    }

    /// What comes after the position up to which a subscriber knows everything; if nothing does, they join.
    pub(super) fn after(&self, subscriber: &Arc<Subscriber>, position: u64, most: usize) -> After {
        let mut state = self.lock();
        if position >= state.told {
            subscriber.mailbox.empty();
            if !subscriber.joined.swap(true, Ordering::Relaxed) {
                state.routes.enter(subscriber);
            }
            return After::Joined;
        }
        let first = state.first();
        if position + 1 < first {
            return After::Gone(state.told);
        }
        let skip = usize::try_from(position + 1 - first).expect("what is kept is in memory, and so can be counted");
        let here: Vec<_> = state.kept.iter().skip(skip).take(most).collect();
        let to = position + here.len() as u64;
        After::Kept(here.into_iter().flatten().cloned().collect(), to)
    }

    /// The event at a position, if it is kept.
    pub(super) fn at(&self, seq: u64) -> Option<Arc<Happening>> {
        let state = self.lock();
        let place = seq.checked_sub(state.first())?;
        state.kept.get(usize::try_from(place).ok()?)?.clone()
    }

    /// Tells what follows the last that was told: keeps it, and puts it into the mailboxes of those who follow it and may see it.
    /// Yields how many were told, and how many mailboxes ran over.
    ///
    /// None if there are inboxes and it is not known whom the events concern: that is to be found out first.
    pub(super) fn tell(&self, batch: &[Option<Arc<Happening>>], concerned: Option<&HashMap<u64, Concerned>>) -> Option<Told> {
        let mut reached: Vec<(u64, Vec<Arc<Subscriber>>)> = Vec::new();
        {
            let mut state = self.lock();
            if concerned.is_none() && !state.routes.inboxes.is_empty() {
                return None;
            }
            for happening in batch {
                state.told += 1;
                state.bytes += happening.as_ref().map_or(0, |happening| happening.weight());
                state.kept.push_back(happening.clone());
                let Some(happening) = happening else { continue };
                let whom = state.routes.whom(happening, concerned.and_then(|all| all.get(&happening.seq())));
                if !whom.is_empty() {
                    reached.push((happening.seq(), whom));
                }
            }
            while state.kept.len() > self.most || (state.bytes > KEPT_BYTES && state.kept.len() > 1) {
                let gone = state.kept.pop_front().flatten();
                state.bytes -= gone.map_or(0, |happening| happening.weight());
            }
        }
        // Putting it into mailboxes wakes many, and none of them needs to wait for the others.
        let mut told = Told::default();
        let mut happenings = batch.iter().flatten();
        for (seq, whom) in reached {
            let happening =
                happenings.find(|happening| happening.seq() == seq).expect("who is reached is reached by an event of the batch");
            for subscriber in whom {
                if subscriber.sees(happening) {
                    told.told += 1;
                    told.overrun += usize::from(!subscriber.mailbox.put(seq));
                }
            }
        }
        Some(told)
    }

    /// Has those look who are these persons, whether they still see what they follow.
    pub(super) fn look(&self, persons: &[PersonId]) {
        let whom: Vec<Arc<Subscriber>> = {
            let state = self.lock();
            persons.iter().filter_map(|person| state.routes.persons.get(person)).flat_map(HashMap::values).cloned().collect()
        };
        for subscriber in whom {
            subscriber.mailbox.look();
        }
    }

    /// How many subscriptions are open, and about how many bytes the events take that are kept.
    pub(super) fn size(&self) -> (usize, usize) {
        let state = self.lock();
        (state.subscribers, state.bytes)
    }

    /// How much there is of everything; it looks at every subscriber.
    pub(super) fn figures(&self) -> Figures {
        let state = self.lock();
        let members = state.routes.threads.values().chain(state.routes.communities.values()).chain(state.routes.inboxes.values());
        let each = members.flat_map(HashMap::values).chain(state.routes.everything.values());
        let (mut joined, mut waiting, mut most_waiting) = (0, 0, 0);
        for subscriber in each {
            let here = subscriber.mailbox.len();
            (joined, waiting, most_waiting) = (joined + 1, waiting + here, most_waiting.max(here));
        }
        Figures { subscribers: state.subscribers, joined, waiting, most_waiting, kept: state.kept.len(), kept_bytes: state.bytes }
    }
}

impl Routes {
    fn whom(&self, happening: &Happening, concerned: Option<&Concerned>) -> Vec<Arc<Subscriber>> {
        let mut whom: Vec<Arc<Subscriber>> = self.everything.values().cloned().collect();
        if let Some(members) = happening.thread().and_then(|thread| self.threads.get(&thread)) {
            whom.extend(members.values().cloned());
        }
        if let Some(members) = happening.community.and_then(|community| self.communities.get(&community)) {
            whom.extend(members.values().cloned());
        }
        if let Some(concerned) = concerned {
            let named = concerned.persons.iter().chain(concerned.participants.keys());
            let named: HashSet<PersonId> = named.copied().filter(|person| concerned.names(*person, happening)).collect();
            whom.extend(named.iter().filter_map(|person| self.inboxes.get(person)).flat_map(HashMap::values).cloned());
        }
        whom
    }
}

/// What became of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) told: usize,
    pub(super) overrun: usize,
}

/// How much there is of everything that live updates keep in memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Subscriptions that are open.
    pub subscribers: usize,
    /// Those to which events are routed as they come.
    pub joined: usize,
    /// Positions that wait in mailboxes, in all.
    pub waiting: usize,
    /// Positions that wait in the fullest mailbox.
    pub most_waiting: usize,
    /// Events that are kept, once for all.
    pub kept: usize,
    /// About how many bytes those take.
    pub kept_bytes: usize,
}

/// Someone is there to be told.
pub(super) struct Lease(Arc<Board>);

impl Drop for Lease {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.leases -= 1;
        let last = state.leases == 0;
        drop(state);
        if last {
            self.0.commons.turn();
        }
    }
}
