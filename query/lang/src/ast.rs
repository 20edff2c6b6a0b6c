//! The syntax tree of a query, made for evaluators and planners: every variant says what it means.
//!
//! The tree holds what the user wrote, checked (see [`crate::parse`]) but not optimised; only arithmetic between number
//! literals is already done. Start with [`Expr`]; a pipeline is a list of [`Stage`]s, applied from left to right.

mod filter;
mod metric;
mod names;
mod stage;

pub use filter::{CompareOp, IpOp, LabelFilter};
pub use metric::{
    BinaryExpr, BinaryOp, Grouping, LabelReplace, MetricExpr, RangeAggregation, RangeOp, Unwrap, UnwrapConversion,
    VectorAggregation, VectorCardinality, VectorMatching, VectorOp,
};
pub use stage::{
    DropKeep, Extraction, LabelFormat, LabelFormatValue, LineAlternative, LineFilterExpr, LineFilterOp, Stage,
};

use gantry_model::Selector;

/// A whole query.
#[derive(Clone, Debug, PartialEq)]
pub enum Expr {
    /// Answers with log lines.
    Log(LogExpr),
    /// Answers with numbers: a vector, a matrix or, for a bare literal, a scalar.
    Metric(MetricExpr),
}

/// `{app="web"} |= "error" | json | level="warn"`: streams, then what happens to each of their lines.
#[derive(Clone, Debug, PartialEq)]
pub struct LogExpr {
    /// Never empty in a parsed query, and at least one matcher refuses the empty value.
    pub selector: Selector,
    /// Applied in this order to every line; a stage may drop the line, change its text, or change its labels.
    pub stages: Vec<Stage>,
}
