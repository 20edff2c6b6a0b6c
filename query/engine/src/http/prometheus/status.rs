//! Handlers about the state of the store.

use super::envelope::{Refusal, success};
use super::{Engine, params};
use crate::http::request::Ask;
use axum::extract::State;
use axum::response::Response;
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
