//! The syntax tree of a PromQL query, made for evaluators and planners.
//!
//! The tree holds what the user wrote, checked (types, matchers, arity) but not optimised; only a sign before a number
//! is already part of the number. Every node knows its place in the text. Start with [`Expr`].

mod duration;
mod op;

pub use duration::{Duration, DurationExpr, DurationNumber, DurationOp};
pub use op::{AggregateOp, BinaryOp};

use super::function::Function;
use crate::gotext::{quote, quote_bytes};
use gantry_model::Selector;
use std::fmt;

/// Bytes of the query from `start` up to, not including, `end`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Span {
    pub start: u32,
    pub end: u32,
}

impl Span {
    pub fn new(start: u32, end: u32) -> Self {
        Span { start, end }
    }

    /// From the start of this one to the end of `last`.
    pub fn to(self, last: Span) -> Self {
        Span { start: self.start, end: last.end }
    }
}

/// What an expression evaluates to. `Display` gives the words of the documentation, e.g. `instant vector`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ValueType {
    /// One number.
    Scalar,
    /// A text; only literals and arguments are.
    String,
    /// Series with one sample each.
    Vector,
    /// Series with the samples of a range of time.
    Matrix,
}

impl ValueType {
    /// The word in APIs: `scalar`, `string`, `vector`, `matrix`.
    pub fn as_str(self) -> &'static str {
        match self {
            ValueType::Scalar => "scalar",
            ValueType::String => "string",
            ValueType::Vector => "vector",
            ValueType::Matrix => "matrix",
        }
    }
}

impl fmt::Display for ValueType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ValueType::Vector => "instant vector",
            ValueType::Matrix => "range vector",
            other => other.as_str(),
        })
    }
}

/// An expression. `Display` prints it in one line as Prometheus does; see also [`Expr::pretty`].
#[derive(Clone, Debug, PartialEq)]
pub enum Expr {
    Number(NumberLiteral),
    String(StringLiteral),
    Vector(VectorSelector),
    Matrix(MatrixSelector),
    Subquery(Subquery),
    Unary(UnaryExpr),
    Binary(BinaryExpr),
    Aggregate(AggregateExpr),
    Call(Call),
    Paren(ParenExpr),
}

/// `1.5`, `0x1f`, `Inf`, `-3`, or a duration such as `5m`, which is 300.
#[derive(Clone, Debug, PartialEq)]
pub struct NumberLiteral {
    pub value: f64,
    /// Written as a duration, and printed as one.
    pub is_duration: bool,
    pub span: Span,
}

#[derive(Clone, Debug, PartialEq)]
pub struct StringLiteral {
    /// Without quotes and escapes. Bytes that are no UTF-8 are replaced by U+FFFD.
    pub value: String,
    /// All bytes of the text, where escapes such as `\xff` made it no UTF-8: it can name no label.
    pub invalid: Option<Vec<u8>>,
    pub span: Span,
}

impl StringLiteral {
    /// In double quotes and with escapes, as Go writes it.
    pub fn quoted(&self) -> String {
        self.invalid.as_ref().map_or_else(|| quote(&self.value), |bytes| quote_bytes(bytes))
    }
}

/// `up{job="a"} @ 5 offset 1m`: the newest sample of each series that is not too old.
#[derive(Clone, Debug, PartialEq)]
pub struct VectorSelector {
    /// The name outside of the braces. The selector names it too, as its last matcher.
    pub name: Option<String>,
    /// All matchers, that of the name included. At least one of them refuses the empty value, except in the second
    /// argument of `info`.
    pub selector: Selector,
    pub at: Option<At>,
    pub offset: Option<Duration>,
    pub extension: Option<Extension>,
    pub span: Span,
}

/// `up[5m] offset 1m`: the samples with `t - offset - range < time <= t - offset`. Offset, `@` and extension stand with
/// the inner selector.
#[derive(Clone, Debug, PartialEq)]
pub struct MatrixSelector {
    pub vector: VectorSelector,
    pub range: Duration,
    pub span: Span,
}

/// `expr[1h:5m] offset 1m`: the inner expression at instants that are multiples of the step.
#[derive(Clone, Debug, PartialEq)]
pub struct Subquery {
    pub expr: Box<Expr>,
    pub range: Duration,
    /// `None`: the default interval of evaluation.
    pub step: Option<Duration>,
    pub at: Option<At>,
    pub offset: Option<Duration>,
    pub span: Span,
}

/// The modifier `@`: the instant that counts instead of that of the evaluation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// Milliseconds since 1970.
    Timestamp(i64),
    /// `start()`: the first instant of the range query.
    Start,
    /// `end()`
    End,
}

/// How the samples at the ends of a range are made (experimental in Prometheus 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extension {
    /// `anchored`: the last samples before the ends stand at the ends.
    Anchored,
    /// `smoothed`: values at the ends are interpolated between the samples around them.
    Smoothed,
}

/// `-expr` or `+expr`; never of a number, whose sign is part of it.
#[derive(Clone, Debug, PartialEq)]
pub struct UnaryExpr {
    pub negative: bool,
    pub expr: Box<Expr>,
    pub span: Span,
}

/// `lhs op [bool] [on|ignoring (..)] [group_left|group_right (..)] [fill (..)] rhs`.
#[derive(Clone, Debug, PartialEq)]
pub struct BinaryExpr {
    pub op: BinaryOp,
    pub lhs: Box<Expr>,
    pub rhs: Box<Expr>,
    /// A comparison answers 0 or 1 where it would otherwise filter.
    pub return_bool: bool,
    /// Given exactly when both sides are instant vectors.
    pub matching: Option<VectorMatching>,
    /// Where the operator stands.
    pub op_span: Span,
}

/// How the series of two sides find each other.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct VectorMatching {
    pub cardinality: Cardinality,
    /// True: `on (labels)`, only these count. False: `ignoring (labels)`, all others count.
    pub on: bool,
    pub labels: Vec<String>,
    /// `group_left (a)`: labels copied from the "one" side to the result.
    pub include: Vec<String>,
    /// What stands for a series that is missing on the left; `None`: the pair is left out.
    pub fill_left: Option<f64>,
    /// The same for the right.
    pub fill_right: Option<f64>,
}

/// How many series of one side may pair with one of the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Cardinality {
    #[default]
    OneToOne,
    /// `group_left`: many on the left.
    ManyToOne,
    /// `group_right`: many on the right.
    OneToMany,
    /// The set operators.
    ManyToMany,
}

/// `sum by (a) (expr)`, `topk without (a) (3, expr)`.
#[derive(Clone, Debug, PartialEq)]
pub struct AggregateExpr {
    pub op: AggregateOp,
    pub expr: Box<Expr>,
    /// Given exactly when the operator takes one; of type [`AggregateOp::param`].
    pub param: Option<Box<Expr>>,
    /// The labels that groups keep or, with `without`, lose. None without `without`: everything is one group.
    pub grouping: Vec<String>,
    pub without: bool,
    pub span: Span,
}

/// `rate(up[5m])`. The arguments have passed the function's [`Signature`](super::Signature).
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    pub function: Function,
    pub args: Vec<Expr>,
    pub span: Span,
}

#[derive(Clone, Debug, PartialEq)]
pub struct ParenExpr {
    pub expr: Box<Expr>,
    pub span: Span,
}

impl Expr {
    pub fn span(&self) -> Span {
        match self {
            Expr::Number(e) => e.span,
            Expr::String(e) => e.span,
            Expr::Vector(e) => e.span,
            Expr::Matrix(e) => e.span,
            Expr::Subquery(e) => e.span,
            Expr::Unary(e) => e.span,
            Expr::Binary(e) => e.span(),
            Expr::Aggregate(e) => e.span,
            Expr::Call(e) => e.span,
            Expr::Paren(e) => e.span,
        }
    }

    pub fn value_type(&self) -> ValueType {
        match self {
            Expr::Number(_) => ValueType::Scalar,
            Expr::String(_) => ValueType::String,
            Expr::Vector(_) | Expr::Aggregate(_) => ValueType::Vector,
            Expr::Matrix(_) | Expr::Subquery(_) => ValueType::Matrix,
            Expr::Unary(e) => e.expr.value_type(),
            Expr::Paren(e) => e.expr.value_type(),
            Expr::Call(e) => e.function.signature().returns,
            Expr::Binary(e) => match (e.lhs.value_type(), e.rhs.value_type()) {
                (ValueType::Scalar, ValueType::Scalar) => ValueType::Scalar,
                _ => ValueType::Vector,
            },
        }
    }

    /// The expressions directly below, in the order in which they are evaluated: an aggregation's parameter comes last.
    pub fn children(&self) -> Vec<&Expr> {
        match self {
            Expr::Number(_) | Expr::String(_) | Expr::Vector(_) | Expr::Matrix(_) => Vec::new(),
            Expr::Subquery(e) => vec![&e.expr],
            Expr::Unary(e) => vec![&e.expr],
            Expr::Paren(e) => vec![&e.expr],
            Expr::Binary(e) => vec![&e.lhs, &e.rhs],
            Expr::Call(e) => e.args.iter().collect(),
            Expr::Aggregate(e) => std::iter::once(&*e.expr).chain(e.param.as_deref()).collect(),
        }
    }

    /// Every selector of the query, from left to right, with the range of those that have one.
    pub fn selectors(&self) -> Vec<(&VectorSelector, Option<&Duration>)> {
        match self {
            Expr::Vector(vector) => vec![(vector, None)],
            Expr::Matrix(matrix) => vec![(&matrix.vector, Some(&matrix.range))],
            other => other.children().into_iter().flat_map(Expr::selectors).collect(),
        }
    }

    /// The expression inside of any parentheses.
    pub fn unwrap_parens(&self) -> &Expr {
        match self {
            Expr::Paren(paren) => paren.expr.unwrap_parens(),
            other => other,
        }
    }
}

impl BinaryExpr {
    pub fn span(&self) -> Span {
        self.lhs.span().to(self.rhs.span())
    }
}

impl VectorMatching {
    /// Whether a missing series is filled in on either side.
    pub fn fills(&self) -> bool {
        self.fill_left.is_some() || self.fill_right.is_some()
    }
}

impl Extension {
    pub fn as_str(self) -> &'static str {
        match self {
            Extension::Anchored => "anchored",
            Extension::Smoothed => "smoothed",
        }
    }
}

impl Cardinality {
    /// `one-to-one` and so on.
    pub fn as_str(self) -> &'static str {
        match self {
            Cardinality::OneToOne => "one-to-one",
            Cardinality::ManyToOne => "many-to-one",
            Cardinality::OneToMany => "one-to-many",
            Cardinality::ManyToMany => "many-to-many",
        }
    }
}
