//! The HTTP face: the read APIs of Loki and Prometheus, SQL, and the live tail.
//!
//! Handlers read parameters, ask [`QueryEngine`] and write the answer; they decide nothing. The only place with axum.

mod catalog;
mod context;
mod error;
mod fields;
mod params;
mod patterns;
mod prometheus;
mod query;
mod request;
mod sql;
mod tail;
#[cfg(test)]
mod tests;
pub(crate) mod write;

use crate::QueryEngine;
use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use std::sync::Arc;

/// All routes of this crate. A layer in front may put a [`gantry_model::TenantId`] into the extensions of the request.
pub fn router(engine: Arc<QueryEngine>) -> Router {
    Router::new()
        .route("/loki/api/v1/query", get(query::instant).post(query::instant))
        .route("/loki/api/v1/query_range", get(query::range).post(query::range))
        .route("/loki/api/v1/format_query", get(query::format).post(query::format))
        .route("/loki/api/v1/labels", get(catalog::labels).post(catalog::labels))
        .route("/loki/api/v1/label", get(catalog::labels).post(catalog::labels))
        .route("/loki/api/v1/label/{name}/values", get(catalog::label_values).post(catalog::label_values))
        .route("/loki/api/v1/series", get(catalog::series).post(catalog::series))
        .route("/loki/api/v1/index/stats", get(catalog::index_stats).post(catalog::index_stats))
        .route("/loki/api/v1/index/volume", get(catalog::index_volume).post(catalog::index_volume))
        .route("/loki/api/v1/index/volume_range", get(catalog::index_volume_range).post(catalog::index_volume_range))
        .route("/loki/api/v1/detected_labels", get(catalog::detected_labels).post(catalog::detected_labels))
        .route("/loki/api/v1/detected_fields", get(fields::fields).post(fields::fields))
        .route("/loki/api/v1/detected_field/{name}/values", get(fields::values).post(fields::values))
        .route("/loki/api/v1/patterns", get(patterns::patterns).post(patterns::patterns))
        .route("/loki/api/v1/tail", get(tail::tail))
        .route("/loki/api/v1/status/buildinfo", get(buildinfo))
        .route("/loki/api/{*other}", any(not_found))
        .route("/api/v1/sql", post(sql::sql))
        .route("/api/v1/logs/context", get(context::context).post(context::context))
        .route("/api/v1/explain", get(query::explain).post(query::explain))
        .merge(prometheus::router())
        .with_state(engine)
}

fn json(body: String) -> Response {
    ([(header::CONTENT_TYPE, "application/json; charset=utf-8")], body).into_response()
}

async fn not_found() -> Response {
    let plain = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
    (StatusCode::NOT_FOUND, plain, "404 page not found\n").into_response()
}

/// The version is that of the Loki whose API is spoken, because clients switch features by it.
async fn buildinfo() -> Response {
    let revision = concat!("gantry-", env!("CARGO_PKG_VERSION"));
    let body = serde_json::json!({
        "version": "3.5.0",
        "revision": revision,
        "branch": "main",
        "buildUser": "",
        "buildDate": "",
        "goVersion": "",
    });
    json(body.to_string())
}
