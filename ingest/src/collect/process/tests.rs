use super::*;
use crate::collect::testing::{FakeSink, metrics};
use gantry_model::SystemClock;
use rustix::process::{Pid, getpid, kill_process};
use std::ffi::OsString;
use std::time::Duration;

fn shell(script: &str) -> ProcessOptions {
    let command = ["sh", "-c", script].map(OsString::from).to_vec();
    ProcessOptions { forward_signals: false, linger: Duration::from_millis(100), ..ProcessOptions::new(command) }
}

fn spawn(options: ProcessOptions, sink: &Arc<FakeSink>) -> ChildProcess {
    ChildProcess::spawn(options, sink.clone(), Arc::new(SystemClock), &metrics()).unwrap()
}

async fn run(options: ProcessOptions, sink: &Arc<FakeSink>) -> ProcessReport {
    spawn(options, sink).wait(CancellationToken::new()).await.unwrap()
}

#[tokio::test]
async fn lines_of_both_pipes_are_stored_and_the_exit_status_comes_back() {
    let sink = FakeSink::new();
    let report = run(shell("echo out; echo err >&2; printf unfinished; exit 7"), &sink).await;
    assert_eq!(report, ProcessReport { exit_code: 7, lines: 3, lost: 0 });
    let of = |stream: &str| -> Vec<String> {
        let lines = sink.lines().into_iter().filter(|line| line.labels.get("stream") == Some(stream));
        lines.map(|line| line.body).collect()
    };
    assert_eq!(of("stdout"), ["out", "unfinished"]);
    assert_eq!(of("stderr"), ["err"]);
    assert_eq!(sink.lines()[0].labels.get("app"), Some("sh"));
}

#[tokio::test]
async fn a_trace_on_stderr_is_one_line_and_what_stdout_prints_meanwhile_another() {
    let sink = FakeSink::new();
    let script =
        "echo Error: boom >&2; echo '    at f (a.js:1:2)' >&2; echo out; sleep 0.7; echo '    at late (a.js:3:4)' >&2";
    run(shell(script), &sink).await;
    let mut bodies = sink.bodies();
    bodies.sort();
    assert_eq!(bodies, ["    at late (a.js:3:4)", "Error: boom\n    at f (a.js:1:2)", "out"]);
}

#[tokio::test]
async fn a_command_that_a_signal_ended_reports_128_and_the_signal() {
    let report = run(shell("kill -9 $$"), &FakeSink::new()).await;
    assert_eq!(report.exit_code, 137);
}

#[tokio::test]
async fn a_missing_command_is_told_as_a_shell_would() {
    let options = ProcessOptions::new(vec!["/no/such/command".into()]);
    let error = ChildProcess::spawn(options, FakeSink::new(), Arc::new(SystemClock), &metrics()).unwrap_err();
    assert_eq!(error.exit_code(), 127);
}

#[tokio::test]
async fn signals_to_this_process_reach_the_command() {
    let sink = FakeSink::new();
    let script = "trap 'echo got it; exit 3' USR1; echo ready; while :; do sleep 0.05; done";
    let child = spawn(ProcessOptions { forward_signals: true, ..shell(script) }, &sink);
    let waiting = tokio::spawn(child.wait(CancellationToken::new()));
    sink.wait_for(|lines| lines.iter().any(|line| line.body == "ready")).await;
    kill_process(Pid::from_raw(getpid().as_raw_nonzero().get()).unwrap(), Signal::USR1).unwrap();
    assert_eq!(waiting.await.unwrap().unwrap().exit_code, 3);
    assert_eq!(sink.bodies(), ["ready", "got it"]);
}

#[tokio::test]
async fn a_command_that_ignores_the_end_is_killed_after_its_grace() {
    let sink = FakeSink::new();
    let options = shell("trap '' TERM; echo ready; while :; do sleep 0.05; done");
    let child = spawn(ProcessOptions { stop_grace: Duration::from_millis(50), ..options }, &sink);
    let stop = CancellationToken::new();
    let waiting = tokio::spawn(child.wait(stop.clone()));
    sink.wait_for(|lines| lines.len() == 1).await;
    stop.cancel();
    assert_eq!(waiting.await.unwrap().unwrap().exit_code, 137);
}

#[tokio::test]
async fn a_store_that_is_briefly_away_costs_no_line() {
    let sink = FakeSink::new();
    sink.fail_next(3);
    let report = run(shell("for i in 1 2 3 4 5; do echo $i; done"), &sink).await;
    assert_eq!((report.lines, report.lost), (5, 0));
    assert_eq!(sink.bodies(), ["1", "2", "3", "4", "5"]);
}

#[tokio::test]
async fn a_store_that_stays_away_neither_blocks_the_command_nor_hides_the_loss() {
    let sink = FakeSink::new();
    sink.fail_next(u64::MAX);
    let options = ProcessOptions {
        buffer_bytes: 1000,
        block_for: Some(Duration::from_millis(20)),
        drain_timeout: Duration::from_millis(200),
        ..shell("i=0; while [ $i -lt 500 ]; do echo line $i; i=$((i+1)); done; exit 5")
    };
    let report = run(options, &sink).await;
    assert_eq!(report, ProcessReport { exit_code: 5, lines: 500, lost: 500 });
}

#[tokio::test]
async fn a_process_left_behind_does_not_hold_up_the_end() {
    let sink = FakeSink::new();
    let report = run(shell("sleep 30 & echo done"), &sink).await;
    assert_eq!((report.exit_code, sink.bodies()), (0, vec!["done".to_owned()]));
}
