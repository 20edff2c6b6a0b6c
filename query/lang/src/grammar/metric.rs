//! Aggregation of series, arithmetic, and the other ways to make numbers.

use super::Rule;
use super::range::token;
use crate::ast::*;
use crate::value::{Modifier, Parts, Value};
use crate::{ParseError, check, gotext};

pub(super) const RULES: &[Rule] = &[
    ("Metric", "RangeAggregation", |p| Ok(Value::Metric(p.metric()))),
    ("Metric", "VectorAggregation", |p| Ok(Value::Metric(p.metric()))),
    ("Metric", "Binary", |p| Ok(Value::Metric(p.metric()))),
    ("Metric", "Literal", |p| Ok(Value::Metric(MetricExpr::Literal(p.number())))),
    ("Metric", "LabelReplace", |p| Ok(Value::Metric(p.metric()))),
    ("Metric", "VectorLiteral", |p| Ok(Value::Metric(p.metric()))),
    ("Metric", "( Metric )", |p| Ok(Value::Metric(p.metric()))),
    ("Literal", "NUMBER", |p| literal(p, 1.0)),
    ("Literal", "+ NUMBER", |p| literal(p, 1.0)),
    ("Literal", "- NUMBER", |p| literal(p, -1.0)),
    ("VectorLiteral", "VECTOR ( NUMBER )", |p| Ok(Value::Metric(MetricExpr::VectorLiteral(float(&p.text())?)))),
    ("VectorAggregation", "VectorOp ( Metric )", |p| vector(p, false, Side::None)),
    ("VectorAggregation", "VectorOp Grouping ( Metric )", |p| vector(p, false, Side::Before)),
    ("VectorAggregation", "VectorOp ( Metric ) Grouping", |p| vector(p, false, Side::After)),
    ("VectorAggregation", "VectorOp ( NUMBER , Metric )", |p| vector(p, true, Side::None)),
    ("VectorAggregation", "VectorOp ( NUMBER , Metric ) Grouping", |p| vector(p, true, Side::After)),
    ("VectorAggregation", "VectorOp Grouping ( NUMBER , Metric )", |p| vector(p, true, Side::Before)),
    ("VectorOp", "SUM", token),
    ("VectorOp", "AVG", token),
    ("VectorOp", "COUNT", token),
    ("VectorOp", "MAX", token),
    ("VectorOp", "MIN", token),
    ("VectorOp", "STDDEV", token),
    ("VectorOp", "STDVAR", token),
    ("VectorOp", "BOTTOMK", token),
    ("VectorOp", "TOPK", token),
    ("VectorOp", "APPROX_TOPK", token),
    ("VectorOp", "SORT", token),
    ("VectorOp", "SORT_DESC", token),
    ("LabelReplace", "LABEL_REPLACE ( Metric , STRING , STRING , STRING , STRING )", label_replace),
    ("Binary", "Expr or Modifier Expr", |p| binary(p, BinaryOp::Or)),
    ("Binary", "Expr and Modifier Expr", |p| binary(p, BinaryOp::And)),
    ("Binary", "Expr unless Modifier Expr", |p| binary(p, BinaryOp::Unless)),
    ("Binary", "Expr + Modifier Expr", |p| binary(p, BinaryOp::Add)),
    ("Binary", "Expr - Modifier Expr", |p| binary(p, BinaryOp::Sub)),
    ("Binary", "Expr * Modifier Expr", |p| binary(p, BinaryOp::Mul)),
    ("Binary", "Expr / Modifier Expr", |p| binary(p, BinaryOp::Div)),
    ("Binary", "Expr % Modifier Expr", |p| binary(p, BinaryOp::Mod)),
    ("Binary", "Expr ^ Modifier Expr", |p| binary(p, BinaryOp::Pow)),
    ("Binary", "Expr == Modifier Expr", |p| binary(p, BinaryOp::Eq)),
    ("Binary", "Expr != Modifier Expr", |p| binary(p, BinaryOp::NotEq)),
    ("Binary", "Expr > Modifier Expr", |p| binary(p, BinaryOp::Gt)),
    ("Binary", "Expr >= Modifier Expr", |p| binary(p, BinaryOp::Gte)),
    ("Binary", "Expr < Modifier Expr", |p| binary(p, BinaryOp::Lt)),
    ("Binary", "Expr <= Modifier Expr", |p| binary(p, BinaryOp::Lte)),
    ("Bool", "", |_| Ok(Value::Modifier(Modifier::default()))),
    ("Bool", "bool", |_| Ok(Value::Modifier(Modifier { return_bool: true, matching: None }))),
    ("Matching", "Bool on ( Names )", |p| matching(p, true, true)),
    ("Matching", "Bool on ( )", |p| matching(p, true, false)),
    ("Matching", "Bool ignoring ( Names )", |p| matching(p, false, true)),
    ("Matching", "Bool ignoring ( )", |p| matching(p, false, false)),
    ("Modifier", "Bool", |p| Ok(Value::Modifier(p.modifier()))),
    ("Modifier", "Matching", |p| Ok(Value::Modifier(p.modifier()))),
    ("Modifier", "Matching group_left", |p| grouped(p, VectorCardinality::ManyToOne, false)),
    ("Modifier", "Matching group_left ( )", |p| grouped(p, VectorCardinality::ManyToOne, false)),
    ("Modifier", "Matching group_left ( Names )", |p| grouped(p, VectorCardinality::ManyToOne, true)),
    ("Modifier", "Matching group_right", |p| grouped(p, VectorCardinality::OneToMany, false)),
    ("Modifier", "Matching group_right ( )", |p| grouped(p, VectorCardinality::OneToMany, false)),
    ("Modifier", "Matching group_right ( Names )", |p| grouped(p, VectorCardinality::OneToMany, true)),
];

/// On which side of its argument an aggregation is grouped.
#[derive(Clone, Copy, PartialEq)]
enum Side {
    None,
    Before,
    After,
}

fn literal(parts: &mut Parts<'_>, sign: f64) -> Result<Value, ParseError> {
    Ok(Value::Number(sign * float(&parts.text())?))
}

fn float(text: &str) -> Result<f64, ParseError> {
    let refused = |_| {
        let number = gotext::quote(text);
        let cause = format!("strconv.ParseFloat: parsing {number}: invalid syntax");
        ParseError::whole(format!("unable to parse literal as a float: {cause}"))
    };
    text.parse().map_err(refused)
}

fn vector(parts: &mut Parts<'_>, has_param: bool, side: Side) -> Result<Value, ParseError> {
    let token = parts.token();
    let named = |op: &&VectorOp| op.as_str().eq_ignore_ascii_case(token.name());
    let op = *VectorOp::ALL.iter().find(named).expect("every aggregation token names a function");
    let before = (side == Side::Before).then(|| parts.grouping());
    let param = has_param.then(|| parts.text());
    let inner = Box::new(parts.metric());
    let grouping = before.or_else(|| (side == Side::After).then(|| parts.grouping()));
    if let Some(message) = fault(op, param.as_deref(), grouping.is_some()) {
        parts.report(message);
    }
    // `by ()` is one group, as no grouping is.
    let grouping = grouping.filter(|g| g.without || !g.labels.is_empty());
    let param = param.and_then(|text| text.parse().ok());
    Ok(Value::Metric(MetricExpr::Vector(VectorAggregation { op, param, grouping, inner })))
}

fn fault(op: VectorOp, param: Option<&str>, groups: bool) -> Option<String> {
    use VectorOp::*;
    let name = op.as_str();
    Some(match (op, param) {
        (Topk | Bottomk | ApproxTopk, None) => format!("parameter required for operation {name}"),
        (Topk | Bottomk | ApproxTopk, Some(k)) => match k.parse::<i64>() {
            Err(_) => format!("invalid parameter {name}({k},"),
            Ok(..=0) => format!("invalid parameter (must be greater than 0) {name}({k}"),
            Ok(_) if groups && op == ApproxTopk => format!("grouping not allowed for {name} aggregation"),
            Ok(_) => return None,
        },
        (_, Some(k)) => format!("unsupported parameter for operation {name}({k},"),
        (Sort | SortDesc, None) if groups => "sort and sort_desc doesn't allow grouping by".into(),
        _ => return None,
    })
}

fn label_replace(parts: &mut Parts<'_>) -> Result<Value, ParseError> {
    let inner = Box::new(parts.metric());
    let (dst, replacement, src, regex) = (parts.text(), parts.text(), parts.text(), parts.text());
    if let Err(cause) = check::regex(&format!("^(?:{regex})$")) {
        parts.report(format!("invalid regex in label_replace: {cause}"));
    }
    Ok(Value::Metric(MetricExpr::LabelReplace(LabelReplace { inner, dst, replacement, src, regex })))
}

fn matching(parts: &mut Parts<'_>, on: bool, has_labels: bool) -> Result<Value, ParseError> {
    let Modifier { return_bool, .. } = parts.modifier();
    let labels = if has_labels { parts.names() } else { Vec::new() };
    let matching = VectorMatching { on, labels, cardinality: VectorCardinality::OneToOne, include: Vec::new() };
    Ok(Value::Modifier(Modifier { return_bool, matching: Some(matching) }))
}

fn grouped(parts: &mut Parts<'_>, cardinality: VectorCardinality, has_labels: bool) -> Result<Value, ParseError> {
    let Modifier { return_bool, matching } = parts.modifier();
    let include = if has_labels { parts.names() } else { Vec::new() };
    let matching = matching.map(|matching| VectorMatching { cardinality, include, ..matching });
    Ok(Value::Modifier(Modifier { return_bool, matching }))
}

fn binary(parts: &mut Parts<'_>, op: BinaryOp) -> Result<Value, ParseError> {
    let (lhs, modifier, rhs) = (parts.expr(), parts.modifier(), parts.expr());
    let fault = operand_fault(&lhs, op, "left").or_else(|| operand_fault(&rhs, op, "right"));
    if let Some(message) =
        fault.or_else(|| literal_fault(&lhs, op, "left")).or_else(|| literal_fault(&rhs, op, "right"))
    {
        parts.report(message);
    }
    Ok(Value::Metric(match (lhs, rhs) {
        (Expr::Metric(MetricExpr::Literal(a)), Expr::Metric(MetricExpr::Literal(b))) => {
            MetricExpr::Literal(op.apply(a, b))
        }
        (Expr::Metric(lhs), Expr::Metric(rhs)) => {
            let Modifier { return_bool, matching } = modifier;
            let (lhs, rhs) = (Box::new(lhs), Box::new(rhs));
            MetricExpr::Binary(BinaryExpr { op, lhs, rhs, return_bool, matching })
        }
        // The fault is reported; what stands here is never seen.
        _ => MetricExpr::Literal(0.0),
    }))
}

/// Operators work on numbers.
fn operand_fault(leg: &Expr, op: BinaryOp, side: &str) -> Option<String> {
    let Expr::Log(log) = leg else { return None };
    let kind = if log.stages.is_empty() { "MatchersExpr" } else { "PipelineExpr" };
    let op = op.as_str();
    Some(format!("unexpected type for {side} leg of binary operation ({op}): *syntax.{kind}"))
}

/// Sets are made of series; a bare number is none.
fn literal_fault(leg: &Expr, op: BinaryOp, side: &str) -> Option<String> {
    match leg {
        Expr::Metric(MetricExpr::Literal(value)) if op.is_set() => {
            let op = op.as_str();
            Some(format!("unexpected literal for {side} leg of logical/set binary operation ({op}): {value:.6}"))
        }
        _ => None,
    }
}
