//! Who follows a thread is told when there is something new in the views: one reader of the log for all open streams.

use projections::Progress;
use std::time::Duration;
use store::Log;
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// How many events are read at once.
const BATCH: u32 = 500;
/// How many streams' news wait for a slow follower. One that misses some looks for itself.
const WAITING: usize = 1_024;
/// How long to wait before the log is tried again.
const PAUSE: Duration = Duration::from_millis(500);

/// Tells of streams that have something new in the views.
#[derive(Clone, Debug)]
pub struct Live {
    news: broadcast::Sender<Uuid>,
    closing: CancellationToken,
}

impl Live {
    /// Follows the log until [closed](Self::close).
    pub fn follow(log: Log, progress: Progress) -> Self {
        let live = Self { news: broadcast::Sender::new(WAITING), closing: CancellationToken::new() };
        let (news, closing) = (live.news.clone(), live.closing.clone());
        tokio::spawn(async move {
            closing.run_until_cancelled(run(log, progress, news)).await;
        });
        live
    }

    /// The ids of streams that have something new, from now on.
    pub fn news(&self) -> broadcast::Receiver<Uuid> {
        self.news.subscribe()
    }

    /// Ends every open stream, so that the process can stop.
    pub fn close(&self) {
        self.closing.cancel();
    }

    /// Whether streams have been told to end.
    pub fn is_closed(&self) -> bool {
        self.closing.is_cancelled()
    }

    /// Resolves once streams shall end.
    pub async fn closed(&self) {
        self.closing.cancelled().await;
    }
}

async fn run(log: Log, progress: Progress, news: broadcast::Sender<Uuid>) {
    let mut moved = log.progress();
    let mut after = loop {
        match log.head().await {
            Ok(head) => break head,
            Err(error) => {
                tracing::warn!(%error, "the log cannot be read for live updates");
                tokio::time::sleep(PAUSE).await;
            }
        }
    };
    loop {
        // What lies behind is not read again: a follower finds its own way from its position to the present.
        if news.receiver_count() == 0 {
            after = after.max(*moved.borrow_and_update());
        }
        let batch = match log.read(after, BATCH).await {
            Ok(batch) => batch,
            Err(error) => {
                tracing::warn!(%error, "the log cannot be read for live updates");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        let Some(last) = batch.last() else {
            if moved.wait_for(|end| *end > after).await.is_err() {
                return;
            }
            continue;
        };
        after = last.seq;
        while !progress.await_projected(after, PAUSE).await.is_reached() {}
        let mut streams: Vec<Uuid> = batch.iter().map(|recorded| recorded.stream.id).collect();
        streams.sort_unstable();
        streams.dedup();
        for stream in streams {
            // No one listening is no fault.
            let _listeners = news.send(stream);
        }
    }
}
