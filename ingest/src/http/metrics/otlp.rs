//! `POST /v1/metrics`, also `/otlp/v1/metrics` and Prometheus' own `/api/v1/otlp/v1/metrics`: OTLP over HTTP.

use super::{accept, refused};
use crate::decode::{otlp_metrics_json, otlp_metrics_protobuf};
use crate::error::IngestError;
use crate::http::answer::{status, with_retry_after};
use crate::http::otlp::encoded;
use crate::http::receive::{Media, encoding, tenant};
use crate::rpc_status::{RpcStatus, export_metrics_answer, export_metrics_answer_json};
use crate::samples::{MetricAccepted, MetricIngest};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use std::sync::Arc;

const SOURCE: &str = "otlp_http";

pub(super) async fn push(State(door): State<Arc<MetricIngest>>, request: Request) -> Response {
    let media = Media::of(request.headers());
    let outcome = match &media {
        Ok(media) => push_metrics(&door, request, *media).await,
        Err(error) => refused(&door, SOURCE, error.clone()),
    };
    answer(media.unwrap_or(Media::Json), outcome)
}

async fn push_metrics(door: &Arc<MetricIngest>, request: Request, media: Media) -> Result<MetricAccepted, IngestError> {
    let headers = request.headers();
    let parsed = encoding(headers).and_then(|encoding| Ok((encoding, tenant(headers)?)));
    let (encoding, tenant) = match parsed {
        Ok(parsed) => parsed,
        Err(error) => return refused(door, SOURCE, error),
    };
    let of = door.clone();
    let decode = move |_: &crate::Ingest, body: &[u8]| match media {
        Media::Protobuf => otlp_metrics_protobuf(body, of.otlp_context(&tenant)),
        Media::Json => otlp_metrics_json(body, of.otlp_context(&tenant)),
    };
    accept(door, SOURCE, request, encoding, decode).await
}

/// Both answers come in the encoding of the request, as the specification asks.
fn answer(media: Media, outcome: Result<MetricAccepted, IngestError>) -> Response {
    match outcome {
        Ok(accepted) => {
            let answer = export_metrics_answer(&accepted);
            encoded(media, StatusCode::OK, &answer, || export_metrics_answer_json(&accepted))
        }
        Err(error) => {
            let answer = RpcStatus::of(&error);
            let response = encoded(media, status(error.kind()), &answer, || answer.to_json());
            with_retry_after(response, error.retry_after)
        }
    }
}
