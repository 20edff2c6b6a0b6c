//! Writers, one for each door. Each sends its next lines until they are acknowledged, across kills and full disks.

use super::ledger::{DOOMED, Ledger};
use crate::harness::Loki;
use crate::harness::client::{entries, send};
use chrono::DateTime;
use serde_json::{Value, json};
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

const BATCH: u64 = 25;
/// Between two batches, so that a long run does not only measure the disk.
const PACE: Duration = Duration::from_millis(40);
const AGAIN: Duration = Duration::from_millis(25);
const VISIBLE: Duration = Duration::from_secs(60);
/// When lines that nobody acknowledges are sent again.
const RESEND: Duration = Duration::from_secs(5);
/// Batches between two delete requests, or two rotations.
const ROUND: u64 = 80;
/// Renamed files that are kept: the reader may be behind.
const KEPT: u64 = 10;

/// The way in.
#[derive(Debug)]
pub enum Door {
    LokiProtobuf,
    LokiJson,
    /// JSON pushes, and every so often the doomed lines are deleted.
    Swept,
    Otlp,
    Ndjson,
    /// Its port: TCP is not answered, so a batch counts once it can be found.
    Syslog(u16),
    /// A file that is collected, renamed away every so often.
    File(PathBuf),
}

/// The server is gone.
#[derive(Debug)]
struct Gone;

impl From<reqwest::Error> for Gone {
    fn from(_: reqwest::Error) -> Self {
        Gone
    }
}

#[derive(Debug)]
pub struct Writer {
    pub ledger: Ledger,
    door: Door,
    batches: u64,
    /// A delete request is due, or was sent and has no answer.
    owes_sweep: bool,
}

impl Writer {
    pub fn new(ledger: Ledger, door: Door) -> Self {
        Writer { ledger, door, batches: 0, owes_sweep: false }
    }

    /// Writes until it is told to stop or the server is gone.
    pub async fn run(mut self, loki: Loki, stop: Arc<AtomicBool>) -> Writer {
        while !stop.load(Ordering::Relaxed) && self.step(&loki).await.is_ok() {
            tokio::time::sleep(PACE).await;
        }
        self
    }

    async fn step(&mut self, loki: &Loki) -> Result<(), Gone> {
        if self.owes_sweep {
            self.sweep(loki).await?;
        }
        let next = self.ledger.acknowledged;
        self.ledger.unanswered = next..next + BATCH;
        let lines: Vec<_> = self.ledger.unanswered.clone().map(|number| self.ledger.line(number)).collect();
        match &self.door {
            Door::File(path) => append(path, &lines, self.batches),
            Door::Syslog(port) => self.syslog(loki, *port, &lines).await?,
            _ => self.push(loki, &lines).await?,
        }
        self.ledger.acknowledged = self.ledger.unanswered.end;
        self.ledger.unanswered = 0..0;
        self.batches += 1;
        self.owes_sweep = matches!(self.door, Door::Swept) && self.batches.is_multiple_of(ROUND);
        Ok(())
    }

    /// Repeats what is refused for now: the disk is full, or the server has too much to do.
    async fn push(&self, loki: &Loki, lines: &[(u64, String)]) -> Result<(), Gone> {
        loop {
            let answer = match &self.door {
                Door::LokiProtobuf => loki.push_protobuf(self.ledger.selector, lines).await?,
                Door::Otlp => loki.post("/v1/logs", &[("content-type", "application/json")], Self::otlp(lines)).await?,
                Door::Ndjson => loki.post(&self.ndjson_path(), &[], ndjson(lines)).await?,
                _ => loki.push(&[("app", "day"), ("writer", self.ledger.name)], lines).await?,
            };
            match answer.status {
                200 | 204 => return Ok(()),
                429 | 503 | 507 => tokio::time::sleep(AGAIN).await,
                other => panic!("{:?}: {other}: {}", self.door, answer.text),
            }
        }
    }

    fn ndjson_path(&self) -> String {
        format!("/api/v1/ndjson?message_field=message&label.app=day&label.writer={}", self.ledger.name)
    }

    fn otlp(lines: &[(u64, String)]) -> Vec<u8> {
        let text = |text: &str| json!({"stringValue": text});
        let attributes = json!([{"key": "service.name", "value": text("day")}]);
        let record = |(at, body): &(u64, String)| json!({"timeUnixNano": at.to_string(), "body": text(body)});
        let records: Vec<Value> = lines.iter().map(record).collect();
        let scopes = json!([{"scope": {}, "logRecords": records}]);
        json!({"resourceLogs": [{"resource": {"attributes": attributes}, "scopeLogs": scopes}]})
            .to_string()
            .into_bytes()
    }

    /// Sends the batch over a connection of its own, and again after a while, until all of it can be found.
    async fn syslog(&self, loki: &Loki, port: u16, lines: &[(u64, String)]) -> Result<(), Gone> {
        let message = |(at, body): &(u64, String)| {
            let time = DateTime::from_timestamp_nanos(*at as i64).format("%Y-%m-%dT%H:%M:%S%.6fZ");
            let text = format!("<14>1 {time} syslog day 1 - - {body}");
            format!("{} {text}", text.len())
        };
        let frames: String = lines.iter().map(message).collect();
        let sent = Instant::now();
        let mut again = sent;
        loop {
            // Syslog has no acknowledgement: what a killed server had not stored is sent again, and counts once.
            if Instant::now() >= again {
                let mut connection = TcpStream::connect(("127.0.0.1", port)).await.map_err(|_| Gone)?;
                connection.write_all(frames.as_bytes()).await.map_err(|_| Gone)?;
                connection.shutdown().await.map_err(|_| Gone)?;
                again = Instant::now() + RESEND;
            }
            let missing = self.missing(loki, lines).await?;
            let Some(first) = missing.first() else { break };
            let (count, all) = (missing.len(), lines.len());
            let late = sent.elapsed() >= VISIBLE;
            assert!(!late, "{count} of {all} lines of syslog cannot be found after {VISIBLE:?}, such as {first:?}");
            tokio::time::sleep(AGAIN).await;
        }
        Ok(())
    }

    /// The lines that a query does not find; all of them while queries are refused.
    async fn missing<'l>(&self, loki: &Loki, lines: &'l [(u64, String)]) -> Result<Vec<&'l (u64, String)>, Gone> {
        let mut missing = Vec::new();
        // A batch that begins the day anew would span all of it, and no answer holds so many lines.
        for lines in lines.chunk_by(|a, b| a.0 <= b.0) {
            let span = times(lines);
            let (start, end) = (span.start.to_string(), span.end.to_string());
            let parameters = [("query", self.ledger.selector), ("start", &start), ("end", &end), ("limit", "5000")];
            let answer = send(loki.get_request("/loki/api/v1/query_range").query(&parameters)).await?;
            let found = if answer.status == 200 { entries(&answer.json()) } else { Default::default() };
            missing.extend(lines.iter().filter(|line| !found.contains(line)));
        }
        Ok(missing)
    }

    /// Deletes every doomed line that is acknowledged. The request may be repeated: it says the same again.
    async fn sweep(&mut self, loki: &Loki) -> Result<(), Gone> {
        let query = format!("{} |= {DOOMED:?}", self.ledger.selector);
        let start = self.ledger.line(0).0.to_string();
        loop {
            let request = loki.post_request("/loki/api/v1/delete").query(&[("query", &query), ("start", &start)]);
            let answer = send(request).await?;
            match answer.status {
                204 => break,
                429 | 503 | 507 => tokio::time::sleep(AGAIN).await,
                other => panic!("delete: {other}: {}", answer.text),
            }
        }
        self.ledger.deleted = self.ledger.acknowledged;
        self.owes_sweep = false;
        Ok(())
    }
}

fn times(lines: &[(u64, String)]) -> Range<u64> {
    let least = lines.iter().map(|(at, _)| *at).min().unwrap();
    least..lines.iter().map(|(at, _)| *at).max().unwrap() + 1
}

fn ndjson(lines: &[(u64, String)]) -> Vec<u8> {
    let line = |(at, body): &(u64, String)| format!("{}\n", json!({"time": at, "message": body}));
    lines.iter().map(line).collect::<String>().into_bytes()
}

/// Every so often the file is renamed away, and one renamed long ago is removed.
fn append(path: &Path, lines: &[(u64, String)], batch: u64) {
    let mut file = OpenOptions::new().create(true).append(true).open(path).unwrap();
    let text: String = lines.iter().map(|(_, body)| format!("{body}\n")).collect();
    file.write_all(text.as_bytes()).unwrap();
    if batch % ROUND == ROUND - 1 {
        let renamed = |round: u64| path.with_extension(format!("log.{round}"));
        fs::rename(path, renamed(batch / ROUND)).unwrap();
        if let Some(old) = (batch / ROUND).checked_sub(KEPT) {
            fs::remove_file(renamed(old)).unwrap();
        }
    }
}
