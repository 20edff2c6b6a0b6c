//! Ordered scans: the newest (or oldest) rows first, and of rows that nobody waits for, no text.
//!
//! Rows of a split lie by stream, so that every granule reaches over much of the time and no order comes from the files.
//! Time is therefore cut into windows, the first one small, each next one larger. In a window all rows that can match are
//! found first, by timestamps and by what the store answers without text ([`Candidate`]s); these are sorted, and then read
//! in portions, first few, then more, for as long as the reader asks; only where an index left few granules, texts are read
//! at once, because the block is open already. What is left of the filters (regular expressions), rows
//! hidden by delete requests and repeated rows are decided when the text is there.

use super::windows::{Search, Windows};
use super::{Context, Run, Source, Unit, warn};
use crate::split::{OpenSplit, Texts, required_texts};
use arrow::array::{RecordBatch, StringViewBuilder};
use futures::{StreamExt, stream};
use gantry_model::{LineFilter, LineOp, TimeRange, Timestamp};
use gantry_store_api::{ErrorKind, LogRows, ScanColumns, ScanOrder, ScanStream, StoreError};
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio_util::task::AbortOnDropHandle;

/// Rows read first, and at most at once.
const FIRST_PORTION: usize = 128;
const LARGEST_PORTION: usize = 65_536;
/// Each portion is larger than the one before by this factor.
const PORTION_GROWTH: usize = 4;
/// Candidates that are in memory together. A window that holds more is cut in two.
const MOST_CANDIDATES: usize = 4 << 20;
/// Granules that are looked through in one task: not more than a row group, so that one task opens its block.
const TASK_UNITS: usize = 32;
/// Rows of a task whose texts are read along with the search, at most.
const MOST_EARLY: usize = 64;
/// An index has found the rows when it left less than one granule in so many.
const PRUNED: u64 = 4;

/// A row that can match.
#[derive(Clone, Copy, Debug)]
struct Candidate {
    at: Timestamp,
    /// Position among the units, then among the unit's runs; of a unit in memory, the row.
    unit: u32,
    run: u32,
    /// Row of the split.
    row: u32,
}

/// What all steps of the scan share.
struct Plan {
    context: Arc<Context>,
    units: Vec<Unit>,
    /// Filters that the store answers from templates, and what regular expressions demand.
    quick: Vec<LineFilter>,
    /// Filters that need the text.
    slow: Vec<LineFilter>,
    newest: bool,
    parallelism: usize,
    search: Search,
}

/// Texts that were read along with the search, by unit and row.
#[derive(Default)]
struct Early {
    texts: Vec<Texts>,
    places: HashMap<(u32, u32), (usize, usize)>,
}

struct Progress {
    plan: Arc<Plan>,
    windows: Windows,
    /// Parts of windows that held too much, with the bounds of what comes after them; the next one last.
    halves: Vec<(TimeRange, Timestamp)>,
    /// Of the present window, those that come last first.
    found: Vec<Candidate>,
    early: Arc<Early>,
    /// What comes after the present window.
    bound: Timestamp,
    portion: usize,
}

/// The rows of all units. `parallelism`: windows are searched in so many tasks at once.
pub(super) fn start(context: Arc<Context>, units: Vec<Unit>, order: ScanOrder, parallelism: usize) -> ScanStream {
    let newest = order == ScanOrder::NewestFirst;
    let (quick, slow) = split_filters(&context.lines);
    let last = Timestamp(context.range.end.0.saturating_sub(1));
    // Of a unit that reaches beyond the range only the part inside counts, and as many rows as its share.
    let inside = units.iter().filter_map(|unit| {
        let (min, max) = (unit.min.max(context.range.start), unit.max.min(last));
        let share = (max.0 as f64 - min.0 as f64 + 1.0) / (unit.max.0 as f64 - unit.min.0 as f64 + 1.0);
        (min <= max).then(|| (min, max, (unit.rows() as f64 * share).ceil() as usize))
    });
    let granules = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    let (scanned, considered) =
        (granules(&context.report.granules_scanned), granules(&context.report.granules_considered));
    let search = match quick.is_empty() {
        true => Search::Nothing,
        false if scanned * PRUNED < considered => Search::Index,
        false => Search::Lines,
    };
    let windows = Windows::new(inside, newest, search);
    let plan = Arc::new(Plan { context, units, quick, slow, newest, parallelism, search });
    let (halves, found, early) = Default::default();
    let progress = Progress { plan, windows, halves, found, early, bound: Timestamp::MAX, portion: FIRST_PORTION };
    stream::unfold(progress, |mut progress| async move { Some((progress.next().await?, progress)) }).boxed()
}

fn split_filters(lines: &[LineFilter]) -> (Vec<LineFilter>, Vec<LineFilter>) {
    let (mut quick, mut slow) = (Vec::new(), Vec::new());
    for filter in lines {
        if matches!(filter.op, LineOp::Contains | LineOp::NotContains) {
            quick.push(filter.clone());
            continue;
        }
        quick.extend(required_texts(filter).and_then(|texts| LineFilter::new(LineOp::Contains, texts).ok()));
        slow.push(filter.clone());
    }
    (quick, slow)
}

impl Progress {
    async fn next(&mut self) -> Option<Result<LogRows, StoreError>> {
        loop {
            if self.found.is_empty() {
                match self.search().await? {
                    Ok((found, early)) => (self.found, self.early) = (found, Arc::new(early)),
                    Err(error) => return Some(Err(error)),
                }
                continue;
            }
            let portion = self.found.split_off(self.found.len().saturating_sub(self.portion));
            self.portion = (self.portion * PORTION_GROWTH).min(LARGEST_PORTION);
            let bound = self.found.last().map_or(self.bound, |next| next.at);
            let (plan, early) = (self.plan.clone(), self.early.clone());
            // Elsewhere, so that other work of this thread is not kept waiting; dropping the scan ends it.
            let reading = tokio::spawn(async move { read(&plan, portion, &early).await });
            match AbortOnDropHandle::new(reading).await.unwrap_or_else(|e| Err(StoreError::internal(e))) {
                Ok(None) => {}
                Ok(Some(batch)) => return Some(Ok(LogRows { batch, bound: Some(bound) })),
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

impl Progress {
    /// Candidates of the next window; `None` after the last one.
    async fn search(&mut self) -> Option<Result<(Vec<Candidate>, Early), StoreError>> {
        let (window, bound) = match self.halves.pop() {
            Some(half) => half,
            None => self.windows.next()?,
        };
        self.bound = bound;
        match search(&self.plan, window).await {
            Err(error) => Some(Err(error)),
            Ok(Some(found)) => {
                self.windows.learn(found.0.len());
                Some(Ok(found))
            }
            Ok(None) => Some(self.halve(window, bound).map(|()| Default::default())),
        }
    }

    /// Puts both halves of a window that held too much before all others.
    fn halve(&mut self, window: TimeRange, bound: Timestamp) -> Result<(), StoreError> {
        let middle = Timestamp(window.start.0.midpoint(window.end.0));
        if middle == window.start {
            let text = format!("more than {MOST_CANDIDATES} lines of one instant can match: narrow the selector");
            return Err(StoreError::new(ErrorKind::Invalid, text));
        }
        let (older, newer) = (TimeRange::new(window.start, middle), TimeRange::new(middle, window.end));
        if self.plan.newest {
            self.halves.extend([(older, bound), (newer, Timestamp(middle.0 - 1))]);
        } else {
            self.halves.extend([(newer, bound), (older, middle)]);
        }
        Ok(())
    }
}

/// Candidates of a window, sorted so that the first ones come last; `None` when there are too many.
async fn search(plan: &Arc<Plan>, window: TimeRange) -> Result<Option<(Vec<Candidate>, Early)>, StoreError> {
    let range = &plan.context.range;
    let window = TimeRange::new(window.start.max(range.start), window.end.min(range.end));
    let tasks = tasks(&plan.units, &window).into_iter().map(|units| {
        let plan = plan.clone();
        async move { AbortOnDropHandle::new(tokio::spawn(async move { candidates(&plan, units, window).await })).await }
    });
    let (mut found, mut early) = (Vec::new(), Early::default());
    let mut searching = stream::iter(tasks).buffered(plan.parallelism);
    while let Some(part) = searching.next().await {
        let (mut part, texts) = part.map_err(StoreError::internal)?;
        if let Some(texts) = texts {
            let places = part.iter().enumerate();
            early.places.extend(places.map(|(place, c)| ((c.unit, c.row), (early.texts.len(), place))));
            early.texts.push(texts);
        }
        found.append(&mut part);
        if found.len() > MOST_CANDIDATES {
            return Ok(None);
        }
    }
    // Equal times in the order in which they were written, seen from the end of the list.
    let written = |c: &Candidate| std::cmp::Reverse((c.unit, c.run, c.row));
    match plan.newest {
        true => found.sort_unstable_by_key(|c| (c.at, written(c))),
        false => found.sort_unstable_by_key(|c| (std::cmp::Reverse(c.at), written(c))),
    }
    Ok(Some((found, early)))
}

/// Neighbouring units of one split and row group that the window touches go together.
fn tasks(units: &[Unit], window: &TimeRange) -> Vec<Vec<usize>> {
    let mut tasks: Vec<Vec<usize>> = Vec::new();
    for (at, unit) in units.iter().enumerate().filter(|(_, unit)| window.overlaps_closed(unit.min, unit.max)) {
        match tasks.last_mut() {
            Some(task) if task.len() < TASK_UNITS && units[task[0]].lies_with(unit) => task.push(at),
            _ => tasks.push(vec![at]),
        }
    }
    tasks
}

impl Unit {
    fn rows(&self) -> usize {
        match &self.source {
            Source::Split { runs, .. } => runs.iter().map(|run| run.rows.len()).sum(),
            Source::Memory { rows, .. } => rows.len(),
        }
    }

    fn lies_with(&self, other: &Unit) -> bool {
        match (&self.source, &other.source) {
            (Source::Split { split, runs }, Source::Split { split: other, runs: others }) => {
                Arc::ptr_eq(split, other)
                    && split.row_group(runs[0].rows.start) == split.row_group(others[0].rows.start)
            }
            _ => false,
        }
    }
}

/// Rows of units that lie together, and their texts when they were read along.
async fn candidates(plan: &Plan, units: Vec<usize>, window: TimeRange) -> (Vec<Candidate>, Option<Texts>) {
    let Source::Split { split, .. } = &plan.units[units[0]].source else {
        return (in_memory(plan, units[0], &window), None);
    };
    let found = async {
        let found = in_split(plan, &units, split, &window).await?;
        if plan.search != Search::Index || found.is_empty() || found.len() > MOST_EARLY {
            return Ok((found, None));
        }
        let rows: Vec<usize> = found.iter().map(|candidate| candidate.row as usize).collect();
        let texts = split.texts(&rows, wanted(plan, found.iter())).await?;
        Ok((found, Some(texts)))
    };
    found.await.unwrap_or_else(|error: StoreError| {
        warn(&plan.context.report, &error.context(format!("split {}", split.meta.id)));
        Default::default()
    })
}

fn in_memory(plan: &Plan, unit: usize, window: &TimeRange) -> Vec<Candidate> {
    let Source::Memory { view, rows } = &plan.units[unit].source else { return Vec::new() };
    let first = rows.partition_point(|(_, row)| row.timestamp < window.start);
    let end = rows.partition_point(|(_, row)| row.timestamp < window.end);
    let mut bytes = 0;
    let mut found = Vec::new();
    for (at, (_, row)) in rows.iter().enumerate().take(end).skip(first) {
        let body = view.body(*row);
        bytes += body.len() as u64;
        if plan.quick.iter().all(|filter| filter.matches(body)) {
            found.push(Candidate { at: row.timestamp, unit: unit as u32, run: at as u32, row: 0 });
        }
    }
    plan.context.count(end - first, 0, if plan.quick.is_empty() { 0 } else { bytes });
    found
}

async fn in_split(
    plan: &Plan,
    units: &[usize],
    split: &OpenSplit,
    window: &TimeRange,
) -> Result<Vec<Candidate>, StoreError> {
    let runs = || {
        units.iter().flat_map(|unit| {
            let runs = plan.units[*unit].runs();
            runs.iter().enumerate().map(move |(run, rows)| (*unit, run, rows.rows.clone()))
        })
    };
    let mut ranges: Vec<Range<usize>> = Vec::new();
    for (_, _, rows) in runs() {
        match ranges.last_mut() {
            Some(last) if last.end == rows.start => last.end = rows.end,
            _ => ranges.push(rows),
        }
    }
    let nothing = ScanColumns { body: false, metadata: false };
    let selected = split.select(&ranges, window, &plan.quick, nothing).await?;
    let times = &selected.rows.timestamps;
    let in_time = times.iter().filter(|at| window.contains(Timestamp(**at))).count();
    // Rows outside the window were not searched.
    let share = in_time as f64 / times.len().max(1) as f64;
    plan.context.count(in_time, 0, (selected.bytes as f64 * share) as u64);
    let (mut found, mut first) = (Vec::new(), 0);
    for (unit, run, rows) in runs() {
        let own = first..first + rows.len();
        first = own.end;
        let kept = selected.keep[own.clone()].iter().zip(&times[own]).zip(rows).filter(|((keep, _), _)| **keep);
        found.extend(kept.map(|((_, at), row)| Candidate {
            at: Timestamp(*at),
            unit: unit as u32,
            run: run as u32,
            row: row as u32,
        }));
    }
    Ok(found)
}

impl Unit {
    fn runs(&self) -> &[Run] {
        match &self.source {
            Source::Split { runs, .. } => runs,
            Source::Memory { .. } => &[],
        }
    }

    fn stream(&self, run: u32) -> u32 {
        match &self.source {
            Source::Split { runs, .. } => runs[run as usize].stream,
            Source::Memory { rows, .. } => rows[run as usize].0,
        }
    }
}

/// Texts of the rows of a portion: by row, which texts and where in them.
struct Read {
    texts: Vec<Texts>,
    /// `None` for rows in memory, for rows whose text is there already, and for rows that could not be read.
    places: Vec<Option<(usize, usize)>>,
}

/// Reads a portion, whose first row is the last one, and applies what needs text. `None` when nothing is left.
async fn read(plan: &Plan, mut portion: Vec<Candidate>, early: &Early) -> Result<Option<RecordBatch>, StoreError> {
    portion.reverse();
    let context = &plan.context;
    let Read { texts, places } = fetch(plan, &portion, early).await;
    let (mut streams, mut timestamps, mut bytes) = (Vec::new(), Vec::new(), 0);
    let (mut bodies, mut metadata) = (StringViewBuilder::new(), StringViewBuilder::new());
    for (candidate, place) in portion.iter().zip(places) {
        let unit = &plan.units[candidate.unit as usize];
        let known = early.places.get(&(candidate.unit, candidate.row));
        let (body, pairs) = match (&unit.source, place) {
            (Source::Memory { view, rows }, _) => {
                let row = rows[candidate.run as usize].1;
                (view.body(row), view.metadata(row))
            }
            (Source::Split { .. }, Some((of, at))) => texts[of].at(at),
            (Source::Split { .. }, None) => match known {
                Some((of, at)) => early.texts[*of].at(*at),
                None => continue,
            },
        };
        bytes += (body.len() + pairs.len()) as u64;
        let hidden = unit.runs().get(candidate.run as usize).and_then(|run| run.hidden.as_ref());
        let stream = unit.stream(candidate.run);
        let passes = plan.slow.iter().all(|filter| filter.matches(body))
            && !hidden.is_some_and(|hidden| hidden.hides(candidate.at, body))
            && context.is_first(stream, candidate.at, body, pairs);
        if !passes {
            continue;
        }
        streams.push(stream);
        timestamps.push(candidate.at.0);
        if context.columns.body {
            bodies.append_value(body);
        }
        if context.columns.metadata {
            metadata.append_value(pairs);
        }
    }
    context.count(0, streams.len(), bytes);
    if streams.is_empty() {
        return Ok(None);
    }
    context.batch(streams, timestamps, Some(bodies.finish()), Some(metadata.finish())).map(Some)
}

async fn fetch(plan: &Plan, portion: &[Candidate], early: &Early) -> Read {
    let is_known = |at: &usize| early.places.contains_key(&(portion[*at].unit, portion[*at].row));
    let mut order: Vec<usize> = (0..portion.len()).filter(|at| !is_known(at)).collect();
    order.sort_unstable_by_key(|at| (portion[*at].unit, portion[*at].row));
    let mut read = Read { texts: Vec::new(), places: vec![None; portion.len()] };
    let unit = |at: usize| &plan.units[portion[at].unit as usize];
    for together in order.chunk_by(|a, b| unit(*a).lies_with(unit(*b))) {
        let Source::Split { split, .. } = &unit(together[0]).source else { continue };
        let rows: Vec<usize> = together.iter().map(|at| portion[*at].row as usize).collect();
        match split.texts(&rows, wanted(plan, together.iter().map(|at| &portion[*at]))).await {
            Ok(texts) => {
                together.iter().enumerate().for_each(|(place, at)| read.places[*at] = Some((read.texts.len(), place)));
                read.texts.push(texts);
            }
            Err(error) => warn(&plan.context.report, &error.context(format!("split {}", split.meta.id))),
        }
    }
    read
}

/// The texts that are asked for, or that decide whether a row is shown.
fn wanted<'a>(plan: &Plan, mut rows: impl Iterator<Item = &'a Candidate>) -> ScanColumns {
    let context = &plan.context;
    let (mut masked, mut contested) = (false, false);
    rows.all(|row| {
        let run = &plan.units[row.unit as usize].runs()[row.run as usize];
        masked |= run.hidden.is_some();
        contested |= context.is_contested(run.stream, row.at);
        !contested
    });
    ScanColumns {
        body: context.columns.body || contested || masked || !plan.slow.is_empty(),
        metadata: context.columns.metadata || contested,
    }
}
