//! Writing and reading lines in a few words.

use super::Subject;
use crate::{Queryable, Scan, ScanColumns, ScanOrder, ScanRequest};
use arrow::array::{Array, Int64Array, StringViewArray, UInt32Array};
use futures::StreamExt;
use gantry_model::{LabelSet, LineFilter, LogBatch, Matcher, Selector, TenantId, TimeRange, Timestamp};

/// A line as it was written or read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Row {
    pub labels: LabelSet,
    pub timestamp: i64,
    pub body: String,
    /// Encoded.
    pub metadata: String,
}

impl Row {
    pub(super) fn new(app: &str, timestamp: i64, body: impl Into<String>) -> Self {
        Row { labels: LabelSet::from_pairs([("app", app)]), timestamp, body: body.into(), metadata: String::new() }
    }
}

pub(super) fn tenant() -> TenantId {
    TenantId::default_tenant()
}

/// Rows in the order given; neighbours with equal labels share a stream entry.
pub(super) fn batch<'a>(rows: impl IntoIterator<Item = &'a Row>) -> LogBatch {
    let mut builder = LogBatch::builder();
    let mut open: Option<&LabelSet> = None;
    for row in rows {
        if open != Some(&row.labels) {
            builder.stream(row.labels.clone());
            open = Some(&row.labels);
        }
        let pairs: Vec<_> = gantry_model::metadata::iter(&row.metadata).collect();
        let pairs = pairs.iter().map(|(name, value)| (&**name, &**value));
        builder.push(Timestamp(row.timestamp), &row.body, pairs).expect("a small batch");
    }
    builder.finish()
}

pub(super) async fn write(store: &impl Subject, rows: &[Row]) {
    let commit = store.append(&tenant(), batch(rows)).await.expect("append");
    assert_eq!(commit.lines, rows.len() as u64);
}

pub(super) fn selector(matchers: impl IntoIterator<Item = Matcher>) -> Selector {
    Selector(matchers.into_iter().collect())
}

/// Everything, unordered, in one part.
pub(super) fn everything() -> ScanRequest {
    ScanRequest {
        selector: Selector::all(),
        lines: Vec::new(),
        columns: ScanColumns { body: true, metadata: true },
        order: ScanOrder::Any,
        parallelism: 1,
    }
}

/// All lines of a tenant, sorted.
pub async fn read(store: &(impl Queryable + ?Sized), tenant: &TenantId) -> Vec<Row> {
    read_range(store, tenant, TimeRange::ALL, Selector::all(), Vec::new()).await
}

/// The lines of a range that match, sorted.
pub async fn read_range(
    store: &(impl Queryable + ?Sized),
    tenant: &TenantId,
    range: TimeRange,
    selector: Selector,
    lines: Vec<LineFilter>,
) -> Vec<Row> {
    let request = ScanRequest { selector, lines, ..everything() };
    let scan = store.querier(tenant, range).scan(request).await.expect("scan");
    let mut rows = rows_of_scan(scan).await;
    rows.sort();
    rows
}

/// All rows of a scan that asked for both texts, in the order in which they came.
pub async fn rows_of_scan(scan: Scan) -> Vec<Row> {
    let mut rows = Vec::new();
    for mut part in scan.parts {
        while let Some(found) = part.next().await {
            let batch = found.expect("rows").batch;
            let streams = column::<UInt32Array>(&batch, "stream");
            let timestamps = column::<Int64Array>(&batch, "timestamp");
            let bodies = column::<StringViewArray>(&batch, "body");
            let metadata = column::<StringViewArray>(&batch, "metadata");
            rows.extend((0..batch.num_rows()).map(|at| Row {
                labels: scan.streams[streams.value(at) as usize].clone(),
                timestamp: timestamps.value(at),
                body: bodies.value(at).to_owned(),
                metadata: metadata.value(at).to_owned(),
            }));
        }
    }
    assert_eq!(scan.report.warnings(), Vec::<String>::new());
    rows
}

pub(super) fn column<'a, T: Array + 'static>(batch: &'a arrow::array::RecordBatch, name: &str) -> &'a T {
    let column = batch.column_by_name(name).expect("the column was asked for");
    column.as_any().downcast_ref().expect("the type of the schema")
}

pub(super) fn sorted(rows: impl IntoIterator<Item = Row>) -> Vec<Row> {
    let mut rows: Vec<Row> = rows.into_iter().collect();
    rows.sort();
    rows
}
