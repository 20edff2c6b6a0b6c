use super::*;
use crate::samples::Deltas;
use crate::testing::told;
use gantry_model::TenantId;
use opentelemetry_proto::tonic::metrics::v1::ScopeMetrics;
use proptest::prelude::*;
use std::time::Duration;

/// A reader with sums of its own.
struct Reader {
    options: OtlpMetricOptions,
    deltas: Deltas,
    tenant: TenantId,
}

impl Reader {
    fn new(options: OtlpMetricOptions) -> Self {
        let deltas = Deltas::new(options.delta_series, options.delta_idle);
        Reader { options, deltas, tenant: TenantId::default_tenant() }
    }

    fn context(&self) -> OtlpMetricContext<'_> {
        OtlpMetricContext { options: &self.options, deltas: self.deltas.of(&self.tenant, 9), now_ms: 9 }
    }

    /// Reads metrics of a resource, both given as JSON without the outer braces.
    fn read(&self, resource: &str, metrics: &str) -> Vec<String> {
        told(&otlp_metrics_json(json(resource, metrics).as_bytes(), self.context()).unwrap())
    }
}

fn json(resource: &str, metrics: &str) -> String {
    format!(
        r#"{{"resourceMetrics":[{{"resource":{{"attributes":[{resource}]}},"scopeMetrics":[{{"metrics":[{metrics}]}}]}}]}}"#
    )
}

fn read(metrics: &str) -> Vec<String> {
    Reader::new(OtlpMetricOptions::default()).read("", metrics)
}

const SHOP: &str = r#"{"key":"service.name","value":{"stringValue":"cart"}},
    {"key":"service.namespace","value":{"stringValue":"shop"}},
    {"key":"service.instance.id","value":{"stringValue":"i-1"}},
    {"key":"host.name","value":{"stringValue":"h"}}"#;

const REQUESTS: &str = r#"{"name":"http.requests","description":"All.","unit":"1",
    "sum":{"aggregationTemporality":2,"isMonotonic":true,"dataPoints":[
      {"startTimeUnixNano":"1000000","timeUnixNano":"7000000","asInt":"42",
       "attributes":[{"key":"http.method","value":{"stringValue":"GET"}},{"key":"code","value":{"intValue":"200"}}],
       "exemplars":[{"timeUnixNano":"6000000","asDouble":1.5,"traceId":"5b8efff798038103d269b633813fc60c",
         "spanId":"eee19b7ec3c1b174","filteredAttributes":[{"key":"user.id","value":{"stringValue":"u"}}]}]}]}}"#;

#[test]
fn a_counter_has_the_labels_of_its_resource_and_point() {
    let series = r#"{__name__="http_requests_total", code="200", http_method="GET", instance="i-1", job="shop/cart"}"#;
    let expected = [
        format!("{series} 7 42"),
        format!(
            "{series} # {{span_id=\"eee19b7ec3c1b174\", trace_id=\"5b8efff798038103d269b633813fc60c\", user_id=\"u\"}} 6 1.5"
        ),
        r#"{__name__="target_info", host_name="h", instance="i-1", job="shop/cart"} 7 1"#.to_owned(),
        r##"# http_requests_total counter "1" "All.""##.to_owned(),
    ];
    assert_eq!(Reader::new(OtlpMetricOptions::default()).read(SHOP, REQUESTS), expected);
}

#[test]
fn protobuf_and_json_say_the_same() {
    let reader = Reader::new(OtlpMetricOptions::default());
    let text = json(SHOP, &[REQUESTS, HISTOGRAM, EXPONENTIAL].join(","));
    let request: ExportMetricsServiceRequest = serde_json::from_str(&text).unwrap();
    let of_json = otlp_metrics_json(text.as_bytes(), reader.context()).unwrap();
    assert_eq!(otlp_metrics_protobuf(&request.encode_to_vec(), reader.context()).unwrap(), of_json);
    assert!(of_json.refused.is_empty());
}

#[test]
fn options_choose_names_labels_and_what_is_told_of_the_target() {
    let options = OtlpMetricOptions {
        names: NameTranslation::Utf8,
        resource_labels: vec!["host.name".to_owned()],
        target_info: false,
        ..OtlpMetricOptions::default()
    };
    let read = Reader::new(options).read(SHOP, REQUESTS);
    let series = r#"{__name__="http.requests_total", code="200", host.name="h", http.method="GET", instance="i-1", job="shop/cart"} 7 42"#;
    assert_eq!((read[0].as_str(), read.len()), (series, 3));
}

#[test]
fn gauges_keep_their_kind_and_a_point_without_a_value_ends_its_series() {
    let gauge = r#"{"name":"load","gauge":{"dataPoints":[
        {"timeUnixNano":"1000000","asDouble":-1.5},{"timeUnixNano":"2000000","flags":1},{"asInt":"3"},{"timeUnixNano":"4000000"}]}}"#;
    let expected = [
        r#"{__name__="load"} 1 -1.5"#,
        r#"{__name__="load"} 2 NaN"#,
        r#"{__name__="load"} 9 3"#,
        r##"# load gauge "" """##,
        "refused unsupported_value 1",
    ];
    assert_eq!(read(gauge), expected);
}

const HISTOGRAM: &str = r#"{"name":"latency","unit":"s","histogram":{"aggregationTemporality":2,"dataPoints":[
    {"timeUnixNano":"5000000","count":"6","sum":7.5,"bucketCounts":["1","2","3"],"explicitBounds":[0.1,2],
     "exemplars":[{"timeUnixNano":"4000000","asDouble":2}]}]}}"#;

#[test]
fn explicit_buckets_are_cumulated_with_exemplars_where_they_belong() {
    let expected = [
        r#"{__name__="latency_seconds_bucket", le="0.1"} 5 1"#,
        r#"{__name__="latency_seconds_bucket", le="2"} 5 3"#,
        r#"{__name__="latency_seconds_bucket", le="2"} # {} 4 2"#,
        r#"{__name__="latency_seconds_bucket", le="+Inf"} 5 6"#,
        r#"{__name__="latency_seconds_sum"} 5 7.5"#,
        r#"{__name__="latency_seconds_count"} 5 6"#,
        r##"# latency_seconds histogram "s" """##,
    ];
    assert_eq!(read(HISTOGRAM), expected);
    let contradiction = HISTOGRAM.replace("[0.1,2]", "[0.1]");
    assert_eq!(read(&contradiction)[1], "refused invalid_histogram 1");
}

const EXPONENTIAL: &str = r#"{"name":"size","exponentialHistogram":{"aggregationTemporality":2,"dataPoints":[
    {"timeUnixNano":"5000000","count":"10","sum":40.5,"scale":1,"zeroCount":"2",
     "positive":{"offset":-1,"bucketCounts":["1","0","3"]},"negative":{"offset":4,"bucketCounts":["4"]}}]}}"#;

#[test]
fn exponential_histograms_become_native_ones_one_bucket_further() {
    let expected = r#"{__name__="size"} 5 schema 1 count 10 sum 40.5 zero 2@0.000"#;
    let read = read(EXPONENTIAL);
    assert!(read[0].starts_with(expected), "{read:?}");
    assert!(read[0].ends_with(" + 0:1 1:0 2:3 - 5:4"), "{read:?}");
}

#[test]
fn scales_that_prometheus_does_not_know_are_made_coarser_or_refused() {
    let finer = EXPONENTIAL.replace(r#""scale":1"#, r#""scale":10"#);
    let read_finer = read(&finer);
    assert!(read_finer[0].contains("schema 8 ") && read_finer[0].ends_with(" + 0:1 1:3 - 2:4"), "{read_finer:?}");
    let coarser = read(&EXPONENTIAL.replace(r#""scale":1"#, r#""scale":-5"#));
    assert_eq!(coarser[1], "refused invalid_histogram 1");
}

#[test]
fn summaries_are_series_of_quantiles() {
    let summary = r#"{"name":"gc","summary":{"dataPoints":[{"timeUnixNano":"5000000","count":"2","sum":3.5,
        "quantileValues":[{"quantile":0.5,"value":1},{"quantile":1,"value":2.5}]}]}}"#;
    let expected = [
        r#"{__name__="gc", quantile="0.5"} 5 1"#,
        r#"{__name__="gc", quantile="1"} 5 2.5"#,
        r#"{__name__="gc_sum"} 5 3.5"#,
        r#"{__name__="gc_count"} 5 2"#,
        r##"# gc summary "" """##,
    ];
    assert_eq!(read(summary), expected);
}

#[test]
fn differences_are_added_up_and_a_request_that_comes_twice_counts_once() {
    let reader = Reader::new(OtlpMetricOptions::default());
    let at = |nanos: &str| {
        let delta = |metric: &str| metric.replace(r#"Temporality":2"#, r#"Temporality":1"#);
        let metrics = [delta(REQUESTS), delta(EXPONENTIAL)].join(",");
        let metrics = metrics.replace("\"7000000\"", nanos).replace("\"5000000\"", nanos);
        reader.read("", &metrics).into_iter().filter(|line| !line.contains('#')).collect::<Vec<_>>()
    };
    let (first, second, again) = (at("\"7000000\""), at("\"8000000\""), at("\"8000000\""));
    assert!(first[0].ends_with("} 7 42") && second[0].ends_with("} 8 84"), "{first:?} {second:?}");
    assert!(second[1].contains("} 8 schema 1 count 20 sum 81 zero 4@"), "{second:?}");
    assert!(second[1].ends_with(" + 0:2 1:0 2:6 - 5:8"), "{second:?}");
    assert_eq!(second, again);
    assert_eq!(at("\"6000000\""), ["refused out_of_order 2"]);
}

#[test]
fn differences_of_too_many_series_are_refused() {
    let options = OtlpMetricOptions { delta_series: 1, delta_idle: Duration::from_secs(1), ..Default::default() };
    let reader = Reader::new(options);
    let metric = REQUESTS.replace(r#"Temporality":2"#, r#"Temporality":1"#);
    assert_eq!(reader.read("", &metric).len(), 3);
    let other = metric.replace("http.requests", "other");
    let read = reader.read("", &other);
    assert_eq!(read.last().unwrap(), "refused delta_limit 1");
}

#[test]
fn a_metric_without_a_name_is_refused_with_its_points() {
    let nameless = r#"{"name":"","gauge":{"dataPoints":[{"asInt":"1"},{"asInt":"2"}]}}"#;
    assert_eq!(read(nameless), ["refused missing_metric_name 2"]);
}

#[test]
fn attributes_that_get_the_same_name_are_joined() {
    let gauge = r#"{"name":"g","gauge":{"dataPoints":[{"asInt":"1","attributes":[
        {"key":"a.b","value":{"stringValue":"1"}},{"key":"a_b","value":{"stringValue":"2"}},
        {"key":"list","value":{"arrayValue":{"values":[{"intValue":"1"},{"boolValue":true}]}}}]}]}}"#;
    assert_eq!(read(gauge)[0], r#"{__name__="g", a_b="1;2", list="[1,true]"} 9 1"#);
}

#[test]
fn broken_requests_say_what_does_not_fit() {
    let reader = Reader::new(OtlpMetricOptions::default());
    let error = otlp_metrics_protobuf(b"\x0a\xff", reader.context()).unwrap_err();
    assert!(error.to_string().starts_with("invalid_protobuf: "), "{error}");
    let error = otlp_metrics_json(b"{\"resourceMetrics\": 5}", reader.context()).unwrap_err();
    assert!(error.to_string().contains("at line 1 column 21"), "{error}");
}

proptest! {
    #[test]
    fn whatever_the_buckets_are_nothing_panics(
        scale: i32,
        offset: i32,
        counts in proptest::collection::vec(any::<u64>(), 0..20),
        time: u64,
        temporality in 0..3i32,
    ) {
        use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;
        use opentelemetry_proto::tonic::metrics::v1::{ExponentialHistogram, ExponentialHistogramDataPoint};
        let side = Some(Buckets { offset, bucket_counts: counts });
        let point = ExponentialHistogramDataPoint {
            scale, positive: side.clone(), negative: side, time_unix_nano: time, ..Default::default()
        };
        let data_points = vec![point.clone(), point];
        let histogram = ExponentialHistogram { data_points, aggregation_temporality: temporality };
        let data = Some(Data::ExponentialHistogram(histogram));
        let metrics = vec![Metric { name: "h".to_owned(), data, ..Metric::default() }];
        let scope_metrics = vec![ScopeMetrics { metrics, ..ScopeMetrics::default() }];
        let resource_metrics = vec![ResourceMetrics { scope_metrics, ..ResourceMetrics::default() }];
        let reader = Reader::new(OtlpMetricOptions::default());
        otlp_metrics(&ExportMetricsServiceRequest { resource_metrics }, reader.context());
    }
}
