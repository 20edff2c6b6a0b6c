//! Files of policies: YAML with a list `policies`. A file that cannot be taken takes no other with it.

use crate::seam::Signals;
use gantry_platform_model::{Policy, Query};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Largest file, in bytes.
const MOST_BYTES: u64 = 4 << 20;

/// A file that cannot be taken. `Display` names it, with a line for each problem.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {}", problems.join("\n  "))]
pub struct InvalidFile {
    pub file: String,
    pub problems: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    policies: Vec<Value>,
}

/// The policies of a text in YAML (or JSON), which is a list `policies` or a single policy.
///
/// # Errors
/// Everything that is wrong, each with the policy that it is about.
pub fn parse_policies(text: &str) -> Result<Vec<Policy>, Vec<String>> {
    let value: Value = serde_yaml_ng::from_str(text).map_err(|error| vec![error.to_string()])?;
    let all = match value.get("policies") {
        Some(_) => serde_json::from_value::<Document>(value).map_err(|error| vec![error.to_string()])?.policies,
        None => vec![value],
    };
    let (mut policies, mut problems, mut names) = (Vec::new(), Vec::new(), BTreeSet::new());
    for (at, value) in all.into_iter().enumerate() {
        let place = format!("policy {} ({})", at + 1, value.get("name").and_then(Value::as_str).unwrap_or("no name"));
        match serde_json::from_value::<Policy>(value) {
            Err(error) => problems.push(format!("{place}: {error}")),
            Ok(policy) => {
                problems.extend(policy.problems().into_iter().map(|why| format!("{place}: {why}")));
                if !names.insert(policy.name.clone()) {
                    problems.push(format!("{place}: there is another policy of this name"));
                }
                policies.push(policy);
            }
        }
    }
    if problems.is_empty() { Ok(policies) } else { Err(problems) }
}

/// What is wrong with the queries of a policy.
pub(crate) fn query_problems(policy: &Policy, signals: &dyn Signals) -> Vec<String> {
    let metrics = policy.scale.metrics.iter().flat_map(|metric| {
        let queries = [("query", metric.query.as_ref()), ("burst", metric.burst.as_ref())];
        queries.map(|(kind, query)| (format!("metric {} {kind}", metric.name), query))
    });
    let replicas = policy.replicas.iter().flat_map(|replicas| {
        [("replicas.current", Some(&replicas.current)), ("replicas.ready", replicas.ready.as_ref())]
            .map(|(place, query)| (place.to_owned(), query))
    });
    let wrong = |(place, query): (String, Option<&Query>)| {
        let query = query?;
        signals.check(query).err().map(|why| format!("{place} ({}): {why}", query.parts().0))
    };
    metrics.chain(replicas).filter_map(wrong).collect()
}

/// Reads all files that the globs name, in order of their paths. Blocks.
pub(crate) fn read_files(patterns: &[String], signals: &dyn Signals) -> (Vec<(String, Policy)>, Vec<InvalidFile>) {
    let (mut found, mut invalid) = (Vec::<(String, Policy)>::new(), Vec::new());
    for path in paths(patterns) {
        let file = path.display().to_string();
        match read_file(&path, signals, &found) {
            Ok(policies) => found.extend(policies.into_iter().map(|policy| (file.clone(), policy))),
            Err(problems) => invalid.push(InvalidFile { file, problems }),
        }
    }
    (found, invalid)
}

fn paths(patterns: &[String]) -> Vec<PathBuf> {
    let globs = patterns.iter().filter_map(|pattern| glob::glob(pattern).ok());
    let mut paths: Vec<PathBuf> = globs.flat_map(|found| found.filter_map(Result::ok)).collect();
    paths.sort();
    paths.dedup();
    paths
}

fn read_file(path: &Path, signals: &dyn Signals, before: &[(String, Policy)]) -> Result<Vec<Policy>, Vec<String>> {
    let say = |error: &dyn std::fmt::Display| vec![error.to_string()];
    let bytes = std::fs::metadata(path).map_err(|error| say(&error))?.len();
    if bytes > MOST_BYTES {
        return Err(vec![format!("{bytes} bytes are more than the {MOST_BYTES} that a file of policies may have")]);
    }
    let text = std::fs::read_to_string(path).map_err(|error| say(&error))?;
    let policies = parse_policies(&text)?;
    let mut problems = Vec::new();
    for policy in &policies {
        problems.extend(query_problems(policy, signals).into_iter().map(|why| format!("{}: {why}", policy.name)));
        if let Some((file, _)) = before.iter().find(|(_, other)| other.name == policy.name) {
            problems.push(format!("{}: {file} has a policy of this name", policy.name));
        }
    }
    if problems.is_empty() { Ok(policies) } else { Err(problems) }
}
