//! Handlers of LogQL queries.

use super::error::{Failure, describe};
use super::request::Ask;
use super::{json, write};
use crate::logql::{self, RangeQuery};
use crate::{QueryEngine, QueryError};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use std::sync::Arc;

/// Lines when the request does not say how many.
const DEFAULT_LIMIT: usize = 100;

type Engine = State<Arc<QueryEngine>>;

/// Whether labels are to be told apart by where they come from.
fn categorized(headers: &HeaderMap) -> bool {
    let flags = headers.get_all("x-loki-response-encoding-flags").iter().filter_map(|value| value.to_str().ok());
    flags.flat_map(|value| value.split(',')).any(|flag| flag.trim() == "categorize-labels")
}

/// `Cache-Control: no-cache` or `no-store`.
pub fn fresh(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|part| matches!(part.trim(), "no-cache" | "no-store"))
}

/// Gantry's own clients may ask for all streams; Loki's may not.
pub(super) fn allow_all(headers: &HeaderMap) -> bool {
    headers.get("x-gantry-allow-all").is_some_and(|value| value == "1")
}

fn range_query(engine: &QueryEngine, ask: &Ask) -> Result<RangeQuery, QueryError> {
    let params = &ask.params;
    let range = params.range_query(engine.clock.now())?;
    let limit = params.limit(DEFAULT_LIMIT)?;
    let backward = params.backward()?;
    let expr = logql::parse(params.get("query"), allow_all(&ask.headers))?;
    let categorized = categorized(&ask.headers);
    let fresh = fresh(&ask.headers);
    Ok(RangeQuery { expr, start: range.start, end: range.end, step: range.step, limit, backward, categorized, fresh })
}

pub async fn range(State(engine): Engine, ask: Ask) -> Result<Response, Failure> {
    let run = async {
        let query = range_query(&engine, &ask)?;
        let categorized = query.categorized;
        let answer = engine.query_range(&ask.caller.tenant, query).await?;
        Ok(write::answer(&answer, categorized))
    };
    run.await.map(json).map_err(|error: QueryError| ask.caller.fail(error))
}

pub async fn instant(State(engine): Engine, ask: Ask) -> Result<Response, Failure> {
    let run = async {
        ask.params.limit(DEFAULT_LIMIT)?;
        let at = ask.params.timestamp("time", engine.clock.now())?;
        ask.params.backward()?;
        let expr = logql::parse(ask.params.get("query"), allow_all(&ask.headers))?;
        let answer = engine.query(&ask.caller.tenant, expr, at).await?;
        Ok(write::answer(&answer, false))
    };
    run.await.map(json).map_err(|error: QueryError| ask.caller.fail(error))
}

/// Runs a range query, or an instant one when there is a parameter `time`, and shows its plan and what each step did.
pub async fn explain(State(engine): Engine, ask: Ask) -> Result<Response, Failure> {
    let run = async {
        let instant = !ask.params.get("time").is_empty();
        let mut query = range_query(&engine, &ask)?;
        if instant {
            query.start = ask.params.timestamp("time", engine.clock.now())?;
            query.end = query.start;
        }
        engine.explain(&ask.caller.tenant, query).await
    };
    let text = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
    run.await.map(|plan| (text, plan).into_response()).map_err(|error: QueryError| ask.caller.fail(error))
}

/// Errors of this endpoint are JSON.
pub async fn format(ask: Ask) -> Response {
    match logql::format(ask.params.get("query")) {
        Ok(formatted) => json(serde_json::json!({"status": "success", "data": formatted}).to_string()),
        Err(error) => {
            let (status, text) = describe(&error, &ask.caller.request);
            let kind = if status == StatusCode::BAD_REQUEST { "invalid-query" } else { "error" };
            (status, json(serde_json::json!({"status": kind, "error": text}).to_string())).into_response()
        }
    }
}
