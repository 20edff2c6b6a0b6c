//! A store for tests that remembers what it was given, and an [`Ingest`] over it.

use crate::{Ingest, IngestOptions, MetricIncoming, MetricIngest, Transform};
use async_trait::async_trait;
use gantry_model::metric::MetricBatch;
use gantry_model::{LogBatch, ManualClock, TenantId, Timestamp};
use gantry_store_api::{Append, AppendMetrics, Commit, ErrorKind, MetricCommit, RejectReason, StoreError};
use parking_lot::Mutex;
use std::sync::Arc;

/// "Now" of [`Fixture`]: 2024-05-14T10:00:00Z.
pub(crate) const NOW: Timestamp = Timestamp::from_secs(1_715_680_800);

#[derive(Debug, Default)]
pub(crate) struct Recorder {
    batches: Mutex<Vec<(TenantId, LogBatch)>>,
    metrics: Mutex<Vec<(TenantId, MetricBatch)>>,
    rejection: Mutex<Option<(RejectReason, u64)>>,
    failure: Mutex<Option<ErrorKind>>,
}

impl Recorder {
    pub fn fail_with(&self, kind: Option<ErrorKind>) {
        *self.failure.lock() = kind;
    }

    /// From now on so many samples of each request are refused for this reason.
    pub fn reject(&self, reason: RejectReason, samples: u64) {
        *self.rejection.lock() = Some((reason, samples));
    }

    /// All samples as `tenant series ms value`, see [`written`].
    pub fn samples(&self) -> Vec<String> {
        let metrics = self.metrics.lock();
        metrics
            .iter()
            .flat_map(|(tenant, b)| written(b).into_iter().map(move |line| format!("{tenant} {line}")))
            .collect()
    }

    /// All lines as `tenant labels ns body metadata`.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for (tenant, batch) in self.batches.lock().iter() {
            for stream in batch.streams() {
                for row in batch.rows_of(stream) {
                    let (at, body, metadata) = (row.timestamp.nanos(), batch.body(row), batch.metadata(row));
                    lines.push(format!("{tenant} {} {at} {body} {metadata}", stream.labels).trim_end().to_owned());
                }
            }
        }
        lines
    }
}

#[async_trait]
impl Append for Recorder {
    async fn append(&self, tenant: &TenantId, batch: LogBatch) -> Result<Commit, StoreError> {
        if let Some(kind) = *self.failure.lock() {
            return Err(StoreError::new(kind, "secret cause"));
        }
        let commit = Commit { lines: batch.line_count() as u64, bytes: batch.text_bytes() as u64 };
        self.batches.lock().push((tenant.clone(), batch));
        Ok(commit)
    }
}

#[async_trait]
impl AppendMetrics for Recorder {
    async fn append_metrics(&self, tenant: &TenantId, batch: MetricBatch) -> Result<MetricCommit, StoreError> {
        if let Some(kind) = *self.failure.lock() {
            return Err(StoreError::new(kind, "secret cause"));
        }
        let mut commit = MetricCommit {
            samples: batch.sample_count() as u64,
            histograms: batch.histogram_count() as u64,
            exemplars: batch.exemplar_count() as u64,
            ..MetricCommit::default()
        };
        if let Some((reason, samples)) = *self.rejection.lock() {
            commit.samples -= samples;
            commit.rejected.insert(reason, samples);
            commit.first_rejection = Some("the first".to_owned());
        }
        self.metrics.lock().push((tenant.clone(), batch));
        Ok(commit)
    }
}

/// Samples of a batch as `series ms value`, exemplars as `series # labels ms value`, metadata as `# family type unit help`.
pub(crate) fn written(batch: &MetricBatch) -> Vec<String> {
    let mut lines = Vec::new();
    for series in batch.series() {
        let labels = batch.labels(series).to_labels();
        let (times, values) = batch.samples(series);
        lines.extend(times.iter().zip(values).map(|(at, value)| format!("{labels} {at} {value}")));
        for (at, h) in batch.histograms(series) {
            let buckets =
                |b: &gantry_model::metric::Buckets| b.iter().map(|(i, n)| format!(" {i}:{n}")).collect::<String>();
            let (positive, negative) = (buckets(&h.positive), buckets(&h.negative));
            let mut line = format!(
                "{labels} {at} schema {} count {} sum {} zero {}@{} +{positive} -{negative}",
                h.schema, h.count, h.sum, h.zero_count, h.zero_threshold
            );
            if !h.custom_bounds.is_empty() {
                line.push_str(&format!(" bounds {:?}", h.custom_bounds));
            }
            if h.reset_hint != Default::default() {
                line.push_str(&format!(" {:?}", h.reset_hint));
            }
            lines.push(line);
        }
        for e in batch.exemplars(series) {
            lines.push(format!("{labels} # {} {} {}", e.labels, e.timestamp, e.value));
        }
    }
    for (family, m) in batch.metadata() {
        lines.push(format!("# {family} {} {:?} {:?}", m.kind.as_str(), m.unit, m.help));
    }
    lines
}

/// What became of a decoded request: [`written`], and refusals as `reason count`.
pub(crate) fn told(incoming: &MetricIncoming) -> Vec<String> {
    let mut lines = written(&incoming.batch);
    lines.extend(incoming.refused.by_reason().iter().map(|r| format!("refused {} {}", r.reason, r.lines)));
    lines
}

#[derive(Debug)]
pub(crate) struct Fixture {
    pub ingest: Arc<Ingest>,
    pub metrics: Arc<MetricIngest>,
    pub store: Arc<Recorder>,
    pub clock: Arc<ManualClock>,
    pub registry: prometheus::Registry,
}

impl Fixture {
    pub fn new() -> Self {
        Self::with(IngestOptions::default())
    }

    pub fn with(options: IngestOptions) -> Self {
        Self::build(options, None)
    }

    pub fn transforming(options: IngestOptions, transform: Arc<dyn Transform>) -> Self {
        Self::build(options, Some(transform))
    }

    fn build(options: IngestOptions, transform: Option<Arc<dyn Transform>>) -> Self {
        let store = Arc::new(Recorder::default());
        let clock = Arc::new(ManualClock::at(NOW));
        let registry = prometheus::Registry::new();
        let ingest = Ingest::with_transform(options, store.clone(), clock.clone(), &registry, transform);
        let ingest = ingest.expect("the options are consistent");
        let metrics = MetricIngest::new(ingest.clone(), store.clone(), &registry).expect("names of metrics are free");
        Fixture { ingest, metrics, store, clock, registry }
    }

    /// The value of a counter with exactly these labels among its own; 0 when there is none.
    pub fn counter(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let families = self.registry.gather();
        let family = families.iter().find(|f| f.name() == name);
        let metrics = family.map(|f| f.get_metric()).unwrap_or_default();
        let has = |m: &&prometheus::proto::Metric| {
            labels.iter().all(|(n, v)| m.get_label().iter().any(|l| l.name() == *n && l.value() == *v))
        };
        metrics.iter().filter(has).map(|m| m.get_counter().get_value()).sum()
    }
}

pub(crate) fn label_cache() -> crate::LabelCache {
    crate::LabelCache::new(100, prometheus::IntCounter::new("misses", "misses").expect("a legal name"))
}

/// Loki's push messages, as any protobuf library would write them.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct PushMessage {
    #[prost(message, repeated, tag = "1")]
    pub streams: Vec<StreamMessage>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct StreamMessage {
    #[prost(string, tag = "1")]
    pub labels: String,
    #[prost(message, repeated, tag = "2")]
    pub entries: Vec<EntryMessage>,
    #[prost(uint64, tag = "3")]
    pub hash: u64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct EntryMessage {
    #[prost(message, optional, tag = "1")]
    pub timestamp: Option<TimestampMessage>,
    #[prost(string, tag = "2")]
    pub line: String,
    #[prost(message, repeated, tag = "3")]
    pub metadata: Vec<PairMessage>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct TimestampMessage {
    #[prost(int64, tag = "1")]
    pub seconds: i64,
    #[prost(int32, tag = "2")]
    pub nanos: i32,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct PairMessage {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(string, tag = "2")]
    pub value: String,
}

impl StreamMessage {
    pub fn new(labels: &str, entries: Vec<EntryMessage>) -> Self {
        StreamMessage { labels: labels.to_owned(), entries, hash: 7 }
    }
}

impl EntryMessage {
    pub fn new(seconds: i64, nanos: i32, line: &str) -> Self {
        EntryMessage {
            timestamp: Some(TimestampMessage { seconds, nanos }),
            line: line.to_owned(),
            metadata: Vec::new(),
        }
    }
}

impl PairMessage {
    pub fn new(name: &str, value: &str) -> Self {
        PairMessage { name: name.to_owned(), value: value.to_owned() }
    }
}
