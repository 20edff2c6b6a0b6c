//! Which samples a selector needs, and which instants it looks at.

use crate::eval::Grid;
use crate::query::Times;
use crate::{EvalError, Select};
use gantry_model::Selector;
use gantry_query_lang::promql::ast::{
    At, Duration, DurationExpr, DurationOp, Expr, Extension, Subquery, VectorSelector,
};

/// Where a selector looks from an instant of the evaluation, in milliseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timing {
    pub(crate) at: Option<i64>,
    pub(crate) offset: i64,
    pub(crate) range: i64,
    /// How far before the range and after its end samples count, too.
    pub(crate) before: i64,
    pub(crate) after: i64,
}

impl Timing {
    pub(crate) fn end(&self, instant: i64) -> i64 {
        self.at.unwrap_or(instant).saturating_sub(self.offset)
    }

    fn new(at: Option<At>, offset: Option<&Duration>, range: i64, params: &Times) -> Result<Self, EvalError> {
        let offset = offset.map_or(Ok(0), |offset| millis(offset, params))?;
        let at = at.map(|at| match at {
            At::Timestamp(at) => at,
            At::Start => params.start_ms,
            At::End => params.end_ms,
        });
        Ok(Timing { at, offset, range, before: 0, after: 0 })
    }

    pub(crate) fn vector(v: &VectorSelector, range: Option<&Duration>, params: &Times) -> Result<Self, EvalError> {
        let is_range = range.is_some();
        let range = range.map_or(Ok(params.lookback_ms), |range| positive(range, params))?;
        let mut timing = Timing::new(v.at, v.offset.as_ref(), range, params)?;
        if v.extension.is_some() && is_range {
            timing.before = params.lookback_ms;
        }
        if v.extension == Some(Extension::Smoothed) {
            timing.after = params.lookback_ms;
        }
        Ok(timing)
    }

    /// Those of the subquery, and the instants at which the inner expression is wanted.
    pub(crate) fn subquery(s: &Subquery, grid: Grid, params: &Times) -> Result<(Self, Grid), EvalError> {
        let timing = Timing::new(s.at, s.offset.as_ref(), positive(&s.range, params)?, params)?;
        let step = match &s.step {
            Some(step) => positive(step, params)?.max(1),
            None => params.subquery_step_ms.max(1),
        };
        let after = timing.end(grid.start).saturating_sub(timing.range);
        let start = after.div_euclid(step).saturating_add(1).saturating_mul(step);
        let end = timing.end(grid.last());
        // Where times end, so do instants.
        let count = if end < start { 0 } else { (end.saturating_sub(start) / step).saturating_add(1) };
        Ok((timing, Grid { start, step, count: count as usize }))
    }

    pub(crate) fn select(&self, selector: &Selector, grid: Grid) -> Select {
        Select {
            selector: selector.clone(),
            first_ms: self.end(grid.start).saturating_sub(self.range).saturating_sub(self.before).saturating_add(1),
            last_ms: self.end(grid.last()).saturating_add(self.after),
            step_ms: 0,
        }
    }
}

/// Every selector below an expression.
pub(crate) fn selections(expr: &Expr, params: &Times, grid: Grid, found: &mut Vec<Select>) -> Result<(), EvalError> {
    match expr {
        Expr::Vector(v) => found.push(Timing::vector(v, None, params)?.select(&v.selector, grid)),
        Expr::Matrix(m) => {
            found.push(Timing::vector(&m.vector, Some(&m.range), params)?.select(&m.vector.selector, grid))
        }
        Expr::Subquery(s) => {
            let (_, inner) = Timing::subquery(s, grid, params)?;
            selections(&s.expr, params, inner, found)?;
        }
        other => {
            for child in other.children() {
                selections(child, params, grid, found)?;
            }
        }
    }
    Ok(())
}

/// Where the first selector below an expression looks: the innermost `@` of it and of the subqueries around it, and the offsets
/// up to there.
pub(crate) fn anchor(expr: &Expr, params: &Times) -> Result<Option<(Option<i64>, i64)>, EvalError> {
    let timing = match expr {
        Expr::Vector(v) => return Timing::new(v.at, v.offset.as_ref(), 0, params).map(|t| Some((t.at, t.offset))),
        Expr::Matrix(m) => return anchor(&Expr::Vector(m.vector.clone()), params),
        Expr::Subquery(s) => Timing::new(s.at, s.offset.as_ref(), 0, params)?,
        _ => Timing { at: None, offset: 0, range: 0, before: 0, after: 0 },
    };
    for child in expr.children() {
        match anchor(child, params)? {
            Some((None, offset)) => return Ok(Some((timing.at, offset.saturating_add(timing.offset)))),
            Some(anchored) => return Ok(Some(anchored)),
            None => {}
        }
    }
    Ok(None)
}

fn positive(duration: &Duration, params: &Times) -> Result<i64, EvalError> {
    match millis(duration, params)? {
        ms if ms > 0 => Ok(ms),
        _ => Err(EvalError::new("duration must be greater than 0")),
    }
}

fn millis(duration: &Duration, params: &Times) -> Result<i64, EvalError> {
    match duration {
        Duration::Nanos(nanos) => Ok(nanos / 1_000_000),
        Duration::Computed(expr) => {
            let seconds = seconds(expr, params)?;
            if seconds.abs() * 1e3 >= 9.2e15 || seconds.is_nan() {
                return Err(EvalError::new("duration out of range"));
            }
            Ok((seconds * 1e3).round() as i64)
        }
    }
}

fn seconds(expr: &DurationExpr, params: &Times) -> Result<f64, EvalError> {
    Ok(match expr {
        DurationExpr::Number(number) => number.seconds,
        DurationExpr::Step(_) => params.step_ms.unwrap_or(0) as f64 / 1e3,
        DurationExpr::Range(_) => (params.end_ms - params.start_ms) as f64 / 1e3,
        DurationExpr::MinOf(a, b, _) => seconds(a, params)?.min(seconds(b, params)?),
        DurationExpr::MaxOf(a, b, _) => seconds(a, params)?.max(seconds(b, params)?),
        DurationExpr::Positive(a, _) | DurationExpr::Paren(a, _) => seconds(a, params)?,
        DurationExpr::Negative(a, _) => -seconds(a, params)?,
        DurationExpr::Binary(op, a, b) => {
            let (a, b) = (seconds(a, params)?, seconds(b, params)?);
            match op {
                DurationOp::Add => a + b,
                DurationOp::Sub => a - b,
                DurationOp::Mul => a * b,
                DurationOp::Div if b == 0.0 => return Err(EvalError::new("division by zero")),
                DurationOp::Div => a / b,
                DurationOp::Mod if b == 0.0 => return Err(EvalError::new("modulo by zero")),
                DurationOp::Mod => a % b,
                DurationOp::Pow => a.powf(b),
            }
        }
    })
}
