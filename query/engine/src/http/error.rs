//! How errors look to a client: plain text and Loki's status codes. What happened inside stays in the log.

use crate::QueryError;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use gantry_store_api::{ErrorKind, Retry};

/// A failed request, and the id under which the log has the cause.
#[derive(Debug)]
pub struct Failure {
    pub error: QueryError,
    pub request: RequestId,
}

/// Taken from `X-Request-Id`, or made up.
#[derive(Clone, Debug)]
pub struct RequestId(pub String);

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let (status, text) = describe(&self.error, &self.request);
        let retry = match &self.error {
            QueryError::Store(error) => error.retry(),
            QueryError::Overloaded => Retry::After(std::time::Duration::from_secs(1)),
            _ => Retry::Never,
        };
        let mut response = (status, [(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text + "\n").into_response();
        if let Retry::After(wait) = retry {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait.as_secs().max(1)));
        }
        if let Ok(id) = HeaderValue::from_str(&self.request.0) {
            response.headers_mut().insert("x-request-id", id);
        }
        response
    }
}

/// Status and text; logs what the client must not see, here and nowhere else.
pub fn describe(error: &QueryError, request: &RequestId) -> (StatusCode, String) {
    let status = match error {
        QueryError::Invalid(_) | QueryError::Budget(_) => return (StatusCode::BAD_REQUEST, error.to_string()),
        QueryError::Timeout => return (StatusCode::GATEWAY_TIMEOUT, error.to_string()),
        QueryError::Overloaded => return (StatusCode::TOO_MANY_REQUESTS, error.to_string()),
        QueryError::Store(_) | QueryError::Internal(_) => match error.kind() {
            ErrorKind::Invalid => StatusCode::BAD_REQUEST,
            ErrorKind::Overloaded => StatusCode::TOO_MANY_REQUESTS,
            ErrorKind::Unavailable | ErrorKind::StorageFull => StatusCode::SERVICE_UNAVAILABLE,
            ErrorKind::Corrupt | ErrorKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        },
    };
    let code = match error.kind() {
        ErrorKind::Invalid => "query-refused-by-store",
        ErrorKind::Overloaded => "store-overloaded",
        ErrorKind::StorageFull => "store-full",
        ErrorKind::Unavailable => "store-unavailable",
        ErrorKind::Corrupt => "store-corrupt",
        ErrorKind::Internal => "query-internal",
    };
    tracing::error!(request = request.0, code, %error, "query failed");
    (status, format!("{code} (request {})", request.0))
}
