use super::messages::*;
use super::*;
use crate::decode::remote_write_v1;
use crate::reason::Reason;
use crate::testing::{told, written};
use gantry_model::metric::{is_stale, stale_marker};
use gantry_prompb::metric_type;
use proptest::prelude::*;
use prost::Message;

fn v1(timeseries: Vec<TimeSeries>) -> Vec<u8> {
    WriteRequest { timeseries, ..WriteRequest::default() }.encode_to_vec()
}

fn native() -> Histogram {
    Histogram {
        count_int: 12,
        sum: 18.4,
        schema: 1,
        zero_threshold: 0.001,
        zero_count_int: 2,
        positive_spans: vec![Span { offset: 0, length: 2 }, Span { offset: 1, length: 2 }],
        positive_deltas: vec![1, 1, -1, 0],
        negative_spans: vec![Span { offset: -3, length: 2 }],
        negative_deltas: vec![2, 1],
        reset_hint: 2,
        timestamp: 7,
        ..Histogram::default()
    }
}

const NATIVE: &str =
    "{__name__=\"up\", job=\"a\"} 7 schema 1 count 12 sum 18.4 zero 2@0.001 + 0:1 1:2 3:1 4:1 - -3:2 -2:3 NoReset";

#[test]
fn samples_histograms_exemplars_and_metadata_are_read() {
    let mut up = series(&[("__name__", "up"), ("job", "a")], &[(1, 1.5), (2, 2.5)]);
    up.histograms = vec![native()];
    let labels = vec![Label { name: "trace_id".into(), value: "abc".into() }];
    up.exemplars = vec![Exemplar { labels, value: 3.0, timestamp: 4 }];
    let metadata = Metadata { kind: 1, family: "up".into(), help: "Whether.".into(), unit: "bool".into() };
    let body = WriteRequest { timeseries: vec![up], metadata: vec![metadata] }.encode_to_vec();
    let expected = [
        r#"{__name__="up", job="a"} 1 1.5"#,
        r#"{__name__="up", job="a"} 2 2.5"#,
        NATIVE,
        r#"{__name__="up", job="a"} # {trace_id="abc"} 4 3"#,
        r#"# up counter "bool" "Whether.""#,
    ];
    assert_eq!(told(&remote_write_v1(&body).unwrap()), expected);
}

#[test]
fn version_2_reads_its_symbols() {
    let exemplars = vec![ExemplarV2 { labels_refs: vec![7, 8], value: 3.0, timestamp: 4 }];
    let samples = vec![Sample { value: 1.5, timestamp: 1, start_timestamp: 1 }];
    let metadata = Some(MetadataV2 { kind: 2, help_ref: 5, unit_ref: 6 });
    let histograms = vec![native()];
    let request = request_v2(TimeSeriesV2 { samples, histograms, exemplars, metadata, ..TimeSeriesV2::default() });
    let expected = [
        r#"{__name__="up", job="a"} 1 1.5"#,
        NATIVE,
        r#"{__name__="up", job="a"} # {trace_id="abc"} 4 3"#,
        r#"# up gauge "bool" "Whether it is up.""#,
    ];
    assert_eq!(told(&remote_write_v2(&request.encode_to_vec()).unwrap()), expected);
}

#[test]
fn histograms_of_floats_and_with_custom_buckets_are_read() {
    let histogram = Histogram {
        count_float: 2.5,
        sum: 1.0,
        schema: -53,
        positive_spans: vec![Span { offset: 0, length: 2 }],
        positive_counts: vec![0.5, 2.0],
        custom_values: vec![1.0, 2.5],
        timestamp: 9,
        ..Histogram::default()
    };
    let one = TimeSeries { histograms: vec![histogram], ..series(&[("__name__", "h")], &[]) };
    let incoming = remote_write_v1(&v1(vec![one])).unwrap();
    assert_eq!(
        written(&incoming.batch),
        [r#"{__name__="h"} 9 schema -53 count 2.5 sum 1 zero 0@0 + 0:0.5 1:2 - bounds [1.0, 2.5]"#]
    );
    incoming.batch.histograms(&incoming.batch.series()[0])[0].1.validate().unwrap();
}

#[test]
fn every_nan_keeps_its_bits() {
    let other = f64::from_bits(0x7ff8_0000_0000_0001);
    let body = v1(vec![series(&[("__name__", "up")], &[(1, stale_marker()), (2, other), (3, f64::NEG_INFINITY)])]);
    let incoming = remote_write_v1(&body).unwrap();
    let (_, values) = incoming.batch.samples(&incoming.batch.series()[0]);
    assert!(is_stale(values[0]) && values[1].to_bits() == other.to_bits() && values[2] == f64::NEG_INFINITY);
}

#[test]
fn series_that_cannot_be_are_refused_alone_with_all_of_their_samples() {
    let two = &[(1, 1.0), (2, 2.0)];
    type Labels<'a> = &'a [(&'a str, &'a str)];
    let cases: [(Labels<'_>, Reason, &str); 5] = [
        (&[("job", "a")], Reason::MissingMetricName, "the series has no label __name__; series {job=\"a\"}"),
        (&[], Reason::MissingLabels, "the series has no labels"),
        (&[("__name__", "up"), ("a", "1"), ("a", "2")], Reason::InvalidLabels, "label name \"a\" occurs twice"),
        (&[("__name__", "up"), ("", "1")], Reason::InvalidLabels, "a label has no name"),
        (&[("__name__", "")], Reason::MissingLabels, "the series has no labels"),
    ];
    for (labels, reason, message) in cases {
        let good = series(&[("__name__", "good")], &[(1, 1.0)]);
        let incoming = remote_write_v1(&v1(vec![good.clone(), series(labels, two), good])).unwrap();
        let refused = incoming.refused.by_reason();
        assert_eq!((refused[0].reason, refused[0].lines, refused.len()), (reason, 2, 1), "{labels:?}");
        assert!(incoming.refused.first().unwrap().contains(message), "{:?}", incoming.refused.first());
        assert_eq!(incoming.batch.sample_count(), 2);
    }
}

#[test]
fn labels_in_another_order_and_empty_ones_name_the_same_series() {
    let body = v1(vec![series(&[("z", "1"), ("empty", ""), ("__name__", "up")], &[(1, 1.0)])]);
    assert_eq!(told(&remote_write_v1(&body).unwrap()), [r#"{__name__="up", z="1"} 1 1"#]);
}

#[test]
fn text_that_is_no_utf8_refuses_its_series() {
    let mut body = v1(vec![series(&[("__name__", "up"), ("job", "xyz")], &[(1, 1.0)])]);
    let at = body.windows(3).position(|w| w == b"xyz").unwrap();
    body[at] = 0xff;
    assert_eq!(told(&remote_write_v1(&body).unwrap()), ["refused invalid_labels 1"]);
}

#[test]
fn ten_thousand_labels_and_a_value_of_a_mebibyte_are_read_and_left_to_the_store() {
    let names: Vec<String> = (0..10_000).map(|n| format!("l{n:05}")).collect();
    let large = "x".repeat(1 << 20);
    let mut labels = vec![("__name__", "up")];
    labels.extend(names.iter().map(|name| (name.as_str(), "v")));
    labels.push(("large", &large));
    let incoming = remote_write_v1(&v1(vec![series(&labels, &[(1, 1.0)])])).unwrap();
    let labels = incoming.batch.labels(&incoming.batch.series()[0]);
    assert_eq!((labels.iter().count(), labels.get("large").map(str::len)), (10_002, Some(1 << 20)));
}

#[test]
fn times_that_no_clock_shows_are_refused_alone() {
    let body = v1(vec![series(&[("__name__", "up")], &[(i64::MIN, 1.0), (5, 1.0), (i64::MAX, 1.0)])]);
    let expected = [r#"{__name__="up"} 5 1"#, "refused timestamp_out_of_range 2"];
    assert_eq!(told(&remote_write_v1(&body).unwrap()), expected);
}

#[test]
fn references_to_symbols_that_are_not_there_refuse_their_series() {
    for (refs, message) in [(vec![1, 2, 3, 99], "names symbol 99"), (vec![1, 2, 3], "their number is odd")] {
        let mut request = request_v2(TimeSeriesV2 {
            samples: vec![Sample { value: 1.0, timestamp: 1, start_timestamp: 0 }],
            ..TimeSeriesV2::default()
        });
        request.timeseries[0].labels_refs = refs;
        let incoming = remote_write_v2(&request.encode_to_vec()).unwrap();
        assert_eq!(told(&incoming), ["refused invalid_labels 1"]);
        assert!(incoming.refused.first().unwrap().contains(message), "{:?}", incoming.refused.first());
    }
}

#[test]
fn families_of_classic_histograms_are_told_once_without_their_suffix() {
    assert_eq!(v2_family(b"h_bucket", 3), b"h");
    assert_eq!(v2_family(b"s_sum", 5), b"s");
    assert_eq!(v2_family(b"c_sum", 1), b"c_sum");
}

fn v2_family(name: &[u8], kind: u64) -> &[u8] {
    v2::family(name, metric_type(kind))
}

#[test]
fn a_broken_message_is_refused_with_its_position() {
    let body = v1(vec![series(&[("__name__", "up")], &[(1, 1.0)])]);
    for read in [remote_write_v1, remote_write_v2] {
        let error = read(&body[..body.len() - 1]).unwrap_err();
        assert_eq!(error.reason, Reason::InvalidProtobuf);
        assert!(error.message.contains("at byte "), "{error}");
    }
}

proptest! {
    #[test]
    fn damaged_requests_never_panic(at in 0..400usize, byte: u8) {
        let mut up = series(&[("__name__", "up"), ("job", "a")], &[(1, 1.5)]);
        up.histograms = vec![native()];
        let first = v1(vec![up]);
        let samples = vec![Sample { value: 1.5, timestamp: 1, start_timestamp: 1 }];
        let second = request_v2(TimeSeriesV2 { samples, histograms: vec![native()], ..TimeSeriesV2::default() });
        for mut body in [first, second.encode_to_vec()] {
            let at = at % body.len();
            body[at] = byte;
            let _ = remote_write_v1(&body);
            let _ = remote_write_v2(&body);
        }
    }
}

/// What decoding costs: `cargo test --release -- --ignored --nocapture remote_write_bench`.
#[test]
#[ignore = "a measurement, not a test"]
fn remote_write_bench() {
    let job = |n: usize| format!("service-{}", n % 20);
    let all = (0..10_000).map(|n| {
        let (instance, path) = (format!("10.0.{}.{}:9100", n / 250, n % 250), format!("/api/v1/items/{}", n % 100));
        let labels = [
            ("__name__", "http_requests_total"),
            ("code", "200"),
            ("env", "production"),
            ("handler", &path),
            ("instance", &instance),
            ("job", &job(n)),
            ("method", "GET"),
            ("region", "eu-central-1"),
        ];
        series(&labels, &[(1_715_680_800_000 + n as i64, n as f64)])
    });
    let body = v1(all.collect());
    let packed = snap::raw::Encoder::new().compress_vec(&body).unwrap();
    // The quickest of many rounds: other work on the machine only makes them slower.
    let quickest = |work: &dyn Fn()| {
        let round = || {
            let started = std::time::Instant::now();
            work();
            started.elapsed()
        };
        100 * (0..200).map(|_| round()).min().unwrap()
    };
    let unpack = quickest(&|| drop(snap::raw::Decoder::new().decompress_vec(&packed).unwrap()));
    let decode = quickest(&|| assert_eq!(remote_write_v1(&body).unwrap().batch.sample_count(), 10_000));
    println!("{} bytes ({} packed); for 1M samples: unpack {unpack:?}, decode {decode:?}", body.len(), packed.len());
}
