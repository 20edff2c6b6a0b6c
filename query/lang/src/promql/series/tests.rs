//! What the notation means.

use super::*;
use gantry_model::metric::{ResetHint, Span, is_stale};

/// Adds counts only: enough to see that something was added.
fn combine(a: &NativeHistogram, b: &NativeHistogram, subtract: bool) -> Result<NativeHistogram, String> {
    let count = if subtract { a.count - b.count } else { a.count + b.count };
    Ok(NativeHistogram { count, ..a.clone() })
}

fn values(text: &str) -> Vec<SeriesValue> {
    let (_, items) = parse_series(&format!("up {text}")).unwrap_or_else(|error| panic!("{text}: {error}"));
    expand(&items, &combine).unwrap()
}

fn shown(text: &str) -> String {
    let one = |value| match value {
        SeriesValue::Omitted => "_".to_owned(),
        SeriesValue::Number(n) if is_stale(n) => "stale".into(),
        SeriesValue::Number(n) => n.to_string(),
        SeriesValue::Histogram(h) => format!("{{{}}}", h.histogram.count),
    };
    values(text).into_iter().map(one).collect::<Vec<_>>().join(" ")
}

fn histogram(text: &str) -> NativeHistogram {
    match values(text).pop() {
        Some(SeriesValue::Histogram(histogram)) => (*histogram.histogram).clone(),
        other => panic!("{text} is {other:?}"),
    }
}

fn refused(text: &str) -> String {
    parse_series(text).unwrap_err().to_string()
}

#[test]
fn numbers_repeat_and_grow() {
    assert_eq!(shown("1 -2 _ stale 3.5e1"), "1 -2 _ stale 35");
    assert_eq!(shown("1x2 1+2x3 -2-1x1 _x2"), "1 1 1 1 3 5 7 -2 -3 _ _");
    assert_eq!(shown("NaN Inf -Inf  +5 1e3x1"), "NaN inf -inf 5 1000 1000");
    assert_eq!(shown(""), "");
}

#[test]
fn labels_come_before_the_values() {
    let (labels, items) = parse_series(r#"a{b="c d", "e.f"="g"} 1 2"#).unwrap();
    assert_eq!(labels.get("e.f"), Some("g"));
    assert_eq!(items.len(), 2);
    assert_eq!(parse_series("{b=\"c\"} 1").unwrap().0.get("__name__"), None);
}

#[test]
fn histograms_have_parts() {
    let text = "{{schema:1 sum:-3 count:22 z_bucket:2 z_bucket_w:0.1 buckets:[5 10 7] offset:-1 n_buckets:[1 2.5] n_offset:3}}";
    let made = histogram(text);
    assert_eq!((made.schema, made.sum, made.count), (1, -3.0, 22.0));
    assert_eq!((made.zero_count, made.zero_threshold), (2.0, 0.1));
    assert_eq!(made.positive.spans, [Span { offset: -1, length: 3 }]);
    assert_eq!(made.negative.spans, [Span { offset: 3, length: 2 }]);
    assert_eq!(made.negative.counts, [1.0, 2.5]);
    let custom = histogram("{{schema:-53 custom_values:[5 10] buckets:[1 2 3] counter_reset_hint:gauge}}");
    assert_eq!((&custom.custom_bounds[..], custom.reset_hint), (&[5.0, 10.0][..], ResetHint::Gauge));
    assert_eq!(histogram("{{ }}"), NativeHistogram::default());
}

#[test]
fn histograms_repeat_and_grow() {
    assert_eq!(
        shown("{{count:1}}x2 {{count:5}}-{{count:1}}x2 {{count:5}}+{{count:1}}x1 _"),
        "{1} {1} {1} {5} {4} {3} {5} {6} _"
    );
    let hints = |text| match values(text).pop() {
        Some(SeriesValue::Histogram(histogram)) => histogram.hint_is_given,
        other => panic!("{other:?}"),
    };
    assert!(hints("{{counter_reset_hint:unknown}}") && !hints("{{}}"));
    let (_, items) = parse_series("a {{schema:2}}+{{schema:1}}x1").unwrap();
    let error = expand(&items, &combine).unwrap_err();
    assert_eq!(error, "error combining histograms: cannot merge from schema 1 to 2");
}

#[test]
fn mistakes_are_named_with_their_place() {
    let cases = [
        ("a 1y", "1:4: parse error: unexpected character 'y' in series values"),
        ("a 1 x", "1:5: parse error: unexpected character 'x' in series values, expected number or \"stale\""),
        ("a 1+2", "1:6: parse error: unexpected end of input in series values"),
        ("a 1x", "1:5: parse error: invalid repetition in series values: cannot parse integer from empty string"),
        ("a {{sume:1}}", "1:5: parse error: bad histogram descriptor found: \"sume\""),
        ("a {{sum:1 sum:2}}", "1:11: parse error: duplicate key \"sum\" in histogram"),
        ("a {{buckets:[1", "1:15: parse error: unexpected end of input in histogram description"),
        ("a{b=1} 1", "1:5: parse error: unexpected character inside braces: '1'"),
        ("a{b!=\"c\"} 1", "1:4: parse error: unexpected <op:!=> in label set, expected \"=\""),
    ];
    for (text, error) in cases {
        assert_eq!(refused(text), error, "{text}");
    }
}

#[test]
fn nothing_grows_without_bound() {
    for text in ["1x99999999999", "_x1000001", "{{}}x1000000"] {
        let (_, items) = parse_series(&format!("a {text}")).unwrap();
        assert_eq!(expand(&items, &combine).unwrap_err(), "a series has at most 1000000 values");
    }
}
