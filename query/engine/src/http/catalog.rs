//! Handlers about streams: labels, series, statistics, volumes.

use super::error::Failure;
use super::params::Params;
use super::request::Ask;
use super::{json, write};
use crate::catalog::{VolumeBy, VolumeGroup, volume_steps};
use crate::{QueryEngine, QueryError, logql};
use axum::extract::{Path, State};
use axum::response::Response;
use gantry_model::{Selector, Timestamp};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// How far back names are looked for when the request does not say.
const NAMES_SINCE: i64 = 6 * 3600 * 1_000_000_000;
const HOUR: i64 = 3600 * 1_000_000_000;

type Engine = State<Arc<QueryEngine>>;

/// The parameter `query` as a selector; everything when there is none.
fn optional_selector(params: &Params) -> Result<Selector, QueryError> {
    match params.get("query") {
        "" => Ok(Selector::all()),
        text => logql::selector(text),
    }
}

pub async fn labels(State(engine): Engine, ask: Ask) -> Result<Response, Failure> {
    let run = async {
        let range = ask.params.range(engine.clock.now(), NAMES_SINCE)?;
        let selector = optional_selector(&ask.params)?;
        Ok(write::names(&engine.labels(&ask.caller.tenant, range, &selector).await?))
    };
    run.await.map(json).map_err(|error: QueryError| ask.caller.fail(error))
}

pub async fn label_values(State(engine): Engine, Path(name): Path<String>, ask: Ask) -> Result<Response, Failure> {
    let run = async {
        let range = ask.params.range(engine.clock.now(), NAMES_SINCE)?;
        let selector = optional_selector(&ask.params)?;
        Ok(write::names(&engine.label_values(&ask.caller.tenant, range, &selector, &name).await?))
    };
    run.await.map(json).map_err(|error: QueryError| ask.caller.fail(error))
}

pub async fn series(State(engine): Engine, ask: Ask) -> Result<Response, Failure> {
    let run = async {
        let range = ask.params.range(engine.clock.now(), NAMES_SINCE)?;
        let texts = ask.params.all("match[]").chain(ask.params.all("match"));
        let selectors = texts.map(logql::selector).collect::<Result<Vec<_>, _>>()?;
        Ok(write::series(&engine.series(&ask.caller.tenant, range, &selectors).await?))
    };
    run.await.map(json).map_err(|error: QueryError| ask.caller.fail(error))
}

pub async fn index_stats(State(engine): Engine, ask: Ask) -> Result<Response, Failure> {
    let run = async {
        let range = ask.params.range(engine.clock.now(), HOUR)?;
        let selector = logql::strict_selector(ask.params.get("query"))?;
        let stats = engine.index_stats(&ask.caller.tenant, range, &selector).await?;
        let (streams, chunks, entries, bytes) = (stats.streams, stats.chunks, stats.entries, stats.bytes);
        Ok(format!("{{\"streams\":{streams},\"chunks\":{chunks},\"entries\":{entries},\"bytes\":{bytes}}}"))
    };
    run.await.map(json).map_err(|error: QueryError| ask.caller.fail(error))
}

pub async fn index_volume(State(engine): Engine, ask: Ask) -> Result<Response, Failure> {
    let run = async {
        let (start, end) = ask.params.bounds(engine.clock.now(), HOUR)?;
        volume(&engine, &ask, start, end, None).await
    };
    run.await.map(json).map_err(|error: QueryError| ask.caller.fail(error))
}

pub async fn index_volume_range(State(engine): Engine, ask: Ask) -> Result<Response, Failure> {
    let run = async {
        let range = ask.params.range_query(engine.clock.now())?;
        volume(&engine, &ask, range.start, range.end, Some(range.step)).await
    };
    run.await.map(json).map_err(|error: QueryError| ask.caller.fail(error))
}

async fn volume(
    engine: &QueryEngine,
    ask: &Ask,
    start: Timestamp,
    end: Timestamp,
    step: Option<i64>,
) -> Result<String, QueryError> {
    let range = super::params::ordered_range(start, end)?;
    let selector = logql::strict_selector(ask.params.get("query"))?;
    let by = volume_by(&ask.params, &selector)?;
    let limit = ask.params.limit(100)?;
    let pieces = match step {
        Some(step) => volume_steps(range, step),
        None => vec![(range, end)],
    };
    let mut points: HashMap<VolumeGroup, Vec<(Timestamp, u64)>> = HashMap::new();
    for (piece, at) in pieces {
        for (group, bytes) in engine.volume(&ask.caller.tenant, piece, &selector, &by, limit).await? {
            points.entry(group).or_default().push((at, bytes));
        }
    }
    let total = |points: &[(Timestamp, u64)]| points.iter().map(|(_, bytes)| bytes).sum::<u64>();
    let mut groups: Vec<_> = points.into_iter().collect();
    groups.sort_by(|a, b| total(&b.1).cmp(&total(&a.1)).then_with(|| a.0.cmp(&b.0)));
    Ok(write::volume(&groups))
}

fn volume_by(params: &Params, selector: &Selector) -> Result<VolumeBy, QueryError> {
    let targets = params.get("targetLabels").split(',').filter(|name| !name.is_empty());
    let targets: BTreeSet<String> = targets.map(Into::into).collect();
    match params.get("aggregateBy") {
        "" | "series" if targets.is_empty() => {
            Ok(VolumeBy::Series(selector.0.iter().map(|m| m.name.clone()).collect()))
        }
        "" | "series" => Ok(VolumeBy::Series(targets)),
        "labels" => Ok(VolumeBy::Labels(targets)),
        _ => Err(QueryError::invalid("invalid aggregation option")),
    }
}

pub async fn detected_labels(State(engine): Engine, ask: Ask) -> Result<Response, Failure> {
    let run = async {
        let range = ask.params.range(engine.clock.now(), HOUR)?;
        let selector = optional_selector(&ask.params)?;
        let labels = engine.detected_labels(&ask.caller.tenant, range, &selector).await?;
        let mut out = String::from("{\"detectedLabels\":[");
        crate::json::list(&labels, &mut out, |label, out| {
            out.push_str("{\"label\":");
            crate::json::string(&label.label, out);
            out.push_str(",\"cardinality\":");
            crate::json::number(label.cardinality, out);
            out.push('}');
        });
        Ok(out + "]}")
    };
    run.await.map(json).map_err(|error: QueryError| ask.caller.fail(error))
}
