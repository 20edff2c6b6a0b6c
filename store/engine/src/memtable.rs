//! [`Memtable`]: acknowledged lines that are not in a split yet.
//!
//! A batch is kept as it came, behind an `Arc`; inserting copies no text and looks up no stream. Sorting and dropping
//! of duplicates happen when the rows are read: by a query for the streams it wants, by a flush for all of them.
//!
//! Start with [`Memtable::insert`] and [`MemtableView`].

use gantry_model::{LabelSet, LogBatch, LogRow, Selector, TenantId, TimeRange, Timestamp};
use gantry_store_api::StoreError;
use parking_lot::RwLock;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// Batches per sealed run: taking a view copies one pointer a run, not one a batch.
const RUN: usize = 1024;

/// What a row costs beside its text: its entry in the batch, and its share of the batch and of the stream list.
const ROW_OVERHEAD: usize = 48;

/// Takes rows one by one: labels, timestamp, body, encoded metadata.
pub type RowSink<'a> = dyn FnMut(&LabelSet, Timestamp, &str, &str) -> Result<(), StoreError> + 'a;

/// Acknowledged lines of one partition, all tenants.
#[derive(Debug, Default)]
pub struct Memtable {
    inner: RwLock<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    tenants: HashMap<TenantId, TenantRows>,
    bytes: usize,
    rows: usize,
}

#[derive(Debug, Default)]
struct TenantRows {
    sealed: Vec<Arc<[Chunk]>>,
    open: Vec<Chunk>,
    bounds: Option<(Timestamp, Timestamp)>,
}

#[derive(Clone, Debug)]
struct Chunk {
    batch: Arc<LogBatch>,
    min: Timestamp,
    max: Timestamp,
}

impl Memtable {
    pub fn new() -> Self {
        Memtable::default()
    }

    /// Adds a batch and returns the bytes now held, overhead included.
    pub fn insert(&self, batch: Arc<LogBatch>, tenant: &TenantId) -> usize {
        let bounds = batch.rows().iter().map(|r| r.timestamp).fold(None, |acc: Option<(Timestamp, Timestamp)>, t| {
            Some(acc.map_or((t, t), |(min, max)| (min.min(t), max.max(t))))
        });
        let mut inner = self.inner.write();
        let Some((min, max)) = bounds else { return inner.bytes };
        inner.bytes += batch.text_bytes() + batch.line_count() * ROW_OVERHEAD;
        inner.rows += batch.line_count();
        let rows = match inner.tenants.get_mut(tenant) {
            Some(rows) => rows,
            None => inner.tenants.entry(tenant.clone()).or_default(),
        };
        rows.bounds = Some(rows.bounds.map_or((min, max), |(lo, hi)| (lo.min(min), hi.max(max))));
        rows.open.push(Chunk { batch, min, max });
        if rows.open.len() == RUN {
            rows.sealed.push(std::mem::take(&mut rows.open).into());
        }
        inner.bytes
    }

    pub fn bytes(&self) -> usize {
        self.inner.read().bytes
    }

    pub fn rows(&self) -> usize {
        self.inner.read().rows
    }

    pub fn tenants(&self) -> Vec<TenantId> {
        self.inner.read().tenants.keys().cloned().collect()
    }

    /// First and last timestamp of the tenant's lines, both inclusive.
    pub fn time_bounds(&self, tenant: &TenantId) -> Option<(Timestamp, Timestamp)> {
        self.inner.read().tenants.get(tenant)?.bounds
    }

    /// The rows that are there now; rows inserted later do not appear in it.
    pub fn view(&self, tenant: &TenantId, range: TimeRange) -> MemtableView {
        let inner = self.inner.read();
        let Some(rows) = inner.tenants.get(tenant) else { return MemtableView { runs: Vec::new(), range } };
        let mut runs = rows.sealed.clone();
        runs.push(rows.open.as_slice().into());
        MemtableView { runs, range }
    }

    /// Every distinct row of the tenant in `bucket`: streams in ascending order of labels, rows by timestamp.
    pub fn for_each_sorted(
        &self,
        tenant: &TenantId,
        bucket: TimeRange,
        sink: &mut RowSink<'_>,
    ) -> Result<(), StoreError> {
        let view = self.view(tenant, bucket);
        for (labels, mut refs) in view.by_stream(&Selector::all()) {
            view.sort_distinct(&mut refs);
            for row in refs {
                sink(&labels, row.timestamp, view.body(row), view.metadata(row))?;
            }
        }
        Ok(())
    }
}

/// The rows of one tenant and time range as they were at one moment.
#[derive(Clone, Debug)]
pub struct MemtableView {
    runs: Vec<Arc<[Chunk]>>,
    range: TimeRange,
}

/// A row of a view: where it lies.
#[derive(Clone, Copy, Debug)]
pub struct RowAt {
    pub timestamp: Timestamp,
    run: u32,
    chunk: u32,
    row: u32,
}

impl MemtableView {
    fn batch(&self, at: RowAt) -> (&LogBatch, &LogRow) {
        let batch = &self.runs[at.run as usize][at.chunk as usize].batch;
        (batch, &batch.rows()[at.row as usize])
    }

    pub fn body(&self, at: RowAt) -> &str {
        let (batch, row) = self.batch(at);
        batch.body(row)
    }

    /// Encoded metadata, "" for none.
    pub fn metadata(&self, at: RowAt) -> &str {
        let (batch, row) = self.batch(at);
        batch.metadata(row)
    }

    /// Rows in range by stream, for the streams that match, in order of arrival.
    pub fn by_stream(&self, selector: &Selector) -> BTreeMap<LabelSet, Vec<RowAt>> {
        let mut streams: HashMap<&LabelSet, Option<Vec<RowAt>>> = HashMap::new();
        for (run, chunks) in self.runs.iter().enumerate() {
            for (chunk, Chunk { batch, min, max }) in chunks.iter().enumerate() {
                if !self.range.overlaps_closed(*min, *max) {
                    continue;
                }
                for stream in batch.streams() {
                    let wanted = || selector.matches(&stream.labels).then(Vec::new);
                    let Some(rows) = streams.entry(&stream.labels).or_insert_with(wanted) else { continue };
                    for row in stream.rows.clone() {
                        let timestamp = batch.rows()[row as usize].timestamp;
                        if self.range.contains(timestamp) {
                            rows.push(RowAt { timestamp, run: run as u32, chunk: chunk as u32, row });
                        }
                    }
                }
            }
        }
        let found = streams.into_iter().filter_map(|(labels, rows)| Some((labels, rows?)));
        found.filter(|(_, rows)| !rows.is_empty()).map(|(labels, rows)| (labels.clone(), rows)).collect()
    }

    /// Sorts by timestamp, keeping the order of arrival among equals, and drops rows that repeat an earlier one.
    pub fn sort_distinct(&self, rows: &mut Vec<RowAt>) {
        rows.sort_by_key(|row| row.timestamp);
        let (mut kept, mut run_start) = (0, 0);
        for at in 0..rows.len() {
            let row = rows[at];
            if kept > 0 && rows[kept - 1].timestamp != row.timestamp {
                run_start = kept;
            }
            let same = |old: &RowAt| self.body(*old) == self.body(row) && self.metadata(*old) == self.metadata(row);
            let in_run = kept > run_start && rows[kept - 1].timestamp == row.timestamp;
            if !(in_run && rows[run_start..kept].iter().any(same)) {
                rows[kept] = row;
                kept += 1;
            }
        }
        rows.truncate(kept);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(labels: &str, rows: &[(i64, &str)]) -> Arc<LogBatch> {
        let mut builder = LogBatch::builder();
        builder.stream(LabelSet::from_pairs([("app", labels)]));
        for (at, body) in rows {
            builder.push(Timestamp(*at), body, []).unwrap();
        }
        Arc::new(builder.finish())
    }

    fn sorted(table: &Memtable, bucket: TimeRange) -> Vec<String> {
        let mut out = Vec::new();
        let tenant = TenantId::default_tenant();
        table
            .for_each_sorted(&tenant, bucket, &mut |labels, at, body, _| {
                out.push(format!("{labels} {} {body}", at.0));
                Ok(())
            })
            .unwrap();
        out
    }

    #[test]
    fn rows_come_by_stream_and_time_and_each_once() {
        let table = Memtable::new();
        let tenant = TenantId::default_tenant();
        table.insert(batch("b", &[(3, "x"), (1, "y"), (3, "x"), (3, "w")]), &tenant);
        table.insert(batch("a", &[(9, "z")]), &tenant);
        table.insert(batch("b", &[(3, "w"), (2, "v")]), &tenant);
        let want = [r#"{app="a"} 9 z"#, r#"{app="b"} 1 y"#, r#"{app="b"} 2 v"#, r#"{app="b"} 3 x"#, r#"{app="b"} 3 w"#];
        assert_eq!(sorted(&table, TimeRange::ALL), want);
        assert_eq!(sorted(&table, TimeRange::new(Timestamp(2), Timestamp(3))), [r#"{app="b"} 2 v"#]);
    }

    #[test]
    fn a_view_does_not_see_later_rows() {
        let table = Memtable::new();
        let tenant = TenantId::default_tenant();
        table.insert(batch("a", &[(1, "x")]), &tenant);
        let view = table.view(&tenant, TimeRange::ALL);
        table.insert(batch("a", &[(2, "y")]), &tenant);
        assert_eq!(view.by_stream(&Selector::all()).values().map(Vec::len).sum::<usize>(), 1);
        assert_eq!(table.rows(), 2);
    }
}
