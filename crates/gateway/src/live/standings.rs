//! What the people who have open streams may see: read once for each person, shared by all their streams, and renewed when the log
//! says that it changed.

use super::board::{Board, Lease};
use crate::graphql::standing::{Cell, Standing};
use communities::community;
use events::HubEvent;
use kernel::{PersonId, Recorded};
use organisations::{organisation, person, team};
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use store::Reads;

/// How many persons are read at once.
const BATCH: usize = 500;

/// What is known of one person.
struct Entry {
    cell: Cell,
    holders: usize,
    /// Whether the cell holds what was read.
    read: bool,
    /// Raised whenever what was read before is no longer to be believed.
    generation: u64,
}

/// The standings of people with open streams.
pub(super) struct Standings {
    db: Reads,
    entries: Mutex<HashMap<PersonId, Entry>>,
}

/// A person's standing, kept up to date for as long as it is held.
pub struct Held {
    cell: Cell,
    person: Option<PersonId>,
    standings: Arc<Standings>,
    _lease: Lease,
}

impl Held {
    /// Whose it is; none for strangers.
    pub fn person(&self) -> Option<PersonId> {
        self.person
    }

    /// The standing of the moment.
    pub fn cell(&self) -> &Cell {
        &self.cell
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let Some(person) = self.person else { return };
        let mut entries = self.standings.lock();
        if let Some(entry) = entries.get_mut(&person) {
            entry.holders -= 1;
            if entry.holders == 0 {
                entries.remove(&person);
            }
        }
    }
}

/// Whose standing an event changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whose {
    One(PersonId),
    /// That of more than the event names. Such events are rare.
    Anyone,
    NoOne,
}

impl Standings {
    pub(super) fn new(db: Reads) -> Arc<Self> {
        Arc::new(Self { db, entries: Mutex::default() })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<PersonId, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The standing of a person, or a stranger's.
    ///
    /// What was told so far is in the views, and while there is a lease every later event is looked at: so what is read here is
    /// never older than the last event that changed it.
    ///
    /// # Errors
    /// The database's.
    pub(super) async fn hold(self: &Arc<Self>, board: &Arc<Board>, person: Option<PersonId>) -> Result<Held, sqlx::Error> {
        let lease = board.lease();
        let Some(person) = person else {
            return Ok(Held { cell: Cell::default(), person: None, standings: Arc::clone(self), _lease: lease });
        };
        let cell = {
            let mut entries = self.lock();
            let entry = entries.entry(person).or_insert_with(|| Entry { cell: Cell::default(), holders: 0, read: false, generation: 0 });
            entry.holders += 1;
            entry.cell.clone()
        };
        // From here on whatever ends this early gives the entry back.
        let held = Held { cell, person: Some(person), standings: Arc::clone(self), _lease: lease };
        while let Some(generation) = self.unread(person) {
            let standing = self.read(&[person]).await?.remove(&person).unwrap_or_default();
            self.put(person, generation, standing);
        }
        Ok(held)
    }

    /// The generation to read for, unless it was read.
    fn unread(&self, person: PersonId) -> Option<u64> {
        self.lock().get(&person).filter(|entry| !entry.read).map(|entry| entry.generation)
    }

    /// Puts in what was read, unless something has changed since reading began. Whether it differs from what was there.
    fn put(&self, person: PersonId, generation: u64, standing: Standing) -> bool {
        match self.lock().get_mut(&person) {
            Some(entry) if entry.generation == generation => {
                entry.read = true;
                let changed = *entry.cell.get() != standing;
                entry.cell.set(standing);
                changed
            }
            Some(_) | None => false,
        }
    }

    async fn read(&self, persons: &[PersonId]) -> Result<HashMap<PersonId, Standing>, sqlx::Error> {
        let found = projections::grants::of_each(&self.db, persons).await?;
        Ok(found.into_iter().map(|(person, found)| (person, Standing::from(Some(found)))).collect())
    }

    /// Reads anew what these events change, which the views hold. Yields whose standing is another one now.
    ///
    /// # Errors
    /// The database's. Until it has been read the old standings stay, so nothing may be told meanwhile.
    pub(super) async fn renew<'e>(&self, events: impl Iterator<Item = &'e Recorded<HubEvent>>) -> Result<Vec<PersonId>, sqlx::Error> {
        let (mut ones, mut anyone) = (HashSet::new(), false);
        for recorded in events {
            match whose(recorded) {
                Whose::One(person) => {
                    ones.insert(person);
                }
                Whose::Anyone => anyone = true,
                Whose::NoOne => {}
            }
        }
        let stale: Vec<(PersonId, u64)> = {
            let mut entries = self.lock();
            let touched = entries.iter_mut().filter(|(person, _)| anyone || ones.contains(person));
            touched
                .map(|(person, entry)| {
                    entry.generation += 1;
                    (*person, entry.generation)
                })
                .collect()
        };
        let mut changed = Vec::new();
        for part in stale.chunks(BATCH) {
            let persons: Vec<PersonId> = part.iter().map(|(person, _)| *person).collect();
            let mut found = self.read(&persons).await?;
            for (person, generation) in part {
                if self.put(*person, *generation, found.remove(person).unwrap_or_default()) {
                    changed.push(*person);
                }
            }
        }
        Ok(changed)
    }
}

/// Whose standing an event changes.
fn whose(recorded: &Recorded<HubEvent>) -> Whose {
    match &recorded.event {
        HubEvent::Person(event) => match event {
            person::Event::Joined { .. }
            | person::Event::RoleGranted { .. }
            | person::Event::RoleRevoked { .. }
            | person::Event::Suspended { .. }
            | person::Event::Reinstated
            | person::Event::Erased => Whose::One(PersonId(recorded.stream.id)),
            person::Event::PlaceholderCreated { .. }
            | person::Event::ProfileChanged { .. }
            | person::Event::TokenIssued { .. }
            | person::Event::TokenRevoked { .. } => Whose::NoOne,
        },
        HubEvent::Organisation(event) => match event {
            organisation::Event::Suspended { .. } | organisation::Event::Reinstated => Whose::Anyone,
            organisation::Event::Registered { .. }
            | organisation::Event::Renamed { .. }
            | organisation::Event::ProviderRegistered { .. }
            | organisation::Event::ProviderDisabled { .. }
            | organisation::Event::ProviderEnabled { .. }
            | organisation::Event::ProviderRemoved { .. } => Whose::NoOne,
        },
        HubEvent::Team(event) => match event {
            team::Event::MemberAdded { person } | team::Event::MemberRemoved { person } => Whose::One(*person),
            team::Event::Disbanded => Whose::Anyone,
            team::Event::Formed { .. } | team::Event::Renamed { .. } => Whose::NoOne,
        },
        HubEvent::Community(event) => match event {
            community::Event::MemberJoined { person, .. }
            | community::Event::MemberLeft { person }
            | community::Event::MemberKindChanged { person, .. }
            | community::Event::CoordinatorAppointed { person }
            | community::Event::CoordinatorReleased { person } => Whose::One(*person),
            community::Event::Founded { .. }
            | community::Event::CharterAmended { .. }
            | community::Event::OpenedToJoiners
            | community::Event::ClosedToJoiners
            | community::Event::OrganisationJoined { .. }
            | community::Event::OrganisationLeft { .. }
            | community::Event::Archived { .. } => Whose::NoOne,
        },
        HubEvent::Category(_) | HubEvent::Thread(_) => Whose::NoOne,
    }
}
