//! Walks the tree. What can be read series by series is streamed into a [`Sink`], on several threads; all else is made of
//! whole vectors.

use crate::answer::Curve;
use crate::notes::Notes;
use crate::query::Times;
use crate::range::{Context, RangeCall, fill_instant, fill_smoothed, with_ends};
use crate::select::Timing;
use crate::{Cell, Column, EvalError, SeriesSet, Source};
use gantry_model::metric::{NativeHistogram, ResetHint, Samples, is_stale};
use gantry_model::{LabelSet, Selector};
use gantry_query_lang::promql::Function;
use gantry_query_lang::promql::ast::{Expr, Extension, Subquery, ValueType, VectorSelector};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Instants of an evaluation, in milliseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Grid {
    pub(crate) start: i64,
    pub(crate) step: i64,
    pub(crate) count: usize,
}

impl Grid {
    pub(crate) fn instant(&self, step: usize) -> i64 {
        self.start.saturating_add(self.step.saturating_mul(step as i64))
    }

    pub(crate) fn last(&self) -> i64 {
        self.instant(self.count.saturating_sub(1))
    }

    pub(crate) fn instants(self) -> impl Iterator<Item = i64> {
        (0..self.count).map(move |step| self.instant(step))
    }
}

/// Takes series one by one.
pub(crate) trait Sink: Send {
    fn series(&mut self, labels: &LabelSet, drop_name: bool, column: &Column) -> Result<(), EvalError>;

    /// How many bytes more it keeps since it was asked last.
    fn grown(&mut self) -> usize;
}

/// Bytes of a cell of an answer.
pub(crate) const CELL: usize = 16;
/// Bytes of a series beside its cells: its labels are shared with the store.
pub(crate) const SERIES: usize = 64;

/// Keeps series as they are.
#[derive(Default)]
pub(crate) struct Kept {
    pub(crate) series: Vec<Curve>,
    grown: usize,
}

impl Sink for Kept {
    fn series(&mut self, labels: &LabelSet, drop_name: bool, column: &Column) -> Result<(), EvalError> {
        if !column.is_empty() {
            self.grown += SERIES + column.bytes();
            self.series.push(Curve { labels: labels.clone(), drop_name, column: column.clone() });
        }
        Ok(())
    }

    fn grown(&mut self) -> usize {
        std::mem::take(&mut self.grown)
    }
}

impl Kept {
    fn all(parts: Vec<Kept>) -> Vec<Curve> {
        parts.into_iter().flat_map(|part| part.series).collect()
    }
}

/// Series before functions of ranges have seen them.
pub(crate) enum Rows {
    Stored(Arc<dyn SeriesSet>),
    Made(Vec<(LabelSet, bool, Samples)>),
}

impl Rows {
    pub(crate) fn len(&self) -> usize {
        match self {
            Rows::Stored(set) => set.labels().len(),
            Rows::Made(rows) => rows.len(),
        }
    }

    fn labels(&self, row: usize) -> (&LabelSet, bool) {
        match self {
            Rows::Stored(set) => (&set.labels()[row], false),
            Rows::Made(rows) => (&rows[row].0, rows[row].1),
        }
    }
}

/// Everything that an evaluation needs to know.
#[derive(Clone, Copy)]
pub(crate) struct Evaluator<'q> {
    pub(crate) source: &'q dyn Source,
    pub(crate) params: &'q Times,
    pub(crate) threads: usize,
    pub(crate) max_samples: u64,
    pub(crate) cancel: &'q AtomicBool,
    pub(crate) notes: &'q Notes,
    pub(crate) grid: Grid,
    pub(crate) samples: &'q AtomicU64,
    pub(crate) wanted: Wanted,
}

/// What is wanted of native histograms that are read. Where it is only their count and sum, Prometheus looks for resets of
/// counters while it reads, and so do its warnings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    Unsaid,
    Totals,
    /// Nothing further inside changes that.
    Buckets,
}

impl Evaluator<'_> {
    /// For an operand of which this is wanted.
    pub(crate) fn wanting(&self, wanted: Wanted) -> Self {
        Evaluator { wanted: if self.wanted == Wanted::Buckets { Wanted::Buckets } else { wanted }, ..*self }
    }

    /// Samples were read; without any, whether the query is still wanted.
    fn count(&self, samples: usize) -> Result<(), EvalError> {
        if self.cancel.load(Ordering::Relaxed) {
            return Err(EvalError::Cancelled);
        }
        let so_far = self.samples.fetch_add(samples as u64, Ordering::Relaxed) + samples as u64;
        if so_far > self.max_samples { Err(EvalError::TooManySamples(self.max_samples)) } else { Ok(()) }
    }

    /// Takes room for what is kept.
    pub(crate) fn hold(&self, bytes: usize) -> Result<(), EvalError> {
        if bytes == 0 || self.source.take_memory(bytes) { Ok(()) } else { Err(EvalError::Memory) }
    }

    /// An instant vector at every step.
    pub(crate) fn vector(&self, expr: &Expr) -> Result<Vec<Curve>, EvalError> {
        self.count(0)?;
        match expr {
            Expr::Paren(paren) => self.vector(&paren.expr),
            Expr::Vector(selector) => Ok(Kept::all(self.stream_selector(selector, Kept::default)?)),
            Expr::Unary(unary) => self.unary(unary),
            Expr::Binary(binary) => self.binary(binary),
            Expr::Aggregate(aggregate) => self.aggregate(aggregate),
            Expr::Call(call) => match RangeCall::new(self, call)? {
                Some(range) => Ok(Kept::all(self.stream_range(&range, Kept::default)?)),
                None => self.call(call),
            },
            _ => Err(EvalError::new(format!("unexpected {} expression", expr.value_type()))),
        }
    }

    /// The same, series by series, in as many sinks as there were threads; their order is that of the series.
    pub(crate) fn stream<S: Sink>(&self, expr: &Expr, make: impl Fn() -> S + Sync) -> Result<Vec<S>, EvalError> {
        match expr.unwrap_parens() {
            Expr::Vector(selector) => self.stream_selector(selector, make),
            Expr::Call(call) => match RangeCall::new(self, call)? {
                Some(range) => self.stream_range(&range, make),
                None => self.stream_made(self.call(call)?, make),
            },
            other => self.stream_made(self.vector(other)?, make),
        }
    }

    fn stream_made<S: Sink>(&self, series: Vec<Curve>, make: impl Fn() -> S) -> Result<Vec<S>, EvalError> {
        let mut sink = make();
        for one in series {
            sink.series(&one.labels, one.drop_name, &one.column)?;
            self.hold(sink.grown())?;
        }
        Ok(vec![sink])
    }

    fn stream_selector<S: Sink>(&self, v: &VectorSelector, make: impl Fn() -> S + Sync) -> Result<Vec<S>, EvalError> {
        let timing = Timing::vector(v, None, self.params)?;
        let rows = self.stored(&v.selector, timing)?;
        let smoothed = v.extension == Some(Extension::Smoothed);
        self.each_row(&rows, smoothed, make, |labels, drop_name, samples, column, sink| {
            if smoothed {
                let name = crate::labels::metric_name(labels);
                let context = Context { function: Function::LastOverTime, notes: self.notes, span: v.span, name };
                fill_smoothed(&context, self.grid, timing, samples, column);
            } else {
                fill_instant(self.grid, timing, samples, column, false);
            }
            sink.series(labels, drop_name, column)
        })
    }

    fn stream_range<S: Sink>(&self, range: &RangeCall<'_>, make: impl Fn() -> S + Sync) -> Result<Vec<S>, EvalError> {
        let (rows, timing) = self.rows(range.matrix)?;
        self.each_row(&rows, true, make, |labels, drop_name, samples, column, sink| {
            let (after, last) =
                (timing.end(self.grid.start).saturating_sub(timing.range), timing.end(self.grid.last()));
            if samples.timestamps.iter().any(|at| after < *at && *at <= last) {
                range.check()?;
            }
            range.fill(self, timing, labels, samples, column);
            sink.series(labels, drop_name || range.drops_name(), column)
        })
    }

    /// The instants at which series have their samples.
    pub(crate) fn timestamps(&self, v: &VectorSelector) -> Result<Vec<Curve>, EvalError> {
        let timing = Timing::vector(v, None, self.params)?;
        let mut series = self.selected(&v.selector, timing, true)?;
        series.iter_mut().for_each(|one| one.drop_name = true);
        Ok(series)
    }

    /// Values of a selector, or the instants that they are of.
    pub(crate) fn selected(
        &self,
        selector: &Selector,
        timing: Timing,
        instants: bool,
    ) -> Result<Vec<Curve>, EvalError> {
        let rows = self.stored(selector, timing)?;
        let made = self.each_row(&rows, false, Kept::default, |labels, drop_name, samples, column, sink| {
            fill_instant(self.grid, timing, samples, column, instants);
            sink.series(labels, drop_name, column)
        })?;
        Ok(Kept::all(made))
    }

    fn stored(&self, selector: &Selector, timing: Timing) -> Result<Rows, EvalError> {
        if self.grid.count == 0 {
            return Ok(Rows::Made(Vec::new()));
        }
        Ok(Rows::Stored(self.source.select(&timing.select(selector, self.grid))?))
    }

    /// The series of a range selector or a subquery.
    fn rows(&self, matrix: &Expr) -> Result<(Rows, Timing), EvalError> {
        match matrix.unwrap_parens() {
            Expr::Matrix(m) => {
                let timing = Timing::vector(&m.vector, Some(&m.range), self.params)?;
                Ok((self.stored(&m.vector.selector, timing)?, timing))
            }
            Expr::Subquery(subquery) => self.subquery(subquery),
            other => Err(EvalError::new(format!("expected a range vector, found {}", other.value_type()))),
        }
    }

    fn subquery(&self, subquery: &Subquery) -> Result<(Rows, Timing), EvalError> {
        let (timing, grid) = Timing::subquery(subquery, self.grid, self.params)?;
        // Every column below has as many.
        self.hold(CELL * grid.count)?;
        let inner = Evaluator { grid, ..self.wanting(Wanted::Buckets) };
        let series = if subquery.expr.value_type() == ValueType::Scalar {
            let column = Column::of(inner.scalar(&subquery.expr)?);
            vec![Curve { labels: LabelSet::default(), drop_name: false, column }]
        } else {
            inner.vector(&subquery.expr)?
        };
        let rows = series.into_iter().map(|one| {
            let mut samples = Samples::default();
            for (step, cell) in one.column.iter() {
                match cell {
                    Cell::Histogram(h) => samples.histograms.push((grid.instant(step), unhinted(h))),
                    Cell::Float(value) => samples.push(grid.instant(step), value),
                    Cell::Empty => {}
                }
            }
            (one.labels, one.drop_name, samples)
        });
        Ok((Rows::Made(rows.collect()), timing))
    }

    /// Samples of a range at the first instant.
    pub(crate) fn window_of(&self, matrix: &Expr) -> Result<Vec<(LabelSet, bool, Samples)>, EvalError> {
        let (rows, timing) = self.rows(matrix)?;
        let extension = match matrix.unwrap_parens() {
            Expr::Matrix(m) => m.vector.extension,
            _ => None,
        };
        let end = timing.end(self.grid.start);
        let after = end.saturating_sub(timing.range).saturating_sub(timing.before);
        let within = |at: i64| after < at && at <= end.saturating_add(timing.after);
        let mut found = Vec::new();
        for row in 0..rows.len() {
            let mut kept = Samples::default();
            self.with_samples(&rows, row, true, &mut Samples::default(), |all| {
                for (at, value) in all.timestamps.iter().zip(&all.values).filter(|(at, _)| within(**at)) {
                    kept.push(*at, *value);
                }
                kept.histograms.extend(all.histograms.iter().filter(|(at, _)| within(*at)).cloned());
                Ok(())
            })?;
            if let Some(extension) = extension {
                kept = with_ends(&kept, (end, timing.range), extension)?;
            }
            self.hold(SERIES + CELL * kept.len())?;
            let (labels, drop_name) = rows.labels(row);
            found.push((labels.clone(), drop_name, kept));
        }
        Ok(found)
    }

    fn with_samples(
        &self,
        rows: &Rows,
        row: usize,
        without_stale: bool,
        buffer: &mut Samples,
        mut then: impl FnMut(&Samples) -> Result<(), EvalError>,
    ) -> Result<(), EvalError> {
        let set = match rows {
            Rows::Made(rows) => return then(&rows[row].2),
            Rows::Stored(set) => set,
        };
        set.read(row, buffer)?;
        self.count(buffer.len())?;
        if without_stale && buffer.values.iter().any(|value| is_stale(*value)) {
            let mut kept = Samples::default();
            for (at, value) in buffer.timestamps.iter().zip(&buffer.values).filter(|(_, v)| !is_stale(**v)) {
                kept.push(*at, *value);
            }
            (buffer.timestamps, buffer.values) = (kept.timestamps, kept.values);
        }
        if self.wanted == Wanted::Totals {
            find_resets(&mut buffer.histograms);
        }
        then(buffer)
    }

    fn each_row<S: Sink>(
        &self,
        rows: &Rows,
        without_stale: bool,
        make: impl Fn() -> S + Sync,
        each: impl Fn(&LabelSet, bool, &Samples, &mut Column, &mut S) -> Result<(), EvalError> + Sync,
    ) -> Result<Vec<S>, EvalError> {
        let part = |range: Range<usize>| -> Result<S, EvalError> {
            let (mut sink, mut buffer, mut column) = (make(), Samples::default(), Column::default());
            for row in range {
                column.reset(self.grid.count);
                let (labels, drop_name) = rows.labels(row);
                self.with_samples(rows, row, without_stale, &mut buffer, |samples| {
                    each(labels, drop_name, samples, &mut column, &mut sink)
                })?;
                self.hold(sink.grown())?;
            }
            Ok(sink)
        };
        let threads = self.threads.clamp(1, rows.len().div_ceil(64).max(1));
        if threads == 1 {
            return Ok(vec![part(0..rows.len())?]);
        }
        let size = rows.len().div_ceil(threads);
        let part = &part;
        std::thread::scope(|scope| {
            let started: Vec<_> = (0..threads)
                .map(|n| scope.spawn(move || part((n * size).min(rows.len())..((n + 1) * size).min(rows.len()))))
                .collect();
            let joined = started.into_iter().map(|thread| {
                thread.join().unwrap_or_else(|_| Err(EvalError::new("unexpected error: a thread of the query ended")))
            });
            joined.collect()
        })
    }
}

/// Says of every histogram but the first whether the counter was reset before it, unless it says so itself.
fn find_resets(histograms: &mut [(i64, Arc<NativeHistogram>)]) {
    let originals: Vec<_> = histograms.iter().map(|(_, h)| Arc::clone(h)).collect();
    for (pair, (_, h)) in originals.windows(2).zip(&mut histograms[1.min(originals.len())..]) {
        if h.reset_hint == ResetHint::Unknown {
            let is_reset = crate::histogram::is_reset(&pair[1], &pair[0]);
            let reset_hint = if is_reset { ResetHint::Reset } else { ResetHint::NoReset };
            *h = Arc::new(NativeHistogram { reset_hint, ..(**h).clone() });
        }
    }
}

/// Steps may skip samples: that a counter was reset, or was not, since the sample before says nothing of the step before.
fn unhinted(h: Arc<NativeHistogram>) -> Arc<NativeHistogram> {
    match h.reset_hint {
        ResetHint::Reset | ResetHint::NoReset => {
            Arc::new(NativeHistogram { reset_hint: ResetHint::Unknown, ..(*h).clone() })
        }
        ResetHint::Unknown | ResetHint::Gauge => h,
    }
}
