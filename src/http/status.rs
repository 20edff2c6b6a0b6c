//! What the process says about itself.

use super::{App, Readiness};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use prometheus::{Encoder, TextEncoder};
use serde_json::json;

/// Clients that look for Elasticsearch and name no media type.
const AGENTS: [&str; 6] = ["Elastic-", "Manticore", "Vector/", "Fluent-Bit", "elasticsearch-", "elastic-transport-"];

const WELCOME: &str = "\
Gantry, an observability pipeline

Write     POST /loki/api/v1/push           Loki push: JSON, or protobuf with snappy
          POST /v1/logs, /otlp/v1/logs     OTLP over HTTP: protobuf or JSON
          POST /_bulk, /INDEX/_bulk        Elasticsearch: Filebeat, Logstash, Fluent Bit, Vector
          POST /services/collector         Splunk HEC: /event and /raw
          POST /api/v1/ndjson              JSON: lines, an array or one object
          POST /upload                     systemd-journal-upload
          POST /api/v1/write               Prometheus remote write; also /v1/metrics (OTLP), /write (InfluxDB)
          POST /metrics/job/JOB            text or OpenMetrics, as to a Pushgateway
Read      GET  /loki/api/v1/query_range    LogQL, as Grafana's Loki data source asks
          GET  /loki/api/v1/labels         what there is
          GET  /loki/api/v1/tail           live lines over a WebSocket
          GET  /loki/api/v1/patterns       what lines have in common
          GET  /api/v1/logs/context        the lines around a line
          POST /api/v1/sql                 SQL over the tables logs and metrics
          GET  /api/v1/query_range         PromQL, as Grafana's Prometheus data source asks
          GET  /federate                   the newest samples, for another Prometheus
Delete    POST /loki/api/v1/delete        lines of streams, hidden at once; GET lists, DELETE cancels
Move      GET  /api/v1/export              lines of a time range as a Parquet file
          POST /api/v1/import              the same file back
Rules     GET  /api/v1/rules               what is evaluated, and how it fares
          GET  /api/v1/alerts              what is pending or fires
          POST /config/v1/rules/NAMESPACE  store a rule group in PromQL; /loki/api/v1/rules for LogQL
          POST /api/v1/backtest/rules      what rules would have done with what is stored
Alerts    GET  /api/v2/alerts              Alertmanager's API, for amtool, Grafana and Prometheus; also
                                           /api/v2/silences, /api/v2/alerts/groups, /api/v2/status
Scale     GET  /api/v1/scale/policies      policies of scaling and their last decisions
          GET  /apis/external.metrics.k8s.io/v1beta1   for Kubernetes' autoscalers; KEDA asks over gRPC
Operate   GET  /ready  /healthz  /version  /metrics
          POST /-/reload                   read rules, jobs of scraping and the Alertmanager's file now
          POST /flush                      write all memory to files
          POST /api/v1/admin/compact       merge files until nothing is left to merge

Grafana: add data sources of the types Loki, Prometheus and Alertmanager (implementation Prometheus)
with the URL of this server.
";

/// A page for people; Elasticsearch's clients, which ask here who they speak to, get what they look for.
pub async fn welcome(headers: HeaderMap) -> Response {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok()).unwrap_or("");
    let (agent, accept) = (text(header::USER_AGENT), text(header::ACCEPT));
    if accept.contains("json") || AGENTS.iter().any(|known| agent.starts_with(known)) {
        return gantry_ingest::http::elastic_info();
    }
    WELCOME.into_response()
}

/// As Go's servers begin it, with where to look.
pub async fn no_such_path(method: Method, uri: Uri) -> Response {
    let text = format!("404 page not found: nothing answers {method} {}; GET / says what does\n", uri.path());
    (StatusCode::NOT_FOUND, text).into_response()
}

/// "ready" with 200, or the reason with 503.
pub async fn ready(State(app): State<App>) -> Response {
    match app.readiness() {
        Readiness::Ready => "ready\n".into_response(),
        other => unavailable(&other),
    }
}

/// The process runs and answers; says nothing about the store.
pub async fn healthz() -> &'static str {
    "ok\n"
}

pub async fn version() -> Response {
    Json(json!({
        "name": "gantry",
        "version": env!("CARGO_PKG_VERSION"),
        "target": format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS),
    }))
    .into_response()
}

/// Every metric in the text format of Prometheus.
pub async fn metrics(State(app): State<App>) -> Response {
    let encoder = TextEncoder::new();
    let mut text = Vec::new();
    match encoder.encode(&app.0.registry.gather(), &mut text) {
        Ok(()) => ([(header::CONTENT_TYPE, encoder.format_type().to_owned())], text).into_response(),
        Err(cause) => {
            tracing::error!("metrics cannot be encoded: {cause}");
            (StatusCode::INTERNAL_SERVER_ERROR, "metrics cannot be encoded; see the log\n").into_response()
        }
    }
}

/// 503, why, and when to come back.
pub fn unavailable(readiness: &Readiness) -> Response {
    let why = match readiness {
        Readiness::Starting => "starting: reading back what was written before the last stop\n",
        Readiness::Ready | Readiness::Draining => "stopping: finishing what was accepted\n",
    };
    (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "2")], why).into_response()
}
