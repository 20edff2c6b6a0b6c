//! Functions of ranges: one pass of a moving window over the samples of a series.

mod extended;
mod growth;
mod over_time;
mod rate;
mod regression;

use crate::eval::{Evaluator, Grid};
use crate::notes::{Notes, quoted};
use crate::select::Timing;
use crate::{Cell, Column, EvalError};
pub(crate) use extended::{fill_smoothed, with_ends};
use gantry_model::LabelSet;
use gantry_model::metric::{NativeHistogram, Samples, is_stale};
use gantry_query_lang::promql::Function;
use gantry_query_lang::promql::ast::{Call, Expr, Extension, Span, ValueType};
use growth::Growth;
use std::sync::Arc;

/// The samples of one range.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window<'s> {
    pub(crate) times: &'s [i64],
    pub(crate) values: &'s [f64],
    pub(crate) histograms: &'s [(i64, Arc<NativeHistogram>)],
    /// Last instant of the range; its first is just after `end - range`.
    pub(crate) end: i64,
    pub(crate) range: i64,
}

/// What a function of a range needs beside the samples.
pub(crate) struct Context<'c> {
    pub(crate) function: Function,
    pub(crate) notes: &'c Notes,
    pub(crate) span: Span,
    pub(crate) name: &'c str,
}

impl Context<'_> {
    pub(crate) fn mixed(&self) {
        self.notes.warn(self.span, &crate::notes::mixed(self.name));
    }

    pub(crate) fn ignored(&self, window: &Window<'_>) {
        if !window.histograms.is_empty() && !window.values.is_empty() {
            let text = "ignored histograms in a range containing both floats and histograms for metric name";
            self.notes.info(self.span, &format!("{text} {}", quoted(self.name)));
        }
    }
}

/// A call with a range among its arguments, ready to be applied.
pub(crate) struct RangeCall<'e> {
    pub(crate) function: Function,
    pub(crate) matrix: &'e Expr,
    extension: Option<Extension>,
    /// Numbers beside the range, for each step.
    numbers: Vec<Vec<f64>>,
}

impl<'e> RangeCall<'e> {
    /// `None` when the function takes no range, or is not one that looks at series one by one.
    pub(crate) fn new(evaluator: &Evaluator<'_>, call: &'e Call) -> Result<Option<Self>, EvalError> {
        let Some(matrix) = call.args.iter().find(|arg| arg.value_type() == ValueType::Matrix) else { return Ok(None) };
        let extension = match matrix.unwrap_parens() {
            Expr::Matrix(matrix) => matrix.vector.extension,
            _ => None,
        };
        if let Some(extension) = extension {
            extended::check(call.function, extension).map_err(EvalError::new)?;
        }
        if call.function == Function::AbsentOverTime {
            return Ok(None);
        }
        let mut numbers = Vec::new();
        for arg in call.args.iter().filter(|arg| arg.value_type() == ValueType::Scalar) {
            numbers.push(evaluator.scalar(arg)?);
        }
        let range = RangeCall { function: call.function, matrix, extension, numbers };
        range.remark(evaluator, call);
        Ok(Some(range))
    }

    fn remark(&self, evaluator: &Evaluator<'_>, call: &Call) {
        if self.function == Function::QuantileOverTime {
            for q in self.numbers[0].iter().filter(|q| !(0.0..=1.0).contains(*q)) {
                crate::call::invalid_quantile(evaluator.notes, *q, call.args[0].span());
            }
        }
    }

    /// Whether the numbers suit the function. Asked only where there are samples: without, any number does.
    pub(crate) fn check(&self) -> Result<(), EvalError> {
        if self.function != Function::DoubleExponentialSmoothing {
            return Ok(());
        }
        for (numbers, what) in self.numbers.iter().zip(["smoothing", "trend"]) {
            if let Some(factor) = numbers.iter().find(|f| !(0.0 < **f && **f < 1.0)) {
                let text = format!("invalid {what} factor. Expected: 0 < {} < 1, got: {factor:.6}", &what[..2]);
                return Err(EvalError::new(text));
            }
        }
        Ok(())
    }

    pub(crate) fn drops_name(&self) -> bool {
        !matches!(self.function, Function::LastOverTime | Function::FirstOverTime)
    }

    /// The function at every step.
    pub(crate) fn fill(
        &self,
        e: &Evaluator<'_>,
        timing: Timing,
        labels: &LabelSet,
        samples: &Samples,
        column: &mut Column,
    ) {
        let name = crate::labels::metric_name(labels);
        let context = Context { function: self.function, notes: e.notes, span: self.matrix.span(), name };
        let is_counter = matches!(self.function, Function::Rate | Function::Increase);
        let any_number = if let Some(extension) = self.extension {
            self.fill_extended(e, timing, (&context, extension), samples, column)
        } else if (is_counter || self.function == Function::Delta) && samples.histograms.is_empty() {
            growth::fill(self.function, e.grid, timing, samples, column)
        } else {
            self.fill_each(e, timing, &context, samples, column)
        };
        if is_counter && any_number && !name.is_empty() && !rate::is_name_of_counter(name) {
            let text = "metric might not be a counter, name does not end in _total/_sum/_count/_bucket:";
            e.notes.info(context.span, &format!("{text} {}", quoted(name)));
        }
    }

    /// Window by window with what lies around them; whether any answer is a number.
    fn fill_extended(
        &self,
        e: &Evaluator<'_>,
        timing: Timing,
        (context, extension): (&Context<'_>, Extension),
        samples: &Samples,
        column: &mut Column,
    ) -> bool {
        let mut moving = Moving::default();
        let mut any_number = false;
        for step in 0..e.grid.count {
            let (window, _) = moving.around(samples, timing, e.grid.instant(step));
            let cell = extended::apply(context, &window, extension);
            any_number |= matches!(cell, Cell::Float(_));
            column.set(step, cell);
        }
        any_number
    }

    /// Window by window, whatever they hold; whether any answer is a number.
    fn fill_each(
        &self,
        e: &Evaluator<'_>,
        timing: Timing,
        context: &Context<'_>,
        samples: &Samples,
        column: &mut Column,
    ) -> bool {
        let mut growth = Growth::new(self.function, &samples.values, timing.range);
        let mut moving = Moving::default();
        let mut scratch = Vec::new();
        let mut any_number = false;
        for step in 0..e.grid.count {
            let end = timing.end(e.grid.instant(step));
            let (window, at) = moving.to(samples, end, timing.range);
            if window.values.is_empty() && window.histograms.is_empty() {
                continue;
            }
            let cell = match self.function {
                Function::Rate | Function::Increase | Function::Delta => {
                    rate::extrapolated(context, &window, &mut growth, at)
                }
                _ => {
                    let number = |n: usize| self.numbers.get(n).map_or(f64::NAN, |column| column[step]);
                    self.apply(context, &window, number, e.grid.instant(step), &mut scratch)
                }
            };
            any_number |= matches!(cell, Cell::Float(_));
            column.set(step, cell);
        }
        any_number
    }

    fn apply(
        &self,
        c: &Context<'_>,
        w: &Window<'_>,
        number: impl Fn(usize) -> f64,
        now: i64,
        scratch: &mut Vec<f64>,
    ) -> Cell {
        match self.function {
            Function::Irate | Function::Idelta => rate::instant(c, w),
            Function::Deriv => regression::deriv(c, w),
            Function::PredictLinear => regression::predict(c, w, number(0), now),
            Function::DoubleExponentialSmoothing => regression::smooth(c, w, number(0), number(1)),
            Function::QuantileOverTime => over_time::quantile(c, w, number(0), scratch),
            Function::MadOverTime => over_time::mad(c, w, scratch),
            _ => over_time::apply(c, w),
        }
    }
}

/// Two ends that move forward through the samples.
#[derive(Debug, Default)]
struct Moving {
    low: usize,
    high: usize,
    low_histogram: usize,
    high_histogram: usize,
}

impl Moving {
    /// The window of an instant with the samples before and after it that count, too.
    fn around<'s>(&mut self, samples: &'s Samples, timing: Timing, instant: i64) -> (Window<'s>, usize) {
        let end = timing.end(instant);
        let range = timing.range.saturating_add(timing.before).saturating_add(timing.after);
        let (window, first) = self.to(samples, end.saturating_add(timing.after), range);
        (Window { end, range: timing.range, ..window }, first)
    }

    /// The window that ends at an instant, and the position of its first number.
    #[inline]
    fn to<'s>(&mut self, samples: &'s Samples, end: i64, range: i64) -> (Window<'s>, usize) {
        let start = end.saturating_sub(range);
        while samples.timestamps.get(self.high).is_some_and(|at| *at <= end) {
            self.high += 1;
        }
        while self.low < self.high && samples.timestamps[self.low] <= start {
            self.low += 1;
        }
        while samples.histograms.get(self.high_histogram).is_some_and(|(at, _)| *at <= end) {
            self.high_histogram += 1;
        }
        while self.low_histogram < self.high_histogram && samples.histograms[self.low_histogram].0 <= start {
            self.low_histogram += 1;
        }
        let window = Window {
            times: &samples.timestamps[self.low..self.high],
            values: &samples.values[self.low..self.high],
            histograms: &samples.histograms[self.low_histogram..self.high_histogram],
            end,
            range,
        };
        (window, self.low)
    }
}

/// The newest sample that is young enough and no stale marker, or its instant in seconds.
pub(crate) fn fill_instant(grid: Grid, timing: Timing, samples: &Samples, column: &mut Column, instants: bool) {
    let mut moving = Moving::default();
    for step in 0..grid.count {
        let (window, _) = moving.to(samples, timing.end(grid.instant(step)), timing.range);
        let number = window.times.last().copied().zip(window.values.last().copied());
        let cell = match (number, window.histograms.last()) {
            (Some((at, value)), histogram) if histogram.is_none_or(|(other, _)| *other < at) => {
                let answer = if instants { at as f64 / 1e3 } else { value };
                if is_stale(value) { Cell::Empty } else { Cell::Float(answer) }
            }
            (_, Some((at, _))) if instants => Cell::Float(*at as f64 / 1e3),
            (_, Some((_, histogram))) => Cell::Histogram(Arc::clone(histogram)),
            _ => Cell::Empty,
        };
        column.set(step, cell);
    }
}
