use super::*;
use crate::testing::told;
use proptest::prelude::*;

fn context(precision: Precision, labels: &[(&str, &str)]) -> InfluxContext {
    let labels = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    InfluxContext { now: Timestamp::from_millis(1000), precision, labels }
}

fn read(lines: &str) -> Vec<String> {
    told(&influx(lines.as_bytes(), &context(Precision::Nanoseconds, &[])))
}

#[test]
fn every_number_of_a_line_is_a_sample() {
    let lines = "# a comment\n\n\
                 cpu,host=web\\ 1,core=0 usage=0.5,count=3i,big=18446744073709551615u,on=t,off=False,note=\"a, \\\"b\\\" c\" 5000000\r\n\
                 mem free=1e3";
    let expected = [
        r#"{__name__="cpu_usage", core="0", host="web 1"} 5 0.5"#,
        r#"{__name__="cpu_count", core="0", host="web 1"} 5 3"#,
        r#"{__name__="cpu_big", core="0", host="web 1"} 5 18446744073709552000"#,
        r#"{__name__="cpu_on", core="0", host="web 1"} 5 1"#,
        r#"{__name__="cpu_off", core="0", host="web 1"} 5 0"#,
        r#"{__name__="mem_free"} 1000 1000"#,
    ];
    assert_eq!(read(lines), expected);
    assert_eq!(influx(lines.as_bytes(), &context(Precision::Nanoseconds, &[])).unsupported, 1);
}

#[test]
fn escapes_and_foreign_characters_become_legal_names() {
    let lines = r"disk\,io,a\=b=c\ d,path=C:\dir read.bytes=1 5000000";
    assert_eq!(read(lines), [r#"{__name__="disk_io_read_bytes", a_b="c d", path="C:\\dir"} 5 1"#]);
}

#[test]
fn a_text_may_go_over_the_end_of_its_line() {
    assert_eq!(read("m a=\"x\ny\",b=1 1000000\nm c=2 2000000"), [r#"{__name__="m_b"} 1 1"#, r#"{__name__="m_c"} 2 2"#]);
}

#[test]
fn the_precision_gives_times_their_unit() {
    let cases = [("ns", 0), ("us", 7), ("ms", 7_200), ("s", 7_200_000), ("m", 432_000_000), ("h", 25_920_000_000i64)];
    for (word, expected) in cases {
        let precision = Precision::parse(word).unwrap();
        let incoming = influx(b"m f=1 7200", &context(precision, &[("db", "x")]));
        assert_eq!(told(&incoming), [format!("{{__name__=\"m_f\", db=\"x\"}} {expected} 1")]);
    }
    assert_eq!(Precision::parse("days"), None);
}

#[test]
fn a_broken_line_is_named_with_its_place_and_others_are_read() {
    let cases = [
        (",a=1 f=1", "line 2, column 1: expected a measurement"),
        ("m", "line 2, column 2: expected a blank and fields"),
        ("m,a f=1", "line 2, column 4: expected '='"),
        ("m,=x f=1", "line 2, column 4: a tag or field has no name"),
        ("m f", "line 2, column 4: expected '='"),
        ("m f=x", "line 2, column 5: expected a number"),
        ("m f=nan", "line 2, column 5: expected a number"),
        ("m f=1.5i", "line 2, column 5: expected a number"),
        ("m f=", "line 2, column 5: expected a number"),
        ("m f=1 now", "line 2, column 7: expected a timestamp or the end of the line"),
        ("m f=1 1 2", "line 2, column 7: expected a timestamp or the end of the line"),
        ("m,a=1,a=2 f=1", "label name \"a\" occurs twice"),
    ];
    for (line, message) in cases {
        let lines = format!("a f=1\n{line}\nb f=2\n");
        let incoming = influx(lines.as_bytes(), &context(Precision::Nanoseconds, &[]));
        assert_eq!((incoming.batch.sample_count(), incoming.refused.lines()), (2, 1), "{line}");
        assert!(incoming.refused.first().unwrap().contains(message), "{line}: {:?}", incoming.refused.first());
    }
}

#[test]
fn times_beyond_all_clocks_are_refused_alone() {
    let body = format!("m f=1 {}\nm f=2 5", i64::MAX);
    let incoming = influx(body.as_bytes(), &context(Precision::Hours, &[]));
    assert_eq!(told(&incoming), [r#"{__name__="m_f"} 18000000 2"#, "refused timestamp_out_of_range 1"]);
}

proptest! {
    #[test]
    fn garbage_never_panics(text in "[a-c,= \\\\\"\n0-9it#]{0,60}") {
        let _ = influx(text.as_bytes(), &context(Precision::Hours, &[]));
    }
}
