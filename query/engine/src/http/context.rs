//! The handler of `/api/v1/logs/context`.

use super::error::Failure;
use super::json;
use super::query::allow_all;
use super::request::Ask;
use crate::context::{Context, ContextLine, ContextQuery, Neighbours};
use crate::json::{list, number, object, string, strings};
use crate::{QueryEngine, QueryError, logql};
use axum::extract::State;
use axum::response::Response;
use gantry_model::{LabelSet, MatchOp};
use gantry_query_lang::ast::Expr;
use std::sync::Arc;

/// Lines on each side when the request does not say how many.
const LINES: usize = 10;

pub async fn context(State(engine): State<Arc<QueryEngine>>, ask: Ask) -> Result<Response, Failure> {
    let run = async {
        let query = read(&engine, &ask)?;
        Ok(write(&engine.context(&ask.caller.tenant, query).await?))
    };
    run.await.map(json).map_err(|error: QueryError| ask.caller.fail(error))
}

fn read(engine: &QueryEngine, ask: &Ask) -> Result<ContextQuery, QueryError> {
    let params = &ask.params;
    if params.get("timestamp").is_empty() {
        return Err(QueryError::invalid("the parameter timestamp is missing: the time of the line, in nanoseconds"));
    }
    let at = params.timestamp("timestamp", engine.clock.now())?;
    let text = Some(params.get("line")).filter(|line| !line.is_empty()).map(Into::into);
    let lines = neighbours(ask)?;
    Ok(ContextQuery { lines, at, text, before: side(ask, "before")?, after: side(ask, "after")? })
}

/// A count that may be zero.
fn side(ask: &Ask, name: &str) -> Result<usize, QueryError> {
    if ask.params.get(name) == "0" { Ok(0) } else { ask.params.count(name, LINES) }
}

fn neighbours(ask: &Ask) -> Result<Neighbours, QueryError> {
    match (ask.params.get("labels"), ask.params.get("query")) {
        ("", "") => Err(QueryError::invalid(
            "say whose neighbours: labels={app=\"web\", pod=\"p\"} for the stream of a line, or query=a log query",
        )),
        ("", query) => match logql::parse(query, allow_all(&ask.headers))? {
            Expr::Log(expr) => Ok(Neighbours::Query(expr)),
            Expr::Metric(_) => Err(QueryError::invalid("only log queries have lines, not metric queries")),
        },
        (labels, "") => {
            let selector = logql::selector(labels)?;
            if let Some(other) = selector.0.iter().find(|matcher| matcher.op != MatchOp::Eq) {
                let text = format!("labels name one stream: {} must be compared with =", other.name);
                return Err(QueryError::invalid(text));
            }
            let pairs = selector.0.iter().map(|matcher| (matcher.name.as_str(), matcher.value.as_str()));
            Ok(Neighbours::Stream(LabelSet::from_pairs(pairs)))
        }
        _ => Err(QueryError::invalid("labels and query exclude each other")),
    }
}

fn write(context: &Context) -> String {
    let mut out = String::from("{\"status\":\"success\",");
    if !context.warnings.is_empty() {
        out.push_str("\"warnings\":");
        strings(context.warnings.iter().map(String::as_str), &mut out);
        out.push(',');
    }
    out.push_str("\"data\":{\"before\":[");
    list(&context.before, &mut out, line);
    out.push_str("],\"line\":");
    match &context.line {
        Some(found) => line(found, &mut out),
        None => out.push_str("null"),
    }
    out.push_str(",\"after\":[");
    list(&context.after, &mut out, line);
    out + "]}}"
}

fn line((labels, entry): &ContextLine, out: &mut String) {
    out.push_str("{\"timestamp\":\"");
    number(entry.timestamp.nanos(), out);
    out.push_str("\",\"line\":");
    string(&entry.line, out);
    out.push_str(",\"labels\":");
    object(labels.iter(), out);
    out.push('}');
}
