//! Syslog over TCP.

use super::batch::{Batch, submit};
use super::framing::{Frame, Framer};
use super::options::SyslogOptions;
use crate::ingest::Ingest;
use crate::reason::Reason;
use crate::transport::{Secure, Stream};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

const SOURCE: &str = "syslog_tcp";
const READ_BYTES: usize = 16 * 1024;
/// Reads at the end of a connection that still sends: 1 MiB.
const DRAIN_READS: usize = 64;
/// How long a connection is silent when it has nothing more to give.
pub(super) const DRAIN_PAUSE: Duration = Duration::from_millis(20);

/// Accepts connections until `cancel`; then submits what was read and ends.
pub async fn serve_tcp(
    listener: TcpListener,
    ingest: Arc<Ingest>,
    options: Arc<SyslogOptions>,
    secure: Arc<dyn Secure>,
    cancel: CancellationToken,
) {
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            () = cancel.cancelled() => break,
            Some(_) = connections.join_next(), if !connections.is_empty() => continue,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok(_) if connections.len() >= options.max_connections => {
                ingest.metrics.refused_request(SOURCE, Reason::Overloaded);
            }
            Ok((stream, peer)) => {
                let (ingest, options, cancel) = (ingest.clone(), options.clone(), cancel.clone());
                let secure = secure.clone();
                connections.spawn(async move {
                    match secure.secure(stream).await {
                        Ok(stream) => Connection::new(stream, ingest, options, cancel).run().await,
                        Err(error) => tracing::debug!(%peer, "no agreement on TLS with a syslog client: {error}"),
                    }
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a syslog connection could not be accepted");
                // Out of descriptors, most likely: give the others time to end.
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
    while connections.join_next().await.is_some() {}
}

struct Connection {
    stream: Box<dyn Stream>,
    ingest: Arc<Ingest>,
    options: Arc<SyslogOptions>,
    cancel: CancellationToken,
    framer: Framer,
    batch: Batch,
}

impl Connection {
    fn new(
        stream: Box<dyn Stream>,
        ingest: Arc<Ingest>,
        options: Arc<SyslogOptions>,
        cancel: CancellationToken,
    ) -> Self {
        let framer = Framer::new(options.max_frame_bytes);
        let batch = Batch::new(&options);
        Connection { stream, ingest, options, cancel, framer, batch }
    }

    async fn run(mut self) {
        loop {
            let idle = Instant::now() + self.options.idle_timeout;
            let age = self.batch.deadline(&self.options);
            self.framer.buffer().reserve(READ_BYTES);
            tokio::select! {
                () = self.cancel.cancelled() => {
                    self.drain().await;
                    break;
                }
                read = self.stream.read_buf(self.framer.buffer()) => match read {
                    Ok(0) | Err(_) => break,
                    Ok(_) => self.take_frames().await,
                },
                () = tokio::time::sleep_until(age.unwrap_or(idle)) => match age {
                    Some(_) => self.submit().await,
                    None => break,
                },
            }
        }
        let framer = std::mem::replace(&mut self.framer, Framer::new(0));
        if let Some(frame) = framer.finish() {
            self.take(frame);
        }
        self.batch.finish();
        self.submit().await;
    }

    /// Takes what has arrived already, which is over when nothing comes for a moment.
    async fn drain(&mut self) {
        for _ in 0..DRAIN_READS {
            self.framer.buffer().reserve(READ_BYTES);
            match tokio::time::timeout(DRAIN_PAUSE, self.stream.read_buf(self.framer.buffer())).await {
                Ok(Ok(read)) if read > 0 => self.take_frames().await,
                _ => break,
            }
        }
    }

    async fn take_frames(&mut self) {
        while let Some(frame) = self.framer.next_frame() {
            self.take(frame);
            if self.batch.is_full(&self.options) {
                self.submit().await;
            }
        }
    }

    fn take(&mut self, frame: Frame) {
        match frame {
            Frame::Message(message) => self.batch.push(&message, self.ingest.clock().now(), &self.options),
            Frame::TooLong(bytes) => {
                self.ingest.count_dropped(&self.options.tenant, SOURCE, Reason::InvalidFrame, 1, bytes as u64);
            }
        }
    }

    async fn submit(&mut self) {
        let batch = self.batch.split(&self.options);
        if !batch.is_empty() {
            submit(batch, &self.ingest, SOURCE, &self.options, &self.cancel).await;
        }
    }
}

#[cfg(test)]
mod tests;
