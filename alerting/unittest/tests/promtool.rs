//! Files of Prometheus' promtool are judged as promtool judges them, from `$GANTRY_CONFORMANCE/promtool`, by default
//! `../shared/conformance` beside the repository. Without that folder it fails.

use gantry_alerting::RuleFile;
use gantry_query_lang::promql::Options;
use gantry_rule_test::TestFile;
use std::path::PathBuf;

fn text(name: &str) -> String {
    let beside = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/conformance"));
    let folder = std::env::var_os("GANTRY_CONFORMANCE").map_or_else(beside, PathBuf::from).join("promtool");
    let path = folder.join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The number of rules, or what is wrong.
fn checked(name: &str) -> Result<RuleFile, Vec<String>> {
    let file = RuleFile::parse(&text(name)).map_err(|error| vec![error.to_string()])?;
    let problems: Vec<String> = file.problems(Options::default()).iter().map(ToString::to_string).collect();
    if problems.is_empty() { Ok(file) } else { Err(problems) }
}

/// What is wrong with the tests whose names contain `run`.
fn tested(name: &str, run: &str) -> Vec<String> {
    let file = TestFile::parse(&text(name)).expect("it is a file of tests");
    // One file names rules that promtool's own tests do not have either.
    let there = file.rule_files.iter().filter(|rules| *rules != "rules_extrafields.yml");
    let rules = there.map(|rules| checked(rules)).collect::<Result<Vec<_>, _>>();
    let outcomes = file.run(&rules, Options::default(), &|group| group.contains(run));
    assert!(!outcomes.is_empty(), "{name} has no tests with {run:?}");
    outcomes.into_iter().flat_map(|outcome| outcome.failures).collect()
}

#[test]
fn rule_files_are_accepted_and_refused() {
    // Rules that it finds, or words of the refusal.
    let cases: &[(&str, Result<usize, &str>)] = &[
        ("at-modifier.yml", Ok(1)),
        ("bad-promql.yml", Err("unknown field `tests`")),
        ("bad-rules-error.yml", Ok(1)),
        (
            "bad-rules-syntax.yml",
            Err(
                "group \"bad-syntax\", rule 1, \"x\": could not parse expression: 1:7: parse error: unexpected end of input",
            ),
        ),
        ("negative-offset.yml", Ok(1)),
        ("rules.yml", Ok(5)),
        (
            "rules-bad.yml",
            Err(
                "group \"alerts\", rule 1, \"InstanceDown\": annotation \"summary\": template: __alert_InstanceDown:1: undefined variable \"$label\"",
            ),
        ),
        ("rules_duplicates.yml", Ok(5)),
        ("rules_run_extrafields.yml", Err("unknown field `rule_files`")),
    ];
    for (name, wanted) in cases {
        match (checked(name), wanted) {
            (Ok(file), Ok(wanted)) => assert_eq!(file.rules().count(), *wanted, "{name}"),
            (Err(problems), Err(wanted)) => assert!(problems[0].contains(wanted), "{name}: {problems:?}"),
            (found, _) => panic!("{name}: {found:?}, wanted {wanted:?}"),
        }
    }
    let duplicates = checked("rules_duplicates.yml").unwrap().duplicates();
    assert_eq!(duplicates.iter().map(|rule| rule.name.as_str()).collect::<Vec<_>>(), ["job:test:count_over_time1m"]);
}

#[test]
fn tests_pass_that_pass_with_promtool() {
    for (name, run) in [
        ("at-modifier-test.yml", ""),
        ("long-period.yml", ""),
        ("negative-offset-test.yml", ""),
        ("no-test-group-interval.yml", ""),
        ("rules_run.yml", "correct"),
        ("rules_run_extrafields.yml", ""),
        ("rules_run_fuzzy.yml", "correct"),
        ("start-time-test.yml", ""),
        ("unittest.yml", ""),
    ] {
        assert_eq!(tested(name, run), [""; 0], "{name}");
    }
}

#[test]
fn tests_fail_that_fail_with_promtool_and_say_the_same() {
    const TWICE: &str =
        "err: found duplicate series for the match group {a=\"1\"} on the right hand-side of the operation: [";
    let failing: &[&str] = &[
        "    name: Failing test,\n    alertname: Test, time: 0s, \n        exp:[\n            0:\n              Labels:{alertname=\"Test\"}\n              Annotations:{}\n            ], \n        got:[]",
        "    expr: \"test\", time: 0s,\n        exp: {__name__=\"test\"} 1E+00\n        got: {__name__=\"test\"} 0E+00",
        "    name: Failing alert test,\n    alertname: InstanceDown, time: 5m, \n        exp:[], \n        got:[\n            0:\n              Labels:{alertname=\"InstanceDown\", job=\"test\", severity=\"page\"}\n              Annotations:{description=\" of job test has been down for more than 5 minutes.\", summary=\"Instance  down\"}\n            ]",
        "    name: Failing alert test,\n    alertname: AlwaysFiring, time: 5m, \n        exp:[], \n        got:[\n            0:\n              Labels:{alertname=\"AlwaysFiring\"}\n              Annotations:{}\n            ]",
    ];
    let wrong =
        "    expr: \"test\", time: 0s,\n        exp: {__name__=\"test\"} 1E+00\n        got: {__name__=\"test\"} 0E+00";
    let cases: &[(&str, &str, &[&str])] = &[
        ("bad-promql.yml", "", &[&format!("    expr: \"join_1 + on(a) join_2\", time: 0s, {TWICE}")]),
        ("bad-rules-error-test.yml", "", &[&format!("    rule: joined, time: 0s, {TWICE}")]),
        (
            "bad-rules-syntax-test.yml",
            "",
            &[
                "group \"bad-syntax\", rule 1, \"x\": could not parse expression: 1:7: parse error: unexpected end of input",
            ],
        ),
        ("failing.yml", "", failing),
        ("rules_run.yml", "", &[wrong]),
        ("rules_run.yml", "wrong", &[wrong]),
        (
            "rules_run_fuzzy.yml",
            "wrong",
            &[
                "    expr: \"test_low\", time: 0s,\n        exp: {__name__=\"test_low\"} 3E+00\n        got: {__name__=\"test_low\"} 2.9999999999999987E+00",
                "    expr: \"test_high\", time: 0s,\n        exp: {__name__=\"test_high\"} 3E+00\n        got: {__name__=\"test_high\"} 3.0000000000000013E+00",
            ],
        ),
        (
            "rules_run_no_fuzzy.yml",
            "",
            &[
                "    expr: \"test_low\", time: 0s,\n        exp: {__name__=\"test_low\"} 3E+00\n        got: {__name__=\"test_low\"} 2.9999999999999996E+00",
                "    expr: \"test_high\", time: 0s,\n        exp: {__name__=\"test_high\"} 3E+00\n        got: {__name__=\"test_high\"} 3.0000000000000004E+00",
            ],
        ),
    ];
    for (name, run, wanted) in cases {
        let found = tested(name, run);
        let same =
            found.len() == wanted.len() && found.iter().zip(*wanted).all(|(found, wanted)| found.starts_with(wanted));
        assert!(same, "{name}: {found:#?}");
    }
}
