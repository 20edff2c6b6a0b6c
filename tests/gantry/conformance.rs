//! The LogQL cases that were recorded from a real Loki, against the binary.
//!
//! `GANTRY_CONFORMANCE` names the folder that holds `logql/`; without it, `../shared/conformance` is taken. A missing suite
//! fails the test: a run that proves nothing must not look like one that passed.

use crate::harness::Launch;
use std::path::PathBuf;
use std::process::Command;

fn suite() -> PathBuf {
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/conformance");
    let folder = std::env::var_os("GANTRY_CONFORMANCE").map_or_else(beside, PathBuf::from).join("logql");
    assert!(folder.join("run.py").exists(), "no run.py in {}; set GANTRY_CONFORMANCE", folder.display());
    folder
}

/// The totals of the last line, "N passed, M failed".
fn totals(output: &str) -> (u32, u32) {
    let line = output.lines().last().unwrap_or_default();
    let numbers: Vec<u32> = line.split(' ').filter_map(|word| word.parse().ok()).collect();
    assert!(numbers.len() == 2, "no totals in: {line}");
    (numbers[0], numbers[1])
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_agree_with_those_of_loki() {
    let suite = suite();
    let server = Launch::new().expecting("query").start().await;
    let url = server.url().to_owned();
    let run = move || {
        Command::new("python3")
            .arg(suite.join("run.py"))
            .arg(url)
            .arg(suite.join("input.jsonl"))
            .arg(suite.join("cases.jsonl"))
            .output()
            .unwrap()
    };
    let output = tokio::task::spawn_blocking(run).await.unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let (passed, failed) = totals(&text);
    println!("{passed} passed, {failed} failed");
    assert_eq!(failed, 0, "{text}");
    server.stop().await;
}
