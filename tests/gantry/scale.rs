//! Policies of scaling in a running server: from a stored signal to an applied decision that is explained and kept.

mod backtest;
mod languages;
mod outward;

use crate::harness::{Hook, Launch, Server, eventually, now_ns};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const SOON: Duration = Duration::from_secs(20);

fn policy(hook: &str) -> String {
    format!(
        "policies:
- name: web
  intervalSeconds: 1
  minReplicas: 1
  maxReplicas: 20
  metrics:
  - name: requests
    query: {{promql: 'sum(requests_in_flight)'}}
    target: {{averageValue: 100}}
    maxAgeSeconds: 30
  behavior: {{}}
  executor:
    webhook: {{url: '{hook}', secretFile: hook.key, retries: 0}}
"
    )
}

async fn load(server: &Server, value: u64) {
    let body = format!("requests_in_flight{{instance=\"a\"}} {value}\n");
    let answer = server.loki.post_request("/api/v1/import/prometheus").body(body).send().await.unwrap();
    assert!(answer.status().is_success(), "{}", answer.status());
}

async fn get(server: &Server, path: &str) -> Value {
    server.loki.get(path).await.unwrap().json()
}

/// Starts with the policy in a file.
fn launch(hook: &str) -> Launch {
    let launch = Launch::new().arg("--policies").arg("policies/*.yml").set("scale.secrets", ".");
    std::fs::create_dir(launch.scratch().join("policies")).unwrap();
    std::fs::write(launch.scratch().join("policies/web.yml"), policy(hook)).unwrap();
    std::fs::write(launch.scratch().join("hook.key"), "secret\n").unwrap();
    launch
}

fn replicas(posted: &crate::harness::Posted) -> u64 {
    posted.json()["replicas"].as_u64().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stored_signal_becomes_an_applied_decision_within_two_seconds_and_is_recorded() {
    let hook = Hook::open().await;
    let server = launch(&hook.url).start().await;
    load(&server, 450).await;
    let stored = Instant::now();
    let posted = hook.wait("the change is posted", SOON, 0, |_| true).await;
    assert!(posted.at - stored < Duration::from_secs(2), "{:?}", posted.at - stored);
    assert_eq!(replicas(&posted), 5, "{}", posted.body);
    assert_eq!(posted.header("idempotency-key"), posted.json()["idempotencyKey"].as_str());
    assert!(posted.header("x-gantry-signature").unwrap().starts_with("sha256="));

    let of_policy = || get(&server, "/api/v1/scale/policies/web");
    let seen = async || Some(of_policy().await).filter(|all| all["data"]["last"]["decision"]["current"] == 5);
    let shown = eventually("the decision after the change", SOON, seen).await;
    assert_eq!(shown["data"]["last"]["decision"]["proposals"][0]["value"], 450_000);
    let all = get(&server, "/api/v1/scale/policies/web/decisions").await;
    let applied = all["data"].as_array().unwrap().iter().find(|one| one["outcome"] == "applied").unwrap().clone();
    assert_eq!((&applied["decision"]["desired"], &applied["decision"]["current"]), (&json!(5), &json!(1)));

    let answer = server.loki.ask("/api/v1/query", &[("query", "gantry_scale_desired_replicas{policy=\"web\"}")]).await;
    assert_eq!(answer.json()["data"]["result"][0]["value"][1], "5");
    let query =
        "{service_name=\"gantry\", kind=\"scale_decision\", policy=\"web\"} | desired = `5` | outcome = `applied`";
    let lines = server.loki.lines(query, now_ns() - 60_000_000_000, now_ns() + 1_000_000_000).await;
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].1.starts_with("policy web: 1 -> 5: requests above target"), "{lines:?}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_nobody_takes_is_told_again_with_the_same_key_also_after_a_kill() {
    let hook = Hook::open().await;
    hook.answer(503);
    let launch = launch(&hook.url).expecting("a look at a policy of scaling");
    let server = launch.start().await;
    load(&server, 450).await;
    let first = hook.wait("the change is posted", SOON, 0, |one| replicas(one) == 5).await;
    server.kill();
    let server = launch.start().await;
    load(&server, 450).await;
    let again = hook.wait("it is posted again", SOON, hook.posted().len(), |one| replicas(one) == 5).await;
    assert_eq!(first.header("idempotency-key"), again.header("idempotency-key"));
    hook.answer(200);
    let taken = async || {
        let found = get(&server, "/api/v1/scale/policies/web").await;
        (found["data"]["last"]["decision"]["current"] == 5).then_some(())
    };
    eventually("it is taken over", SOON, taken).await;
    let told = hook.posted().len();
    server.kill();
    let server = launch.start().await;
    eventually("the replicas are known after the restart", SOON, taken_by(&server)).await;
    assert_eq!(hook.posted().len(), told, "what was taken over is not told again");
    server.stop().await;
}

fn taken_by(server: &Server) -> impl AsyncFnMut() -> Option<()> {
    async || {
        let found = get(server, "/api/v1/scale/policies/web").await;
        (found["data"]["last"]["decision"]["current"] == 5).then_some(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_store_policies_of_their_tenant_and_wrong_ones_are_refused() {
    let server = Launch::new().start().await;
    let put = async |name: &str, body: &str| {
        let request = server.loki.put_request(&format!("/api/v1/scale/policies/{name}"));
        let answer = request.header("x-scope-orgid", "team-a").body(body.to_owned()).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    let good = "name: q\nminReplicas: 0\nmaxReplicas: 3\nintervalSeconds: 60\ntoZero: {}\nmetrics:\n\
                - {name: depth, query: {promql: 'sum(depth)'}, target: {averageValue: 10}}\n";
    let cases = [
        ("no policy", "q", "[1]", 400, "policy 1"),
        ("an unknown field", "q", &good.replace("toZero", "toNull"), 400, "toNull"),
        ("a wrong query", "q", &good.replace("sum(depth)", "sum(depth"), 400, "metric depth query (promql)"),
        ("another name", "p", good, 400, "the path"),
        ("out of range", "q", &good.replace("maxReplicas: 3", "maxReplicas: 0"), 400, "maxReplicas"),
        ("a good one", "q", good, 201, "averageValue"),
        ("again", "q", good, 200, "averageValue"),
    ];
    for (what, name, body, status, part) in cases {
        let (found, text) = put(name, body).await;
        assert!(found == status && text.contains(part), "{what}: {found} {text}");
    }
    let of = |tenant: &'static str| {
        let request = server.loki.get_request("/api/v1/scale/policies").header("x-scope-orgid", tenant);
        async { request.send().await.unwrap().json::<Value>().await.unwrap()["data"].as_array().unwrap().len() }
    };
    eventually("it runs", SOON, async || (of("team-a").await == 1).then_some(())).await;
    assert_eq!(of("team-b").await, 0, "other tenants do not see it");
    let ask = |path: &str| server.loki.post_request(path).header("x-scope-orgid", "team-a");
    let decided: Value = ask("/api/v1/scale/policies/q/evaluate").send().await.unwrap().json().await.unwrap();
    assert_eq!(decided["data"]["decision"]["reason"], "NoSignal", "{decided}");
    let removed = server.loki.delete_request("/api/v1/scale/policies/q").header("x-scope-orgid", "team-a").send();
    assert_eq!(removed.await.unwrap().status(), 204);
    eventually("it is gone", SOON, async || (of("team-a").await == 0).then_some(())).await;
    assert_eq!(put("q", good).await.0, 201);
    let first = async || {
        let answer = ask("/api/v1/scale/policies/q/evaluate").send().await.unwrap().json::<Value>().await.unwrap();
        answer["data"]["number"].as_u64()
    };
    let number = eventually("it begins anew", SOON, first).await;
    assert!(number <= 2, "what was kept of the one before is forgotten: {number}");
    server.stop().await;
}
