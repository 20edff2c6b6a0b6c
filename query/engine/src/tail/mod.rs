//! [`TailSession`]: one live tail, from replay to the last line.
//!
//! The hub of the store has applied selector and line filters; the session runs the stages that are left, puts lines
//! into frames, and passes on what a slow reader missed. It subscribes first and replays then, so that no line falls
//! between the two, and remembers what it replayed, so that no line comes twice.

use crate::answer::{Labels, LogEntry, LogStream};
use crate::http::write;
use crate::json;
use crate::logql::{Cost, LogPlan, Row, Runner};
use crate::{QueryEngine, QueryError};
use futures::StreamExt;
use gantry_model::{LabelSet, TenantId, TimeRange, Timestamp};
use gantry_query_lang::ast::LogExpr;
use gantry_store_api::{Lagged, TailEvent, TailLine, TailRequest, TailStream};
use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, sleep_until};
use xxhash_rust::xxh3::xxh3_128;

/// Longest that lines may be held back to bring late ones into order.
pub const MAX_DELAY: Duration = Duration::from_secs(5);

/// What to watch, and what to replay first.
#[derive(Clone, Debug)]
pub struct TailQuery {
    pub expr: LogExpr,
    /// Replay lines from here on; now for none.
    pub start: Timestamp,
    /// Most lines to replay: the newest.
    pub limit: usize,
    /// How long live lines are held back, so that they can be sorted by time; at most [`MAX_DELAY`].
    pub delay: Duration,
    pub categorized: bool,
}

/// A running tail. Dropping it frees all it held.
pub struct TailSession {
    engine: Arc<QueryEngine>,
    live: TailStream,
    runner: Runner,
    replayed: HashSet<u128>,
    /// Ready to be sent.
    frame: Frame,
    held: Held,
    delay: Duration,
    categorized: bool,
    ended: bool,
    _slot: OwnedSemaphorePermit,
}

/// Lines on their way, in order of time within each stream, and lines that were lost.
#[derive(Debug, Default)]
struct Frame {
    streams: BTreeMap<Labels, Vec<LogEntry>>,
    lines: usize,
    lagged: Lagged,
}

/// Lines that wait for `delay` to pass.
#[derive(Debug, Default)]
struct Held {
    lines: Vec<(Labels, LogEntry)>,
    until: Option<Instant>,
}

impl QueryEngine {
    /// Subscribes, then replays. Fails with [`QueryError::Overloaded`] when too many tails are open.
    pub async fn tail(self: &Arc<Self>, tenant: &TenantId, query: TailQuery) -> Result<TailSession, QueryError> {
        let slot = self.tail_slots.clone().try_acquire_owned().map_err(|_| QueryError::Overloaded)?;
        let plan = LogPlan::new(&query.expr);
        let request = TailRequest {
            selector: plan.selector.clone(),
            lines: plan.lines.clone(),
            buffer: self.options.tail_buffer_lines.max(1),
        };
        let live = self.tails.tail(tenant, request);
        self.metrics.tails.inc();
        let mut session = TailSession {
            engine: self.clone(),
            live,
            runner: Runner::for_lines(&plan, Arc::default(), self.clock.now())?,
            replayed: HashSet::new(),
            frame: Frame::default(),
            held: Held::default(),
            delay: query.delay.min(MAX_DELAY),
            categorized: query.categorized,
            ended: false,
            _slot: slot,
        };
        session.replay(tenant, &plan, query.start, query.limit).await?;
        Ok(session)
    }
}

impl TailSession {
    async fn replay(
        &mut self,
        tenant: &TenantId,
        plan: &LogPlan,
        start: Timestamp,
        limit: usize,
    ) -> Result<(), QueryError> {
        // Lines may be stamped ahead of our clock; a live line is shown whatever its time, so a replayed one is too.
        let range = TimeRange::new(start, Timestamp::MAX);
        let engine = self.engine.clone();
        let read = async {
            let lines = engine.lines_plan(tenant, plan, range, limit, true).await?;
            engine.raw_rows(&lines, &Cost::default()).await
        };
        let rows = engine.guarded("tail", tenant, read).await?;
        let mut newest_first = Vec::new();
        rows.each(|row| newest_first.push(row));
        for row in newest_first.into_iter().rev() {
            self.replayed.insert(hash(row.labels, &row));
            self.present(row.labels, &row).into_iter().for_each(|(labels, entry)| self.frame.add(labels, entry));
        }
        Ok(())
    }

    /// Runs the stages.
    fn present(&mut self, labels: &LabelSet, row: &Row<'_>) -> Option<(Labels, LogEntry)> {
        let stream = self.runner.number(labels);
        self.runner.line(&Row { stream, ..*row }, self.categorized)
    }

    /// The next frame as JSON, as soon as there is something to say. `None` when the store stops. May be cancelled and
    /// called again without losing anything.
    pub async fn next(&mut self) -> Option<String> {
        loop {
            if !self.frame.is_empty() {
                return Some(self.write());
            }
            if self.ended {
                return None;
            }
            let event = match self.held.until {
                None => self.live.next().await.map(Wake::Event),
                Some(until) => tokio::select! {
                    event = self.live.next() => event.map(Wake::Event),
                    () = sleep_until(until) => Some(Wake::Due),
                },
            };
            match event {
                Some(Wake::Event(event)) => self.take(event),
                Some(Wake::Due) => self.held.release(&mut self.frame),
                None => {
                    self.ended = true;
                    self.held.release(&mut self.frame);
                }
            }
        }
    }

    fn take(&mut self, event: TailEvent) {
        match event {
            TailEvent::Lines(lines) => lines.iter().for_each(|line| self.line(line)),
            TailEvent::Lagged(lagged) => {
                self.engine.metrics.tail_dropped.inc_by(lagged.count);
                self.frame.lagged.count += lagged.count;
                self.frame.lagged.sample.extend(lagged.sample);
            }
        }
    }

    fn line(&mut self, line: &TailLine) {
        let row = Row {
            stream: 0,
            labels: &line.labels,
            timestamp: line.timestamp,
            body: &line.body,
            metadata: &line.metadata,
        };
        if !self.replayed.is_empty() && self.replayed.contains(&hash(&line.labels, &row)) {
            return;
        }
        let Some((labels, entry)) = self.present(&line.labels, &row) else { return };
        if self.delay.is_zero() {
            self.frame.add(labels, entry);
        } else {
            self.held.add(labels, entry, self.delay);
            if self.held.lines.len() >= self.engine.options.tail_buffer_lines {
                self.held.release(&mut self.frame);
            }
        }
    }

    fn write(&mut self) -> String {
        let frame = std::mem::take(&mut self.frame);
        self.engine.metrics.tail_lines.inc_by(frame.lines as u64);
        frame.json(self.categorized)
    }
}

enum Wake {
    Event(TailEvent),
    Due,
}

impl Held {
    fn add(&mut self, labels: Labels, entry: LogEntry, delay: Duration) {
        self.until.get_or_insert_with(|| Instant::now() + delay);
        self.lines.push((labels, entry));
    }

    fn release(&mut self, frame: &mut Frame) {
        self.until = None;
        self.lines.sort_by_key(|(_, entry)| entry.timestamp);
        self.lines.drain(..).for_each(|(labels, entry)| frame.add(labels, entry));
    }
}

impl Frame {
    fn is_empty(&self) -> bool {
        self.lines == 0 && self.lagged.count == 0
    }

    fn add(&mut self, labels: Labels, entry: LogEntry) {
        self.streams.entry(labels).or_default().push(entry);
        self.lines += 1;
    }

    /// `dropped_count` is not in Loki: how many were lost in all, of which `dropped_entries` names a few.
    fn json(self, categorized: bool) -> String {
        let mut out = String::with_capacity(256);
        out.push_str("{\"streams\":[");
        let streams = self.streams.into_iter().map(|(labels, entries)| LogStream { labels, entries });
        json::list(streams, &mut out, |stream, out| write::stream(&stream, categorized, out));
        out.push(']');
        if categorized {
            out.push_str(",\"encodingFlags\":[\"categorize-labels\"]");
        }
        if self.lagged.count > 0 {
            out.push_str(",\"dropped_entries\":[");
            json::list(&self.lagged.sample, &mut out, |(labels, at), out| {
                out.push_str("{\"labels\":");
                json::object(labels.iter(), out);
                out.push_str(",\"timestamp\":\"");
                json::number(at.nanos(), out);
                out.push_str("\"}");
            });
            out.push_str("],\"dropped_count\":");
            json::number(self.lagged.count, &mut out);
        }
        out.push('}');
        out
    }
}

/// Identity of a stored line.
fn hash(labels: &LabelSet, row: &Row<'_>) -> u128 {
    let mut bytes = Vec::with_capacity(32 + row.body.len() + row.metadata.len());
    bytes.extend_from_slice(&labels.stream_id().0.to_le_bytes());
    bytes.extend_from_slice(&row.timestamp.nanos().to_le_bytes());
    bytes.extend_from_slice(&(row.body.len() as u64).to_le_bytes());
    bytes.extend_from_slice(row.body.as_bytes());
    bytes.extend_from_slice(row.metadata.as_bytes());
    xxh3_128(&bytes)
}

impl Drop for TailSession {
    fn drop(&mut self) {
        self.engine.metrics.tails.dec();
    }
}

impl fmt::Debug for TailSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TailSession").field("frame", &self.frame).field("delay", &self.delay).finish_non_exhaustive()
    }
}
