//! The tree above the range aggregations.

use super::table::{Evaluated, Steps, Table};
use super::{aggregate, binary, label_replace};
use crate::EvalError;
use gantry_query_lang::MAX_NESTING;
use gantry_query_lang::ast::{Grouping, MetricExpr, RangeAggregation, RangeOp, VectorAggregation, VectorOp};

/// A range aggregation and the grouping of the `sum` around it, which it can apply itself.
#[derive(Clone, Copy, Debug)]
pub struct Leaf<'a> {
    pub range: &'a RangeAggregation,
    pub grouping: Option<&'a Grouping>,
}

const NO_LABELS: &Grouping = &Grouping { without: false, labels: Vec::new() };

impl<'a> Leaf<'a> {
    fn alone(range: &'a RangeAggregation) -> Leaf<'a> {
        Leaf { range, grouping: None }
    }

    /// The leaf under an aggregation that may be done while lines are read.
    fn under(aggregation: &'a VectorAggregation) -> Option<Leaf<'a>> {
        use RangeOp::*;
        let MetricExpr::Range(range) = &*aggregation.inner else { return None };
        let adds_up = matches!(range.op, CountOverTime | Rate | BytesOverTime | BytesRate | SumOverTime);
        if aggregation.op != VectorOp::Sum || !adds_up || range.grouping.is_some() {
            return None;
        }
        Some(Leaf { range, grouping: Some(aggregation.grouping.as_ref().unwrap_or(NO_LABELS)) })
    }
}

/// The leaves of an expression in the order in which [`evaluate`] asks for them.
pub fn leaves(expr: &MetricExpr) -> Vec<Leaf<'_>> {
    let mut all = Vec::new();
    collect(expr, &mut all);
    all
}

fn collect<'a>(expr: &'a MetricExpr, into: &mut Vec<Leaf<'a>>) {
    match expr {
        MetricExpr::Range(range) => into.push(Leaf::alone(range)),
        MetricExpr::Vector(aggregation) => match Leaf::under(aggregation) {
            Some(leaf) => into.push(leaf),
            None => collect(&aggregation.inner, into),
        },
        MetricExpr::Binary(binary) => {
            collect(&binary.lhs, into);
            collect(&binary.rhs, into);
        }
        MetricExpr::LabelReplace(replace) => collect(&replace.inner, into),
        MetricExpr::VectorLiteral(_) | MetricExpr::Literal(_) => {}
    }
}

/// What gives the series of a leaf.
type Source<'f> = &'f mut dyn FnMut(&Leaf<'_>) -> Result<Table, EvalError>;

/// Computes an expression; `leaf` gives the series of each range aggregation. Chains of more than [`MAX_NESTING`]
/// operators are refused, so that the stack is safe.
pub fn evaluate(expr: &MetricExpr, steps: Steps, leaf: Source<'_>) -> Result<Evaluated, EvalError> {
    evaluate_at(0, expr, steps, leaf)
}

fn evaluate_at(depth: usize, expr: &MetricExpr, steps: Steps, leaf: Source<'_>) -> Result<Evaluated, EvalError> {
    if depth > MAX_NESTING {
        let text = format!("the query is nested more than {MAX_NESTING} levels deep; split it or simplify it");
        return Err(EvalError::InvalidQuery(text));
    }
    let depth = depth + 1;
    let table = match expr {
        MetricExpr::Literal(value) => return Ok(Evaluated::Scalar(*value)),
        MetricExpr::VectorLiteral(value) => Table::constant(*value, steps.count()),
        MetricExpr::Range(range) => leaf(&Leaf::alone(range))?,
        MetricExpr::Vector(aggregation) => {
            let inner = match Leaf::under(aggregation) {
                Some(under) => leaf(&under)?,
                None => match evaluate_at(depth, &aggregation.inner, steps, leaf)? {
                    Evaluated::Table(table) => table,
                    Evaluated::Scalar(value) => Table::constant(value, steps.count()),
                },
            };
            aggregate::aggregate(aggregation, inner, steps.count())
        }
        MetricExpr::LabelReplace(replace) => match evaluate_at(depth, &replace.inner, steps, leaf)? {
            Evaluated::Table(table) => label_replace::label_replace(replace, table)?,
            scalar => return Ok(scalar),
        },
        MetricExpr::Binary(expr) => {
            let lhs = evaluate_at(depth, &expr.lhs, steps, leaf)?;
            let rhs = evaluate_at(depth, &expr.rhs, steps, leaf)?;
            return binary::binary(expr, lhs, rhs, steps.count());
        }
    };
    Ok(Evaluated::Table(table))
}
