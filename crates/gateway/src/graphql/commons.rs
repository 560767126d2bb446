//! What many are shown at once is read once.
//!
//! An event in a thread with ten thousand followers makes ten thousand answers, and nearly all ask for the same post, thread and
//! person. What is read for one of them serves all whom the event reaches in the same way, until the next event is told: up to
//! then it cannot have changed.
//!
//! The shared row is read for a viewer who holds less than each of those it serves: what everyone holds, what everyone who is signed
//! in holds, and those grants that the event reaches them by. So it can show too little and never too much; whoever might see
//! more reads for themselves.

use super::views::{Failed, OrganisationOf, PersonOf, PostOf, ThreadOf};
use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use kernel::{Audience, Grants, Token, Viewer};
use projections::discussions::post::PostRow;
use projections::discussions::thread::ThreadRow;
use projections::organisations::organisation::OrganisationRow;
use projections::organisations::person::PersonRow;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};
use store::Reads;

/// How many rows of a kind are kept; beyond, everyone reads for themselves until the next event. A post may be a quarter of a megabyte.
const MOST: usize = 64;

type Reading<V> = Shared<BoxFuture<'static, Result<Option<V>, Failed>>>;

/// Rows of one kind, for viewers with the same grants.
pub(super) struct Rows<K, V> {
    readings: Mutex<HashMap<(Grants, K), Reading<V>>>,
}

impl<K, V> Default for Rows<K, V> {
    fn default() -> Self {
        Self { readings: Mutex::default() }
    }
}

impl<K, V> Rows<K, V>
where
    K: Hash + Eq + Clone,
    V: Clone + Send + Sync + 'static,
{
    /// The row, read by whoever comes first. None if there are too many.
    async fn get<F>(&self, grants: &Grants, key: K, read: impl FnOnce() -> F) -> Option<Result<Option<V>, Failed>>
    where
        F: Future<Output = Result<Option<V>, sqlx::Error>> + Send + 'static,
    {
        let reading = {
            let mut readings = self.readings.lock().unwrap_or_else(PoisonError::into_inner);
            if readings.len() >= MOST && !readings.contains_key(&(grants.clone(), key.clone())) {
                return None;
            }
            let reading = readings.entry((grants.clone(), key.clone())).or_insert_with(|| {
                // A task of its own: the others do not wait for the first one's reader to take what it asked for.
                let read = tokio::spawn(read());
                let read = async move { read.await.unwrap_or(Err(sqlx::Error::WorkerCrashed)).map_err(Arc::new) };
                read.boxed().shared()
            });
            reading.clone()
        };
        let read = reading.await;
        if read.is_err() {
            self.readings.lock().unwrap_or_else(PoisonError::into_inner).remove(&(grants.clone(), key));
        }
        Some(read)
    }

    fn clear(&self) {
        self.readings.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// What was read since the last event was told.
#[derive(Default)]
pub struct Commons {
    pub(super) threads: Rows<ThreadOf, ThreadRow>,
    pub(super) posts: Rows<PostOf, PostRow>,
    pub(super) persons: Rows<PersonOf, PersonRow>,
    pub(super) organisations: Rows<OrganisationOf, OrganisationRow>,
}

impl Commons {
    /// Forgets what was read: something happened.
    pub fn turn(&self) {
        self.threads.clear();
        self.posts.clear();
        self.persons.clear();
        self.organisations.clear();
    }
}

/// Where rows are kept that viewers have in common, and whether one of them shows all that it has.
pub(super) type Kept<'a, K, V> = (&'a Rows<K, V>, fn(&V) -> bool);

/// Something that is looked up by a key, and that viewers may have in common.
pub(super) trait Lookup: Copy + Hash + Eq + Send + Sync + 'static {
    /// What is found.
    type Row: Clone + Send + Sync + 'static;

    /// Reads it for a viewer.
    fn read(viewer: &Viewer, db: &Reads, keys: &[Self]) -> impl Future<Output = Result<HashMap<Self, Self::Row>, sqlx::Error>> + Send;

    /// Where what viewers have in common is kept, and whether a row shows all that it has. None if it is not kept.
    fn kept(_commons: &Commons) -> Option<Kept<'_, Self, Self::Row>> {
        None
    }
}

/// What the followers of the same events have in common, seen from one of them.
#[derive(Clone)]
pub struct Common {
    commons: Arc<Commons>,
    /// Whom the event reaches that is shown at present.
    audience: Arc<Mutex<Option<Audience>>>,
}

/// What is common to those whom an event reaches.
pub(super) enum Found<V> {
    /// This, or that there is nothing.
    Common(Option<V>),
    /// Perhaps not all that this viewer may see.
    Own,
}

impl Common {
    /// Nothing is shown yet.
    pub fn new(commons: Arc<Commons>) -> Self {
        Self { commons, audience: Arc::default() }
    }

    /// An event is shown that has this audience.
    pub fn show(&self, audience: &Audience) {
        *self.audience.lock().unwrap_or_else(PoisonError::into_inner) = Some(audience.clone());
    }

    /// What is found for all whom the event that is shown reaches in the same way as this viewer.
    pub(super) async fn find<K: Lookup>(&self, viewer: &Viewer, db: &Reads, key: K) -> Result<Found<K::Row>, Failed> {
        let Some((rows, is_whole)) = K::kept(&self.commons) else { return Ok(Found::Own) };
        let Some(audience) = self.audience.lock().unwrap_or_else(PoisonError::into_inner).clone() else { return Ok(Found::Own) };
        let held = &viewer.grants;
        let grants = Grants::of([Token::Members].into_iter().chain(audience.tokens()).filter(|token| held.contains(*token)));
        let common = Viewer { person: None, organisation: None, grants: grants.clone() };
        let read = || {
            let db = db.clone();
            async move { Ok(K::read(&common, &db, &[key]).await?.remove(&key)) }
        };
        let Some(found) = rows.get(&grants, key, read).await else { return Ok(Found::Own) };
        let found = found?;
        // It is right for this viewer if it is whole, or if they hold nothing that might show more.
        Ok(if grants == *held || found.as_ref().is_some_and(is_whole) { Found::Common(found) } else { Found::Own })
    }
}
