//! `POST /loki/api/v1/push`.

use super::answer::plain;
use super::receive::{Media, accept, encoding};
use crate::compression::{Encoding, decompress};
use crate::decode::{DecodeError, loki_json, loki_protobuf};
use crate::error::{Accepted, IngestError};
use crate::incoming::Incoming;
use crate::ingest::Ingest;
use axum::extract::{Request, State};
use axum::response::Response;
use std::sync::Arc;

const SOURCE: &str = "loki";

pub(super) async fn push(State(ingest): State<Arc<Ingest>>, request: Request) -> Response {
    plain(push_inner(&ingest, request).await)
}

async fn push_inner(ingest: &Arc<Ingest>, request: Request) -> Result<Accepted, IngestError> {
    let parsed = Media::of(request.headers()).and_then(|media| Ok((media, encoding(request.headers())?)));
    let (media, encoding) = parsed.inspect_err(|error| ingest.metrics.refused_request(SOURCE, error.reason))?;
    match (media, encoding) {
        (Media::Json, encoding) => accept(ingest, SOURCE, request, encoding, |_, body| loki_json(body)).await,
        // Loki's protobuf is a snappy block, whether or not a header says so.
        (Media::Protobuf, Encoding::Identity | Encoding::Snappy) => {
            let decode = |ingest: &Ingest, body: &[u8]| loki_protobuf(body, ingest.labels());
            accept(ingest, SOURCE, request, Encoding::Snappy, decode).await
        }
        (Media::Protobuf, encoding) => accept(ingest, SOURCE, request, encoding, twice_compressed).await,
    }
}

/// Protobuf under gzip, deflate or zstd: clients differ in whether the snappy block is still within.
fn twice_compressed(ingest: &Ingest, body: &[u8]) -> Result<Incoming, DecodeError> {
    match decompress(Encoding::Snappy, body, ingest.options().max_decompressed_bytes, |_| Ok(())) {
        Ok(plain) => loki_protobuf(&plain, ingest.labels()),
        Err(_) => loki_protobuf(body, ingest.labels()),
    }
}
