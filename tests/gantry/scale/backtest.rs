//! Policies from the command line: checked, stored, explained, and replayed over history.

use super::{SOON, get};
use crate::harness::{Launch, Server, eventually, now_ns};
use serde_json::Value;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

const POLICY: &str = "policies:
- name: web
  intervalSeconds: 15
  minReplicas: 1
  maxReplicas: 20
  metrics:
  - name: load
    query: {promql: 'sum(load)'}
    target: {averageValue: 100}
    maxAgeSeconds: 120
";

/// Runs a command of the client and gives what it printed.
async fn run(server: &Server, args: &[&str]) -> (bool, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gantry"));
    command.args(args).env("GANTRY_ADDR", server.url()).current_dir(server.scratch());
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(text).unwrap())
}

/// A sample a minute of a load that rises and falls once a day between 100 and 1100.
async fn days(server: &Server, days: u64) {
    let now_s = now_ns() / 1_000_000_000;
    let mut minute = 0;
    while minute < days * 1440 {
        let mut lines = String::new();
        for at in minute..(minute + 20_000).min(days * 1440) {
            let time = now_s - days * 86_400 + at * 60;
            let value = 600.0 - 500.0 * (time as f64 / 86_400.0 * std::f64::consts::TAU).cos();
            lines.push_str(&format!("load{{instance=\"a\"}} {value:.1} {}\n", time * 1000));
        }
        minute += 20_000;
        let answer = server.loki.post_request("/api/v1/import/prometheus").body(lines).send().await.unwrap();
        assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn policies_are_checked_stored_listed_and_explained() {
    let server = Launch::new().start().await;
    let file = |name: &str, text: &str| std::fs::write(server.scratch().join(name), text).unwrap();
    file("web.yml", POLICY);
    file("bad.yml", &POLICY.replace("sum(load)", "sum(load").replace("maxReplicas: 20", "maxReplicas: 0"));
    let (good, text) = run(&server, &["policy", "check", "web.yml"]).await;
    assert!(good && text.contains("web.yml: ok: web"), "{text}");
    let (good, text) = run(&server, &["policy", "check", "bad.yml"]).await;
    assert!(!good && text.contains("policy 1 (web): maxReplicas must be at least 1"), "{text}");
    file("bad.yml", &POLICY.replace("sum(load)", "sum(load"));
    let (good, text) = run(&server, &["policy", "apply", "bad.yml"]).await;
    assert!(!good && text.contains("web: load (promql)"), "{text}");
    let (good, text) = run(&server, &["policy", "apply", "web.yml"]).await;
    assert!(good && text.contains("web: created"), "{text}");
    let body = "load{instance=\"a\"} 350\n";
    assert!(
        server.loki.post_request("/api/v1/import/prometheus").body(body).send().await.unwrap().status().is_success()
    );
    let decided = async || {
        server.loki.post_request("/api/v1/scale/policies/web/evaluate").send().await.unwrap();
        let found = get(&server, "/api/v1/scale/policies/web").await["data"]["last"]["decision"]["current"].clone();
        (found == 4).then_some(())
    };
    eventually("the policy decides", SOON, decided).await;
    let (good, text) = run(&server, &["policy", "explain", "web", "--changes"]).await;
    assert!(good, "{text}");
    for part in [
        "web: 1 -> 4 replicas at",
        "DesiredWithinRange: load above target",
        "told to those who ask",
        "1 to 20 replicas",
        "350",
        "ceil(350000m / 100000m)",
    ] {
        assert!(text.contains(part), "{part:?} in {text}");
    }
    let (_, text) = run(&server, &["policy", "list"]).await;
    assert!(text.contains("stored") && text.contains("1-20"), "{text}");
    let (_, text) = run(&server, &["policy", "show", "web"]).await;
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap()["maxReplicas"], 20);
    let (good, text) = run(&server, &["policy", "delete", "web"]).await;
    assert!(good, "{text}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn thirty_days_of_a_policy_are_replayed_in_seconds() {
    let server = Launch::new().start().await;
    std::fs::write(server.scratch().join("web.yml"), POLICY).unwrap();
    days(&server, 30).await;
    let started = Instant::now();
    let args =
        ["backtest", "policy", "web.yml", "--since", "30d", "--current", "6", "--chart", "web.svg", "-o", "json"];
    let (good, text) = run(&server, &args).await;
    assert!(good, "{text}");
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    let json = text.split("drawn into").next().unwrap();
    let report: Value = serde_json::from_str(json).unwrap();
    let (candidate, present) = (&report["candidate"], &report["against"]);
    let hours = |course: &Value, name: &str| course[name].as_f64().unwrap();
    // The load is worth 6 replicas in the mean: rounded up, within tolerance, and kept for five minutes.
    assert!((4_350.0..4_600.0).contains(&hours(candidate, "replicaHours")), "{}", candidate["replicaHours"]);
    assert!((4_319.0..4_321.0).contains(&hours(present, "replicaHours")), "{}", present["replicaHours"]);
    assert!(hours(candidate, "hoursAboveTarget") < 5.0 && hours(present, "hoursAboveTarget") > 250.0, "{text}");
    // 11 when the days begin near the peak: the first step is not within tolerance of six.
    let most = candidate["most"].as_u64().unwrap();
    assert!(candidate["least"] == 1 && (10..=11).contains(&most), "{text}");
    let svg = std::fs::read_to_string(Path::new(server.scratch()).join("web.svg")).unwrap();
    assert!(svg.contains("web (candidate)") && svg.contains("6 replicas (present)") && svg.ends_with("</svg>\n"));
    let (_, table) = run(&server, &["backtest", "policy", "web.yml", "--since", "2d", "--current", "6"]).await;
    assert!(table.contains("replica-hours") && table.contains("needed"), "{table}");
    server.stop().await;
}
