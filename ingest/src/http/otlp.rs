//! `POST /otlp/v1/logs` and `/v1/logs`: OTLP over HTTP (opentelemetry.io, "OTLP Specification", OTLP/HTTP).

use super::answer::{status, with_retry_after};
use super::receive::{Media, accept, encoding};
use crate::decode::{otlp_json, otlp_protobuf};
use crate::error::{Accepted, IngestError};
use crate::ingest::Ingest;
use crate::rpc_status;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use prost::Message;
use std::sync::Arc;

const SOURCE: &str = "otlp_http";

pub(super) async fn push(State(ingest): State<Arc<Ingest>>, request: Request) -> Response {
    let media = Media::of(request.headers());
    let outcome = match &media {
        Ok(media) => push_logs(&ingest, request, *media).await,
        Err(error) => {
            ingest.metrics.refused_request(SOURCE, error.reason);
            Err(error.clone())
        }
    };
    answer(media.unwrap_or(Media::Json), outcome)
}

async fn push_logs(ingest: &Arc<Ingest>, request: Request, media: Media) -> Result<Accepted, IngestError> {
    let encoding =
        encoding(request.headers()).inspect_err(|error| ingest.metrics.refused_request(SOURCE, error.reason))?;
    let decode = move |ingest: &Ingest, body: &[u8]| match media {
        Media::Protobuf => otlp_protobuf(body, ingest.clock().now()),
        Media::Json => otlp_json(body, ingest.clock().now()),
    };
    accept(ingest, SOURCE, request, encoding, decode).await
}

/// Both answers come in the encoding of the request, as the specification asks.
fn answer(media: Media, outcome: Result<Accepted, IngestError>) -> Response {
    match outcome {
        Ok(accepted) => {
            let answer = rpc_status::export_answer(&accepted);
            encoded(media, StatusCode::OK, &answer, || rpc_status::export_answer_json(&accepted))
        }
        Err(error) => {
            let answer = rpc_status::RpcStatus::of(&error);
            let response = encoded(media, status(error.kind()), &answer, || answer.to_json());
            with_retry_after(response, error.retry_after)
        }
    }
}

pub(super) fn encoded(
    media: Media,
    status: StatusCode,
    message: &impl Message,
    json: impl FnOnce() -> String,
) -> Response {
    match media {
        Media::Protobuf => {
            (status, [(header::CONTENT_TYPE, "application/x-protobuf")], message.encode_to_vec()).into_response()
        }
        Media::Json => (status, [(header::CONTENT_TYPE, "application/json")], json()).into_response(),
    }
}
