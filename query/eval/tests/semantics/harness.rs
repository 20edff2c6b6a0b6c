//! One line through one query.

use gantry_model::{LabelSet, metadata};
use gantry_query_eval::{Options, Pipeline, Templates};
use gantry_query_lang::ast::Expr;

/// `app="shop", pod="p-1"` with structured metadata `trace="t9"`, at 2024-05-14T10:09:36.057Z.
pub const AT: i64 = 1_715_681_376_057_000_000;

/// What `{app="shop"} STAGES` makes of a line: the line, then the labels that are not the stream's own in order of
/// name as `name=value`, removed ones of the stream as `-name`. `None` when it is dropped. Errors are kinds only.
pub fn run(stages: &str, line: &str) -> Result<Option<String>, String> {
    let query = format!("{{app=\"shop\"}} {stages}");
    let expr = gantry_query_lang::parse_with(&query, &Templates).map_err(|error| error.to_string())?;
    let Expr::Log(log) = expr else { return Err("not a log query".into()) };
    let options = Options { now: AT, ..Options::default() };
    let pipeline = Pipeline::compile(&log.stages, &options).map_err(|error| error.to_string())?;
    let mut scratch = pipeline.scratch();
    let own = LabelSet::from_pairs([("app", "shop"), ("pod", "p-1")]);
    let mut stream = pipeline.stream(&mut scratch, &own);
    let mut encoded = String::new();
    metadata::encode([("trace", "t9")], &mut encoded);
    let Some(row) = pipeline.process(&mut scratch, &mut stream, AT, line, &encoded) else { return Ok(None) };
    let labels = row.labels(|_| true);
    let mut out = vec![row.line().to_string()];
    let known = |name: &str, value: &str| own.get(name) == Some(value) || (name, value) == ("trace", "t9");
    for (name, value) in labels.iter().filter(|(name, value)| !known(name, value)) {
        out.push(if name == "__error_details__" { name.to_string() } else { format!("{name}={value}") });
    }
    let names = own.iter().map(|(name, _)| name).chain(["trace"]);
    out.extend(names.filter(|name| labels.get(name).is_none()).map(|name| format!("-{name}")));
    Ok(Some(out.join(" · ")))
}
