//! Export to a Parquet file and import from it, over the command line.

use crate::harness::{Launch, Server, now_ns};
use std::path::Path;
use std::process::{Command, Output, Stdio};

const MINUTE: u64 = 60_000_000_000;

async fn gantry(server: &Server, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gantry"));
    command.args(args).args(["--addr", server.url()]).stdin(Stdio::null());
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

fn said(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn refused(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1));
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// All lines of an app, newest ones in memory, the others in splits.
async fn fill(server: &Server, now: u64, app: &str, count: u64) {
    let line = |n: u64| (now - 30 * MINUTE + n * 1_000_000, format!("line {n} of {app}"));
    let lines: Vec<_> = (0..count).map(line).collect();
    let (stored, fresh) = lines.split_at(lines.len() / 2);
    server.loki.push_ok(&[("app", app), ("env", "test")], stored).await;
    server.loki.flush().await;
    server.loki.push_ok(&[("app", app), ("env", "test")], fresh).await;
}

fn left_behind(dir: &Path) -> usize {
    std::fs::read_dir(dir).map_or(0, |entries| entries.count())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_is_imported_elsewhere_as_the_same_lines_and_repeating_it_changes_nothing() {
    let server = Launch::new().start().await;
    let now = now_ns();
    for app in ["shop", "pay"] {
        fill(&server, now, app, 3000).await;
    }
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("shop.parquet").display().to_string();
    let answer = gantry(&server, &["export", &file, "--query", r#"{app="shop"}"#, "--from", "1h"]).await;
    assert!(said(&answer).starts_with("3000 lines in"), "{answer:?}");
    assert!(refused(&gantry(&server, &["export", &file]).await).contains("--force"));
    let some = dir.path().join("some.parquet").display().to_string();
    let from = (now - 30 * MINUTE).to_string();
    let to = (now - 30 * MINUTE + 100_000_000).to_string();
    let answer =
        gantry(&server, &["export", &some, "--query", r#"{} |= "line 1""#, "--from", &from, "--to", &to]).await;
    assert!(said(&answer).starts_with("22 lines in"), "{answer:?}");

    let other = Launch::new().start().await;
    for round in 0..2 {
        let answer = gantry(&other, &["import", &file]).await;
        assert!(said(&answer).starts_with("3000 of 3000 lines imported"), "{answer:?}");
        let query = r#"{app="shop", env="test"}"#;
        let found = other.loki.lines(query, now - 60 * MINUTE, now).await;
        assert_eq!(found, server.loki.lines(query, now - 60 * MINUTE, now).await, "round {round}");
        other.loki.flush().await;
    }
    other.loki.compact().await;
    assert_eq!(other.loki.number(r#"sum(count_over_time({app=~".+"}[2h]))"#, now_ns()).await, 3000.0);
    assert_eq!(left_behind(&other.data().join("import")), 0);
    other.stop().await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_imported_or_exported_is_refused_with_the_reason() {
    let server = Launch::new().default_retention().arg("--retention").arg("10m").start().await;
    let dir = tempfile::tempdir().unwrap();
    let post = async |bytes: &[u8], tenant: &'static str| {
        server.loki.post("/api/v1/import", &[("x-scope-orgid", tenant)], bytes.to_vec()).await.unwrap()
    };
    let answer = post(b"no parquet", "default").await;
    assert_eq!(answer.status, 400);
    assert!(answer.text.contains("no whole Parquet file"), "{}", answer.text);
    assert_eq!(post(b"", "default").await.status, 400);
    assert_eq!(post(b"", "_gantry").await.status, 403);
    for (query, why) in
        [("query={app=", "parse error"), ("query={}&start=noon", "no time"), ("query={}&start=5&end=5", "before")]
    {
        let answer = server.loki.get(&format!("/api/v1/export?{query}")).await.unwrap();
        assert_eq!(answer.status, 400, "{query}");
        assert!(answer.text.contains(why), "{query}: {}", answer.text);
    }
    let rich = Launch::new().start().await;
    fill(&rich, now_ns(), "old", 10).await;
    let file = dir.path().join("old.parquet").display().to_string();
    said(&gantry(&rich, &["export", &file]).await);
    let answer = gantry(&server, &["import", &file]).await;
    assert!(said(&answer).starts_with("0 of 10 lines imported"), "{answer:?}");
    assert!(String::from_utf8_lossy(&answer.stderr).contains("too_far_behind"), "{answer:?}");
    assert_eq!(left_behind(&server.data().join("import")), 0);
    rich.stop().await;
    server.stop().await;
}
