use super::*;
use crate::event::Metadata;
use crate::testing::{NOW, event};
use gantry_model::{LabelSet, TenantId};

fn run<'a>(program: &str, body: &'a str) -> Result<Event<'a>, Ended> {
    let program = Program::compile(program, "vrl", None).unwrap_or_else(|wrong| panic!("{}", wrong.message));
    let mut event = event(body);
    event.metadata = Metadata::Encoded(r#"{"trace_id":"abc"}"#);
    let before = event.clone();
    let mut scratch = Scratch::default();
    match program.run(&mut event, "loki", &mut scratch) {
        Ok(()) => Ok(event),
        Err(ended) => {
            assert_eq!(event, before, "a line on which a program fails stays as it was");
            Err(ended)
        }
    }
}

fn metadata(event: &Event<'_>) -> Vec<String> {
    event.metadata.iter().map(|(name, value)| format!("{name}={value}")).collect()
}

#[test]
fn a_program_changes_the_parts_that_it_names() {
    let program = r#"
        parsed = object!(parse_json!(.message))
        .message = string!(parsed.msg)
        .labels.level = downcase(string!(parsed.level))
        .metadata.user = parsed.user
        .timestamp = parse_timestamp!(parsed.ts, format: "%+")
        .tenant = "team-" + string!(parsed.team)
    "#;
    let body = r#"{"msg":"hello","level":"WARN","user":17,"ts":"2024-05-14T09:00:00.5Z","team":"a"}"#;
    let event = run(program, body).unwrap();
    assert_eq!(event.body, "hello");
    assert_eq!(event.labels, LabelSet::from_pairs([("app", "web"), ("level", "warn")]));
    assert_eq!(metadata(&event), ["trace_id=abc", "user=17"]);
    assert_eq!(event.at, NOW.saturating_sub(3_599_500_000_000));
    assert_eq!(event.tenant, TenantId::new("team-a").unwrap());
}

#[test]
fn parts_that_nobody_names_are_not_converted() {
    let wanted = |text: &str| Program::compile(text, "vrl", None).unwrap().wanted;
    assert_eq!(wanted(".labels.x = \"1\""), Wanted { labels: true, ..Wanted::default() });
    assert_eq!(wanted("if .severity == \"debug\" { abort }"), Wanted { severity: true, ..Wanted::default() });
    assert_eq!(wanted("del(.metadata.x)"), Wanted { metadata: true, ..Wanted::default() });
    assert!(wanted(". = merge(., {})").message);
}

#[test]
fn what_a_program_only_looks_at_stays_untouched() {
    let event = run("if contains(.message, \"nothing\") { .labels.x = \"1\" }", "line").unwrap();
    assert!(matches!(event.body, std::borrow::Cow::Borrowed("line")));
    assert!(matches!(event.metadata, Metadata::Encoded(_)));
}

#[test]
fn fields_of_other_names_become_metadata_and_objects_are_flattened() {
    let event = run(". = merge(., object!(parse_json!(.message)))", r#"{"http":{"status":200,"tags":["a"]},"n":null}"#);
    let event = event.unwrap();
    assert_eq!(metadata(&event), [r#"http_status=200"#, r#"http_tags=["a"]"#, "trace_id=abc"]);
    assert_eq!(event.labels.get("app"), Some("web"));
}

#[test]
fn metadata_can_be_deleted_and_labels_renamed() {
    let event = run("del(.metadata.trace_id)\n.labels.service = del(.labels.app)", "x").unwrap();
    assert!(metadata(&event).is_empty());
    assert_eq!(event.labels, LabelSet::from_pairs([("service", "web")]));
}

#[test]
fn abort_drops_and_errors_are_told_with_their_place() {
    assert_eq!(run("abort", "x"), Err(Ended::Aborted(None)));
    assert_eq!(run("abort \"no use\"", "x"), Err(Ended::Aborted(Some("no use".to_owned()))));
    let Err(Ended::Failed("runtime", message)) = run(".message = encode_json(parse_json!(.message))", "{") else {
        panic!("parsing fails");
    };
    assert!(message.contains("parse_json") && message.contains("at ("), "{message}");
}

#[test]
fn results_that_make_no_line_are_errors() {
    for (program, expected) in [
        (". = {}", "no .message"),
        (".timestamp = 5", "parse_timestamp"),
        (".labels.\"a.b\" = \"x\"", "a.b"),
        (".tenant = \"_gantry\"", "reserved"),
        (".tenant = \"a b\"", "invalid tenant"),
        (".labels = 5", "must be an object"),
        (".message = null", "null"),
    ] {
        let Err(Ended::Failed("bad_result", message)) = run(program, "x") else { panic!("{program} is no result") };
        assert!(message.contains(expected), "{program}: {message}");
    }
}

#[test]
fn a_program_that_goes_on_and_on_is_stopped() {
    let text = "for_each(array!(parse_json!(.message))) -> |_i, v| { for_each(array!(parse_json!(.message))) -> |_j, w| { x = v; w } }";
    let program = Program::compile(text, "vrl", Some(10_000)).unwrap();
    let body = serde_json::to_string(&vec![1; 1000]).unwrap();
    let mut event = event(&body);
    let ended = program.run(&mut event, "loki", &mut Scratch::default());
    assert!(matches!(ended, Err(Ended::Failed("too_many_steps", _))), "{ended:?}");
}

#[test]
fn a_program_that_does_not_compile_is_told_where() {
    let wrong = Program::compile(".x = 1\n.message = upcas(.message)", "vrl", None).unwrap_err();
    assert!(wrong.message.contains("upcas") && wrong.message.contains("2:12"), "{}", wrong.message);
    assert!(Program::compile("parse_json(.message)", "vrl", None).unwrap_err().message.contains("E1"));
    assert!(Program::compile("get_env_var(\"HOME\")", "vrl", None).is_err(), "the environment is none of its business");
}
