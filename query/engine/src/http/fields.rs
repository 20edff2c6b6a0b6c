//! Handlers about the fields inside lines.

use super::error::Failure;
use super::json;
use super::request::Ask;
use crate::fields::FieldsQuery;
use crate::json::{list, number, string, strings};
use crate::{QueryEngine, QueryError, logql};
use axum::extract::{Path, State};
use axum::response::Response;
use gantry_query_eval::detect::{DetectedField, FieldDetector};
use gantry_query_lang::ast::Expr;
use std::sync::Arc;

/// Lines looked at, and fields or values answered, when the request does not say how many.
const LINES: usize = 1000;
const ITEMS: usize = 1000;
/// Values that are kept to count them.
const VALUES: usize = 10_000;

type Engine = State<Arc<QueryEngine>>;

async fn detect(engine: &QueryEngine, ask: &Ask, fields: usize, values: usize) -> Result<FieldDetector, QueryError> {
    let range = ask.params.range(engine.clock.now(), 3600 * 1_000_000_000)?;
    let Expr::Log(expr) = logql::parse(ask.params.get("query"), false)? else {
        return Err(QueryError::invalid("only log queries have fields, not metric queries"));
    };
    let lines = ask.params.count("line_limit", LINES)?;
    logql::check_limit(lines, engine.options().max_lines)?;
    engine.detected_fields(&ask.caller.tenant, &expr, range, FieldsQuery { lines, fields, values }).await
}

pub async fn fields(State(engine): Engine, ask: Ask) -> Result<Response, Failure> {
    let run = async {
        let limit = ask.params.limit(ITEMS)?;
        let detector = detect(&engine, &ask, limit, VALUES).await?;
        let mut out = String::from("{\"fields\":[");
        list(detector.fields(), &mut out, field);
        out.push_str("],\"limit\":");
        number(limit, &mut out);
        Ok(out + "}")
    };
    run.await.map(json).map_err(|error: QueryError| ask.caller.fail(error))
}

fn field(field: &DetectedField, out: &mut String) {
    out.push_str("{\"label\":");
    string(&field.label, out);
    out.push_str(",\"type\":");
    string(field.kind.as_str(), out);
    out.push_str(",\"cardinality\":");
    number(field.cardinality(), out);
    out.push_str(",\"parsers\":");
    strings(field.parsers.iter().copied(), out);
    if !field.json_path.is_empty() {
        out.push_str(",\"jsonPath\":");
        strings(field.json_path.iter().map(String::as_str), out);
    }
    out.push('}');
}

pub async fn values(State(engine): Engine, Path(name): Path<String>, ask: Ask) -> Result<Response, Failure> {
    let run = async {
        let limit = ask.params.limit(ITEMS)?;
        let detector = detect(&engine, &ask, usize::MAX, limit).await?;
        let Some(field) = detector.field(&name) else { return Ok("{\"values\":[]}".to_owned()) };
        let mut values: Vec<&str> = field.values().collect();
        values.sort_unstable();
        let mut out = String::from("{\"values\":");
        strings(values, &mut out);
        out.push_str(",\"limit\":");
        number(limit, &mut out);
        Ok(out + "}")
    };
    run.await.map(json).map_err(|error: QueryError| ask.caller.fail(error))
}
