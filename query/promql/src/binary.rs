//! Binary operators, at least one side of which is a vector.

use crate::EvalError;
use crate::eval::Evaluator;
use crate::value::{Cell, Series, Steps};
use gantry_query_lang::promql::ast::{BinaryExpr, BinaryOp, ValueType};

impl Evaluator<'_> {
    pub(crate) fn binary(&self, binary: &BinaryExpr, steps: Steps) -> Result<Vec<Series>, EvalError> {
        let (lhs, rhs) = (binary.lhs.value_type(), binary.rhs.value_type());
        match (lhs, rhs) {
            (ValueType::Vector, ValueType::Vector) if binary.op.is_set() => self.set_operation(binary, steps),
            (ValueType::Vector, ValueType::Vector) => self.matched(binary, steps),
            (ValueType::Vector, _) => {
                let scalars = self.scalar(&binary.rhs, steps)?;
                self.with_scalar(binary, steps, &scalars, false)
            }
            _ => {
                let scalars = self.scalar(&binary.lhs, steps)?;
                self.with_scalar(binary, steps, &scalars, true)
            }
        }
    }

    fn with_scalar(
        &self,
        binary: &BinaryExpr,
        steps: Steps,
        scalars: &[f64],
        scalar_first: bool,
    ) -> Result<Vec<Series>, EvalError> {
        let vector = if scalar_first { &binary.rhs } else { &binary.lhs };
        let mut all = self.vector(vector, steps)?;
        for series in &mut all {
            for (cell, scalar) in series.cells.iter_mut().zip(scalars) {
                let Some(value) = cell.float() else {
                    *cell = Cell::Empty;
                    continue;
                };
                let (lhs, rhs) = if scalar_first { (*scalar, value) } else { (value, *scalar) };
                *cell = outcome(binary, lhs, rhs, value);
            }
            series.drop_name |= !binary.op.is_comparison() || binary.return_bool;
        }
        all.retain(Series::has_values);
        Ok(all)
    }
}

/// What comes of two numbers; a comparison that filters keeps `kept`.
pub(crate) fn outcome(binary: &BinaryExpr, lhs: f64, rhs: f64, kept: f64) -> Cell {
    match compare(binary.op, lhs, rhs) {
        None => Cell::Float(arithmetic(binary.op, lhs, rhs)),
        Some(holds) if binary.return_bool => Cell::Float(f64::from(u8::from(holds))),
        Some(true) => Cell::Float(kept),
        Some(false) => Cell::Empty,
    }
}

pub(crate) fn arithmetic(op: BinaryOp, lhs: f64, rhs: f64) -> f64 {
    match op {
        BinaryOp::Add => lhs + rhs,
        BinaryOp::Sub => lhs - rhs,
        BinaryOp::Mul => lhs * rhs,
        BinaryOp::Div => lhs / rhs,
        BinaryOp::Mod => lhs % rhs,
        BinaryOp::Pow => lhs.powf(rhs),
        BinaryOp::Atan2 => lhs.atan2(rhs),
        _ => f64::NAN,
    }
}

/// `None` for an operator that compares nothing.
#[allow(clippy::float_cmp)]
pub(crate) fn compare(op: BinaryOp, lhs: f64, rhs: f64) -> Option<bool> {
    Some(match op {
        BinaryOp::Eq => lhs == rhs,
        BinaryOp::NotEq => lhs != rhs,
        BinaryOp::Gt => lhs > rhs,
        BinaryOp::Gte => lhs >= rhs,
        BinaryOp::Lt => lhs < rhs,
        BinaryOp::Lte => lhs <= rhs,
        _ => return None,
    })
}
