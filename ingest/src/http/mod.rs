//! The receivers that speak HTTP. Each is: receive (tenant, body, size), decode, [`Ingest::submit`], answer.
//!
//! | path | what |
//! |---|---|
//! | `POST /loki/api/v1/push` | Loki push, protobuf and JSON |
//! | `POST /otlp/v1/logs`, `POST /v1/logs` | OTLP logs, protobuf and JSON |
//! | `POST /api/v1/ndjson` | newline-delimited JSON |

mod answer;
mod loki;
mod ndjson;
mod otlp;
mod receive;

use crate::Ingest;
use axum::Router;
use axum::routing::post;
use std::sync::Arc;

/// The routes of all HTTP receivers.
pub fn router(ingest: Arc<Ingest>) -> Router {
    Router::new()
        .route("/loki/api/v1/push", post(loki::push))
        .route("/otlp/v1/logs", post(otlp::push))
        .route("/v1/logs", post(otlp::push))
        .route("/api/v1/ndjson", post(ndjson::push))
        .with_state(ingest)
}

#[cfg(test)]
mod tests;
