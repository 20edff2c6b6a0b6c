//! [`Pump`]: one pipe of the command into the backlog.

use crate::collect::backlog::{Backlog, Line};
use crate::collect::framing::StreamFramer;
use crate::collect::metrics::CollectorMetrics;
use crate::collect::stamps::Stamps;
use crate::collect::text::text;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio_util::sync::CancellationToken;

/// Where the bytes go besides.
#[derive(Clone, Copy, Debug)]
pub(super) enum Tee {
    Nothing,
    Stdout,
    Stderr,
}

impl Tee {
    fn open(self) -> Option<Box<dyn AsyncWrite + Send + Unpin>> {
        match self {
            Tee::Nothing => None,
            Tee::Stdout => Some(Box::new(tokio::io::stdout())),
            Tee::Stderr => Some(Box::new(tokio::io::stderr())),
        }
    }
}

#[derive(Debug)]
pub(super) struct Pump {
    pub backlog: Arc<Backlog>,
    pub stamps: Arc<Stamps>,
    pub metrics: CollectorMetrics,
    pub stream: &'static str,
    pub tee: Tee,
    pub max_line_bytes: usize,
}

impl Pump {
    /// Until the pipe ends or `stop` is cancelled. A line gets the time at which it was read.
    pub async fn run(self, mut pipe: Box<dyn AsyncRead + Send + Unpin>, stop: CancellationToken) {
        let mut framer = StreamFramer::new(self.max_line_bytes);
        let mut tee = self.tee.open();
        let mut buffer = vec![0; 32 << 10];
        let mut lines = Vec::new();
        loop {
            let read = tokio::select! {
                read = pipe.read(&mut buffer) => read.unwrap_or(0),
                () = stop.cancelled() => 0,
            };
            if read == 0 {
                break;
            }
            tee = copy(tee, &buffer[..read]).await;
            framer.feed(&buffer[..read], |line, cut| self.keep(&mut lines, line, cut));
            for line in lines.drain(..) {
                self.backlog.push(line).await;
            }
        }
        framer.finish(|line, cut| self.keep(&mut lines, line, cut));
        for line in lines {
            self.backlog.push(line).await;
        }
    }

    fn keep(&self, lines: &mut Vec<Line>, line: &[u8], cut: bool) {
        if let Some(text) = text(line, self.max_line_bytes) {
            self.metrics.repaired(text.replaced, cut || text.cut);
            lines.push(Line { at: self.stamps.next(), stream: self.stream, body: text.body.into() });
        }
    }
}

/// When nobody reads our own output any more, the command need not suffer.
async fn copy(
    tee: Option<Box<dyn AsyncWrite + Send + Unpin>>,
    bytes: &[u8],
) -> Option<Box<dyn AsyncWrite + Send + Unpin>> {
    let mut tee = tee?;
    tee.write_all(bytes).await.ok()?;
    tee.flush().await.ok()?;
    Some(tee)
}
