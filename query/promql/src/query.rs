//! A query from text to answer.

use crate::answer::{Answer, Curve, Params, Series, Value};
use crate::eval::{Evaluator, Grid, Wanted};
use crate::labels::{repeated, without_name};
use crate::notes::Notes;
use crate::{Cell, EvalError, Select, Source};
use gantry_query_lang::promql::ast::{Expr, ValueType};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// The times of a whole query, in milliseconds; those of a subquery are another grid.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    pub(crate) start_ms: i64,
    pub(crate) end_ms: i64,
    /// `None`: an instant query.
    pub(crate) step_ms: Option<i64>,
    pub(crate) lookback_ms: i64,
    pub(crate) subquery_step_ms: i64,
}

impl Times {
    fn new(params: &Params) -> Self {
        Times {
            start_ms: params.steps.start,
            end_ms: params.steps.end,
            step_ms: (!params.instant).then_some(params.steps.step),
            lookback_ms: params.lookback,
            subquery_step_ms: params.subquery_step,
        }
    }
}

fn grid(params: &Params) -> Grid {
    Grid { start: params.steps.start, step: params.steps.step, count: params.steps.count() }
}

/// Everything that a query will ask its source for.
///
/// # Errors
/// A range or offset that cannot be computed.
pub fn selections(expr: &Expr, params: &Params) -> Result<Vec<Select>, EvalError> {
    let mut found = Vec::new();
    crate::select::selections(expr, &Times::new(params), grid(params), &mut found)?;
    Ok(found)
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
    let notes = Notes::new(text);
    let samples = AtomicU64::new(0);
    let evaluator = Evaluator {
        source,
        params: &Times::new(&params),
        threads: params.threads.max(1),
        max_samples: params.max_samples,
        cancel: cancelled,
        samples: &samples,
        notes: &notes,
        grid: grid(&params),
        wanted: Wanted::Unsaid,
    };
    let value = evaluator.answer(expr)?;
    Ok(Answer { value, annotations: notes.finish(), samples: samples.load(Ordering::Relaxed) })
}

impl Evaluator<'_> {
    fn answer(&self, expr: &Expr) -> Result<Value, EvalError> {
        match expr.value_type() {
            ValueType::String => Ok(Value::String(self.string(expr))),
            ValueType::Scalar => Ok(Value::Scalar(self.scalar(expr)?)),
            ValueType::Matrix => self.matrix(expr),
            ValueType::Vector => {
                let mut series = finished(self.vector(expr)?)?;
                if self.params.step_ms.is_some() {
                    series.sort_by(|a, b| a.labels.cmp(&b.labels));
                }
                Ok(Value::Vector(series.into_iter().map(shown).collect()))
            }
        }
    }

    fn matrix(&self, expr: &Expr) -> Result<Value, EvalError> {
        let mut rows = Vec::new();
        for (labels, drop_name, samples) in self.window_of(expr)? {
            let labels = if drop_name { without_name(&labels) } else { labels };
            let mut cells: Vec<(i64, Cell)> =
                samples.timestamps.iter().copied().zip(samples.values.iter().copied().map(Cell::Float)).collect();
            cells.extend(samples.histograms.iter().map(|(at, h)| (*at, Cell::Histogram(Arc::clone(h)))));
            cells.sort_by_key(|(at, _)| *at);
            if !cells.is_empty() {
                rows.push((labels, cells));
            }
        }
        rows.sort_by(|a, b| a.0.cmp(&b.0));
        if repeated(rows.iter().map(|row| &row.0)) {
            return Err(EvalError::new("vector cannot contain metrics with the same labelset"));
        }
        Ok(Value::Matrix(rows))
    }
}

fn shown(curve: Curve) -> Series {
    let cells = (0..curve.column.len()).map(|step| curve.column.get(step)).collect();
    Series { labels: curve.labels, cells }
}

/// Names that were to go are gone.
fn finished(mut series: Vec<Curve>) -> Result<Vec<Curve>, EvalError> {
    for one in series.iter_mut().filter(|one| one.drop_name) {
        one.labels = without_name(&one.labels);
    }
    united(series)
}

/// Series that became one are one, unless they have values at the same step. None is empty.
pub(crate) fn united(series: Vec<Curve>) -> Result<Vec<Curve>, EvalError> {
    let mut kept: Vec<Curve> = Vec::with_capacity(series.len());
    let mut at = HashMap::with_capacity(series.len());
    for one in series {
        if one.column.is_empty() {
            continue;
        }
        match at.entry(one.labels.clone()) {
            Entry::Vacant(free) => {
                free.insert(kept.len());
                kept.push(one);
            }
            Entry::Occupied(taken) => {
                let column = &mut kept[*taken.get()].column;
                for (step, cell) in one.column.iter() {
                    if column.is_some(step) {
                        return Err(EvalError::new("vector cannot contain metrics with the same labelset"));
                    }
                    column.set(step, cell);
                }
            }
        }
    }
    Ok(kept)
}
