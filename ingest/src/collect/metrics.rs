//! Counters of all collectors.

use prometheus::{
    Counter, CounterVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry, core::Collector,
};

/// Metrics of every collector of a process: made once, shared by clones, told apart by the label `collector`.
#[derive(Clone, Debug)]
pub struct CollectMetrics {
    lines: IntCounterVec,
    bytes: IntCounterVec,
    dropped: IntCounterVec,
    truncated: IntCounterVec,
    invalid_utf8: IntCounterVec,
    rotations: IntCounterVec,
    errors: IntCounterVec,
    paused: CounterVec,
    lag: IntGaugeVec,
    files: IntGaugeVec,
}

impl CollectMetrics {
    /// # Errors
    /// When the registry holds metrics of these names already.
    pub fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let counter = |name: &str, help: &str, labels: &[&str]| {
            add(registry, IntCounterVec::new(Opts::new(format!("gantry_collect_{name}"), help), labels)?)
        };
        let gauge = |name: &str, help: &str| {
            add(registry, IntGaugeVec::new(Opts::new(format!("gantry_collect_{name}"), help), &["collector"])?)
        };
        let paused = Opts::new("gantry_collect_paused_seconds_total", "Time spent waiting for the store to take lines");
        Ok(CollectMetrics {
            lines: counter("lines_total", "Lines stored", &["collector", "format"])?,
            bytes: counter("bytes_total", "Bytes of bodies of lines stored", &["collector"])?,
            dropped: counter("dropped_lines_total", "Lines lost, by reason", &["collector", "reason"])?,
            truncated: counter("truncated_lines_total", "Lines cut at the longest length", &["collector"])?,
            invalid_utf8: counter("invalid_utf8_lines_total", "Lines with invalid UTF-8 replaced", &["collector"])?,
            rotations: counter("rotations_total", "Files rotated, truncated or deleted", &["collector", "kind"])?,
            errors: counter("errors_total", "Failures of the file system, by operation", &["collector", "operation"])?,
            paused: add(registry, CounterVec::new(paused, &["collector"])?)?,
            lag: gauge("lag_bytes", "Bytes in files that are not stored yet")?,
            files: gauge("files", "Files being followed")?,
        })
    }

    /// The metrics of one collector.
    pub(super) fn of(&self, collector: &str) -> CollectorMetrics {
        CollectorMetrics {
            collector: collector.to_owned(),
            bytes: self.bytes.with_label_values(&[collector]),
            truncated: self.truncated.with_label_values(&[collector]),
            invalid_utf8: self.invalid_utf8.with_label_values(&[collector]),
            paused: self.paused.with_label_values(&[collector]),
            lag: self.lag.with_label_values(&[collector]),
            files: self.files.with_label_values(&[collector]),
            all: self.clone(),
        }
    }
}

fn add<C: Collector + Clone + 'static>(registry: &Registry, metric: C) -> Result<C, prometheus::Error> {
    registry.register(Box::new(metric.clone()))?;
    Ok(metric)
}

/// Why a collector lost a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lost {
    /// The store will never take it.
    Refused,
    /// The buffer of a pipe was full for too long.
    BufferFull,
    /// It was still unsent when the program had to end.
    Shutdown,
}

impl Lost {
    fn code(self) -> &'static str {
        match self {
            Lost::Refused => "refused",
            Lost::BufferFull => "buffer_full",
            Lost::Shutdown => "shutdown",
        }
    }
}

#[derive(Clone, Debug)]
pub(super) struct CollectorMetrics {
    collector: String,
    pub bytes: IntCounter,
    pub truncated: IntCounter,
    pub invalid_utf8: IntCounter,
    pub paused: Counter,
    pub lag: IntGauge,
    pub files: IntGauge,
    all: CollectMetrics,
}

impl CollectorMetrics {
    pub fn lines(&self, format: &str, count: u64) {
        if count > 0 {
            self.all.lines.with_label_values(&[&*self.collector, format]).inc_by(count);
        }
    }

    pub fn lost(&self, why: Lost, lines: u64) {
        self.all.dropped.with_label_values(&[&*self.collector, why.code()]).inc_by(lines);
    }

    pub fn rotated(&self, kind: &str) {
        self.all.rotations.with_label_values(&[&*self.collector, kind]).inc();
    }

    pub fn failed(&self, operation: &str) {
        self.all.errors.with_label_values(&[&*self.collector, operation]).inc();
    }

    /// Counts what was done to a line to make it text.
    pub fn repaired(&self, replaced: bool, cut: bool) {
        if replaced {
            self.invalid_utf8.inc();
        }
        if cut {
            self.truncated.inc();
        }
    }
}
