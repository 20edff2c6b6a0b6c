//! Reading lines.

use crate::StoreError;
use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use async_trait::async_trait;
use futures::stream::BoxStream;
use gantry_model::{LabelSet, LineFilter, Selector, TenantId, TimeRange, Timestamp};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Makes snapshots to read from.
pub trait Queryable: Send + Sync {
    /// A consistent view of `tenant`'s lines in `range`: all that was acknowledged before the call, each line once.
    /// Lines that arrive later, compaction and retention do not change what it answers. Cheap: no I/O.
    fn querier(&self, tenant: &TenantId, range: TimeRange) -> Arc<dyn Querier>;

    /// A number that changes whenever a querier made later would answer otherwise in `range`: lines were acknowledged,
    /// deleted or shown again. Read it before the querier is made whose answer is to be kept. It may change without such
    /// a reason, and means nothing to another process. `None` when it cannot be said, as where lines reach their
    /// retention in the course of time: then keep nothing.
    fn version(&self, tenant: &TenantId, range: TimeRange) -> Option<u64>;

    /// Tenants that have lines, sorted.
    fn tenants(&self) -> Vec<TenantId>;
}

/// A snapshot bound to one tenant and one time range.
///
/// # Rules for implementers
/// - Only rows with `range.start <= timestamp < range.end` are ever returned.
/// - A row that was stored twice (same stream, timestamp, body and metadata) is returned once.
/// - Damaged or missing files do not fail a scan: the rest is served and [`ScanReport::warn`] says what is missing.
#[async_trait]
pub trait Querier: Send + Sync {
    /// The streams that match and may have lines in the range, sorted by labels, each once.
    /// Counts are of the file parts that overlap the range: exact when the range covers them, else scaled by time.
    async fn streams(&self, selector: &Selector) -> Result<Vec<StreamSummary>, StoreError>;

    /// Starts a scan. Work happens as the streams are polled; dropping them cancels it.
    async fn scan(&self, request: ScanRequest) -> Result<Scan, StoreError>;
}

/// What is known of a stream without reading its lines.
#[derive(Clone, Debug, PartialEq)]
pub struct StreamSummary {
    pub labels: LabelSet,
    pub entries: u64,
    /// Bytes of bodies and metadata.
    pub bytes: u64,
    /// Granules (index units) and memtable chunks touched.
    pub chunks: u64,
}

/// Which rows, which columns, in which order.
#[derive(Clone, Debug)]
pub struct ScanRequest {
    pub selector: Selector,
    /// All must hold. The store applies them exactly, with the help of its index.
    pub lines: Vec<LineFilter>,
    pub columns: ScanColumns,
    pub order: ScanOrder,
    /// How many streams of rows to prepare, so that as many threads can work; at least 1. Ordered scans give one.
    pub parallelism: usize,
}

/// The optional columns; timestamp and stream are always there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScanColumns {
    pub body: bool,
    pub metadata: bool,
}

/// How far rows are sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScanOrder {
    /// Not at all; fastest.
    Any,
    /// Batches come so that [`LogRows::bound`] falls: a reader that wants the last N rows can stop early.
    NewestFirst,
    /// Batches come so that [`LogRows::bound`] rises.
    OldestFirst,
}

/// A running scan.
pub struct Scan {
    /// Labels by the stream numbers that the rows hold.
    pub streams: Arc<[LabelSet]>,
    /// One or more; together they hold every row once.
    pub parts: Vec<ScanStream>,
    pub report: Arc<ScanReport>,
}

/// Batches of rows.
pub type ScanStream = BoxStream<'static, Result<LogRows, StoreError>>;

impl std::fmt::Debug for Scan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scan").field("streams", &self.streams.len()).field("parts", &self.parts.len()).finish()
    }
}

/// Rows in the schema of [`rows_schema`], unsorted within the batch unless the order says otherwise.
#[derive(Clone, Debug)]
pub struct LogRows {
    pub batch: RecordBatch,
    /// For ordered scans: rows of later batches are not newer (not older) than this.
    pub bound: Option<Timestamp>,
}

/// `stream: UInt32` (position in [`Scan::streams`]), `timestamp: Int64` (ns), then `body: Utf8View` and
/// `metadata: Utf8View` (see [`gantry_model::metadata`], "" for none) as asked for.
pub fn rows_schema(columns: ScanColumns) -> SchemaRef {
    let mut fields =
        vec![Field::new("stream", DataType::UInt32, false), Field::new("timestamp", DataType::Int64, false)];
    if columns.body {
        fields.push(Field::new("body", DataType::Utf8View, false));
    }
    if columns.metadata {
        fields.push(Field::new("metadata", DataType::Utf8View, false));
    }
    Arc::new(Schema::new(fields))
}

/// What a scan did, and what it could not read. Shared by all parts of the scan.
#[derive(Debug, Default)]
pub struct ScanReport {
    pub splits_considered: AtomicU64,
    pub splits_scanned: AtomicU64,
    pub granules_considered: AtomicU64,
    pub granules_scanned: AtomicU64,
    pub rows_scanned: AtomicU64,
    /// Bytes of bodies and metadata that were looked at.
    pub bytes_scanned: AtomicU64,
    pub rows_returned: AtomicU64,
    warnings: Mutex<Vec<String>>,
}

impl ScanReport {
    pub fn add(counter: &AtomicU64, count: u64) {
        counter.fetch_add(count, Ordering::Relaxed);
    }

    /// Notes that a part of the answer is missing; each text once.
    pub fn warn(&self, text: impl Into<String>) {
        let text = text.into();
        let mut warnings = self.warnings.lock();
        if !warnings.contains(&text) {
            warnings.push(text);
        }
    }

    pub fn warnings(&self) -> Vec<String> {
        self.warnings.lock().clone()
    }
}
