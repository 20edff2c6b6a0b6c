//! [`evaluate`]: from a syntax tree to values, all steps of the query at once.

use crate::annotations::place;
use crate::budget::Budget;
use crate::value::{Answer, Cell, Series, Steps, Value};
use crate::window::{Edges, Window};
use crate::{Annotations, EvalError, Select, Source, labels};
use gantry_model::LabelSet;
use gantry_model::metric::{METRIC_NAME, Samples, is_stale};
use gantry_query_lang::promql::ast::{
    At, Duration, DurationExpr, DurationOp, Span, Subquery, ValueType, VectorSelector,
};
use gantry_query_lang::promql::{Expr, Function};
use std::cell::RefCell;
use std::collections::HashSet;
use std::sync::atomic::AtomicBool;

/// When and how a query is evaluated. Times are milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Params {
    pub steps: Steps,
    /// An instant query: a range vector is an answer, and the order of `sort` counts.
    pub instant: bool,
    /// How old the newest sample of a series may be.
    pub lookback: i64,
    /// Distance of the instants of a subquery that does not say.
    pub subquery_step: i64,
    /// Most samples that may be read.
    pub max_samples: u64,
}

/// Evaluates a query. `text` is what `expr` was read from; places in annotations refer to it.
///
/// # Errors
/// The query cannot be answered, uses up its budget, or is `cancelled`.
pub fn evaluate(
    expr: &Expr,
    text: &str,
    params: Params,
    source: &dyn Source,
    cancelled: &AtomicBool,
) -> Result<Answer, EvalError> {
    let evaluator = Evaluator {
        text,
        params,
        source,
        budget: Budget::new(params.max_samples, cancelled),
        annotations: RefCell::default(),
    };
    let value = evaluator.answer(expr)?;
    Ok(Answer { value, samples: evaluator.budget.read(), annotations: evaluator.annotations.into_inner() })
}

/// One evaluation.
pub(crate) struct Evaluator<'e> {
    text: &'e str,
    pub params: Params,
    source: &'e dyn Source,
    budget: Budget<'e>,
    annotations: RefCell<Annotations>,
}

/// Labels of a range vector's series, and the values of a function at every step.
pub(crate) type OnWindow<'f> = &'f mut dyn FnMut(&LabelSet, &Window<'_>, usize) -> Result<Cell, EvalError>;
/// Takes the samples of a series, and the instants that count for it.
pub(crate) type OnSamples<'f> = &'f mut dyn FnMut(&LabelSet, &Samples, &[i64]) -> Result<(), EvalError>;
/// Takes series one by one.
pub(crate) type OnSeries<'f> = &'f mut dyn FnMut(Series) -> Result<(), EvalError>;

impl Evaluator<'_> {
    fn answer(&self, expr: &Expr) -> Result<Value, EvalError> {
        let steps = self.params.steps;
        match expr.value_type() {
            ValueType::String => Ok(Value::String(string(expr))),
            ValueType::Scalar => Ok(Value::Scalar(self.scalar(expr, steps)?)),
            ValueType::Matrix => self.matrix(expr),
            ValueType::Vector => {
                let mut series = self.vector(expr, steps)?;
                series.retain(Series::has_values);
                self.drop_names(&mut series)?;
                if !self.params.instant || !sorts(expr) {
                    series.sort_by(|a, b| a.labels.cmp(&b.labels));
                }
                Ok(Value::Vector(series))
            }
        }
    }

    /// Takes the names away that functions left to the end. Series that cannot be told apart then are one, when they have
    /// no instant in common.
    fn drop_names(&self, series: &mut Vec<Series>) -> Result<(), EvalError> {
        for one in series.iter_mut().filter(|one| one.drop_name) {
            one.labels = labels::without_name(&one.labels);
            one.drop_name = false;
        }
        merge_equal(series)
    }

    /// An instant query for a range vector: the samples themselves.
    fn matrix(&self, expr: &Expr) -> Result<Value, EvalError> {
        let mut found: Vec<(LabelSet, Vec<(i64, Cell)>)> = Vec::new();
        self.windows(
            expr,
            self.params.steps,
            &mut |labels, window, _| {
                let mut cells: Vec<(i64, Cell)> =
                    window.times.iter().zip(window.values).map(|(time, value)| (*time, Cell::Float(*value))).collect();
                cells.extend(
                    window.histograms.iter().map(|(time, histogram)| (*time, Cell::Histogram(histogram.clone()))),
                );
                cells.sort_by_key(|(time, _)| *time);
                found.push((labels.clone(), cells));
                Ok(Cell::Empty)
            },
            &mut |_| Ok(()),
        )?;
        found.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(Value::Matrix(found))
    }

    /// All series of an instant vector.
    pub fn vector(&self, expr: &Expr, steps: Steps) -> Result<Vec<Series>, EvalError> {
        let mut all = Vec::new();
        self.each_series(expr, steps, &mut |series| {
            all.push(series);
            Ok(())
        })?;
        Ok(all)
    }

    /// The series of an instant vector, one by one where that is possible.
    pub fn each_series(&self, expr: &Expr, steps: Steps, each: OnSeries<'_>) -> Result<(), EvalError> {
        match expr {
            Expr::Paren(paren) => self.each_series(&paren.expr, steps, each),
            Expr::Vector(selector) => self.selector(selector, steps, each),
            Expr::Call(call) => self.call(call, steps, each),
            Expr::Unary(unary) => self.each_series(&unary.expr, steps, &mut |mut series| {
                if unary.negative {
                    series.cells.iter_mut().for_each(|cell| *cell = negated(cell));
                    series.drop_name = true;
                }
                each(series)
            }),
            Expr::Binary(binary) => self.binary(binary, steps)?.into_iter().try_for_each(each),
            Expr::Aggregate(aggregate) => self.aggregate(aggregate, steps)?.into_iter().try_for_each(each),
            Expr::Number(_) | Expr::String(_) | Expr::Matrix(_) | Expr::Subquery(_) => {
                Err(EvalError::new(format!("{} is no instant vector", expr)))
            }
        }
    }

    /// The newest sample of each series at every step.
    fn selector(&self, selector: &VectorSelector, steps: Steps, each: OnSeries<'_>) -> Result<(), EvalError> {
        let lookback = self.params.lookback;
        self.each_sample_set(selector, steps, lookback, &mut |labels, samples, instants| {
            let (mut number, mut histogram) = (0, 0);
            let mut cells = Vec::with_capacity(instants.len());
            for at in instants {
                while samples.timestamps.get(number).is_some_and(|time| time <= at) {
                    number += 1;
                }
                while samples.histograms.get(histogram).is_some_and(|(time, _)| time <= at) {
                    histogram += 1;
                }
                cells.push(newest(samples, number, histogram, at - lookback));
            }
            each(Series { labels: labels.clone(), drop_name: false, cells })
        })
    }

    /// Reads the series of a selector with all samples that the steps can look at; the instants are those of the selector,
    /// moved by `@` and offset.
    pub fn each_sample_set(
        &self,
        selector: &VectorSelector,
        steps: Steps,
        reach: i64,
        each: OnSamples<'_>,
    ) -> Result<(), EvalError> {
        let offset = self.duration(selector.offset.as_ref())?;
        let instants = self.instants(steps, selector.at, offset);
        let (Some(first), Some(last)) = (instants.first(), instants.last()) else { return Ok(()) };
        let request = Select {
            selector: selector.selector.clone(),
            first_ms: first.saturating_sub(reach).saturating_add(1),
            last_ms: *last,
            step_ms: 0,
        };
        let set = self.source.select(&request)?;
        let mut samples = Samples::default();
        for (at, labels) in set.labels().iter().enumerate() {
            set.read(at, &mut samples)?;
            self.budget.take(samples.len())?;
            if !samples.is_empty() {
                each(labels, &samples, &instants)?;
            }
        }
        Ok(())
    }

    /// The instants that count for a selector.
    fn instants(&self, steps: Steps, at: Option<At>, offset: i64) -> Vec<i64> {
        let fixed = match at {
            None => None,
            Some(At::Timestamp(at)) => Some(at),
            Some(At::Start) => Some(self.params.steps.start),
            Some(At::End) => Some(self.params.steps.end),
        };
        steps.iter().map(|step| fixed.unwrap_or(step).saturating_sub(offset)).collect()
    }

    /// Hands the windows of a range vector to `value`, and the series of its values to `each`.
    pub fn windows(&self, expr: &Expr, steps: Steps, value: OnWindow<'_>, each: OnSeries<'_>) -> Result<(), EvalError> {
        match expr {
            Expr::Paren(paren) => self.windows(&paren.expr, steps, value, each),
            Expr::Matrix(matrix) => {
                let range = self.duration(Some(&matrix.range))?;
                self.each_sample_set(&matrix.vector, steps, range, &mut |labels, samples, instants| {
                    let cells = if samples.values.iter().copied().any(is_stale) {
                        moved(&without_stale(samples), labels, range, (steps, instants), value)?
                    } else {
                        moved(samples, labels, range, (steps, instants), value)?
                    };
                    each(Series { labels: labels.clone(), drop_name: true, cells })
                })
            }
            Expr::Subquery(subquery) => self.subquery(subquery, steps, value, each),
            other => Err(EvalError::new(format!("{other} is no range vector"))),
        }
    }

    fn subquery(
        &self,
        subquery: &Subquery,
        steps: Steps,
        value: OnWindow<'_>,
        each: OnSeries<'_>,
    ) -> Result<(), EvalError> {
        let range = self.duration(Some(&subquery.range))?;
        let offset = self.duration(subquery.offset.as_ref())?;
        let step = match &subquery.step {
            Some(step) => self.duration(Some(step))?,
            None => self.params.subquery_step,
        }
        .max(1);
        let instants = self.instants(steps, subquery.at, offset);
        let (Some(first), Some(last)) = (instants.first(), instants.last()) else { return Ok(()) };
        // Instants are multiples of the step, and the range is open at its beginning.
        let before = first.saturating_sub(range);
        let start = (before.div_euclid(step) + 1) * step;
        let inner = Steps { start, end: *last, step };
        if inner.count() == 0 {
            return Ok(());
        }
        let mut samples = Samples::default();
        self.each_series(&subquery.expr, inner, &mut |series| {
            samples.clear();
            for (at, cell) in inner.iter().zip(&series.cells) {
                match cell {
                    Cell::Empty => {}
                    Cell::Float(value) => samples.push(at, *value),
                    Cell::Histogram(histogram) => samples.histograms.push((at, histogram.clone())),
                }
            }
            self.budget.take(samples.len())?;
            if samples.is_empty() {
                return Ok(());
            }
            let cells = moved(&samples, &series.labels, range, (steps, &instants), value)?;
            each(Series { labels: series.labels, drop_name: true, cells })
        })
    }

    /// Milliseconds; 0 without a duration.
    pub fn duration(&self, duration: Option<&Duration>) -> Result<i64, EvalError> {
        match duration {
            None => Ok(0),
            Some(Duration::Nanos(nanos)) => Ok(nanos / 1_000_000),
            Some(Duration::Computed(expr)) => Ok((self.seconds(expr) * 1000.0) as i64),
        }
    }

    fn seconds(&self, expr: &DurationExpr) -> f64 {
        let steps = self.params.steps;
        match expr {
            DurationExpr::Number(number) => number.seconds,
            DurationExpr::Step(_) => {
                if self.params.instant {
                    0.0
                } else {
                    steps.step as f64 / 1000.0
                }
            }
            DurationExpr::Range(_) => (steps.end - steps.start) as f64 / 1000.0,
            DurationExpr::MinOf(a, b, _) => self.seconds(a).min(self.seconds(b)),
            DurationExpr::MaxOf(a, b, _) => self.seconds(a).max(self.seconds(b)),
            DurationExpr::Positive(inner, _) | DurationExpr::Paren(inner, _) => self.seconds(inner),
            DurationExpr::Negative(inner, _) => -self.seconds(inner),
            DurationExpr::Binary(op, a, b) => {
                let (a, b) = (self.seconds(a), self.seconds(b));
                match op {
                    DurationOp::Add => a + b,
                    DurationOp::Sub => a - b,
                    DurationOp::Mul => a * b,
                    DurationOp::Div => a / b,
                    DurationOp::Mod => a % b,
                    DurationOp::Pow => a.powf(b),
                }
            }
        }
    }

    pub fn warn(&self, text: &str, span: Span) {
        self.annotations.borrow_mut().warn(text, &place(self.text, span));
    }

    pub fn info(&self, text: &str, span: Span) {
        self.annotations.borrow_mut().info(text, &place(self.text, span));
    }
}

/// The text of an expression of type string.
pub(crate) fn string(expr: &Expr) -> String {
    match expr.unwrap_parens() {
        Expr::String(literal) => literal.value.clone(),
        _ => String::new(),
    }
}

/// Whether the query asks for an order of its own.
fn sorts(expr: &Expr) -> bool {
    use gantry_query_lang::promql::ast::AggregateOp;
    match expr.unwrap_parens() {
        Expr::Call(call) => matches!(
            call.function,
            Function::Sort | Function::SortDesc | Function::SortByLabel | Function::SortByLabelDesc
        ),
        Expr::Aggregate(aggregate) => matches!(aggregate.op, AggregateOp::Topk | AggregateOp::Bottomk),
        _ => false,
    }
}

fn negated(cell: &Cell) -> Cell {
    cell.map_float(|value| -value)
}

/// The newer of the samples before both positions, unless it is as old as `oldest` or a stale marker.
fn newest(samples: &Samples, number: usize, histogram: usize, oldest: i64) -> Cell {
    let number = number.checked_sub(1).map(|at| (samples.timestamps[at], samples.values[at]));
    let histogram = histogram.checked_sub(1).map(|at| &samples.histograms[at]);
    match (number, histogram) {
        (_, Some((time, histogram))) if number.is_none_or(|(other, _)| other < *time) => {
            if *time > oldest {
                Cell::Histogram(histogram.clone())
            } else {
                Cell::Empty
            }
        }
        (Some((time, value)), _) if time > oldest && !is_stale(value) => Cell::Float(value),
        _ => Cell::Empty,
    }
}

fn without_stale(samples: &Samples) -> Samples {
    let mut kept = Samples { histograms: samples.histograms.clone(), ..Samples::default() };
    for (time, value) in samples.timestamps.iter().zip(&samples.values).filter(|(_, value)| !is_stale(**value)) {
        kept.push(*time, *value);
    }
    kept
}

/// Moves a window over the samples of a series.
fn moved(
    samples: &Samples,
    labels: &LabelSet,
    range: i64,
    (steps, instants): (Steps, &[i64]),
    value: OnWindow<'_>,
) -> Result<Vec<Cell>, EvalError> {
    let mut edges = Edges::default();
    let mut cells = Vec::with_capacity(instants.len());
    for (step, end) in instants.iter().enumerate() {
        let window = edges.window(samples, *end, range, steps.at(step));
        cells.push(if window.is_empty() { Cell::Empty } else { value(labels, &window, step)? });
    }
    Ok(cells)
}

/// Joins series with equal labels that have no instant in common; others are an error.
pub(crate) fn merge_equal(series: &mut Vec<Series>) -> Result<(), EvalError> {
    let mut seen = HashSet::with_capacity(series.len());
    if series.iter().all(|one| seen.insert(one.labels.clone())) {
        return Ok(());
    }
    let mut merged: Vec<Series> = Vec::with_capacity(series.len());
    for one in series.drain(..) {
        let Some(same) = merged.iter_mut().find(|other| other.labels == one.labels) else {
            merged.push(one);
            continue;
        };
        for (mine, theirs) in same.cells.iter_mut().zip(one.cells) {
            match (mine.is_empty(), theirs.is_empty()) {
                (_, true) => {}
                (true, false) => *mine = theirs,
                (false, false) => return Err(EvalError::new("vector cannot contain metrics with the same labelset")),
            }
        }
    }
    *series = merged;
    Ok(())
}

/// The name of the metric, for annotations.
pub(crate) fn name_of(labels: &LabelSet) -> &str {
    labels.get(METRIC_NAME).unwrap_or("")
}
