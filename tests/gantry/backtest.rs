//! Backtests of rules: stored history, rules that are new, and what they would have done.

use crate::harness::{Launch, Server, now_ns};
use serde_json::{Value, json};
use std::path::Path;
use std::process::{Command, Output};

/// 2026-03-01, midnight.
const START: i64 = 1_772_323_200;
const MINUTES: i64 = 3 * 24 * 60;
const END: &str = "2026-03-04T00:00:00Z";

const RULES: &str = "groups:
- name: disks
  rules:
  - {record: 'disk:used:max', expr: max by (host) (disk_used)}
  - alert: DiskFull
    expr: disk:used:max > 90
    for: 10m
    labels: {severity: page}
    annotations: {summary: '{{ $labels.host }} is at {{ $value }} %'}
- name: answers
  interval: 30s
  rules:
  - {alert: Slow, expr: 'histogram_quantile(0.9, rate(took_bucket[5m])) > 1'}
";

/// Two hosts, a sample a minute: `a` is nearly full in the second day from 6:00 to 9:00, `b` for five minutes in the third.
async fn history(server: &Server) {
    for hour in 0..MINUTES / 60 {
        let mut text = String::new();
        for minute in hour * 60..(hour + 1) * 60 {
            let (day, of_day) = (minute / 1440, minute % 1440);
            let a = if day == 1 && (360..540).contains(&of_day) { 95 } else { 40 };
            let b = if day == 2 && (100..105).contains(&of_day) { 99 } else { 50 };
            let at = (START + minute * 60) * 1000;
            text += &format!("disk_used{{host=\"a\"}} {a} {at}\ndisk_used{{host=\"b\"}} {b} {at}\n");
            text += &format!("disk:used:max{{host=\"old\"}} 99 {at}\n");
        }
        let answer = server.loki.post_request("/api/v1/import/prometheus").body(text).send().await.unwrap();
        let (status, text) = (answer.status().as_u16(), answer.text().await.unwrap());
        assert_eq!(status, 204, "{text}");
    }
}

async fn backtest(server: &Server, rules: &Path, more: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gantry"));
    command.args(["backtest", "rules"]).arg(rules).args(["--addr", server.url(), "--since", "3d", "--end", END]);
    command.args(more);
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn new_rules_are_tried_out_on_history() {
    let launch = Launch::new();
    let (rules, chart) = (launch.scratch().join("new.yml"), launch.scratch().join("alerts.svg"));
    let routes = launch.scratch().join("alertmanager.yml");
    std::fs::write(&rules, RULES).unwrap();
    std::fs::write(
        &routes,
        "route: {receiver: all, routes: [{matchers: [severity=page], receiver: pager, group_by: [alertname]}]}\n\
         receivers:\n- {name: all}\n- {name: pager, webhook_configs: [{url: 'http://127.0.0.1:1/'}]}\n",
    )
    .unwrap();
    let server = launch.arg("--alertmanager-config").arg(&routes).start().await;
    history(&server).await;
    server.loki.flush().await;
    let output = backtest(&server, &rules, &["--json", "--chart", chart.to_str().unwrap()]).await;
    assert!(output.status.success(), "{}", text(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let episodes = report["episodes"].as_array().unwrap();
    assert_eq!((episodes.len(), &report["fired"]), (1, &json!(1)), "{report}");
    assert_eq!(episodes[0]["labels"], json!({ "alertname": "DiskFull", "host": "a", "severity": "page" }));
    assert_eq!(episodes[0]["annotations"]["summary"], "a is at 95 %");
    let at = |name: &str| (episodes[0][name].as_i64().unwrap() / 1000 - START - 86_400) / 60;
    assert_eq!((at("active_ms"), at("fired_ms"), at("resolved_ms")), (360, 370, 540));
    let rule = &report["rules"][1];
    assert_eq!((&rule["missed"], &rule["longest_missed_ms"]), (&json!(1), &json!(300_000)), "that of b");
    assert_eq!(rule["evaluations"], MINUTES + 1);
    assert_eq!(report["rules"][2]["evaluations"], 2 * MINUTES + 1);
    let told: Vec<Value> = report["notifications"].as_array().unwrap().clone();
    assert_eq!(told.len(), 2, "{told:?}");
    assert_eq!(
        (&told[0]["receiver"], &told[0]["firing"], &told[1]["resolved"]),
        (&json!("pager"), &json!(1), &json!(1))
    );
    assert_eq!(told[0]["at_ms"].as_i64().unwrap() - episodes[0]["fired_ms"].as_i64().unwrap(), 30_000, "group_wait");
    let svg = std::fs::read_to_string(&chart).unwrap();
    assert!(svg.contains("DiskFull host=a severity=page") && svg.contains("time (UTC)"), "{svg}");

    let table = text(&backtest(&server, &rules, &["--step", "5m"]).await.stdout);
    for part in ["DiskFull", "alerts that fired: 1", "2026-03-02T06:10:00.000Z  2h50m", "notifications: 2 (pager: 2)"] {
        assert!(table.contains(part), "{part} in:\n{table}");
    }
    let stored =
        server.loki.ask("/api/v1/query", &[("query", "ALERTS or disk:used:max{host='a'}"), ("time", END)]).await;
    assert_eq!(stored.json()["data"]["result"], json!([]), "nothing is stored");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_over_lines_are_tried_out_too() {
    const MINUTE: u64 = 60_000_000_000;
    let launch = Launch::new();
    let rules = launch.scratch().join("lines.yml");
    std::fs::write(
        &rules,
        "groups: [{name: g, interval: 30s, rules: [{record: 'shop:lines:rate', expr: 'sum(rate({app=\"shop\"}[1m]))'}, \
         {alert: Errors, expr: 'sum by (app) (count_over_time({app=~\".+\"} |= \"error\" [2m])) > 3', for: 1m, \
         annotations: {summary: '{{ $value }} errors in {{ $labels.app }}'}}]}]",
    )
    .unwrap();
    let server = launch.start().await;
    // Ten minutes of errors that ended an hour ago.
    let from = (now_ns() / MINUTE - 70) * MINUTE;
    let lines: Vec<(u64, String)> = (0..600).map(|n| (from + n * MINUTE / 60, format!("error {n}"))).collect();
    server.loki.push_ok(&[("app", "shop")], &lines).await;
    let gantry = async |more: &'static [&'static str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gantry"));
        command.args(["backtest", "rules"]).arg(&rules).args(["--addr", server.url(), "--since", "2h"]).args(more);
        tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
    };
    let output = gantry(&["--logql", "--json"]).await;
    assert!(output.status.success(), "{}", text(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&report["fired"], &report["rules"][0]["series"]), (&json!(1), &json!(1)), "{report:#}");
    let episode = &report["episodes"][0];
    assert_eq!(episode["labels"], json!({ "alertname": "Errors", "app": "shop" }));
    assert!(episode["annotations"]["summary"].as_str().unwrap().ends_with(" errors in shop"), "{episode}");
    let seconds = |name: &str| episode[name].as_i64().unwrap() / 1000 - (from / 1_000_000_000) as i64;
    // The first look that sees more than three of them; the last that does is before the twelfth minute.
    assert_eq!((seconds("active_ms"), seconds("fired_ms"), seconds("resolved_ms")), (30, 90, 720));
    let promql = gantry(&[]).await;
    assert!(text(&promql.stderr).contains("could not parse expression"), "{}", text(&promql.stderr));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_tried_out_is_refused_and_says_why() {
    let launch = Launch::new();
    let rules = launch.scratch().join("bad.yml");
    let server = launch.start().await;
    std::fs::write(&rules, "groups: [{name: g, rules: [{alert: A, expr: 'sum('}, {record: r, expr: up, for: 5m}]}]")
        .unwrap();
    let output = backtest(&server, &rules, &[]).await;
    assert_eq!(output.status.code(), Some(1));
    let told = text(&output.stderr);
    assert!(
        told.contains("rule 1, \"A\": could not parse expression")
            && told.contains("rule 2, \"r\": invalid field 'for'"),
        "{told}"
    );
    let good = "groups: [{name: g, rules: [{alert: A, expr: up}]}]";
    for (query, body, why) in [
        ("start=1&end=2", "groups: {", "the body is no rule file"),
        ("start=1", good, "missing field `end`"),
        ("start=x&end=2", good, "start is seconds since 1970 or RFC 3339, not \"x\""),
        ("start=1&end=2&step=0", good, "step is seconds or a duration such as 15s, above 0, not \"0\""),
        ("start=3&end=2", good, "the end is before the start"),
        ("start=1&end=2&steps=5", good, "unknown field `steps`"),
        ("start=1&end=2&language=sql", good, "unknown variant `sql`"),
        ("start=1&end=2&language=logql", good, "could not parse expression"),
    ] {
        let path = format!("/api/v1/backtest/rules?{query}");
        let answer = server.loki.post_request(&path).body(body).send().await.unwrap();
        let (status, text) = (answer.status().as_u16(), answer.text().await.unwrap());
        assert_eq!(status, 400, "{text}");
        let told: Value = serde_json::from_str(&text).unwrap();
        assert!(told["error"].as_str().unwrap().contains(why), "{text}");
    }
    server.stop().await;
}
