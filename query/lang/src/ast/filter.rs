//! Label filters: conditions on the labels of a line.

use gantry_model::Matcher;

/// A condition on labels, as a tree. Nothing but a string matcher ever matches a label that is absent.
#[derive(Clone, Debug, PartialEq)]
pub enum LabelFilter {
    /// `a="x"`, `a!="x"`, `a=~"x"`, `a!~"x"`: the value as text; an absent label is the empty string.
    Matcher(Matcher),
    /// `a > 5`: the value read as a number.
    Number { label: String, op: CompareOp, value: f64 },
    /// `a > 1m30s`: the value read as a duration; nanoseconds.
    Duration { label: String, op: CompareOp, nanos: i64 },
    /// `a > 1KB`: the value read as a size; bytes.
    Bytes { label: String, op: CompareOp, bytes: u64 },
    /// `a=ip("10.0.0.0/8")`: the value is an address in the pattern (an address, a range `a-b`, or a CIDR block).
    Ip { label: String, op: IpOp, pattern: String },
    /// Both hold: `and`, a comma, or just a space.
    And(Box<LabelFilter>, Box<LabelFilter>),
    /// At least one holds.
    Or(Box<LabelFilter>, Box<LabelFilter>),
}

/// Comparison of a number, duration or size with the label's value on the left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CompareOp {
    /// `==`, also written `=`.
    Eq,
    NotEq,
    Gt,
    Gte,
    Lt,
    Lte,
}

/// How an address is compared with a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IpOp {
    /// `=`: lies in it.
    Eq,
    /// `!=`: does not.
    NotEq,
}
