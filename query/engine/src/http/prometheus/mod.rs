//! Prometheus' HTTP API: handlers read parameters, ask [`QueryEngine`] and write Prometheus' envelope.
//!
//! Here are queries, and the questions about names, the language and the state of the store.

mod envelope;
mod federate;
mod language;
mod names;
mod params;
mod query;
mod read;
mod status;
#[cfg(test)]
mod tests;
mod value;

use crate::QueryEngine;
use axum::Router;
use axum::extract::State;
use axum::routing::{get, post};
use std::sync::Arc;

type Engine = State<Arc<QueryEngine>>;

/// The routes below `/api/v1`, and `/federate`.
pub fn router() -> Router<Arc<QueryEngine>> {
    Router::new()
        .route("/api/v1/query", get(query::instant).post(query::instant))
        .route("/api/v1/query_range", get(query::range).post(query::range))
        .route("/api/v1/labels", get(names::labels).post(names::labels))
        .route("/api/v1/label/{name}/values", get(names::label_values))
        .route("/api/v1/series", get(names::series).post(names::series))
        .route("/api/v1/metadata", get(names::metadata))
        .route("/api/v1/query_exemplars", get(names::exemplars).post(names::exemplars))
        .route("/api/v1/format_query", get(language::format).post(language::format))
        .route("/api/v1/parse_query", get(language::parse).post(language::parse))
        .route("/api/v1/status/buildinfo", get(status::buildinfo))
        .route("/api/v1/status/tsdb", get(status::tsdb))
        .route("/api/v1/status/flags", get(status::flags))
        .route("/api/v1/status/runtimeinfo", get(status::runtimeinfo))
        .route("/api/v1/status/walreplay", get(status::walreplay))
        .route("/api/v1/read", post(read::read))
        .route("/federate", get(federate::federate))
}
