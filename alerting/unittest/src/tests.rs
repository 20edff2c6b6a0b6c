use crate::{Outcome, RuleFiles, Suite, TestFile, junit};
use gantry_alerting::RuleFile;
use gantry_query_lang::promql::Options;

fn rules(text: &str) -> RuleFiles {
    Ok(vec![RuleFile::parse(text).unwrap()])
}

fn run(tests: &str, rules: &RuleFiles) -> Vec<Outcome> {
    TestFile::parse(tests).unwrap().run(rules, Options::default(), &|_| true)
}

/// The failures of the only group of tests.
fn failures(tests: &str, rules: &RuleFiles) -> Vec<String> {
    let mut outcomes = run(tests, rules);
    assert_eq!(outcomes.len(), 1);
    outcomes.remove(0).failures
}

/// The only group of tests, with one query at one time.
fn asked(series: &str, expr: &str, at: &str, samples: &str) -> Vec<String> {
    let test = format!("{{expr: {expr:?}, eval_time: {at}, exp_samples: {samples}}}");
    failures(&format!("tests: [{{input_series: {series}, promql_expr_test: [{test}]}}]"), &rules(""))
}

#[test]
fn every_field_is_read() {
    let file = TestFile::parse(
        "rule_files: [a.yml, 'b/*.yml']
evaluation_interval: 30s
group_eval_order: [b, a]
fuzzy_compare: true
tests:
- name: n
  interval: 15s
  start_timestamp: '2024-01-01T00:00:00Z'
  external_labels: {region: x}
  external_url: http://here
  input_series: [{series: up, values: 1}]
  alert_rule_test: [{eval_time: 5m, alertname: A, exp_alerts: [{exp_labels: {a: b}, exp_annotations: {c: d}}, {}]}]
  promql_expr_test: [{expr: up, eval_time: 1m, exp_samples: [{labels: up, value: 1}, {histogram: '{{count:1}}'}]}]
",
    )
    .unwrap();
    let group = &file.tests[0];
    assert_eq!((file.rule_files.len(), file.evaluation_interval_ms(), file.fuzzy_compare), (2, 30_000, true));
    assert_eq!(
        (group.interval_ms, group.start_ms, group.external_url.as_str()),
        (15_000, 1_704_067_200_000, "http://here")
    );
    assert_eq!((group.input_series[0].values.as_str(), group.alert_rule_test[0].exp_alerts.len()), ("1", 2));
    assert_eq!(group.promql_expr_test[0].exp_samples[1].histogram, "{{count:1}}");
}

#[test]
fn what_is_no_file_of_tests_is_refused() {
    let cases = [
        ("tests: [{intervall: 1m}]", "unknown field `intervall`"),
        ("tests: [{interval: 5 minutes}]", "unknown unit"),
        ("tests: [{start_timestamp: yesterday}]", "cannot parse \"yesterday\" to a valid timestamp"),
        ("group_eval_order: [a, b, a]", "group name repeated in evaluation order: a"),
        ("groups: []", "unknown field `groups`"),
    ];
    for (text, why) in cases {
        let error = TestFile::parse(text).unwrap_err();
        assert!(error.contains(why), "{error}");
    }
    assert_eq!(TestFile::parse("").unwrap().evaluation_interval_ms(), 60_000);
}

#[test]
fn answers_are_compared_as_sets_of_series_with_their_numbers() {
    let two = "[{series: 'x{a=\"1\"}', values: 1 2 3}, {series: 'x{a=\"2\"}', values: 5}]";
    let (one, other) = ("{labels: 'x{a=\"1\"}', value: 2}", "{labels: 'x{a=\"2\"}', value: 5}");
    assert_eq!(asked(two, "x", "1m", &format!("[{other}, {one}]")), [""; 0]);
    assert_eq!(asked(two, "sum(x)", "1m", "[{value: 7}]"), [""; 0]);
    assert_eq!(asked(two, "vector(time())", "90s", "[{value: 90}]"), [""; 0]);
    assert_eq!(asked(two, "vector(16)", "0s", "[{value: 0x10}]"), [""; 0]);
    assert_eq!(asked(two, "vector(-Inf)", "0s", "[{value: -.inf}]"), [""; 0]);
    assert_eq!(
        asked(two, "x", "1m", &format!("[{one}]")),
        ["    expr: \"x\", time: 1m,\n        exp: {__name__=\"x\", a=\"1\"} 2E+00\n        \
          got: {__name__=\"x\", a=\"1\"} 2E+00, {__name__=\"x\", a=\"2\"} 5E+00"]
    );
    assert_eq!(
        asked(two, "nosuch", "0s", "[{value: -1.5e10}]"),
        ["    expr: \"nosuch\", time: 0s,\n        exp: {} -1.5E+10\n        got: nil"]
    );
}

#[test]
fn what_cannot_be_asked_says_why() {
    let cases = [
        ("y[1m]", "[]", "    expr: \"y[1m]\", time: 0s, err: rule result is not a vector or scalar"),
        ("sum(", "[]", "    expr: \"sum(\", time: 0s, err: 1:5: parse error: unclosed left parenthesis"),
        (
            "y",
            "[{labels: 'y{', value: 1}]",
            "    expr: \"y\", time: 0s, err: labels \"y{\": 1:3: parse error: unexpected end of input inside braces",
        ),
        ("y", "[{histogram: 5}]", "    expr: \"y\", time: 0s, err: labels \"\": expected histogram, got 5"),
        ("y", "[{histogram: 5x3}]", "    expr: \"y\", time: 0s, err: labels \"\": expected 1 value, got 4"),
    ];
    for (expr, samples, why) in cases {
        assert_eq!(asked("[{series: y, values: 1}]", expr, "0s", samples), [why]);
    }
    let bad = failures("tests: [{input_series: [{series: y, values: 1 2 a}]}]", &rules(""));
    assert!(bad[0].starts_with("1:7: parse error: unexpected "), "{bad:?}");
    let nameless = failures("tests: [{name: n, alert_rule_test: [{eval_time: 1m}]}]", &rules(""));
    assert_eq!(
        nameless,
        ["an item under alert_rule_test misses required attribute alertname at eval_time 1m (in TestGroup n)"]
    );
}

#[test]
fn histograms_are_compared_by_their_notation() {
    let series = "[{series: h, values: '{{schema:3 sum:1.5 count:7 buckets:[1 0 2] offset:-1 n_buckets:[4]}}x2'}]";
    let same = "{{schema:3 count:7 sum:1.5 counter_reset_hint:not_reset offset:-1 buckets:[1 0 2] n_buckets:[4]}}";
    assert_eq!(asked(series, "h", "1m", &format!("[{{labels: h, histogram: '{same}'}}]")), [""; 0]);
    let failed = asked(series, "h", "1m", "[{labels: h, histogram: '{{count:7}}'}]").remove(0);
    assert!(failed.contains("exp: {__name__=\"h\"} {{count:7}}\n"), "{failed}");
    assert!(failed.ends_with(&format!("got: {{__name__=\"h\"}} {same}")), "{failed}");
    let custom = "{{schema:-53 count:3 sum:9 custom_values:[5 10] buckets:[1 2]}}";
    let series = format!("[{{series: h, values: '{custom}'}}]");
    assert_eq!(asked(&series, "h", "0s", &format!("[{{labels: h, histogram: '{custom}'}}]")), [""; 0]);
}

#[test]
fn rules_see_nothing_of_what_lies_ahead() {
    let ahead = rules("groups: [{name: g, rules: [{record: next, expr: x offset -1m}]}]");
    let tests = "tests: [{input_series: [{series: x, values: 1 2 3}], promql_expr_test: [
        {expr: next, eval_time: 1m, exp_samples: [{labels: next, value: 2}]}, {expr: x offset -1m, eval_time: 0s, exp_samples: [{labels: x, value: 2}]}]}]";
    assert_eq!(failures(tests, &ahead), [""; 0]);
}

#[test]
fn a_rule_that_fails_ends_the_group_of_tests() {
    let twice = rules("groups: [{name: g, rules: [{record: r, expr: 'a + on() b'}, {record: s, expr: a}]}]");
    let tests = "tests: [{start_timestamp: 60, input_series: [{series: a, values: 1}, {series: 'b{n=\"1\"}', values: 1}, {series: 'b{n=\"2\"}', values: 1}],
        promql_expr_test: [{expr: nosuch, exp_samples: [{value: 1}]}]}]";
    let failed = failures(tests, &twice);
    assert_eq!(failed.len(), 1, "{failed:?}");
    assert!(
        failed[0].starts_with("    rule: r, time: 1m0s, err: found duplicate series for the match group {}"),
        "{failed:?}"
    );
}

#[test]
fn alerts_are_compared_at_the_evaluation_before_their_time() {
    let down = rules(
        "groups: [{name: g, rules: [{alert: Down, expr: up == 0, for: 2m, labels: {severity: page}, \
         annotations: {text: '{{ $labels.job }} in {{ $externalLabels.region }}, see {{ $externalURL }}'}}]}]",
    );
    let tests = |wanted: &str| {
        format!(
            "tests: [{{name: n, external_labels: {{region: eu}}, external_url: http://here, input_series: [{{series: 'up{{job=\"a\"}}', values: 0x9}}],
             alert_rule_test: [{wanted}]}}]"
        )
    };
    let firing =
        "exp_alerts: [{exp_labels: {severity: page, job: a}, exp_annotations: {text: 'a in eu, see http://here'}}]";
    let both = format!("{{eval_time: 2m59s, alertname: Down, {firing}}}, {{eval_time: 119s, alertname: Down}}");
    assert_eq!(failures(&tests(&both), &down), [""; 0], "at 1m59s it is pending");
    assert_eq!(
        failures(&tests("{eval_time: 2m, alertname: Down, exp_alerts: [{exp_labels: {job: b}}]}"), &down),
        ["    name: n,
    alertname: Down, time: 2m, 
        exp:[
            0:
              Labels:{alertname=\"Down\", job=\"b\"}
              Annotations:{}
            ], 
        got:[
            0:
              Labels:{alertname=\"Down\", job=\"a\", severity=\"page\"}
              Annotations:{text=\"a in eu, see http://here\"}
            ]"]
    );
    assert_eq!(
        failures(&tests("{eval_time: 2m, alertname: Other, exp_alerts: [{}, {exp_labels: {a: b}}]}"), &down),
        ["    name: n,
    alertname: Other, time: 2m, 
        exp:[
            0:
              Labels:{a=\"b\", alertname=\"Other\"}
              Annotations:{},
            1:
              Labels:{alertname=\"Other\"}
              Annotations:{}
            ], 
        got:[]"]
    );
}

#[test]
fn groups_are_evaluated_in_the_order_that_is_given() {
    let groups = rules(
        "groups: [{name: user, rules: [{record: twice, expr: once * 2}]}, {name: maker, rules: [{record: once, expr: x}]}]",
    );
    let tests = |order: &str, value: u32| {
        format!(
            "{order}\ntests: [{{input_series: [{{series: x, values: 1 5}}], promql_expr_test: [{{expr: twice, eval_time: 1m, exp_samples: [{{labels: twice, value: {value}}}]}}]}}]"
        )
    };
    assert_eq!(failures(&tests("", 2), &groups), [""; 0], "as in the file: one evaluation behind");
    assert_eq!(failures(&tests("group_eval_order: [maker, user]", 10), &groups), [""; 0]);
}

#[test]
fn groups_of_tests_have_names_and_can_be_chosen() {
    let file = TestFile::parse("tests: [{name: a}, {}, {name: ab}]").unwrap();
    let names = |chosen: &dyn Fn(&str) -> bool| -> Vec<String> {
        file.run(&rules(""), Options::default(), chosen).into_iter().map(|outcome| outcome.name).collect()
    };
    assert_eq!(names(&|_| true), ["a", "unnamed#1", "ab"]);
    assert_eq!(names(&|name| name.contains('b')), ["ab"]);
    let broken = file.run(&Err(vec!["no such rules".into()]), Options::default(), &|name| name == "a");
    assert_eq!(broken[0].failures, ["no such rules"]);
}

#[test]
fn fuzzy_numbers_may_be_off_by_the_last_bit() {
    for (fuzzy, value, passes) in
        [(true, "2.9999999999999996", true), (false, "2.9999999999999996", false), (true, "2.9999999999999987", false)]
    {
        let tests = format!(
            "fuzzy_compare: {fuzzy}\ntests: [{{input_series: [{{series: x, values: {value}}}], promql_expr_test: [{{expr: x, exp_samples: [{{labels: x, value: 3}}]}}]}}]"
        );
        assert_eq!(failures(&tests, &rules("")).is_empty(), passes, "{tests}");
    }
}

#[test]
fn outcomes_are_written_for_other_systems() {
    let failed = Outcome { name: "a<b".into(), failures: vec!["x \"y\"\n".into(), "z\u{1}".into()] };
    let suites = [
        Suite { name: "one.yml".into(), outcomes: Ok(vec![failed, Outcome { name: "fine".into(), failures: vec![] }]) },
        Suite { name: "two.yml".into(), outcomes: Err("no YAML & more".into()) },
    ];
    assert_eq!(
        junit(&suites),
        "<testsuites>\
         <testsuite name=\"one.yml\" tests=\"2\" failures=\"2\" errors=\"0\" skipped=\"0\">\
         <testcase name=\"a&lt;b\"><failure>x &#34;y&#34;&#xA;</failure><failure>z\u{fffd}</failure></testcase>\
         <testcase name=\"fine\"></testcase></testsuite>\
         <testsuite name=\"two.yml\" tests=\"1\" failures=\"0\" errors=\"1\" skipped=\"0\">\
         <testcase name=\"unknown\"><error>no YAML &amp; more</error></testcase></testsuite></testsuites>\n"
    );
}

proptest::proptest! {
    #[test]
    fn no_text_makes_reading_or_running_panic(
        text in "(tests|rule_files|- |name|input_series|series|values|: |\\n|  |[{}\\[\\],]|5m|&a|\\*a|!!|\\PC){0,60}",
        series in "[a-z{}=\",0-9]{0,12}", values in "([0-9]{1,3}|[-+x_ ]|stale|\\{\\{|\\}\\}|sum:1|buckets:\\[1\\]){0,12}",
        expr in "\\PC{0,20}", time in "[0-9]{0,2}[smh]?",
    ) {
        let _ = TestFile::parse(&text);
        let case = format!("{{expr: {expr:?}, eval_time: {time:?}, exp_samples: [{{labels: {series:?}, histogram: {values:?}}}]}}");
        let text = format!("tests: [{{input_series: [{{series: {series:?}, values: {values:?}}}], promql_expr_test: [{case}]}}]");
        if let Ok(file) = TestFile::parse(&text) {
            file.run(&rules("groups: [{name: g, rules: [{record: r, expr: x}]}]"), Options::ALL, &|_| true);
        }
    }
}
