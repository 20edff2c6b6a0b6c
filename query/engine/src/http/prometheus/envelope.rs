//! The envelope of every answer: `{"status":"success","data":...}` or `{"status":"error","errorType":...,"error":...}`.

use crate::http::error::{RequestId, describe};
use crate::http::json;
use crate::http::request::Caller;
use crate::promql::PromqlAnswer;
use crate::{QueryError, json as write};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};

/// What is said where the limit of a request left something out.
pub const TRUNCATED: &str = "results truncated due to limit";

/// `data` is JSON already.
pub fn success(data: &str, warnings: &[&str]) -> Response {
    annotated(data, warnings, &[])
}

/// The answer to a query; `cut`: series were left out because of the limit.
pub fn success_of(data: &str, found: &PromqlAnswer, cut: bool) -> Response {
    let annotations = &found.answer.annotations;
    let warnings = annotations.warnings.iter().chain(&found.damage).map(String::as_str);
    let warnings: Vec<&str> = warnings.chain(cut.then_some(TRUNCATED)).collect();
    annotated(data, &warnings, &annotations.infos.iter().map(String::as_str).collect::<Vec<_>>())
}

fn annotated(data: &str, warnings: &[&str], infos: &[&str]) -> Response {
    let mut body = String::with_capacity(data.len() + 64);
    body.push_str("{\"status\":\"success\",\"data\":");
    body.push_str(data);
    for (name, texts) in [("warnings", warnings), ("infos", infos)] {
        if !texts.is_empty() {
            body.push_str(&format!(",\"{name}\":"));
            write::strings(texts.iter().copied(), &mut body);
        }
    }
    body.push('}');
    json(body)
}

/// A failed request of this API.
#[derive(Debug)]
pub struct Refusal {
    error: QueryError,
    request: RequestId,
}

impl Refusal {
    pub fn new(caller: &Caller, error: QueryError) -> Self {
        Refusal { error, request: caller.request.clone() }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, text) = describe(&self.error, &self.request);
        // The words of Prometheus' `web/api/v1`; what used up a budget was no bad question, but cannot be answered.
        let (status, kind) = match &self.error {
            QueryError::Invalid(_) => (status, "bad_data"),
            QueryError::Budget(_) => (axum::http::StatusCode::UNPROCESSABLE_ENTITY, "execution"),
            QueryError::Timeout => (axum::http::StatusCode::SERVICE_UNAVAILABLE, "timeout"),
            QueryError::Overloaded => (status, "unavailable"),
            QueryError::Store(_) | QueryError::Internal(_) if status.is_server_error() => (status, "internal"),
            QueryError::Store(_) | QueryError::Internal(_) => (status, "execution"),
        };
        let mut body = format!("{{\"status\":\"error\",\"errorType\":\"{kind}\",\"error\":");
        write::string(&text, &mut body);
        body.push('}');
        let mut response = (status, [(header::CONTENT_TYPE, "application/json")], body).into_response();
        if let Ok(id) = HeaderValue::from_str(&self.request.0) {
            response.headers_mut().insert("x-request-id", id);
        }
        response
    }
}
