use super::{RuleFile, RuleGroup};
use gantry_query_lang::promql::Options;
use std::collections::BTreeMap;

fn problems(text: &str) -> Vec<String> {
    let file = RuleFile::parse(text).unwrap();
    file.problems(Options::default()).iter().map(ToString::to_string).collect()
}

fn refused(text: &str) -> String {
    RuleFile::parse(text).unwrap_err().to_string()
}

#[test]
fn every_field_is_read() {
    let file = RuleFile::parse(
        "groups:
- name: a
  interval: 1m30s
  query_offset: 30s
  limit: 10
  labels: {team: x}
  rules:
  - record: one
    expr: 1
    labels: {n: 5}
  - alert: Down
    expr: up == 0
    for: 5m
    keep_firing_for: 1h
    annotations: {summary: '{{ $labels.job }}'}
",
    )
    .unwrap();
    let group = &file.groups[0];
    assert_eq!((group.interval_ms, group.query_offset_ms, group.limit), (Some(90_000), Some(30_000), 10));
    assert_eq!(group.labels["team"], "x");
    assert_eq!((group.rules[0].expr.as_str(), group.rules[0].labels["n"].as_str()), ("1", "5"), "numbers are texts");
    assert_eq!((group.rules[1].for_ms, group.rules[1].keep_firing_for_ms), (300_000, 3_600_000));
    assert_eq!(file.problems(Options::default()), []);
}

#[test]
fn what_is_empty_has_no_groups() {
    for text in ["", "# nothing\n", "groups:\n", "groups: []", "{}"] {
        assert_eq!(RuleFile::parse(text), Ok(RuleFile::default()), "{text:?}");
    }
    assert_eq!(RuleFile::parse("groups:\n- name: a\n  rules:\n  labels:\n").unwrap().groups[0].rules, []);
}

#[test]
fn what_is_no_rule_file_is_refused_with_its_line() {
    let cases = [
        ("groups:\n- name: a\n  intervall: 1m\n", "unknown field `intervall`", "line 3"),
        ("groups:\n- name: a\n  interval: 5 minutes\n", "unknown unit", "line 2"),
        ("groups:\n- name: a\n  limit: x\n", "invalid type", "line 3"),
        ("groups:\n- name: a\n  rules:\n  - alert: x\n    expr: a\n    expr: b\n", "duplicate field `expr`", "line 4"),
        ("# x\ntests: []\n", "unknown field `tests`", "line 2"),
        ("groups: {}\n", "expected a sequence", "line 1"),
        ("groups: [\n", "did not find", "line 2"),
    ];
    for (text, what, line) in cases {
        let error = refused(text);
        assert!(error.contains(what) && error.contains(line), "{error}");
    }
}

#[test]
fn everything_that_is_wrong_is_said() {
    let text = r#"groups:
- name: a
  labels: {__name__: x}
  rules:
  - record: "a{b}"
    expr: up +
    for: 5m
    keep_firing_for: 5m
    annotations: {a: b}
  - alert: x
    expr: ""
    labels: {__name__: x}
  - {alert: x, record: y, expr: up}
  - expr: up
- name: a
- {}
"#;
    assert_eq!(
        problems(text),
        [
            r#"group "a": invalid label name: __name__"#,
            r#"group "a", rule 1, "a{b}": invalid field 'annotations' in recording rule"#,
            r#"group "a", rule 1, "a{b}": invalid field 'for' in recording rule"#,
            r#"group "a", rule 1, "a{b}": invalid field 'keep_firing_for' in recording rule"#,
            r#"group "a", rule 1, "a{b}": could not parse expression: 1:5: parse error: unexpected end of input"#,
            r#"group "a", rule 1, "a{b}": a name of recorded series has no braces; do they belong to expr? a{b}"#,
            r#"group "a", rule 2, "x": field 'expr' must be set in rule"#,
            r#"group "a", rule 2, "x": invalid label name: __name__"#,
            r#"group "a", rule 3, "x": only one of 'record' and 'alert' must be set"#,
            r#"group "a", rule 4, "": one of 'record' or 'alert' must be set"#,
            r#"group "a": the name of this group is repeated in the same file"#,
            r#"group "": Groupname must not be empty"#,
        ]
    );
}

#[test]
fn rules_that_write_the_same_series_are_found_across_groups() {
    let rule = "{record: r, expr: up, labels: {a: b}}";
    let other = "{record: r, expr: up, labels: {a: c}}";
    let text = format!("groups: [{{name: a, rules: [{rule}, {other}]}}, {{name: b, rules: [{rule}, {rule}]}}]");
    let found = RuleFile::parse(&text).unwrap().duplicates();
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].name.as_str(), found[0].labels["a"].as_str()), ("r", "b"));
}

proptest::proptest! {
    #[test]
    fn no_text_makes_reading_or_checking_panic(
        text in "(groups|rules|- |name|record|alert|expr|for|labels|: |\\n|  |[{}\\[\\],]|5m|&a|\\*a|!!|\\PC){0,60}",
        name in "\\PC{0,8}", expr in "\\PC{0,30}", time in "[0-9a-z.-]{0,25}",
    ) {
        let rule = BTreeMap::from([("record", &name), ("expr", &expr), ("for", &time)]);
        let file = BTreeMap::from([("groups", [BTreeMap::from([("rules", [rule])])])]);
        for text in [text, serde_yaml_ng::to_string(&file).unwrap()] {
            if let Ok(file) = RuleFile::parse(&text) {
                file.problems(Options::ALL);
                file.duplicates();
            }
        }
    }
}

#[test]
fn what_is_written_as_yaml_is_read_as_the_same() {
    let text = "groups: [{name: a, interval: 90s, limit: 5, labels: {x: y}, rules: [{alert: A, expr: 'up == 0', for: 5m, \
                keep_firing_for: 1m, annotations: {summary: \"it's {{ $value }}\"}}, {record: r, expr: up}]}]";
    let file = RuleFile::parse(text).unwrap();
    let written = file.to_yaml();
    assert_eq!(RuleFile::parse(&written).unwrap(), file, "{written}");
    assert!(written.contains("interval: 1m30s") && !written.contains("null"), "{written}");
    assert_eq!(RuleGroup::parse(&file.groups[0].to_yaml()).unwrap(), file.groups[0]);
}

#[test]
fn fields_that_are_not_known_can_be_left_out() {
    let text =
        "owner: x\ngroups:\n- name: a\n  team: y\n  rules:\n  - {record: r, expr: up, ticket: 5, labels: {a: b}}\n";
    assert!(RuleFile::parse(text).is_err());
    let plain = "groups:\n- name: a\n  rules:\n  - {record: r, expr: up, labels: {a: b}}\n";
    assert_eq!(RuleFile::parse_known(text), RuleFile::parse(plain));
    assert_eq!(RuleFile::parse_known(""), Ok(RuleFile::default()));
    assert!(RuleFile::parse_known("groups: {}").is_err(), "what is known must be right");
    let full = "groups: [{name: a, interval: 1m, query_offset: 1s, limit: 5, labels: {a: b}, rules: [{alert: A, expr: up, \
                for: 5m, keep_firing_for: 1m, labels: {x: y}, annotations: {s: t}}]}]";
    assert_eq!(RuleFile::parse_known(full), RuleFile::parse(full));
}

#[test]
fn numbers_and_truths_are_texts_where_texts_are_meant() {
    let text = "groups: [{name: 7, extra: 1, rules: [{alert: A, expr: 1, labels: {a: 1, b: true, c: -2}, annotations: {s: 5}}]}]";
    assert!(RuleFile::parse(text).unwrap_err().0.contains("unknown field `extra`"));
    let strict = RuleFile::parse(&text.replace("extra: 1, ", "")).unwrap();
    assert_eq!(RuleFile::parse_known(text).unwrap(), strict);
    let rule = &strict.groups[0].rules[0];
    assert_eq!((strict.groups[0].name.as_str(), rule.expr.as_str()), ("7", "1"));
    let labels: Vec<(&str, &str)> = rule.labels.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(labels, [("a", "1"), ("b", "true"), ("c", "-2")]);
    assert_eq!(rule.annotations["s"], "5");
}
