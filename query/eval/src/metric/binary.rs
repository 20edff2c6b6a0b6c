//! Arithmetic, comparison and set operators.

use super::matching::{self, Sides};
use super::table::{Evaluated, Series, Table};
use crate::EvalError;
use gantry_query_lang::ast::{BinaryExpr, BinaryOp};

pub(super) fn binary(expr: &BinaryExpr, lhs: Evaluated, rhs: Evaluated, steps: usize) -> Result<Evaluated, EvalError> {
    let table = match (lhs, rhs) {
        (Evaluated::Scalar(a), Evaluated::Scalar(b)) => {
            return Ok(Evaluated::Scalar(expr.op.apply(a, b)));
        }
        (Evaluated::Table(table), Evaluated::Scalar(b)) => each(expr, table, |a| (a, b)),
        (Evaluated::Scalar(a), Evaluated::Table(table)) => each(expr, table, |b| (a, b)),
        (Evaluated::Table(lhs), Evaluated::Table(rhs)) => {
            let sides = Sides { lhs, rhs, steps, matching: expr.matching.as_ref() };
            match expr.op {
                BinaryOp::And => matching::and(sides, true),
                BinaryOp::Unless => matching::and(sides, false),
                BinaryOp::Or => matching::or(sides),
                _ => matching::join(sides, |a, b| combine(expr, a, b, a))?,
            }
        }
    };
    Ok(Evaluated::Table(table))
}

/// A vector and a number: a comparison that filters keeps the value of the vector.
fn each(expr: &BinaryExpr, table: Table, operands: impl Fn(f64) -> (f64, f64)) -> Table {
    let point = |value: Option<f64>| {
        let value = value?;
        let (a, b) = operands(value);
        combine(expr, a, b, value)
    };
    let series = table.series.into_iter().map(|series| {
        let points = series.points.into_iter().map(point).collect();
        Series { labels: series.labels, points }
    });
    Table { series: series.collect(), ordered: table.ordered }.compact()
}

/// The value of an operator, or none where a comparison filters it out; `kept` is what a filter lets through.
fn combine(expr: &BinaryExpr, a: f64, b: f64, kept: f64) -> Option<f64> {
    let value = expr.op.apply(a, b);
    if !expr.op.is_comparison() || expr.return_bool {
        return Some(value);
    }
    (value != 0.0).then_some(kept)
}
