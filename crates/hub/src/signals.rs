//! How the hub is told to stop: a first signal lets what is under way finish, a second one stops at once.

use tokio_util::sync::CancellationToken;

/// A token that is cancelled by the first SIGINT or SIGTERM. The second one ends the program with status 130.
pub(crate) fn stop_on_signal() -> CancellationToken {
    let stop = CancellationToken::new();
    let told = stop.clone();
    tokio::spawn(async move {
        signal().await;
        tracing::info!("stopping: no new work; what is under way is finished. A second signal stops at once");
        told.cancel();
        signal().await;
        tracing::warn!("stopped at once, as asked");
        std::process::exit(130);
    });
    stop
}

#[cfg(unix)]
async fn signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate())) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}

#[cfg(not(unix))]
async fn signal() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}
