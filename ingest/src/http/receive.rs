//! From a request to decoded lines: tenant, media type, body under its limits, decompression, decoding.

use crate::admission::Reservation;
use crate::compression::{Encoding, decompress};
use crate::decode::DecodeError;
use crate::error::{Accepted, IngestError};
use crate::incoming::Incoming;
use crate::ingest::Ingest;
use crate::reason::Reason;
use axum::body::{Body, BodyDataStream, Bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, header};
use futures::StreamExt;
use gantry_model::TenantId;
use std::sync::Arc;
use std::time::Duration;

/// The header that names the tenant, as Loki and its clients have it.
const TENANT_HEADER: &str = "x-scope-orgid";
/// Plain and snappy bodies up to this size are decoded where they are: it takes about a millisecond.
const INLINE_BYTES: usize = 512 * 1024;

/// How much of a body that is refused for its size is read all the same, and for how long.
const DRAINED_BYTES: usize = 64 << 20;
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

/// How a body is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Media {
    Protobuf,
    Json,
}

/// The header's media type without parameters, in lower case; empty when there is none.
fn media_type(headers: &HeaderMap) -> String {
    let text = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or("");
    text.split(';').next().unwrap_or("").trim().to_ascii_lowercase()
}

impl Media {
    /// # Errors
    /// `unsupported_content_type`. Without a header the body is taken for protobuf, as Loki does.
    pub fn of(headers: &HeaderMap) -> Result<Self, IngestError> {
        match media_type(headers).as_str() {
            "" | "application/x-protobuf" | "application/protobuf" | "application/octet-stream" => Ok(Media::Protobuf),
            "application/json" => Ok(Media::Json),
            other => {
                let other: String = other.chars().take(100).collect();
                let message =
                    format!("Content-Type {other:?} is not read here; use application/x-protobuf or application/json");
                Err(IngestError::new(Reason::UnsupportedContentType, message))
            }
        }
    }
}

pub(super) fn encoding(headers: &HeaderMap) -> Result<Encoding, IngestError> {
    let Some(header) = headers.get(header::CONTENT_ENCODING) else { return Ok(Encoding::Identity) };
    Encoding::parse(header.to_str().unwrap_or("unreadable"))
}

pub(super) fn tenant(headers: &HeaderMap) -> Result<TenantId, IngestError> {
    let Some(header) = headers.get(TENANT_HEADER).filter(|value| !value.is_empty()) else {
        return Ok(TenantId::default_tenant());
    };
    let name = String::from_utf8_lossy(header.as_bytes());
    TenantId::new(&name).map_err(|error| IngestError::new(Reason::InvalidTenant, error.to_string()))
}

/// Takes a request in: reads, decompresses and decodes its body, and submits the lines. `decode` gets the body after
/// decompression.
pub(super) async fn accept<D>(
    ingest: &Arc<Ingest>,
    source: &'static str,
    request: Request,
    encoding: Encoding,
    decode: D,
) -> Result<Accepted, IngestError>
where
    D: FnOnce(&Ingest, &[u8]) -> Result<Incoming, DecodeError> + Send + 'static,
{
    let tenant = tenant(request.headers());
    let received = receive(ingest, source, request, tenant, encoding, decode).await?;
    let outcome = ingest.submit(&received.tenant, source, received.decoded).await;
    drop(received.reservation);
    outcome
}

/// A decoded request, and the memory that it holds until its lines are stored.
#[derive(Debug)]
pub(super) struct Received<T> {
    pub tenant: TenantId,
    pub decoded: T,
    pub reservation: Reservation,
}

/// As [`accept`] without submitting: for protocols whose answer needs more of the request than its lines. Refusals are
/// counted here.
pub(super) async fn receive<T, D>(
    ingest: &Arc<Ingest>,
    source: &'static str,
    request: Request,
    tenant: Result<TenantId, IngestError>,
    encoding: Encoding,
    decode: D,
) -> Result<Received<T>, IngestError>
where
    T: Send + 'static,
    D: FnOnce(&Ingest, &[u8]) -> Result<T, DecodeError> + Send + 'static,
{
    let mut reservation = ingest.reserve();
    let received = async {
        let tenant = tenant?;
        ingest.check_tenant(&tenant)?;
        let body = read_body(ingest, request, &mut reservation).await?;
        Ok((tenant, body))
    };
    let decoded = match received.await {
        Ok((tenant, body)) => {
            let (decoded, reservation) = decode_body(ingest.clone(), body, encoding, reservation, decode).await;
            decoded.map(|decoded| Received { tenant, decoded, reservation })
        }
        Err(error) => Err(error),
    };
    decoded.inspect_err(|error| ingest.metrics.refused_request(source, error.reason))
}

async fn read_body(ingest: &Ingest, request: Request, reservation: &mut Reservation) -> Result<Bytes, IngestError> {
    let max = ingest.options().max_body_bytes;
    let announced = request.headers().get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse().ok());
    if announced.is_some_and(|bytes: usize| bytes > max) {
        drain(&mut request.into_body().into_data_stream()).await;
        return Err(too_large(max));
    }
    let whole = collect(request.into_body(), max, announced.unwrap_or(0), reservation);
    let timeout = ingest.options().body_timeout;
    match tokio::time::timeout(timeout, whole).await {
        Ok(body) => body,
        Err(_) => Err(IngestError::new(Reason::BodyTimeout, format!("the body did not arrive within {timeout:?}"))),
    }
}

fn too_large(max: usize) -> IngestError {
    let message = format!("the body has more than {max} bytes; send smaller requests");
    IngestError::new(Reason::BodyTooLarge, message)
}

/// Reads on and throws away, within limits: a client that is still sending would else see a reset connection in place of
/// the refusal.
async fn drain(parts: &mut BodyDataStream) {
    let mut left = DRAINED_BYTES;
    let reading = async {
        while let Some(Ok(part)) = parts.next().await {
            left = left.saturating_sub(part.len());
            if left == 0 {
                break;
            }
        }
    };
    // Too slow or too much: the connection is closed under the client.
    let _ = tokio::time::timeout(DRAIN_TIMEOUT, reading).await;
}

async fn collect(body: Body, max: usize, expected: usize, held: &mut Reservation) -> Result<Bytes, IngestError> {
    held.grow_to(expected)?;
    let mut whole: Vec<u8> = Vec::new();
    let mut parts = body.into_data_stream();
    while let Some(part) = parts.next().await {
        let part = part.map_err(|_| IngestError::new(Reason::BodyIncomplete, "the body ended early"))?;
        if whole.len() + part.len() > max {
            drop(whole);
            drain(&mut parts).await;
            return Err(too_large(max));
        }
        held.grow_to(whole.len() + part.len())?;
        if whole.is_empty() {
            whole.reserve_exact(expected.max(part.len()));
        }
        whole.extend_from_slice(&part);
    }
    Ok(whole.into())
}

/// Decompresses and decodes, on a thread for blocking work when that may take long.
async fn decode_body<T, D>(
    ingest: Arc<Ingest>,
    body: Bytes,
    encoding: Encoding,
    mut reservation: Reservation,
    decode: D,
) -> (Result<T, IngestError>, Reservation)
where
    T: Send + 'static,
    D: FnOnce(&Ingest, &[u8]) -> Result<T, DecodeError> + Send + 'static,
{
    let quick = matches!(encoding, Encoding::Identity | Encoding::Snappy) && body.len() <= INLINE_BYTES;
    let work = move || {
        let max = ingest.options().max_decompressed_bytes;
        let grow = |bytes: usize| reservation.grow_to(body.len() + 2 * bytes);
        let decoded =
            decompress(encoding, &body, max, grow).and_then(|plain| decode(&ingest, &plain).map_err(IngestError::from));
        (decoded, reservation)
    };
    if quick {
        return work();
    }
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
    }
}
