//! [`Pump`]: one pipe of the command into the backlog.

use crate::collect::backlog::{Backlog, Line};
use crate::collect::entries::Entries;
use crate::collect::framing::StreamFramer;
use crate::collect::metrics::CollectorMetrics;
use crate::collect::stamps::Stamps;
use crate::collect::text::text;
use crate::multiline::Joining;
use gantry_model::Timestamp;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

/// When nothing is awaited.
const LATER: Duration = Duration::from_secs(3600);

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
    pub joining: Option<Joining>,
    pub max_line_bytes: usize,
}

impl Pump {
    /// Until the pipe ends or `stop` is cancelled. A line gets the time at which it was read.
    pub async fn run(self, mut pipe: Box<dyn AsyncRead + Send + Unpin>, stop: CancellationToken) {
        let mut framer = StreamFramer::new(self.max_line_bytes);
        let mut tee = self.tee.open();
        let mut buffer = vec![0; 32 << 10];
        let mut entries = Entries::new(self.joining.as_ref());
        let mut lines = Vec::new();
        loop {
            let later = entries.due().unwrap_or_else(|| Instant::now() + LATER);
            let read = tokio::select! {
                read = pipe.read(&mut buffer) => read.unwrap_or(0),
                () = stop.cancelled() => 0,
                () = sleep_until(later) => {
                    entries.finish(&mut |at, text| lines.push(self.line(at, text)));
                    self.push(&mut lines).await;
                    continue;
                }
            };
            if read == 0 {
                break;
            }
            tee = copy(tee, &buffer[..read]).await;
            framer.feed(&buffer[..read], |line, cut| self.take(&mut entries, &mut lines, line, cut));
            self.push(&mut lines).await;
        }
        framer.finish(|line, cut| self.take(&mut entries, &mut lines, line, cut));
        entries.finish(&mut |at, text| lines.push(self.line(at, text)));
        self.push(&mut lines).await;
    }

    async fn push(&self, lines: &mut Vec<Line>) {
        for line in lines.drain(..) {
            self.backlog.push(line).await;
        }
    }

    fn take(&self, entries: &mut Entries, lines: &mut Vec<Line>, line: &[u8], cut: bool) {
        if let Some(text) = text(line, self.max_line_bytes) {
            self.metrics.repaired(text.replaced, cut || text.cut);
            entries.push(self.stamps.next(), &text.body, &mut |at, text| lines.push(self.line(at, text)));
        }
    }

    fn line(&self, at: Timestamp, text: &str) -> Line {
        Line { at, stream: self.stream, body: text.into() }
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
