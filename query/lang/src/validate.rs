//! What a grammar cannot say: whether every stage of a query can be carried out.

use crate::ParseError;
use crate::ast::*;
use crate::check;

/// Knows Go templates, which this crate does not. Its errors are Go's, e.g. `template: line:1: unclosed action`.
pub trait TemplateCheck {
    /// A template of `line_format`.
    fn line(&self, template: &str) -> Result<(), String>;
    /// A template of `label_format`.
    fn label(&self, template: &str) -> Result<(), String>;
}

/// Takes every template to be fine.
#[derive(Clone, Copy, Debug)]
pub struct AnyTemplate;

impl TemplateCheck for AnyTemplate {
    fn line(&self, _: &str) -> Result<(), String> {
        Ok(())
    }

    fn label(&self, _: &str) -> Result<(), String> {
        Ok(())
    }
}

/// Checks the stages of all log expressions, from left to right.
pub fn validate(expr: &Expr, templates: &dyn TemplateCheck) -> Result<(), ParseError> {
    match expr {
        Expr::Log(log) => stages(&log.stages, templates),
        Expr::Metric(metric) => validate_metric(metric, templates),
    }
}

fn validate_metric(metric: &MetricExpr, templates: &dyn TemplateCheck) -> Result<(), ParseError> {
    match metric {
        MetricExpr::Range(range) => {
            stages(&range.log.stages, templates)?;
            let mut filters = range.unwrap.iter().flat_map(|unwrap| &unwrap.filters);
            filters.try_for_each(|f| named(&Stage::LabelFilter(f.clone()), label_filter(f)))
        }
        MetricExpr::Vector(vector) => validate_metric(&vector.inner, templates),
        MetricExpr::Binary(binary) => {
            validate_metric(&binary.lhs, templates)?;
            validate_metric(&binary.rhs, templates)
        }
        MetricExpr::LabelReplace(replace) => validate_metric(&replace.inner, templates),
        MetricExpr::VectorLiteral(_) | MetricExpr::Literal(_) => Ok(()),
    }
}

fn named(stage: &Stage, result: Result<(), String>) -> Result<(), ParseError> {
    result.map_err(|cause| ParseError::stage(stage, cause))
}

/// Line filters are taken together up to a stage that changes the line: as in Loki, where they run first, an error
/// names them all and comes before those of the stages between them.
fn stages(stages: &[Stage], templates: &dyn TemplateCheck) -> Result<(), ParseError> {
    let ends_part = |stage: &Stage| matches!(stage, Stage::LineFormat(_) | Stage::Unpack);
    for part in stages.split_inclusive(ends_part) {
        let filters: Vec<&LineFilterExpr> = part.iter().filter_map(as_line_filter).collect();
        if let Some(cause) = filters.iter().find_map(|filter| line_filter(filter).err()) {
            let all: Vec<String> = filters.iter().map(ToString::to_string).collect();
            return Err(ParseError::stage(all.join(" "), cause));
        }
        part.iter().try_for_each(|stage| named(stage, other_stage(stage, templates)))?;
    }
    Ok(())
}

fn as_line_filter(stage: &Stage) -> Option<&LineFilterExpr> {
    match stage {
        Stage::LineFilter(filter) => Some(filter),
        _ => None,
    }
}

fn line_filter(filter: &LineFilterExpr) -> Result<(), String> {
    use LineFilterOp::*;
    for alternative in &filter.alternatives {
        match (alternative, filter.op) {
            (LineAlternative::Text(text), Matches | NotMatches) => check::regex(text)?,
            (LineAlternative::Text(text), Pattern | NotPattern) => check::line_pattern(text)?,
            (LineAlternative::Text(_), Contains | NotContains) => {}
            (LineAlternative::Ip(pattern), op) => {
                check::ip_pattern(pattern)?;
                if !matches!(op, Contains | NotContains) {
                    return Err("ip: invalid operation".into());
                }
            }
        }
    }
    Ok(())
}

fn other_stage(stage: &Stage, templates: &dyn TemplateCheck) -> Result<(), String> {
    match stage {
        Stage::Json(extractions) => extractions.iter().try_for_each(|e| check::json_path(&e.expression)),
        Stage::Logfmt { extractions, .. } => extractions.iter().try_for_each(|e| check::logfmt_key(&e.expression)),
        Stage::LabelFilter(filter) => label_filter(filter),
        Stage::LineFormat(template) => {
            templates.line(template).map_err(|cause| format!("invalid line template: {cause}"))
        }
        Stage::LabelFormat(formats) => label_format(formats, templates),
        _ => Ok(()),
    }
}

fn label_filter(filter: &LabelFilter) -> Result<(), String> {
    match filter {
        LabelFilter::Ip { pattern, .. } => check::ip_pattern(pattern),
        LabelFilter::And(a, b) | LabelFilter::Or(a, b) => label_filter(a).and_then(|()| label_filter(b)),
        _ => Ok(()),
    }
}

fn label_format(formats: &[LabelFormat], templates: &dyn TemplateCheck) -> Result<(), String> {
    for (at, format) in formats.iter().enumerate() {
        let label = &format.label;
        if label == "__error__" {
            return Err("__error__ cannot be formatted".into());
        }
        if formats[..at].iter().any(|earlier| earlier.label == *label) {
            return Err(format!("multiple label name '{label}' not allowed in a single format operation"));
        }
    }
    for LabelFormat { label, value } in formats {
        if let LabelFormatValue::Template(template) = value {
            let refused = |cause| format!("invalid template for label '{label}': {cause}");
            templates.label(template).map_err(refused)?;
        }
    }
    Ok(())
}
