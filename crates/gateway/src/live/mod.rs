//! Live updates: one reader of the log tells everyone who follows something.
//!
//! - The **reader** ([`Live::follow`]) decodes each event once, looks up once where it belongs and who may see it ([`teller`]), and
//!   waits until the views have it. It then renews what people may see if the event changes that ([`standings`]), ends the streams
//!   that it ends ([`streams`]), and puts it on the [`board`].
//! - The **board** keeps the last events, once for all, and knows who follows what: a thread, a community, an inbox, everything. Only
//!   those who are concerned are woken.
//! - A **follower** ([`follower`]) goes from a position to the present and on, and checks each event against what its person may see
//!   at that moment. Its [`mailbox`] holds a few positions; whoever does not keep up reads what was missed from the log.
//!
//! So what a subscriber costs is bounded, and what a subscriber sees is the log, filtered by the one rule of visibility, without a
//! gap and without a repeat from any position on.

mod board;
mod follower;
mod happening;
mod mailbox;
mod reading;
mod standings;
mod streams;
mod teller;

pub use board::Figures;
pub use follower::{Follower, Place, Unreadable, Wanted};
pub use happening::{Concern, Happening, Subject, actor};
pub use standings::Held;
pub use streams::Watched;

use crate::graphql::commons::Commons;
use board::Board;
use identity::{Bars, Credential};
use kernel::PersonId;
use projections::Progress;
use standings::Standings;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;
use store::{Log, Reads};
use streams::Streams;
use teller::{Teller, Untold};
use tokio::sync::{Semaphore, SetOnce};
use tokio_util::sync::CancellationToken;

/// How many events are read at once.
const BATCH: u32 = 200;
/// How many followers read the log at once, to catch up.
const CATCH_UPS: usize = 4;
/// How long someone who subscribes just after the start waits for the views.
const START_WAIT: Duration = Duration::from_secs(5);
/// How long to wait before what failed is tried again.
const PAUSE: Duration = Duration::from_millis(500);

/// Tells everyone who follows something. Cheap to clone.
#[derive(Clone)]
pub struct Live {
    inner: Arc<Inner>,
}

/// What live updates work with.
pub struct Sources {
    /// The database with the views.
    pub db: Reads,
    /// The log.
    pub log: Log,
    /// How far the views are.
    pub progress: Progress,
    /// Who may not come in.
    pub bars: Bars,
    /// How often it is asked which sessions and tokens with open streams still hold.
    pub recheck: Duration,
    /// How many events are kept in memory for those who are a little behind.
    pub kept: usize,
}

struct Inner {
    log: Log,
    progress: Progress,
    board: Arc<Board>,
    teller: Teller,
    standings: Arc<Standings>,
    streams: Arc<Streams>,
    catch_ups: Semaphore,
    commons: Arc<Commons>,
    counts: Counts,
    started: SetOnce<()>,
    closing: CancellationToken,
}

/// What is counted since the start.
#[derive(Default)]
struct Counts {
    told: AtomicU64,
    overrun: AtomicU64,
    fell_behind: AtomicU64,
    read_batches: AtomicU64,
    most_held: AtomicUsize,
}

/// What was counted since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// Events that were put into mailboxes.
    pub told: u64,
    /// Mailboxes that ran over.
    pub overrun: u64,
    /// Followers that had to go back to what was missed.
    pub fell_behind: u64,
    /// Batches that were read from the log to catch up.
    pub read_batches: u64,
    /// The most bytes of events that one follower held to be shown.
    pub most_held: usize,
}

impl std::fmt::Debug for Live {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Live").field("figures", &self.figures()).finish_non_exhaustive()
    }
}

impl Live {
    /// Follows the log from its present end until [closed](Self::close). Called within a runtime.
    pub fn follow(sources: Sources) -> Self {
        let Sources { db, log, progress, bars, recheck, kept } = sources;
        let commons = Arc::<Commons>::default();
        let inner = Arc::new(Inner {
            board: Arc::new(Board::new(kept, Arc::clone(&commons))),
            teller: Teller::new(db.clone(), log.clone()),
            standings: Standings::new(db),
            streams: Arc::default(),
            catch_ups: Semaphore::new(CATCH_UPS),
            commons,
            counts: Counts::default(),
            started: SetOnce::new(),
            closing: CancellationToken::new(),
            log,
            progress,
        });
        let (reader, watcher) = (Arc::clone(&inner), Arc::clone(&inner));
        tokio::spawn(async move { reader.closing.run_until_cancelled(reader.read()).await });
        tokio::spawn(async move { watcher.closing.run_until_cancelled(watcher.watch(&bars, recheck)).await });
        Self { inner }
    }

    /// What a person may see, kept up to date for as long as it is held. None is a stranger.
    ///
    /// # Errors
    /// The database's; the same if live updates have not begun yet, because the views are far behind.
    pub async fn hold(&self, person: Option<PersonId>) -> Result<Arc<Held>, sqlx::Error> {
        tokio::select! {
            () = self.inner.started.wait() => {}
            () = tokio::time::sleep(START_WAIT) => return Err(sqlx::Error::PoolTimedOut),
            () = self.closed() => return Err(sqlx::Error::PoolClosed),
        }
        self.inner.standings.hold(&self.inner.board, person).await.map(Arc::new)
    }

    /// Follows something, for someone whose standing is held. `place` is told what was shown last.
    pub fn follower(&self, held: Arc<Held>, wanted: Wanted, place: Place) -> Follower {
        Follower::new(self.clone(), held, wanted, place)
    }

    /// Whether the log reaches a position, so that it can be gone on from there.
    ///
    /// # Errors
    /// The database's.
    pub async fn reaches(&self, position: u64) -> Result<bool, store::Error> {
        Ok(*self.inner.log.progress().borrow() >= position || self.inner.log.head().await? >= position)
    }

    /// What was read since the last event was told.
    pub(crate) fn commons(&self) -> Arc<Commons> {
        Arc::clone(&self.inner.commons)
    }

    /// Watches over what a stream was opened with.
    pub fn watch(&self, credential: Option<&Credential>) -> Watched {
        self.inner.streams.watch(credential)
    }

    /// How much is kept in memory at present.
    pub fn figures(&self) -> Figures {
        self.inner.board.figures()
    }

    /// How many sessions and tokens have open streams.
    pub fn watched(&self) -> usize {
        self.inner.streams.len()
    }

    /// What was counted since the start.
    pub fn counted(&self) -> Counted {
        let counts = &self.inner.counts;
        Counted {
            told: counts.told.load(Ordering::Relaxed),
            overrun: counts.overrun.load(Ordering::Relaxed),
            fell_behind: counts.fell_behind.load(Ordering::Relaxed),
            read_batches: counts.read_batches.load(Ordering::Relaxed),
            most_held: counts.most_held.load(Ordering::Relaxed),
        }
    }

    /// Ends every open stream, so that the process can stop.
    pub fn close(&self) {
        self.inner.closing.cancel();
    }

    /// Whether streams have been told to end.
    pub fn is_closed(&self) -> bool {
        self.inner.closing.is_cancelled()
    }

    /// Resolves once streams shall end.
    pub async fn closed(&self) {
        self.inner.closing.cancelled().await;
    }
}

impl Inner {
    /// Reads the log for ever.
    async fn read(&self) {
        let mut moved = self.log.progress();
        let head = loop {
            match self.log.head().await {
                Ok(head) => break head,
                Err(error) => {
                    tracing::warn!(%error, "the log cannot be read for live updates");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        };
        self.projected(head).await;
        self.board.start(head);
        self.started.set(()).expect("it starts once");
        loop {
            let head = *moved.borrow_and_update();
            if head <= self.board.told() {
                if moved.changed().await.is_err() {
                    return;
                }
                continue;
            }
            if !self.board.is_attended() {
                // Whoever comes finds the views as far as was passed over.
                self.projected(head).await;
                // No one reads meanwhile; whoever comes reads anew.
                self.commons.turn();
                if self.board.pass_over(head) {
                    continue;
                }
            }
            if let Err(error) = self.tell().await {
                tracing::warn!(%error, "live updates wait");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }

    /// Tells the next events.
    async fn tell(&self) -> Result<(), Untold> {
        let told = self.board.told();
        let events = reading::of_log(&self.log, told, BATCH).await?;
        if events.is_empty() {
            return Err(store::Error::Gap { seq: told + 1 }.into());
        }
        self.projected(told + events.len() as u64).await;
        let happenings = self.teller.tell(events).await?;
        let each: Vec<Arc<Happening>> = happenings.iter().flatten().cloned().collect();
        let changed = self.standings.renew(each.iter().map(|happening| &*happening.recorded)).await?;
        for happening in &each {
            self.streams.follow(&happening.recorded);
        }
        let mut concerned = if self.board.has_inboxes() { Some(self.teller.concerned(&each, None).await?) } else { None };
        self.commons.turn();
        let outcome = loop {
            match self.board.tell(&happenings, concerned.as_ref()) {
                Some(outcome) => break outcome,
                // Someone opened their inbox just now.
                None => concerned = Some(self.teller.concerned(&each, None).await?),
            }
        };
        self.board.look(&changed);
        self.counts.told.fetch_add(outcome.told as u64, Ordering::Relaxed);
        self.counts.overrun.fetch_add(outcome.overrun as u64, Ordering::Relaxed);
        self.measure();
        Ok(())
    }

    /// Waits until the views hold the log up to a position.
    async fn projected(&self, position: u64) {
        while !self.progress.await_projected(position, PAUSE).await.is_reached() {}
    }

    /// Asks now and then which sessions and tokens still hold.
    async fn watch(&self, bars: &Bars, recheck: Duration) {
        loop {
            tokio::time::sleep(recheck).await;
            if let Err(error) = self.streams.look(bars).await {
                // Not knowing is no reason to show anything more; but a moment's outage is none to end every stream either. What is
                // shown comes from the same database, so nothing is shown meanwhile.
                tracing::warn!(%error, "open streams cannot be checked");
            }
        }
    }

    fn measure(&self) {
        let (subscribers, kept) = self.board.size();
        #[allow(clippy::cast_precision_loss, reason = "a gauge need not be exact beyond 2^53")]
        for (name, value) in [("hub_live_subscribers", subscribers), ("hub_live_kept_bytes", kept)] {
            metrics::gauge!(name).set(value as f64);
        }
        metrics::counter!("hub_live_told_total").absolute(self.counts.told.load(Ordering::Relaxed));
        metrics::counter!("hub_live_fell_behind_total").absolute(self.counts.fell_behind.load(Ordering::Relaxed));
    }
}
