//! What the metric store counts.

use gantry_store_api::{MetricCommit, StoreError};
use prometheus::{IntCounter, IntCounterVec, IntGauge, Opts, Registry};

/// Handles to the registered series.
#[derive(Clone, Debug)]
pub(crate) struct MetricCounters {
    samples: IntCounter,
    exemplars: IntCounter,
    rejected: IntCounterVec,
    pub series: IntGauge,
    pub head_bytes: IntGauge,
    pub blocks: IntGauge,
    pub block_bytes: IntGauge,
    pub flushes: IntCounter,
    pub compactions: IntCounter,
    pub retired_blocks: IntCounter,
}

impl MetricCounters {
    pub(crate) fn new(registry: &Registry) -> Result<Self, StoreError> {
        let counter = |name: &str, help: &str| {
            let counter = IntCounter::new(format!("gantry_store_metric_{name}_total"), help);
            let counter = counter.map_err(StoreError::internal)?;
            registry.register(Box::new(counter.clone())).map_err(StoreError::internal)?;
            Ok::<_, StoreError>(counter)
        };
        let gauge = |name: &str, help: &str| {
            let gauge = IntGauge::new(format!("gantry_store_metric_{name}"), help).map_err(StoreError::internal)?;
            registry.register(Box::new(gauge.clone())).map_err(StoreError::internal)?;
            Ok::<_, StoreError>(gauge)
        };
        let about = Opts::new("gantry_store_metric_rejected_total", "Samples and exemplars refused, by reason");
        let rejected = IntCounterVec::new(about, &["reason"]).map_err(StoreError::internal)?;
        registry.register(Box::new(rejected.clone())).map_err(StoreError::internal)?;
        Ok(MetricCounters {
            samples: counter("samples", "Samples that were acknowledged")?,
            exemplars: counter("exemplars", "Exemplars that were acknowledged")?,
            rejected,
            series: gauge("series", "Series in memory that samples come for")?,
            head_bytes: gauge("head_bytes", "Bytes of samples and labels in memory, about")?,
            blocks: gauge("blocks", "Blocks in the catalog")?,
            block_bytes: gauge("block_bytes", "Stored bytes of all blocks")?,
            flushes: counter("flushes", "Heads that became blocks")?,
            compactions: counter("compactions", "Merges of blocks")?,
            retired_blocks: counter("retired_blocks", "Blocks that retention removed")?,
        })
    }

    pub(crate) fn committed(&self, commit: &MetricCommit) {
        self.samples.inc_by(commit.samples);
        self.exemplars.inc_by(commit.exemplars);
        for (reason, count) in &commit.rejected {
            self.rejected.with_label_values(&[reason.as_str()]).inc_by(*count);
        }
    }
}
