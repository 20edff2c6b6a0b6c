//! `POST /_bulk` and what Elasticsearch's clients ask before they send it.
//!
//! Sources: Elasticsearch reference, "Bulk API", "Root API", "Index templates", "ILM" (elastic.co/docs/api); the header
//! `X-Elastic-Product` that the official clients insist on. Templates, policies, pipelines and data streams have no
//! meaning here: to write one is acknowledged and changes nothing, and each that is asked for is said to exist, so that
//! agents do not stop at it.

mod answer;

use super::answer::{status, with_retry_after};
use super::receive::{encoding, receive, tenant};
use crate::decode::{Bulk, BulkRequest, bulk};
use crate::error::IngestError;
use crate::ingest::Ingest;
use crate::reason::Reason;
use axum::Json;
use axum::Router;
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderName, HeaderValue, Method};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use serde_json::{Value, json};
use std::sync::Arc;

const SOURCE: &str = "elastic";
/// The version that is claimed: agents of version 8 and 9 check that it is not older than they can speak to.
const VERSION: &str = "8.19.0";
/// Without this header the official clients refuse to go on.
pub const ELASTIC_PRODUCT: (HeaderName, HeaderValue) =
    (HeaderName::from_static("x-elastic-product"), HeaderValue::from_static("Elasticsearch"));

/// All routes but the root, which belongs to the process.
pub(super) fn router() -> Router<Arc<Ingest>> {
    let bulk = post(push).put(push);
    let bulk_of_index = post(push_to).put(push_to);
    Router::new()
        .route("/_bulk", bulk)
        .route("/{index}/_bulk", bulk_of_index)
        .route("/_license", get(license))
        .route("/_xpack", get(xpack))
        .route("/_cluster/health", get(health))
        .route("/_nodes", get(nodes))
        .route("/_nodes/{*what}", get(nodes))
        .route("/_index_template/{name}", any(index_template))
        .route("/_component_template/{name}", any(component_template))
        .route("/_template/{name}", any(named))
        .route("/_ilm/policy/{name}", any(named))
        .route("/_ingest/pipeline/{name}", any(named))
        .route("/_data_stream/{name}", any(data_stream))
        .layer(middleware::from_fn(name_product))
}

async fn name_product(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    response.headers_mut().insert(ELASTIC_PRODUCT.0, ELASTIC_PRODUCT.1);
    response
}

/// What `GET /` of an Elasticsearch server says: name, version, tagline.
pub fn elastic_info() -> Response {
    let info = json!({
        "name": "gantry",
        "cluster_name": "gantry",
        "cluster_uuid": "_na_",
        "version": {
            "number": VERSION,
            "build_flavor": "default",
            "build_type": "tar",
            "build_snapshot": false,
            "lucene_version": "9.12.2",
            "minimum_wire_compatibility_version": "7.17.0",
            "minimum_index_compatibility_version": "7.0.0",
        },
        "tagline": "You Know, for Search",
    });
    ([ELASTIC_PRODUCT], Json(info)).into_response()
}

pub(super) async fn info() -> Response {
    elastic_info()
}

async fn push(State(ingest): State<Arc<Ingest>>, request: Request) -> Response {
    bulk_answer(&ingest, None, request).await
}

async fn push_to(State(ingest): State<Arc<Ingest>>, Path(index): Path<String>, request: Request) -> Response {
    bulk_answer(&ingest, Some(index), request).await
}

async fn bulk_answer(ingest: &Arc<Ingest>, index: Option<String>, request: Request) -> Response {
    let started = tokio::time::Instant::now();
    match take(ingest, index, request).await {
        Ok(items) => answer::items(&items, started.elapsed()).into_response(),
        Err(error) => {
            let code = status(error.kind());
            let response = (code, answer::error(&error, code.as_u16())).into_response();
            with_retry_after(response, error.retry_after)
        }
    }
}

/// Stores what is good; the items say what is not.
async fn take(
    ingest: &Arc<Ingest>,
    index: Option<String>,
    request: Request,
) -> Result<Vec<crate::decode::BulkItem>, IngestError> {
    let parsed = parameters(&request, index).and_then(|bulk| Ok((bulk, encoding(request.headers())?)));
    let (parameters, encoding) = parsed.inspect_err(|error| ingest.metrics.refused_request(SOURCE, error.reason))?;
    let tenant = tenant(request.headers());
    let decode = move |ingest: &Ingest, body: &[u8]| bulk(body, &parameters, ingest.options(), ingest.clock().now());
    let received = receive(ingest, SOURCE, request, tenant, encoding, decode).await?;
    let Bulk { incoming, items } = received.decoded;
    let accepted = ingest.submit(&received.tenant, SOURCE, incoming).await?;
    tracing::trace!(lines = accepted.lines, refused = accepted.refused.lines(), "bulk");
    Ok(items)
}

/// `_time_field` is Gantry's own parameter; those of Elasticsearch (`pipeline`, `refresh`, `filter_path`, ...) are taken
/// and have no effect.
fn parameters(request: &Request, index: Option<String>) -> Result<BulkRequest, IngestError> {
    let Query(parameters) = Query::<Vec<(String, String)>>::try_from_uri(request.uri())
        .map_err(|error| IngestError::new(Reason::InvalidParameter, error.to_string()))?;
    let time_field = parameters.into_iter().find(|(name, _)| name == "_time_field").map(|(_, value)| value);
    Ok(BulkRequest { index, time_field })
}

async fn license() -> Json<Value> {
    let uid = "00000000-0000-0000-0000-000000000000";
    Json(json!({"license": {"status": "active", "uid": uid, "type": "basic", "mode": "basic", "issued_to": "gantry"}}))
}

async fn xpack() -> Json<Value> {
    let on = json!({"available": true, "enabled": true});
    Json(json!({
        "build": {},
        "license": {"type": "basic", "mode": "basic", "status": "active"},
        "features": {"ilm": on, "data_streams": on},
    }))
}

async fn health() -> Json<Value> {
    Json(json!({
        "cluster_name": "gantry", "status": "green", "timed_out": false, "number_of_nodes": 1,
        "number_of_data_nodes": 1, "active_primary_shards": 1, "active_shards": 1, "relocating_shards": 0,
        "initializing_shards": 0, "unassigned_shards": 0, "active_shards_percent_as_number": 100.0,
    }))
}

/// No addresses: clients that sniff go on with the one that they were given.
async fn nodes() -> Json<Value> {
    Json(json!({"_nodes": {"total": 0, "successful": 0, "failed": 0}, "cluster_name": "gantry", "nodes": {}}))
}

fn written_or(method: &Method, found: Value) -> Json<Value> {
    let reads = method == Method::GET || method == Method::HEAD;
    Json(if reads { found } else { json!({"acknowledged": true}) })
}

async fn index_template(method: Method, Path(name): Path<String>) -> Json<Value> {
    let template = json!({"index_patterns": ["*"], "composed_of": [], "data_stream": {}});
    written_or(&method, json!({"index_templates": [{"name": name, "index_template": template}]}))
}

async fn component_template(method: Method, Path(name): Path<String>) -> Json<Value> {
    written_or(&method, json!({"component_templates": [{"name": name, "component_template": {"template": {}}}]}))
}

/// Legacy templates, policies and pipelines: an object of what is asked for.
async fn named(method: Method, Path(name): Path<String>) -> Json<Value> {
    written_or(&method, json!({name: {}}))
}

async fn data_stream(method: Method, Path(name): Path<String>) -> Json<Value> {
    written_or(&method, json!({"data_streams": [{"name": name, "generation": 1, "status": "GREEN", "indices": []}]}))
}

#[cfg(test)]
mod tests;
