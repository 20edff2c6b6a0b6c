//! Readers beside the writers: queries of every kind, some given up half way, tails, and tails that nobody reads.

use crate::harness::client::send;
use crate::harness::{Loki, Server, Tail};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::task::JoinHandle;

const CLIENTS: usize = 3;
const TAILS: usize = 3;
const STALLED: usize = 2;
/// Every so many queries one is given up.
const GIVEN_UP: usize = 5;
const PATIENCE: Duration = Duration::from_millis(5);
const BETWEEN: Duration = Duration::from_millis(50);

const SELECTOR: &str = r#"{app="day"}"#;
const QUERIES: [(&str, &str, &str); 7] = [
    ("query_range", "query", r#"sum by (writer) (count_over_time({app="day"}[1h]))"#),
    ("query_range", "query", r#"{app="day"} |= "id=0000""#),
    ("query_range", "query", r#"{app=~".+"} |~ "took=9[0-9]{2}ms""#),
    ("query", "query", r#"topk(3, sum by (writer) (rate({app="day"} |= "doomed" [24h])))"#),
    ("query", "query", r#"max by (writer) (max_over_time({app="day"} | logfmt | unwrap duration(took) [1h]))"#),
    ("index/volume", "query", SELECTOR),
    ("label/writer/values", "query", SELECTOR),
];

/// Readers under way. The sockets of the stalled tails are held open, and nothing is read from them.
#[derive(Debug)]
pub struct Readers {
    running: Vec<JoinHandle<()>>,
    _stalled: Vec<Tail>,
}

impl Readers {
    pub async fn start(server: &Server, start: u64, stop: &Arc<AtomicBool>) -> Readers {
        let mut running = Vec::new();
        for number in 0..CLIENTS {
            running.push(tokio::spawn(ask(Loki::new(server.url().to_owned()), number, start, stop.clone())));
        }
        for _ in 0..TAILS {
            running.push(tokio::spawn(watch(Tail::open(server, SELECTOR, &[]).await, stop.clone())));
        }
        let mut stalled = Vec::new();
        for _ in 0..STALLED {
            stalled.push(Tail::open(server, SELECTOR, &[]).await);
        }
        Readers { running, _stalled: stalled }
    }

    /// Waits for all, which must have been told to stop, or whose server must be gone.
    pub async fn end(self) {
        for reader in self.running {
            reader.await.unwrap();
        }
    }
}

/// Until it is told to stop or the server is gone.
async fn ask(loki: Loki, number: usize, start: u64, stop: Arc<AtomicBool>) {
    let end = (start + super::ledger::DAY).to_string();
    let start = start.to_string();
    for (turn, (path, name, text)) in QUERIES.iter().cycle().skip(number).enumerate() {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let parameters = [(*name, *text), ("start", &start), ("end", &end), ("time", &end), ("step", "1h")];
        let known = if *path == "query" { &parameters[..4] } else { &parameters[..] };
        let answer = send(loki.get_request(&format!("/loki/api/v1/{path}")).query(known));
        if turn % GIVEN_UP == 0 {
            // Given up: the connection is closed while the server works on the answer.
            let _ = tokio::time::timeout(PATIENCE, answer).await;
        } else {
            let Ok(answer) = answer.await else { return };
            assert!(matches!(answer.status, 200 | 429 | 503), "{text}: {} {}", answer.status, answer.text);
        }
        tokio::time::sleep(BETWEEN).await;
    }
}

/// Reads a tail as Grafana does; every line must be one that a writer can have written.
async fn watch(mut tail: Tail, stop: Arc<AtomicBool>) {
    while !stop.load(Ordering::Relaxed) {
        let Ok(frame) = tokio::time::timeout(BETWEEN, tail.frame()).await else { continue };
        let Some(frame) = frame else { return };
        let foreign = frame.lines.iter().find(|(_, line)| !line.contains(" user=u-"));
        assert!(foreign.is_none(), "tailed: {foreign:?}");
    }
}
