use super::*;
use proptest::prelude::*;

const NOW: Timestamp = Timestamp::from_secs(1000);

fn lines(incoming: &Incoming) -> Vec<String> {
    let batch = &incoming.batch;
    let rows = batch.streams().iter().flat_map(|s| batch.rows_of(s).iter().map(move |row| (s, row)));
    rows.map(|(s, row)| {
        let (at, body, metadata) = (row.timestamp.nanos(), batch.body(row), batch.metadata(row));
        format!("{} {at} {body} {metadata}", s.labels).trim_end().to_owned()
    })
    .collect()
}

fn events(body: &str) -> HecEvents {
    hec_events(body.as_bytes(), &HecRequest::default(), &IngestOptions::default(), NOW).unwrap()
}

#[test]
fn events_follow_each_other_with_or_without_space() {
    let body = concat!(
        r#"{"time":1.5,"host":"h","sourcetype":"st","event":"text"}{"time":"2","event":{"message":"m","a":{"b":1}}}"#,
        "\n",
        r#"{"event":{"a":1},"fields":{"k":"v"},"index":"main"} {"event":7,"fields":{"trace":"t"}}"#,
    );
    let read = events(body);
    assert_eq!((read.events, read.first_bad.clone()), (4, None));
    let expected = [
        r#"{host="h", sourcetype="st"} 1500000000 text"#,
        r#"{source="splunk"} 2000000000 m {"a_b":"1"}"#,
        r#"{source="splunk"} 1000000000000 7 {"trace":"t"}"#,
        r#"{index="main"} 1000000000000 {"a":1}"#,
    ];
    assert_eq!(lines(&read.incoming), expected);
}

#[test]
fn a_bad_event_has_a_number_and_the_good_ones_before_it_are_kept() {
    for (body, reason) in [
        (r#"{"event":"a"}{"time":1}"#, Reason::MissingEvent),
        (r#"{"event":"a"}{"event":""}"#, Reason::MissingEvent),
        (r#"{"event":"a"}{"event":"b","time":"soon"}"#, Reason::InvalidTimestamp),
        (r#"{"event":"a"}{"event""#, Reason::InvalidJson),
        (r#"{"event":"a"}{"event":"b","fields":7}"#, Reason::InvalidJson),
    ] {
        let read = events(body);
        assert_eq!(read.incoming.batch.line_count(), 1, "{body}");
        let (at, why, _) = read.first_bad.unwrap();
        assert_eq!((at, why), (1, reason), "{body}");
    }
}

#[test]
fn raw_lines_take_labels_and_time_of_the_request() {
    let request = HecRequest { source: Some("s".into()), time: Some(Timestamp(5)), ..HecRequest::default() };
    let read = hec_raw(b"one\r\n\ntwo", &request, NOW).unwrap();
    assert_eq!(lines(&read.incoming), [r#"{source="s"} 5 one"#, r#"{source="s"} 5 two"#]);
}

proptest! {
    #[test]
    fn garbage_never_panics(body in proptest::collection::vec(any::<u8>(), 0..100), text in r#"(\{"(event|time|fields)":[{}":,a0\[\]]{0,9}\}){0,3}"#) {
        let _ = hec_events(&body, &HecRequest::default(), &IngestOptions::default(), NOW);
        let _ = events(&text);
    }
}
