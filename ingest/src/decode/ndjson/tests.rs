use super::*;
use proptest::prelude::*;

const NOW: Timestamp = Timestamp::from_secs(1000);

fn lines(body: &str, fields: &NdjsonFields) -> Vec<String> {
    let batch = ndjson(body.as_bytes(), fields, NOW).unwrap().batch;
    let mut all = Vec::new();
    for stream in batch.streams() {
        for row in batch.rows_of(stream) {
            let (at, body, metadata) = (row.timestamp.nanos(), batch.body(row), batch.metadata(row));
            all.push(format!("{} {at} {body} {metadata}", stream.labels).trim_end().to_owned());
        }
    }
    all
}

#[test]
fn by_default_the_whole_line_is_the_body_and_the_usual_time_fields_are_tried() {
    let body = "{\"ts\":5,\"msg\":\"a\"}\n\n  {\"msg\":\"b\",\"time\":\"later\"} \r\n";
    let expected = [
        r#"{source="ndjson"} 5000000000 {"ts":5,"msg":"a"}"#,
        r#"{source="ndjson"} 1000000000000 {"msg":"b","time":"later"}"#,
    ];
    assert_eq!(lines(body, &NdjsonFields::default()), expected);
}

#[test]
fn chosen_fields_become_body_labels_and_metadata() {
    let fields = NdjsonFields {
        time: Some("when".into()),
        message: Some("text".into()),
        labels: vec!["app".into(), "k8s.pod".into()],
        fixed: vec![("env".into(), "test".into())],
    };
    let body = concat!(
        r#"{"when":"1970-01-01T00:00:02Z","text":"one","app":"a","k8s.pod":"p-0","user":{"id":7},"x.y":true,"z":null}"#,
        "\n",
        r#"{"app":"b"}"#,
        "\n",
        r#"{"when":3,"text":"two","app":"a","k8s.pod":"p-0"}"#,
    );
    let expected = [
        r#"{app="a", env="test", k8s_pod="p-0"} 2000000000 one {"user":"{\"id\":7}","x_y":"true"}"#,
        r#"{app="a", env="test", k8s_pod="p-0"} 3000000000 two"#,
        r#"{app="b", env="test"} 1000000000000 {"app":"b"}"#,
    ];
    assert_eq!(lines(body, &fields), expected);
}

#[test]
fn a_bad_line_is_refused_with_its_number_and_the_others_are_kept() {
    let fields = NdjsonFields { time: Some("t".into()), ..NdjsonFields::default() };
    let incoming = ndjson(b"{\"t\":1}\nplain text\n{\"t\":\"x\"}\n[1]\n", &fields, NOW).unwrap();
    assert_eq!(incoming.batch.line_count(), 1);
    assert_eq!(
        incoming.refused.summary(1),
        "3 of 4 lines were refused, 1 were stored; the first: invalid_json: expected value at line 1 column 1 (line 2 \
         of the body)"
    );
}

#[test]
fn arrays_and_objects_over_several_lines_are_read_element_by_element() {
    let fields = NdjsonFields { message: Some("m".into()), time: Some("t".into()), ..NdjsonFields::default() };
    let array = " [{\"m\":\"a\",\"t\":1},\n {\"m\":\"b\",\"t\":\"soon\"}, 7, {\"m\":\"c\",\"t\":3}]\n";
    let incoming = ndjson(array.as_bytes(), &fields, NOW).unwrap();
    assert_eq!(incoming.batch.line_count(), 2);
    let told = incoming.refused.summary(2);
    assert!(told.contains("2 of 4 lines were refused") && told.contains("(element 2 of the body)"), "{told}");
    let expected = [r#"{source="ndjson"} 1000000000 a"#, r#"{source="ndjson"} 2000000000 b"#];
    let spread = "{\n  \"m\": \"a\",\n  \"t\": 1\n}\n{\"m\":\"b\",\"t\":2}\n";
    assert_eq!(lines(spread, &fields), expected);
    for (broken, place) in
        [("[{\"m\":1},", "line 1 column 9"), ("[1] 2", "line 1 column 5"), ("{\n\"m\":1,\n", "line 3 column 0")]
    {
        let error = ndjson(broken.as_bytes(), &fields, NOW).unwrap_err();
        assert!(error.message.contains(place), "{broken}: {error}");
    }
}

proptest! {
    #[test]
    fn garbage_never_panics(body in proptest::collection::vec(any::<u8>(), 0..100), text in r#"[{}":,a\\n0-9.\n]{0,60}"#) {
        let fields = NdjsonFields { message: Some("a".into()), ..NdjsonFields::default() };
        let _ = ndjson(&body, &fields, NOW);
        let _ = ndjson(text.as_bytes(), &fields, NOW);
    }
}
