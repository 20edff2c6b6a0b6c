//! `label_replace(v, "dst", "$1", "src", "regex")`.

use super::table::{Series, Table};
use crate::EvalError;
use crate::value::compile_regex;
use gantry_query_lang::ast::LabelReplace;

pub(super) fn label_replace(replace: &LabelReplace, input: Table) -> Result<Table, EvalError> {
    let regex = compile_regex(&format!("^(?:{})$", replace.regex))
        .map_err(|e| EvalError::InvalidQuery(format!("invalid regex in label_replace: {e}")))?;
    let ordered = input.ordered;
    let series = input.series.into_iter().map(|series| {
        let source = series.labels.get(&replace.src).unwrap_or("");
        let Some(captures) = regex.captures(source) else { return series };
        let mut value = String::new();
        captures.expand(&replace.replacement, &mut value);
        Series { labels: series.labels.with(&replace.dst, &value), points: series.points }
    });
    Ok(Table { series: series.collect(), ordered })
}
