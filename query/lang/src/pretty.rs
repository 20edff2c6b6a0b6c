//! A tree as indented text: what fits on a line stays on one, what does not is broken at stages, arguments and
//! operators.

use crate::ast::*;
use crate::duration::format_prometheus_duration;
use crate::gotext::{plain_float, quote};
use crate::print::{operator, selector};
use std::cmp::Ordering;
use std::fmt::Display;

/// Characters of an expression that stays on one line.
const LINE: usize = 100;

impl Expr {
    /// The query as `/loki/api/v1/format_query` answers it.
    pub fn pretty(&self) -> String {
        match self {
            Expr::Log(log) => pretty_log(log, 0),
            Expr::Metric(metric) => pretty_metric(metric, 0),
        }
    }
}

fn indented(level: usize, text: impl Display) -> String {
    format!("{}{text}", "  ".repeat(level))
}

fn pretty_log(log: &LogExpr, level: usize) -> String {
    let whole = log.to_string();
    if log.stages.is_empty() || whole.len() <= LINE {
        return indented(level, whole);
    }
    let mut lines = vec![indented(level, selector(&log.selector))];
    let mut stages = log.stages.iter().peekable();
    while let Some(stage) = stages.next() {
        let mut line = stage.to_string();
        // Neighbouring line filters are one filter.
        while let (Stage::LineFilter(_), Some(next @ Stage::LineFilter(_))) = (stage, stages.peek()) {
            line += &format!(" {next}");
            stages.next();
        }
        lines.push(indented(level + 1, line));
    }
    lines.join("\n")
}

fn pretty_metric(metric: &MetricExpr, level: usize) -> String {
    let whole = metric.to_string();
    if whole.len() <= LINE {
        return indented(level, whole);
    }
    match metric {
        MetricExpr::Range(range) => pretty_range(range, level),
        MetricExpr::Vector(vector) => {
            let grouping = vector.grouping.as_ref().map_or(String::new(), |g| format!(" {g}"));
            let param = vector.param.map(|param| indented(level + 1, param));
            let arguments: Vec<String> = param.into_iter().chain([pretty_metric(&vector.inner, level + 1)]).collect();
            call(&format!("{}{grouping}", vector.op.as_str()), &arguments, level)
        }
        MetricExpr::Binary(binary) => {
            let lhs = pretty_operand(&binary.lhs, binary.op, false, level + 1);
            let rhs = pretty_operand(&binary.rhs, binary.op, true, level + 1);
            format!("{lhs}\n{}\n{rhs}", indented(level, operator(binary, &rhs)))
        }
        MetricExpr::LabelReplace(replace) => {
            let texts = [&replace.dst, &replace.replacement, &replace.src, &replace.regex];
            let texts = texts.into_iter().map(|text| indented(level + 1, quote(text)));
            let arguments: Vec<String> = [pretty_metric(&replace.inner, level + 1)].into_iter().chain(texts).collect();
            call("label_replace", &arguments, level)
        }
        MetricExpr::VectorLiteral(_) | MetricExpr::Literal(_) => indented(level, whole),
    }
}

/// One leg of an operator. An operation that is broken into lines has lost its parentheses and gets them back where
/// the query would otherwise mean something else.
fn pretty_operand(operand: &MetricExpr, parent: BinaryOp, is_right: bool, level: usize) -> String {
    let MetricExpr::Binary(BinaryExpr { op, .. }) = operand else { return pretty_metric(operand, level) };
    let pulled_apart = match op.strength().cmp(&parent.strength()) {
        Ordering::Less => true,
        Ordering::Equal => is_right == (parent != BinaryOp::Pow),
        Ordering::Greater => false,
    };
    if pulled_apart && operand.to_string().len() > LINE {
        return format!("{}(\n{}\n{})", "  ".repeat(level), pretty_metric(operand, level + 1), "  ".repeat(level));
    }
    pretty_metric(operand, level)
}

/// Each argument, indented already, on its own line.
fn call(name: &str, arguments: &[String], level: usize) -> String {
    format!("{}(\n{}\n{})", indented(level, name), arguments.join(",\n"), "  ".repeat(level))
}

fn pretty_range(range: &RangeAggregation, level: usize) -> String {
    let mut log = pretty_log(&range.log, level + 1);
    if let Some(unwrap) = &range.unwrap {
        log += &format!("\n{}", indented(level + 2, unwrap));
    }
    log += &format!(" [{}]", format_prometheus_duration(range.range_nanos));
    if range.offset_nanos != 0 {
        log += &format!(" offset {}", format_prometheus_duration(range.offset_nanos));
    }
    let param = range.param.map(|param| indented(level + 1, plain_float(param)));
    let arguments: Vec<String> = param.into_iter().chain([log]).collect();
    let grouping = range.grouping.as_ref().map_or(String::new(), |g| format!(" {g}"));
    format!("{}{grouping}", call(range.op.as_str(), &arguments, level))
}
