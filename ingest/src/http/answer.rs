//! Answers: statuses by kind of refusal, and the text that a client shows.

use crate::error::{Accepted, IngestError};
use crate::reason::Kind;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use std::time::Duration;

pub(super) fn status(kind: Kind) -> StatusCode {
    match kind {
        Kind::Invalid => StatusCode::BAD_REQUEST,
        Kind::Forbidden => StatusCode::FORBIDDEN,
        Kind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Kind::Unsupported => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Kind::Timeout => StatusCode::REQUEST_TIMEOUT,
        Kind::Overloaded => StatusCode::TOO_MANY_REQUESTS,
        Kind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Kind::StorageFull => StatusCode::INSUFFICIENT_STORAGE,
        Kind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// 204 when all lines were stored, 400 with a summary when only some were, else the status of the refusal; plain text.
pub(super) fn plain(outcome: Result<Accepted, IngestError>) -> Response {
    match outcome {
        Ok(accepted) if accepted.refused.is_empty() => StatusCode::NO_CONTENT.into_response(),
        Ok(accepted) => {
            let text = format!("{}\n", accepted.refused.summary(accepted.lines));
            (StatusCode::BAD_REQUEST, text).into_response()
        }
        Err(error) => {
            let response = (status(error.kind()), format!("{error}\n")).into_response();
            with_retry_after(response, error.retry_after)
        }
    }
}

/// Adds `Retry-After` in whole seconds, rounded up.
pub(super) fn with_retry_after(mut response: Response, wait: Option<Duration>) -> Response {
    if let Some(wait) = wait {
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)));
    }
    response
}
