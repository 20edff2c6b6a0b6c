//! OTLP metrics over gRPC.

use super::tenant;
use crate::decode::otlp_metrics;
use crate::error::IngestError;
use crate::rpc_status::export_metrics_answer;
use crate::samples::{MetricAccepted, MetricIngest};
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_server::{
    MetricsService, MetricsServiceServer,
};
use opentelemetry_proto::tonic::collector::metrics::v1::{ExportMetricsServiceRequest, ExportMetricsServiceResponse};
use prost::Message;
use std::sync::Arc;
use tonic::codec::CompressionEncoding;
use tonic::{Request, Response, Status};

const SOURCE: &str = "otlp_grpc";

/// Receives `opentelemetry.proto.collector.metrics.v1.MetricsService`.
#[derive(Clone, Debug)]
pub struct MetricsReceiver(Arc<MetricIngest>);

/// The gRPC service: gzip and zstd, messages up to `max_decompressed_bytes`.
pub fn metric_service(door: Arc<MetricIngest>) -> MetricsServiceServer<MetricsReceiver> {
    let max = door.ingest().options().max_decompressed_bytes;
    MetricsServiceServer::new(MetricsReceiver(door))
        .accept_compressed(CompressionEncoding::Gzip)
        .accept_compressed(CompressionEncoding::Zstd)
        .max_decoding_message_size(max)
}

#[tonic::async_trait]
impl MetricsService for MetricsReceiver {
    async fn export(
        &self,
        request: Request<ExportMetricsServiceRequest>,
    ) -> Result<Response<ExportMetricsServiceResponse>, Status> {
        match self.accept(request).await {
            Ok(accepted) => Ok(Response::new(export_metrics_answer(&accepted))),
            Err(error) => Err(Status::from(&error)),
        }
    }
}

impl MetricsReceiver {
    async fn accept(&self, request: Request<ExportMetricsServiceRequest>) -> Result<MetricAccepted, IngestError> {
        let (door, ingest) = (&self.0, self.0.ingest());
        let mut reservation = ingest.reserve();
        let decoded = tenant(request.metadata()).and_then(|tenant| {
            ingest.check_tenant(&tenant)?;
            let message = request.into_inner();
            reservation.grow_to(2 * message.encoded_len())?;
            let incoming = otlp_metrics(&message, door.otlp_context(&tenant));
            Ok((tenant, incoming))
        });
        let (tenant, incoming) = decoded.inspect_err(|error| ingest.metrics.refused_request(SOURCE, error.reason))?;
        door.submit(&tenant, SOURCE, incoming).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Fixture;
    use gantry_store_api::{ErrorKind, RejectReason};
    use tonic::Code;

    fn request() -> Request<ExportMetricsServiceRequest> {
        let json = r#"{"resourceMetrics":[{"scopeMetrics":[{"metrics":[
            {"name":"load","gauge":{"dataPoints":[{"timeUnixNano":"5000000","asDouble":1.5}]}}]}]}]}"#;
        Request::new(serde_json::from_str(json).unwrap())
    }

    #[tokio::test]
    async fn points_are_stored_for_the_tenant_of_the_metadata() {
        let fixture = Fixture::new();
        let mut request = request();
        request.metadata_mut().insert("x-scope-orgid", "team-a".parse().unwrap());
        let answer = MetricsReceiver(fixture.metrics.clone()).export(request).await.unwrap().into_inner();
        assert_eq!(answer.partial_success, None);
        assert_eq!(fixture.store.samples(), [r#"team-a {__name__="load"} 5 1.5"#, r##"team-a # load gauge "" """##]);
    }

    #[tokio::test]
    async fn refused_points_are_told_as_partial_success_and_failures_as_codes() {
        let fixture = Fixture::new();
        fixture.store.reject(RejectReason::OutOfOrder, 1);
        let receiver = MetricsReceiver(fixture.metrics.clone());
        let answer = receiver.export(request()).await.unwrap().into_inner();
        assert_eq!(answer.partial_success.unwrap().rejected_data_points, 1);
        fixture.store.fail_with(Some(ErrorKind::Unavailable));
        assert_eq!(receiver.export(request()).await.unwrap_err().code(), Code::Unavailable);
    }
}
