//! `POST /upload`: entries of systemd's journal, as `systemd-journal-upload` sends them (systemd-journal-remote.service(8)).
//!
//! The first upload of a machine is its whole journal in one request. So a plain body is decoded and stored piece by piece
//! while it arrives; each piece is on disk before the next is read. A compressed body is taken whole, within limits.

use super::answer::plain;
use super::receive::{accept, encoding, tenant};
use crate::compression::Encoding;
use crate::decode::{JournalPiece, journal, journal_piece};
use crate::error::{Accepted, IngestError};
use crate::ingest::Ingest;
use crate::reason::Reason;
use axum::body::BodyDataStream;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use futures::StreamExt;
use std::sync::Arc;

const SOURCE: &str = "journal";
/// Stored at once.
const PIECE: usize = 1 << 20;

/// 202 when everything was stored; after any other answer the client sends the request again from its last good one.
pub(super) async fn upload(State(ingest): State<Arc<Ingest>>, request: Request) -> Response {
    let outcome = match encoding(request.headers()) {
        Ok(Encoding::Identity) => stream(&ingest, request).await,
        Ok(encoding) => {
            let decode = |ingest: &Ingest, body: &[u8]| journal(body, ingest.options(), ingest.clock().now());
            accept(&ingest, SOURCE, request, encoding, decode).await
        }
        Err(error) => {
            ingest.metrics.refused_request(SOURCE, error.reason);
            Err(error)
        }
    };
    match outcome {
        // A client that got an error for a few old lines would send the same entries for ever.
        Ok(accepted) if accepted.refused.is_empty() => (StatusCode::ACCEPTED, "OK.\n").into_response(),
        Ok(accepted) => {
            tracing::debug!("{}", accepted.refused.summary(accepted.lines));
            (StatusCode::ACCEPTED, format!("OK; {}\n", accepted.refused.summary(accepted.lines))).into_response()
        }
        Err(error) => plain(Err(error)),
    }
}

async fn stream(ingest: &Arc<Ingest>, request: Request) -> Result<Accepted, IngestError> {
    let refuse = |error: IngestError| {
        ingest.metrics.refused_request(SOURCE, error.reason);
        error
    };
    let tenant = tenant(request.headers()).and_then(|tenant| ingest.check_tenant(&tenant).map(|()| tenant));
    let tenant = tenant.map_err(refuse)?;
    let mut held = ingest.reserve();
    let mut total = Accepted::default();
    let (mut body, mut buffer) = (request.into_body().into_data_stream(), Vec::new());
    loop {
        let more = fill(ingest, &mut body, &mut buffer).await.map_err(refuse)?;
        held.grow_to(3 * buffer.len()).map_err(refuse)?;
        let now = ingest.clock().now();
        let piece = journal_piece(&buffer, !more, ingest.options(), now).map_err(|e| refuse(e.into()))?;
        let JournalPiece { incoming, bytes } = piece;
        if bytes == 0 && buffer.len() > ingest.options().max_body_bytes {
            let max = ingest.options().max_body_bytes;
            let message = format!("one entry of the journal has more than {max} bytes");
            return Err(refuse(IngestError::new(Reason::BodyTooLarge, message)));
        }
        buffer.drain(..bytes);
        let accepted = ingest.submit(&tenant, SOURCE, incoming).await?;
        total.lines += accepted.lines;
        total.bytes += accepted.bytes;
        total.refused.merge(accepted.refused);
        if !more {
            return Ok(total);
        }
    }
}

/// Reads at least one more part, and up to a piece; `false` at the end of the body.
async fn fill(ingest: &Ingest, body: &mut BodyDataStream, buffer: &mut Vec<u8>) -> Result<bool, IngestError> {
    let (start, timeout) = (buffer.len(), ingest.options().body_timeout);
    while buffer.len() == start || buffer.len() < PIECE {
        let part = tokio::time::timeout(timeout, body.next()).await.map_err(|_| {
            IngestError::new(Reason::BodyTimeout, format!("nothing of the body arrived within {timeout:?}"))
        })?;
        match part {
            Some(Ok(part)) => buffer.extend_from_slice(&part),
            Some(Err(_)) => return Err(IngestError::new(Reason::BodyIncomplete, "the body ended early")),
            None => return Ok(false),
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use crate::http::tests::post;
    use crate::testing::Fixture;

    #[tokio::test]
    async fn a_body_larger_than_any_limit_is_stored_piece_by_piece() {
        let fixture = Fixture::new();
        let entry = format!("__REALTIME_TIMESTAMP=1715680800000000\n_HOSTNAME=h\nMESSAGE={}\n\n", "x".repeat(100_000));
        let count = 2 * fixture.ingest.options().max_body_bytes / entry.len();
        let answer = post(&fixture, "/upload", &[], entry.repeat(count).into_bytes()).await;
        assert_eq!((answer.status, answer.text().as_str()), (202, "OK.\n"));
        assert_eq!(fixture.store.lines().len(), count);
        assert_eq!(fixture.counter("gantry_ingest_lines_total", &[("source", "journal")]), count as f64);
    }

    #[tokio::test]
    async fn a_broken_journal_is_refused_with_its_position() {
        let fixture = Fixture::new();
        let answer = post(&fixture, "/upload", &[], b"MESSAGE=a\n\nno field at all\n\n".to_vec()).await;
        assert_eq!(answer.status, 400);
        assert!(answer.text().starts_with("invalid_journal: ") && answer.text().contains("(at byte 11)"));
    }
}
