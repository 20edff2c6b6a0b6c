use super::*;
use proptest::prelude::*;
use rmpv::Value;
use std::io::Write;

const NOW: Timestamp = Timestamp::from_secs(1000);

fn encode(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    rmpv::encode::write_value(&mut bytes, value).unwrap();
    bytes
}

fn record(text: &str) -> Value {
    Value::Map(vec![("log".into(), text.into()), ("k".into(), Value::Map(vec![("n".into(), 7.into())]))])
}

fn event(at: Value, text: &str) -> Value {
    Value::Array(vec![at, record(text)])
}

fn event_time(seconds: u32, nanos: u32) -> Value {
    Value::Ext(0, [seconds.to_be_bytes(), nanos.to_be_bytes()].concat())
}

fn chunk_option(more: &[(&str, &str)]) -> Value {
    let pairs = more.iter().map(|(name, value)| ((*name).into(), (*value).into()));
    Value::Map(pairs.chain([("chunk".into(), "c1".into()), ("size".into(), 2.into())]).collect())
}

fn shown(message: &Value) -> (Vec<String>, Option<String>) {
    let decoded = decode(&encode(message), &IngestOptions::default(), NOW).unwrap();
    let batch = &decoded.incoming.batch;
    let rows = batch.streams().iter().flat_map(|s| batch.rows_of(s).iter().map(move |r| (s, r)));
    let line = |s: &gantry_model::BatchStream, r| {
        let r: &gantry_model::LogRow = r;
        format!("{} {} {} {}", s.labels, r.timestamp.0, batch.body(r), batch.metadata(r))
    };
    (rows.map(|(s, r)| line(s, r)).collect(), decoded.chunk)
}

fn packed() -> Vec<u8> {
    [encode(&event(event_time(5, 6), "one")), encode(&event(7.into(), "two"))].concat()
}

#[test]
fn all_four_modes_give_the_same_lines_and_the_chunk_to_acknowledge() {
    let two =
        [r#"{tag="t"} 5000000006 one {"k_n":"7"}"#.to_owned(), r#"{tag="t"} 7000000000 two {"k_n":"7"}"#.to_owned()];
    let chunk = Some("c1".to_owned());
    let mut gzip = Vec::new();
    for part in [encode(&event(event_time(5, 6), "one")), encode(&event(7.into(), "two"))] {
        let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        writer.write_all(&part).unwrap();
        gzip.extend(writer.finish().unwrap());
    }
    let tag = || Value::from("t");
    let entries = Value::Array(vec![event(event_time(5, 6), "one"), event(7.into(), "two")]);
    let packed_text = Value::String(rmpv::Utf8String::from("")); // An empty chunk is one, too.
    let cases = [
        Value::Array(vec![tag(), entries, chunk_option(&[])]),
        Value::Array(vec![tag(), Value::Binary(packed()), chunk_option(&[])]),
        Value::Array(vec![tag(), Value::Binary(gzip), chunk_option(&[("compressed", "gzip")])]),
    ];
    for message in cases {
        assert_eq!(shown(&message), (two.to_vec(), chunk.clone()), "{message}");
    }
    let single = Value::Array(vec![tag(), event_time(5, 6), record("one"), chunk_option(&[])]);
    assert_eq!(shown(&single), (two[..1].to_vec(), chunk.clone()));
    assert_eq!(shown(&Value::Array(vec![tag(), packed_text, chunk_option(&[])])), (vec![], chunk));
    assert_eq!(shown(&Value::Nil), (vec![], None), "a heartbeat");
}

#[test]
fn metadata_beside_the_time_and_records_without_a_message_are_kept() {
    let with_metadata = Value::Array(vec![8.into(), Value::Map(vec![("m".into(), true.into())])]);
    let record = Value::Map(vec![("a".into(), Value::Array(vec![1.into(), Value::Nil]))]);
    let entries = Value::Array(vec![Value::Array(vec![with_metadata.clone(), self::record("x")])]);
    let expected = r#"{tag="t"} 8000000000 x {"k_n":"7","m":"true"}"#.to_owned();
    assert_eq!(shown(&Value::Array(vec!["t".into(), entries])), (vec![expected.clone()], None));
    let single = Value::Array(vec!["t".into(), with_metadata, self::record("x")]);
    assert_eq!(shown(&single), (vec![expected], None));
    let whole = Value::Array(vec!["t".into(), Value::Nil, record]);
    assert_eq!(shown(&whole), (vec![r#"{tag="t"} 1000000000000 {"a":[1,null]} "#.to_owned()], None));
}

#[test]
fn a_bad_event_is_refused_alone_and_a_bad_message_whole() {
    let entries = Value::Array(vec![event(7.into(), "good"), 5.into(), event("soon".into(), "bad")]);
    let message = encode(&Value::Array(vec!["t".into(), entries]));
    let incoming = decode(&message, &IngestOptions::default(), NOW).unwrap().incoming;
    assert_eq!((incoming.batch.line_count(), incoming.refused.lines()), (1, 2));
    assert!(incoming.refused.first().unwrap().contains("event 1 of the message, tag t"));
    let deep = (0..100).fold(Value::from(1), |inner, _| Value::Array(vec![inner]));
    for bad in
        [Value::from(7), Value::Array(vec![]), Value::Array(vec!["t".into()]), Value::Array(vec!["t".into(), deep])]
    {
        let error = decode(&encode(&bad), &IngestOptions::default(), NOW).unwrap_err();
        assert_eq!(error.reason, Reason::InvalidMsgpack, "{bad}");
    }
}

#[test]
fn bombs_are_refused_at_the_cap() {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    writer.write_all(&vec![0xc0; 1 << 20]).unwrap();
    let bomb = Value::Binary(writer.finish().unwrap());
    let message = encode(&Value::Array(vec!["t".into(), bomb, chunk_option(&[("compressed", "gzip")])]));
    let options = IngestOptions { max_decompressed_bytes: 1 << 16, ..IngestOptions::default() };
    assert_eq!(decode(&message, &options, NOW).unwrap_err().reason, Reason::BodyTooLarge);
}

proptest! {
    #[test]
    fn damaged_messages_never_panic(at in 0..60_usize, byte: u8, bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
        let mut message = encode(&Value::Array(vec!["t".into(), Value::Binary(packed()), chunk_option(&[])]));
        let at = at % message.len();
        message[at] = byte;
        let _ = decode(&message, &IngestOptions::default(), NOW);
        let _ = decode(&message[..at], &IngestOptions::default(), NOW);
        let _ = decode(&bytes, &IngestOptions::default(), NOW);
    }
}
