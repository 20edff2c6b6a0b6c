//! The rules of the house that a machine can check: arrows between crates, sizes, and what may be used where.

use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

const FILE_LINES: usize = 500;
const FUNCTION_LINES: usize = 100;

/// Who may know whom. The root package may know all; nothing may know the root.
const ARROWS: &[(&str, &[&str])] = &[
    ("gantry-model", &[]),
    ("gantry-store-api", &["gantry-model"]),
    ("gantry-meta", &["gantry-model"]),
    ("gantry-body", &[]),
    ("gantry-chunk", &["gantry-model"]),
    ("gantry-wal", &["gantry-store-api"]),
    ("gantry-store", &["gantry-store-api", "gantry-meta", "gantry-body", "gantry-chunk", "gantry-wal", "gantry-model"]),
    ("gantry-prompb", &["gantry-model"]),
    (
        "gantry-remote-write",
        &["gantry-wal", "gantry-chunk", "gantry-prompb", "gantry-http-client", "gantry-store-api", "gantry-model"],
    ),
    ("gantry-http-client", &[]),
    ("gantry-ingest", &["gantry-collect", "gantry-http-client", "gantry-prompb", "gantry-store-api", "gantry-model"]),
    ("gantry-collect", &["gantry-model"]),
    ("gantry-transform", &["gantry-model"]),
    ("gantry-query-lang", &["gantry-model"]),
    ("gantry-template", &["gantry-query-lang"]),
    ("gantry-query-eval", &["gantry-query-lang", "gantry-template", "gantry-model"]),
    ("gantry-promql", &["gantry-query-lang", "gantry-model"]),
    (
        "gantry-query",
        &[
            "gantry-query-lang",
            "gantry-query-eval",
            "gantry-promql",
            "gantry-prompb",
            "gantry-store-api",
            "gantry-model",
        ],
    ),
    ("gantry-platform-model", &[]),
    ("gantry-planner", &["gantry-platform-model"]),
    (
        "gantry-scaler",
        &["gantry-planner", "gantry-platform-model", "gantry-meta", "gantry-http-client", "gantry-model"],
    ),
    ("gantry-alerting", &["gantry-query-lang", "gantry-template", "gantry-model"]),
    (
        "gantry-alertmanager",
        &["gantry-template", "gantry-http-client", "gantry-query-lang", "gantry-meta", "gantry-model"],
    ),
    ("gantry-ruler", &["gantry-alerting", "gantry-meta", "gantry-model"]),
    ("gantry-backtest", &["gantry-alerting", "gantry-model", "gantry-promql", "gantry-query-lang"]),
    ("gantry-rule-test", &["gantry-alerting", "gantry-model", "gantry-promql", "gantry-query-lang"]),
    ("gantry-bench", &[]),
];

/// Dependencies that belong to one crate alone.
const OWNED: &[(&str, &str)] = &[
    ("parquet", "gantry-store"),
    ("tantivy", "gantry-store"),
    ("object_store", "gantry-store"),
    ("datafusion", "gantry-query"),
    ("redb", "gantry-meta"),
    ("vrl", "gantry-transform"),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The crates of the workspace, as cargo describes them.
fn packages() -> Vec<Value> {
    let mut command = Command::new(env!("CARGO"));
    command.args(["metadata", "--format-version", "1", "--no-deps", "--offline"]).current_dir(root());
    let output = command.output().expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo prints JSON");
    metadata["packages"].as_array().expect("there are packages").clone()
}

fn name(value: &Value) -> String {
    value["name"].as_str().expect("everything has a name").to_owned()
}

/// Every crate of the workspace with all that it depends on, for whatever purpose.
fn dependencies() -> BTreeMap<String, Vec<String>> {
    let of = |package: &Value| package["dependencies"].as_array().expect("a list").iter().map(name).collect();
    packages().iter().map(|package| (name(package), of(package))).collect()
}

/// Every Rust file of the workspace.
fn sources() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open: Vec<PathBuf> =
        ["src", "tests", "store", "ingest", "query", "bench", "fuzz", "remote-write", "platform", "alerting"]
            .map(|d| root().join(d))
            .into();
    while let Some(dir) = open.pop() {
        for entry in std::fs::read_dir(&dir).into_iter().flatten().filter_map(Result::ok) {
            let path = entry.path();
            if path.is_dir() && path.file_name().is_some_and(|name| name != "target") {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    assert!(found.len() > 50, "the sources are found: {}", found.len());
    found
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).expect("a source can be read")
}

fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

fn report(problems: Vec<String>) {
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
}

#[test]
fn crates_know_only_whom_the_architecture_lets_them_know() {
    let mut problems = Vec::new();
    for (package, needs) in dependencies() {
        if package == "gantry" {
            continue;
        }
        let Some((_, allowed)) = ARROWS.iter().find(|(name, _)| *name == package) else {
            problems.push(format!("{package} is not in the table of arrows"));
            continue;
        };
        let ours = needs.iter().filter(|need| need.starts_with("gantry") && **need != package);
        problems
            .extend(ours.filter(|n| !allowed.contains(&n.as_str())).map(|n| format!("{package} must not know {n}")));
    }
    report(problems);
}

#[test]
fn engines_are_linked_by_their_owners_alone() {
    let mut problems = Vec::new();
    for (package, needs) in dependencies() {
        let foreign = OWNED.iter().filter(|(engine, owner)| *owner != package && needs.iter().any(|n| n == engine));
        problems.extend(foreign.map(|(engine, owner)| format!("{package} uses {engine}, which belongs to {owner}")));
    }
    report(problems);
}

#[test]
fn axum_appears_only_in_files_for_http() {
    let is_http =
        |path: &Path| path.components().any(|part| part.as_os_str() == "http" || part.as_os_str() == "http.rs");
    let mut problems = Vec::new();
    for path in sources() {
        let uses = |line: &str| !line.trim_start().starts_with("//") && line.contains("axum::");
        if !is_http(&path) && !path.ends_with("tests/gantry/tidy.rs") && read(&path).lines().any(uses) {
            problems.push(format!("{} names axum and is no http.rs", shown(&path)));
        }
    }
    report(problems);
}

#[test]
fn every_test_is_run() {
    let script = std::fs::read_to_string(root().join("test.sh")).expect("the script of the tests");
    let words = script.split_whitespace().map(|word| word.trim_matches('\''));
    let named: Vec<&str> =
        words.clone().zip(words.skip(1)).filter(|(flag, _)| *flag == "--test").map(|pair| pair.1).collect();
    let runs = |test: &str| {
        named.iter().any(|one| one.strip_suffix('*').map_or(*one == test, |begin| test.starts_with(begin)))
    };
    let packages = packages();
    let targets = packages.iter().flat_map(|package| package["targets"].as_array().expect("a list"));
    let tests = targets.filter(|target| target["kind"][0] == "test").map(name);
    report(tests.filter(|test| !runs(test)).map(|test| format!("test.sh does not run {test}")).collect());
}

#[test]
fn files_and_functions_are_short() {
    let mut problems = Vec::new();
    for path in sources() {
        let text = read(&path);
        let lines: Vec<&str> = text.lines().collect();
        if lines.len() > FILE_LINES {
            problems.push(format!("{} has {} lines, more than {FILE_LINES}", shown(&path), lines.len()));
        }
        for (at, length) in functions(&lines) {
            if length > FUNCTION_LINES {
                problems.push(format!(
                    "{}:{} is a function of {length} lines, more than {FUNCTION_LINES}",
                    shown(&path),
                    at + 1
                ));
            }
        }
    }
    report(problems);
}

/// Where functions start, and how many lines they have. Formatted code closes a function at its own indentation.
fn functions(lines: &[&str]) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let indent = line.len() - line.trim_start().len();
        if !starts_function(line.trim_start()) {
            continue;
        }
        let close = format!("{}}}", &line[..indent]);
        let length = lines[at..].iter().position(|line| *line == close);
        let one_line = line.ends_with('}') || line.ends_with(';');
        if let (Some(length), false) = (length, one_line) {
            found.push((at, length + 1));
        }
    }
    found
}

fn starts_function(line: &str) -> bool {
    let qualifier =
        |word: &&str| word.starts_with("pub") || ["const", "async", "unsafe", "extern", "default"].contains(word);
    line.split_whitespace().find(|word| !qualifier(word)) == Some("fn")
}

#[test]
fn the_measure_of_functions_works() {
    let text = "fn a() {\n    let b = 1;\n    b\n}\n\nimpl X {\n    pub(crate) async fn c(\n        d: u8,\n    ) {\n        d;\n    }\n    fn e() {}\n}\nstruct Y {\n    f: fn(u8),\n}\n";
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(functions(&lines), [(0, 4), (6, 5)]);
}
