//! The receivers that speak HTTP. Each is: receive (tenant, body, size), decode, [`Ingest::submit`], answer.
//!
//! | path | what |
//! |---|---|
//! | `POST /loki/api/v1/push` | Loki push, protobuf and JSON |
//! | `POST /otlp/v1/logs`, `POST /v1/logs` | OTLP logs, protobuf and JSON |
//! | `POST /api/v1/ndjson` | newline-delimited JSON, JSON arrays and objects |
//! | `POST /_bulk`, `/{index}/_bulk`, both also under `/elasticsearch` | Elasticsearch bulk, and what its clients ask first |
//! | `POST /services/collector...` | Splunk's HTTP event collector |
//! | `POST /upload` | `systemd-journal-upload` |
//!
//! Receivers of metrics are routes of their own: [`metric_router`].

mod answer;
mod elastic;
mod journal;
mod loki;
mod metrics;
mod ndjson;
mod otlp;
mod receive;
mod splunk;

pub use elastic::{ELASTIC_PRODUCT, elastic_info};
pub use metrics::metric_router;

use crate::Ingest;
use axum::Router;
use axum::routing::{get, post};
use std::sync::Arc;

/// The routes of all HTTP receivers.
pub fn router(ingest: Arc<Ingest>) -> Router {
    Router::new()
        .route("/loki/api/v1/push", post(loki::push))
        .route("/otlp/v1/logs", post(otlp::push))
        .route("/v1/logs", post(otlp::push))
        .route("/api/v1/ndjson", post(ndjson::push))
        .route("/upload", post(journal::upload))
        .merge(splunk::router())
        .merge(elastic::router())
        .nest("/elasticsearch", elastic::router())
        .route("/elasticsearch", get(elastic::info))
        .route("/elasticsearch/", get(elastic::info))
        .with_state(ingest)
}

#[cfg(test)]
mod tests;
