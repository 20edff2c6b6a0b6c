//! Metrics pushed as text or protobuf, as exporters expose them.
//!
//! - `POST /api/v1/import/prometheus`, with the parameters of VictoriaMetrics: `timestamp` (milliseconds) for samples
//!   without one, `extra_label=NAME=VALUE` for labels of every series.
//! - `PUT` or `POST /metrics/job/JOB/LABEL/VALUE...`, as Pushgateway has it: the path names labels of every series; a name
//!   that ends with `@base64` has a value in URL-safe base64. Unlike Pushgateway, a value is one sample at the time of the
//!   push and not repeated; nothing is to be deleted.

use super::{accept, plain, refused};
use crate::compression::Encoding;
use crate::decode::{ExpositionContext, ExpositionFormat, exposition};
use crate::error::IngestError;
use crate::http::receive::encoding;
use crate::reason::Reason;
use crate::samples::{MetricAccepted, MetricIngest};
use axum::extract::{Query, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::prelude::{BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD};
use std::sync::Arc;

const IMPORT: &str = "import";
const PUSHGATEWAY: &str = "pushgateway";

type Labels = Vec<(String, String)>;

pub(super) async fn import(State(door): State<Arc<MetricIngest>>, request: Request) -> Response {
    let now_ms = door.now_ms();
    let outcome = match parameters(&request, now_ms) {
        Ok(context) => push(&door, IMPORT, request, context).await,
        Err(error) => refused(&door, IMPORT, error),
    };
    plain(&outcome)
}

pub(super) async fn push_group(State(door): State<Arc<MetricIngest>>, request: Request) -> Response {
    let outcome = match group(request.uri().path()) {
        Ok(labels) => {
            push(
                &door,
                PUSHGATEWAY,
                request,
                ExpositionContext { now_ms: door.now_ms(), labels, both_histograms: false },
            )
            .await
        }
        Err(error) => refused(&door, PUSHGATEWAY, error),
    };
    match &outcome {
        // Pushgateway's own answer: its clients take nothing else.
        Ok(accepted) if accepted.refused.is_empty() => StatusCode::OK.into_response(),
        _ => plain(&outcome),
    }
}

async fn push(
    door: &Arc<MetricIngest>,
    source: &'static str,
    request: Request,
    context: ExpositionContext,
) -> Result<MetricAccepted, IngestError> {
    let format = format(request.headers());
    let encoding: Encoding = match encoding(request.headers()) {
        Ok(encoding) => encoding,
        Err(error) => return refused(door, source, error),
    };
    accept(door, source, request, encoding, move |_, body| exposition(body, format, &context)).await
}

fn format(headers: &HeaderMap) -> ExpositionFormat {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    ExpositionFormat::of_content_type(content_type.unwrap_or(""))
}

fn parameters(request: &Request, now_ms: i64) -> Result<ExpositionContext, IngestError> {
    let wrong = |message: String| IngestError::new(Reason::InvalidParameter, message);
    let Query(parameters) =
        Query::<Vec<(String, String)>>::try_from_uri(request.uri()).map_err(|e| wrong(e.to_string()))?;
    let mut context = ExpositionContext { now_ms, ..ExpositionContext::default() };
    for (name, value) in parameters {
        match name.as_str() {
            "timestamp" => {
                let parsed = value.parse();
                context.now_ms =
                    parsed.map_err(|_| wrong(format!("timestamp {value:?} is no number of milliseconds")))?;
            }
            "extra_label" => {
                let Some((label, value)) = value.split_once('=').filter(|(label, _)| !label.is_empty()) else {
                    return Err(wrong(format!("extra_label {value:?} is not NAME=VALUE")));
                };
                context.labels.push((label.to_owned(), value.to_owned()));
            }
            _ => return Err(wrong(format!("unknown parameter {name:?}; use timestamp, extra_label"))),
        }
    }
    Ok(context)
}

/// `/metrics/job/JOB/LABEL/VALUE/...`, in which percents stand for bytes.
fn group(path: &str) -> Result<Labels, IngestError> {
    let wrong = |message: String| Err(IngestError::new(Reason::InvalidParameter, message));
    let mut labels: Labels = Vec::new();
    let parts: Option<Vec<String>> =
        path.strip_prefix("/metrics/").unwrap_or_default().split('/').map(without_percents).collect();
    let Some(parts) = parts else { return wrong("the path is no UTF-8 with percents".to_owned()) };
    for pair in parts.chunks(2) {
        let [name, value] = pair else {
            return wrong(format!("label {:?} of the path has no value", pair[0]));
        };
        let (name, value) = match name.strip_suffix("@base64") {
            None => (name.as_str(), value.clone()),
            Some(name) => match decoded(value) {
                Some(value) => (name, value),
                None => return wrong(format!("the value of label {name:?} is no base64 of UTF-8")),
            },
        };
        if name.is_empty() || labels.iter().any(|(other, _)| other == name) {
            return wrong(format!("label {name:?} of the path is empty or occurs twice"));
        }
        labels.push((name.to_owned(), value));
    }
    match labels.first() {
        Some((name, job)) if name == "job" && !job.is_empty() => Ok(labels),
        _ => wrong("the path must begin with /metrics/job/ and the name of a job".to_owned()),
    }
}

/// RFC 3986, section 2.1; `None` when what comes out is no UTF-8.
fn without_percents(part: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(part.len());
    let mut left = part.as_bytes();
    while let Some((first, rest)) = left.split_first() {
        let digits = rest.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        match digits.and_then(|two| u8::from_str_radix(two, 16).ok()) {
            Some(byte) if *first == b'%' => {
                bytes.push(byte);
                left = &rest[2..];
            }
            _ => {
                bytes.push(*first);
                left = rest;
            }
        }
    }
    String::from_utf8(bytes).ok()
}

fn decoded(value: &str) -> Option<String> {
    let value = value.trim_end_matches('=');
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(value).or_else(|_| BASE64_STANDARD_NO_PAD.decode(value)).ok()?;
    String::from_utf8(bytes).ok()
}
