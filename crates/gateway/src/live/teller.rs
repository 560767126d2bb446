//! Makes happenings of events: decodes them, and looks up for many at once where they belong, who may see them and whom they concern.

use super::board::Concerned;
use super::happening::{Belonging, Concern, Happening};
use super::reading;
use discussions::thread;
use events::HubEvent;
use kernel::{Audience, CategoryId, CommunityId, PersonId, Recorded, StreamId, TeamId, ThreadId};
use projections::concerns::{self, Home, Participants};
use projections::events::Seen;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use store::{Log, Reads};

/// How many threads and categories are remembered with where they stand, which never changes.
const REMEMBERED: u64 = 10_000;

/// Why events could not be told of. Trying again later may help.
#[derive(Debug, thiserror::Error)]
pub(super) enum Untold {
    #[error("the database cannot be read: {0}")]
    Database(#[from] sqlx::Error),
    #[error("the log cannot be read: {0}")]
    Log(#[from] store::Error),
}

/// Makes happenings of events.
pub(super) struct Teller {
    db: Reads,
    log: Log,
    homes: moka::sync::Cache<ThreadId, Home>,
    categories: moka::sync::Cache<CategoryId, CommunityId>,
}

impl Teller {
    pub(super) fn new(db: Reads, log: Log) -> Self {
        Self { db, log, homes: moka::sync::Cache::new(REMEMBERED), categories: moka::sync::Cache::new(REMEMBERED) }
    }

    /// The same events as happenings, in their order. What could not be read cannot be shown: it stays empty.
    pub(super) async fn tell(&self, events: Vec<Option<Recorded<HubEvent>>>) -> Result<Vec<Option<Arc<Happening>>>, Untold> {
        let known: Vec<&Recorded<HubEvent>> = events.iter().flatten().collect();
        let homes = self.homes(&known).await?;
        let communities = self.communities(&known, &homes).await?;
        let seen = self.seen(&known, &homes).await?;
        let mut found = communities.into_iter().zip(seen);
        let told = events.into_iter().map(|recorded| {
            let recorded = recorded?;
            let (community, seen) = found.next().expect("each readable event has both");
            Some(Arc::new(Happening { recorded: Arc::new(recorded), seen, community }))
        });
        Ok(told.collect())
    }

    /// Where the threads stand that these events happened to.
    async fn homes(&self, events: &[&Recorded<HubEvent>]) -> Result<HashMap<ThreadId, Home>, Untold> {
        let mut homes = HashMap::new();
        let mut unknown = HashSet::new();
        for recorded in events {
            if let HubEvent::Thread(event) = &recorded.event {
                let thread = ThreadId(recorded.stream.id);
                if let Some(home) = opened(event).or_else(|| self.homes.get(&thread)) {
                    homes.insert(thread, home);
                } else {
                    unknown.insert(thread);
                }
            }
        }
        unknown.retain(|thread| !homes.contains_key(thread));
        if !unknown.is_empty() {
            let unknown: Vec<ThreadId> = unknown.into_iter().collect();
            homes.extend(concerns::homes(&self.db, &unknown).await?);
            for thread in unknown {
                // A view that was stopped may lack it; the log never does.
                if !homes.contains_key(&thread) {
                    let (first, _) = reading::of_stream(&self.log, &StreamId::of::<thread::Thread>(thread), 1, 1).await?;
                    if let Some(Some(Recorded { event: HubEvent::Thread(event), .. })) = first.into_iter().next() {
                        homes.extend(opened(&event).map(|home| (thread, home)));
                    }
                }
            }
        }
        for (thread, home) in &homes {
            self.homes.insert(*thread, home.clone());
        }
        Ok(homes)
    }

    /// The community that each of these events belongs to.
    async fn communities(
        &self,
        events: &[&Recorded<HubEvent>],
        homes: &HashMap<ThreadId, Home>,
    ) -> Result<Vec<Option<CommunityId>>, Untold> {
        let belonging: Vec<Belonging> = events.iter().map(|recorded| Belonging::of(recorded)).collect();
        let asked = belonging.iter().filter_map(|belonging| match belonging {
            Belonging::AsCategory(category) if !self.categories.contains_key(category) => Some(*category),
            Belonging::AsCategory(_) | Belonging::To(_) | Belonging::AsThread(_) | Belonging::Nowhere => None,
        });
        let asked: HashSet<CategoryId> = asked.collect();
        if !asked.is_empty() {
            let asked: Vec<CategoryId> = asked.into_iter().collect();
            for (category, community) in concerns::communities(&self.db, &asked).await? {
                self.categories.insert(category, community);
            }
        }
        let found = belonging.into_iter().map(|belonging| match belonging {
            Belonging::To(community) => Some(community),
            Belonging::AsThread(thread) => homes.get(&thread).map(|home| home.community),
            Belonging::AsCategory(category) => self.categories.get(&category),
            Belonging::Nowhere => None,
        });
        Ok(found.collect())
    }

    /// Who may see each of these events.
    async fn seen(&self, events: &[&Recorded<HubEvent>], homes: &HashMap<ThreadId, Home>) -> Result<Vec<Seen>, Untold> {
        let found = projections::events::audiences(&self.db, events).await?;
        let each = found.into_iter().zip(events).map(|(seen, recorded)| {
            let of_home = || {
                let home = homes.get(&ThreadId(recorded.stream.id))?;
                Some(Seen { audience: home.audience.clone(), private: Audience::of([]) })
            };
            // What no view knows, no one sees.
            seen.or_else(of_home).unwrap_or_else(|| Seen { audience: Audience::of([]), private: Audience::of([]) })
        });
        Ok(each.collect())
    }

    /// Whom these happenings concern, by their positions; those that concern no one are left out. With `only`, no one but that
    /// person is looked for.
    pub(super) async fn concerned(&self, happenings: &[Arc<Happening>], only: Option<PersonId>) -> Result<HashMap<u64, Concerned>, Untold> {
        let concerns: Vec<(u64, Concern)> =
            happenings.iter().map(|happening| (happening.seq(), Concern::of(&happening.recorded))).collect();
        let (mut threads, mut teams) = (HashSet::new(), HashSet::new());
        for (_, concern) in &concerns {
            match concern {
                Concern::Participants(thread) => {
                    threads.insert(*thread);
                }
                Concern::Members(team) => {
                    teams.insert(*team);
                }
                Concern::Person(_) | Concern::NoOne => {}
            }
        }
        let threads: Vec<ThreadId> = threads.into_iter().collect();
        let found = match only {
            Some(_) | None if threads.is_empty() => HashMap::new(),
            Some(person) => {
                let found = concerns::participations(&self.db, person, &threads).await?;
                found.into_iter().map(|(thread, first)| (thread, Participants::from([(person, first)]))).collect()
            }
            None => concerns::participants(&self.db, &threads).await?,
        };
        let participants: HashMap<ThreadId, Arc<Participants>> = found.into_iter().map(|(thread, who)| (thread, Arc::new(who))).collect();
        let teams: Vec<TeamId> = teams.into_iter().collect();
        let members = if teams.is_empty() { HashMap::new() } else { concerns::members(&self.db, &teams).await? };
        let named = concerns.into_iter().filter_map(|(seq, concern)| {
            let concerned = match concern {
                Concern::Person(person) => Concerned { persons: HashSet::from([person]), ..Concerned::default() },
                Concern::Members(team) => Concerned { persons: members.get(&team)?.iter().copied().collect(), ..Concerned::default() },
                Concern::Participants(thread) => Concerned { participants: Arc::clone(participants.get(&thread)?), ..Concerned::default() },
                Concern::NoOne => return None,
            };
            Some((seq, concerned))
        });
        Ok(named.collect())
    }
}

/// Where a thread stands, as the event that opens it tells.
fn opened(event: &thread::Event) -> Option<Home> {
    if let thread::Event::Opened { community, audience, .. } = event {
        Some(Home { community: *community, audience: audience.clone() })
    } else {
        None
    }
}
