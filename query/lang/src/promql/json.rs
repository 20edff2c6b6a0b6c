//! Trees as JSON, in the form of Prometheus' `/api/v1/parse_query`.

use super::ast::*;
use crate::gotext::plain_float;
use gantry_model::{MatchOp, Matcher};
use serde_json::{Value, json};

impl Expr {
    /// The tree as `/api/v1/parse_query` answers it.
    pub fn to_json(&self) -> Value {
        match self {
            Expr::Number(e) => json!({"type": "numberLiteral", "val": plain_float(e.value)}),
            Expr::String(e) => json!({"type": "stringLiteral", "val": e.value}),
            Expr::Vector(e) => selector("vectorSelector", e),
            Expr::Matrix(e) => {
                let mut value = selector("matrixSelector", &e.vector);
                (value["range"], value["rangeExpr"]) = duration(Some(&e.range));
                value
            }
            Expr::Subquery(e) => subquery(e),
            Expr::Unary(e) => json!({"type": "unaryExpr", "op": e.sign(), "expr": e.expr.to_json()}),
            Expr::Binary(e) => json!({
                "type": "binaryExpr",
                "op": e.op.as_str(),
                "lhs": e.lhs.to_json(),
                "rhs": e.rhs.to_json(),
                "matching": e.matching.as_ref().map(matching),
                "bool": e.return_bool,
            }),
            Expr::Aggregate(e) => json!({
                "type": "aggregation",
                "op": e.op.as_str(),
                "expr": e.expr.to_json(),
                "param": e.param.as_ref().map(|param| param.to_json()),
                "grouping": e.grouping,
                "without": e.without,
            }),
            Expr::Call(e) => call(e),
            Expr::Paren(e) => json!({"type": "parenExpr", "expr": e.expr.to_json()}),
        }
    }
}

fn selector(kind: &str, vector: &VectorSelector) -> Value {
    let (offset, offset_expr) = duration(vector.offset.as_ref());
    let (timestamp, start_or_end) = at(vector.at);
    json!({
        "type": kind,
        "name": vector.name.as_deref().unwrap_or_default(),
        "offset": offset,
        "offsetExpr": offset_expr,
        "matchers": vector.selector.0.iter().map(matcher).collect::<Vec<_>>(),
        "timestamp": timestamp,
        "startOrEnd": start_or_end,
        "anchored": vector.extension == Some(Extension::Anchored),
        "smoothed": vector.extension == Some(Extension::Smoothed),
    })
}

fn subquery(subquery: &Subquery) -> Value {
    let (range, range_expr) = duration(Some(&subquery.range));
    let (step, step_expr) = duration(subquery.step.as_ref());
    let (offset, offset_expr) = duration(subquery.offset.as_ref());
    let (timestamp, start_or_end) = at(subquery.at);
    json!({
        "type": "subquery",
        "expr": subquery.expr.to_json(),
        "range": range,
        "rangeExpr": range_expr,
        "offset": offset,
        "offsetExpr": offset_expr,
        "step": step,
        "stepExpr": step_expr,
        "timestamp": timestamp,
        "startOrEnd": start_or_end,
    })
}

fn call(call: &Call) -> Value {
    let signature = call.function.signature();
    json!({
        "type": "call",
        "func": {
            "name": signature.name,
            "argTypes": signature.args.iter().map(|arg| arg.as_str()).collect::<Vec<_>>(),
            "variadic": signature.variadic,
            "returnType": signature.returns.as_str(),
        },
        "args": call.args.iter().map(Expr::to_json).collect::<Vec<_>>(),
    })
}

fn matching(matching: &VectorMatching) -> Value {
    json!({
        "card": matching.cardinality.as_str(),
        "labels": matching.labels,
        "on": matching.on,
        "include": matching.include,
        "fillValues": {"lhs": matching.fill_left, "rhs": matching.fill_right},
    })
}

fn matcher(matcher: &Matcher) -> Value {
    let kind = match matcher.op {
        MatchOp::Eq => "=",
        MatchOp::NotEq => "!=",
        MatchOp::Regex => "=~",
        MatchOp::NotRegex => "!~",
    };
    json!({"name": matcher.name, "value": matcher.value, "type": kind})
}

fn at(at: Option<At>) -> (Value, Value) {
    match at {
        Some(At::Timestamp(millis)) => (json!(millis), Value::Null),
        Some(At::Start) => (Value::Null, json!("start")),
        Some(At::End) => (Value::Null, json!("end")),
        None => (Value::Null, Value::Null),
    }
}

/// Milliseconds and the expression that gives them; one of both.
fn duration(duration: Option<&Duration>) -> (Value, Value) {
    match duration {
        Some(Duration::Nanos(nanos)) => (json!(nanos / 1_000_000), Value::Null),
        Some(Duration::Computed(expr)) => (json!(0), duration_expr(expr)),
        None => (json!(0), Value::Null),
    }
}

fn duration_expr(expr: &DurationExpr) -> Value {
    let node = |op: &str, lhs: Value, rhs: Value| json!({"type": "durationExpr", "op": op, "lhs": lhs, "rhs": rhs, "wrapped": false});
    match expr {
        DurationExpr::Number(number) => json!({
            "type": "numberLiteral",
            "val": plain_float(number.seconds),
            "duration": number.is_duration,
        }),
        DurationExpr::Step(_) => node("step", Value::Null, Value::Null),
        DurationExpr::Range(_) => node("range", Value::Null, Value::Null),
        DurationExpr::MinOf(a, b, _) => node("min_of", duration_expr(a), duration_expr(b)),
        DurationExpr::MaxOf(a, b, _) => node("max_of", duration_expr(a), duration_expr(b)),
        DurationExpr::Negative(inner, _) => node("-", Value::Null, duration_expr(inner)),
        DurationExpr::Positive(inner, _) => node("+", Value::Null, duration_expr(inner)),
        DurationExpr::Binary(op, a, b) => node(op.as_str(), duration_expr(a), duration_expr(b)),
        DurationExpr::Paren(inner, _) => {
            let mut value = duration_expr(inner);
            if matches!(**inner, DurationExpr::Number(_)) {
                value = node("+", Value::Null, value);
            }
            value["wrapped"] = true.into();
            value
        }
    }
}
