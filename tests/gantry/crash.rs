//! SIGKILL at any moment under load: what was acknowledged is found exactly once, what was tailed is found.

use crate::harness::{Chance, Launch, Loki, Tail, now_ns};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const KILLS: u32 = 32;
const WRITERS: usize = 4;
const LINES_PER_PUSH: u64 = 25;

/// One client: a stream of its own, times that never repeat, and the push that has no answer yet.
#[derive(Debug)]
struct Writer {
    number: String,
    next_ns: u64,
    written: u64,
    unanswered: Option<Vec<(u64, String)>>,
    acknowledged: BTreeMap<u64, String>,
}

impl Writer {
    fn batch(&mut self) -> Vec<(u64, String)> {
        let mut line = || {
            self.next_ns += 1_000;
            self.written += 1;
            (self.next_ns, format!("writer {} line {} {}", self.number, self.written, "x".repeat(120)))
        };
        (0..LINES_PER_PUSH).map(|_| line()).collect()
    }

    /// Pushes until the server is gone. A push without an answer is kept and is the first of the next run, as a client
    /// does that must not lose lines.
    async fn run(mut self, loki: Loki) -> Writer {
        loop {
            let batch = self.unanswered.take().unwrap_or_else(|| self.batch());
            match loki.push_protobuf(&format!("{{app=\"crash\", writer=\"{}\"}}", self.number), &batch).await {
                Ok(answer) if answer.status == 204 => self.acknowledged.extend(batch),
                Ok(answer) if answer.status == 429 => self.unanswered = Some(batch),
                Ok(answer) => panic!("{}: {}", answer.status, answer.text),
                Err(_) => {
                    self.unanswered = Some(batch);
                    return self;
                }
            }
        }
    }
}

/// Takes every line that the tail shows until the server is gone.
async fn watch(mut tail: Tail, seen: Arc<Mutex<BTreeSet<String>>>) {
    while let Some(frame) = tail.frame().await {
        seen.lock().unwrap().extend(frame.lines.into_iter().map(|(_, line)| line));
    }
}

/// Flushes and compactions fall into the load as they do in life; the kill may hit them, too.
async fn housekeeping(loki: Loki, flush_after: Duration) {
    tokio::time::sleep(flush_after).await;
    // The server may be killed meanwhile: no answer is no failure here.
    let _ = loki.post("/flush", &[], Vec::new()).await;
    let _ = loki.post("/api/v1/admin/compact", &[], Vec::new()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn kill_9_at_any_moment_loses_nothing_acknowledged_and_repeats_nothing() {
    let mut chance = Chance::new();
    let launch = Launch::new()
        .set("store.memtable_bytes", "2MiB")
        .set("store.compact_min_splits", 3)
        .expecting("cutting the unfinished end of the WAL");
    let start = now_ns();
    let mut writers: Vec<Writer> = (0..WRITERS)
        .map(|number| Writer {
            number: number.to_string(),
            next_ns: start,
            written: 0,
            unanswered: None,
            acknowledged: BTreeMap::new(),
        })
        .collect();
    let seen = Arc::new(Mutex::new(BTreeSet::new()));
    for _ in 0..KILLS {
        let server = launch.start().await;
        let tail = tokio::spawn(watch(Tail::open(&server, r#"{app="crash"}"#, &[]).await, seen.clone()));
        let flush_after = Duration::from_millis(chance.below(500));
        let housekeeping = tokio::spawn(housekeeping(server.loki.clone(), flush_after));
        let running: Vec<_> =
            writers.drain(..).map(|writer| tokio::spawn(writer.run(Loki::new(server.url().to_owned())))).collect();
        tokio::time::sleep(Duration::from_millis(30 + chance.below(700))).await;
        server.kill();
        for writer in running {
            writers.push(writer.await.unwrap());
        }
        tail.await.unwrap();
        housekeeping.await.unwrap();
    }
    let server = launch.start().await;
    let found = all_lines(&server.loki, &writers, start).await;
    compare(&writers, &found, &seen.lock().unwrap());
    server.loki.flush().await;
    server.loki.compact().await;
    let found = all_lines(&server.loki, &writers, start).await;
    compare(&writers, &found, &seen.lock().unwrap());
    server.stop().await;
}

async fn all_lines(loki: &Loki, writers: &[Writer], start: u64) -> Vec<Vec<(u64, String)>> {
    let mut all = Vec::new();
    for writer in writers {
        let query = format!("{{app=\"crash\", writer=\"{}\"}}", writer.number);
        all.push(loki.lines(&query, start, writer.next_ns + 1).await);
    }
    all
}

fn compare(writers: &[Writer], found: &[Vec<(u64, String)>], seen: &BTreeSet<String>) {
    let total: usize = writers.iter().map(|writer| writer.acknowledged.len()).sum();
    println!("{total} lines acknowledged, {} tailed, over {KILLS} kills", seen.len());
    assert!(total > 1000, "the load was too small to prove anything");
    let mut texts = BTreeSet::new();
    for (writer, found) in writers.iter().zip(found) {
        let mut times = BTreeMap::new();
        for (at, line) in found {
            assert!(times.insert(*at, line).is_none(), "twice: {at} {line}");
            texts.insert(line.as_str());
        }
        let unanswered: BTreeSet<u64> = writer.unanswered.iter().flatten().map(|(at, _)| *at).collect();
        for (at, line) in &writer.acknowledged {
            assert_eq!(times.remove(at), Some(line), "acknowledged and lost, or changed: {at} {line}");
        }
        let invented: Vec<_> = times.iter().filter(|(at, _)| !unanswered.contains(at)).collect();
        assert!(invented.is_empty(), "found but never sent: {invented:?}");
    }
    let lost: Vec<_> = seen.iter().filter(|line| !texts.contains(line.as_str())).collect();
    assert!(lost.is_empty(), "tailed and not found: {lost:?}");
}
