//! Remote writes (version 1, `prometheus.WriteRequest` under snappy), made before the clock starts.

use super::world::{START_MS, STEP_MS, Target, world};
use crate::load::{Spool, SpoolFile};
use crate::rng::Rng;
use anyhow::Result;
use prost::encoding::{WireType, encode_key, encode_varint, encoded_len_varint};
use std::path::PathBuf;

/// Samples in a write, as Prometheus sends them by default.
const SAMPLES: usize = 2000;

/// Which samples are made.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// At any time.
    pub series: usize,
    pub scrapes: usize,
    pub seed: u64,
    pub connections: usize,
}

impl Shape {
    /// Milliseconds of the last step.
    pub fn end_ms(&self) -> i64 {
        START_MS + (self.scrapes as i64 - 1) * STEP_MS
    }
}

/// The writes of each connection, made once below `dir`.
pub fn encode(dir: PathBuf, shape: Shape) -> Result<Spool> {
    Spool::made(dir, shape.connections, |files| {
        let mut rng = Rng::new(shape.seed);
        let mut sources: Vec<Source> =
            world(shape.series, shape.scrapes, &mut rng).into_iter().map(Source::new).collect();
        for scrape in 0..shape.scrapes {
            // Half a day is busy, half is not.
            let busy = 1.0 + 0.6 * (scrape as f64 * STEP_MS as f64 / 43_200_000.0 * std::f64::consts::TAU).sin();
            for (at, file) in files.iter_mut().enumerate() {
                let mine = sources.iter_mut().skip(at).step_by(shape.connections);
                let mut batch = Batch::default();
                for source in mine.filter(|source| source.target.alive.contains(&scrape)) {
                    batch.scrape(source, scrape, busy, &mut rng);
                    if batch.samples >= SAMPLES {
                        std::mem::take(&mut batch).put(file)?;
                    }
                }
                batch.put(file)?;
            }
        }
        Ok(())
    })
}

/// A target with the encoded labels of its series.
#[derive(Debug)]
struct Source {
    target: Target,
    labels: Vec<Vec<u8>>,
}

impl Source {
    fn new(target: Target) -> Self {
        let labels = target.series.iter().map(|series| encoded_labels(&series.labels)).collect();
        Source { target, labels }
    }
}

/// The fields `labels` (1) of a `TimeSeries`.
fn encoded_labels(labels: &[(String, String)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, value) in labels {
        let mut label = Vec::new();
        put_bytes(&mut label, 1, name.as_bytes());
        put_bytes(&mut label, 2, value.as_bytes());
        put_bytes(&mut bytes, 1, &label);
    }
    bytes
}

fn put_bytes(into: &mut Vec<u8>, field: u32, bytes: &[u8]) {
    encode_key(field, WireType::LengthDelimited, into);
    encode_varint(bytes.len() as u64, into);
    into.extend_from_slice(bytes);
}

#[derive(Debug, Default)]
struct Batch {
    bytes: Vec<u8>,
    samples: usize,
}

impl Batch {
    fn scrape(&mut self, source: &mut Source, scrape: usize, busy: f64, rng: &mut Rng) {
        let at = START_MS + scrape as i64 * STEP_MS + source.target.offset_ms;
        for (series, labels) in source.target.series.iter_mut().zip(&source.labels) {
            self.sample(labels, at, series.next(busy, rng));
        }
    }

    fn sample(&mut self, labels: &[u8], at_ms: i64, value: f64) {
        let sample = 1 + 8 + 1 + encoded_len_varint(at_ms as u64);
        encode_key(1, WireType::LengthDelimited, &mut self.bytes);
        encode_varint((labels.len() + 2 + sample) as u64, &mut self.bytes);
        self.bytes.extend_from_slice(labels);
        encode_key(2, WireType::LengthDelimited, &mut self.bytes);
        encode_varint(sample as u64, &mut self.bytes);
        prost::encoding::double::encode(1, &value, &mut self.bytes);
        prost::encoding::int64::encode(2, &at_ms, &mut self.bytes);
        self.samples += 1;
    }

    fn put(self, file: &mut SpoolFile) -> Result<()> {
        if self.samples == 0 {
            return Ok(());
        }
        let body = snap::raw::Encoder::new().compress_vec(&self.bytes)?;
        file.put(&body, self.samples as u64, self.bytes.len() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prost::Message;

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

    #[test]
    fn writes_are_what_the_protocol_says() {
        let labels = [("__name__".to_owned(), "up".to_owned()), ("job".to_owned(), "a".to_owned())];
        let mut batch = Batch::default();
        batch.sample(&encoded_labels(&labels), START_MS, 1.5);
        batch.sample(&encoded_labels(&labels[..1]), START_MS + 15_000, -2.0);
        let write = Write::decode(batch.bytes.as_slice()).expect("a write");
        assert_eq!(write.series.len(), 2);
        assert_eq!(write.series[0].labels[1], Label { name: "job".to_owned(), value: "a".to_owned() });
        assert_eq!(write.series[0].samples, [Sample { value: 1.5, timestamp: START_MS }]);
        assert_eq!(write.series[1].samples, [Sample { value: -2.0, timestamp: START_MS + 15_000 }]);
    }
}
