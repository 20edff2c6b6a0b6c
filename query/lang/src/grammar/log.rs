//! Selectors, pipelines and the stages that are no filters.

use super::Rule;
use crate::ParseError;
use crate::ast::*;
use crate::check;
use crate::lex::{KEEP_EMPTY, STRICT};
use crate::value::{Parts, Value};
use gantry_model::{MatchOp, Matcher, Selector};

const NO_SELECTIVE_MATCHER: &str = "queries require at least one regexp or equality matcher that does not have an \
     empty-compatible value. For instance, app=~\".*\" does not meet this requirement, but app=~\".+\" will";

pub(super) const RULES: &[Rule] = &[
    ("Start", "Expr", |p| Ok(Value::Expr(p.expr()))),
    ("Expr", "Log", |p| Ok(Value::Expr(Expr::Log(p.log())))),
    ("Expr", "Metric", |p| Ok(Value::Expr(Expr::Metric(p.metric())))),
    ("Log", "Selector", |p| Ok(Value::Log(log(p.matchers(), Vec::new())))),
    ("Log", "Selector Pipeline", |p| Ok(Value::Log(log(p.matchers(), p.stages())))),
    ("Log", "( Log )", |p| Ok(Value::Log(p.log()))),
    ("Selector", "{ Matchers }", |p| selector(p)),
    ("Selector", "{ }", |p| {
        p.report(NO_SELECTIVE_MATCHER.into());
        Ok(Value::Matchers(Vec::new()))
    }),
    ("Matchers", "Matcher", |p| Ok(Value::Matchers(vec![p.matcher()]))),
    ("Matchers", "Matchers , Matcher", |p| Ok(Value::Matchers(push(p.matchers(), p.matcher())))),
    ("Matcher", "IDENTIFIER = STRING", |p| matcher(p, MatchOp::Eq)),
    ("Matcher", "IDENTIFIER != STRING", |p| matcher(p, MatchOp::NotEq)),
    ("Matcher", "IDENTIFIER =~ STRING", |p| matcher(p, MatchOp::Regex)),
    ("Matcher", "IDENTIFIER !~ STRING", |p| matcher(p, MatchOp::NotRegex)),
    ("Pipeline", "Stage", |p| Ok(Value::Stages(vec![p.stage()]))),
    ("Pipeline", "Pipeline Stage", |p| Ok(Value::Stages(push(p.stages(), p.stage())))),
    ("Stage", "LineFilter", |p| Ok(Value::Stage(Stage::LineFilter(p.line_filter())))),
    ("Stage", "| Filter", |p| Ok(Value::Stage(Stage::LabelFilter(p.filter())))),
    ("Stage", "| json", |_| Ok(Value::Stage(Stage::Json(Vec::new())))),
    ("Stage", "| json Extractions", |p| Ok(Value::Stage(Stage::Json(p.extractions())))),
    ("Stage", "| logfmt", |_| Ok(logfmt(&[], Vec::new()))),
    ("Stage", "| logfmt Flags", |p| Ok(logfmt(&p.names(), Vec::new()))),
    ("Stage", "| logfmt Extractions", |p| Ok(logfmt(&[], p.extractions()))),
    ("Stage", "| logfmt Flags Extractions", |p| Ok(logfmt(&p.names(), p.extractions()))),
    ("Stage", "| regexp STRING", |p| checked(p.text(), "regexp", check::regexp_parser, Stage::Regexp)),
    ("Stage", "| pattern STRING", |p| checked(p.text(), "pattern", check::pattern_parser, Stage::Pattern)),
    ("Stage", "| unpack", |_| Ok(Value::Stage(Stage::Unpack))),
    ("Stage", "| line_format STRING", |p| Ok(Value::Stage(Stage::LineFormat(p.text())))),
    ("Stage", "| label_format Formats", |p| Ok(Value::Stage(Stage::LabelFormat(p.formats())))),
    ("Stage", "| decolorize", |_| Ok(Value::Stage(Stage::Decolorize))),
    ("Stage", "| drop DropKeeps", |p| Ok(Value::Stage(Stage::Drop(p.drop_keeps())))),
    ("Stage", "| keep DropKeeps", |p| Ok(Value::Stage(Stage::Keep(p.drop_keeps())))),
    ("Flags", "FUNCTION_FLAG", |p| Ok(Value::Names(vec![p.text()]))),
    ("Flags", "Flags FUNCTION_FLAG", |p| Ok(Value::Names(push(p.names(), p.text())))),
    ("Extractions", "Extraction", |p| Ok(Value::Extractions(vec![p.extraction()]))),
    ("Extractions", "Extractions , Extraction", |p| Ok(Value::Extractions(push(p.extractions(), p.extraction())))),
    ("Extraction", "IDENTIFIER = STRING", |p| {
        Ok(Value::Extraction(Extraction { label: p.text(), expression: p.text() }))
    }),
    ("Extraction", "IDENTIFIER", |p| {
        let label = p.text();
        Ok(Value::Extraction(Extraction { expression: label.clone(), label }))
    }),
    ("Formats", "Format", |p| Ok(Value::Formats(vec![p.format()]))),
    ("Formats", "Formats , Format", |p| Ok(Value::Formats(push(p.formats(), p.format())))),
    ("Format", "IDENTIFIER = IDENTIFIER", |p| format(p, LabelFormatValue::Rename)),
    ("Format", "IDENTIFIER = STRING", |p| format(p, LabelFormatValue::Template)),
    ("DropKeeps", "DropKeep", |p| Ok(Value::DropKeeps(vec![p.drop_keep()]))),
    ("DropKeeps", "DropKeeps , DropKeep", |p| Ok(Value::DropKeeps(push(p.drop_keeps(), p.drop_keep())))),
    ("DropKeep", "IDENTIFIER", |p| Ok(Value::DropKeep(DropKeep::Name(p.text())))),
    ("DropKeep", "Matcher", |p| Ok(Value::DropKeep(DropKeep::Matcher(p.matcher())))),
];

pub(super) fn push<T>(mut list: Vec<T>, item: T) -> Vec<T> {
    list.push(item);
    list
}

pub(super) fn log(matchers: Vec<Matcher>, stages: Vec<Stage>) -> LogExpr {
    LogExpr { selector: Selector(matchers), stages }
}

fn selector(parts: &mut Parts<'_>) -> Result<Value, ParseError> {
    let matchers = parts.matchers();
    // The message speaks of equality and regexes, but `!=""` selects as well.
    if matchers.iter().all(|m| m.matches_value("")) {
        parts.report(NO_SELECTIVE_MATCHER.into());
    }
    Ok(Value::Matchers(matchers))
}

fn matcher(parts: &mut Parts<'_>, op: MatchOp) -> Result<Value, ParseError> {
    let (name, value) = (parts.text(), parts.text());
    let pattern = match op {
        MatchOp::Regex | MatchOp::NotRegex => check::rust_regex(&value).map_err(ParseError::whole)?,
        MatchOp::Eq | MatchOp::NotEq => String::new(),
    };
    let matcher = Matcher::with_pattern(&name, op, &value, &pattern);
    let refused = |e| ParseError::whole(format!("error parsing regexp: {e}"));
    Ok(Value::Matcher(matcher.map_err(refused)?))
}

fn logfmt(flags: &[String], extractions: Vec<Extraction>) -> Value {
    let has = |flag: &str| flags.iter().any(|f| f == flag);
    Value::Stage(Stage::Logfmt { strict: has(STRICT), keep_empty: has(KEEP_EMPTY), extractions })
}

fn checked(
    text: String,
    parser: &str,
    check: fn(&str) -> Result<(), String>,
    stage: fn(String) -> Stage,
) -> Result<Value, ParseError> {
    check(&text).map_err(|cause| ParseError::whole(format!("invalid {parser} parser: {cause}")))?;
    Ok(Value::Stage(stage(text)))
}

fn format(parts: &mut Parts<'_>, value: fn(String) -> LabelFormatValue) -> Result<Value, ParseError> {
    Ok(Value::Format(LabelFormat { label: parts.text(), value: value(parts.text()) }))
}
