//! [`Snapshot`]: a consistent view over memtables and splits, and what can be answered from indexes alone.
//!
//! Start with [`querier`]; the reading of rows is in `scan`.

use crate::mask::Mask;
use crate::masked;
use crate::memtable::{Memtable, MemtableView};
use crate::scan;
use crate::split::{GRANULE_ROWS, OpenSplit, Split, SplitIndex, SplitStream};
use async_trait::async_trait;
use futures::{StreamExt, stream};
use gantry_model::{LabelSet, Selector, TenantId, TimeRange, Timestamp};
use gantry_store_api::{Querier, Scan, ScanReport, ScanRequest, StoreError, StreamSummary};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Splits that are opened at the same time.
const OPEN_AT_ONCE: usize = 8;

/// What a tenant's lines lie in at one moment. Taken under the lock of each partition.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    pub memtables: Vec<(Arc<Memtable>, Mask)>,
    pub splits: Vec<(Arc<Split>, Mask)>,
}

/// A source of lines, and which of them are hidden.
#[derive(Clone, Debug)]
pub struct Masked<T> {
    pub source: Arc<T>,
    pub mask: Mask,
}

/// Binds a snapshot to a tenant and a range. Rows that memtables take later are not seen.
pub fn querier(snapshot: Snapshot, tenant: TenantId, range: TimeRange) -> Arc<dyn Querier> {
    let view = |(table, mask): (Arc<Memtable>, Mask)| Masked { source: Arc::new(table.view(&tenant, range)), mask };
    let views = snapshot.memtables.into_iter().map(view).collect();
    let wanted = |(split, _): &(Arc<Split>, Mask)| split.meta().tenant == tenant && split.meta().overlaps(&range);
    let splits = snapshot.splits.into_iter().filter(wanted).collect();
    Arc::new(SnapshotQuerier { views, splits, range })
}

#[derive(Debug)]
struct SnapshotQuerier {
    views: Vec<Masked<MemtableView>>,
    splits: Vec<(Arc<Split>, Mask)>,
    range: TimeRange,
}

impl SnapshotQuerier {
    /// Opens the splits; those that cannot be read are reported and left out.
    async fn open_splits(&self, report: &ScanReport) -> Vec<Masked<OpenSplit>> {
        let open = |(split, mask): (Arc<Split>, Mask)| async move { Ok(Masked { source: split.open().await?, mask }) };
        let opening = self.splits.clone().into_iter().map(open);
        let opened: Vec<_> = stream::iter(opening).buffered(OPEN_AT_ONCE).collect().await;
        let usable = opened
            .into_iter()
            .filter_map(|split: Result<_, StoreError>| split.map_err(|e| scan::warn(report, &e)).ok());
        usable.collect()
    }
}

#[async_trait]
impl Querier for SnapshotQuerier {
    async fn streams(&self, selector: &Selector) -> Result<Vec<StreamSummary>, StoreError> {
        let report = ScanReport::default();
        let mut found: BTreeMap<LabelSet, StreamSummary> = BTreeMap::new();
        for Masked { source: split, mask } in self.open_splits(&report).await {
            let index = &split.index;
            let in_range = |s: &&SplitStream| self.range.overlaps_closed(s.min_ts, s.max_ts);
            for stream in index.streams.iter().filter(in_range).filter(|s| selector.matches(&s.labels)) {
                if let Some(hidden) = mask.of_stream(&stream.labels).filter(|m| m.touches(stream.min_ts, stream.max_ts))
                {
                    let left = masked::count(&split, stream, &self.range, &hidden).await;
                    match left {
                        Ok(left) if left.entries == 0 => {}
                        Ok(left) => add(&mut found, &stream.labels, left.entries, left.bytes, left.chunks),
                        Err(e) => scan::warn(&report, &e.context(format!("split {}", split.meta.id))),
                    }
                    continue;
                }
                let share = share(index, stream, &self.range);
                let granules = stream.row_range().len().div_ceil(GRANULE_ROWS) as u64;
                add(
                    &mut found,
                    &stream.labels,
                    scaled(stream.rows as u64, share),
                    scaled(stream.text_bytes, share),
                    granules,
                );
            }
        }
        for Masked { source: view, mask } in &self.views {
            for (labels, mut rows) in view.by_stream(selector) {
                if let Some(hidden) = mask.of_stream(&labels) {
                    rows.retain(|row| !hidden.hides(row.timestamp, view.body(*row)));
                }
                if rows.is_empty() {
                    continue;
                }
                let bytes = rows.iter().map(|row| (view.body(*row).len() + view.metadata(*row).len()) as u64).sum();
                add(&mut found, &labels, rows.len() as u64, bytes, 1);
            }
        }
        Ok(found.into_values().collect())
    }

    async fn scan(&self, request: ScanRequest) -> Result<Scan, StoreError> {
        let report = Arc::new(ScanReport::default());
        let splits = self.open_splits(&report).await;
        scan::start(self.views.clone(), splits, self.range, request, report)
    }
}

fn add(found: &mut BTreeMap<LabelSet, StreamSummary>, labels: &LabelSet, entries: u64, bytes: u64, chunks: u64) {
    let empty = || StreamSummary { labels: labels.clone(), entries: 0, bytes: 0, chunks: 0 };
    let summary = found.entry(labels.clone()).or_insert_with(empty);
    summary.entries += entries;
    summary.bytes += bytes;
    summary.chunks += chunks;
}

/// Share of the stream's rows that lie in the range, by which counts are scaled; 1 when the range covers it. Within a
/// granule rows are taken to be spread evenly over its time.
fn share(index: &SplitIndex, stream: &SplitStream, range: &TimeRange) -> f64 {
    if range.covers_closed(stream.min_ts, stream.max_ts) {
        return 1.0;
    }
    let rows = stream.row_range();
    let mut counted = 0.0;
    for number in rows.start / GRANULE_ROWS..rows.end.div_ceil(GRANULE_ROWS) {
        let (granule, held) = (&index.granules[number], index.granule_rows(number));
        let own = held.end.min(rows.end) - held.start.max(rows.start);
        let (first, last) = (granule.min_ts.max(stream.min_ts), granule.max_ts.min(stream.max_ts));
        counted += own as f64 * time_share(first, last, range);
    }
    counted / (rows.len().max(1) as f64)
}

/// Share of `first..=last` that lies in the range.
fn time_share(first: Timestamp, last: Timestamp, range: &TimeRange) -> f64 {
    let whole = last.0 as f64 - first.0 as f64 + 1.0;
    let (start, end) = (first.max(range.start).0 as f64, (last.0 as f64 + 1.0).min(range.end.0 as f64));
    ((end - start) / whole).clamp(0.0, 1.0)
}

fn scaled(count: u64, share: f64) -> u64 {
    (count as f64 * share).ceil() as u64
}
