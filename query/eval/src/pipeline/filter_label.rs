//! Label filters. An absent label passes none but those on text; a value that cannot be read passes, as an error.

use super::labels::Work;
use super::names::{NameId, Names};
use super::stage_error;
use crate::EvalError;
use crate::value::{ValueError, ip::IpPattern, parse_bytes, parse_duration, parse_float};
use gantry_model::Matcher;
use gantry_query_lang::ast::{CompareOp, IpOp, LabelFilter};

/// A label filter, compiled.
#[derive(Clone, Debug)]
pub(crate) enum CompiledLabelFilter {
    Matcher(NameId, Matcher),
    Number(NameId, CompareOp, f64),
    Duration(NameId, CompareOp, i64),
    Bytes(NameId, CompareOp, u64),
    Ip(NameId, IpOp, IpPattern),
    And(Box<CompiledLabelFilter>, Box<CompiledLabelFilter>),
    Or(Box<CompiledLabelFilter>, Box<CompiledLabelFilter>),
}

/// The kind of error that a label gets whose value cannot be read.
const ERROR: &str = "LabelFilterErr";

impl CompiledLabelFilter {
    pub fn new(filter: &LabelFilter, names: &mut Names, read: &mut Vec<String>) -> Result<Self, EvalError> {
        let mut name = |label: &str| {
            read.push(label.into());
            names.intern(label)
        };
        Ok(match filter {
            LabelFilter::Matcher(matcher) => CompiledLabelFilter::Matcher(name(&matcher.name), matcher.clone()),
            LabelFilter::Number { label, op, value } => CompiledLabelFilter::Number(name(label), *op, *value),
            LabelFilter::Duration { label, op, nanos } => CompiledLabelFilter::Duration(name(label), *op, *nanos),
            LabelFilter::Bytes { label, op, bytes } => CompiledLabelFilter::Bytes(name(label), *op, *bytes),
            LabelFilter::Ip { label, op, pattern } => {
                CompiledLabelFilter::Ip(name(label), *op, IpPattern::parse(pattern).map_err(stage_error)?)
            }
            LabelFilter::And(a, b) => {
                CompiledLabelFilter::And(Box::new(Self::new(a, names, read)?), Box::new(Self::new(b, names, read)?))
            }
            LabelFilter::Or(a, b) => {
                CompiledLabelFilter::Or(Box::new(Self::new(a, names, read)?), Box::new(Self::new(b, names, read)?))
            }
        })
    }

    /// The label, where the filter reads no more than one.
    pub fn label(&self) -> Option<NameId> {
        match self {
            CompiledLabelFilter::Matcher(name, _)
            | CompiledLabelFilter::Number(name, ..)
            | CompiledLabelFilter::Duration(name, ..)
            | CompiledLabelFilter::Bytes(name, ..)
            | CompiledLabelFilter::Ip(name, ..) => Some(*name),
            CompiledLabelFilter::And(..) | CompiledLabelFilter::Or(..) => None,
        }
    }

    pub fn keeps(&self, work: &mut Work<'_>) -> bool {
        match self {
            CompiledLabelFilter::Matcher(name, matcher) => matcher.matches_value(work.value(*name, &matcher.name)),
            CompiledLabelFilter::Number(name, op, value) => compare(work, *name, *op, *value, parse_float),
            CompiledLabelFilter::Duration(name, op, value) => compare(work, *name, *op, *value, parse_duration),
            CompiledLabelFilter::Bytes(name, op, value) => compare(work, *name, *op, *value, parse_bytes),
            CompiledLabelFilter::Ip(name, op, pattern) => {
                if work.failed() {
                    return true;
                }
                let Some((value, _)) = work.get(*name) else { return false };
                pattern.found_in(value) == (*op == IpOp::Eq)
            }
            CompiledLabelFilter::And(a, b) => {
                let left = a.keeps(work);
                b.keeps(work) && left
            }
            CompiledLabelFilter::Or(a, b) => a.keeps(work) || b.keeps(work),
        }
    }
}

fn compare<T: PartialOrd>(
    work: &mut Work<'_>,
    name: NameId,
    op: CompareOp,
    want: T,
    read: impl Fn(&str) -> Result<T, ValueError>,
) -> bool {
    let Some((text, _)) = work.get(name) else { return false };
    match read(text) {
        Ok(value) => match op {
            CompareOp::Eq => value == want,
            CompareOp::NotEq => value != want,
            CompareOp::Gt => value > want,
            CompareOp::Gte => value >= want,
            CompareOp::Lt => value < want,
            CompareOp::Lte => value <= want,
        },
        Err(error) => {
            if !work.failed() {
                work.fail(ERROR, Some(&error.0));
            }
            true
        }
    }
}
