//! [`LineReaderCollector`]: lines of anything that can be read once, such as standard input.

use super::CollectMetrics;
use super::deliver::{Delivered, Delivery};
use super::entries::Entries;
use super::framing::StreamFramer;
use super::metrics::{CollectorMetrics, Lost};
use super::sink::Sink;
use super::stamps::Stamps;
use super::text::text;
use crate::multiline::Joining;
use gantry_model::{Clock, LabelSet, LogBatch, LogBatchBuilder, TenantId, Timestamp};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, Stdin};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

/// How a reader's lines are labelled and batched.
#[derive(Clone, Debug)]
pub struct ReaderOptions {
    /// Names the collector in metrics.
    pub name: String,
    /// Names the source to the sink.
    pub source: &'static str,
    pub tenant: TenantId,
    /// Labels of every line.
    pub labels: LabelSet,
    /// How lines are joined to entries such as stack traces; `None`: not at all.
    pub joining: Option<Joining>,
    /// Longest line in bytes; the rest of a longer one is left out and counted.
    pub max_line_bytes: usize,
    /// A batch is sent when it has so many bytes ...
    pub batch_bytes: usize,
    /// ... or when its first line is so old.
    pub batch_delay: Duration,
}

impl Default for ReaderOptions {
    fn default() -> Self {
        ReaderOptions {
            name: "stdin".to_owned(),
            source: "stdin",
            tenant: TenantId::default_tenant(),
            labels: LabelSet::default(),
            joining: Some(Joining::default()),
            max_line_bytes: 256 << 10,
            batch_bytes: 1 << 20,
            batch_delay: Duration::from_millis(200),
        }
    }
}

/// What became of the lines.
#[derive(Debug, Default)]
pub struct ReaderReport {
    pub stored: u64,
    /// Refused for good by the sink, or unsent when told to stop.
    pub lost: u64,
    /// Why reading ended before the end.
    pub error: Option<std::io::Error>,
}

/// Reads lines and sends them; reads no further while the sink does not take them.
pub struct LineReaderCollector<R> {
    reader: R,
    options: ReaderOptions,
    stamps: Stamps,
    delivery: Delivery,
}

impl<R> fmt::Debug for LineReaderCollector<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LineReaderCollector").field("options", &self.options).finish_non_exhaustive()
    }
}

impl LineReaderCollector<Stdin> {
    /// Of this process's standard input.
    pub fn stdin(options: ReaderOptions, sink: Arc<dyn Sink>, clock: Arc<dyn Clock>, metrics: &CollectMetrics) -> Self {
        Self::new(tokio::io::stdin(), options, sink, clock, metrics)
    }
}

impl<R: AsyncRead + Unpin + Send> LineReaderCollector<R> {
    pub fn new(
        reader: R,
        options: ReaderOptions,
        sink: Arc<dyn Sink>,
        clock: Arc<dyn Clock>,
        metrics: &CollectMetrics,
    ) -> Self {
        let (tenant, source) = (options.tenant.clone(), options.source);
        let delivery = Delivery { sink, tenant, source, metrics: metrics.of(&options.name) };
        LineReaderCollector { reader, options, stamps: Stamps::new(clock), delivery }
    }

    /// Until the end of the input, or until `stop` is cancelled; what was read until then is sent.
    pub async fn run(mut self, stop: CancellationToken) -> ReaderReport {
        let mut report = ReaderReport::default();
        let mut framer = StreamFramer::new(self.options.max_line_bytes);
        let mut buffer = vec![0; 64 << 10];
        let mut entries = Entries::new(self.options.joining.as_ref());
        let mut lines = Lines::default();
        let mut more = true;
        while more {
            match self.read(&mut buffer, lines.due.into_iter().chain(entries.due()).min(), &stop).await {
                Next::Bytes(bytes) => {
                    framer.feed(&buffer[..bytes], |line, cut| self.take(&mut entries, &mut lines, line, cut));
                }
                Next::Due if entries.is_due() => entries.finish(&mut |at, text| self.keep(&mut lines, at, text)),
                Next::Due => {}
                Next::End(error) => {
                    framer.finish(|line, cut| self.take(&mut entries, &mut lines, line, cut));
                    entries.finish(&mut |at, text| self.keep(&mut lines, at, text));
                    report.error = error;
                    more = false;
                }
            }
            if !more || lines.builder.text_bytes() >= self.options.batch_bytes || lines.is_due() {
                more &= self.send(std::mem::take(&mut lines), &mut report, &stop).await;
            }
        }
        report
    }

    async fn read(&mut self, buffer: &mut [u8], due: Option<Instant>, stop: &CancellationToken) -> Next {
        let later = due.unwrap_or_else(|| Instant::now() + Duration::from_secs(3600));
        tokio::select! {
            () = stop.cancelled() => Next::End(None),
            read = self.reader.read(buffer) => match read {
                Ok(0) => Next::End(None),
                Ok(bytes) => Next::Bytes(bytes),
                Err(error) => Next::End(Some(error)),
            },
            () = sleep_until(later) => Next::Due,
        }
    }

    fn take(&self, entries: &mut Entries, lines: &mut Lines, line: &[u8], cut: bool) {
        let Some(text) = text(line, self.options.max_line_bytes) else { return };
        self.metrics().repaired(text.replaced, cut || text.cut);
        entries.push(self.stamps.next(), &text.body, &mut |at, text| self.keep(lines, at, text));
    }

    fn keep(&self, lines: &mut Lines, at: Timestamp, text: &str) {
        if lines.builder.is_empty() {
            lines.builder.stream(self.options.labels.clone());
            lines.due = Some(Instant::now() + self.options.batch_delay);
        }
        lines.builder.push(at, text, []).expect("a batch is sent long before it holds 4 GiB");
    }

    fn metrics(&self) -> &CollectorMetrics {
        &self.delivery.metrics
    }

    /// Whether to go on.
    async fn send(&self, lines: Lines, report: &mut ReaderReport, stop: &CancellationToken) -> bool {
        let batch = lines.builder.finish();
        if batch.is_empty() {
            return true;
        }
        let (count, bytes) = (batch.line_count() as u64, batch.text_bytes() as u64);
        let delivered = self.delivery.deliver(batch, stop).await;
        match delivered {
            Delivered::Stored => {
                report.stored += count;
                self.metrics().lines("plain", count);
                self.metrics().bytes.inc_by(bytes);
            }
            Delivered::Refused => report.lost += count,
            Delivered::Stopped => {
                report.lost += count;
                self.metrics().lost(Lost::Shutdown, count);
            }
        }
        delivered != Delivered::Stopped
    }
}

enum Next {
    Bytes(usize),
    Due,
    End(Option<std::io::Error>),
}

/// The batch being filled.
#[derive(Debug)]
struct Lines {
    builder: LogBatchBuilder,
    due: Option<Instant>,
}

impl Default for Lines {
    fn default() -> Self {
        Lines { builder: LogBatch::builder(), due: None }
    }
}

impl Lines {
    fn is_due(&self) -> bool {
        self.due.is_some_and(|due| due <= Instant::now())
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{FakeSink, metrics};
    use super::*;
    use gantry_model::SystemClock;
    use tokio::io::AsyncWriteExt;

    fn collector<R: AsyncRead + Unpin + Send>(reader: R, sink: &Arc<FakeSink>) -> LineReaderCollector<R> {
        let options = ReaderOptions { labels: LabelSet::from_pairs([("app", "pipe")]), ..ReaderOptions::default() };
        LineReaderCollector::new(reader, options, sink.clone(), Arc::new(SystemClock), &metrics())
    }

    #[tokio::test]
    async fn every_line_up_to_the_end_is_stored_in_order() {
        let sink = FakeSink::new();
        let report = collector(&b"one\r\ntwo\n\nlast"[..], &sink).run(CancellationToken::new()).await;
        assert_eq!(sink.bodies(), ["one", "two", "", "last"]);
        assert_eq!((report.stored, report.lost), (4, 0));
    }

    #[tokio::test]
    async fn a_slow_writer_is_seen_before_the_batch_is_full() {
        let sink = FakeSink::new();
        let (mut writer, reader) = tokio::io::duplex(64);
        let running = tokio::spawn(collector(reader, &sink).run(CancellationToken::new()));
        writer.write_all(b"first\nsec").await.unwrap();
        sink.wait_for(|lines| lines.len() == 1).await;
        writer.write_all(b"ond\n").await.unwrap();
        drop(writer);
        running.await.unwrap();
        assert_eq!(sink.bodies(), ["first", "second"]);
    }

    #[tokio::test]
    async fn a_sink_that_fails_for_a_while_loses_nothing() {
        let sink = FakeSink::new();
        sink.fail_next(2);
        let report = collector(&b"a\nb\n"[..], &sink).run(CancellationToken::new()).await;
        assert_eq!(sink.bodies(), ["a", "b"]);
        assert_eq!(report.lost, 0);
    }
}
