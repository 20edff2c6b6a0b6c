//! [`serve`]: sockets, and the clock that flushes.

use super::options::StatsdOptions;
use super::totals::Totals;
use crate::reason::Reason;
use crate::samples::MetricIngest;
use crate::transport::{Secure, Stream};
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

const UDP: &str = "statsd_udp";
const TCP: &str = "statsd_tcp";
/// The largest datagram that IP can carry.
const MAX_DATAGRAM: usize = 65_535;
const READ_BYTES: usize = 16 * 1024;
/// At the end: what has arrived already is over when nothing comes for a moment.
const DRAIN_PAUSE: Duration = Duration::from_millis(20);
const DRAIN_DATAGRAMS: usize = 10_000;

/// Where to listen.
#[derive(Debug, Default)]
pub struct Sockets {
    pub udp: Option<UdpSocket>,
    pub tcp: Option<TcpListener>,
}

/// Receives until `cancel`; then stores what was received and ends. Both sockets feed the same series.
pub async fn serve(
    sockets: Sockets,
    door: Arc<MetricIngest>,
    options: Arc<StatsdOptions>,
    secure: Arc<dyn Secure>,
    cancel: CancellationToken,
) {
    let shared = Arc::new(Shared { door, options, totals: Mutex::default() });
    let received = CancellationToken::new();
    let receiving = async {
        let udp = async {
            if let Some(socket) = sockets.udp {
                shared.datagrams(socket, &cancel).await;
            }
        };
        let tcp = async {
            if let Some(listener) = sockets.tcp {
                connections(&shared, listener, secure, &cancel).await;
            }
        };
        tokio::join!(udp, tcp);
        received.cancel();
    };
    tokio::join!(receiving, shared.flush_until(&received));
}

#[derive(Debug)]
struct Shared {
    door: Arc<MetricIngest>,
    options: Arc<StatsdOptions>,
    totals: Mutex<Totals>,
}

impl Shared {
    async fn flush_until(&self, end: &CancellationToken) {
        let interval = self.options.flush_interval;
        let mut next = Instant::now() + interval;
        while !end.is_cancelled() {
            tokio::select! {
                () = tokio::time::sleep_until(next) => {}
                () = end.cancelled() => {}
            }
            next = (next + interval).max(Instant::now());
            self.flush().await;
        }
    }

    /// Sums go on: what a failed flush did not store is in the next.
    async fn flush(&self) {
        let incoming = self.totals.lock().flush(self.door.now_ms(), &self.options);
        if incoming.batch.is_empty() {
            return;
        }
        match self.door.submit(&self.options.tenant, "statsd", incoming).await {
            Ok(accepted) if accepted.refused.is_empty() => {}
            Ok(accepted) => tracing::debug!("statsd: {}", accepted.summary()),
            Err(error) => tracing::warn!(%error, "metrics of statsd are not stored until the next flush"),
        }
    }

    fn take(&self, source: &'static str, lines: &[u8]) {
        let now_ms = self.door.now_ms();
        let mut totals = self.totals.lock();
        for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            if let Err(reason) = totals.line(line, now_ms, &self.options) {
                self.door.count_dropped(&self.options.tenant, source, reason, 1);
            }
        }
    }

    async fn datagrams(&self, socket: UdpSocket, cancel: &CancellationToken) {
        let mut datagram = vec![0; MAX_DATAGRAM];
        loop {
            tokio::select! {
                () = cancel.cancelled() => break,
                received = socket.recv_from(&mut datagram) => match received {
                    Ok((len, _)) => self.take(UDP, &datagram[..len]),
                    // Errors of earlier datagrams, such as "port unreachable", come up here and mean nothing.
                    Err(error) => tracing::debug!(%error, "receiving statsd failed"),
                },
            }
        }
        for _ in 0..DRAIN_DATAGRAMS {
            match tokio::time::timeout(DRAIN_PAUSE, socket.recv_from(&mut datagram)).await {
                Ok(Ok((len, _))) => self.take(UDP, &datagram[..len]),
                _ => break,
            }
        }
    }

    fn admit(
        self: &Arc<Self>,
        stream: TcpStream,
        secure: &Arc<dyn Secure>,
        cancel: &CancellationToken,
        connections: &mut JoinSet<()>,
    ) {
        if connections.len() >= self.options.max_connections {
            return self.door.ingest().metrics.refused_request(TCP, Reason::Overloaded);
        }
        let (shared, secure, cancel) = (self.clone(), secure.clone(), cancel.clone());
        connections.spawn(async move {
            match secure.secure(stream).await {
                Ok(stream) => shared.connection(stream, &cancel).await,
                Err(error) => tracing::debug!("no agreement on TLS with a statsd client: {error}"),
            }
        });
    }

    async fn connection(&self, mut stream: Box<dyn Stream>, cancel: &CancellationToken) {
        let mut lines = Lines::new(self.options.max_line_bytes);
        loop {
            let idle = if cancel.is_cancelled() { DRAIN_PAUSE } else { self.options.idle_timeout };
            tokio::select! {
                () = cancel.cancelled(), if !cancel.is_cancelled() => {}
                read = tokio::time::timeout(idle, stream.read_buf(lines.room())) => match read {
                    Ok(Ok(read)) if read > 0 => self.take_lines(&mut lines, false),
                    _ => break,
                },
            }
        }
        self.take_lines(&mut lines, true);
    }

    fn take_lines(&self, lines: &mut Lines, at_end: bool) {
        let too_long = lines.complete(at_end, |complete| self.take(TCP, complete));
        if too_long > 0 {
            self.door.count_dropped(&self.options.tenant, TCP, Reason::InvalidFrame, too_long);
        }
    }
}

async fn connections(shared: &Arc<Shared>, listener: TcpListener, secure: Arc<dyn Secure>, cancel: &CancellationToken) {
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            () = cancel.cancelled() => break,
            Some(_) = connections.join_next(), if !connections.is_empty() => continue,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => shared.admit(stream, &secure, cancel, &mut connections),
            Err(error) => {
                tracing::warn!(%error, "a statsd connection could not be accepted");
                // Out of descriptors, most likely: give the others time to end.
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
    // Those that wait in the kernel's queue have been told that they are connected.
    for _ in 0..shared.options.max_connections {
        match tokio::time::timeout(DRAIN_PAUSE, listener.accept()).await {
            Ok(Ok((stream, _))) => shared.admit(stream, &secure, cancel, &mut connections),
            _ => break,
        }
    }
    while connections.join_next().await.is_some() {}
}

/// Bytes of a connection until their line is complete.
#[derive(Debug)]
struct Lines {
    buffer: Vec<u8>,
    max: usize,
    /// The line that is being read is too long already.
    skipping: bool,
}

impl Lines {
    fn new(max: usize) -> Self {
        Lines { buffer: Vec::new(), max, skipping: false }
    }

    fn room(&mut self) -> &mut Vec<u8> {
        self.buffer.reserve(READ_BYTES);
        &mut self.buffer
    }

    /// Hands over what is complete; how many lines were too long.
    fn complete(&mut self, at_end: bool, take: impl FnOnce(&[u8])) -> u64 {
        let mut too_long = 0;
        if self.skipping {
            let end = memchr::memchr(b'\n', &self.buffer).map_or(self.buffer.len(), |end| {
                self.skipping = false;
                end + 1
            });
            self.buffer.drain(..end);
        }
        let whole =
            if at_end { Some(self.buffer.len()) } else { memchr::memrchr(b'\n', &self.buffer).map(|end| end + 1) };
        if let Some(whole) = whole {
            take(&self.buffer[..whole]);
            self.buffer.drain(..whole);
        }
        if self.buffer.len() > self.max {
            self.buffer.clear();
            self.skipping = true;
            too_long += 1;
        }
        too_long
    }
}

#[cfg(test)]
mod tests;
