//! `POST /api/v1/ndjson`.

use super::answer::plain;
use super::receive::{accept, encoding};
use crate::compression::Encoding;
use crate::decode::{NdjsonFields, ndjson};
use crate::error::{Accepted, IngestError};
use crate::ingest::Ingest;
use crate::reason::Reason;
use axum::extract::{Query, Request, State};
use axum::response::Response;
use std::sync::Arc;

const SOURCE: &str = "ndjson";

/// Any content type is taken: the path says what it is, and clients name this format in many ways.
pub(super) async fn push(State(ingest): State<Arc<Ingest>>, request: Request) -> Response {
    let parsed = fields(&request).and_then(|fields| Ok((fields, encoding(request.headers())?)));
    let outcome = match parsed {
        Ok((fields, encoding)) => push_lines(&ingest, request, fields, encoding).await,
        Err(error) => {
            ingest.metrics.refused_request(SOURCE, error.reason);
            Err(error)
        }
    };
    plain(outcome)
}

async fn push_lines(
    ingest: &Arc<Ingest>,
    request: Request,
    fields: NdjsonFields,
    encoding: Encoding,
) -> Result<Accepted, IngestError> {
    let decode = move |ingest: &Ingest, body: &[u8]| ndjson(body, &fields, ingest.clock().now());
    accept(ingest, SOURCE, request, encoding, decode).await
}

/// `time_field`, `message_field`, `labels` (comma list) and `label.NAME=VALUE`; see [`NdjsonFields`].
fn fields(request: &Request) -> Result<NdjsonFields, IngestError> {
    let wrong = |message: String| IngestError::new(Reason::InvalidParameter, message);
    let Query(parameters) =
        Query::<Vec<(String, String)>>::try_from_uri(request.uri()).map_err(|e| wrong(e.to_string()))?;
    let mut fields = NdjsonFields::default();
    for (name, value) in parameters {
        match (name.as_str(), name.strip_prefix("label.")) {
            ("time_field", _) => fields.time = Some(value),
            ("message_field", _) => fields.message = Some(value),
            ("labels", _) => {
                fields.labels.extend(value.split(',').map(str::trim).filter(|s| !s.is_empty()).map(str::to_owned));
            }
            (_, Some(label)) => fields.fixed.push((label.to_owned(), value)),
            (unknown, None) => {
                let message =
                    format!("unknown parameter {unknown:?}; use time_field, message_field, labels, label.NAME");
                return Err(wrong(message));
            }
        }
    }
    Ok(fields)
}
