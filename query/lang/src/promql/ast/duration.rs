//! Durations of ranges, steps and offsets; those that are computed depend on the query's own step and range.

use super::Span;

/// A range, step or offset.
#[derive(Clone, Debug, PartialEq)]
pub enum Duration {
    /// Nanoseconds; negative only for offsets.
    Nanos(i64),
    /// Known when the query is run (experimental in Prometheus 3).
    Computed(DurationExpr),
}

/// Arithmetic over durations; every number is one of seconds.
#[derive(Clone, Debug, PartialEq)]
pub enum DurationExpr {
    Number(DurationNumber),
    /// `step()`: the step of the range query, 0 for an instant one.
    Step(Span),
    /// `range()`: from the first to the last instant of the range query.
    Range(Span),
    /// `min_of(a, b)`
    MinOf(Box<DurationExpr>, Box<DurationExpr>, Span),
    /// `max_of(a, b)`
    MaxOf(Box<DurationExpr>, Box<DurationExpr>, Span),
    /// `+a`: says nothing, but ends a duration behind `offset` where `(a)` goes on.
    Positive(Box<DurationExpr>, Span),
    /// `-a`, with the place of both.
    Negative(Box<DurationExpr>, Span),
    /// `(a)`
    Paren(Box<DurationExpr>, Span),
    Binary(DurationOp, Box<DurationExpr>, Box<DurationExpr>),
}

/// `5m`, `1.5`.
#[derive(Clone, Debug, PartialEq)]
pub struct DurationNumber {
    pub seconds: f64,
    /// Written as a duration.
    pub is_duration: bool,
    pub span: Span,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DurationOp {
    Add,
    Sub,
    Mul,
    Div,
    Mod,
    Pow,
}

impl DurationOp {
    pub fn as_str(self) -> &'static str {
        match self {
            DurationOp::Add => "+",
            DurationOp::Sub => "-",
            DurationOp::Mul => "*",
            DurationOp::Div => "/",
            DurationOp::Mod => "%",
            DurationOp::Pow => "^",
        }
    }
}

impl DurationExpr {
    pub fn span(&self) -> Span {
        match self {
            DurationExpr::Number(number) => number.span,
            DurationExpr::Step(span)
            | DurationExpr::Range(span)
            | DurationExpr::MinOf(_, _, span)
            | DurationExpr::MaxOf(_, _, span)
            | DurationExpr::Positive(_, span)
            | DurationExpr::Negative(_, span)
            | DurationExpr::Paren(_, span) => *span,
            DurationExpr::Binary(_, lhs, rhs) => lhs.span().to(rhs.span()),
        }
    }
}
