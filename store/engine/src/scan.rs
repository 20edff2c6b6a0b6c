//! Reads rows: plans units of work from indexes, runs them in parallel, filters exactly, and drops repeated rows.
//!
//! A row can lie in two places at once only when the time spans of its stream in two sources overlap. For such spans,
//! and only for them, hashes of the returned rows are remembered and repeats are dropped.

mod contested;
mod ordered;
mod windows;

use crate::mask::{Mask, StreamMask};
use crate::memtable::{MemtableView, RowAt};
use crate::querier::Masked;
use crate::split::{OpenSplit, Selected, SplitIndex, Texts};
use arrow::array::{ArrayRef, BooleanArray, Int64Array, RecordBatch, StringViewArray, StringViewBuilder, UInt32Array};
use contested::{Contested, Spans};
use futures::{StreamExt, stream};
use gantry_model::{LabelSet, LineFilter, TimeRange, Timestamp};
use gantry_store_api::{
    LogRows, Scan, ScanColumns, ScanOrder, ScanReport, ScanRequest, ScanStream, StoreError, rows_schema,
};
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};
use std::ops::Range;
use std::sync::Arc;
use xxhash_rust::xxh3::Xxh3;

/// Granules of one unit in an unordered scan; an ordered one knows the time of each.
const UNIT_GRANULES: usize = 8;
/// Rows of one unit read from a memtable.
const UNIT_ROWS: usize = 8192;
/// Below this share of kept rows the texts are copied out, so that a few rows do not hold whole pages in memory.
const COPY_BELOW: f64 = 0.5;

/// Notes damage on the scan's report and in the log.
pub fn warn(report: &ScanReport, error: &StoreError) {
    tracing::warn!(error = %error, "a part of the data cannot be read; the rest is served");
    report.warn(error.to_string());
}

/// Plans the scan; no row is read before its streams are polled.
pub fn start(
    views: Vec<Masked<MemtableView>>,
    splits: Vec<Masked<OpenSplit>>,
    range: TimeRange,
    request: ScanRequest,
    report: Arc<ScanReport>,
) -> Result<Scan, StoreError> {
    let memory: Vec<BTreeMap<LabelSet, Vec<RowAt>>> = views.iter().map(shown_by_stream(&request)).collect();
    let mut labels: BTreeSet<&LabelSet> = memory.iter().flat_map(BTreeMap::keys).collect();
    for Masked { source: split, .. } in &splits {
        let known = split.index.streams.iter().map(|s| &s.labels);
        labels.extend(known.filter(|labels| request.selector.matches(labels)));
    }
    let streams: Arc<[LabelSet]> = labels.into_iter().cloned().collect();
    let number = |labels: &LabelSet| streams.binary_search(labels).ok().map(|at| at as u32);

    let mut spans = Spans::new(streams.len());
    let mut units = Vec::new();
    for Masked { source: split, mask } in &splits {
        ScanReport::add(&report.splits_considered, 1);
        let numbers: Vec<Option<u32>> = split.index.streams.iter().map(|s| number(&s.labels)).collect();
        for (stream, number) in split.index.streams.iter().zip(&numbers) {
            if let Some(number) = number {
                spans.add(*number, stream.min_ts, stream.max_ts);
            }
        }
        match split_units(split, &numbers, mask, &range, &request, &report) {
            Ok(found) => units.extend(found),
            Err(e) => warn(&report, &e.context(format!("split {}", split.meta.id))),
        }
    }
    for (view, by_stream) in views.iter().zip(memory) {
        units.extend(memory_units(&view.source, by_stream, &number, &mut spans, request.order));
    }
    let context = Arc::new(Context {
        range,
        lines: request.lines,
        columns: request.columns,
        contested: spans.contested(),
        seen: Mutex::default(),
        report: report.clone(),
    });
    let parts = match request.order {
        ScanOrder::Any => unordered(context, units, request.parallelism.max(1)),
        order => vec![ordered::start(context, units, order, request.parallelism.max(1))],
    };
    Ok(Scan { streams, parts, report })
}

/// What all units of a scan share.
struct Context {
    range: TimeRange,
    lines: Vec<LineFilter>,
    columns: ScanColumns,
    contested: Vec<Contested>,
    seen: Mutex<HashSet<u128>>,
    report: Arc<ScanReport>,
}

/// Work that yields at most one batch.
struct Unit {
    min: Timestamp,
    max: Timestamp,
    source: Source,
}

enum Source {
    Split { split: Arc<OpenSplit>, runs: Vec<Run> },
    Memory { view: Arc<MemtableView>, rows: Vec<(u32, RowAt)> },
}

/// Consecutive rows of one stream in a split.
struct Run {
    stream: u32,
    rows: Range<usize>,
    /// What is hidden of them.
    hidden: Option<Arc<StreamMask>>,
}

/// Rows in memory that are shown, by stream.
fn shown_by_stream(request: &ScanRequest) -> impl Fn(&Masked<MemtableView>) -> BTreeMap<LabelSet, Vec<RowAt>> {
    |Masked { source: view, mask }| {
        let mut streams = view.by_stream(&request.selector);
        streams.retain(|labels, rows| {
            if let Some(hidden) = mask.of_stream(labels) {
                rows.retain(|row| !hidden.hides(row.timestamp, view.body(*row)));
            }
            !rows.is_empty()
        });
        streams
    }
}

fn split_units(
    split: &Arc<OpenSplit>,
    numbers: &[Option<u32>],
    mask: &Mask,
    range: &TimeRange,
    request: &ScanRequest,
    report: &ScanReport,
) -> Result<Vec<Unit>, StoreError> {
    let index = &split.index;
    if numbers.iter().all(Option::is_none) {
        return Ok(Vec::new());
    }
    let hidden: Vec<Option<Arc<StreamMask>>> =
        index.streams.iter().map(|s| mask.of_stream(&s.labels).map(Arc::new)).collect();
    let keep = index.candidates(range, &request.lines)?;
    ScanReport::add(&report.granules_considered, keep.len() as u64);
    let per_group = split.row_group_granules();
    let per_unit = match request.order {
        ScanOrder::Any if request.columns.body => UNIT_GRANULES,
        // A block of bodies is opened once; what comes of it is small.
        ScanOrder::Any => per_group,
        ScanOrder::NewestFirst | ScanOrder::OldestFirst => 1,
    };
    let mut units: Vec<Unit> = Vec::new();
    let mut last_slot = None;
    for granule in keep.iter().enumerate().filter(|(_, keep)| **keep).map(|(granule, _)| granule) {
        let Some((min, max, mut runs)) = granule_runs(index, granule, numbers, &hidden, range) else { continue };
        ScanReport::add(&report.granules_scanned, 1);
        let slot = (granule / per_group, granule % per_group / per_unit);
        match units.last_mut() {
            Some(Unit { min: lo, max: hi, source: Source::Split { runs: all, .. } }) if last_slot == Some(slot) => {
                *lo = min.min(*lo);
                *hi = max.max(*hi);
                all.append(&mut runs);
            }
            _ => units.push(Unit { min, max, source: Source::Split { split: split.clone(), runs } }),
        }
        last_slot = Some(slot);
    }
    ScanReport::add(&report.splits_scanned, u64::from(!units.is_empty()));
    Ok(units)
}

/// The rows of a granule that belong to wanted streams, and bounds of their time; `None` when there are none.
fn granule_runs(
    index: &SplitIndex,
    granule: usize,
    numbers: &[Option<u32>],
    hidden: &[Option<Arc<StreamMask>>],
    range: &TimeRange,
) -> Option<(Timestamp, Timestamp, Vec<Run>)> {
    let rows = index.granule_rows(granule);
    let bounds = &index.granules[granule];
    let first = index.streams.partition_point(|stream| stream.row_range().end <= rows.start);
    let (mut min, mut max) = (Timestamp::MAX, Timestamp::MIN);
    let mut runs = Vec::new();
    let held = index.streams[first..].iter().zip(&numbers[first..]).zip(&hidden[first..]);
    for ((stream, number), hidden) in held.take_while(|((stream, _), _)| stream.row_range().start < rows.end) {
        let Some(number) = number.filter(|_| range.overlaps_closed(stream.min_ts, stream.max_ts)) else { continue };
        let (oldest, newest) = (stream.min_ts.max(bounds.min_ts), stream.max_ts.min(bounds.max_ts));
        let hidden = hidden.as_ref().filter(|hidden| hidden.touches(oldest, newest));
        if hidden.is_some_and(|hidden| hidden.hides_all(oldest, newest)) {
            continue;
        }
        (min, max) = (min.min(oldest), max.max(newest));
        let span = stream.row_range();
        runs.push(Run {
            stream: number,
            rows: span.start.max(rows.start)..span.end.min(rows.end),
            hidden: hidden.cloned(),
        });
    }
    (!runs.is_empty()).then_some((min, max, runs))
}

fn memory_units(
    view: &Arc<MemtableView>,
    by_stream: BTreeMap<LabelSet, Vec<RowAt>>,
    number: &dyn Fn(&LabelSet) -> Option<u32>,
    spans: &mut Spans,
    order: ScanOrder,
) -> Vec<Unit> {
    let mut all = Vec::new();
    for (labels, mut rows) in by_stream {
        let Some(number) = number(&labels) else { continue };
        view.sort_distinct(&mut rows);
        if let (Some(first), Some(last)) = (rows.first(), rows.last()) {
            spans.add(number, first.timestamp, last.timestamp);
        }
        all.extend(rows.into_iter().map(|row| (number, row)));
    }
    if order != ScanOrder::Any {
        all.sort_by_key(|(_, row)| row.timestamp);
    }
    let unit = |rows: &[(u32, RowAt)]| Unit {
        min: rows.iter().map(|(_, r)| r.timestamp).min().unwrap_or(Timestamp::MAX),
        max: rows.iter().map(|(_, r)| r.timestamp).max().unwrap_or(Timestamp::MIN),
        source: Source::Memory { view: view.clone(), rows: rows.to_vec() },
    };
    all.chunks(UNIT_ROWS).map(unit).collect()
}

fn unordered(context: Arc<Context>, units: Vec<Unit>, parallelism: usize) -> Vec<ScanStream> {
    let parts = parallelism.min(units.len()).max(1);
    let queue = Arc::new(Mutex::new(VecDeque::from(units)));
    let part = |_| {
        let state = (context.clone(), queue.clone());
        let next = |(context, queue): (Arc<Context>, Arc<Mutex<VecDeque<Unit>>>)| async move {
            loop {
                let unit = queue.lock().pop_front()?;
                if let Some(batch) = run(&context, unit).await {
                    let rows = batch.map(|batch| LogRows { batch, bound: None });
                    return Some((rows, (context, queue)));
                }
            }
        };
        stream::unfold(state, next).boxed()
    };
    (0..parts).map(part).collect()
}

/// Runs a unit: `None` when no row passes. Damage is reported and skipped.
async fn run(context: &Context, unit: Unit) -> Option<Result<RecordBatch, StoreError>> {
    match unit.source {
        Source::Memory { view, rows } => read_memory(context, &view, &rows).transpose(),
        Source::Split { split, runs } => match read_split(context, &split, &runs).await {
            Ok(batch) => batch.map(Ok),
            Err(e) => {
                warn(&context.report, &e.context(format!("split {}", split.meta.id)));
                None
            }
        },
    }
}

impl Context {
    fn is_contested(&self, stream: u32, at: Timestamp) -> bool {
        self.contested[stream as usize].holds(at)
    }

    fn passes(&self, body: &str) -> bool {
        self.lines.iter().all(|filter| filter.matches(body))
    }

    /// False when the row was returned before.
    fn is_first(&self, stream: u32, at: Timestamp, body: &str, metadata: &str) -> bool {
        if !self.is_contested(stream, at) {
            return true;
        }
        let mut hash = Xxh3::new();
        hash.update(&stream.to_le_bytes());
        hash.update(&at.0.to_le_bytes());
        hash.update(&(body.len() as u64).to_le_bytes());
        hash.update(body.as_bytes());
        hash.update(metadata.as_bytes());
        self.seen.lock().insert(hash.digest128())
    }

    fn count(&self, rows: usize, returned: usize, bytes: u64) {
        ScanReport::add(&self.report.rows_scanned, rows as u64);
        ScanReport::add(&self.report.rows_returned, returned as u64);
        ScanReport::add(&self.report.bytes_scanned, bytes);
    }

    fn batch(
        &self,
        streams: Vec<u32>,
        timestamps: Vec<i64>,
        bodies: Option<StringViewArray>,
        metadata: Option<StringViewArray>,
    ) -> Result<RecordBatch, StoreError> {
        let mut columns: Vec<ArrayRef> =
            vec![Arc::new(UInt32Array::from(streams)), Arc::new(Int64Array::from(timestamps))];
        columns.extend(bodies.filter(|_| self.columns.body).map(|b| Arc::new(b) as ArrayRef));
        columns.extend(metadata.filter(|_| self.columns.metadata).map(|m| Arc::new(m) as ArrayRef));
        RecordBatch::try_new(rows_schema(self.columns), columns).map_err(StoreError::internal)
    }
}

fn read_memory(
    context: &Context,
    view: &MemtableView,
    rows: &[(u32, RowAt)],
) -> Result<Option<RecordBatch>, StoreError> {
    let (mut streams, mut timestamps) = (Vec::new(), Vec::new());
    let (mut bodies, mut metadata) = (StringViewBuilder::new(), StringViewBuilder::new());
    let mut bytes = 0;
    for (stream, row) in rows {
        let (body, pairs) = (view.body(*row), view.metadata(*row));
        bytes += (body.len() + pairs.len()) as u64;
        if !context.passes(body) || !context.is_first(*stream, row.timestamp, body, pairs) {
            continue;
        }
        streams.push(*stream);
        timestamps.push(row.timestamp.0);
        if context.columns.body {
            bodies.append_value(body);
        }
        if context.columns.metadata {
            metadata.append_value(pairs);
        }
    }
    context.count(rows.len(), streams.len(), bytes);
    if streams.is_empty() {
        return Ok(None);
    }
    context.batch(streams, timestamps, Some(bodies.finish()), Some(metadata.finish())).map(Some)
}

async fn read_split(context: &Context, split: &OpenSplit, runs: &[Run]) -> Result<Option<RecordBatch>, StoreError> {
    let mut ranges: Vec<Range<usize>> = Vec::new();
    for run in runs {
        match ranges.last_mut() {
            Some(last) if last.end == run.rows.start => last.end = run.rows.end,
            _ => ranges.push(run.rows.clone()),
        }
    }
    let selected = split.select(&ranges, &context.range, &context.lines, context.columns).await?;
    let doubts = doubts(context, split, runs, &selected).await?;
    let Selected { rows, mut keep, bytes } = selected;
    let total = rows.timestamps.len();
    let (mut streams, mut timestamps) = (Vec::with_capacity(total), Vec::with_capacity(total));
    let mut doubts = doubts.iter();
    let mut at = 0;
    for run in runs {
        let rows_of_run = at..at + run.rows.len();
        if is_never_in_doubt(context, run) {
            let kept = keep[rows_of_run.clone()].iter().zip(&rows.timestamps[rows_of_run]).filter(|(keep, _)| **keep);
            timestamps.extend(kept.map(|(_, at)| *at));
            streams.resize(timestamps.len(), run.stream);
            at += run.rows.len();
            continue;
        }
        for _ in run.rows.clone() {
            let timestamp = Timestamp(rows.timestamps[at]);
            keep[at] = keep[at]
                && (!is_in_doubt(context, run, timestamp) || {
                    let (body, metadata) = doubts.next().unwrap_or_default();
                    !run.hidden.as_ref().is_some_and(|hidden| hidden.hides(timestamp, body))
                        && context.is_first(run.stream, timestamp, body, metadata)
                });
            if keep[at] {
                streams.push(run.stream);
                timestamps.push(timestamp.0);
            }
            at += 1;
        }
    }
    context.count(total, streams.len(), bytes);
    if streams.is_empty() {
        return Ok(None);
    }
    let copy = (streams.len() as f64) < total as f64 * COPY_BELOW;
    let pick = |column: Option<StringViewArray>| select(column, &keep, streams.len() == total, copy);
    let bodies = pick(rows.bodies.filter(|_| context.columns.body))?;
    let metadata = pick(rows.metadata.filter(|_| context.columns.metadata))?;
    context.batch(streams, timestamps, bodies, metadata).map(Some)
}

/// Whether it takes more than the filters to say that a row is shown: it may be hidden, or be there twice.
fn is_in_doubt(context: &Context, run: &Run, at: Timestamp) -> bool {
    context.is_contested(run.stream, at) || run.hidden.as_ref().is_some_and(|hidden| hidden.touches(at, at))
}

/// [`is_in_doubt`] of no row of the run.
fn is_never_in_doubt(context: &Context, run: &Run) -> bool {
    context.contested[run.stream as usize].is_empty() && run.hidden.is_none()
}

/// Texts of the rows that passed the filters and are in doubt, one after the other. Mostly there are none.
async fn doubts(context: &Context, split: &OpenSplit, runs: &[Run], selected: &Selected) -> Result<Texts, StoreError> {
    let (mut rows, mut first) = (Vec::new(), 0);
    for run in runs {
        let own = first..first + run.rows.len();
        first = own.end;
        if is_never_in_doubt(context, run) {
            continue;
        }
        let times = run.rows.clone().zip(&selected.rows.timestamps[own.clone()]).zip(&selected.keep[own]);
        let in_doubt = times.filter(|((_, at), keep)| **keep && is_in_doubt(context, run, Timestamp(**at)));
        rows.extend(in_doubt.map(|((row, _), _)| row));
    }
    if rows.is_empty() {
        return Ok(Texts::default());
    }
    split.texts(&rows, ScanColumns { body: true, metadata: true }).await
}

fn select(
    column: Option<StringViewArray>,
    keep: &[bool],
    all: bool,
    copy: bool,
) -> Result<Option<StringViewArray>, StoreError> {
    let Some(column) = column else { return Ok(None) };
    if all {
        return Ok(Some(column));
    }
    let kept = arrow::compute::filter(&column, &BooleanArray::from(keep.to_vec())).map_err(StoreError::internal)?;
    let kept = arrow::array::AsArray::as_string_view(&kept).clone();
    Ok(Some(if copy { kept.gc() } else { kept }))
}
