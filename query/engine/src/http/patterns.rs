//! The handler of `/loki/api/v1/patterns`.

use super::error::Failure;
use super::json;
use super::request::Ask;
use crate::json::{list, number, string, strings};
use crate::patterns::{PatternsAnswer, PatternsQuery};
use crate::{QueryEngine, QueryError, logql};
use axum::extract::State;
use axum::response::Response;
use gantry_model::TimeRange;
use gantry_query_eval::pattern::MinedPattern;
use gantry_query_lang::ast::Expr;
use std::sync::Arc;

/// Patterns answered when the request does not say how many.
const PATTERNS: usize = 300;
/// Shortest time that a sample stands for: clients draw no finer.
const SHORTEST_STEP: i64 = 10 * 1_000_000_000;

pub async fn patterns(State(engine): State<Arc<QueryEngine>>, ask: Ask) -> Result<Response, Failure> {
    let run = async {
        let range = ask.params.range_query(engine.clock.now())?;
        let Expr::Log(expr) = logql::parse(ask.params.get("query"), false)? else {
            return Err(QueryError::invalid("only log queries have patterns, not metric queries"));
        };
        let limit = ask.params.limit(PATTERNS)?;
        let step = range.step.max(SHORTEST_STEP);
        let query = PatternsQuery { range: TimeRange::new(range.start, range.end), step, limit };
        Ok(write(&engine.patterns(&ask.caller.tenant, &expr, query).await?))
    };
    run.await.map(json).map_err(|error: QueryError| ask.caller.fail(error))
}

fn write(answer: &PatternsAnswer) -> String {
    let mut out = String::from("{\"status\":\"success\",");
    if !answer.warnings.is_empty() {
        out.push_str("\"warnings\":");
        strings(answer.warnings.iter().map(String::as_str), &mut out);
        out.push(',');
    }
    out.push_str("\"data\":[");
    list(&answer.patterns, &mut out, pattern);
    out + "]}"
}

/// Times are whole seconds.
fn pattern(pattern: &MinedPattern, out: &mut String) {
    out.push_str("{\"pattern\":");
    string(&pattern.pattern, out);
    out.push_str(",\"level\":");
    string(&pattern.level, out);
    out.push_str(",\"samples\":[");
    list(&pattern.samples, out, |(at, lines), out| {
        out.push('[');
        number(at.div_euclid(1_000_000_000), out);
        out.push(',');
        number(lines, out);
        out.push(']');
    });
    out.push_str("]}");
}
