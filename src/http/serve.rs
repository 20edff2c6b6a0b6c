//! Accepts connections, within limits, until told to stop; then lets each finish what it is doing.

use crate::tls::Tls;
use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// After an accept that failed, most often for want of file descriptors.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_millis(100);
const FIRST_BYTES: usize = 64;
const MAX_STREAMS_PER_CONNECTION: u32 = 256;

/// Bounds on connections.
#[derive(Clone, Copy, Debug)]
pub struct ServeLimits {
    /// Served at a time; more wait in the kernel's queue.
    pub connections: usize,
    /// From the connection, or the end of the last answer on HTTP/1, to the end of the next head.
    pub header_timeout: Duration,
}

/// Serves HTTP/1 and HTTP/2 on one listener. Returns when `stop` is cancelled and the last connection is done.
pub async fn serve(
    listener: TcpListener,
    app: Router,
    limits: ServeLimits,
    tls: Option<Arc<Tls>>,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let slots = Arc::new(Semaphore::new(limits.connections));
    let mut connections = JoinSet::new();
    while let Some((stream, slot)) = next_connection(&listener, &slots, &stop).await? {
        let (app, tls, stop) = (app.clone(), tls.clone(), stop.clone());
        connections.spawn(async move {
            let _slot = slot;
            match tls {
                None => connection(stream, app, limits.header_timeout, stop).await,
                Some(tls) => secure_connection(stream, &tls, app, limits.header_timeout, stop).await,
            }
        });
        while connections.try_join_next().is_some() {}
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
    Ok(())
}

type Slot = tokio::sync::OwnedSemaphorePermit;

async fn next_connection(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
    stop: &CancellationToken,
) -> anyhow::Result<Option<(TcpStream, Slot)>> {
    let slot = tokio::select! {
        slot = slots.clone().acquire_owned() => slot?,
        () = stop.cancelled() => return Ok(None),
    };
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => return Ok(None),
        };
        match accepted {
            Ok((stream, _)) => return Ok(Some((stream, slot))),
            Err(cause) => {
                tracing::warn!("a connection could not be accepted: {cause}");
                tokio::time::sleep(PAUSE_AFTER_FAILURE).await;
            }
        }
    }
}

async fn connection(stream: TcpStream, app: Router, header_timeout: Duration, stop: CancellationToken) {
    // The choice between HTTP/1 and HTTP/2 waits for the first bytes without a limit of its own.
    let mut first = [0];
    let first_byte = tokio::time::timeout(header_timeout, stream.peek(&mut first));
    let spoke = tokio::select! {
        ready = first_byte => matches!(ready, Ok(Ok(1))),
        () = stop.cancelled() => false,
    };
    if !spoke || stream.set_nodelay(true).is_err() {
        return;
    }
    speak(stream, app, header_timeout, stop).await;
}

/// As [`connection`], under TLS: the handshake has a limit of its own.
async fn secure_connection(
    stream: TcpStream,
    tls: &Tls,
    app: Router,
    header_timeout: Duration,
    stop: CancellationToken,
) {
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let agreed = tokio::select! {
        agreed = tls.handshake(stream) => agreed,
        () = stop.cancelled() => return,
    };
    let mut stream = match agreed {
        // Large reads go past the buffer: it is there to wait for the first bytes only.
        Ok(stream) => BufReader::with_capacity(FIRST_BYTES, stream),
        Err(cause) => return tracing::debug!("no agreement on TLS: {cause}"),
    };
    let spoke = tokio::select! {
        ready = tokio::time::timeout(header_timeout, stream.fill_buf()) => matches!(ready, Ok(Ok(read)) if !read.is_empty()),
        () = stop.cancelled() => false,
    };
    if spoke {
        speak(stream, app, header_timeout, stop).await;
    }
}

async fn speak<S>(stream: S, app: Router, header_timeout: Duration, stop: CancellationToken)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(header_timeout);
    builder.http2().timer(TokioTimer::new()).max_concurrent_streams(MAX_STREAMS_PER_CONNECTION);
    builder.http2().keep_alive_interval(Some(Duration::from_secs(30)));
    let serving = builder.serve_connection_with_upgrades(TokioIo::new(stream), TowerToHyperService::new(app));
    tokio::pin!(serving);
    let outcome = tokio::select! {
        outcome = serving.as_mut() => outcome,
        () = stop.cancelled() => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if let Err(cause) = outcome {
        tracing::debug!("connection ended: {cause}");
    }
}
