//! Answers the LogQL conformance cases with this crate alone, over a scan in memory.
//!
//! The cases are recorded answers of a real server; their rules of comparison are in [`compare`]. Cases that are about
//! HTTP rather than about LogQL are left to the server's own tests.

#![allow(clippy::unwrap_used, reason = "a test that finds its data malformed should fail there")]

mod compare;
mod data;
mod engine;

use data::Case;
use std::collections::BTreeMap;

/// Features that are questions about HTTP parameters or about other endpoints.
const NOT_LOGQL: [&str; 1] = ["invalid-params"];

#[test]
fn recorded_answers_are_reproduced() {
    let data = data::load();
    let about_logql = |case: &&Case| case.is_query() || case.detected().is_some();
    let cases = data.cases.iter().filter(about_logql).filter(|case| !NOT_LOGQL.contains(&case.feature.as_str()));
    let only = std::env::var("GANTRY_CONFORMANCE_ONLY").unwrap_or_default();
    let (mut passed, mut failed) = (0, BTreeMap::<&str, Vec<String>>::new());
    for case in cases.filter(|case| case.id.contains(&only)) {
        match problem(&data, case) {
            None => passed += 1,
            Some(problem) => {
                let text = format!("{}  {}\n      {problem}", case.id, case.param("query").unwrap_or(""));
                failed.entry(&case.feature).or_default().push(text);
            }
        }
    }
    for (feature, problems) in &failed {
        println!("== {feature}: {} failed", problems.len());
        problems.iter().for_each(|problem| println!("  {problem}"));
    }
    let failures: usize = failed.values().map(Vec::len).sum();
    println!("{passed} passed, {failures} failed");
    assert!(failures == 0 && passed > 0, "{failures} cases failed");
}

fn problem(data: &data::Data, case: &Case) -> Option<String> {
    if let Some(path) = case.detected() {
        return engine::detected(data, case, path).map_or_else(Some, |got| compare::fields(case, &got));
    }
    match engine::answer(data, case) {
        Ok(got) if case.status == 200 => compare::difference(case, &got),
        Ok(_) if case.status == 500 => Some("want an error".into()),
        Ok(_) => Some(format!("want status {}: {}", case.status, case.response)),
        Err(_) if case.status == 500 => None,
        Err(error) if case.status == 200 => Some(format!("refused: {error}")),
        Err(error) => {
            let (want, got) = (compare::error_text(case.response.as_str().unwrap_or("")), compare::error_text(&error));
            (want != got).then(|| format!("want {want:?}\n      got  {got:?}"))
        }
    }
}
