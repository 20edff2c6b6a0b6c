use super::*;
use crate::IngestOptions;
use crate::rpc_status::RpcStatus;
use crate::testing::Fixture;
use gantry_store_api::ErrorKind;
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_client::LogsServiceClient;
use opentelemetry_proto::tonic::common::v1::{AnyValue, any_value::Value};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
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

/// Asks a real server over a socket.
async fn ask(
    fixture: &Fixture,
    compression: CompressionEncoding,
    request: Request<ExportLogsServiceRequest>,
) -> Result<ExportLogsServiceResponse, Status> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let cancel = CancellationToken::new();
    let incoming = futures::stream::unfold(listener, |listener| async {
        Some((listener.accept().await.map(|(stream, _)| stream), listener))
    });
    let server = tonic::transport::Server::builder()
        .add_service(service(fixture.ingest.clone()))
        .serve_with_incoming_shutdown(incoming, cancel.clone().cancelled_owned());
    let server = tokio::spawn(server);
    let client = LogsServiceClient::connect(address).await.unwrap();
    let answer = client.send_compressed(compression).export(request).await.map(Response::into_inner);
    cancel.cancel();
    tokio::time::timeout(Duration::from_secs(10), server).await.unwrap().unwrap().unwrap();
    answer
}

#[tokio::test]
async fn compressed_requests_pass_over_the_wire_and_bombs_do_not() {
    for compression in [CompressionEncoding::Gzip, CompressionEncoding::Zstd] {
        let options =
            IngestOptions { max_decompressed_bytes: 1000, max_line_bytes: 1 << 20, ..IngestOptions::default() };
        let fixture = Fixture::with(options);
        ask(&fixture, compression, request(&["hello"])).await.unwrap();
        assert_eq!(fixture.store.lines().len(), 1);
        let status = ask(&fixture, compression, request(&["x".repeat(100_000).as_str()])).await.unwrap_err();
        assert_eq!(status.code(), Code::ResourceExhausted);
        assert_eq!(fixture.store.lines().len(), 1);
    }
}
