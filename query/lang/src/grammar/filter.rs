//! Line filters and label filters.

use super::Rule;
use super::log::push;
use crate::ParseError;
use crate::ast::*;
use crate::value::{Parts, Value};

pub(super) const RULES: &[Rule] = &[
    ("LineFilter", "LineOp STRING", |p| line_filter(p, LineAlternative::Text)),
    ("LineFilter", "LineOp ip ( STRING )", |p| line_filter(p, LineAlternative::Ip)),
    ("LineFilter", "LineFilter or Alternative", |p| {
        let LineFilterExpr { op, alternatives } = p.line_filter();
        Ok(Value::LineFilter(LineFilterExpr { op, alternatives: push(alternatives, p.alternative()) }))
    }),
    ("Alternative", "STRING", |p| Ok(Value::Alternative(LineAlternative::Text(p.text())))),
    ("Alternative", "ip ( STRING )", |p| Ok(Value::Alternative(LineAlternative::Ip(p.text())))),
    ("LineOp", "|=", |_| Ok(Value::LineOp(LineFilterOp::Contains))),
    ("LineOp", "!=", |_| Ok(Value::LineOp(LineFilterOp::NotContains))),
    ("LineOp", "|~", |_| Ok(Value::LineOp(LineFilterOp::Matches))),
    ("LineOp", "!~", |_| Ok(Value::LineOp(LineFilterOp::NotMatches))),
    ("LineOp", "|>", |_| Ok(Value::LineOp(LineFilterOp::Pattern))),
    ("LineOp", "!>", |_| Ok(Value::LineOp(LineFilterOp::NotPattern))),
    ("Filter", "Matcher", |p| Ok(Value::Filter(LabelFilter::Matcher(p.matcher())))),
    ("Filter", "IDENTIFIER = ip ( STRING )", |p| ip(p, IpOp::Eq)),
    ("Filter", "IDENTIFIER != ip ( STRING )", |p| ip(p, IpOp::NotEq)),
    ("Filter", "IDENTIFIER = Quantity", |p| quantity(p, CompareOp::Eq)),
    ("Filter", "IDENTIFIER == Quantity", |p| quantity(p, CompareOp::Eq)),
    ("Filter", "IDENTIFIER != Quantity", |p| quantity(p, CompareOp::NotEq)),
    ("Filter", "IDENTIFIER > Quantity", |p| quantity(p, CompareOp::Gt)),
    ("Filter", "IDENTIFIER >= Quantity", |p| quantity(p, CompareOp::Gte)),
    ("Filter", "IDENTIFIER < Quantity", |p| quantity(p, CompareOp::Lt)),
    ("Filter", "IDENTIFIER <= Quantity", |p| quantity(p, CompareOp::Lte)),
    ("Quantity", "DURATION", |p| Ok(Value::Nanos(p.nanos()))),
    ("Quantity", "BYTES", |p| Ok(Value::Bytes(p.bytes()))),
    ("Quantity", "Literal", |p| Ok(Value::Number(p.number()))),
    ("Filter", "( Filter )", |p| Ok(Value::Filter(p.filter()))),
    ("Filter", "Filter Filter", |p| both(p, LabelFilter::And)),
    ("Filter", "Filter and Filter", |p| both(p, LabelFilter::And)),
    ("Filter", "Filter , Filter", |p| both(p, LabelFilter::And)),
    ("Filter", "Filter or Filter", |p| both(p, LabelFilter::Or)),
];

fn line_filter(parts: &mut Parts<'_>, alternative: fn(String) -> LineAlternative) -> Result<Value, ParseError> {
    let (op, text) = (parts.line_op(), parts.text());
    Ok(Value::LineFilter(LineFilterExpr { op, alternatives: vec![alternative(text)] }))
}

fn ip(parts: &mut Parts<'_>, op: IpOp) -> Result<Value, ParseError> {
    Ok(Value::Filter(LabelFilter::Ip { label: parts.text(), op, pattern: parts.text() }))
}

fn quantity(parts: &mut Parts<'_>, op: CompareOp) -> Result<Value, ParseError> {
    let label = parts.text();
    let filter = match parts.next_value() {
        Value::Nanos(nanos) => LabelFilter::Duration { label, op, nanos },
        Value::Bytes(bytes) => LabelFilter::Bytes { label, op, bytes },
        Value::Number(value) => LabelFilter::Number { label, op, value },
        other => unreachable!("a quantity is a duration, a size or a number, not {other:?}"),
    };
    Ok(Value::Filter(filter))
}

fn both(
    parts: &mut Parts<'_>,
    join: fn(Box<LabelFilter>, Box<LabelFilter>) -> LabelFilter,
) -> Result<Value, ParseError> {
    Ok(Value::Filter(join(Box::new(parts.filter()), Box::new(parts.filter()))))
}
