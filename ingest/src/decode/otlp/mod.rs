//! OTLP logs: each resource is a stream, each log record a line.
//!
//! Resource attributes that say where a line comes from ([`INDEX_ATTRIBUTES`]) become stream labels. All other attributes
//! (resource, scope, record) and the fields of the record become structured metadata. Names get `_` for `.`; maps are
//! flattened (`http.request: {method}` becomes `http_request_method`). This is the mapping that Loki documents for its
//! OTLP endpoint, so that queries written for it work here.

mod repair;
mod value;

pub(super) use value::{hex, text};

use super::DecodeError;
use super::grouped::Pairs;
use super::names;
use crate::error::{Refusals, shown};
use crate::incoming::Incoming;
use crate::reason::Reason;
use gantry_model::{LabelSet, LogBatchBuilder, Timestamp};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use prost::{DecodeError as DecodeFault, Message};
use std::borrow::Cow;

/// Resource attributes that become stream labels.
pub const INDEX_ATTRIBUTES: [&str; 18] = [
    "cloud.availability_zone",
    "cloud.region",
    "container.name",
    "deployment.environment",
    "deployment.environment.name",
    "k8s.cluster.name",
    "k8s.container.name",
    "k8s.cronjob.name",
    "k8s.daemonset.name",
    "k8s.deployment.name",
    "k8s.job.name",
    "k8s.namespace.name",
    "k8s.pod.name",
    "k8s.replicaset.name",
    "k8s.statefulset.name",
    "service.instance.id",
    "service.name",
    "service.namespace",
];

/// Reads an `ExportLogsServiceRequest` in protobuf. `now` is for records without any time.
///
/// # Errors
/// `invalid_protobuf` with the field that does not fit.
pub fn otlp_protobuf(body: &[u8], now: Timestamp) -> Result<Incoming, DecodeError> {
    let invalid = |error: DecodeFault| DecodeError { reason: Reason::InvalidProtobuf, message: error.to_string() };
    let fault = match ExportLogsServiceRequest::decode(body) {
        Ok(request) => return otlp(&request, now),
        Err(fault) => fault,
    };
    match repair::repair(body)? {
        (_, 0) => Err(invalid(fault)),
        (repaired, invalid_utf8) => {
            let request = ExportLogsServiceRequest::decode(&*repaired).map_err(invalid)?;
            Ok(Incoming { invalid_utf8, ..otlp(&request, now)? })
        }
    }
}

/// Reads an `ExportLogsServiceRequest` in OTLP's JSON encoding (ids in hex, 64-bit numbers as strings).
///
/// # Errors
/// `invalid_json` with line and column.
pub fn otlp_json(body: &[u8], now: Timestamp) -> Result<Incoming, DecodeError> {
    let mut invalid_utf8 = 0;
    let text = super::readable(body, &mut invalid_utf8);
    let request: ExportLogsServiceRequest = serde_json::from_str(&text).map_err(DecodeError::json)?;
    Ok(Incoming { invalid_utf8, ..otlp(&request, now)? })
}

/// The lines of a request. A record whose time does not fit into 64 bits is refused on its own.
pub fn otlp(request: &ExportLogsServiceRequest, now: Timestamp) -> Result<Incoming, DecodeError> {
    let mut lines = Lines { batch: LogBatchBuilder::default(), refused: Refusals::default(), now };
    for resource in &request.resource_logs {
        lines.resource(resource)?;
    }
    Ok(Incoming { batch: lines.batch.finish(), refused: lines.refused, invalid_utf8: 0 })
}

struct Lines {
    batch: LogBatchBuilder,
    refused: Refusals,
    now: Timestamp,
}

impl Lines {
    fn resource(&mut self, logs: &ResourceLogs) -> Result<(), DecodeError> {
        let attributes = logs.resource.as_ref().map(|r| &*r.attributes).unwrap_or_default();
        let (labels, metadata) = split_resource(attributes);
        self.batch.stream(labels.clone());
        for scope in &logs.scope_logs {
            self.scope(scope, &labels, &metadata)?;
        }
        Ok(())
    }

    fn scope(&mut self, logs: &ScopeLogs, labels: &LabelSet, resource: &Pairs<'_>) -> Result<(), DecodeError> {
        let mut shared = resource.clone();
        if let Some(scope) = &logs.scope {
            add_scope(scope, &mut shared);
        }
        for record in &logs.log_records {
            self.record(record, labels, &shared)?;
        }
        Ok(())
    }

    fn record(&mut self, record: &LogRecord, labels: &LabelSet, shared: &Pairs<'_>) -> Result<(), DecodeError> {
        let body = record.body.as_ref().map(text).unwrap_or_default();
        let nanos = [record.time_unix_nano, record.observed_time_unix_nano].into_iter().find(|ns| *ns != 0);
        let at = match nanos.map(i64::try_from) {
            None => self.now,
            Some(Ok(ns)) => Timestamp(ns),
            Some(Err(_)) => {
                let describe = || format!("timeUnixNano is after the year 2262; stream {}", shown(labels));
                self.refused.add(Reason::TimestampOutOfRange, 1, body.len() as u64, describe);
                return Ok(());
            }
        };
        let own = record_metadata(record);
        let metadata = shared.iter().chain(&own).map(|(name, value)| (&**name, &**value));
        Ok(self.batch.push(at, &body, metadata)?)
    }
}

fn split_resource(attributes: &[KeyValue]) -> (LabelSet, Pairs<'_>) {
    let mut labels = Pairs::new();
    let mut metadata = Pairs::new();
    for attribute in attributes {
        if INDEX_ATTRIBUTES.binary_search(&attribute.key.as_str()).is_ok() {
            let text = attribute.value.as_ref().map(text).unwrap_or_default();
            labels.push((names::legal(&attribute.key), text));
        } else {
            value::flatten(attribute, &mut metadata);
        }
    }
    let labels = LabelSet::from_pairs(labels);
    // The name that OpenTelemetry gives to a service that does not say its own (semantic conventions, "Service").
    let labels = if labels.is_empty() { LabelSet::from_pairs([("service_name", "unknown_service")]) } else { labels };
    (labels, metadata)
}

fn add_scope<'a>(scope: &'a InstrumentationScope, metadata: &mut Pairs<'a>) {
    scope.attributes.iter().for_each(|attribute| value::flatten(attribute, metadata));
    add_text("scope_name", &scope.name, metadata);
    add_text("scope_version", &scope.version, metadata);
}

fn add_text<'a>(name: &'static str, text: &'a str, metadata: &mut Pairs<'a>) {
    if !text.is_empty() {
        metadata.push((Cow::Borrowed(name), Cow::Borrowed(text)));
    }
}

fn record_metadata(record: &LogRecord) -> Pairs<'_> {
    let mut metadata = Pairs::with_capacity(record.attributes.len() + 6);
    record.attributes.iter().for_each(|attribute| value::flatten(attribute, &mut metadata));
    let mut add = |name: &'static str, text: String| metadata.push((Cow::Borrowed(name), Cow::Owned(text)));
    if record.severity_number != 0 {
        add("severity_number", record.severity_number.to_string());
    }
    if record.observed_time_unix_nano != 0 {
        add("observed_timestamp", record.observed_time_unix_nano.to_string());
    }
    if !record.trace_id.is_empty() {
        add("trace_id", hex(&record.trace_id));
    }
    if !record.span_id.is_empty() {
        add("span_id", hex(&record.span_id));
    }
    if record.flags != 0 {
        add("flags", record.flags.to_string());
    }
    if record.dropped_attributes_count != 0 {
        add("dropped_attributes_count", record.dropped_attributes_count.to_string());
    }
    add_text("severity_text", &record.severity_text, &mut metadata);
    add_text("event_name", &record.event_name, &mut metadata);
    metadata
}

#[cfg(test)]
mod tests;
