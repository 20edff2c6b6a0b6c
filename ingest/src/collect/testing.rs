//! A sink that remembers, and fails on command.

use super::{CollectMetrics, Sink, SinkError};
use async_trait::async_trait;
use gantry_model::{LabelSet, LogBatch, TenantId, Timestamp};
use parking_lot::Mutex;
use prometheus::Registry;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// A line as it arrived.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Arrived {
    pub labels: LabelSet,
    pub at: Timestamp,
    pub body: String,
}

#[derive(Debug, Default)]
pub(super) struct FakeSink {
    lines: Mutex<Vec<Arrived>>,
    fail_next: AtomicU64,
    refuse_next: AtomicU64,
}

pub(super) fn metrics() -> CollectMetrics {
    CollectMetrics::register(&Registry::new()).unwrap()
}

impl FakeSink {
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// The next attempts fail, and may be tried again.
    pub fn fail_next(&self, attempts: u64) {
        self.fail_next.store(attempts, Ordering::SeqCst);
    }

    pub fn refuse_next(&self, attempts: u64) {
        self.refuse_next.store(attempts, Ordering::SeqCst);
    }

    pub fn lines(&self) -> Vec<Arrived> {
        self.lines.lock().clone()
    }

    /// As the store counts them: equal lines once.
    pub fn distinct(&self) -> BTreeSet<Arrived> {
        self.lines().into_iter().collect()
    }

    pub fn bodies(&self) -> Vec<String> {
        self.lines().into_iter().map(|line| line.body).collect()
    }

    /// Attempts that [`FakeSink::fail_next`] still lets fail.
    pub fn failures_left(&self) -> u64 {
        self.fail_next.load(Ordering::SeqCst)
    }

    pub async fn wait_for(&self, condition: impl Fn(&[Arrived]) -> bool) {
        let last = || format!("last lines: {:?}", self.bodies().iter().rev().take(9).collect::<Vec<_>>());
        wait_until(last, || condition(&self.lines())).await;
    }
}

/// # Panics
/// When it does not become true in time.
pub(super) async fn wait_until(what: impl Fn() -> String, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !condition() {
        assert!(Instant::now() < deadline, "not in time: {}", what());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// The sum of all samples of a metric.
pub(super) fn sample(registry: &Registry, name: &str) -> f64 {
    let families = registry.gather();
    let family = families.iter().find(|family| family.name() == name);
    let value = |m: &prometheus::proto::Metric| m.get_counter().get_value() + m.get_gauge().get_value();
    family.map_or(0.0, |family| family.get_metric().iter().map(value).sum())
}

fn take(counter: &AtomicU64) -> bool {
    counter.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1)).is_ok()
}

#[async_trait]
impl Sink for FakeSink {
    async fn submit(&self, _: &TenantId, _: &'static str, batch: LogBatch) -> Result<(), SinkError> {
        if take(&self.refuse_next) {
            return Err(SinkError::refused("these lines are not wanted"));
        }
        if take(&self.fail_next) {
            return Err(SinkError::retry("try again", Duration::from_millis(1)));
        }
        let mut lines = self.lines.lock();
        for stream in batch.streams() {
            for row in batch.rows_of(stream) {
                let (labels, body) = (stream.labels.clone(), batch.body(row).to_owned());
                lines.push(Arrived { labels, at: row.timestamp, body });
            }
        }
        Ok(())
    }
}
