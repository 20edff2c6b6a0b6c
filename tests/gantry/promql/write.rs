//! Remote write 1.0 as a client sends it.

use super::random::world::Series;
use super::random::{END_MS, START_MS};
use crate::harness::{Loki, client::snappy};
use prost::Message;

/// How much time a request covers: both servers take samples that are not far older than the newest.
const SLICE_MS: i64 = 10 * 60_000;

/// Bodies, in the order of time.
pub fn requests(series: &[Series]) -> Vec<Vec<u8>> {
    let starts = (START_MS..END_MS + SLICE_MS).step_by(SLICE_MS as usize);
    starts.map(|start| snappy(&request(series, start..start + SLICE_MS).encode_to_vec())).collect()
}

fn request(series: &[Series], times: std::ops::Range<i64>) -> Write {
    let within = |one: &Series| -> Vec<Sample> {
        let samples = one.samples.iter().filter(|(at, _)| times.contains(at));
        samples.map(|(at, value)| Sample { value: *value, timestamp: *at }).collect()
    };
    let labels = |one: &Series| {
        one.labels.iter().map(|(name, value)| Label { name: name.clone(), value: value.clone() }).collect()
    };
    let all = series.iter().map(|one| TimeSeries { labels: labels(one), samples: within(one) });
    Write { series: all.filter(|one| !one.samples.is_empty()).collect() }
}

/// All of it must be taken.
pub async fn send(server: &Loki, body: &[u8]) {
    let headers = [
        ("content-type", "application/x-protobuf"),
        ("content-encoding", "snappy"),
        ("x-prometheus-remote-write-version", "0.1.0"),
    ];
    let answer = server.post("/api/v1/write", &headers, body.to_vec()).await.unwrap();
    assert!((200..300).contains(&answer.status), "{}: {} {}", server.url, answer.status, answer.text);
}

#[derive(Clone, PartialEq, Message)]
struct Write {
    #[prost(message, repeated, tag = "1")]
    series: Vec<TimeSeries>,
}

#[derive(Clone, PartialEq, Message)]
struct TimeSeries {
    #[prost(message, repeated, tag = "1")]
    labels: Vec<Label>,
    #[prost(message, repeated, tag = "2")]
    samples: Vec<Sample>,
}

#[derive(Clone, PartialEq, Message)]
struct Label {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    value: String,
}

#[derive(Clone, Copy, PartialEq, Message)]
struct Sample {
    #[prost(double, tag = "1")]
    value: f64,
    #[prost(int64, tag = "2")]
    timestamp: i64,
}
