//! The recorded answers of a real Loki: what parses, what does not and why, and what `format_query` prints.
//!
//! Data: `logql/cases.jsonl` under the directory that `GANTRY_CONFORMANCE` names, else under the shared directory
//! beside the checkout. Missing data is a failure: a suite that skips itself proves nothing.

use serde_json::Value;
use std::path::PathBuf;

struct Case {
    id: String,
    feature: String,
    query: String,
    status: u64,
    response: Value,
}

fn cases() -> Vec<Case> {
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/conformance");
    let directory = std::env::var_os("GANTRY_CONFORMANCE").map_or_else(beside, PathBuf::from);
    let path = directory.join("logql/cases.jsonl");
    let text =
        std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("set GANTRY_CONFORMANCE: {}: {e}", path.display()));
    text.lines().filter_map(|line| case(&serde_json::from_str(line).expect("a case is a line of JSON"))).collect()
}

/// Cases without a query have nothing to parse.
fn case(json: &Value) -> Option<Case> {
    Some(Case {
        id: json["id"].as_str()?.into(),
        feature: json["feature"].as_str()?.into(),
        query: json["params"]["query"].as_str()?.into(),
        status: json["status"].as_u64()?,
        response: json["response"].clone(),
    })
}

/// The error text of a refusal, plain or as JSON.
fn refusal(case: &Case) -> Option<&str> {
    let text = case.response.as_str().or_else(|| case.response["error"].as_str())?;
    (case.status == 400 && text.starts_with("parse error")).then_some(text.trim())
}

/// Templates are the evaluator's business.
fn is_about_templates(text: &str) -> bool {
    text.contains(" : invalid line template:") || text.contains(" : invalid template for label")
}

fn disagreement(case: &Case) -> Option<String> {
    let ours = gantry_query_lang::parse(&case.query).map_err(|e| e.to_string());
    let expected = refusal(case).filter(|text| !is_about_templates(text));
    let same = match (&ours, expected) {
        (Ok(_), None) => true,
        (Err(ours), Some(text)) => ours == text,
        _ => false,
    };
    (!same)
        .then(|| format!("{} {:?}\n  want {expected:?}\n  have {:?}", case.id, case.query, ours.map(|e| e.to_string())))
}

#[test]
fn queries_parse_or_fail_as_in_loki() {
    let cases = cases();
    assert!(cases.len() > 100, "the suite has hundreds of queries");
    let wrong: Vec<String> = cases.iter().filter_map(disagreement).collect();
    assert!(wrong.is_empty(), "{} of {} disagree:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

#[test]
fn queries_are_formatted_as_in_loki() {
    let cases = cases();
    let formatted: Vec<&Case> = cases.iter().filter(|c| c.feature == "format-query" && c.status == 200).collect();
    assert!(!formatted.is_empty());
    for case in formatted {
        let ours = gantry_query_lang::parse(&case.query).unwrap().pretty();
        assert_eq!(ours, case.response["data"].as_str().unwrap(), "{}", case.id);
    }
}

#[test]
fn what_is_printed_parses_to_the_same_tree() {
    for case in cases() {
        let Ok(tree) = gantry_query_lang::parse(&case.query) else { continue };
        assert_eq!(gantry_query_lang::parse(&tree.to_string()).as_ref(), Ok(&tree), "{}: {tree}", case.id);
        assert_eq!(gantry_query_lang::parse(&tree.pretty()).as_ref(), Ok(&tree), "{}: {}", case.id, tree.pretty());
    }
}
