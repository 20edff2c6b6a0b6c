//! The command line as scripts use it: what is printed, and the exit codes.

use crate::harness::{Launch, Server, eventually, free_port, now_ns};
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

/// One command, away from the runtime's threads, with a deadline.
async fn gantry(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gantry"));
    command.args(args).stdin(Stdio::null()).current_dir(std::env::temp_dir()).env_remove("GANTRY_ADDR");
    let run = tokio::task::spawn_blocking(move || command.output().unwrap());
    tokio::time::timeout(Duration::from_secs(30), run).await.unwrap_or_else(|_| panic!("{args:?} hangs")).unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap_or_else(|| panic!("{}", output.status))
}

async fn count(server: &Server, selector: &str) -> f64 {
    server.loki.number(&format!("sum(count_over_time({selector}[1h]))"), now_ns() + 1_000_000_000).await
}

#[tokio::test(flavor = "multi_thread")]
async fn run_ships_both_outputs_prints_them_and_exits_as_the_command_does() {
    let server = Launch::new().start().await;
    let script = "echo to-out; echo to-err >&2; exit 7";
    let args = ["run", "--addr", server.url(), "--label", "app=job", "--", "sh", "-c", script];
    let output = gantry(&args).await;
    assert_eq!(code(&output), 7, "{}", err(&output));
    assert_eq!(out(&output).trim(), "to-out");
    assert!(err(&output).contains("to-err"));
    let start = now_ns() - 60_000_000_000;
    let lines = server.loki.lines(r#"{app="job", stream="stdout"}"#, start, now_ns()).await;
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0].1, "to-out");
    assert_eq!(server.loki.lines(r#"{app="job", stream="stderr"}"#, start, now_ns()).await[0].1, "to-err");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn run_sends_what_the_command_uses() {
    let server = Launch::new().start().await;
    let script = "while :; do sleep 0.05; done";
    let mut child = Command::new(env!("CARGO_BIN_EXE_gantry"))
        .args(["run", "--addr", server.url(), "--label", "app=spin", "--metrics", "1s", "--", "sh", "-c", script])
        .spawn()
        .unwrap();
    let query = "process_resident_memory_bytes{job=\"run\",app=\"spin\",instance!=\"\"}";
    eventually("memory of the command is stored", Duration::from_secs(30), async || {
        let answer = server.loki.ask("/api/v1/query", &[("query", query)]).await.json();
        let value = answer["data"]["result"][0]["value"][1].as_str()?.parse::<f64>().unwrap();
        (value > 100_000.0).then_some(())
    })
    .await;
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), rustix::process::Signal::TERM).unwrap();
    child.wait().unwrap();
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn run_passes_signals_on_and_ships_what_the_command_says_last() {
    let server = Launch::new().start().await;
    let script = "trap 'echo bye; exit 3' TERM; echo up; while :; do sleep 0.05; done";
    let mut child = Command::new(env!("CARGO_BIN_EXE_gantry"))
        .args(["run", "--addr", server.url(), "--label", "app=trap", "--", "sh", "-c", script])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut first).unwrap();
    assert_eq!(first, "up\n");
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), rustix::process::Signal::TERM).unwrap();
    let status = eventually("the command ends", Duration::from_secs(20), async || child.try_wait().unwrap()).await;
    assert_eq!(status.code(), Some(3));
    assert_eq!(count(&server, r#"{app="trap"} |= "bye""#).await, 1.0);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn run_of_what_cannot_be_started_says_so_with_126_and_127() {
    let server = Launch::new().start().await;
    assert_eq!(code(&gantry(&["run", "--addr", server.url(), "--", "/no/such/program"]).await), 127);
    assert_eq!(code(&gantry(&["run", "--addr", server.url(), "--", "/etc/hostname"]).await), 126);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_finds_words_and_logql_in_every_output() {
    let server = Launch::new().start().await;
    let at = now_ns() - 5_000_000_000;
    let lines = [(at, "connection refused by peer".to_owned()), (at + 1, "all quiet".to_owned())];
    server.loki.push_ok(&[("app", "shop")], &lines).await;
    let addr = ["--addr", server.url()];
    let raw = gantry(&[&["logs", "refused", "--output", "raw"], &addr[..]].concat()).await;
    assert_eq!((code(&raw), out(&raw).as_str()), (0, "connection refused by peer\n"), "{}", err(&raw));
    let json = gantry(&[&["logs", r#"{app="shop"} |= "quiet""#, "--output", "json"], &addr[..]].concat()).await;
    let value: serde_json::Value = serde_json::from_str(out(&json).trim()).unwrap();
    assert_eq!(value["line"], "all quiet");
    let logfmt = gantry(&[&["logs", r#"{app="shop"}"#, "-n", "1", "--output", "logfmt"], &addr[..]].concat()).await;
    assert!(out(&logfmt).contains("app=shop") && out(&logfmt).contains("all quiet"), "{}", out(&logfmt));
    let nothing = gantry(&[&["logs", "nosuchword"], &addr[..]].concat()).await;
    assert_eq!((code(&nothing), out(&nothing).as_str()), (0, ""));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_shows_what_stands_around_a_line_in_its_stream() {
    let server = Launch::new().start().await;
    let start = now_ns() - 60_000_000_000;
    let lines: Vec<(u64, String)> = (0..40u64)
        .map(|at| (start + at / 4, if at % 16 == 9 { format!("panic {at}") } else { format!("line {at}") }))
        .collect();
    server.loki.push_ok(&[("app", "deep")], &lines).await;
    server.loki.push_ok(&[("app", "near")], &[(start + 2, "noise".into())]).await;
    let args = ["logs", "panic", "-C", "2", "--output", "raw", "--addr", server.url()];
    let output = gantry(&args).await;
    let want = "line 7\nline 8\npanic 9\nline 10\nline 11\n--\nline 23\nline 24\npanic 25\nline 26\nline 27\n";
    assert_eq!(out(&output), want, "{}", err(&output));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_follows_until_told_to_stop() {
    let server = Launch::new().start().await;
    let mut child = Command::new(env!("CARGO_BIN_EXE_gantry"))
        .args(["logs", "-f", r#"{app="live"}"#, "--output", "raw", "--addr", server.url()])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut reader = BufReader::new(child.stdout.take().unwrap());
    let read = tokio::task::spawn_blocking(move || {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        line
    });
    // The follower may not be connected yet: lines are written until one arrives.
    eventually("a line arrives", Duration::from_secs(20), async || {
        server.loki.push_ok(&[("app", "live")], &[(now_ns(), "as it happens".to_owned())]).await;
        read.is_finished().then_some(())
    })
    .await;
    assert_eq!(read.await.unwrap(), "as it happens\n");
    child.kill().unwrap();
    child.wait().unwrap();
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn query_answers_logql_and_sql_as_table_json_and_csv() {
    let server = Launch::new().start().await;
    let at = now_ns() - 5_000_000_000;
    server.loki.push_ok(&[("app", "shop")], &[(at, "one".to_owned()), (at + 1, "two".to_owned())]).await;
    let addr = ["--addr", server.url()];
    let sql = "SELECT count(*) AS n FROM logs WHERE body LIKE '%o%'";
    let csv = gantry(&[&["query", sql, "--output", "csv"], &addr[..]].concat()).await;
    assert_eq!((code(&csv), out(&csv).trim()), (0, "n\n2"), "{}", err(&csv));
    let logql = "sum by (app) (count_over_time({app=\"shop\"}[5m]))";
    let json = gantry(&[&["query", "--instant", logql, "--output", "json"], &addr[..]].concat()).await;
    let value: serde_json::Value = serde_json::from_str(&out(&json)).unwrap();
    assert_eq!((&value[0]["metric"]["app"], &value[0]["value"][1]), (&"shop".into(), &"2".into()));
    let table = gantry(&[&["query", "--instant", logql], &addr[..]].concat()).await;
    assert!(out(&table).contains("shop"), "{}", out(&table));
    let wrong = gantry(&[&["query", "{app="], &addr[..]].concat()).await;
    assert_eq!(code(&wrong), 1);
    assert!(err(&wrong).contains("parse error"), "{}", err(&wrong));
    server.stop().await;
}

#[tokio::test]
async fn the_exit_code_says_what_kind_of_failure_it_was() {
    let nobody = format!("http://127.0.0.1:{}", free_port());
    let unreachable = gantry(&["logs", "--addr", &nobody]).await;
    assert_eq!(code(&unreachable), 69, "{}", err(&unreachable));
    assert!(err(&unreachable).contains("gantry up"), "{}", err(&unreachable));
    assert_eq!(code(&gantry(&["query", "--addr", &nobody, "{app=\"a\"}"]).await), 69);
    assert_eq!(code(&gantry(&["no-such-command"]).await), 2);
    assert_eq!(code(&gantry(&["up", "--no-such-flag"]).await), 2);
    assert_eq!(code(&gantry(&["check", "/no/such/directory"]).await), 1);
    assert_eq!(code(&gantry(&["--version"]).await), 0);
    assert_eq!(code(&gantry(&["--help"]).await), 0);
}

#[tokio::test]
async fn a_wrong_configuration_is_refused_before_anything_starts_with_every_problem() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("gantry.toml");
    fs::write(&file, "[store]\nsink = \"always\"\nsync = \"sometimes\"\n[sorver]\nx = 1\n").unwrap();
    let path = file.to_str().unwrap();
    let data = dir.path().join("data");
    let commands: [&[&str]; 2] =
        [&["config", "check", path], &["up", "--config", path, "--data", data.to_str().unwrap(), "--no-collect"]];
    for args in commands {
        let output = gantry(args).await;
        assert_eq!(code(&output), 64, "{args:?}: {}", err(&output));
        for part in ["store.sink", "store.sync", "sorver", "server"] {
            assert!(err(&output).contains(part), "{args:?}: no {part} in {}", err(&output));
        }
    }
    assert!(!data.exists(), "nothing was made");
}

#[tokio::test]
async fn the_dumped_configuration_is_one_that_can_be_read_back() {
    let dump = gantry(&["config", "dump"]).await;
    assert_eq!(code(&dump), 0, "{}", err(&dump));
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("gantry.toml");
    fs::write(&file, &dump.stdout).unwrap();
    let check = gantry(&["config", "check", file.to_str().unwrap()]).await;
    assert_eq!(code(&check), 0, "{}", err(&check));
}

#[tokio::test]
async fn completions_exist_for_the_usual_shells() {
    for shell in ["bash", "zsh", "fish"] {
        let output = gantry(&["completions", shell]).await;
        assert_eq!(code(&output), 0);
        assert!(out(&output).contains("gantry"), "{shell}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_shows_life_at_once() {
    let server = Launch::new().arg("--demo").start().await;
    for app in ["shop", "payments", "gateway"] {
        let selector = format!("{{app=\"{app}\"}}");
        eventually("the demo writes lines", Duration::from_secs(20), async || {
            (count(&server, &selector).await > 0.0).then_some(())
        })
        .await;
    }
    eventually("its rules are evaluated without an error", Duration::from_secs(40), async || {
        let rules = server.loki.get("/api/v1/rules").await.unwrap().json();
        let groups = rules["data"]["groups"].as_array().unwrap().clone();
        let all: Vec<_> = groups.iter().flat_map(|group| group["rules"].as_array().unwrap()).collect();
        assert!(all.iter().all(|rule| rule["health"] != "err"), "{rules:#}");
        (all.len() == 6 && all.iter().all(|rule| rule["health"] == "ok")).then_some(())
    })
    .await;
    eventually("its policy decides by what they record", Duration::from_secs(40), async || {
        let output = gantry(&["policy", "explain", "shop", "--addr", server.url()]).await;
        (out(&output).contains("requests  measured")).then_some(())
    })
    .await;
    server.stop().await;
}
