//! The connections that requests come over: taken, served, and let go when the client takes nothing any more.
//!
//! What `axum::serve` does, with three things that ten thousand open streams ask for: what a connection may have waiting to be written
//! is small, a client that takes none of it for long is let go, and a client that sends no request is let go as well.

use crate::api::Api;
use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use hyper::body::Incoming;
use hyper::server::conn::http1::Builder;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::Service;

/// The most bytes of requests and answers that wait in a connection's buffers. A request's head must fit.
const BUFFER: usize = 64 * 1024;
/// How long a connection may be open without the head of a request.
const HEAD_WAIT: Duration = Duration::from_secs(75);
/// How long to wait when no connection can be taken, because the process has too many files open for instance.
const PAUSE: Duration = Duration::from_secs(1);

impl Api {
    /// Serves a router until told to stop; then takes no more connections, and returns when those that are open have ended.
    pub async fn serve(&self, listener: TcpListener, router: Router, stop: impl Future<Output = ()>) {
        let patience = self.settings().write_wait;
        let (open, stopping) = (TaskTracker::new(), CancellationToken::new());
        let mut stop = std::pin::pin!(stop);
        loop {
            let (stream, address) = tokio::select! {
                () = &mut stop => break,
                taken = listener.accept() => match taken {
                    Ok(taken) => taken,
                    Err(error) => {
                        if !is_of_client(&error) {
                            tracing::error!(%error, "no connection can be taken");
                            tokio::time::sleep(PAUSE).await;
                        }
                        continue;
                    }
                },
            };
            // Events are small, and shall not wait for others.
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%error, "a connection is gone already");
            }
            let router = router.clone();
            let service = service_fn(move |request: http::Request<Incoming>| {
                let (mut router, mut request) = (router.clone(), request.map(Body::new));
                request.extensions_mut().insert(ConnectInfo(address));
                async move { Ok::<_, Infallible>(router.call(request).await.unwrap_or_else(|never| match never {})) }
            });
            let mut builder = Builder::new();
            builder.timer(TokioTimer::new()).header_read_timeout(HEAD_WAIT).max_buf_size(BUFFER);
            let io = TokioIo::new(Patient { stream, patience, stalled: None });
            let (connection, stopping) = (builder.serve_connection(io, service).with_upgrades(), stopping.clone());
            open.spawn(async move {
                let mut connection = std::pin::pin!(connection);
                let ended = tokio::select! {
                    ended = connection.as_mut() => ended,
                    () = stopping.cancelled() => {
                        // The answer under way is finished.
                        connection.as_mut().graceful_shutdown();
                        connection.await
                    }
                };
                if let Err(error) = ended {
                    tracing::debug!(%error, %address, "a connection ended badly");
                }
            });
        }
        drop(listener);
        stopping.cancel();
        open.close();
        open.wait().await;
    }
}

/// Whether only this one connection could not be taken.
fn is_of_client(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::ConnectionRefused | ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset)
}

/// A connection that fails once nothing could be written to it for a time.
struct Patient {
    stream: TcpStream,
    patience: Duration,
    /// Runs while something waits to be written and none of it is taken.
    stalled: Option<Pin<Box<Sleep>>>,
}

impl Patient {
    fn checked<T>(&mut self, written: Poll<io::Result<T>>, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let patience = self.patience;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(tokio::time::sleep(patience)));
        stalled.as_mut().poll(cx).map(|()| Err(io::Error::new(ErrorKind::TimedOut, "the client takes nothing any more")))
    }
}

impl AsyncRead for Patient {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Patient {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.checked(written, cx)
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, cx: &mut Context<'_>, parts: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, parts);
        self.checked(written, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
