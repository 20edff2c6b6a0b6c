//! The listener: connections, handshake, messages, acknowledgements.

use super::decode::{FluentMessage, decode};
use super::framing::Scanner;
use super::handshake::{Nonce, ack, pong};
use super::options::FluentOptions;
use crate::error::IngestError;
use crate::ingest::Ingest;
use crate::reason::Reason;
use crate::transport::{Secure, Stream};
use bytes::BytesMut;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

const SOURCE: &str = "fluent";
const READ_BYTES: usize = 64 * 1024;
/// A PING is a flat array; the decoder counts several steps for each level.
const PING_DEPTH: usize = 16;
/// How long a refused client may take to read its refusal.
const HANG_UP: Duration = Duration::from_secs(2);
/// Longest wait between two tries to store a message.
const MAX_WAIT: Duration = Duration::from_secs(10);

/// Accepts connections until `cancel`; a message that is complete by then is stored and acknowledged.
pub async fn serve(
    listener: TcpListener,
    ingest: Arc<Ingest>,
    options: Arc<FluentOptions>,
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
                    if let Err(error) = connection(stream, &*secure, ingest, options, cancel).await {
                        tracing::debug!(%peer, "a Fluent connection ended: {error}");
                    }
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a Fluent connection could not be accepted");
                // Out of descriptors, most likely: give the others time to end.
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
    while connections.join_next().await.is_some() {}
}

async fn connection(
    stream: TcpStream,
    secure: &dyn Secure,
    ingest: Arc<Ingest>,
    options: Arc<FluentOptions>,
    cancel: CancellationToken,
) -> io::Result<()> {
    let stream = secure.secure(stream).await?;
    let scanner = Scanner::new(options.max_message_bytes);
    let mut connection = Connection { stream, ingest, options, cancel, scanner, buffer: BytesMut::new() };
    if !connection.options.shared_key.reveal().is_empty() && !connection.handshake().await? {
        return Ok(());
    }
    while let Some(length) = connection.next_message().await? {
        let message = connection.buffer.split_to(length);
        if !connection.take(&message).await? {
            break;
        }
    }
    connection.stream.shutdown().await
}

struct Connection {
    stream: Box<dyn Stream>,
    ingest: Arc<Ingest>,
    options: Arc<FluentOptions>,
    cancel: CancellationToken,
    scanner: Scanner,
    buffer: BytesMut,
}

impl Connection {
    /// `false` when the client does not know the key.
    async fn handshake(&mut self) -> io::Result<bool> {
        let nonce = Nonce::random()?;
        self.stream.write_all(&nonce.helo()).await?;
        self.stream.flush().await?;
        let timeout = self.options.message_timeout;
        let Ok(message) = tokio::time::timeout(timeout, self.next_message()).await else { return Ok(false) };
        let Some(length) = message? else { return Ok(false) };
        let message = self.buffer.split_to(length);
        let ping = rmpv::decode::read_value_ref_with_max_depth(&mut &message[..], PING_DEPTH).ok();
        let options = &self.options;
        let pong = ping.and_then(|ping| pong(&ping, &nonce, &options.hostname, options.shared_key.reveal()));
        let Some(pong) = pong else {
            self.ingest.metrics.refused_request(SOURCE, Reason::Unauthorized);
            return Ok(false);
        };
        self.stream.write_all(&pong.message).await?;
        self.stream.flush().await?;
        if let Some(reason) = pong.refused {
            self.ingest.metrics.refused_request(SOURCE, reason);
            self.hang_up().await?;
        }
        Ok(pong.refused.is_none())
    }

    /// Ends the connection so that the client can read the last answer: what it still sends is read and thrown away, for a
    /// short time, since closing over unread bytes would reset the connection.
    async fn hang_up(&mut self) -> io::Result<()> {
        self.stream.shutdown().await?;
        let draining = async {
            let mut thrown_away = [0; 4096];
            while self.stream.read(&mut thrown_away).await? > 0 {}
            io::Result::Ok(())
        };
        // Too slow, or too much: it is closed all the same.
        tokio::time::timeout(HANG_UP, draining).await.unwrap_or(Ok(()))
    }

    /// The length of the next message at the front of the buffer; `None` when the connection ends in between.
    async fn next_message(&mut self) -> io::Result<Option<usize>> {
        let mut held = self.ingest.reserve();
        loop {
            match self.scanner.end(&self.buffer) {
                Ok(Some(length)) => return Ok(Some(length)),
                Ok(None) => {}
                Err(error) => {
                    self.ingest.metrics.refused_request(SOURCE, Reason::InvalidFrame);
                    return Err(io::Error::new(io::ErrorKind::InvalidData, error));
                }
            }
            held.grow_to(self.buffer.len()).map_err(|error| {
                self.ingest.metrics.refused_request(SOURCE, error.reason);
                io::Error::other(error)
            })?;
            let wait = if self.buffer.is_empty() { self.options.idle_timeout } else { self.options.message_timeout };
            self.buffer.reserve(READ_BYTES);
            let read = tokio::time::timeout(wait, self.stream.read_buf(&mut self.buffer));
            let read = tokio::select! {
                read = read => read,
                () = self.cancel.cancelled() => return Ok(None),
            };
            match read {
                Ok(Ok(0)) | Err(_) => return Ok(None),
                Ok(read) => drop(read?),
            }
        }
    }

    /// Stores a message and acknowledges it. `false` when the connection is to end.
    async fn take(&mut self, message: &[u8]) -> io::Result<bool> {
        let mut held = self.ingest.reserve();
        let decoded = held.grow_to(3 * message.len()).and_then(|()| {
            decode(message, self.ingest.options(), self.ingest.clock().now()).map_err(IngestError::from)
        });
        let FluentMessage { incoming, chunk } = match decoded {
            Ok(decoded) => decoded,
            Err(error) => {
                self.ingest.metrics.refused_request(SOURCE, error.reason);
                return Err(io::Error::new(io::ErrorKind::InvalidData, error));
            }
        };
        if incoming.batch.is_empty() && incoming.refused.is_empty() {
            return self.answer(chunk).await;
        }
        loop {
            let outcome = self.ingest.submit(&self.options.tenant, SOURCE, incoming.clone()).await;
            let Err(error) = outcome else { return self.answer(chunk).await };
            // A client that waits for the acknowledgement sends the message again on a new connection.
            let wait = error.retry_after.filter(|_| chunk.is_none() && !self.cancel.is_cancelled());
            let Some(wait) = wait else {
                self.lost(&error, chunk.is_some(), incoming.batch.line_count(), incoming.batch.text_bytes());
                return Ok(false);
            };
            tokio::select! {
                () = tokio::time::sleep(wait.min(MAX_WAIT)) => {}
                () = self.cancel.cancelled() => {}
            }
        }
    }

    /// Without an acknowledgement to leave out nobody hears of it.
    fn lost(&self, error: &IngestError, asked: bool, lines: usize, bytes: usize) {
        if !asked {
            tracing::warn!(lines, %error, "Fluent events are lost");
            self.ingest.count_dropped(&self.options.tenant, SOURCE, error.reason, lines as u64, bytes as u64);
        }
    }

    async fn answer(&mut self, chunk: Option<String>) -> io::Result<bool> {
        if let Some(chunk) = chunk {
            self.stream.write_all(&ack(&chunk)).await?;
            self.stream.flush().await?;
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests;
