use super::*;
use crate::decode::DecodeError;
use crate::testing::told;
use proptest::prelude::*;
use prost::Message;

const TEXT: ExpositionFormat = ExpositionFormat::Text(TextFormat::Prometheus);
const OPEN: ExpositionFormat = ExpositionFormat::Text(TextFormat::OpenMetrics);

fn read(text: &str, format: ExpositionFormat) -> Vec<String> {
    told(&exposition(text.as_bytes(), format, &context(&[])).unwrap())
}

fn context(labels: &[(&str, &str)]) -> ExpositionContext {
    let labels = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    ExpositionContext { now_ms: 1000, labels, both_histograms: false }
}

#[test]
fn the_text_format_is_read_as_exporters_write_it() {
    let text = "# HELP http_requests_total Requests,\\nby \"code\".\n\
                # TYPE http_requests_total counter\n\
                # just a comment\n\
                http_requests_total{method=\"post\",code=\"200\",} 1027 1395066363000\r\n\
                \n\
                \t msdos_file_access_time_seconds{path=\"C:\\\\DIR\\\\F.TXT\",error=\"no \\\"F\\\"\\n\"} 1.458255915e9\n\
                metric_without_labels 12.47\n\
                http:rule{ a = \"1\" } -Inf -3982045\n\
                # TYPE rpc histogram\n\
                rpc_bucket{le=\"1\"} 5\nrpc_bucket{le=\"+Inf\"} NaN\n\
                # TYPE s summary\n\
                s{quantile=\"0\"} 1";
    let expected = [
        r#"{__name__="http_requests_total", code="200", method="post"} 1395066363000 1027"#,
        r#"{__name__="msdos_file_access_time_seconds", error="no \"F\"\n", path="C:\\DIR\\F.TXT"} 1000 1458255915"#,
        r#"{__name__="metric_without_labels"} 1000 12.47"#,
        r#"{__name__="http:rule", a="1"} -3982045 -inf"#,
        r#"{__name__="rpc_bucket", le="1.0"} 1000 5"#,
        r#"{__name__="rpc_bucket", le="+Inf"} 1000 NaN"#,
        r#"{__name__="s", quantile="0.0"} 1000 1"#,
        r##"# http_requests_total counter "" "Requests,\nby \"code\".""##,
        r##"# rpc histogram "" """##,
        r##"# s summary "" """##,
    ];
    assert_eq!(read(text, TEXT), expected);
}

#[test]
fn names_of_any_characters_stand_in_quotes() {
    let text = "# TYPE \"my.metric\" gauge\n{\"my.metric\", \"a.b\"=\"1\", c=\"ä\"} 1\n{\"alone\"} 2\nplain{\"x y\"=\"1\"} 3\n";
    let expected = [
        r#"{__name__="my.metric", a.b="1", c="ä"} 1000 1"#,
        r#"{__name__="alone"} 1000 2"#,
        r#"{__name__="plain", x y="1"} 1000 3"#,
        r##"# my.metric gauge "" """##,
    ];
    assert_eq!(read(text, TEXT), expected);
}

#[test]
fn open_metrics_has_seconds_units_and_exemplars() {
    let text = "# TYPE foo_seconds histogram\n# UNIT foo_seconds seconds\n# HELP foo_seconds Say \\\"foo\\\".\n\
                foo_seconds_bucket{le=\"0.1\"} 8 1.5 # {trace_id=\"ab\"} 0.067 1520879607.789\n\
                foo_seconds_bucket{le=\"+Inf\"} 17 # {} 9.8\n\
                foo_seconds_created 1520430000.123\n# EOF\n";
    let expected = [
        r#"{__name__="foo_seconds_bucket", le="0.1"} 1500 8"#,
        r#"{__name__="foo_seconds_bucket", le="0.1"} # {trace_id="ab"} 1520879607789 0.067"#,
        r#"{__name__="foo_seconds_bucket", le="+Inf"} 1000 17"#,
        r#"{__name__="foo_seconds_bucket", le="+Inf"} # {} 1000 9.8"#,
        r#"{__name__="foo_seconds_created"} 1000 1520430000.123"#,
        r##"# foo_seconds histogram "seconds" "Say \"foo\".""##,
    ];
    assert_eq!(read(text, OPEN), expected);
}

#[test]
fn open_metrics_that_was_cut_off_is_refused_whole() {
    let error = exposition(b"foo 1\nfoo_b", OPEN, &context(&[])).unwrap_err();
    assert_eq!(error, DecodeError { reason: Reason::InvalidText, message: error.message.clone() });
    assert!(error.message.contains("# EOF"), "{error}");
}

#[test]
fn a_broken_line_is_named_with_its_place_and_others_are_read() {
    let cases = [
        ("{a=\"1\"} 1", "line 2, column 1: expected the name of a metric"),
        ("1up 1", "line 2, column 1: expected the name of a metric"),
        ("up{a=1} 1", "line 2, column 6: expected '\"'"),
        ("up{a} 1", "line 2, column 5: expected '='"),
        ("up{a=\"1\" b=\"2\"} 1", "line 2, column 10: expected ',' or '}'"),
        ("up{a=\"1} 1", "line 2, column 7: the quote that begins before this is not closed"),
        ("up{a=\"1\"", "line 2, column 9: expected ',' or '}'"),
        ("up{9=\"1\"} 1", "line 2, column 4: expected the name of a label or '}'"),
        ("up", "line 2, column 3: expected a number"),
        ("up one", "line 2, column 4: expected a number"),
        ("up 1 2.5", "line 2, column 6: expected a timestamp"),
        ("up 1 2 3", "line 2, column 8: expected the end of the line"),
        ("up 1 # {a=\"b\"} 1", "line 2, column 6: expected the end of the line"),
        ("# TYPE up speed", "line 2, column 11: expected a type: "),
    ];
    for (line, message) in cases {
        let incoming = exposition(format!("a 1\n{line}\nb 2\n").as_bytes(), TEXT, &context(&[])).unwrap();
        assert_eq!((incoming.batch.sample_count(), incoming.refused.lines()), (2, 1), "{line}");
        let first = incoming.refused.first().unwrap();
        assert!(first.starts_with(&format!("invalid_text: {message}")), "{line}: {first}");
    }
}

#[test]
fn bytes_that_are_no_utf8_are_named_with_their_place() {
    let incoming = exposition(b"a 1\nb{x=\"\xff\"} 2\nc 3\n", TEXT, &context(&[])).unwrap();
    assert_eq!(incoming.refused.first(), Some("invalid_text: line 2, column 6: bytes that are not UTF-8"));
    assert_eq!(incoming.batch.sample_count(), 2);
}

#[test]
fn a_label_that_occurs_twice_refuses_its_sample() {
    assert_eq!(read("up{a=\"1\",a=\"2\"} 1\n", TEXT), ["refused invalid_labels 1"]);
}

#[test]
fn labels_of_the_context_win() {
    let context = context(&[("job", "batch"), ("instance", "")]);
    let incoming = exposition(b"up{job=\"own\",instance=\"x\",a=\"1\"} 1\n", TEXT, &context).unwrap();
    assert_eq!(told(&incoming), [r#"{__name__="up", a="1", job="batch"} 1000 1"#]);
}

/// `io.prometheus.client.MetricFamily`, as any protobuf library would write it.
mod messages {
    use crate::decode::messages::{Label, Span};

    #[derive(Clone, PartialEq, prost::Message)]
    pub struct Family {
        #[prost(string, tag = "1")]
        pub name: String,
        #[prost(string, tag = "2")]
        pub help: String,
        #[prost(int32, tag = "3")]
        pub kind: i32,
        #[prost(message, repeated, tag = "4")]
        pub metric: Vec<Metric>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub struct Metric {
        #[prost(message, repeated, tag = "1")]
        pub label: Vec<Label>,
        #[prost(message, optional, tag = "3")]
        pub counter: Option<Number>,
        #[prost(message, optional, tag = "4")]
        pub summary: Option<Summary>,
        #[prost(int64, tag = "6")]
        pub timestamp_ms: i64,
        #[prost(message, optional, tag = "7")]
        pub histogram: Option<Histogram>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub struct Number {
        #[prost(double, tag = "1")]
        pub value: f64,
        #[prost(message, optional, tag = "2")]
        pub exemplar: Option<Exemplar>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub struct Exemplar {
        #[prost(message, repeated, tag = "1")]
        pub label: Vec<Label>,
        #[prost(double, tag = "2")]
        pub value: f64,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub struct Summary {
        #[prost(uint64, tag = "1")]
        pub count: u64,
        #[prost(double, tag = "2")]
        pub sum: f64,
        #[prost(message, repeated, tag = "3")]
        pub quantile: Vec<Two>,
    }

    #[derive(Clone, Copy, PartialEq, prost::Message)]
    pub struct Two {
        #[prost(double, tag = "1")]
        pub quantile: f64,
        #[prost(double, tag = "2")]
        pub value: f64,
    }

    #[derive(Clone, Copy, PartialEq, prost::Message)]
    pub struct Bucket {
        #[prost(uint64, tag = "1")]
        pub count: u64,
        #[prost(double, tag = "2")]
        pub bound: f64,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub struct Histogram {
        #[prost(uint64, tag = "1")]
        pub count: u64,
        #[prost(double, tag = "2")]
        pub sum: f64,
        #[prost(message, repeated, tag = "3")]
        pub bucket: Vec<Bucket>,
        #[prost(sint32, tag = "5")]
        pub schema: i32,
        #[prost(double, tag = "6")]
        pub zero_threshold: f64,
        #[prost(message, repeated, tag = "12")]
        pub positive_span: Vec<Span>,
        #[prost(sint64, repeated, tag = "13")]
        pub positive_delta: Vec<i64>,
    }
}

/// A counter, a summary, a classic histogram, and a native one with its classic form.
pub(crate) fn families() -> Vec<u8> {
    use messages::{Bucket, Exemplar, Family, Histogram, Metric, Number, Summary, Two};
    let label = |name: &str, value: &str| crate::decode::messages::Label { name: name.into(), value: value.into() };
    let exemplar = Some(Exemplar { label: vec![label("id", "7")], value: 2.0 });
    let counter = Metric {
        label: vec![label("a", "1")],
        counter: Some(Number { value: 3.0, exemplar }),
        timestamp_ms: 5,
        ..Metric::default()
    };
    let summary = Summary { count: 2, sum: 3.5, quantile: vec![Two { quantile: 0.5, value: 1.5 }] };
    let classic = Histogram { count: 4, sum: 9.0, bucket: vec![Bucket { count: 3, bound: 1.0 }], ..Default::default() };
    let native = Histogram {
        count: 3,
        sum: 4.0,
        schema: 2,
        zero_threshold: 0.5,
        positive_span: vec![crate::decode::messages::Span { offset: 1, length: 2 }],
        positive_delta: vec![1, 1],
        bucket: vec![Bucket { count: 2, bound: 1.0 }],
    };
    let family = |name: &str, kind, metric| Family { name: name.into(), help: "h".into(), kind, metric: vec![metric] };
    let all = [
        family("c_total", 0, counter),
        family("s", 2, Metric { summary: Some(summary), ..Metric::default() }),
        family("h", 4, Metric { histogram: Some(classic), ..Metric::default() }),
        family("n", 4, Metric { histogram: Some(native), ..Metric::default() }),
    ];
    all.iter().flat_map(Message::encode_length_delimited_to_vec).collect()
}

#[test]
fn protobuf_has_native_histograms_too() {
    let expected = [
        r#"{__name__="c_total", a="1"} 5 3"#,
        r#"{__name__="c_total", a="1"} # {id="7"} 5 2"#,
        r#"{__name__="s", quantile="0.5"} 1000 1.5"#,
        r#"{__name__="s_sum"} 1000 3.5"#,
        r#"{__name__="s_count"} 1000 2"#,
        r#"{__name__="h_bucket", le="1.0"} 1000 3"#,
        r#"{__name__="h_bucket", le="+Inf"} 1000 4"#,
        r#"{__name__="h_sum"} 1000 9"#,
        r#"{__name__="h_count"} 1000 4"#,
        r#"{__name__="n"} 1000 schema 2 count 3 sum 4 zero 0@0.5 + 1:1 2:2 -"#,
        r##"# c_total counter "" "h""##,
        r##"# h histogram "" "h""##,
        r##"# n histogram "" "h""##,
        r##"# s summary "" "h""##,
    ];
    let incoming = exposition(&families(), ExpositionFormat::Protobuf, &context(&[])).unwrap();
    assert_eq!(told(&incoming), expected);
    let both = ExpositionContext { both_histograms: true, ..context(&[]) };
    let lines = told(&exposition(&families(), ExpositionFormat::Protobuf, &both).unwrap());
    let classic = [
        r#"{__name__="n_bucket", le="1.0"} 1000 2"#,
        r#"{__name__="n_bucket", le="+Inf"} 1000 3"#,
        r#"{__name__="n_sum"} 1000 4"#,
        r#"{__name__="n_count"} 1000 3"#,
    ];
    assert_eq!((&lines[9..13], &lines[13]), (&classic.map(str::to_owned)[..], &expected[9].to_owned()));
}

#[test]
fn the_content_type_chooses_the_format() {
    let cases = [
        ("text/plain; version=0.0.4", TEXT),
        ("", TEXT),
        ("application/openmetrics-text; version=1.0.0; charset=utf-8", OPEN),
        (
            "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited",
            ExpositionFormat::Protobuf,
        ),
    ];
    for (content_type, format) in cases {
        assert_eq!(ExpositionFormat::of_content_type(content_type), format, "{content_type}");
    }
}

proptest! {
    #[test]
    fn garbage_never_panics(text in "[a-z{}\",=\\\\ #\n0-9é.]{0,80}") {
        for format in [TEXT, OPEN] {
            let _ = exposition(text.as_bytes(), format, &context(&[]));
        }
    }

    #[test]
    fn damaged_protobuf_never_panics(at in 0..400usize, byte: u8) {
        let mut body = families();
        let at = at % body.len();
        body[at] = byte;
        let _ = exposition(&body, ExpositionFormat::Protobuf, &context(&[]));
    }

    #[test]
    fn every_label_value_can_be_written_and_read_again(value in "\\PC{1,20}|[\"\\\\\n]{1,5}") {
        let written = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        let text = format!("up{{a=\"{written}\"}} 1\n");
        let incoming = exposition(text.as_bytes(), TEXT, &context(&[])).unwrap();
        let batch = &incoming.batch;
        prop_assert_eq!(batch.labels(&batch.series()[0]).get("a"), Some(value.as_str()));
    }
}
