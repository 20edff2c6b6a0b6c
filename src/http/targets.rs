//! `GET /api/v1/targets`, `/api/v1/targets/metadata`, `/api/v1/scrape_pools` and `/api/v1/status/config`, as in Prometheus: what is
//! scraped for the tenant who asks, and how it went.

use super::tenant::Tenant;
use axum::Json;
use axum::Router;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use gantry_ingest::scrape::{Pool, Pools, Scraper, Target, TargetStatus};
use gantry_model::LabelSet;
use gantry_model::metric::MetricMetadata;
use gantry_query::SeriesScope;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// `scraper`: whose configuration is shown to the tenant for whom it scrapes.
pub fn targets_router(pools: Arc<Pools>, scraper: Arc<Scraper>) -> Router {
    let config = Router::new().route("/api/v1/status/config", get(config)).with_state(scraper);
    Router::new()
        .route("/api/v1/targets", get(targets))
        .route("/api/v1/targets/metadata", get(metadata))
        .route("/api/v1/scrape_pools", get(scrape_pools))
        .with_state(pools)
        .merge(config)
}

async fn config(State(scraper): State<Arc<Scraper>>, tenant: Tenant) -> Response {
    let (owner, yaml) = scraper.shown();
    success(&json!({ "yaml": if tenant.0 == *owner { yaml } else { String::new() } }))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct WhichTargets {
    /// `active`, `dropped` or `any`.
    state: String,
    #[serde(rename = "scrapePool")]
    pool: String,
}

async fn targets(State(pools): State<Arc<Pools>>, tenant: Tenant, Query(which): Query<WhichTargets>) -> Response {
    let (active, dropped) = match which.state.to_ascii_lowercase().as_str() {
        "" | "any" => (true, true),
        "active" => (true, false),
        "dropped" => (false, true),
        other => return bad(&format!("state is active, dropped or any, not {other:?}")),
    };
    let wanted = |name: &str| which.pool.is_empty() || which.pool == name;
    let pools: Vec<(String, Pool)> = pools.of(&tenant.0).into_iter().filter(|(name, _)| wanted(name)).collect();
    let of_pool = |(name, pool): &(String, Pool)| -> Vec<Value> {
        pool.active.iter().map(|(target, status)| shown(name, target, status)).collect()
    };
    let gone = |(name, pool): &(String, Pool)| -> Vec<Value> {
        pool.dropped.iter().map(|labels| json!({ "discoveredLabels": labels, "scrapePool": name })).collect()
    };
    let counts: Map<String, Value> =
        pools.iter().map(|(name, pool)| (name.clone(), json!(pool.dropped_count))).collect();
    success(&json!({
        "activeTargets": if active { pools.iter().flat_map(of_pool).collect() } else { Vec::new() },
        "droppedTargets": if dropped { pools.iter().flat_map(gone).collect() } else { Vec::new() },
        "droppedTargetCounts": counts,
    }))
}

fn shown(pool: &str, target: &Target, status: &TargetStatus) -> Value {
    let duration = |duration| humantime::format_duration(duration).to_string().replace(' ', "");
    let health = match &status.last {
        None => "unknown",
        Some(last) if last.error.is_some() => "down",
        Some(_) => "up",
    };
    let last = status.last.as_ref();
    // Prometheus' zero time, before the first scrape.
    let at = last.map_or_else(
        || "0001-01-01T00:00:00Z".to_owned(),
        |last| {
            chrono::DateTime::from_timestamp_nanos(last.at.nanos()).to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true)
        },
    );
    json!({
        "discoveredLabels": status.discovered,
        "labels": labels(&target.labels),
        "scrapePool": pool,
        "scrapeUrl": target.url,
        "globalUrl": target.url,
        "lastError": last.and_then(|last| last.error.as_deref()).unwrap_or(""),
        "lastScrape": at,
        "lastScrapeDuration": last.map_or(0.0, |last| last.took.as_secs_f64()),
        "health": health,
        "scrapeInterval": duration(target.interval),
        "scrapeTimeout": duration(target.timeout),
    })
}

fn labels(labels: &LabelSet) -> Value {
    Value::Object(labels.iter().map(|(name, value)| (name.to_owned(), json!(value))).collect())
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct WhichFamilies {
    /// A selector over labels of targets.
    match_target: String,
    /// Name of a family.
    metric: String,
    /// Most rows; 0 and what is below are no limit.
    limit: String,
}

async fn metadata(State(pools): State<Arc<Pools>>, tenant: Tenant, Query(which): Query<WhichFamilies>) -> Response {
    let pairs =
        if which.match_target.is_empty() { Vec::new() } else { vec![("match[]".to_owned(), which.match_target)] };
    let selectors = match SeriesScope::from_pairs(pairs) {
        Ok(scope) => scope.selectors,
        Err(error) => return bad(&error.to_string()),
    };
    let limit = match which.limit.as_str() {
        "" => 0,
        text => match text.parse::<i64>() {
            Ok(limit) => usize::try_from(limit).unwrap_or(0),
            Err(_) => return bad("limit must be a number"),
        },
    };
    let chosen = |labels: &LabelSet| selectors.is_empty() || selectors.iter().any(|selector| selector.matches(labels));
    let mut rows = Vec::new();
    for (target, status) in pools.of(&tenant.0).into_iter().flat_map(|(_, pool)| pool.active) {
        if !chosen(&target.labels) {
            continue;
        }
        let mut families: Vec<(&String, &MetricMetadata)> = status.metadata.iter().collect();
        families.sort_by_key(|(name, _)| *name);
        families.retain(|(name, _)| which.metric.is_empty() || **name == which.metric);
        let row = |(name, about): (&String, &MetricMetadata)| {
            let mut row = json!({ "target": labels(&target.labels), "type": about.kind.as_str(), "help": about.help, "unit": about.unit });
            if which.metric.is_empty() {
                row["metric"] = json!(name);
            }
            row
        };
        rows.extend(families.into_iter().map(row));
    }
    if limit > 0 {
        rows.truncate(limit);
    }
    success(&json!(rows))
}

async fn scrape_pools(State(pools): State<Arc<Pools>>, tenant: Tenant) -> Response {
    let names: Vec<String> = pools.of(&tenant.0).into_iter().map(|(name, _)| name).collect();
    success(&json!({ "scrapePools": names }))
}

fn success(data: &Value) -> Response {
    Json(json!({ "status": "success", "data": data })).into_response()
}

fn bad(text: &str) -> Response {
    let body = json!({ "status": "error", "errorType": "bad_data", "error": text });
    (StatusCode::BAD_REQUEST, Json(body)).into_response()
}
