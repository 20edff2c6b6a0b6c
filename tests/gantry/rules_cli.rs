//! `gantry rules`: `check` and `test` compared with Debian's promtool where that knows the format.

use crate::harness::{Launch, eventually};
use std::path::PathBuf;
use std::process::{Command, Output};

fn folder() -> PathBuf {
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/conformance");
    let folder = std::env::var_os("GANTRY_CONFORMANCE").map_or_else(beside, PathBuf::from).join("promtool");
    assert!(folder.is_dir(), "no {}; set GANTRY_CONFORMANCE", folder.display());
    folder
}

fn run(program: &str, args: &[&str]) -> Output {
    Command::new(program).args(args).current_dir(folder()).output().unwrap_or_else(|error| panic!("{program}: {error}"))
}

fn gantry(args: &[&str]) -> (i32, String, String) {
    said(&run(env!("CARGO_BIN_EXE_gantry"), &[&["rules"], args].concat()))
}

fn said(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().expect("it exits"), text(&output.stdout), text(&output.stderr))
}

/// Without empty lines, without the place in the YAML, and without what is repeated by series in no order.
fn comparable(text: &str) -> Vec<String> {
    let place = |line: &str| {
        let (file, rest) = line.split_once(": ")?;
        let (place, rest) = rest.split_once(": ")?;
        let is_place = place.chars().all(|c| c.is_ascii_digit() || c == ':');
        (file.ends_with(".yml") && is_place).then(|| format!("{file}: {rest}"))
    };
    let order = |line: &str| line.split("right hand-side of the operation").next().unwrap_or_default().to_owned();
    text.lines()
        .filter(|line| !line.trim().is_empty())
        .map(|line| order(&place(line).unwrap_or(line.to_owned())))
        .collect()
}

#[test]
fn a_reader_that_went_away_changes_nothing_of_what_is_found() {
    for (file, found) in [("rules.yml", Some(0)), ("rules-bad.yml", Some(1))] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let mut command = Command::new(env!("CARGO_BIN_EXE_gantry"));
        let output = command.args(["rules", "check", file]).current_dir(folder()).stdout(writer).output();
        let output = output.expect("it starts");
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(!told.contains("panicked"), "{told}");
        assert_eq!(output.status.code(), found, "{told}");
    }
}

#[test]
fn both_say_the_same_about_tests_and_exit_alike() {
    for name in [
        "at-modifier-test.yml",
        "bad-promql.yml",
        "bad-rules-error-test.yml",
        "bad-rules-syntax-test.yml",
        "failing.yml",
        "long-period.yml",
        "negative-offset-test.yml",
        "rules_run_extrafields.yml",
    ] {
        let (code, out, err) = gantry(&["test", name]);
        let (promtool, promtool_out, promtool_err) = said(&run("promtool", &["test", "rules", name]));
        assert_eq!(code, promtool, "{name}: {out}{err}");
        assert_eq!(comparable(&out), comparable(&promtool_out), "{name}");
        assert_eq!(comparable(&err), comparable(&promtool_err), "{name}");
    }
}

#[test]
fn both_say_the_same_about_rules_and_exit_alike() {
    for args in [
        &["rules.yml"][..],
        &["rules.yml", "at-modifier.yml"],
        &["bad-rules-syntax.yml"],
        &["rules-bad.yml"],
        &["rules_duplicates.yml"],
        &["--lint-fatal", "rules_duplicates.yml"],
        &["--lint", "none", "rules_duplicates.yml"],
    ] {
        let (code, out, err) = gantry(&[&["check"], args].concat());
        let (promtool, promtool_out, promtool_err) = said(&run("promtool", &[&["check", "rules"], args].concat()));
        assert_eq!(code, promtool, "{args:?}: {out}{err}");
        assert_eq!(comparable(&out), comparable(&promtool_out), "{args:?}");
        assert_eq!(comparable(&err), comparable(&promtool_err), "{args:?}");
    }
}

#[test]
fn what_newer_promtools_know_is_known() {
    let cases: [(&[&str], i32, &str); 9] = [
        (&["test", "unittest.yml", "start-time-test.yml", "no-test-group-interval.yml"], 0, ""),
        (&["test", "rules_run.yml"], 1, "exp: {__name__=\"test\"} 1E+00\n        got: {__name__=\"test\"} 0E+00"),
        (&["test", "--run", "correct", "rules_run.yml"], 0, ""),
        (&["test", "--run", "correct", "--run", "wrong", "rules_run.yml"], 1, "FAILED"),
        (&["test", "--run", "(", "rules_run.yml"], 1, "--run is no regular expression"),
        (&["test", "--run", "correct", "rules_run_fuzzy.yml"], 0, ""),
        (&["test", "rules_run_no_fuzzy.yml"], 1, "2.9999999999999996E+00"),
        (&["test", "nosuch.yml"], 1, "nosuch.yml: No such file"),
        (&["check", "unittest.yml"], 1, "unknown field `rule_files`"),
    ];
    for (args, wanted, why) in cases {
        let (code, out, err) = gantry(args);
        assert_eq!(code, wanted, "{args:?}: {out}{err}");
        assert!(err.contains(why), "{args:?}: {err}");
    }
    let report = tempfile::NamedTempFile::new().unwrap();
    let path = report.path().display().to_string();
    assert_eq!(gantry(&["test", "--junit", &path, "failing.yml", "bad-promql.yml"]).0, 1);
    let xml = std::fs::read_to_string(report.path()).unwrap();
    assert!(xml.starts_with("<testsuites><testsuite name=\"failing.yml\" tests=\"2\" failures=\"4\""), "{xml}");
}

#[test]
fn fields_of_others_can_be_left_out() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("rules.yml");
    std::fs::write(&file, "groups: [{name: g, owner: me, rules: [{record: r, expr: up, ticket: 5}]}]").unwrap();
    let path = file.display().to_string();
    assert_eq!(gantry(&["check", &path]).0, 1);
    let (code, out, _) = gantry(&["check", "--ignore-unknown-fields", &path]);
    assert_eq!((code, out), (0, format!("Checking {path}\n  SUCCESS: 1 rules found\n\n")));
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_are_stored_listed_shown_and_removed() {
    let launch = Launch::new();
    let (metrics, lines) = (launch.scratch().join("metrics.yml"), launch.scratch().join("lines.yml"));
    let two = "groups: [{name: a b, interval: 200ms, rules: [{record: 'up:sum', expr: sum(up)}]}, \
               {name: on, interval: 200ms, rules: [{alert: AlwaysOn, expr: 'vector(1)'}]}]";
    std::fs::write(&metrics, two).unwrap();
    std::fs::write(
        &lines,
        "groups: [{name: l, rules: [{alert: Errors, expr: 'count_over_time({app=\"shop\"} |= \"error\" [1m]) > 1'}]}]",
    )
    .unwrap();
    let server = launch.start().await;
    let run = async |args: &[&str]| {
        let args: Vec<String> =
            args.iter().map(|arg| (*arg).to_owned()).chain(["--addr".into(), server.url().into()]).collect();
        tokio::task::spawn_blocking(move || gantry(&args.iter().map(String::as_str).collect::<Vec<_>>())).await.unwrap()
    };
    let (metrics, lines) = (metrics.to_str().unwrap(), lines.to_str().unwrap());
    let (code, out, told) = run(&["apply", "team/a", metrics]).await;
    assert_eq!((code, out.as_str()), (0, "team/a/a b: stored, rules: 1\nteam/a/on: stored, rules: 1\n"), "{told}");
    let (code, _, told) = run(&["apply", "team/a", lines]).await;
    assert_eq!(code, 1);
    assert!(told.contains("could not parse expression"), "{told}");
    assert_eq!(run(&["apply", "team/a", lines, "--logql"]).await.0, 0);
    let listed = eventually("both are evaluated", std::time::Duration::from_secs(20), async || {
        let (_, out, _) = run(&["list"]).await;
        let lines = out.lines().filter(|line| line.contains(" ok ") && line.contains("team/a")).count();
        (lines >= 2 && out.contains("firing")).then_some(out)
    })
    .await;
    assert!(listed.contains("up:sum") && listed.contains("recording") && listed.contains("Errors"), "{listed}");
    assert_eq!(run(&["list", "--failing"]).await.1, "no rules\n");
    let shown = run(&["show", "team/a", "a b"]).await.1;
    assert!(shown.contains("record: up:sum") && !shown.contains("AlwaysOn"), "{shown}");
    assert_eq!(run(&["delete", "team/a", "a b"]).await, (0, "team/a/a b is removed\n".to_owned(), String::new()));
    assert_eq!(run(&["delete", "team/a", "a b"]).await.0, 1);
    let shown = run(&["show"]).await.1;
    assert!(shown.contains("AlwaysOn") && !shown.contains("up:sum"), "{shown}");
    assert!(run(&["show", "--logql"]).await.1.contains("count_over_time"));
    server.stop().await;
}
