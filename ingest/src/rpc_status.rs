//! What OTLP clients get for an answer: `google.rpc.Status` with a time to retry, and partial success.
//!
//! The messages are those of googleapis, `google/rpc/status.proto` and `google/rpc/error_details.proto`.

use crate::error::{Accepted, IngestError};
use crate::reason::Kind;
use crate::samples::MetricAccepted;
use opentelemetry_proto::tonic::collector::logs::v1::{ExportLogsPartialSuccess, ExportLogsServiceResponse};
use opentelemetry_proto::tonic::collector::metrics::v1::{ExportMetricsPartialSuccess, ExportMetricsServiceResponse};
use prost::Message;
use std::time::Duration;
use tonic::Code;

/// `google.rpc.Status`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct RpcStatus {
    #[prost(int32, tag = "1")]
    pub code: i32,
    #[prost(string, tag = "2")]
    pub message: String,
    #[prost(message, repeated, tag = "3")]
    pub details: Vec<Detail>,
}

/// `google.protobuf.Any`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Detail {
    #[prost(string, tag = "1")]
    pub type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    pub value: Vec<u8>,
}

/// `google.rpc.RetryInfo`. Clients of OTLP try again after ResourceExhausted only when it is there.
#[derive(Clone, PartialEq, Message)]
struct RetryInfo {
    #[prost(message, optional, tag = "1")]
    retry_delay: Option<Delay>,
}

/// `google.protobuf.Duration`.
#[derive(Clone, PartialEq, Message)]
struct Delay {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

impl RpcStatus {
    pub fn of(error: &IngestError) -> Self {
        let details = error.retry_after.map(retry_info).into_iter().collect();
        RpcStatus { code: code(error.kind()) as i32, message: error.to_string(), details }
    }

    /// Proto3 JSON without the details, whose time to retry stands in a header too.
    pub fn to_json(&self) -> String {
        serde_json::json!({"code": self.code, "message": self.message}).to_string()
    }
}

impl From<&IngestError> for tonic::Status {
    fn from(error: &IngestError) -> Self {
        let details = RpcStatus::of(error).encode_to_vec();
        tonic::Status::with_details(code(error.kind()), error.to_string(), details.into())
    }
}

fn retry_info(wait: Duration) -> Detail {
    let delay = Delay { seconds: wait.as_secs() as i64, nanos: wait.subsec_nanos() as i32 };
    let value = RetryInfo { retry_delay: Some(delay) }.encode_to_vec();
    Detail { type_url: "type.googleapis.com/google.rpc.RetryInfo".to_owned(), value }
}

fn code(kind: Kind) -> Code {
    match kind {
        Kind::Invalid | Kind::Unsupported => Code::InvalidArgument,
        Kind::Forbidden => Code::PermissionDenied,
        Kind::TooLarge | Kind::Overloaded | Kind::StorageFull => Code::ResourceExhausted,
        Kind::Timeout => Code::DeadlineExceeded,
        Kind::Unavailable => Code::Unavailable,
        Kind::Internal => Code::Internal,
    }
}

/// The answer to a request that was stored, wholly or in part.
pub(crate) fn export_answer(accepted: &Accepted) -> ExportLogsServiceResponse {
    let partial = (!accepted.refused.is_empty()).then(|| ExportLogsPartialSuccess {
        rejected_log_records: accepted.refused.lines() as i64,
        error_message: accepted.refused.summary(accepted.lines),
    });
    ExportLogsServiceResponse { partial_success: partial }
}

/// The same in proto3 JSON, where 64-bit numbers are strings.
pub(crate) fn export_answer_json(accepted: &Accepted) -> String {
    let answer = match export_answer(accepted).partial_success {
        None => serde_json::json!({}),
        Some(partial) => serde_json::json!({"partialSuccess": {
            "rejectedLogRecords": partial.rejected_log_records.to_string(),
            "errorMessage": partial.error_message,
        }}),
    };
    answer.to_string()
}

/// As [`export_answer`], for metrics. A point of a histogram is several samples here, and each counts.
pub(crate) fn export_metrics_answer(accepted: &MetricAccepted) -> ExportMetricsServiceResponse {
    let partial = (!accepted.refused.is_empty()).then(|| ExportMetricsPartialSuccess {
        rejected_data_points: accepted.refused.lines() as i64,
        error_message: accepted.summary(),
    });
    ExportMetricsServiceResponse { partial_success: partial }
}

/// The same in proto3 JSON.
pub(crate) fn export_metrics_answer_json(accepted: &MetricAccepted) -> String {
    let answer = match export_metrics_answer(accepted).partial_success {
        None => serde_json::json!({}),
        Some(partial) => serde_json::json!({"partialSuccess": {
            "rejectedDataPoints": partial.rejected_data_points.to_string(),
            "errorMessage": partial.error_message,
        }}),
    };
    answer.to_string()
}
