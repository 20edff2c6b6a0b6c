//! The LogQL cases that were recorded from a real Loki, against the binary.
//!
//! The suite lies beside the repository (`../shared/conformance/logql`) or where `GANTRY_CONFORMANCE` says; without it
//! this scenario says so and proves nothing.

use crate::harness::Launch;
use std::path::PathBuf;
use std::process::Command;

fn suite() -> Option<PathBuf> {
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/conformance/logql");
    let named = std::env::var_os("GANTRY_CONFORMANCE").map(PathBuf::from);
    if let Some(named) = &named {
        assert!(named.join("run.py").exists(), "GANTRY_CONFORMANCE names {}, which holds no run.py", named.display());
    }
    named.or_else(|| beside.join("run.py").exists().then_some(beside))
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
    let Some(suite) = suite() else {
        println!("skipped: the conformance suite is not here; name it by GANTRY_CONFORMANCE");
        return;
    };
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
