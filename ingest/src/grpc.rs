//! OTLP over gRPC: logs here, metrics in [`metric_service`].

mod metrics;

pub use metrics::{MetricsReceiver, metric_service};

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
mod tests;
