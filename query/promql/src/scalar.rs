//! Expressions that are one number at every step.

use crate::EvalError;
use crate::binary::arithmetic;
use crate::eval::Evaluator;
use crate::value::{Cell, Steps};
use gantry_query_lang::promql::ast::{BinaryOp, Call};
use gantry_query_lang::promql::{Expr, Function};

impl Evaluator<'_> {
    /// A number for every step.
    pub fn scalar(&self, expr: &Expr, steps: Steps) -> Result<Vec<f64>, EvalError> {
        match expr {
            Expr::Number(number) => Ok(vec![number.value; steps.count()]),
            Expr::Paren(paren) => self.scalar(&paren.expr, steps),
            Expr::Unary(unary) => {
                let sign = if unary.negative { -1.0 } else { 1.0 };
                Ok(self.scalar(&unary.expr, steps)?.into_iter().map(|value| value * sign).collect())
            }
            Expr::Binary(binary) => {
                let (lhs, rhs) = (self.scalar(&binary.lhs, steps)?, self.scalar(&binary.rhs, steps)?);
                Ok(lhs.into_iter().zip(rhs).map(|(lhs, rhs)| operate(binary.op, lhs, rhs)).collect())
            }
            Expr::Call(call) => self.scalar_call(call, steps),
            other => Err(EvalError::new(format!("{other} is no scalar"))),
        }
    }

    fn scalar_call(&self, call: &Call, steps: Steps) -> Result<Vec<f64>, EvalError> {
        let all = self.params.steps;
        let constant = |value: f64| Ok(vec![value; steps.count()]);
        let both = |choose: fn(f64, f64) -> f64| {
            let (a, b) = (self.scalar(&call.args[0], steps)?, self.scalar(&call.args[1], steps)?);
            Ok(a.into_iter().zip(b).map(|(a, b)| choose(a, b)).collect())
        };
        match call.function {
            Function::Time => Ok(steps.iter().map(|at| at as f64 / 1000.0).collect()),
            Function::Pi => constant(std::f64::consts::PI),
            Function::Start => constant(all.start as f64 / 1000.0),
            Function::End => constant(all.end as f64 / 1000.0),
            Function::Range => constant((all.end - all.start) as f64 / 1000.0),
            Function::Step => constant(if self.params.instant { 0.0 } else { all.step as f64 / 1000.0 }),
            Function::MinOf => both(f64::min),
            Function::MaxOf => both(f64::max),
            Function::Scalar => self.only_value(&call.args[0], steps),
            other => Err(EvalError::new(format!("{} gives no scalar", other.as_str()))),
        }
    }

    /// The value of the only series; NaN where there is none, or more than one.
    fn only_value(&self, expr: &Expr, steps: Steps) -> Result<Vec<f64>, EvalError> {
        let mut found: Vec<(u32, f64)> = vec![(0, f64::NAN); steps.count()];
        self.each_series(expr, steps, &mut |series| {
            for ((count, value), cell) in found.iter_mut().zip(&series.cells) {
                if let Cell::Float(new) = cell {
                    (*count, *value) = (*count + 1, *new);
                }
            }
            Ok(())
        })?;
        Ok(found.into_iter().map(|(count, value)| if count == 1 { value } else { f64::NAN }).collect())
    }
}

/// Comparisons of numbers are 0 or 1.
fn operate(op: BinaryOp, lhs: f64, rhs: f64) -> f64 {
    crate::binary::compare(op, lhs, rhs).map_or_else(|| arithmetic(op, lhs, rhs), |holds| f64::from(u8::from(holds)))
}
