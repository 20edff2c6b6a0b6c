//! Files of the configuration are read again: on `POST /-/reload`, on SIGHUP, and by themselves.

use crate::harness::{Launch, Server, eventually};
use rustix::process::Signal;
use serde_json::Value;
use std::path::Path;
use std::time::Duration;

const SOON: Duration = Duration::from_secs(30);

async fn data(server: &Server, path: &str) -> Value {
    let answer = server.loki.get(path).await.unwrap();
    assert_eq!(answer.status, 200, "{path}: {}", answer.text);
    serde_json::from_str::<Value>(&answer.text).unwrap()["data"].take()
}

/// Jobs that are scraped, and groups of rules.
async fn followed(server: &Server) -> (Value, Vec<String>) {
    let pools = data(server, "/api/v1/scrape_pools").await["scrapePools"].take();
    let groups = data(server, "/api/v1/rules").await["groups"].take();
    let names = groups.as_array().unwrap().iter().map(|group| group["name"].as_str().unwrap().to_owned());
    (pools, names.collect())
}

struct Files<'d> {
    dir: &'d Path,
    target: String,
}

impl Files<'_> {
    fn scrape(&self, job: &str) {
        let text = format!(
            "global: {{scrape_interval: 200ms, scrape_timeout: 200ms}}\nscrape_configs:\n- job_name: {job}\n  \
             static_configs: [{{targets: ['{}']}}]\n",
            self.target
        );
        std::fs::write(self.dir.join("prometheus.yml"), text).unwrap();
    }

    fn rules(&self, group: &str) {
        let text = format!("groups: [{{name: {group}, rules: [{{record: one, expr: vector(1)}}]}}]");
        std::fs::write(self.dir.join("rules.yml"), text).unwrap();
    }

    fn routing(&self, receiver: &str) {
        let text = format!("route: {{receiver: {receiver}}}\nreceivers: [{{name: {receiver}}}]\n");
        std::fs::write(self.dir.join("alertmanager.yml"), text).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_read_again_when_somebody_asks_and_by_themselves() {
    let exposed = Launch::new().start().await;
    let launch = Launch::new().expecting("what was configured before goes on").expecting("rules cannot be taken");
    let scratch = launch.scratch().to_owned();
    let files = Files { dir: &scratch, target: exposed.url().trim_start_matches("http://").to_owned() };
    files.scrape("first");
    files.rules("first");
    files.routing("first");
    let launch = launch.set("scrape.file", scratch.join("prometheus.yml").display()).set("rules.reload_interval", "1h");
    let launch = launch.arg("--alertmanager-config").arg(scratch.join("alertmanager.yml"));
    let server = launch.arg("--rules").arg(scratch.join("rules.yml")).start().await;
    let receivers = async || server.loki.get("/api/v2/receivers").await.unwrap().text;
    eventually("the first target is up", SOON, async || {
        let targets = data(&server, "/api/v1/targets?state=active").await;
        (targets["activeTargets"][0]["health"] == "up").then_some(())
    })
    .await;
    assert!(receivers().await.contains("first"));

    files.scrape("second");
    files.rules("second");
    files.routing("second");
    let reload = || async { server.loki.post("/-/reload", &[], Vec::new()).await.unwrap() };
    assert_eq!(reload().await.status, 200);
    assert!(receivers().await.contains("second"), "the Alertmanager has changed when the answer is there");
    eventually("job and rules have changed, and the job that went has ended", SOON, async || {
        let scraped = server.loki.ask("/api/v1/query", &[("query", "count_over_time(up{job='second'}[1m])")]).await;
        let gone = server.loki.ask("/api/v1/query", &[("query", "up{job='first'}")]).await;
        let changed = followed(&server).await == (serde_json::json!(["second"]), vec!["second".to_owned()]);
        let [scraped, gone] = [scraped, gone].map(|answer| answer.json()["data"]["result"].as_array().unwrap().len());
        (changed && scraped == 1 && gone == 0).then_some(())
    })
    .await;

    std::fs::write(scratch.join("prometheus.yml"), "scrape_configs: [{job_name: third, speed: 1}]").unwrap();
    std::fs::write(scratch.join("rules.yml"), "groups: [{name: third, rules: [{record: one, expr: sum(}]}]").unwrap();
    files.routing("third");
    let refused = reload().await;
    assert_eq!(refused.status, 500);
    for part in
        ["failed to reload config", "unknown field `speed`", "prometheus.yml", "rules.yml", "unclosed left parenthesis"]
    {
        assert!(refused.text.contains(part), "{part}: {}", refused.text);
    }
    assert!(receivers().await.contains("third"), "what is right is taken over all the same");
    assert_eq!(followed(&server).await, (serde_json::json!(["second"]), vec!["second".to_owned()]));

    let text = server.loki.get("/metrics").await.unwrap().text;
    for (files, successful) in [("scrape", 0), ("rules", 0), ("alertmanager", 1)] {
        let line = format!("gantry_config_last_reload_successful{{files=\"{files}\"}} {successful}\n");
        assert!(text.contains(&line), "{line}: {text}");
    }

    files.scrape("fourth");
    files.rules("fourth");
    server.signal(Signal::HUP);
    eventually("SIGHUP is heard", SOON, async || {
        (followed(&server).await == (serde_json::json!(["fourth"]), vec!["fourth".to_owned()])).then_some(())
    })
    .await;

    files.scrape("fifth");
    files.routing("fifth");
    eventually("changes are found", SOON, async || {
        (followed(&server).await.0 == serde_json::json!(["fifth"]) && receivers().await.contains("fifth")).then_some(())
    })
    .await;
    let config = data(&server, "/api/v1/status/config").await;
    assert!(config["yaml"].as_str().unwrap().contains("job_name: fifth"), "{config}");
    server.stop().await;
    exposed.stop().await;
}
