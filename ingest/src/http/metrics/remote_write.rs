//! `POST /api/v1/write`, also `/api/v1/push`: Prometheus remote write 1.0 and 2.0 (prometheus.io, "Remote-Write
//! Specification"). The parameter `proto` of the content type chooses.

use super::{accept, plain, refused};
use crate::compression::Encoding;
use crate::decode::{remote_write_v1, remote_write_v2};
use crate::error::IngestError;
use crate::http::receive::encoding;
use crate::reason::Reason;
use crate::samples::{MetricAccepted, MetricIngest};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::Response;
use std::sync::Arc;

const SOURCE: &str = "remote_write";
const WRITTEN: [HeaderName; 3] = [
    HeaderName::from_static("x-prometheus-remote-write-samples-written"),
    HeaderName::from_static("x-prometheus-remote-write-histograms-written"),
    HeaderName::from_static("x-prometheus-remote-write-exemplars-written"),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    V1,
    V2,
}

pub(super) async fn push(State(door): State<Arc<MetricIngest>>, request: Request) -> Response {
    let parsed = version(request.headers()).and_then(|version| Ok((version, encoding(request.headers())?)));
    let (version, outcome) = match parsed {
        Ok((version, encoding)) => (version, push_samples(&door, request, version, encoding).await),
        Err(error) => (Version::V1, refused(&door, SOURCE, error)),
    };
    let mut response = plain(&outcome);
    // Senders of 2.0 take an answer without these for one of a receiver that knows 1.0 only.
    if version == Version::V2 {
        for (name, count) in WRITTEN.into_iter().zip(written(outcome.as_ref().ok())) {
            response.headers_mut().insert(name, HeaderValue::from(count));
        }
    }
    response
}

async fn push_samples(
    door: &Arc<MetricIngest>,
    request: Request,
    version: Version,
    encoding: Encoding,
) -> Result<MetricAccepted, IngestError> {
    // The body is a snappy block, whether or not a header says so; agents of others compress with zstd.
    let encoding = if encoding == Encoding::Identity { Encoding::Snappy } else { encoding };
    match version {
        Version::V1 => accept(door, SOURCE, request, encoding, |_, body| remote_write_v1(body)).await,
        Version::V2 => accept(door, SOURCE, request, encoding, |_, body| remote_write_v2(body)).await,
    }
}

fn written(accepted: Option<&MetricAccepted>) -> [u64; 3] {
    accepted.map_or([0; 3], |a| [a.samples.saturating_sub(a.histograms), a.histograms, a.exemplars])
}

/// Without a content type, or without its parameter, it is 1.0.
fn version(headers: &HeaderMap) -> Result<Version, IngestError> {
    let text = headers.get(header::CONTENT_TYPE).map_or("", |value| value.to_str().unwrap_or("unreadable"));
    let mut parts = text.split(';').map(str::trim);
    let media = parts.next().unwrap_or_default().to_ascii_lowercase();
    let proto = parts.find_map(|part| part.strip_prefix("proto=")).map(|name| name.trim_matches('"'));
    match (media.as_str(), proto) {
        ("" | "application/x-protobuf", None | Some("prometheus.WriteRequest")) => Ok(Version::V1),
        ("application/x-protobuf", Some("io.prometheus.write.v2.Request")) => Ok(Version::V2),
        _ => {
            let message = "use Content-Type application/x-protobuf, with proto=prometheus.WriteRequest or \
                           proto=io.prometheus.write.v2.Request";
            Err(IngestError::new(Reason::UnsupportedContentType, message))
        }
    }
}
