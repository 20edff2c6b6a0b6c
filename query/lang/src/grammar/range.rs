//! Ranges of lines and the functions over them.

use super::Rule;
use super::log::{log, push};
use crate::ParseError;
use crate::ast::*;
use crate::lex::Token;
use crate::value::{LogRange, Parts, Value, Window};

pub(super) const RULES: &[Rule] = &[
    ("RangeAggregation", "RangeOp ( LogRange )", |p| aggregation(p, false, false)),
    ("RangeAggregation", "RangeOp ( LogRange ) Grouping", |p| aggregation(p, false, true)),
    ("RangeAggregation", "RangeOp ( NUMBER , LogRange )", |p| aggregation(p, true, false)),
    ("RangeAggregation", "RangeOp ( NUMBER , LogRange ) Grouping", |p| aggregation(p, true, true)),
    ("RangeOp", "COUNT_OVER_TIME", token),
    ("RangeOp", "RATE", token),
    ("RangeOp", "RATE_COUNTER", token),
    ("RangeOp", "BYTES_OVER_TIME", token),
    ("RangeOp", "BYTES_RATE", token),
    ("RangeOp", "AVG_OVER_TIME", token),
    ("RangeOp", "SUM_OVER_TIME", token),
    ("RangeOp", "MIN_OVER_TIME", token),
    ("RangeOp", "MAX_OVER_TIME", token),
    ("RangeOp", "STDVAR_OVER_TIME", token),
    ("RangeOp", "STDDEV_OVER_TIME", token),
    ("RangeOp", "QUANTILE_OVER_TIME", token),
    ("RangeOp", "FIRST_OVER_TIME", token),
    ("RangeOp", "LAST_OVER_TIME", token),
    ("RangeOp", "ABSENT_OVER_TIME", token),
    ("LogRange", "Selector Window", |p| Ok(range(log(p.matchers(), vec![]), None, p.window()))),
    ("LogRange", "Selector Window Unwrap", window_unwrap),
    ("LogRange", "Selector Window Pipeline", window_pipeline),
    ("LogRange", "Selector Window Pipeline Unwrap", window_pipeline_unwrap),
    ("LogRange", "Selector Unwrap Window", unwrap_window),
    ("LogRange", "Selector Pipeline Window", |p| Ok(range(log(p.matchers(), p.stages()), None, p.window()))),
    ("LogRange", "Selector Pipeline Unwrap Window", pipeline_unwrap_window),
    ("LogRange", "( Selector ) Window", |p| Ok(range(log(p.matchers(), vec![]), None, p.window()))),
    ("LogRange", "( Selector ) Window Unwrap", window_unwrap),
    ("LogRange", "( Selector Unwrap ) Window", unwrap_window),
    ("LogRange", "( Selector Pipeline ) Window", |p| Ok(range(log(p.matchers(), p.stages()), None, p.window()))),
    ("LogRange", "( Selector Pipeline Unwrap ) Window", pipeline_unwrap_window),
    ("LogRange", "( LogRange )", |p| Ok(Value::LogRange(p.log_range()))),
    ("Window", "RANGE", |p| Ok(Value::Window(Window { range: p.nanos(), offset: 0 }))),
    ("Window", "RANGE offset DURATION", |p| Ok(Value::Window(Window { range: p.nanos(), offset: p.nanos() }))),
    ("Unwrap", "| unwrap IDENTIFIER", |p| Ok(unwrap(p.text(), None))),
    ("Unwrap", "| unwrap BYTES_CONV ( IDENTIFIER )", |p| Ok(unwrap(p.text(), Some(UnwrapConversion::Bytes)))),
    ("Unwrap", "| unwrap DURATION_CONV ( IDENTIFIER )", |p| Ok(unwrap(p.text(), Some(UnwrapConversion::Duration)))),
    ("Unwrap", "| unwrap DURATION_SECONDS_CONV ( IDENTIFIER )", |p| {
        Ok(unwrap(p.text(), Some(UnwrapConversion::DurationSeconds)))
    }),
    ("Unwrap", "Unwrap | Filter", |p| {
        let mut unwrap = p.unwrap_expr();
        unwrap.filters.push(p.filter());
        Ok(Value::Unwrap(unwrap))
    }),
    ("Grouping", "by ( Names )", |p| Ok(grouping(false, p.names()))),
    ("Grouping", "without ( Names )", |p| Ok(grouping(true, p.names()))),
    ("Grouping", "by ( )", |_| Ok(grouping(false, vec![]))),
    ("Grouping", "without ( )", |_| Ok(grouping(true, vec![]))),
    ("Names", "IDENTIFIER", |p| Ok(Value::Names(vec![p.text()]))),
    ("Names", "Names , IDENTIFIER", |p| Ok(Value::Names(push(p.names(), p.text())))),
];

pub(super) fn token(parts: &mut Parts<'_>) -> Result<Value, ParseError> {
    Ok(Value::Token(parts.token()))
}

fn range(log: LogExpr, unwrap: Option<Unwrap>, window: Window) -> Value {
    Value::LogRange(LogRange { log, unwrap, window })
}

fn window_unwrap(parts: &mut Parts<'_>) -> Result<Value, ParseError> {
    let (matchers, window) = (parts.matchers(), parts.window());
    Ok(range(log(matchers, vec![]), Some(parts.unwrap_expr()), window))
}

fn unwrap_window(parts: &mut Parts<'_>) -> Result<Value, ParseError> {
    Ok(range(log(parts.matchers(), vec![]), Some(parts.unwrap_expr()), parts.window()))
}

fn window_pipeline(parts: &mut Parts<'_>) -> Result<Value, ParseError> {
    let (matchers, window) = (parts.matchers(), parts.window());
    Ok(range(log(matchers, parts.stages()), None, window))
}

fn window_pipeline_unwrap(parts: &mut Parts<'_>) -> Result<Value, ParseError> {
    let (matchers, window) = (parts.matchers(), parts.window());
    Ok(range(log(matchers, parts.stages()), Some(parts.unwrap_expr()), window))
}

fn pipeline_unwrap_window(parts: &mut Parts<'_>) -> Result<Value, ParseError> {
    Ok(range(log(parts.matchers(), parts.stages()), Some(parts.unwrap_expr()), parts.window()))
}

fn unwrap(label: String, conversion: Option<UnwrapConversion>) -> Value {
    Value::Unwrap(Unwrap { label, conversion, filters: Vec::new() })
}

fn grouping(without: bool, labels: Vec<String>) -> Value {
    Value::Grouping(Grouping { without, labels })
}

fn aggregation(parts: &mut Parts<'_>, has_param: bool, has_grouping: bool) -> Result<Value, ParseError> {
    let op = range_op(parts.token());
    let param = has_param.then(|| parts.text());
    let LogRange { log, unwrap, window } = parts.log_range();
    let grouping = has_grouping.then(|| parts.grouping());
    if let Some(message) = fault(op, param.as_deref(), unwrap.is_some(), grouping.is_some()) {
        parts.report(message);
    }
    Ok(Value::Metric(MetricExpr::Range(RangeAggregation {
        op,
        param: param.and_then(|text| text.parse().ok()),
        log,
        unwrap,
        range_nanos: window.range,
        offset_nanos: window.offset,
        grouping,
    })))
}

/// What contradicts the function, if anything.
fn fault(op: RangeOp, param: Option<&str>, unwraps: bool, groups: bool) -> Option<String> {
    use RangeOp::*;
    let name = op.as_str();
    let quantile = op == QuantileOverTime;
    let counts_lines = matches!(op, CountOverTime | BytesOverTime | BytesRate);
    Some(match param {
        Some(param) if !quantile => format!("parameter {param} not supported for operation {name}"),
        None if quantile => format!("parameter required for operation {name}"),
        Some(param) if param.parse::<f64>().is_err() => {
            let number = crate::gotext::quote(param);
            format!("invalid parameter for operation {name}: strconv.ParseFloat: parsing {number}: invalid syntax")
        }
        _ if groups && !op.can_group() => format!("grouping not allowed for {name} aggregation"),
        _ if unwraps && counts_lines => format!("invalid aggregation {name} with unwrap"),
        _ if !unwraps && !counts_lines && !matches!(op, Rate | AbsentOverTime) => {
            format!("invalid aggregation {name} without unwrap")
        }
        _ => return None,
    })
}

fn range_op(token: Token) -> RangeOp {
    let named = |op: &&RangeOp| op.as_str().eq_ignore_ascii_case(token.name());
    *RangeOp::ALL.iter().find(named).expect("every range token names a function")
}
