//! `POST /write` (InfluxDB 1) and `POST /api/v2/write` (InfluxDB 2), and what their clients ask before.
//!
//! `db` and `bucket` become the label `db`. Errors come as JSON in the words of each version.

use super::{accept, refused};
use crate::decode::{InfluxContext, Precision, influx};
use crate::error::IngestError;
use crate::http::answer::{status, with_retry_after};
use crate::http::receive::encoding;
use crate::reason::{Kind, Reason};
use crate::samples::{MetricAccepted, MetricIngest};
use axum::Json;
use axum::extract::{Query, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use std::sync::Arc;

const SOURCE: &str = "influx";
/// Clients ask it to know which protocol is spoken.
const VERSION: (&str, &str) = ("x-influxdb-version", "1.8.10");

type Outcome = Result<MetricAccepted, IngestError>;

pub(super) async fn write_v1(State(door): State<Arc<MetricIngest>>, request: Request) -> Response {
    answer(push(&door, request).await, |_, message| json!({ "error": message }))
}

pub(super) async fn write_v2(State(door): State<Arc<MetricIngest>>, request: Request) -> Response {
    answer(push(&door, request).await, |code, message| json!({"code": code, "message": message}))
}

pub(super) async fn ping() -> Response {
    (StatusCode::NO_CONTENT, [VERSION]).into_response()
}

/// Databases need not be created here, but agents do so before they write.
pub(super) async fn query(request: Request) -> Response {
    let parameters = parameters(&request).unwrap_or_default();
    let asked = parameters.iter().find(|(name, _)| name == "q").map_or("", |(_, query)| query.trim());
    if asked.to_ascii_uppercase().starts_with("CREATE DATABASE") {
        return Json(json!({"results": [{"statement_id": 0}]})).into_response();
    }
    let error = "InfluxQL is not spoken here: query with PromQL";
    (StatusCode::BAD_REQUEST, Json(json!({ "error": error }))).into_response()
}

async fn push(door: &Arc<MetricIngest>, request: Request) -> Outcome {
    let context = context(&request, door);
    let parsed = context.and_then(|context| Ok((context, encoding(request.headers())?)));
    let (context, encoding) = match parsed {
        Ok(parsed) => parsed,
        Err(error) => return refused(door, SOURCE, error),
    };
    accept(door, SOURCE, request, encoding, move |_, body| Ok(influx(body, &context))).await
}

fn parameters(request: &Request) -> Result<Vec<(String, String)>, IngestError> {
    let Query(parameters) = Query::try_from_uri(request.uri())
        .map_err(|error| IngestError::new(Reason::InvalidParameter, error.to_string()))?;
    Ok(parameters)
}

/// Other parameters (`rp`, `org`, `u`, `p`, `consistency`) are taken and have no effect.
fn context(request: &Request, door: &MetricIngest) -> Result<InfluxContext, IngestError> {
    let mut context = InfluxContext { now: door.ingest().clock().now(), ..InfluxContext::default() };
    for (name, value) in parameters(request)? {
        match name.as_str() {
            "precision" => {
                context.precision = Precision::parse(&value).ok_or_else(|| {
                    let message = format!("precision {value:?} is none of ns, us, ms, s, m, h");
                    IngestError::new(Reason::InvalidParameter, message)
                })?;
            }
            "db" | "bucket" if !value.is_empty() => context.labels = vec![("db".to_owned(), value)],
            _ => {}
        }
    }
    Ok(context)
}

fn answer(outcome: Outcome, body: impl FnOnce(&str, String) -> Value) -> Response {
    match outcome {
        Ok(accepted) if accepted.refused.is_empty() => (StatusCode::NO_CONTENT, [VERSION]).into_response(),
        Ok(accepted) => {
            let message = format!("partial write: {}", accepted.summary());
            (StatusCode::BAD_REQUEST, [VERSION], Json(body("invalid", message))).into_response()
        }
        Err(error) => {
            let answer = Json(body(code(error.kind()), error.to_string()));
            let response = (status(error.kind()), [VERSION], answer).into_response();
            with_retry_after(response, error.retry_after)
        }
    }
}

fn code(kind: Kind) -> &'static str {
    match kind {
        Kind::Invalid | Kind::Unsupported | Kind::Timeout => "invalid",
        Kind::Forbidden => "forbidden",
        Kind::TooLarge => "request too large",
        Kind::Overloaded => "too many requests",
        Kind::Unavailable | Kind::StorageFull => "unavailable",
        Kind::Internal => "internal error",
    }
}
