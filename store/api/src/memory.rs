//! [`MemoryStore`]: the contract in memory, as simple as can be: the model that other implementations are compared with.

use crate::{
    Append, Cancelled, Commit, Delete, DeleteRequest, DeleteStatus, DeleteWhat, Lagged, LogRows, Querier, Queryable,
    Scan, ScanOrder, ScanReport, ScanRequest, StoreError, StreamSummary, Tail, TailEvent, TailLine, TailRequest,
    TailStream, rows_schema,
};
use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringViewArray, UInt32Array};
use async_trait::async_trait;
use futures::{StreamExt, stream};
use gantry_model::{LabelSet, LogBatch, Selector, TenantId, TimeRange, Timestamp};
use parking_lot::Mutex;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use tokio::sync::watch;

/// Rows per batch of a scan: few, so that tests see several batches.
const BATCH_ROWS: usize = 7;

/// One stored line.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Line {
    tenant: TenantId,
    labels: LabelSet,
    timestamp: Timestamp,
    body: String,
    metadata: String,
}

/// Keeps every line that was ever appended, in order of arrival. Clones share their lines.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    log: Arc<Log>,
}

#[derive(Debug, Default)]
struct Log {
    lines: Mutex<Vec<Arc<Line>>>,
    deletes: Mutex<Vec<Deleted>>,
    /// Number of changes.
    version: AtomicU64,
    /// Number of lines, for those who wait for more; `usize::MAX` when the store has stopped.
    len: watch::Sender<usize>,
    subscribers: AtomicUsize,
}

/// A request, and how many lines there were when it came: it means those before it.
#[derive(Debug)]
struct Deleted {
    tenant: TenantId,
    request: DeleteRequest,
    what: DeleteWhat,
    before: usize,
}

impl Deleted {
    fn hides(&self, at: usize, line: &Line) -> bool {
        let means = self.request.status == DeleteStatus::Received && at < self.before && line.tenant == self.tenant;
        means && self.what.matches(&line.labels, line.timestamp, &line.body)
    }
}

impl MemoryStore {
    /// Live subscriptions.
    pub fn subscribers(&self) -> usize {
        self.log.subscribers.load(Ordering::SeqCst)
    }

    /// Ends all tails.
    pub fn stop(&self) {
        self.log.len.send_replace(usize::MAX);
    }
}

#[async_trait]
impl Append for MemoryStore {
    async fn append(&self, tenant: &TenantId, batch: LogBatch) -> Result<Commit, StoreError> {
        let mut lines = self.log.lines.lock();
        for stream in batch.streams() {
            for row in batch.rows_of(stream) {
                lines.push(Arc::new(Line {
                    tenant: tenant.clone(),
                    labels: stream.labels.clone(),
                    timestamp: row.timestamp,
                    body: batch.body(row).to_owned(),
                    metadata: batch.metadata(row).to_owned(),
                }));
            }
        }
        self.log.version.fetch_add(1, Ordering::SeqCst);
        let len = lines.len();
        self.log.len.send_if_modified(|known| std::mem::replace(known, len.max(*known)) < len);
        Ok(Commit { lines: batch.line_count() as u64, bytes: batch.text_bytes() as u64 })
    }
}

impl Queryable for MemoryStore {
    fn querier(&self, tenant: &TenantId, range: TimeRange) -> Arc<dyn Querier> {
        let lines = self.log.lines.lock();
        let mut seen = HashSet::new();
        let deletes = self.log.deletes.lock();
        let wanted = |(at, line): &(usize, &Arc<Line>)| {
            let in_range = line.tenant == *tenant && range.contains(line.timestamp);
            in_range && !deletes.iter().any(|delete| delete.hides(*at, line))
        };
        let wanted = lines.iter().enumerate().filter(wanted).map(|(_, line)| line);
        let distinct = wanted.filter(|line| seen.insert((*line).clone()));
        Arc::new(MemoryQuerier { lines: distinct.cloned().collect() })
    }

    fn version(&self, _: &TenantId, _: TimeRange) -> Option<u64> {
        Some(self.log.version.load(Ordering::SeqCst))
    }

    fn tenants(&self) -> Vec<TenantId> {
        let mut tenants: Vec<TenantId> = self.log.lines.lock().iter().map(|line| line.tenant.clone()).collect();
        tenants.sort();
        tenants.dedup();
        tenants
    }
}

#[async_trait]
impl Delete for MemoryStore {
    async fn delete(&self, tenant: &TenantId, what: DeleteWhat) -> Result<DeleteRequest, StoreError> {
        let before = self.log.lines.lock().len();
        let mut deletes = self.log.deletes.lock();
        let request = DeleteRequest {
            id: deletes.len().to_string(),
            query: what.query.clone(),
            range: what.range,
            by: what.by.clone(),
            created_at: Timestamp(deletes.len() as i64),
            status: DeleteStatus::Received,
            ended_at: None,
        };
        self.log.version.fetch_add(1, Ordering::SeqCst);
        deletes.push(Deleted { tenant: tenant.clone(), request: request.clone(), what, before });
        Ok(request)
    }

    async fn delete_requests(&self, tenant: &TenantId) -> Result<Vec<DeleteRequest>, StoreError> {
        let deletes = self.log.deletes.lock();
        Ok(deletes.iter().filter(|delete| delete.tenant == *tenant).map(|delete| delete.request.clone()).collect())
    }

    async fn cancel_delete(&self, tenant: &TenantId, id: &str) -> Result<Cancelled, StoreError> {
        let mut deletes = self.log.deletes.lock();
        let Some(delete) = deletes.iter_mut().find(|delete| delete.tenant == *tenant && delete.request.id == id) else {
            return Ok(Cancelled::Unknown);
        };
        if delete.request.status != DeleteStatus::Received {
            return Ok(Cancelled::TooLate);
        }
        delete.request.status = DeleteStatus::Cancelled;
        self.log.version.fetch_add(1, Ordering::SeqCst);
        Ok(Cancelled::Done)
    }
}

/// Lines of one tenant and range, each once, in order of arrival.
#[derive(Debug)]
struct MemoryQuerier {
    lines: Vec<Arc<Line>>,
}

#[async_trait]
impl Querier for MemoryQuerier {
    async fn streams(&self, selector: &Selector) -> Result<Vec<StreamSummary>, StoreError> {
        let mut found: BTreeMap<&LabelSet, StreamSummary> = BTreeMap::new();
        for line in self.lines.iter().filter(|line| selector.matches(&line.labels)) {
            let empty = || StreamSummary { labels: line.labels.clone(), entries: 0, bytes: 0, chunks: 1 };
            let summary = found.entry(&line.labels).or_insert_with(empty);
            summary.entries += 1;
            summary.bytes += (line.body.len() + line.metadata.len()) as u64;
        }
        Ok(found.into_values().collect())
    }

    async fn scan(&self, request: ScanRequest) -> Result<Scan, StoreError> {
        let in_stream = self.lines.iter().filter(|line| request.selector.matches(&line.labels));
        let mut lines: Vec<Arc<Line>> = in_stream.cloned().collect();
        let report = Arc::new(ScanReport::default());
        ScanReport::add(&report.rows_scanned, lines.len() as u64);
        lines.retain(|line| request.lines.iter().all(|filter| filter.matches(&line.body)));
        ScanReport::add(&report.rows_returned, lines.len() as u64);
        match request.order {
            ScanOrder::Any => {}
            ScanOrder::OldestFirst => lines.sort_by_key(|line| line.timestamp),
            ScanOrder::NewestFirst => lines.sort_by_key(|line| std::cmp::Reverse(line.timestamp)),
        }
        let mut streams: Vec<LabelSet> = lines.iter().map(|line| line.labels.clone()).collect();
        streams.sort();
        streams.dedup();
        let parts = if request.order == ScanOrder::Any { request.parallelism.max(1) } else { 1 };
        let batches = lines.chunks(BATCH_ROWS).map(|chunk| rows(chunk, &streams, &request));
        let mut dealt = vec![Vec::new(); parts];
        for (at, batch) in batches.enumerate() {
            dealt[at % parts].push(batch);
        }
        let parts = dealt.into_iter().map(|batches| stream::iter(batches).boxed()).collect();
        Ok(Scan { streams: streams.into(), parts, report })
    }
}

fn rows(lines: &[Arc<Line>], streams: &[LabelSet], request: &ScanRequest) -> Result<LogRows, StoreError> {
    let number = |line: &Arc<Line>| streams.binary_search(&line.labels).map_or(u32::MAX, |at| at as u32);
    let mut columns: Vec<ArrayRef> = vec![
        Arc::new(UInt32Array::from_iter_values(lines.iter().map(number))),
        Arc::new(Int64Array::from_iter_values(lines.iter().map(|line| line.timestamp.0))),
    ];
    if request.columns.body {
        columns.push(Arc::new(StringViewArray::from_iter_values(lines.iter().map(|line| &line.body))));
    }
    if request.columns.metadata {
        columns.push(Arc::new(StringViewArray::from_iter_values(lines.iter().map(|line| &line.metadata))));
    }
    let batch = RecordBatch::try_new(rows_schema(request.columns), columns).map_err(StoreError::internal)?;
    let bound = if request.order == ScanOrder::Any { None } else { lines.last().map(|line| line.timestamp) };
    Ok(LogRows { batch, bound })
}

impl Tail for MemoryStore {
    fn tail(&self, tenant: &TenantId, request: TailRequest) -> TailStream {
        self.log.subscribers.fetch_add(1, Ordering::SeqCst);
        let reader = TailReader {
            log: self.log.clone(),
            len: self.log.len.subscribe(),
            tenant: tenant.clone(),
            request,
            next: self.log.lines.lock().len(),
            missed: None,
        };
        stream::unfold(reader, |mut reader| async move { Some((reader.next().await?, reader)) }).boxed()
    }
}

/// A place in the log.
#[derive(Debug)]
struct TailReader {
    log: Arc<Log>,
    len: watch::Receiver<usize>,
    tenant: TenantId,
    request: TailRequest,
    next: usize,
    missed: Option<Lagged>,
}

impl Drop for TailReader {
    fn drop(&mut self) {
        self.log.subscribers.fetch_sub(1, Ordering::SeqCst);
    }
}

impl TailReader {
    async fn next(&mut self) -> Option<TailEvent> {
        if let Some(missed) = self.missed.take() {
            return Some(TailEvent::Lagged(missed));
        }
        loop {
            let next = self.next;
            let len = *self.len.wait_for(|len| *len > next).await.ok()?;
            let new: Vec<Arc<Line>> = self.log.lines.lock()[next..].to_vec();
            self.next += new.len();
            if let Some(event) = self.event(new) {
                return Some(event);
            }
            if len == usize::MAX {
                return None;
            }
        }
    }

    /// The first matching lines up to the size of the buffer; the rest is missed.
    fn event(&mut self, mut lines: Vec<Arc<Line>>) -> Option<TailEvent> {
        lines.retain(|line| {
            let in_stream = line.tenant == self.tenant && self.request.selector.matches(&line.labels);
            in_stream && self.request.lines.iter().all(|filter| filter.matches(&line.body))
        });
        let missed = lines.split_off(lines.len().min(self.request.buffer.max(1)));
        if !missed.is_empty() {
            let sample = missed.iter().take(100).map(|line| (line.labels.clone(), line.timestamp)).collect();
            self.missed = Some(Lagged { count: missed.len() as u64, sample });
        }
        let line = |line: &Arc<Line>| TailLine {
            labels: line.labels.clone(),
            timestamp: line.timestamp,
            body: line.body.clone(),
            metadata: line.metadata.clone(),
        };
        (!lines.is_empty()).then(|| TailEvent::Lines(lines.iter().map(line).collect()))
    }
}
