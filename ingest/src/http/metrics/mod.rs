//! The receivers of metrics that speak HTTP, built as those of lines are.
//!
//! | path | what |
//! |---|---|
//! | `POST /api/v1/write`, `/api/v1/push` | Prometheus remote write 1.0 and 2.0 |
//! | `POST /v1/metrics`, `/otlp/v1/metrics`, `/api/v1/otlp/v1/metrics` | OTLP metrics, protobuf and JSON |
//! | `POST /api/v1/import/prometheus` | text format, OpenMetrics, Prometheus' protobuf |
//! | `POST /write`, `/api/v2/write` | InfluxDB's line protocol; `/ping` and `/query`, which its clients ask first |
//! | `PUT`, `POST /metrics/job/JOB...` | the same, as Pushgateway has it |

mod import;
mod influx;
mod otlp;
mod remote_write;

use super::answer::{status, with_retry_after};
use super::receive::{receive, tenant};
use crate::compression::Encoding;
use crate::decode::DecodeError;
use crate::error::IngestError;
use crate::incoming::MetricIncoming;
use crate::ingest::Ingest;
use crate::samples::{MetricAccepted, MetricIngest};
use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use std::sync::Arc;

/// The routes of all HTTP receivers of metrics.
pub fn metric_router(metrics: Arc<MetricIngest>) -> Router {
    Router::new()
        .route("/api/v1/write", post(remote_write::push))
        .route("/api/v1/push", post(remote_write::push))
        .route("/v1/metrics", post(otlp::push))
        .route("/otlp/v1/metrics", post(otlp::push))
        .route("/api/v1/otlp/v1/metrics", post(otlp::push))
        .route("/api/v1/import/prometheus", post(import::import))
        .route("/metrics/{*group}", put(import::push_group).post(import::push_group))
        .route("/write", post(influx::write_v1))
        .route("/api/v2/write", post(influx::write_v2))
        .route("/ping", get(influx::ping))
        .route("/query", post(influx::query).get(influx::query))
        .with_state(metrics)
}

/// Takes a request in: reads, decompresses and decodes its body, and submits the samples.
async fn accept<D>(
    door: &Arc<MetricIngest>,
    source: &'static str,
    request: Request,
    encoding: Encoding,
    decode: D,
) -> Result<MetricAccepted, IngestError>
where
    D: FnOnce(&Ingest, &[u8]) -> Result<MetricIncoming, DecodeError> + Send + 'static,
{
    let tenant = tenant(request.headers());
    let received = receive(door.ingest(), source, request, tenant, encoding, decode).await?;
    let outcome = door.submit(&received.tenant, source, received.decoded).await;
    drop(received.reservation);
    outcome
}

/// Counts a request that is refused before its body is read.
fn refused<T>(door: &MetricIngest, source: &str, error: IngestError) -> Result<T, IngestError> {
    door.ingest().metrics.refused_request(source, error.reason);
    Err(error)
}

/// 204 when all samples were stored, 400 with a summary when only some were, else the status of the refusal; plain text.
fn plain(outcome: &Result<MetricAccepted, IngestError>) -> Response {
    match outcome {
        Ok(accepted) if accepted.refused.is_empty() => StatusCode::NO_CONTENT.into_response(),
        Ok(accepted) => (StatusCode::BAD_REQUEST, format!("{}\n", accepted.summary())).into_response(),
        Err(error) => {
            let response = (status(error.kind()), format!("{error}\n")).into_response();
            with_retry_after(response, error.retry_after)
        }
    }
}

#[cfg(test)]
mod tests;
