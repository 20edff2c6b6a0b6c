//! What the store counts.

use crate::cache::CacheCounters;
use gantry_store_api::{ErrorKind, StoreError};
use prometheus::{
    Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, Opts, Registry, core::Collector, exponential_buckets,
};

/// Handles to the registered series.
#[derive(Clone, Debug)]
pub(crate) struct Metrics {
    pub lines: IntCounter,
    pub text_bytes: IntCounter,
    pub wal_bytes: IntCounter,
    pub wal_groups: IntCounter,
    pub wal_sync_seconds: Histogram,
    pub wal_size: IntGauge,
    pub memtable_bytes: IntGauge,
    pub memtables_waiting: IntGauge,
    pub splits: IntGauge,
    pub split_bytes: IntGauge,
    pub flushes: IntCounter,
    pub flush_seconds: Histogram,
    pub compactions: IntCounter,
    pub compaction_seconds: Histogram,
    pub retired_splits: IntCounter,
    pub rewrites: IntCounter,
    pub removed_lines: IntCounter,
    pub replayed_records: IntCounter,
    pub damaged_records: IntCounter,
    pub tail_subscribers: IntGauge,
    pub tail_lagged_lines: IntCounter,
    pub cache: CacheCounters,
    errors: IntCounterVec,
}

impl Metrics {
    pub(crate) fn new(registry: &Registry) -> Result<Self, StoreError> {
        let add = Adder(registry);
        Ok(Metrics {
            lines: add.counter("lines", "Lines that were acknowledged")?,
            text_bytes: add.counter("text_bytes", "Bytes of bodies and metadata that were acknowledged")?,
            wal_bytes: add.counter("wal_written_bytes", "Bytes that were written to the WAL")?,
            wal_groups: add.counter("wal_groups", "Groups of records that were written at once")?,
            wal_sync_seconds: add.histogram("wal_sync_seconds", "Time to write and sync a group", 0.000_1)?,
            wal_size: add.gauge("wal_size_bytes", "Bytes of WAL segments on disk")?,
            memtable_bytes: add.gauge("memtable_bytes", "Bytes in memtables, overhead included")?,
            memtables_waiting: add.gauge("memtables_waiting", "Memtables that wait to be written as splits")?,
            splits: add.gauge("splits", "Splits in the catalog")?,
            split_bytes: add.gauge("split_bytes", "Stored bytes of all splits")?,
            flushes: add.counter("flushes", "Memtables that became splits")?,
            flush_seconds: add.histogram("flush_seconds", "Time to write a memtable as splits", 0.01)?,
            compactions: add.counter("compactions", "Merges of splits")?,
            compaction_seconds: add.histogram("compaction_seconds", "Time of one merge", 0.01)?,
            retired_splits: add.counter("retired_splits", "Splits that retention removed")?,
            rewrites: add
                .counter("rewrites", "Splits that were rewritten or removed for deletion or retention of some lines")?,
            removed_lines: add.counter("removed_lines", "Lines that such rewriting removed")?,
            replayed_records: add.counter("wal_replayed_records", "WAL records read at the start")?,
            damaged_records: add.counter("wal_damaged_places", "Places in the WAL that could not be read")?,
            tail_subscribers: add.gauge("tail_subscribers", "Live subscriptions")?,
            tail_lagged_lines: add.counter("tail_lagged_lines", "Lines that slow subscribers missed")?,
            cache: add.cache()?,
            errors: add.register(
                IntCounterVec::new(
                    Opts::new("gantry_store_errors_total", "Failures by what was being done and kind"),
                    &["doing", "kind"],
                )
                .map_err(StoreError::internal)?,
            )?,
        })
    }

    pub(crate) fn error(&self, doing: &str, error: &StoreError) {
        self.errors.with_label_values(&[doing, kind_name(error.kind())]).inc();
    }
}

fn kind_name(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Invalid => "invalid",
        ErrorKind::Overloaded => "overloaded",
        ErrorKind::StorageFull => "storage_full",
        ErrorKind::Unavailable => "unavailable",
        ErrorKind::Corrupt => "corrupt",
        ErrorKind::Internal => "internal",
    }
}

struct Adder<'a>(&'a Registry);

impl Adder<'_> {
    fn register<C: Collector + Clone + 'static>(&self, collector: C) -> Result<C, StoreError> {
        self.0.register(Box::new(collector.clone())).map_err(StoreError::internal)?;
        Ok(collector)
    }

    fn cache(&self) -> Result<CacheCounters, StoreError> {
        let CacheCounters { hits, misses, evicted, bytes } = CacheCounters::default();
        Ok(CacheCounters {
            hits: self.register(hits)?,
            misses: self.register(misses)?,
            evicted: self.register(evicted)?,
            bytes: self.register(bytes)?,
        })
    }

    fn counter(&self, name: &str, help: &str) -> Result<IntCounter, StoreError> {
        let name = format!("gantry_store_{name}_total");
        self.register(IntCounter::new(name, help).map_err(StoreError::internal)?)
    }

    fn gauge(&self, name: &str, help: &str) -> Result<IntGauge, StoreError> {
        self.register(IntGauge::new(format!("gantry_store_{name}"), help).map_err(StoreError::internal)?)
    }

    fn histogram(&self, name: &str, help: &str, first: f64) -> Result<Histogram, StoreError> {
        let buckets = exponential_buckets(first, 2.0, 16).map_err(StoreError::internal)?;
        let options = HistogramOpts::new(format!("gantry_store_{name}"), help).buckets(buckets);
        self.register(Histogram::with_opts(options).map_err(StoreError::internal)?)
    }
}
