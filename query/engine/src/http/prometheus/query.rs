//! Handlers of queries: at one instant, and over a range.

use super::envelope::{Refusal, success_of};
use super::{Engine, params};
use crate::http::request::Ask;
use crate::promql::PromqlAnswer;
use crate::{QueryEngine, QueryError, json};
use axum::extract::State;
use axum::response::Response;
use gantry_model::Timestamp;
use gantry_promql::{Cell, Params, Steps, Value};

/// Distance of the instants of a subquery that does not say: that of evaluations of rules.
const SUBQUERY_STEP_MS: i64 = 60_000;
const LOOKBACK_MS: i64 = 300_000;
/// Most threads that read series for one query.
const MAX_THREADS: usize = 8;
/// Most samples that one query reads.
const MAX_SAMPLES: u64 = 100_000_000;

pub async fn instant(State(engine): Engine, ask: Ask) -> Result<Response, Refusal> {
    let run = async {
        let now = engine.clock.now().nanos().div_euclid(1_000_000);
        let at = params::time(&ask.params, "time", now)?;
        let params = evaluation(&ask, Steps::instant(at), true)?;
        let answer = answer(&engine, &ask, params).await?;
        let limit = params::limit(&ask.params, "limit")?.unwrap_or(usize::MAX);
        let mut data = String::new();
        let cut = write(answer.answer.value.clone(), params, limit, &mut data);
        Ok(success_of(&data, &answer, cut))
    };
    run.await.map_err(|error| Refusal::new(&ask.caller, error))
}

pub async fn range(State(engine): Engine, ask: Ask) -> Result<Response, Refusal> {
    let run = async {
        let params = evaluation(&ask, params::steps(&ask.params)?, false)?;
        let answer = answer(&engine, &ask, params).await?;
        let limit = params::limit(&ask.params, "limit")?.unwrap_or(usize::MAX);
        let mut data = String::new();
        let cut = write(answer.answer.value.clone(), params, limit, &mut data);
        Ok(success_of(&data, &answer, cut))
    };
    run.await.map_err(|error| Refusal::new(&ask.caller, error))
}

fn evaluation(ask: &Ask, steps: Steps, instant: bool) -> Result<Params, QueryError> {
    let lookback = params::duration(&ask.params, "lookback_delta")?.unwrap_or(LOOKBACK_MS);
    let threads = std::thread::available_parallelism().map_or(1, |threads| threads.get().min(MAX_THREADS));
    Ok(Params { steps, instant, lookback, subquery_step: SUBQUERY_STEP_MS, max_samples: MAX_SAMPLES, threads })
}

async fn answer(engine: &QueryEngine, ask: &Ask, params: Params) -> Result<PromqlAnswer, QueryError> {
    let expr = params::query(&ask.params)?;
    let is_vector_or_scalar = matches!(expr.value_type().as_str(), "vector" | "scalar");
    if !params.instant && !is_vector_or_scalar {
        let text = format!(
            "invalid parameter \"query\": invalid expression type {:?} for range query, must be Scalar or instant Vector",
            expr.value_type().to_string()
        );
        return Err(QueryError::invalid(text));
    }
    let fresh = crate::http::query::fresh(&ask.headers);
    engine.promql(&ask.caller.tenant, ask.params.get("query"), expr, params, fresh).await
}

/// Writes `resultType` and `result`; whether series were left out because of the limit.
fn write(value: Value, params: Params, limit: usize, out: &mut String) -> bool {
    let steps = params.steps;
    let single = |kind: &str, at: i64, out: &mut String, value: &dyn Fn(&mut String)| {
        out.push_str(&format!("{{\"resultType\":\"{kind}\",\"result\":["));
        seconds(at, out);
        out.push(',');
        value(out);
        out.push_str("]}");
    };
    match value {
        Value::String(text) => single("string", steps.start, out, &|out| json::string(&text, out)),
        Value::Scalar(values) if params.instant => {
            let value = values.first().copied().unwrap_or(f64::NAN);
            single("scalar", steps.start, out, &|out| json::sample(value, out));
        }
        Value::Scalar(values) => {
            let points = steps.iter().zip(values.into_iter().map(Cell::Float)).collect();
            return rows("matrix", vec![(Default::default(), points)], limit, false, out);
        }
        Value::Vector(series) => {
            let points = |cells: Vec<Cell>| steps.iter().zip(cells).filter(|(_, cell)| !cell.is_empty()).collect();
            let all = series.into_iter().map(|series| (series.labels, points(series.cells))).collect();
            return rows(if params.instant { "vector" } else { "matrix" }, all, limit, params.instant, out);
        }
        Value::Matrix(series) => return rows("matrix", series, limit, false, out),
    }
    false
}

type Row = (gantry_model::LabelSet, Vec<(i64, Cell)>);

fn rows(kind: &str, all: Vec<Row>, limit: usize, one: bool, out: &mut String) -> bool {
    let cut = all.len() > limit;
    out.push_str(&format!("{{\"resultType\":\"{kind}\",\"result\":["));
    json::list(all.iter().take(limit), out, |(labels, points), out| {
        out.push_str("{\"metric\":");
        json::object(labels.iter(), out);
        let numbers = points.iter().filter(|(_, cell)| cell.float().is_some());
        if one {
            out.push_str(",\"value\":");
            numbers.take(1).for_each(|point| self::point(point, out));
        } else {
            out.push_str(",\"values\":[");
            json::list(numbers, out, point);
            out.push(']');
        }
        out.push('}');
    });
    out.push_str("]}");
    cut
}

fn point((at, cell): &(i64, Cell), out: &mut String) {
    out.push('[');
    seconds(*at, out);
    out.push(',');
    json::sample(cell.float().unwrap_or(f64::NAN), out);
    out.push(']');
}

fn seconds(at_ms: i64, out: &mut String) {
    json::seconds(Timestamp::from_millis(at_ms), out);
}
