//! Gantry as an Alertmanager beside Debian's: the same alerts at the same time, the same documents at the webhooks.

mod others;

use crate::harness::{Chance, DebianAlertmanager, Hook, Launch, Loki, Server, eventually, now_ns};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;
use std::time::Duration;

const LONG: Duration = Duration::from_secs(30);

/// One server with a hook of each kind that its routes tell.
struct Side {
    api: Loki,
    hooks: Vec<Arc<Hook>>,
}

/// Two receivers, one of which does not hear of ends, a route that groups otherwise and goes on, and inhibition.
fn config(hooks: &[Arc<Hook>]) -> String {
    let [all, page, slack] = hooks else { panic!("three hooks") };
    format!(
        "route:\n  receiver: all\n  group_by: [alertname]\n  group_wait: 1s\n  group_interval: 2s\n  repeat_interval: 1h\n  \
         routes:\n  - {{receiver: page, matchers: [severity=\"page\"], group_by: ['...'], continue: true}}\n  \
         - {{receiver: all, match_re: {{severity: page|warn}}}}\n  - {{receiver: slack, match: {{team: chat}}, group_by: [alertname, job]}}\n\
         inhibit_rules:\n- {{source_matchers: [severity=\"page\"], target_matchers: [severity=\"warn\"], equal: [job]}}\n\
         receivers:\n- {{name: all, webhook_configs: [{{url: '{}'}}]}}\n\
         - {{name: page, webhook_configs: [{{url: '{}', send_resolved: false, max_alerts: 1}}]}}\n\
         - {{name: slack, slack_configs: [{{api_url: '{}', channel: '#c', send_resolved: true, text: '{{{{ template \"wechat.default.message\" . }}}}', footer: '{{{{ template \"opsgenie.default.description\" . }}}}', pretext: '{{{{ template \"telegram.default.message\" . }}}}'}}]}}\n",
        all.url, page.url, slack.url
    )
}

async fn hooks() -> Vec<Arc<Hook>> {
    vec![Hook::open().await, Hook::open().await, Hook::open().await]
}

fn rfc3339(nanos: u64) -> String {
    humantime::format_rfc3339_nanos(std::time::UNIX_EPOCH + Duration::from_nanos(nanos)).to_string()
}

async fn post(api: &Loki, path: &str, body: &Value) -> Value {
    let body = body.to_string().into_bytes();
    let answer = api.post(path, &[("content-type", "application/json")], body).await.unwrap();
    assert_eq!(answer.status, 200, "{path}: {}", answer.text);
    serde_json::from_str(&answer.text).unwrap_or_default()
}

/// Documents without what differs by nature: where a server is, and times, of which only the order and being there count.
fn normal(hook: &Hook) -> Vec<Value> {
    hook.posted().iter().map(|posted| tidied(posted.json())).collect()
}

fn tidied(mut document: Value) -> Value {
    if let Some(fields) = document.as_object_mut() {
        fields.remove("externalURL");
    }
    for alert in document.get_mut("alerts").and_then(Value::as_array_mut).into_iter().flatten() {
        for name in ["startsAt", "endsAt"] {
            let there = alert[name] != "0001-01-01T00:00:00Z";
            alert[name] = json!(there);
        }
    }
    for attachment in document.get_mut("attachments").and_then(Value::as_array_mut).into_iter().flatten() {
        for (name, text) in attachment.as_object_mut().into_iter().flatten() {
            if let Value::String(text) = text
                && name != "title"
            {
                *text = without_addresses(text);
            }
        }
    }
    document
}

/// What stands between `http://` and `/#/`.
fn without_addresses(text: &str) -> String {
    let mut parts = text.split("http://");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |all, part| all + part.split_once("/#/").map_or(part, |(_, rest)| rest))
}

/// By group, since groups are told side by side: the documents of each in their order.
fn by_group(hook: &Hook) -> BTreeMap<String, Vec<Value>> {
    let mut groups: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for document in normal(hook) {
        let key = match document["groupKey"].as_str() {
            Some(key) => key.to_owned(),
            None => document["attachments"][0]["title"].as_str().unwrap().split("] ").last().unwrap().to_owned(),
        };
        groups.entry(key).or_default().push(document);
    }
    groups
}

struct Both([Side; 2]);

impl Both {
    async fn post(&self, body: &Value) {
        for side in &self.0 {
            post(&side.api, "/api/v2/alerts", body).await;
        }
    }

    /// Waits until both have told the same, and nothing more comes for two intervals of groups.
    async fn agree(&self, what: &str) {
        let told = || {
            let of = |side: &Side| side.hooks.iter().map(|hook| by_group(hook)).collect::<Vec<_>>();
            [of(&self.0[0]), of(&self.0[1])]
        };
        let count = |all: &[Vec<BTreeMap<String, Vec<Value>>>; 2]| {
            all.iter().map(|side| side.iter().flat_map(BTreeMap::values).map(Vec::len).sum()).collect::<Vec<usize>>()
        };
        let (mut last, mut quiet_since) = (count(&told()), std::time::Instant::now());
        eventually(what, LONG, async || {
            let now = count(&told());
            if now != last {
                (last, quiet_since) = (now, std::time::Instant::now());
            }
            (quiet_since.elapsed() > Duration::from_millis(4500)).then_some(())
        })
        .await;
        let [debian, gantry] = told();
        for (debian, gantry) in debian.iter().zip(&gantry) {
            let keys = |groups: &BTreeMap<String, Vec<Value>>| groups.keys().cloned().collect::<Vec<_>>();
            assert_eq!(keys(gantry), keys(debian), "{what}: groups, those of Gantry on the left");
            for (key, documents) in debian {
                for (at, document) in documents.iter().enumerate() {
                    assert_eq!(
                        gantry[key].get(at),
                        Some(document),
                        "{what}: {key}, document {at}, that of Gantry on the left"
                    );
                }
                assert_eq!(gantry[key].len(), documents.len(), "{what}: {key}: {:#?}", gantry[key]);
            }
        }
    }
}

fn alert(labels: Value, summary: &str, starts: u64, ends: Option<u64>) -> Value {
    let mut alert = json!({
        "labels": labels, "annotations": { "summary": summary }, "startsAt": rfc3339(starts), "generatorURL": "http://g/x?a=b&c",
    });
    if let Some(ends) = ends {
        alert["endsAt"] = json!(rfc3339(ends));
    }
    alert
}

async fn both(launch: &Launch) -> (Both, Server, DebianAlertmanager) {
    let (mine, theirs) = (hooks().await, hooks().await);
    let file = launch.scratch().join("alertmanager.yml");
    std::fs::write(&file, config(&mine)).unwrap();
    let server = launch.clone().arg("--alertmanager-config").arg(&file).start().await;
    let debian = DebianAlertmanager::start(&launch.scratch().join("debian"), &config(&theirs)).await;
    let sides = [Side { api: debian.api.clone(), hooks: theirs }, Side { api: server.loki.clone(), hooks: mine }];
    (Both(sides), server, debian)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_alerts_lead_to_the_same_documents() {
    let launch = Launch::new();
    let (both, server, _debian) = both(&launch).await;
    let (mut chance, start) = (Chance::new(), now_ns());
    let labels = |n: u64| {
        let severity = ["page", "warn", "info"][(n % 3) as usize];
        let mut labels = json!({ "alertname": format!("A{}", n % 4), "job": format!("j{}", n % 2), "severity": severity, "n": n.to_string() });
        if n.is_multiple_of(5) {
            labels["team"] = json!("chat");
        }
        labels
    };
    let chosen: Vec<u64> = (0..24).filter(|_| chance.below(3) > 0).collect();
    let all = |summary: &str, ends: Option<u64>, keep: &dyn Fn(u64) -> bool| -> Value {
        chosen.iter().filter(|n| keep(**n)).map(|n| alert(labels(*n), summary, start, ends)).collect()
    };
    both.post(&all("first", None, &|_| true)).await;
    both.agree("they fire").await;
    both.post(&all("other words", None, &|_| true)).await;
    both.agree("other annotations alone are not told").await;
    let ended = |n: u64| n.is_multiple_of(2);
    both.post(&all("over", Some(now_ns()), &ended)).await;
    both.agree("half of them are over").await;
    let again: Value =
        chosen.iter().filter(|n| ended(**n)).map(|n| alert(labels(*n), "again", now_ns(), None)).collect();
    both.post(&again).await;
    both.agree("they fire again").await;
    let matcher = json!({ "name": "job", "value": "j0", "isRegex": false, "isEqual": true });
    let silence = json!({ "matchers": [matcher], "startsAt": rfc3339(now_ns()), "endsAt": rfc3339(now_ns() + 3_600_000_000_000),
        "createdBy": "me", "comment": "quiet" });
    let mut ids = Vec::new();
    for side in &both.0 {
        ids.push(post(&side.api, "/api/v2/silences", &silence).await["silenceID"].as_str().unwrap().to_owned());
    }
    let late: Value = (30..40).map(|n| alert(labels(n), "under a silence", start, None)).collect();
    both.post(&late).await;
    both.agree("half are silenced").await;
    for (side, id) in both.0.iter().zip(&ids) {
        let path = format!("/api/v2/silence/{id}");
        assert_eq!(side.api.delete_request(&path).send().await.unwrap().status().as_u16(), 200);
    }
    both.agree("the silence is over").await;
    compare_views(&both).await;
    let end: Value =
        chosen.iter().copied().chain(30..40).map(|n| alert(labels(n), "end", start, Some(now_ns()))).collect();
    both.post(&end).await;
    both.agree("all are over").await;
    server.stop().await;
}

/// What the two APIs show, without times and ids.
async fn compare_views(both: &Both) {
    let clean = |path: &str, mut value: Value| {
        fn strip(value: &mut Value) {
            match value {
                Value::Object(map) => {
                    for name in ["updatedAt", "startsAt", "endsAt", "id", "mutedBy"] {
                        map.remove(name);
                    }
                    map.values_mut().for_each(strip);
                }
                Value::Array(items) => items.iter_mut().for_each(strip),
                _ => {}
            }
        }
        strip(&mut value);
        // Alertmanager has no order in a group, nor among groups of two routes with the same labels and receiver.
        for group in value.as_array_mut().into_iter().flatten() {
            if let Some(alerts) = group.get_mut("alerts").and_then(Value::as_array_mut) {
                alerts.sort_by_key(|alert| alert["fingerprint"].to_string());
            }
        }
        if path.contains("groups") {
            value.as_array_mut().unwrap().sort_by_key(|group| format!("{}{}", group["labels"], group));
        }
        value
    };
    for path in [
        "/api/v2/alerts?inhibited=false",
        "/api/v2/alerts?filter=job%3D%22j1%22&inhibited=false",
        "/api/v2/alerts?receiver=pa.e&inhibited=false",
        "/api/v2/alerts/groups?inhibited=false",
        "/api/v2/silences",
        "/api/v2/receivers",
    ] {
        let [debian, gantry] = [both.0[0].api.get(path).await.unwrap(), both.0[1].api.get(path).await.unwrap()];
        assert_eq!(clean(path, gantry.json()), clean(path, debian.json()), "{path}: Gantry on the left");
    }
    for (path, body) in [
        ("/api/v2/alerts", json!([{ "labels": {} }])),
        (
            "/api/v2/alerts",
            json!([{ "labels": { "a": "b" }, "startsAt": "2024-01-02T00:00:00Z", "endsAt": "2024-01-01T00:00:00Z" }]),
        ),
        ("/api/v2/alerts", json!({ "no": "list" })),
        (
            "/api/v2/silences",
            json!({ "matchers": [], "startsAt": "2024-01-02T00:00:00Z", "endsAt": "2100-01-01T00:00:00Z", "createdBy": "a", "comment": "b" }),
        ),
        (
            "/api/v2/silences",
            json!({ "matchers": [{ "name": "a", "value": "b", "isRegex": false }], "startsAt": "2023-01-02T00:00:00Z", "endsAt": "2024-01-01T00:00:00Z", "createdBy": "a", "comment": "b" }),
        ),
    ] {
        let header = [("content-type", "application/json")];
        let mut statuses = Vec::new();
        for side in &both.0 {
            statuses.push(side.api.post(path, &header, body.to_string().into_bytes()).await.unwrap().status);
        }
        // Alertmanager answers some bodies of a wrong shape with 422.
        assert!(statuses.iter().all(|status| (400..500).contains(status)), "{path} {body}: {statuses:?}");
    }
}

async fn run(program: &str, args: &[&str]) -> Output {
    let mut command = Command::new(program);
    command.args(args).env_remove("GANTRY_ADDR");
    let run = tokio::task::spawn_blocking(move || command.output().unwrap());
    tokio::time::timeout(LONG, run).await.unwrap_or_else(|_| panic!("{program} {args:?} hangs")).unwrap()
}

fn said(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn amtool_and_the_commands_work_on_the_same_alerts() {
    let launch = Launch::new();
    let config = launch.scratch().join("am.yml");
    std::fs::write(
        &config,
        "global: {smtp_smarthost: 'mail.example:25', smtp_from: g@example.org, opsgenie_api_key: k, slack_api_url: 'http://s/'}\n\
         route:\n  receiver: all\n  group_by: [alertname]\n  routes:\n  - {receiver: page, matchers: [severity=page], mute_time_intervals: [night]}\n\
         time_intervals: [{name: night, time_intervals: [{times: [{start_time: '22:00', end_time: '24:00'}]}]}]\n\
         inhibit_rules: [{source_matchers: [severity=page], target_matchers: [severity=warn], equal: [job]}]\n\
         receivers:\n- {name: all, email_configs: [{to: a@example.org}], slack_configs: [{channel: c}]}\n\
         - name: page\n  opsgenie_configs: [{}]\n  pagerduty_configs: [{routing_key: r}]\n  telegram_configs: [{bot_token: t, chat_id: 1}]\n  \
           webhook_configs: [{url: 'http://127.0.0.1:1/', http_config: {basic_auth: {username: u, password: p}}}]\n",
    )
    .unwrap();
    let launch = launch.expecting("notification").arg("--alertmanager-config").arg(&config);
    let server = launch.start().await;
    let (gantry, url) = (env!("CARGO_BIN_EXE_gantry"), server.url().to_owned());
    let am = format!("--alertmanager.url={url}");
    said(&run("amtool", &[&am, "alert", "add", "DiskFull", "job=db", "--annotation=summary=95%"]).await);
    assert!(said(&run("amtool", &[&am, "alert", "query", "job=db"]).await).contains("DiskFull"));
    let shown = said(&run(gantry, &["alerts", "--addr", &url]).await);
    assert!(shown.contains("active") && shown.contains("DiskFull") && shown.contains("job=db"), "{shown}");
    assert!(said(&run(gantry, &["alerts", "--addr", &url, "job=web"]).await).contains("no alerts"));
    let id =
        said(&run(gantry, &["silence", "add", "job=~\"d.\"", "--for", "2h", "--comment", "why", "--addr", &url]).await);
    assert!(said(&run("amtool", &[&am, "silence", "query"]).await).contains(id.trim()));
    assert!(said(&run(gantry, &["alerts", "--addr", &url]).await).contains("silenced"));
    assert!(said(&run(gantry, &["alerts", "--active", "--addr", &url]).await).contains("no alerts"));
    let listed = said(&run(gantry, &["silence", "list", "--addr", &url]).await);
    assert!(listed.contains("job=~\"d.\"") && listed.contains("why"), "{listed}");
    said(&run("amtool", &[&am, "silence", "expire", id.trim()]).await);
    assert!(said(&run(gantry, &["silence", "list", "--addr", &url]).await).contains("no silences"));
    assert!(said(&run(gantry, &["silence", "list", "--expired", "--addr", &url]).await).contains("expired"));
    let other = said(&run("amtool", &[&am, "silence", "add", "job=db", "--comment=c", "--author=a"]).await);
    said(&run(gantry, &["silence", "expire", other.trim(), "--addr", &url]).await);
    let unknown = run(gantry, &["silence", "expire", "7d8eb77e-00f9-4e0e-9f20-047695569296", "--addr", &url]).await;
    assert!(!unknown.status.success() && String::from_utf8_lossy(&unknown.stderr).contains("not found"));
    said(&run("amtool", &[&am, "cluster", "show"]).await);
    said(&run("amtool", &[&am, "config", "show"]).await);
    // It reads the configuration that is shown, strictly.
    assert_eq!(said(&run("amtool", &[&am, "config", "routes", "test", "severity=page"]).await).trim(), "page");
    let away = server.loki.get("/alertmanager/api/v2/status").await.unwrap();
    assert_eq!(away.status, 404, "Grafana takes what answers there for Mimir");
    server.stop().await;
}

fn check(file: &Path, text: &str) -> (bool, String) {
    std::fs::write(file, text).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_gantry")).args(["alerts", "--check"]).arg(file).output().unwrap();
    let said = [&output.stdout[..], &output.stderr[..]].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

#[tokio::test]
async fn a_configuration_can_be_checked_and_a_wrong_one_stops_the_start() {
    let launch = Launch::new();
    let file = launch.scratch().join("am.yml");
    let (good, said) =
        check(&file, "route: {receiver: a}\nreceivers: [{name: a, slack_configs: [{api_url: 'http://s'}]}]\n");
    assert!(good && said.contains("receivers: 1, integrations: 1"), "{said}");
    let (good, said) = check(&file, "route:\n  receiver: a\n  groupby: [x]\nreceivers: [{name: a}]\n");
    assert!(!good && said.contains("unknown field `groupby`") && said.contains("line 3"), "{said}");
    let mut server = launch.arg("--alertmanager-config").arg(&file).spawn();
    assert!(!server.ends().await.success());
    assert!(server.log().contains("groupby"), "{}", server.log());
}

/// Waits until `count` notifications have been taken; what is reported afterwards is stored after the notes of them.
pub async fn noted(server: &Server, count: usize) {
    let taken = |line: &str| {
        line.starts_with("gantry_alertmanager_notifications_total{")
            .then(|| line.rsplit(' ').next()?.parse::<usize>().ok())
    };
    eventually("it is noted", LONG, async || {
        let metrics = server.loki.get("/metrics").await.unwrap().text;
        (metrics.lines().filter_map(taken).flatten().sum::<usize>() == count).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_that_ends_around_a_kill_is_told_once_and_its_end_once() {
    let launch = Launch::new().expecting("a notification is tried again");
    let hook = Hook::open().await;
    let file = launch.scratch().join("am.yml");
    let text = format!(
        "route: {{receiver: a, group_wait: 100ms, group_interval: 300ms}}\nreceivers: [{{name: a, webhook_configs: [{{url: '{}'}}]}}]\n",
        hook.url
    );
    std::fs::write(&file, text).unwrap();
    let launch = launch.arg("--alertmanager-config").arg(&file);
    let server = launch.start().await;
    let start = now_ns();
    let body = |ends| json!([alert(json!({ "alertname": "A" }), "s", start, ends)]);
    post(&server.loki, "/api/v2/alerts", &body(None)).await;
    hook.wait("it is told", LONG, 0, |posted| posted.json()["status"] == "firing").await;
    noted(&server, 1).await;
    // Nobody takes its end before the kill.
    hook.answer(500);
    post(&server.loki, "/api/v2/alerts", &body(Some(now_ns()))).await;
    server.kill();
    hook.answer(200);
    let server = launch.start().await;
    let taken =
        async |count: usize| eventually("it is told", LONG, async || (hook.taken().len() >= count).then_some(())).await;
    taken(2).await;
    post(&server.loki, "/api/v2/alerts", &json!([alert(json!({ "alertname": "B" }), "s", now_ns(), None)])).await;
    taken(3).await;
    let statuses: Vec<Value> = hook.taken().iter().map(|one| one["status"].clone()).collect();
    assert_eq!(statuses, ["firing", "resolved", "firing"]);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn receivers_that_fail_keep_no_other_waiting_and_replicas_are_told_once() {
    let launch = Launch::new().expecting("a notification is tried again").expecting("a notification was refused");
    let launch = launch.expecting("a notification was given up");
    let [good, busy, wrong] = [Hook::open().await, Hook::open().await, Hook::open().await];
    busy.answer(500);
    wrong.answer(400);
    // Takes connections and never answers.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent_url = format!("http://{}/", silent.local_addr().unwrap());
    let file = launch.scratch().join("am.yml");
    let urls = [&silent_url, &busy.url, &wrong.url, &good.url];
    let receivers: Vec<String> = urls.iter().map(|url| format!("{{url: '{url}'}}")).collect();
    let text = format!(
        "route: {{receiver: a, group_by: [alertname], group_wait: 100ms, group_interval: 1h}}\nreceivers: [{{name: a, webhook_configs: [{}]}}]\n",
        receivers.join(", ")
    );
    std::fs::write(&file, text).unwrap();
    let server = launch.arg("--alertmanager-config").arg(&file).start().await;
    let start = now_ns();
    let many: Value =
        (0..10_000).map(|n| alert(json!({ "alertname": "A", "n": n.to_string() }), "s", start, None)).collect();
    // Two replicas of a Prometheus.
    tokio::join!(post(&server.loki, "/api/v2/alerts", &many), post(&server.loki, "/api/v2/alerts", &many));
    post(&server.loki, "/api/v2/alerts", &json!([alert(json!({ "alertname": "B" }), "s", start, None)])).await;
    let of =
        |name: &'static str| move |posted: &crate::harness::Posted| posted.json()["commonLabels"]["alertname"] == name;
    let first = good.wait("ten thousand are told", LONG, 0, of("A")).await.json();
    good.wait("another group is told", LONG, 0, of("B")).await;
    assert!(first["alerts"].as_array().unwrap().len() <= 10_000);
    busy.wait("the busy one is tried again", LONG, 2, of("B")).await;
    busy.answer(200);
    let tried = busy.posted().len();
    busy.wait("and is told when it can", LONG, tried, of("B")).await;
    let refused = wrong.posted().iter().filter(|posted| of("B")(posted)).count();
    assert_eq!(refused, 1, "what is refused is not tried again");
    assert_eq!(good.posted().iter().filter(|posted| of("B")(posted)).count(), 1);
    server.kill();
    drop(silent);
}
