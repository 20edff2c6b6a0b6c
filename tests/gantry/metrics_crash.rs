//! SIGKILL at any moment while samples come in: what was acknowledged is found, with its value, once.

use crate::harness::{Chance, Launch, Loki, now_ns};
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;

const KILLS: u32 = 12;
const WRITERS: u64 = 3;
const SERIES: u64 = 40;

/// One client: series of its own, a scrape after the other, and the push that has no answer yet.
#[derive(Debug)]
struct Writer {
    number: u64,
    next_ms: u64,
    unanswered: Option<Vec<u64>>,
    /// Instants at which all series have a sample.
    acknowledged: Vec<u64>,
}

/// Follows from writer, series and instant.
fn value(writer: u64, series: u64, at_ms: u64) -> u64 {
    at_ms % 100_000 * 1000 + writer * SERIES + series
}

impl Writer {
    fn text(&self, instants: &[u64]) -> String {
        let sample = |at: u64, series: u64| {
            let value = value(self.number, series, at);
            format!("crash_total{{writer=\"{}\",series=\"{series}\"}} {value} {at}\n", self.number)
        };
        instants.iter().flat_map(|at| (0..SERIES).map(move |series| sample(*at, series))).collect()
    }

    /// Pushes until the server is gone; what has no answer is sent again first.
    async fn run(mut self, loki: Loki) -> Writer {
        loop {
            let instants = self.unanswered.take().unwrap_or_else(|| {
                self.next_ms += 2;
                vec![self.next_ms - 1, self.next_ms]
            });
            let push = loki.post_request("/api/v1/import/prometheus").body(self.text(&instants)).send().await;
            match push.map(|answer| answer.status().as_u16()) {
                Ok(204) => self.acknowledged.extend(instants),
                Ok(429 | 503) => self.unanswered = Some(instants),
                Ok(status) => panic!("status {status}"),
                Err(_) => {
                    self.unanswered = Some(instants);
                    return self;
                }
            }
        }
    }
}

/// Flushes and merges fall into the load, and the kill may hit them, too.
async fn housekeeping(loki: Loki, after: Duration) {
    tokio::time::sleep(after).await;
    // The server may be killed meanwhile: no answer is no failure here.
    let _ = loki.post("/flush", &[], Vec::new()).await;
    let _ = loki.post("/api/v1/admin/compact", &[], Vec::new()).await;
}

/// Values by series and instant of one writer.
async fn samples(loki: &Loki, writer: u64) -> BTreeMap<(u64, u64), f64> {
    let query = format!("crash_total{{writer=\"{writer}\"}}[6h]");
    let answer = loki.get(&format!("/api/v1/query?query={query}")).await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text);
    let document: Value = serde_json::from_str(&answer.text).unwrap();
    assert!(document.get("warnings").is_none(), "{}", document["warnings"]);
    let mut found = BTreeMap::new();
    for series in document["data"]["result"].as_array().unwrap() {
        let number: u64 = series["metric"]["series"].as_str().unwrap().parse().unwrap();
        for sample in series["values"].as_array().unwrap() {
            let at = (sample[0].as_f64().unwrap() * 1000.0).round() as u64;
            let value = sample[1].as_str().unwrap().parse().unwrap();
            assert!(found.insert((number, at), value).is_none(), "twice: {number} at {at}");
        }
    }
    found
}

async fn compare(loki: &Loki, writers: &[Writer]) {
    for writer in writers {
        let mut found = samples(loki, writer.number).await;
        for at in &writer.acknowledged {
            for series in 0..SERIES {
                let expected = value(writer.number, series, *at) as f64;
                assert_eq!(found.remove(&(series, *at)), Some(expected), "acknowledged: series {series} at {at}");
            }
        }
        let unanswered = writer.unanswered.clone().unwrap_or_default();
        let invented: Vec<_> = found.keys().filter(|(_, at)| !unanswered.contains(at)).collect();
        assert!(invented.is_empty(), "found but never sent: {invented:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn kill_9_at_any_moment_loses_no_acknowledged_sample() {
    let mut chance = Chance::new();
    let launch =
        Launch::new().set("store.metrics.head_bytes", "256KiB").expecting("cutting the unfinished end of the WAL");
    // Below the clock, so that no instant comes to lie ahead of it.
    let start = now_ns() / 1_000_000 - 3_600_000;
    let mut writers: Vec<Writer> = (0..WRITERS)
        .map(|number| Writer { number, next_ms: start, unanswered: None, acknowledged: Vec::new() })
        .collect();
    for _ in 0..KILLS {
        let server = launch.start().await;
        let upkeep = tokio::spawn(housekeeping(server.loki.clone(), Duration::from_millis(chance.below(400))));
        let running: Vec<_> =
            writers.drain(..).map(|writer| tokio::spawn(writer.run(Loki::new(server.url().to_owned())))).collect();
        tokio::time::sleep(Duration::from_millis(30 + chance.below(500))).await;
        server.kill();
        for writer in running {
            writers.push(writer.await.unwrap());
        }
        upkeep.await.unwrap();
    }
    let acknowledged: usize = writers.iter().map(|writer| writer.acknowledged.len()).sum();
    println!("{} samples acknowledged over {KILLS} kills", acknowledged as u64 * SERIES);
    assert!(acknowledged > 200, "the load was too small to prove anything");
    let server = launch.start().await;
    compare(&server.loki, &writers).await;
    server.loki.flush().await;
    server.loki.compact().await;
    compare(&server.loki, &writers).await;
    server.stop().await;
}
