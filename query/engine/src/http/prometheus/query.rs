//! Handlers of queries: at one instant, and over a range.

use super::envelope::{Refusal, success_of};
use super::{Engine, params, value};
use crate::http::request::Ask;
use crate::promql::PromqlAnswer;
use crate::{QueryEngine, QueryError};
use axum::extract::State;
use axum::response::Response;
use gantry_promql::{Params, Steps};
use serde_json::json;
use std::fmt::Write;
use std::time::{Duration, Instant};

pub async fn instant(State(engine): Engine, ask: Ask) -> Result<Response, Refusal> {
    let run = async {
        let now = engine.clock.now().nanos().div_euclid(1_000_000);
        let at = params::time(&ask.params, "time", now)?;
        respond(&engine, &ask, Steps::instant(at), true).await
    };
    run.await.map_err(|error| Refusal::new(&ask.caller, error))
}

pub async fn range(State(engine): Engine, ask: Ask) -> Result<Response, Refusal> {
    let run = async { respond(&engine, &ask, params::steps(&ask.params)?, false).await };
    run.await.map_err(|error| Refusal::new(&ask.caller, error))
}

async fn respond(engine: &QueryEngine, ask: &Ask, steps: Steps, instant: bool) -> Result<Response, QueryError> {
    let limit = params::limit(&ask.params, "limit")?.unwrap_or(usize::MAX);
    let params = evaluation(engine, ask, steps, instant)?;
    let began = Instant::now();
    let found = answer(engine, ask, params).await?;
    let took = began.elapsed();
    let mut data = String::from("{");
    let cut = value::members(&found.answer.value, params, limit, &mut data);
    if !ask.params.get("stats").is_empty() {
        let stats = stats(&found, took);
        // Writing to a String cannot fail.
        let _ = write!(data, ",\"stats\":{stats}");
    }
    data.push('}');
    Ok(success_of(&data, &found, cut))
}

/// What is measured of what Prometheus tells: seconds from the request to the answer, waiting for a slot included, and samples.
fn stats(found: &PromqlAnswer, took: Duration) -> serde_json::Value {
    json!({
        "timings": { "execTotalTime": took.as_secs_f64() },
        "samples": { "totalQueryableSamples": found.answer.samples },
    })
}

fn evaluation(engine: &QueryEngine, ask: &Ask, steps: Steps, instant: bool) -> Result<Params, QueryError> {
    let defaults = engine.promql_params(steps, instant);
    let lookback = match params::duration(&ask.params, "lookback_delta")? {
        Some(lookback) if lookback <= 0 => {
            return Err(QueryError::invalid("invalid parameter \"lookback_delta\": it must be positive"));
        }
        Some(lookback) => lookback,
        None => defaults.lookback,
    };
    Ok(Params { lookback, ..defaults })
}

async fn answer(engine: &QueryEngine, ask: &Ask, params: Params) -> Result<PromqlAnswer, QueryError> {
    let expr = params::query(&ask.params, engine.promql_options())?;
    let is_vector_or_scalar = matches!(expr.value_type().as_str(), "vector" | "scalar");
    if !params.instant && !is_vector_or_scalar {
        let text = format!(
            "invalid parameter \"query\": invalid expression type {:?} for range query, must be Scalar or instant Vector",
            expr.value_type().to_string()
        );
        return Err(QueryError::invalid(text));
    }
    let fresh = crate::http::query::fresh(&ask.headers);
    let found = engine.promql(&ask.caller.tenant, ask.params.get("query"), expr, params, fresh);
    // The engine has a deadline of its own, so that a request can only shorten it.
    match params::duration(&ask.params, "timeout")? {
        None => found.await,
        Some(..=0) => Err(QueryError::Timeout),
        Some(timeout) => {
            let timeout = Duration::from_millis(u64::try_from(timeout).unwrap_or(0));
            tokio::time::timeout(timeout, found).await.map_err(|_| QueryError::Timeout)?
        }
    }
}
