//! Operators: what they are called, how they bind.

use super::ValueType;

/// Binary operators from weakest to strongest binding, those of one paragraph alike. All associate to the left but `^`.
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
    /// `</`: a histogram without what lies over the number (experimental in Prometheus 3).
    TrimUpper,
    /// `>/`: a histogram without what lies under the number.
    TrimLower,

    Add,
    Sub,

    Mul,
    Div,
    /// `%`
    Mod,
    Atan2,

    /// `^`, associates to the right.
    Pow,
}

impl BinaryOp {
    pub fn as_str(self) -> &'static str {
        use BinaryOp::*;
        match self {
            Or => "or",
            And => "and",
            Unless => "unless",
            Eq => "==",
            NotEq => "!=",
            Gt => ">",
            Gte => ">=",
            Lt => "<",
            Lte => "<=",
            TrimUpper => "</",
            TrimLower => ">/",
            Add => "+",
            Sub => "-",
            Mul => "*",
            Div => "/",
            Mod => "%",
            Atan2 => "atan2",
            Pow => "^",
        }
    }

    /// How tightly the operator binds; larger is tighter.
    pub fn strength(self) -> u8 {
        use BinaryOp::*;
        match self {
            Or => 0,
            And | Unless => 1,
            Eq | NotEq | Gt | Gte | Lt | Lte | TrimUpper | TrimLower => 2,
            Add | Sub => 3,
            Mul | Div | Mod | Atan2 => 4,
            Pow => 5,
        }
    }

    /// `==`, `!=`, `>`, `>=`, `<`, `<=`.
    pub fn is_comparison(self) -> bool {
        use BinaryOp::*;
        matches!(self, Eq | NotEq | Gt | Gte | Lt | Lte)
    }

    /// What durations know, too: `+`, `-`, `*`, `/`, `%`, `^`.
    pub(in crate::promql) fn is_arithmetic(self) -> bool {
        use BinaryOp::*;
        matches!(self, Add | Sub | Mul | Div | Mod | Pow)
    }

    /// `or`, `and`, `unless`.
    pub fn is_set(self) -> bool {
        matches!(self, BinaryOp::Or | BinaryOp::And | BinaryOp::Unless)
    }
}

/// Aggregations over the series of one instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AggregateOp {
    Avg,
    /// The `k` smallest series of each group, labels kept.
    Bottomk,
    Count,
    /// How many series have each value; the value becomes the label that the parameter names.
    CountValues,
    /// 1 for every group.
    Group,
    Max,
    Min,
    Quantile,
    /// Population standard deviation.
    Stddev,
    /// Population variance.
    Stdvar,
    Sum,
    /// The `k` largest series of each group, labels kept.
    Topk,
    /// Any `k` series of each group, labels kept (experimental).
    Limitk,
    /// A share of the series, chosen by their labels (experimental).
    LimitRatio,
}

impl AggregateOp {
    pub const ALL: [AggregateOp; 14] = [
        AggregateOp::Avg,
        AggregateOp::Bottomk,
        AggregateOp::Count,
        AggregateOp::CountValues,
        AggregateOp::Group,
        AggregateOp::Max,
        AggregateOp::Min,
        AggregateOp::Quantile,
        AggregateOp::Stddev,
        AggregateOp::Stdvar,
        AggregateOp::Sum,
        AggregateOp::Topk,
        AggregateOp::Limitk,
        AggregateOp::LimitRatio,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            AggregateOp::Avg => "avg",
            AggregateOp::Bottomk => "bottomk",
            AggregateOp::Count => "count",
            AggregateOp::CountValues => "count_values",
            AggregateOp::Group => "group",
            AggregateOp::Max => "max",
            AggregateOp::Min => "min",
            AggregateOp::Quantile => "quantile",
            AggregateOp::Stddev => "stddev",
            AggregateOp::Stdvar => "stdvar",
            AggregateOp::Sum => "sum",
            AggregateOp::Topk => "topk",
            AggregateOp::Limitk => "limitk",
            AggregateOp::LimitRatio => "limit_ratio",
        }
    }

    /// The type of the parameter, for operators that take one.
    pub fn param(self) -> Option<ValueType> {
        use AggregateOp::*;
        match self {
            Topk | Bottomk | Quantile | Limitk | LimitRatio => Some(ValueType::Scalar),
            CountValues => Some(ValueType::String),
            Avg | Count | Group | Max | Min | Stddev | Stdvar | Sum => None,
        }
    }

    /// Prometheus asks for `--enable-feature=promql-experimental-functions`.
    pub fn is_experimental(self) -> bool {
        matches!(self, AggregateOp::Limitk | AggregateOp::LimitRatio)
    }
}
