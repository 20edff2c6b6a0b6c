use super::*;
use proptest::prelude::*;

fn records(format: Format, max: usize, lines: &[&str]) -> Vec<(Option<i64>, Stream, String)> {
    let mut decoder = Decoder::new(format, max);
    let mut out = Vec::new();
    let mut emit = |r: Record<'_>| out.push((r.at.map(|t| t.0), r.stream, r.body.to_owned()));
    for line in lines {
        decoder.line(line.as_bytes(), false, &mut emit);
    }
    decoder.finish(&mut emit);
    out
}

#[test]
fn partial_cri_lines_are_joined_for_each_stream() {
    let got = records(
        Format::Cri,
        99,
        &[
            "1970-01-01T00:00:01Z stdout P one ",
            "1970-01-01T00:00:02Z stderr P broken ",
            "1970-01-01T00:00:03Z stdout F line",
            "1970-01-01T00:00:04Z stderr F pipe",
            "1970-01-01T00:00:05Z stdout P never ended",
        ],
    );
    assert_eq!(
        got,
        [
            (Some(1_000_000_000), Stream::Stdout, "one line".to_owned()),
            (Some(2_000_000_000), Stream::Stderr, "broken pipe".to_owned()),
            (Some(5_000_000_000), Stream::Stdout, "never ended".to_owned()),
        ]
    );
}

#[test]
fn docker_lines_without_line_feed_are_joined() {
    let got = records(
        Format::Docker,
        99,
        &[
            r#"{"log":"first \"half\", ","stream":"stdout","time":"1970-01-01T00:00:01.5Z"}"#,
            r#"{"log":"second\n","stream":"stdout","time":"1970-01-01T00:00:02Z"}"#,
        ],
    );
    assert_eq!(got, [(Some(1_500_000_000), Stream::Stdout, "first \"half\", second".to_owned())]);
}

#[test]
fn a_joined_line_is_cut_at_the_limit() {
    let part = "1970-01-01T00:00:01Z stdout P 0123456789";
    let got = records(Format::Cri, 15, &[part, part, part, "1970-01-01T00:00:01Z stdout F end"]);
    assert_eq!(got, [(Some(1_000_000_000), Stream::Stdout, "012345678901234".to_owned())]);
}

#[test]
fn a_line_of_another_shape_is_kept_as_it_is() {
    let got = records(Format::Cri, 99, &["panic: no runtime wrote this"]);
    assert_eq!(got, [(None, Stream::Unknown, "panic: no runtime wrote this".to_owned())]);
}

#[test]
fn the_first_line_tells_the_format() {
    let detect = |line: &str| Format::Auto.detect(line.as_bytes());
    assert_eq!(detect("2016-10-06T00:17:09.669794202Z stdout F x"), Format::Cri);
    assert_eq!(detect(r#"{"log":"x\n","stream":"stderr","time":"2016-10-06T00:17:09Z"}"#), Format::Docker);
    assert_eq!(detect(r#"{"level":"info","msg":"x"}"#), Format::Plain);
    assert_eq!(detect("2016-10-06T00:17:09Z server started"), Format::Plain);
    assert_eq!(Format::Plain.detect(b"2016-10-06T00:17:09.669794202Z stdout F x"), Format::Plain);
}

proptest! {
    #[test]
    fn garbage_is_kept_or_joined_and_never_panics(lines in prop::collection::vec(any::<Vec<u8>>(), 0..20)) {
        for format in [Format::Plain, Format::Cri, Format::Docker] {
            let mut decoder = Decoder::new(format, 7);
            for line in &lines {
                decoder.line(line, false, &mut |record| assert!(record.body.len() <= 7));
            }
            decoder.finish(&mut |_| ());
        }
    }

    #[test]
    fn almost_cri_never_panics(line in "(2016-10-06T00:17:09.6697[0-9]{0,9}Z?)? ?(stdout|stderr|x)? ?[PF]?(:[a-z])? ?\\PC{0,9}") {
        let _ = cri::parse(line.as_bytes());
    }

    #[test]
    fn what_docker_writes_reads_back(body in "\\PC{0,40}", nanos in 0i64..4_000_000_000_000_000_000) {
        let time = chrono::DateTime::from_timestamp_nanos(nanos).to_rfc3339();
        let line = serde_json::json!({"log": format!("{body}\n"), "stream": "stderr", "time": time}).to_string();
        let part = docker::parse(line.as_bytes()).unwrap();
        prop_assert_eq!((part.at.0, part.stream, &*part.text), (nanos, Stream::Stderr, body.as_bytes()));
    }
}
