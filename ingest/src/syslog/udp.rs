//! Syslog over UDP: one message a datagram (RFC 5426).

use super::batch::{Batch, submit};
use super::options::SyslogOptions;
use super::tcp::DRAIN_PAUSE;
use crate::ingest::Ingest;
use crate::reason::Reason;
use std::sync::Arc;
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

const SOURCE: &str = "syslog_udp";
/// The largest datagram that IP can carry.
const MAX_DATAGRAM: usize = 65_535;
/// Batches that wait for the store. With the one being filled they bound the memory.
const WAITING_BATCHES: usize = 4;
/// Most datagrams to take out of the socket at the end.
const DRAIN_DATAGRAMS: usize = 10_000;

/// Receives until `cancel`; then submits what was received and ends. Datagrams that come faster than they can be stored
/// are dropped and counted.
pub async fn serve_udp(socket: UdpSocket, ingest: Arc<Ingest>, options: Arc<SyslogOptions>, cancel: CancellationToken) {
    let (sender, mut batches) = mpsc::channel::<Batch>(WAITING_BATCHES);
    let batch = Batch::new(&options);
    let receiver = Receiver { ingest: ingest.clone(), options: options.clone(), batch, sender };
    let storing = async {
        while let Some(batch) = batches.recv().await {
            submit(batch, &ingest, SOURCE, &options, &cancel).await;
        }
    };
    tokio::join!(receiver.run(socket, &cancel), storing);
}

struct Receiver {
    ingest: Arc<Ingest>,
    options: Arc<SyslogOptions>,
    batch: Batch,
    sender: mpsc::Sender<Batch>,
}

impl Receiver {
    async fn run(mut self, socket: UdpSocket, cancel: &CancellationToken) {
        let mut datagram = vec![0; MAX_DATAGRAM];
        loop {
            let age = self.batch.deadline(&self.options);
            tokio::select! {
                () = cancel.cancelled() => break,
                received = socket.recv_from(&mut datagram) => match received {
                    Ok((len, _)) => self.take(&datagram[..len]),
                    // Errors of earlier datagrams, such as "port unreachable", come up here and mean nothing.
                    Err(error) => tracing::debug!(%error, "receiving syslog failed"),
                },
                () = sleep_until(age) => self.hand_over(),
            }
        }
        for _ in 0..DRAIN_DATAGRAMS {
            match tokio::time::timeout(DRAIN_PAUSE, socket.recv_from(&mut datagram)).await {
                Ok(Ok((len, _))) => self.take(&datagram[..len]),
                _ => break,
            }
        }
        self.batch.finish();
        if !self.batch.is_empty() {
            let _ = self.sender.send(self.batch).await;
        }
    }

    fn take(&mut self, datagram: &[u8]) {
        let (ingest, options) = (self.ingest.clone(), self.options.clone());
        let drop_it = |reason| ingest.count_dropped(&options.tenant, SOURCE, reason, 1, datagram.len() as u64);
        if datagram.len() > self.options.max_frame_bytes {
            drop_it(Reason::InvalidFrame);
            return;
        }
        if self.batch.is_full(&self.options) {
            self.hand_over();
        }
        if self.batch.is_full(&self.options) {
            drop_it(Reason::Overloaded);
            return;
        }
        self.batch.push(datagram, self.ingest.clock().now(), &self.options);
    }

    /// Keeps the batch while there is no room for it.
    fn hand_over(&mut self) {
        if let Ok(room) = self.sender.try_reserve() {
            let batch = self.batch.split(&self.options);
            if !batch.is_empty() {
                room.send(batch);
            }
        } else {
            self.batch.postpone();
        }
    }
}

async fn sleep_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
