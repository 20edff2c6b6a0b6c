//! Gantry's own log as lines of the reserved tenant `_gantry`, without feeding on itself.
//!
//! Three rules keep the loop open: only events of Gantry's own crates at INFO and above are taken; nothing that happens
//! inside the span of the writer is taken, and while it writes nothing that the store says; and a rate bounds the rest.
//! What is left out by the rate or a full queue is counted.

use gantry_model::{Clock, LabelSet, LogBatch, TenantId, Timestamp};
use gantry_store_api::Append;
use parking_lot::Mutex;
use prometheus::{IntCounter, IntCounterVec, Opts, Registry};
use std::fmt::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Instrument, Level, Metadata, Subscriber};
use tracing_subscriber::filter::{FilterFn, filter_fn};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::LookupSpan;

#[cfg(test)]
mod tests;

const QUEUE: usize = 4096;
const MOST_PER_BATCH: usize = 512;
/// Lines wait this long for company, so that a burst costs one write.
const GATHER: Duration = Duration::from_millis(200);
const WRITER_SPAN: &str = "self_log";

/// One event, formatted.
#[derive(Debug)]
struct Line {
    level: Level,
    target: &'static str,
    body: String,
}

/// Takes events and queues them; never blocks.
#[derive(Debug)]
pub struct SelfLogLayer {
    lines: mpsc::Sender<Line>,
    writing: Arc<AtomicBool>,
    rate: Mutex<Bucket>,
    dropped: IntCounterVec,
}

/// The queue's other end: writes what the layer took.
#[derive(Debug)]
pub struct SelfLog {
    lines: mpsc::Receiver<Line>,
    writing: Arc<AtomicBool>,
    kept: IntCounter,
    dropped: IntCounterVec,
}

/// The events that are worth keeping.
pub fn filter() -> FilterFn {
    filter_fn(is_kept as fn(&Metadata<'_>) -> bool)
}

fn is_kept(event: &Metadata<'_>) -> bool {
    let writer = event.is_span() && event.name() == WRITER_SPAN;
    writer || (*event.level() <= LevelFilter::INFO && event.target().starts_with("gantry"))
}

/// A layer and the writer behind it, with room for [`QUEUE`] lines between them.
pub fn channel(lines_per_second: u32, registry: &Registry) -> Result<(SelfLogLayer, SelfLog), prometheus::Error> {
    let kept = IntCounter::new("gantry_self_log_lines_total", "Lines of Gantry's own log that were kept.")?;
    let dropped =
        Opts::new("gantry_self_log_dropped_total", "Lines of Gantry's own log that were not kept, by reason.");
    let dropped = IntCounterVec::new(dropped, &["reason"])?;
    registry.register(Box::new(kept.clone()))?;
    registry.register(Box::new(dropped.clone()))?;
    let (sender, receiver) = mpsc::channel(QUEUE);
    let writing = Arc::new(AtomicBool::new(false));
    let rate = Mutex::new(Bucket::new(lines_per_second));
    let layer = SelfLogLayer { lines: sender, writing: writing.clone(), rate, dropped: dropped.clone() };
    Ok((layer, SelfLog { lines: receiver, writing, kept, dropped }))
}

impl SelfLogLayer {
    fn drop_one(&self, reason: &str) {
        self.dropped.with_label_values(&[reason]).inc();
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for SelfLogLayer {
    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let target = event.metadata().target();
        let own = context.event_scope(event).is_some_and(|mut scope| scope.any(|span| span.name() == WRITER_SPAN));
        if own || (self.writing.load(Ordering::Relaxed) && target.starts_with("gantry_store")) {
            return self.drop_one("own");
        }
        if !self.rate.lock().take() {
            return self.drop_one("rate");
        }
        let mut body = Body::default();
        event.record(&mut body);
        let line = Line { level: *event.metadata().level(), target, body: body.finish() };
        if self.lines.try_send(line).is_err() {
            self.drop_one("queue");
        }
    }
}

impl SelfLog {
    /// Writes lines to `store` until `stop`, then what is queued, and returns. A line that the store refuses is counted.
    pub async fn run(
        mut self,
        store: Arc<dyn Append>,
        clock: Arc<dyn Clock>,
        stop: CancellationToken,
    ) -> anyhow::Result<()> {
        let mut batch = Vec::with_capacity(MOST_PER_BATCH);
        loop {
            tokio::select! {
                received = self.lines.recv_many(&mut batch, MOST_PER_BATCH) => if received == 0 { return Ok(()) },
                () = stop.cancelled() => {
                    while self.lines.try_recv().map(|line| batch.push(line)).is_ok() {}
                    self.write(&*store, clock.now(), &mut batch).await;
                    return Ok(());
                }
            }
            self.write(&*store, clock.now(), &mut batch).await;
            tokio::select! {
                () = tokio::time::sleep(GATHER) => {}
                () = stop.cancelled() => {}
            }
        }
    }

    async fn write(&self, store: &dyn Append, now: Timestamp, lines: &mut Vec<Line>) {
        if lines.is_empty() {
            return;
        }
        let count = lines.len() as u64;
        let batch = to_batch(lines, now);
        lines.clear();
        self.writing.store(true, Ordering::Relaxed);
        let tenant = TenantId::self_tenant();
        let span = tracing::info_span!(target: "gantry", "self_log");
        let outcome = store.append(&tenant, batch).instrument(span).await;
        self.writing.store(false, Ordering::Relaxed);
        match outcome {
            Ok(commit) => self.kept.inc_by(commit.lines),
            Err(_) => self.dropped.with_label_values(&["store"]).inc_by(count),
        }
    }
}

/// One stream per level and target; lines keep their order by a nanosecond each.
fn to_batch(lines: &mut [Line], now: Timestamp) -> LogBatch {
    lines.sort_by_key(|line| (line.level, line.target));
    let mut builder = LogBatch::builder();
    let mut open = None;
    for (at, line) in lines.iter().enumerate() {
        if open.replace((line.level, line.target)) != Some((line.level, line.target)) {
            let level = line.level.as_str().to_ascii_lowercase();
            builder.stream(LabelSet::from_pairs([("app", "gantry"), ("level", &level), ("target", line.target)]));
        }
        // At most a few hundred short lines: far from the limit of a batch.
        if builder.push(now.saturating_add(at as i64), &line.body, []).is_err() {
            break;
        }
    }
    builder.finish()
}

/// `message key=value key="two words"`.
#[derive(Debug, Default)]
struct Body {
    message: String,
    fields: String,
}

impl Body {
    fn finish(mut self) -> String {
        self.message.push_str(&self.fields);
        self.message
    }
}

impl Visit for Body {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // Writing to a String cannot fail.
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.fields, " {name}={value:?}"),
        };
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            self.message.push_str(value);
        } else if value.contains([' ', '"', '=']) || value.is_empty() {
            self.record_debug(field, &value);
        } else {
            let _ = write!(self.fields, " {}={value}", field.name());
        }
    }
}

/// Tokens at a steady rate; holds as many as ten seconds give.
#[derive(Debug)]
struct Bucket {
    per_second: f64,
    tokens: f64,
    filled: std::time::Instant,
}

impl Bucket {
    fn new(per_second: u32) -> Self {
        let per_second = f64::from(per_second);
        Bucket { per_second, tokens: per_second * 10.0, filled: std::time::Instant::now() }
    }

    fn take(&mut self) -> bool {
        let gained = self.filled.elapsed().as_secs_f64() * self.per_second;
        self.filled = std::time::Instant::now();
        self.tokens = (self.tokens + gained).min(self.per_second * 10.0);
        let has_one = self.tokens >= 1.0;
        if has_one {
            self.tokens -= 1.0;
        }
        has_one
    }
}
