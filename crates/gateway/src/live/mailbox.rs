//! What waits for one subscriber: the positions of events that they follow, a few at most.
//!
//! It is a hint, not a store. Events themselves are kept once for all, so a subscriber who does not keep up costs a few hundred
//! bytes; what no longer fits is noted by the first position that was lost, and is read from the log when its time comes.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// How many positions wait at most.
pub(super) const CAPACITY: usize = 64;

/// What a subscriber finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mail {
    /// What they may see has changed: look whether they still see what they follow.
    Look,
    /// The event at this position.
    Event(u64),
    /// From this position on, events were not kept for them.
    Lost(u64),
}

#[derive(Debug, Default)]
struct Waiting {
    positions: VecDeque<u64>,
    lost: Option<u64>,
    look: bool,
}

/// What waits for one subscriber.
#[derive(Debug, Default)]
pub(super) struct Mailbox {
    waiting: Mutex<Waiting>,
    news: Notify,
}

impl Mailbox {
    /// Puts in an event. False if this is the one with which it ran over.
    pub(super) fn put(&self, seq: u64) -> bool {
        let mut waiting = self.lock();
        if waiting.lost.is_some() {
            return true;
        }
        let fits = waiting.positions.len() < CAPACITY;
        if fits {
            waiting.positions.push_back(seq);
        } else {
            waiting.lost = Some(seq);
        }
        drop(waiting);
        self.news.notify_one();
        fits
    }

    /// Has the subscriber look whether they still see what they follow.
    pub(super) fn look(&self) {
        self.lock().look = true;
        self.news.notify_one();
    }

    /// What comes next, if anything waits. That something was lost is said after all that was not, until it is [emptied](Self::empty).
    pub(super) fn take(&self) -> Option<Mail> {
        let mut waiting = self.lock();
        if std::mem::take(&mut waiting.look) {
            return Some(Mail::Look);
        }
        match waiting.positions.pop_front() {
            Some(seq) => Some(Mail::Event(seq)),
            None => waiting.lost.map(Mail::Lost),
        }
    }

    /// Forgets what waits: the subscriber knows it from elsewhere.
    pub(super) fn empty(&self) {
        let mut waiting = self.lock();
        waiting.positions = VecDeque::new();
        waiting.lost = None;
    }

    /// How many positions wait.
    pub(super) fn len(&self) -> usize {
        self.lock().positions.len()
    }

    /// Resolves when something may wait.
    pub(super) async fn news(&self) {
        self.news.notified().await;
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_lost_from_its_first_position_on() {
        let mailbox = Mailbox::default();
        let fits = u64::try_from(CAPACITY).unwrap();
        for seq in 1..=fits {
            assert!(mailbox.put(seq));
        }
        assert!(!mailbox.put(fits + 1));
        assert!(mailbox.put(fits + 2), "it has run over already");
        assert_eq!(mailbox.len(), CAPACITY);
        mailbox.look();
        assert_eq!(mailbox.take(), Some(Mail::Look));
        for seq in 1..=fits {
            assert_eq!(mailbox.take(), Some(Mail::Event(seq)));
        }
        assert_eq!(mailbox.take(), Some(Mail::Lost(fits + 1)));
        // Until the subscriber has caught up, nothing is kept for them.
        assert!(mailbox.put(fits + 3));
        assert_eq!((mailbox.take(), mailbox.len()), (Some(Mail::Lost(fits + 1)), 0));
        mailbox.empty();
        assert_eq!(mailbox.take(), None);
        assert!(mailbox.put(fits + 4));
        assert_eq!(mailbox.take(), Some(Mail::Event(fits + 4)));
    }
}
