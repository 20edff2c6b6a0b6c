//! OTLP metrics as Prometheus stores them (opentelemetry.io, "Prometheus and OpenMetrics Compatibility").
//!
//! `service.name` (with its namespace) becomes `job`, `service.instance.id` becomes `instance`, other attributes of the
//! resource a series `target_info`. Sums that rise become counters, explicit histograms classic ones, exponential ones
//! native ones, and differences are added up ([`Deltas`](crate::samples::Deltas)). A point without a value ends its series.

mod histogram;
mod labels;
mod names;
mod options;

pub use options::{NameTranslation, OtlpMetricOptions};

use super::DecodeError;
use super::gather::Gather;
use crate::incoming::MetricIncoming;
use crate::reason::Reason;
use crate::samples::DeltasOf;
use gantry_model::LabelSet;
use gantry_model::metric::{Exemplar as Example, MetricMetadata, MetricType, stale_marker};
use labels::{Pairs, Target};
use names::Shape;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, DataPointFlags, Exemplar, Metric, NumberDataPoint, ResourceMetrics, SummaryDataPoint,
    exemplar,
};
use prost::Message;

/// What is needed beside the request.
#[derive(Clone, Copy, Debug)]
pub struct OtlpMetricContext<'a> {
    pub options: &'a OtlpMetricOptions,
    pub deltas: DeltasOf<'a>,
    /// The instant of points without one, in milliseconds.
    pub now_ms: i64,
}

/// Reads an `ExportMetricsServiceRequest` in protobuf.
///
/// # Errors
/// `invalid_protobuf` with the field that does not fit.
pub fn otlp_metrics_protobuf(body: &[u8], context: OtlpMetricContext<'_>) -> Result<MetricIncoming, DecodeError> {
    let request = ExportMetricsServiceRequest::decode(body)
        .map_err(|error| DecodeError { reason: Reason::InvalidProtobuf, message: error.to_string() })?;
    Ok(otlp_metrics(&request, context))
}

/// Reads an `ExportMetricsServiceRequest` in OTLP's JSON encoding.
///
/// # Errors
/// `invalid_json` with line and column.
pub fn otlp_metrics_json(body: &[u8], context: OtlpMetricContext<'_>) -> Result<MetricIncoming, DecodeError> {
    let request: ExportMetricsServiceRequest = serde_json::from_slice(body).map_err(DecodeError::json)?;
    Ok(otlp_metrics(&request, context))
}

/// The samples of a request.
pub fn otlp_metrics(request: &ExportMetricsServiceRequest, context: OtlpMetricContext<'_>) -> MetricIncoming {
    let mut points = Points { gather: Gather::default(), context, latest_ms: None };
    for resource in &request.resource_metrics {
        points.resource(resource);
    }
    points.gather.finish()
}

struct Points<'a> {
    gather: Gather,
    context: OtlpMetricContext<'a>,
    /// The newest instant of the resource's points.
    latest_ms: Option<i64>,
}

/// One metric while its points are read.
struct Of<'a> {
    target: &'a Target<'a>,
    name: &'a str,
    /// Values are differences, which are added up.
    is_delta: bool,
}

impl Points<'_> {
    fn resource(&mut self, metrics: &ResourceMetrics) {
        let attributes = metrics.resource.as_ref().map(|r| &*r.attributes).unwrap_or_default();
        let target = Target::new(attributes, self.context.options);
        self.latest_ms = None;
        for scope in &metrics.scope_metrics {
            scope.metrics.iter().for_each(|metric| self.metric(metric, &target));
        }
        if let (Some(at), true) = (self.latest_ms, self.context.options.target_info)
            && let Some(labels) = target.info()
            && self.gather.open_pairs(&labels, || 1)
        {
            self.gather.sample(at, 1.0);
        }
    }

    fn metric(&mut self, metric: &Metric, target: &Target<'_>) {
        let Some(data) = &metric.data else { return };
        let (kind, shape, temporality) = kind(data);
        let name = names::metric_name(&metric.name, &metric.unit, shape, self.context.options.names);
        let is_delta = temporality == AggregationTemporality::Delta as i32;
        let of = Of { target, name: &name, is_delta };
        if metric.name.is_empty() {
            self.gather.refuse(Reason::MissingMetricName, points(data), || "a metric has no name".to_owned());
            return;
        }
        match data {
            Data::Gauge(gauge) => gauge.data_points.iter().for_each(|point| self.number(point, &of)),
            Data::Sum(sum) => sum.data_points.iter().for_each(|point| self.number(point, &of)),
            Data::Histogram(h) => h.data_points.iter().for_each(|point| self.classic(point, &of)),
            Data::ExponentialHistogram(h) => h.data_points.iter().for_each(|point| self.native(point, &of)),
            Data::Summary(summary) => summary.data_points.iter().for_each(|point| self.summary(point, &of)),
        }
        let (help, unit) = (metric.description.clone(), metric.unit.clone());
        self.gather.metadata(&name, MetricMetadata { kind, help, unit });
    }

    fn number(&mut self, point: &NumberDataPoint, of: &Of<'_>) {
        let at = self.at(point.time_unix_nano);
        let value = match point.value {
            _ if is_absent(point.flags) => None,
            Some(Value::AsDouble(value)) => Some(value),
            Some(Value::AsInt(value)) => Some(value as f64),
            None => {
                let describe = || format!("a point of {:?} has no value", of.name);
                return self.gather.refuse(Reason::UnsupportedValue, 1, describe);
            }
        };
        let labels = of.target.labels(of.name, "", &point.attributes, None, self.context.options);
        if self.push(&labels, at, value, of.is_delta) {
            point.exemplars.iter().for_each(|exemplar| self.exemplar(exemplar));
        }
    }

    fn summary(&mut self, point: &SummaryDataPoint, of: &Of<'_>) {
        let at = self.at(point.time_unix_nano);
        let here = |value: f64| (!is_absent(point.flags)).then_some(value);
        let options = self.context.options;
        for quantile in &point.quantile_values {
            let more = Some(("quantile", quantile.quantile.to_string()));
            let labels = of.target.labels(of.name, "", &point.attributes, more, options);
            self.push(&labels, at, here(quantile.value), false);
        }
        for (suffix, value) in [("_sum", point.sum), ("_count", point.count as f64)] {
            let labels = of.target.labels(of.name, suffix, &point.attributes, None, options);
            self.push(&labels, at, here(value), false);
        }
    }

    /// A sample of the series of these labels; `None` ends it. Whether the series is open.
    fn push(&mut self, labels: &Pairs<'_>, at: i64, value: Option<f64>, is_delta: bool) -> bool {
        if !self.gather.open_pairs(labels, || 1) {
            return false;
        }
        let value = match (value, self.gather.series_id()) {
            (None, _) => stale_marker(),
            (Some(delta), Some(series)) if is_delta => match self.context.deltas.add(series, at, delta) {
                Ok(sum) => sum,
                Err(reason) => {
                    self.refuse_delta(reason, labels);
                    return false;
                }
            },
            (Some(value), _) => value,
        };
        self.gather.sample(at, value);
        true
    }

    fn refuse_delta(&mut self, reason: Reason, labels: &Pairs<'_>) {
        let what = match reason {
            Reason::OutOfOrder => "a difference of an earlier time than one that was added already",
            _ => "too many series send differences: let their exporters send sums (cumulative temporality)",
        };
        let name = labels.first().map(|(_, name)| name.clone().into_owned()).unwrap_or_default();
        self.gather.refuse(reason, 1, || format!("{what}; metric {name:?}"));
    }

    fn exemplar(&mut self, exemplar: &Exemplar) {
        let value = match exemplar.value {
            Some(exemplar::Value::AsDouble(value)) => value,
            Some(exemplar::Value::AsInt(value)) => value as f64,
            None => return,
        };
        let labels = labels::of_exemplar(exemplar, self.context.options);
        let timestamp = to_ms(exemplar.time_unix_nano).unwrap_or(self.context.now_ms);
        self.gather.exemplar(Example { labels: LabelSet::from_pairs(labels), value, timestamp });
    }

    fn at(&mut self, unix_nano: u64) -> i64 {
        let at = to_ms(unix_nano).unwrap_or(self.context.now_ms);
        self.latest_ms = self.latest_ms.max(Some(at));
        at
    }
}

fn to_ms(unix_nano: u64) -> Option<i64> {
    (unix_nano != 0).then_some((unix_nano / 1_000_000) as i64)
}

/// Whether the point says that there is no value any more.
fn is_absent(flags: u32) -> bool {
    flags & DataPointFlags::NoRecordedValueMask as u32 != 0
}

fn kind(data: &Data) -> (MetricType, Shape, i32) {
    let cumulative = AggregationTemporality::Cumulative as i32;
    match data {
        Data::Gauge(_) => (MetricType::Gauge, Shape::Gauge, cumulative),
        Data::Sum(sum) if sum.is_monotonic => (MetricType::Counter, Shape::Counter, sum.aggregation_temporality),
        Data::Sum(sum) => (MetricType::Gauge, Shape::Other, sum.aggregation_temporality),
        Data::Histogram(h) => (MetricType::Histogram, Shape::Other, h.aggregation_temporality),
        Data::ExponentialHistogram(h) => (MetricType::Histogram, Shape::Other, h.aggregation_temporality),
        Data::Summary(_) => (MetricType::Summary, Shape::Other, cumulative),
    }
}

fn points(data: &Data) -> u64 {
    let points = match data {
        Data::Gauge(gauge) => gauge.data_points.len(),
        Data::Sum(sum) => sum.data_points.len(),
        Data::Histogram(h) => h.data_points.len(),
        Data::ExponentialHistogram(h) => h.data_points.len(),
        Data::Summary(summary) => summary.data_points.len(),
    };
    points as u64
}

#[cfg(test)]
mod tests;
