use super::*;
use crate::tally::Lines;
use crate::testing::NOW;
use gantry_model::{LabelSet, MatchOp, Matcher};

/// `{app="x"}` is all that these tests need to select.
fn parse(text: &str) -> Result<Selector, String> {
    let value = text.strip_prefix("{app=\"").and_then(|rest| rest.strip_suffix("\"}")).ok_or("no selector")?;
    Ok(Selector(vec![Matcher::new("app", MatchOp::Eq, value).map_err(|error| error.to_string())?]))
}

fn pipeline(transforms: &[&str]) -> Pipeline {
    let options: Vec<TransformOptions> = transforms.iter().map(|json| serde_json::from_str(json).unwrap()).collect();
    Pipeline::compile(&options, &parse).unwrap_or_else(|invalid| panic!("{}", invalid[0]))
}

fn batch(lines: &[(&str, &str)]) -> LogBatch {
    let mut builder = LogBatch::builder();
    for (app, body) in lines {
        builder.stream(LabelSet::from_pairs([("app", *app)]));
        builder.push(NOW, body, [("k", "v")]).unwrap();
    }
    builder.finish()
}

fn run(pipeline: &Pipeline, lines: &[(&str, &str)]) -> Ran {
    pipeline.run(&TenantId::default_tenant(), "loki", batch(lines), NOW).unwrap()
}

/// `tenant labels body metadata` of each line.
fn lines(ran: &Ran) -> Vec<String> {
    let mut all = Vec::new();
    for (tenant, batch) in &ran.batches {
        for stream in batch.streams() {
            for row in batch.rows_of(stream) {
                all.push(format!("{tenant} {} {} {}", stream.labels, batch.body(row), batch.metadata(row)));
            }
        }
    }
    all
}

#[test]
fn a_batch_that_no_transform_is_for_comes_back_as_it_is() {
    let pipeline = pipeline(&[r#"{"sources":["syslog"],"drop":true}"#, r#"{"selector":"{app=\"db\"}","drop":true}"#]);
    let ran = run(&pipeline, &[("web", "a")]);
    assert_eq!(ran.batches, [(TenantId::default_tenant(), batch(&[("web", "a")]))]);
    assert!(ran.tallies.is_empty());
}

#[test]
fn stages_run_in_order_and_see_what_earlier_ones_made() {
    let pipeline = pipeline(&[
        r#"{"name":"parse","selector":"{app=\"web\"}","vrl":".labels.app = \"api\"\n.message = upcase(.message)"}"#,
        r#"{"name":"api","selector":"{app=\"api\"}","line":"DROP","drop":"noise"}"#,
        r#"{"name":"never","selector":"{app=\"web\"}","drop":true}"#,
        r#"{"name":"team","route":{"label":"app","map":{"api":"team-a"}}}"#,
    ]);
    let ran = run(&pipeline, &[("web", "one"), ("db", "drop two"), ("web", "drop three"), ("web", "four")]);
    assert_eq!(
        lines(&ran),
        [
            r#"team-a {app="api"} ONE {"k":"v"}"#,
            r#"team-a {app="api"} FOUR {"k":"v"}"#,
            r#"default {app="db"} drop two {"k":"v"}"#
        ]
    );
    let events: Vec<u64> = ran.tallies.iter().map(|tally| tally.events).collect();
    assert_eq!(events, [3, 1, 0, 3]);
    assert_eq!(ran.tallies[1].dropped["noise"], Lines { lines: 1, bytes: "drop three{'k':'v'}".len() as u64 });
}

#[test]
fn lines_that_alternate_between_streams_end_in_one_run_for_each() {
    let pipeline = pipeline(&[r#"{"vrl":".labels.level = .message"}"#]);
    let ran = run(&pipeline, &[("web", "a"), ("web", "b"), ("web", "a"), ("web", "b")]);
    assert_eq!(ran.batches[0].1.streams().len(), 2);
}

#[test]
fn a_line_on_which_a_program_fails_goes_where_it_is_told_to() {
    let program = r#""vrl":".message = encode_json(parse_json!(.message))""#;
    for (on_error, expected) in [("keep", Some("default")), ("drop", None), ("tenant:broken", Some("broken"))] {
        let pipeline = pipeline(&[&format!(r#"{{"on_error":"{on_error}",{program}}}"#)]);
        let ran = run(&pipeline, &[("web", "no json")]);
        assert_eq!(lines(&ran).first().map(|line| line.split(' ').next().unwrap()), expected);
        assert_eq!(ran.tallies[0].errors["runtime"], 1);
        assert!(ran.tallies[0].first_error.as_ref().unwrap().contains("parse_json"));
        assert_eq!(ran.tallies[0].dropped.contains_key("error"), expected.is_none());
    }
}

#[test]
fn sources_match_by_name_or_by_the_beginning_up_to_an_underscore() {
    let options = TransformOptions { sources: vec!["otlp".to_owned()], ..TransformOptions::default() };
    let scope = Scope::new(&options, &parse, &mut Vec::new());
    let of = |source| scope.has_source(source);
    assert_eq!(
        [of("otlp_http"), of("otlp_grpc"), of("otlp"), of("otlpx"), of("loki")],
        [true, true, true, false, false]
    );
}

#[test]
fn a_request_over_a_limit_that_refuses_is_refused_and_pays_nothing() {
    let pipeline = pipeline(&[
        r#"{"name":"soft","rate_limit":{"lines_per_second":100}}"#,
        r#"{"name":"hard","rate_limit":{"lines_per_second":1,"over":"refuse"}}"#,
    ]);
    let many = [("web", "x"); 60];
    assert_eq!(lines(&run(&pipeline, &many)).len(), 60);
    for _ in 0..3 {
        let refused = pipeline.run(&TenantId::default_tenant(), "loki", batch(&many), NOW);
        assert!(matches!(refused, Err(RunError::Over { name, .. }) if name == "hard"));
    }
}

#[test]
fn every_fault_of_every_transform_is_told() {
    let texts = [
        r#"{"name":"a","vrl":"nonsense(","selector":"x"}"#,
        r#"{"name":"b","drop":true,"route":{"tenant":"x"}}"#,
        r#"{"name":"c"}"#,
        r#"{"name":"d","line":"(","drop":true,"on_error":"tenant:_gantry"}"#,
        r#"{"name":"d","drop":true}"#,
        r#"{"vrl_file":"/does/not/exist.vrl"}"#,
    ];
    let options: Vec<TransformOptions> = texts.iter().map(|json| serde_json::from_str(json).unwrap()).collect();
    let invalid = Pipeline::compile(&options, &parse).unwrap_err();
    let keys: Vec<_> = invalid.iter().map(|invalid| (invalid.at, invalid.key)).collect();
    assert_eq!(
        keys,
        [(0, "selector"), (0, "vrl"), (1, ""), (2, ""), (3, "line"), (3, "on_error"), (4, "name"), (5, "vrl_file")]
    );
}

#[test]
fn a_dry_run_tells_what_each_stage_did() {
    let pipeline = pipeline(&[
        r#"{"name":"same","vrl":"if .message == \"\" { abort }"}"#,
        r#"{"name":"mail","redact":{"patterns":["email"]}}"#,
        r#"{"name":"away","line":"bye","vrl":"abort \"said bye\""}"#,
    ]);
    let explain = |body| {
        let (event, steps) = pipeline.explain(crate::testing::event(body), "loki", NOW);
        (event.map(|event| event.body.into_owned()), steps.into_iter().map(|step| step.fate).collect::<Vec<_>>())
    };
    assert_eq!(explain("a@b.de"), (Some("[email]".to_owned()), vec![Fate::Unchanged, Fate::Changed]));
    let dropped = Fate::Dropped("aborted: said bye".to_owned());
    assert_eq!(explain("bye"), (None, vec![Fate::Unchanged, Fate::Unchanged, dropped]));
}
