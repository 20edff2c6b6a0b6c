//! OTLP logs over gRPC.

use crate::decode::otlp;
use crate::error::{Accepted, IngestError};
use crate::ingest::Ingest;
use crate::reason::Reason;
use crate::rpc_status::export_answer;
use gantry_model::TenantId;
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_server::{LogsService, LogsServiceServer};
use opentelemetry_proto::tonic::collector::logs::v1::{ExportLogsServiceRequest, ExportLogsServiceResponse};
use prost::Message;
use std::sync::Arc;
use tonic::codec::CompressionEncoding;
use tonic::metadata::MetadataMap;
use tonic::{Request, Response, Status};

const SOURCE: &str = "otlp_grpc";

/// Receives `opentelemetry.proto.collector.logs.v1.LogsService`.
#[derive(Clone, Debug)]
pub struct LogsReceiver(Arc<Ingest>);

/// The gRPC service: gzip and zstd, messages up to `max_decompressed_bytes`.
pub fn service(ingest: Arc<Ingest>) -> LogsServiceServer<LogsReceiver> {
    let max = ingest.options().max_decompressed_bytes;
    LogsServiceServer::new(LogsReceiver(ingest))
        .accept_compressed(CompressionEncoding::Gzip)
        .accept_compressed(CompressionEncoding::Zstd)
        .max_decoding_message_size(max)
}

#[tonic::async_trait]
impl LogsService for LogsReceiver {
    async fn export(
        &self,
        request: Request<ExportLogsServiceRequest>,
    ) -> Result<Response<ExportLogsServiceResponse>, Status> {
        match self.accept(request).await {
            Ok(accepted) => Ok(Response::new(export_answer(&accepted))),
            Err(error) => Err(Status::from(&error)),
        }
    }
}

impl LogsReceiver {
    async fn accept(&self, request: Request<ExportLogsServiceRequest>) -> Result<Accepted, IngestError> {
        let ingest = &self.0;
        let mut reservation = ingest.reserve();
        let decoded = tenant(request.metadata()).and_then(|tenant| {
            ingest.check_tenant(&tenant)?;
            let message = request.into_inner();
            reservation.grow_to(2 * message.encoded_len())?;
            Ok((tenant, otlp(&message, ingest.clock().now())?))
        });
        let (tenant, incoming) = decoded.inspect_err(|error| ingest.metrics.refused_request(SOURCE, error.reason))?;
        ingest.submit(&tenant, SOURCE, incoming).await
    }
}

fn tenant(metadata: &MetadataMap) -> Result<TenantId, IngestError> {
    let Some(value) = metadata.get("x-scope-orgid").filter(|value| !value.is_empty()) else {
        return Ok(TenantId::default_tenant());
    };
    let name = String::from_utf8_lossy(value.as_bytes());
    TenantId::new(&name).map_err(|error| IngestError::new(Reason::InvalidTenant, error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::IngestOptions;
    use crate::rpc_status::RpcStatus;
    use crate::testing::Fixture;
    use gantry_store_api::ErrorKind;
    use opentelemetry_proto::tonic::common::v1::{AnyValue, any_value::Value};
    use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
    use tonic::Code;

    fn request(bodies: &[&str]) -> Request<ExportLogsServiceRequest> {
        let record = |body: &&str| LogRecord {
            body: Some(AnyValue { value: Some(Value::StringValue((*body).to_owned())) }),
            ..LogRecord::default()
        };
        let log_records = bodies.iter().map(record).collect();
        let scope_logs = vec![ScopeLogs { log_records, ..ScopeLogs::default() }];
        let resource_logs = vec![ResourceLogs { scope_logs, ..ResourceLogs::default() }];
        Request::new(ExportLogsServiceRequest { resource_logs })
    }

    #[tokio::test]
    async fn records_are_stored_for_the_tenant_of_the_metadata() {
        let fixture = Fixture::new();
        let mut request = request(&["hello"]);
        request.metadata_mut().insert("x-scope-orgid", "team-a".parse().unwrap());
        let answer = LogsReceiver(fixture.ingest.clone()).export(request).await.unwrap().into_inner();
        assert_eq!(answer.partial_success, None);
        assert_eq!(fixture.store.lines(), [r#"team-a {service_name="unknown_service"} 1715680800000000000 hello"#]);
    }

    #[tokio::test]
    async fn refused_records_are_told_as_partial_success() {
        let fixture = Fixture::with(IngestOptions { max_line_bytes: 3, ..IngestOptions::default() });
        let receiver = LogsReceiver(fixture.ingest.clone());
        let answer = receiver.export(request(&["long", "ok"])).await.unwrap().into_inner();
        let partial = answer.partial_success.unwrap();
        assert_eq!(partial.rejected_log_records, 1);
        assert!(partial.error_message.contains("line_too_long"));
    }

    #[tokio::test]
    async fn failures_have_a_code_and_those_that_pass_say_when_to_come_back() {
        let cases = [
            (ErrorKind::Overloaded, Code::ResourceExhausted, 1),
            (ErrorKind::StorageFull, Code::ResourceExhausted, 1),
            (ErrorKind::Unavailable, Code::Unavailable, 1),
            (ErrorKind::Invalid, Code::InvalidArgument, 0),
            (ErrorKind::Internal, Code::Internal, 0),
        ];
        for (kind, code, details) in cases {
            let fixture = Fixture::new();
            fixture.store.fail_with(Some(kind));
            let status = LogsReceiver(fixture.ingest.clone()).export(request(&["x"])).await.unwrap_err();
            assert_eq!(status.code(), code);
            assert_eq!(RpcStatus::decode(status.details()).unwrap().details.len(), details);
        }
    }
}
