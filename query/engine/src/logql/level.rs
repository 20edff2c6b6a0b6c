//! `detected_level`: there only for queries that name it.

use gantry_model::{LabelSet, metadata};
use gantry_query_eval::detect::detected_level;
use gantry_query_lang::ast::{DropKeep, LabelFilter, LabelFormat, LabelFormatValue, LogExpr, MetricExpr, Stage};

const LEVEL: &str = "detected_level";

/// Whether the stages of a log expression name it.
pub fn in_log(log: &LogExpr) -> bool {
    log.stages.iter().any(in_stage)
}

/// Whether any part of a metric expression names it.
pub fn in_metric(metric: &MetricExpr) -> bool {
    let listed = |labels: &[String]| labels.iter().any(|label| label == LEVEL);
    match metric {
        MetricExpr::Range(range) => {
            let unwrap = range.unwrap.as_ref().is_some_and(|unwrap| unwrap.filters.iter().any(in_filter));
            in_log(&range.log) || unwrap || range.grouping.as_ref().is_some_and(|g| listed(&g.labels))
        }
        MetricExpr::Vector(vector) => {
            in_metric(&vector.inner) || vector.grouping.as_ref().is_some_and(|g| listed(&g.labels))
        }
        MetricExpr::Binary(binary) => {
            let matching = binary.matching.as_ref().is_some_and(|m| listed(&m.labels) || listed(&m.include));
            in_metric(&binary.lhs) || in_metric(&binary.rhs) || matching
        }
        MetricExpr::LabelReplace(replace) => in_metric(&replace.inner) || replace.src == LEVEL,
        MetricExpr::VectorLiteral(_) | MetricExpr::Literal(_) => false,
    }
}

fn in_stage(stage: &Stage) -> bool {
    let format = |format: &LabelFormat| match &format.value {
        LabelFormatValue::Rename(from) => from == LEVEL,
        LabelFormatValue::Template(template) => template.contains(LEVEL),
    };
    let selected = |entry: &DropKeep| match entry {
        DropKeep::Name(name) => name == LEVEL,
        DropKeep::Matcher(matcher) => matcher.name == LEVEL,
    };
    match stage {
        Stage::LabelFilter(filter) => in_filter(filter),
        Stage::LineFormat(template) => template.contains(LEVEL),
        Stage::LabelFormat(formats) => formats.iter().any(format),
        Stage::Drop(entries) | Stage::Keep(entries) => entries.iter().any(selected),
        _ => false,
    }
}

fn in_filter(filter: &LabelFilter) -> bool {
    match filter {
        LabelFilter::Matcher(matcher) => matcher.name == LEVEL,
        LabelFilter::Number { label, .. }
        | LabelFilter::Duration { label, .. }
        | LabelFilter::Bytes { label, .. }
        | LabelFilter::Ip { label, .. } => label == LEVEL,
        LabelFilter::And(one, other) | LabelFilter::Or(one, other) => in_filter(one) || in_filter(other),
    }
}

/// Writes `metadata` with the level of the line added into `out`, unless the line has one already.
pub fn add(labels: &LabelSet, metadata: &str, body: &str, out: &mut String) {
    out.clear();
    let pairs: Vec<_> = metadata::iter(metadata).collect();
    if pairs.iter().any(|(name, _)| name == LEVEL) || labels.get(LEVEL).is_some() {
        return out.push_str(metadata);
    }
    let level = detected_level(labels.iter(), metadata, body);
    let pairs = pairs.iter().map(|(name, value)| (&**name, &**value));
    metadata::encode(pairs.chain([(LEVEL, &*level)]), out);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logql::parse;
    use gantry_query_lang::ast::Expr;

    fn named(query: &str) -> bool {
        match parse(query, false).unwrap() {
            Expr::Log(log) => in_log(&log),
            Expr::Metric(metric) => in_metric(&metric),
        }
    }

    #[test]
    fn queries_that_name_the_level_are_told_apart() {
        assert!(named(r#"sum by (level, detected_level) (count_over_time({app="a"}[1m]))"#));
        assert!(named(r#"{app="a"} | detected_level="error""#));
        assert!(!named(r#"{app="a"} |= "detected_level""#));
        assert!(!named(r#"count_over_time({app="a"}[1m])"#));
    }

    #[test]
    fn the_level_joins_the_metadata() {
        let mut out = String::new();
        add(&LabelSet::default(), r#"{"a":"1","z":"2"}"#, "WARN x", &mut out);
        assert_eq!(out, r#"{"a":"1","detected_level":"warn","z":"2"}"#);
    }
}
