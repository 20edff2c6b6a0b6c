use super::*;
use gantry_model::Timestamp;
use proptest::prelude::*;

const NOW: Timestamp = Timestamp::from_secs(1000);

fn context() -> Context<'static> {
    Context { now: NOW, source: "test", ..Context::default() }
}

fn shown(json: &str, context: &Context<'_>, options: &IngestOptions) -> String {
    let line = Document::from_json(json).unwrap().line(|| Cow::Borrowed(json), context, options).unwrap();
    let metadata: Vec<String> = line.metadata.iter().map(|(n, v)| format!("{n}={v}")).collect();
    format!("{} {} {} [{}]", line.labels, line.at.nanos(), line.body, metadata.join(" "))
}

#[test]
fn nested_and_dotted_names_are_the_same_and_fill_labels_time_body_and_metadata() {
    let nested = r#"{"@timestamp":"1970-01-01T00:00:02Z","message":"hi\n","host":{"name":"h1"},"user":{"id":7,"tags":["a"]},"x":null}"#;
    let dotted = r#"{"@timestamp":2,"message":"hi","host.name":"h1","user.id":7,"user.tags":["a"]}"#;
    let expected = r#"{host="h1"} 2000000000 hi [user_id=7 user_tags=["a"]]"#;
    for json in [nested, dotted] {
        assert_eq!(shown(json, &context(), &IngestOptions::default()), expected);
    }
}

#[test]
fn a_document_without_a_message_is_its_own_body_and_one_without_labels_gets_its_source() {
    let json = r#"{"a":1,"b":{"c":2}}"#;
    assert_eq!(
        shown(json, &context(), &IngestOptions::default()),
        format!("{{source=\"test\"}} 1000000000000 {json} []")
    );
}

#[test]
fn labels_of_the_request_win_and_its_time_too() {
    let context =
        Context { labels: vec![("host", Cow::Borrowed("outer"))], at: Some(Timestamp::from_secs(5)), ..context() };
    let json = r#"{"host":"inner","message":"m","time":7}"#;
    assert_eq!(shown(json, &context, &IngestOptions::default()), r#"{host="outer"} 5000000000 m [time=7]"#);
}

#[test]
fn too_many_fields_keep_the_document_whole() {
    let options = IngestOptions { max_metadata_entries: 2, ..IngestOptions::default() };
    let json = r#"{"message":"m","a":1,"b":2,"c":3}"#;
    assert_eq!(shown(json, &context(), &options), format!("{{source=\"test\"}} 1000000000000 {json} []"));
    let few = r#"{"message":"m","a":1,"b":2}"#;
    assert_eq!(shown(few, &context(), &options), r#"{source="test"} 1000000000000 m [a=1 b=2]"#);
}

#[test]
fn long_prefixes_cannot_make_a_document_grow_without_bound() {
    let inner: Vec<String> = (0..500).map(|n| format!("\"{n}\":1")).collect();
    let json = format!(r#"{{"message":"m","{}":{{{}}}}}"#, "p".repeat(150), inner.join(","));
    assert!(shown(&json, &context(), &IngestOptions::default()).contains(&json), "kept whole");
}

#[test]
fn a_named_time_field_must_hold_a_time() {
    let context = Context { time_field: Some("when"), ..context() };
    let document = Document::from_json(r#"{"when":"soon"}"#).unwrap();
    let (reason, message) =
        document.line(|| Cow::Borrowed(""), &context, &IngestOptions::default()).expect_err("no time");
    assert_eq!(reason, Reason::InvalidTimestamp);
    assert!(message.contains("field when holds \"soon\""), "{message}");
}

proptest! {
    #[test]
    fn garbage_never_panics(text in r#"[{}":,a\\n0-9.\[\]]{0,60}"#) {
        if let Ok(document) = Document::from_json(&text) {
            let _ = document.line(|| Cow::Borrowed(&text), &context(), &IngestOptions::default());
        }
    }
}
