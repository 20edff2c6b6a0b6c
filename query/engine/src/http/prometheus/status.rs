//! Handlers about the state of the store.

use super::envelope::{Refusal, success};
use super::{Engine, params};
use crate::http::request::Ask;
use axum::extract::State;
use axum::response::Response;
use gantry_model::Timestamp;
use serde_json::{Value, json};

/// Rows of each list when the request does not say.
const ROWS: usize = 10;
/// Most rows of a list.
const MOST_ROWS: usize = 10_000;

/// The version is that of the Prometheus whose API is spoken, because clients switch features by it.
pub async fn buildinfo() -> Response {
    let revision = concat!("gantry-", env!("CARGO_PKG_VERSION"));
    let data = json!({
        "version": "3.5.0",
        "revision": revision,
        "branch": "main",
        "buildUser": "",
        "buildDate": "",
        "goVersion": "",
    });
    success(&data.to_string(), &[])
}

/// Those of Prometheus' flags that have an option here, with the values in force.
pub async fn flags(State(engine): Engine) -> Response {
    let options = engine.options();
    let features = if options.promql_experimental { "promql-experimental-functions,promql-duration-expr" } else { "" };
    let duration = |duration| humantime::format_duration(duration).to_string().replace(' ', "");
    let data = json!({
        "enable-feature": features,
        "query.lookback-delta": duration(options.promql_lookback),
        "query.max-concurrency": options.slots().to_string(),
        "query.max-samples": options.promql_max_samples.to_string(),
        "query.timeout": duration(options.timeout),
    });
    success(&data.to_string(), &[])
}

/// What of Prometheus' list there is: when it began, what time it has, threads of a query.
pub async fn runtimeinfo(State(engine): Engine) -> Response {
    let data = json!({
        "startTime": rfc3339(engine.started),
        "serverTime": rfc3339(engine.clock.now()),
        "GOMAXPROCS": engine.options().partitions(),
    });
    success(&data.to_string(), &[])
}

fn rfc3339(at: Timestamp) -> String {
    let at = chrono::DateTime::from_timestamp_nanos(at.nanos());
    at.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true)
}

/// Logs are read back before anything else is answered: whoever gets this answer has nothing to wait for.
pub async fn walreplay() -> Response {
    success(&json!({ "min": 0, "max": 0, "current": 0, "state": "done" }).to_string(), &[])
}

/// Which metrics and labels make so many series.
pub async fn tsdb(State(engine): Engine, ask: Ask) -> Result<Response, Refusal> {
    let limit = params::limit(&ask.params, "limit").map_err(|error| Refusal::new(&ask.caller, error))?;
    let found = engine.metric_cardinality(&ask.caller.tenant, limit.unwrap_or(ROWS).min(MOST_ROWS));
    let rows = |rows: &[(String, u64)]| -> Vec<Value> {
        rows.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect()
    };
    // Without a sample Prometheus shows the bounds of its clock.
    let (first, last) = found.times.unwrap_or((i64::MAX, i64::MIN));
    let data = json!({
        "headStats": {
            "numSeries": found.series,
            "numLabelPairs": found.label_pairs,
            "chunkCount": found.chunks,
            "minTime": first,
            "maxTime": last,
        },
        "seriesCountByMetricName": rows(&found.series_by_metric),
        "labelValueCountByLabelName": rows(&found.values_by_label),
        "memoryInBytesByLabelName": rows(&found.bytes_by_label),
        "seriesCountByLabelValuePair": rows(&found.series_by_pair),
    });
    Ok(success(&data.to_string(), &[]))
}
