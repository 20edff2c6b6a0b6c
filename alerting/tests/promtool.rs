//! Rule files of Prometheus' promtool are accepted and refused as promtool does. Skipped, with a word, when they are not there.

use gantry_alerting::RuleFile;
use gantry_query_lang::promql::Options;

#[test]
fn rule_files_of_promtool_are_judged_as_by_promtool() {
    let Some(folder) = std::env::var_os("GANTRY_CONFORMANCE").map(std::path::PathBuf::from) else {
        eprintln!("skipped: GANTRY_CONFORMANCE is not set");
        return;
    };
    // Rules that it finds, or words of the refusal.
    let cases: &[(&str, Result<usize, &str>)] = &[
        ("at-modifier.yml", Ok(1)),
        ("bad-promql.yml", Err("unknown field `tests`")),
        ("bad-rules-error.yml", Ok(1)),
        (
            "bad-rules-syntax.yml",
            Err("rule 1, \"x\": could not parse expression: 1:7: parse error: unexpected end of input"),
        ),
        ("negative-offset.yml", Ok(1)),
        ("rules.yml", Ok(5)),
        ("rules_duplicates.yml", Ok(5)),
        ("rules_run_extrafields.yml", Err("unknown field `rule_files`")),
    ];
    for (name, wanted) in cases {
        let text = std::fs::read_to_string(folder.join("promtool").join(name)).unwrap();
        let found = RuleFile::parse(&text).map_err(|error| error.to_string()).and_then(|file| {
            let problems = file.problems(Options::default());
            problems.first().map_or_else(|| Ok(file.rules().count()), |problem| Err(problem.to_string()))
        });
        match (&found, wanted) {
            (Ok(rules), Ok(wanted)) => assert_eq!(rules, wanted, "{name}"),
            (Err(error), Err(wanted)) => assert!(error.contains(wanted), "{name}: {error}"),
            _ => panic!("{name}: {found:?}, wanted {wanted:?}"),
        }
    }
}
