//! Metric expressions: numbers made of log lines, and arithmetic over them.

use super::{LabelFilter, LogExpr};

/// An expression that gives numbers.
#[derive(Clone, Debug, PartialEq)]
pub enum MetricExpr {
    /// `rate({...}[5m])` and its relatives: one series per label set of the lines.
    Range(RangeAggregation),
    /// `sum by (app) (...)` and its relatives: series to fewer series.
    Vector(VectorAggregation),
    /// `a + b`, `a and on (x) b`.
    Binary(BinaryExpr),
    /// `label_replace(v, "dst", "$1", "src", "regex")`.
    LabelReplace(LabelReplace),
    /// `vector(1.5)`: one series without labels.
    VectorLiteral(f64),
    /// `2.5`: a scalar.
    Literal(f64),
}

/// A function over the lines of the last `range`, e.g. `quantile_over_time(0.9, {..} | unwrap x [5m] offset 1m) by (a)`.
#[derive(Clone, Debug, PartialEq)]
pub struct RangeAggregation {
    pub op: RangeOp,
    /// The quantile of `quantile_over_time`; `None` for every other function.
    pub param: Option<f64>,
    pub log: LogExpr,
    /// Where each line's sample comes from; `None` counts lines or bytes.
    pub unwrap: Option<Unwrap>,
    /// Length of the window in nanoseconds: a step at `t` sees lines with `t - offset - range < time <= t - offset`.
    pub range_nanos: i64,
    /// How far the window is moved back, in nanoseconds; negative moves it forward.
    pub offset_nanos: i64,
    /// Labels that tell series apart; `None`: all of them (without the unwrapped one).
    pub grouping: Option<Grouping>,
}

/// Functions over a range of lines. "Samples" are the unwrapped values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RangeOp {
    /// Number of lines.
    CountOverTime,
    /// Lines per second; with `unwrap` the sum of samples per second.
    Rate,
    /// Increase of a counter per second, with resets, as Prometheus' `rate`. Needs `unwrap`.
    RateCounter,
    /// Bytes of the lines.
    BytesOverTime,
    /// Bytes of the lines per second.
    BytesRate,
    /// Mean of the samples. Needs `unwrap`, as all below but `AbsentOverTime`.
    AvgOverTime,
    SumOverTime,
    MinOverTime,
    MaxOverTime,
    /// Population standard deviation.
    StddevOverTime,
    /// Population variance.
    StdvarOverTime,
    /// The `param` quantile, linearly interpolated.
    QuantileOverTime,
    /// Value of the earliest sample.
    FirstOverTime,
    /// Value of the latest sample.
    LastOverTime,
    /// 1 when there is no line at all, with the labels that the selector fixes by `=`. `unwrap` allowed.
    AbsentOverTime,
}

/// `| unwrap duration(took) | took > 1s`: the label that gives the sample.
#[derive(Clone, Debug, PartialEq)]
pub struct Unwrap {
    pub label: String,
    pub conversion: Option<UnwrapConversion>,
    /// Applied after the conversion, all must hold; here `__error__` shows failed conversions.
    pub filters: Vec<LabelFilter>,
}

/// How an unwrapped value is read; without one it is a plain number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UnwrapConversion {
    /// A duration, in seconds.
    Duration,
    /// The same as `Duration`, by its long name `duration_seconds`.
    DurationSeconds,
    /// A size such as `1.5MiB`, in bytes.
    Bytes,
}

/// `by (a, b)` or `without (a, b)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grouping {
    /// The listed labels are the ones taken away.
    pub without: bool,
    pub labels: Vec<String>,
}

/// `topk by (app) (3, ...)`.
#[derive(Clone, Debug, PartialEq)]
pub struct VectorAggregation {
    pub op: VectorOp,
    /// The `k` of `topk`, `bottomk` and `approx_topk` (at least 1); `None` for every other function.
    pub param: Option<u64>,
    /// `None`: everything becomes one group.
    pub grouping: Option<Grouping>,
    pub inner: Box<MetricExpr>,
}

/// Functions over the series of one instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum VectorOp {
    Sum,
    Avg,
    Max,
    Min,
    Count,
    /// Population standard deviation.
    Stddev,
    /// Population variance.
    Stdvar,
    /// The `k` largest series of each group, labels kept.
    Topk,
    /// The `k` smallest series of each group, labels kept.
    Bottomk,
    /// As `Topk`; an estimate is allowed. Never grouped.
    ApproxTopk,
    /// Ascending by value, in instant queries. Never grouped.
    Sort,
    /// Descending by value, in instant queries. Never grouped.
    SortDesc,
}

/// `lhs op [bool] [on|ignoring (...)] [group_left|group_right (...)] rhs`. Never of two literals, which are folded.
#[derive(Clone, Debug, PartialEq)]
pub struct BinaryExpr {
    pub op: BinaryOp,
    pub lhs: Box<MetricExpr>,
    pub rhs: Box<MetricExpr>,
    /// A comparison answers 0 or 1 where it would otherwise filter.
    pub return_bool: bool,
    /// How series of the two sides find each other; `None`: by all labels, one to one.
    pub matching: Option<VectorMatching>,
}

/// Operators from weakest to strongest binding, those of one paragraph alike. All associate to the left but `^`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BinaryOp {
    Or,

    And,
    Unless,

    /// `==`
    Eq,
    /// `!=`
    NotEq,
    Gt,
    Gte,
    Lt,
    Lte,

    Add,
    Sub,

    Mul,
    Div,
    /// `%`
    Mod,

    /// `^`, associates to the right.
    Pow,
}

impl BinaryOp {
    /// `==`, `!=`, `>`, `>=`, `<`, `<=`.
    pub fn is_comparison(self) -> bool {
        use BinaryOp::*;
        matches!(self, Eq | NotEq | Gt | Gte | Lt | Lte)
    }

    /// How tightly the operator binds; larger is tighter.
    pub fn strength(self) -> u8 {
        use BinaryOp::*;
        match self {
            Or => 0,
            And | Unless => 1,
            Eq | NotEq | Gt | Gte | Lt | Lte => 2,
            Add | Sub => 3,
            Mul | Div | Mod => 4,
            Pow => 5,
        }
    }

    /// `or`, `and`, `unless`.
    pub fn is_set(self) -> bool {
        matches!(self, BinaryOp::Or | BinaryOp::And | BinaryOp::Unless)
    }
}

/// How series of two sides pair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VectorMatching {
    /// True: `on (labels)`, only these count. False: `ignoring (labels)`, all others count.
    pub on: bool,
    pub labels: Vec<String>,
    pub cardinality: VectorCardinality,
    /// `group_left (a)`: labels copied from the "one" side to the result.
    pub include: Vec<String>,
}

/// How many series of one side may pair with one of the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum VectorCardinality {
    OneToOne,
    /// `group_left`: many on the left.
    ManyToOne,
    /// `group_right`: many on the right.
    OneToMany,
}

/// `label_replace(inner, dst, replacement, src, regex)`.
#[derive(Clone, Debug, PartialEq)]
pub struct LabelReplace {
    pub inner: Box<MetricExpr>,
    pub dst: String,
    /// With `$1`, `${name}`.
    pub replacement: String,
    pub src: String,
    /// Anchored at both ends.
    pub regex: String,
}
