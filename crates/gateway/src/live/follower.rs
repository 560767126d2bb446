//! One subscriber's way through the log: first what lies behind, in batches, then what comes, without a gap or a repeat between.
//!
//! There is one position: up to there everything was shown or does not concern the subscriber. Whatever happens (events come faster
//! than they are taken, the mailbox ran over, an event is no longer kept), the follower goes back to reading what comes after that
//! position, and joins again once nothing does.

use super::board::{After, Subscriber};
use super::happening::{Happening, Subject};
use super::mailbox::Mail;
use super::standings::Held;
use super::teller::Untold;
use super::{Inner, Live, reading};
use kernel::{Audience, Recorded, StreamId, ThreadId, Viewer};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use store::Log;
use tokio_util::task::AbortOnDropHandle;

/// How many events are read at once: as many as may be held, unless they are long; then fewer the next time.
const BATCH: u32 = 100;
const SMALLEST_BATCH: u32 = 4;
/// How many events that are kept are looked through at once.
const LOOKED_THROUGH: usize = 256;
/// About how many bytes of events one subscriber holds that wait to be shown. Beyond, they are read again when their turn comes.
const HELD_BYTES: usize = 64 * 1024;

/// The last position that was shown to a subscriber: what whoever carries the stream says when it must break off.
#[derive(Clone, Debug, Default)]
pub struct Place(Arc<AtomicU64>);

impl Place {
    /// The position; none before anything was shown.
    pub fn get(&self) -> Option<u64> {
        match self.0.load(Ordering::Relaxed) {
            0 => None,
            position => Some(position),
        }
    }

    pub(crate) fn set(&self, position: u64) {
        self.0.store(position, Ordering::Relaxed);
    }
}

/// Where a thread's own stream is read from.
#[derive(Clone, Copy, Debug)]
enum Version {
    /// Every event up to the position is among the versions up to this one.
    Known(u64),
    /// It is to be looked for among the versions up to this one.
    UpTo(u64),
}

/// Someone who follows something.
pub struct Follower {
    live: Live,
    held: Arc<Held>,
    subscriber: Arc<Subscriber>,
    /// Who may see what is followed as such; its events may have fewer.
    seen_by: Option<Audience>,
    /// Up to here everything was shown or does not concern the subscriber.
    position: u64,
    /// Of a thread: up to where its stream was read.
    version: Version,
    /// How many events are read at once.
    batch: u32,
    /// Whether events come by the mailbox.
    joined: bool,
    /// What is shown next, and up to where nothing else is once that is shown.
    pending: VecDeque<Arc<Happening>>,
    reach: u64,
    place: Place,
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.live.inner.board.dismiss(&self.subscriber);
    }
}

/// The log or the views cannot be read at the moment.
#[derive(Debug, thiserror::Error)]
#[error("what comes after position {position} cannot be read")]
pub struct Unreadable {
    /// Up to here everything was shown.
    pub position: u64,
    /// None if looking broke down.
    source: Option<Untold>,
}

/// What to follow, from where, and for whom.
pub struct Wanted {
    /// What.
    pub subject: Subject,
    /// Who may see it as such, if not anyone; once the subscriber may not, the stream ends.
    pub seen_by: Option<Audience>,
    /// Of a thread: the version that it had when it was looked at.
    pub version: u64,
    /// Nothing up to this position is shown; if left out, only what comes from now on.
    pub after: Option<u64>,
}

impl Follower {
    /// Follows something. Nothing is read before the first call of [`next`](Self::next).
    pub(super) fn new(live: Live, held: Arc<Held>, wanted: Wanted, place: Place) -> Self {
        let Wanted { subject, seen_by, version, after } = wanted;
        let board = &live.inner.board;
        let subscriber = board.subscriber(subject, held.person(), held.cell().clone());
        // What is in the log by now came before “from now on”, even if it was not told yet.
        let position = after.unwrap_or_else(|| board.told().max(*live.inner.log.progress().borrow()));
        let version = Version::UpTo(version);
        let pending = VecDeque::new();
        let (batch, joined, reach) = (BATCH, false, position);
        let mut follower = Self { live, held, subscriber, seen_by, position, version, batch, joined, pending, reach, place };
        if after.is_none() {
            follower.joined = matches!(follower.live.inner.board.after(&follower.subscriber, position, 0), After::Joined);
        }
        follower
    }

    /// The next that happened; none once what is followed may no longer be seen.
    ///
    /// # Errors
    /// The log or the views cannot be read. The subscriber may come again from the last position seen.
    pub async fn next(&mut self) -> Result<Option<Arc<Happening>>, Unreadable> {
        loop {
            if !self.may_follow() {
                return Ok(None);
            }
            if let Some(happening) = self.pending.pop_front() {
                if let Some(happening) = self.show(happening) {
                    return Ok(Some(happening));
                }
            } else if self.joined {
                if let Some(happening) = self.wait().await {
                    return Ok(Some(happening));
                }
            } else {
                self.catch_up().await?;
            }
        }
    }

    /// Who follows, as they are at this moment.
    pub fn viewer(&self) -> Viewer {
        self.held.cell().get().viewer.clone()
    }

    /// Whether what is followed may be seen as such, with the grants of this moment.
    fn may_follow(&self) -> bool {
        self.seen_by.as_ref().is_none_or(|audience| self.held.cell().get().viewer.sees(audience))
    }

    /// Moves on to an event, and shows it if it may be seen.
    fn show(&mut self, happening: Arc<Happening>) -> Option<Arc<Happening>> {
        let nothing_else = if self.pending.is_empty() { self.reach } else { 0 };
        self.position = self.position.max(happening.seq()).max(nothing_else);
        if let Subject::Thread(_) = self.subscriber.subject {
            self.version = Version::Known(happening.recorded.version);
        }
        if !self.subscriber.sees(&happening) {
            return None;
        }
        self.place.set(happening.seq());
        Some(happening)
    }

    /// Takes from the mailbox, or waits until there is something in it.
    async fn wait(&mut self) -> Option<Arc<Happening>> {
        match self.subscriber.mailbox.take() {
            None => {
                self.subscriber.mailbox.news().await;
                None
            }
            Some(Mail::Look) => None,
            // It was shown already, from what was kept.
            Some(Mail::Event(seq)) if seq <= self.position => None,
            Some(Mail::Event(seq)) => {
                if let Some(happening) = self.live.inner.board.at(seq) {
                    return self.show(happening);
                }
                self.fall_behind(seq);
                None
            }
            Some(Mail::Lost(seq)) => {
                self.fall_behind(seq);
                None
            }
        }
    }

    /// From this position on the log is read again.
    fn fall_behind(&mut self, seq: u64) {
        self.position = self.position.max(seq - 1);
        self.joined = false;
        self.live.inner.counts.fell_behind.fetch_add(1, Ordering::Relaxed);
    }

    /// Brings in some of what comes after the position, or joins if nothing does.
    async fn catch_up(&mut self) -> Result<(), Unreadable> {
        let inner = Arc::clone(&self.live.inner);
        match inner.board.after(&self.subscriber, self.position, LOOKED_THROUGH) {
            After::Joined => self.joined = true,
            After::Kept(happenings, to) if !matches!(self.subscriber.subject, Subject::Inbox(_)) => {
                let here = self.subscriber.concerned_by(happenings);
                self.hold(here, to);
            }
            After::Kept(happenings, to) => {
                let here = self.read(async move |look| look.concerning(happenings).await).await?;
                self.hold(here, to);
            }
            After::Gone(told) => {
                inner.counts.read_batches.fetch_add(1, Ordering::Relaxed);
                let Part { here, to, version, cut } = match self.subscriber.subject {
                    Subject::Thread(thread) => self.read(async move |look| look.thread(thread, told).await).await?,
                    Subject::Community(_) | Subject::Inbox(_) | Subject::Everything => {
                        self.read(async move |look| look.log(told).await).await?
                    }
                };
                self.version = version;
                self.batch = if cut {
                    u32::try_from(here.len() * 2).unwrap_or(BATCH).clamp(SMALLEST_BATCH, BATCH)
                } else {
                    (self.batch * 2).min(BATCH)
                };
                self.hold(here, to);
            }
        }
        Ok(())
    }

    /// Reads from the database when it is this follower's turn: whoever comes back after an outage comes with thousands of others.
    ///
    /// It is a task of its own, so that a reader who stalls in the midst of it keeps no one's turn. It ends with one who leaves.
    async fn read<T, F>(&self, look: impl FnOnce(Look) -> F) -> Result<T, Unreadable>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Untold>> + Send + 'static,
    {
        let inner = Arc::clone(&self.live.inner);
        let looking = look(Look {
            inner: Arc::clone(&inner),
            subscriber: Arc::clone(&self.subscriber),
            position: self.position,
            version: self.version,
            batch: self.batch,
        });
        let read = AbortOnDropHandle::new(tokio::spawn(async move {
            let _turn = inner.catch_ups.acquire().await.expect("the semaphore is never closed");
            looking.await
        }));
        match read.await {
            Ok(read) => read.map_err(|source| Unreadable { position: self.position, source: Some(source) }),
            Err(_) => Err(Unreadable { position: self.position, source: None }),
        }
    }

    /// Has these shown next, as far as they may be held at once. Once they are, nothing up to `to` is missing.
    fn hold(&mut self, happenings: Vec<Arc<Happening>>, to: u64) {
        let position = self.position;
        let mut here: Vec<_> = happenings.into_iter().filter(|happening| happening.seq() > position).collect();
        // The rest is read again.
        self.reach = if cut(&mut here) { here.last().map_or(position, |last| last.seq()) } else { to };
        let bytes = here.iter().map(|happening| happening.weight()).sum();
        self.pending.extend(here);
        self.live.inner.counts.most_held.fetch_max(bytes, Ordering::Relaxed);
        if self.pending.is_empty() {
            self.position = self.position.max(to);
        }
    }
}

/// Leaves only as many of them as may be held at once, at least one. Whether any had to go.
fn cut(happenings: &mut Vec<Arc<Happening>>) -> bool {
    let mut bytes = 0;
    let most = happenings.iter().take_while(|happening| {
        let first = bytes == 0;
        bytes += happening.weight();
        first || bytes <= HELD_BYTES
    });
    let most = most.count();
    let cut = most < happenings.len();
    happenings.truncate(most);
    cut
}

/// A look into the database for what comes after a follower's position.
struct Look {
    inner: Arc<Inner>,
    subscriber: Arc<Subscriber>,
    position: u64,
    version: Version,
    batch: u32,
}

/// What was found: what is to be shown, up to where nothing else is, and up to where a thread's stream was read.
struct Part {
    here: Vec<Arc<Happening>>,
    to: u64,
    version: Version,
    /// Whether there was more than may be held at once.
    cut: bool,
}

impl Look {
    /// Of these happenings, those that belong to what is followed and may be seen.
    async fn concerning(&self, happenings: Vec<Arc<Happening>>) -> Result<Vec<Arc<Happening>>, Untold> {
        let Subject::Inbox(person) = self.subscriber.subject else { return Ok(self.subscriber.concerned_by(happenings)) };
        let mut here = happenings;
        here.retain(|happening| self.subscriber.sees(happening));
        let concerned = self.inner.teller.concerned(&here, Some(person)).await?;
        here.retain(|happening| concerned.get(&happening.seq()).is_some_and(|concerned| concerned.names(person, happening)));
        Ok(here)
    }

    /// The next events of the whole log.
    async fn log(self, told: u64) -> Result<Part, Untold> {
        let mut events = reading::of_log(&self.inner.log, self.position, self.batch).await?;
        // What was not told yet is perhaps not in the views yet.
        events.truncate(usize::try_from(told.saturating_sub(self.position)).unwrap_or(usize::MAX));
        let mut to = self.position + events.len() as u64;
        let happenings = self.inner.teller.tell(events).await?;
        let mut here = self.concerning(happenings.into_iter().flatten().collect()).await?;
        let cut = cut(&mut here);
        if cut {
            to = here.last().map_or(to, |last| last.seq());
        }
        Ok(Part { here, to, version: self.version, cut })
    }

    /// The next events of a thread's own stream.
    async fn thread(self, thread: ThreadId, told: u64) -> Result<Part, Untold> {
        let (log, stream) = (&self.inner.log, StreamId::of::<discussions::thread::Thread>(thread));
        let version = match self.version {
            Version::Known(version) => version,
            Version::UpTo(newest) => version_at(log, &stream, self.position, newest).await?,
        };
        let (mut events, mut ends) = reading::of_stream(log, &stream, version + 1, self.batch.into()).await?;
        // What has no position yet, or was not told yet, comes by the mailbox.
        let untold = |event: &Recorded<_>| event.seq == 0 || event.seq > told;
        if let Some(first) = events.iter().position(|event| event.as_ref().is_some_and(untold)) {
            events.truncate(first);
            ends = true;
        }
        let mut version = Version::Known(version + events.len() as u64);
        let happenings: Vec<Arc<Happening>> = self.inner.teller.tell(events).await?.into_iter().flatten().collect();
        let mut to = if ends { told } else { happenings.last().map_or(self.position, |last| last.seq()) };
        let mut here = self.concerning(happenings).await?;
        let cut = cut(&mut here);
        if let Some(last) = here.last().filter(|_| cut) {
            (to, version) = (last.seq(), Version::Known(last.recorded.version));
        }
        Ok(Part { here, to, version, cut })
    }
}

/// The version of a thread's last event up to a position, among the versions up to `newest`: positions grow with versions.
async fn version_at(log: &Log, stream: &StreamId, position: u64, newest: u64) -> Result<u64, store::Error> {
    let (mut low, mut high) = (0, newest);
    // Most often nothing happened since, so the newest is looked at first.
    let mut middle = newest;
    while low < high {
        let found = match log.load_range(stream, middle, middle).await {
            Ok(events) => events.first().map(|event| event.seq),
            Err(error) if reading::is_of_database(&error) => return Err(error),
            // One that cannot be read: more is read again than would have to be.
            Err(_) => None,
        };
        match found {
            Some(seq) if seq > 0 && seq <= position => low = middle,
            Some(_) | None => high = middle - 1,
        }
        middle = (low + high).div_ceil(2);
    }
    Ok(low)
}
