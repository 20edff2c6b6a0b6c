use super::*;
use crate::testing::{EntryMessage, PairMessage, PushMessage, StreamMessage, label_cache};
use proptest::prelude::*;
use prost::Message;

fn entry(secs: i64, nanos: i32, line: &str) -> EntryMessage {
    EntryMessage::new(secs, nanos, line)
}

fn decode(streams: Vec<StreamMessage>) -> Incoming {
    loki_protobuf(&PushMessage { streams }.encode_to_vec(), &label_cache()).unwrap()
}

#[test]
fn lines_keep_their_stream_time_text_and_metadata() {
    let mut with_metadata = entry(2, 5, "second");
    with_metadata.metadata = vec![PairMessage::new("trace.id", "abc"), PairMessage::new("a", "1")];
    let incoming = decode(vec![StreamMessage::new(r#"{app="x"}"#, vec![entry(1, 0, "first"), with_metadata])]);
    let batch = &incoming.batch;
    assert_eq!(batch.streams().len(), 1);
    let rows = batch.rows();
    assert_eq!((rows[0].timestamp.nanos(), batch.body(&rows[0])), (1_000_000_000, "first"));
    assert_eq!((rows[1].timestamp.nanos(), batch.body(&rows[1])), (2_000_000_005, "second"));
    assert_eq!(batch.metadata(&rows[1]), r#"{"a":"1","trace_id":"abc"}"#);
}

#[test]
fn consecutive_streams_of_the_same_labels_become_one() {
    let incoming = decode(vec![
        StreamMessage::new(r#"{app="x", pod="1"}"#, vec![entry(1, 0, "a")]),
        StreamMessage::new(r#"{pod="1",app="x"}"#, vec![entry(2, 0, "b")]),
        StreamMessage::new(r#"{app="y"}"#, vec![entry(3, 0, "c")]),
    ]);
    let rows: Vec<usize> = incoming.batch.streams().iter().map(|s| s.rows.len()).collect();
    assert_eq!(rows, [2, 1]);
}

#[test]
fn a_stream_with_broken_labels_is_refused_and_the_others_are_kept() {
    let incoming = decode(vec![
        StreamMessage::new(r#"{app=x}"#, vec![entry(1, 0, "a"), entry(1, 0, "b")]),
        StreamMessage::new(r#"{app="y"}"#, vec![entry(3, 0, "c")]),
    ]);
    assert_eq!(incoming.batch.line_count(), 1);
    assert_eq!(
        incoming.refused.summary(1),
        "2 of 3 lines were refused, 1 were stored; the first: invalid_labels: expected a quoted value at byte 5 of the \
         label string; stream {app=x}"
    );
}

#[test]
fn a_time_outside_of_64_bits_is_refused_alone() {
    let stream = StreamMessage::new(r#"{app="x"}"#, vec![entry(i64::MAX, 0, "a"), entry(1, 0, "b")]);
    let incoming = decode(vec![stream]);
    assert_eq!(incoming.refused.by_reason()[0].reason, Reason::TimestampOutOfRange);
    assert_eq!(incoming.batch.line_count(), 1);
}

#[test]
fn invalid_utf8_stays_readable_and_is_counted() {
    let mut body =
        PushMessage { streams: vec![StreamMessage::new(r#"{app="x"}"#, vec![entry(1, 0, "ab?cd")])] }.encode_to_vec();
    let at = body.iter().position(|b| *b == b'?').unwrap();
    body[at] = 0xff;
    let incoming = loki_protobuf(&body, &label_cache()).unwrap();
    assert_eq!(incoming.batch.body(&incoming.batch.rows()[0]), "ab\u{fffd}cd");
    assert_eq!(incoming.invalid_utf8, 1);
}

#[test]
fn a_torn_message_names_the_byte() {
    let body =
        PushMessage { streams: vec![StreamMessage::new(r#"{app="x"}"#, vec![entry(1, 0, "abc")])] }.encode_to_vec();
    let error = loki_protobuf(&body[..body.len() - 1], &label_cache()).unwrap_err();
    assert_eq!(error.to_string(), "invalid_protobuf: a field that is longer than its message at byte 2");
}

proptest! {
    #[test]
    fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = loki_protobuf(&bytes, &label_cache());
    }

    #[test]
    fn damaged_requests_never_panic(at in 0usize..80, byte: u8) {
        let mut body = PushMessage { streams: vec![
            StreamMessage::new(r#"{app="x"}"#, vec![entry(1, 0, "first line"), entry(2, 0, "second line")]),
            StreamMessage::new(r#"{app="y"}"#, vec![entry(1, 0, "third line")]),
        ] }.encode_to_vec();
        let at = at % body.len();
        body[at] = byte;
        let _ = loki_protobuf(&body, &label_cache());
    }

    #[test]
    fn what_another_encoder_writes_is_read(lines in proptest::collection::vec((any::<i32>(), 0..1_000_000_000i32, ".*"), 0..20)) {
        let entries = lines.iter().map(|(s, n, l)| entry(i64::from(*s), *n, l)).collect();
        let batch = decode(vec![StreamMessage::new(r#"{app="x"}"#, entries)]).batch;
        let back: Vec<_> = batch.rows().iter().map(|r| (r.timestamp.nanos(), batch.body(r).to_owned())).collect();
        let sent: Vec<_> = lines.into_iter().map(|(s, n, l)| (i64::from(s) * 1_000_000_000 + i64::from(n), l)).collect();
        prop_assert_eq!(back, sent);
    }
}
