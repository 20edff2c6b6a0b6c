//! Which queries can be answered step by step, now some and later others.

use gantry_query_lang::promql::Function;
use gantry_query_lang::promql::ast::{At, Duration, DurationExpr, Expr, VectorSelector};

/// Whether the values at an instant are the same whatever the range of the query is, and depend on nothing but the samples of
/// [`selections`](crate::selections): no `@ start()`, no `step()`, nothing that looks elsewhere.
pub fn is_stepwise(expr: &Expr) -> bool {
    let here = match expr {
        Expr::Vector(v) => selector(v),
        Expr::Matrix(m) => selector(&m.vector) && duration(Some(&m.range)),
        Expr::Subquery(s) => {
            at(s.at) && duration(Some(&s.range)) && duration(s.step.as_ref()) && duration(s.offset.as_ref())
        }
        Expr::Call(call) => call.function != Function::Info,
        _ => true,
    };
    here && expr.children().into_iter().all(is_stepwise)
}

fn selector(v: &VectorSelector) -> bool {
    at(v.at) && v.extension.is_none() && duration(v.offset.as_ref())
}

fn at(at: Option<At>) -> bool {
    !matches!(at, Some(At::Start | At::End))
}

fn duration(duration: Option<&Duration>) -> bool {
    match duration {
        Some(Duration::Computed(expr)) => constant(expr),
        Some(Duration::Nanos(_)) | None => true,
    }
}

fn constant(expr: &DurationExpr) -> bool {
    match expr {
        DurationExpr::Number(_) => true,
        DurationExpr::Step(_) | DurationExpr::Range(_) => false,
        DurationExpr::MinOf(a, b, _) | DurationExpr::MaxOf(a, b, _) | DurationExpr::Binary(_, a, b) => {
            constant(a) && constant(b)
        }
        DurationExpr::Positive(a, _) | DurationExpr::Negative(a, _) | DurationExpr::Paren(a, _) => constant(a),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gantry_query_lang::promql::{Options, parse};

    #[test]
    fn what_depends_on_the_range_of_the_query_is_not_stepwise() {
        let is = |text: &str| is_stepwise(&parse(text, Options::ALL).unwrap());
        for text in ["sum(rate(x[5m]))", "x @ 5 + y offset -1m", "max_over_time(x[1h:5m])", "x[5m + 1m]", "time()"] {
            assert!(is(text), "{text}");
        }
        for text in ["x @ end()", "rate(x[step()])", "x[1h:5m] @ start()", "x offset range()", "1 + (-x @ start())"] {
            assert!(!is(text), "{text}");
        }
    }
}
