//! From text to syntax tree, with the errors that Loki's clients know.

use crate::QueryError;
use gantry_model::Selector;
use gantry_query_eval::Templates;
use gantry_query_lang::ast::{Expr, MetricExpr};
use gantry_query_lang::{ParseError, parse_with};

/// Reads a query. Loki refuses selectors that match everything; `allow_all` lets the first of a query through.
pub fn parse(text: &str, allow_all: bool) -> Result<Expr, QueryError> {
    let refused = match parse_with(text, &Templates) {
        Ok(expr) => return Ok(expr),
        Err(error) => error,
    };
    let lenient = if allow_all && selects_nothing(&refused) { parse_unselective(text) } else { None };
    lenient.ok_or_else(|| QueryError::invalid(refused.to_string()))
}

/// A selector as the listings of labels and series take it: it may match everything.
pub fn selector(text: &str) -> Result<Selector, QueryError> {
    only_selector(parse(text, true)?)
}

/// A selector that must not match everything.
pub fn strict_selector(text: &str) -> Result<Selector, QueryError> {
    only_selector(parse(text, false)?)
}

fn only_selector(expr: Expr) -> Result<Selector, QueryError> {
    match expr {
        Expr::Log(log) if log.stages.is_empty() => Ok(log.selector),
        _ => Err(QueryError::invalid("only label matchers are supported")),
    }
}

/// The query, pretty-printed.
pub fn format(text: &str) -> Result<String, QueryError> {
    Ok(parse(text, false)?.pretty())
}

fn selects_nothing(error: &ParseError) -> bool {
    error.message.starts_with("queries require at least one regexp or equality matcher")
}

/// A name that no stream has.
const NOBODY: &str = "__gantry_any__";

/// Puts a matcher that selects into the first selector, and takes it out of the tree again.
fn parse_unselective(text: &str) -> Option<Expr> {
    let (before, after) = text.split_once('{')?;
    let comma = if after.trim_start().starts_with('}') { "" } else { "," };
    let mut expr = parse_with(&format!("{before}{{{NOBODY}!=\"\"{comma}{after}"), &Templates).ok()?;
    match &mut expr {
        Expr::Log(log) => retain(&mut log.selector),
        Expr::Metric(metric) => retain_in(metric),
    }
    Some(expr)
}

fn retain(selector: &mut Selector) {
    selector.0.retain(|matcher| matcher.name != NOBODY);
}

fn retain_in(metric: &mut MetricExpr) {
    match metric {
        MetricExpr::Range(range) => retain(&mut range.log.selector),
        MetricExpr::Vector(vector) => retain_in(&mut vector.inner),
        MetricExpr::LabelReplace(replace) => retain_in(&mut replace.inner),
        MetricExpr::Binary(binary) => {
            retain_in(&mut binary.lhs);
            retain_in(&mut binary.rhs);
        }
        MetricExpr::VectorLiteral(_) | MetricExpr::Literal(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selector_for_everything_needs_permission() {
        assert!(parse("{} |= \"x\"", false).is_err());
        let Expr::Log(log) = parse("{} |= \"x\"", true).unwrap() else { panic!("a log query") };
        assert_eq!(log.selector, Selector::all());
        assert_eq!(selector("{app=~\".*\"}").unwrap().0.len(), 1);
        assert!(parse("sum(count_over_time({}[1m]))", true).is_ok());
    }

    #[test]
    fn a_pipeline_is_no_selector() {
        assert_eq!(selector("{app=\"a\"} |= \"x\"").unwrap_err().to_string(), "only label matchers are supported");
    }
}
