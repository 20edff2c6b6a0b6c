//! How long after its acknowledgement a line reaches a live tail.

use crate::load;
use crate::push::{PushEntry, PushRequest, PushStream, label_text};
use crate::stats::Latencies;
use anyhow::{Context, Result, bail, ensure};
use futures::StreamExt;
use serde_json::Value;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;

const ARRIVAL_DEADLINE: Duration = Duration::from_secs(10);

/// What a tail measured.
#[derive(Debug, Default)]
pub struct Tailed {
    /// From the acknowledgement to the arrival; 0 for a line that arrived first.
    pub latencies: Latencies,
    /// Lines of which the server said that it dropped them.
    pub dropped: u64,
}

/// Pushes `lines` lines one at a time and waits for each on a WebSocket before the next.
pub async fn measure(url: &str, lines: usize) -> Result<Tailed> {
    let url = url.trim_end_matches('/');
    let run = now_ns();
    let labels = label_text([("app", "tail-probe"), ("run", &run.to_string())]);
    let mut arrivals = subscribe(url, &labels).await?;
    let (client, target) = (load::client()?, format!("{url}/loki/api/v1/push"));
    let mut tailed = Tailed::default();
    for number in 0..lines {
        let line = format!("probe {number} of run {run}");
        let entries = vec![PushEntry::new(now_ns(), line.clone())];
        let push = PushRequest { streams: vec![PushStream { labels: labels.clone(), entries }] };
        load::push(&client, &target, push.to_body()?).await?;
        let acknowledged = Instant::now();
        let arrived = tokio::time::timeout(ARRIVAL_DEADLINE, wait_for(&mut arrivals, &line, &mut tailed.dropped))
            .await
            .with_context(|| format!("line {number} did not arrive within {ARRIVAL_DEADLINE:?}"))??;
        tailed.latencies.add(arrived.saturating_duration_since(acknowledged));
    }
    Ok(tailed)
}

/// Frames with the instant of their arrival, taken from the socket by a task of its own.
async fn subscribe(url: &str, selector: &str) -> Result<mpsc::Receiver<(Instant, Value)>> {
    let host = url.strip_prefix("http://").context("tailing needs an http:// address")?;
    let query = reqwest::Url::parse_with_params(&format!("ws://{host}/loki/api/v1/tail"), [("query", selector)])?;
    let (socket, _) = tokio_tungstenite::connect_async(query.as_str()).await.context("opening the tail")?;
    let (sender, receiver) = mpsc::channel(1024);
    tokio::spawn(async move {
        let mut socket = socket;
        while let Some(Ok(message)) = socket.next().await {
            let Message::Text(text) = message else { continue };
            let arrived = Instant::now();
            let Ok(frame) = serde_json::from_str(&text) else { break };
            if sender.send((arrived, frame)).await.is_err() {
                break;
            }
        }
    });
    Ok(receiver)
}

async fn wait_for(arrivals: &mut mpsc::Receiver<(Instant, Value)>, line: &str, dropped: &mut u64) -> Result<Instant> {
    while let Some((at, frame)) = arrivals.recv().await {
        *dropped += frame["dropped_entries"].as_array().map_or(0, |entries| entries.len() as u64);
        let streams = frame["streams"].as_array().map(Vec::as_slice).unwrap_or_default();
        let values = streams.iter().filter_map(|stream| stream["values"].as_array()).flatten();
        for value in values {
            ensure!(value[0].is_string(), "a time that is no string: {value}");
            if value[1] == line {
                return Ok(at);
            }
        }
    }
    bail!("the server closed the tail")
}

fn now_ns() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as u64)
}
