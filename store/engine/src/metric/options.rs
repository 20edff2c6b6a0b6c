//! What an operator can set about metrics: `[store.metrics]`.

use super::limits::MetricTenant;
use crate::units::{byte_size, duration, optional_duration};
use gantry_model::TenantId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// Options of the metric store. Sizes are written as `"256MiB"` or a number of bytes, durations as `"5m"`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MetricOptions {
    /// How much older than the newest sample of its series a sample may be.
    #[serde(with = "duration")]
    pub out_of_order_window: Duration,
    /// How far ahead of the clock a sample may be.
    #[serde(with = "duration")]
    pub max_future: Duration,
    /// Series that one tenant may have in memory; 0 for no limit. A series leaves memory when it got no samples for
    /// `head_age`.
    pub max_series: u64,
    /// Series that one tenant may begin in an hour, over those that it had in the last hours; 0 for no limit.
    pub max_new_series_per_hour: u64,
    /// Labels of a series, its name included.
    pub max_labels: usize,
    #[serde(with = "byte_size")]
    pub max_label_name: u64,
    #[serde(with = "byte_size")]
    pub max_label_value: u64,
    /// Age at which samples in memory become a block.
    #[serde(with = "duration")]
    pub head_age: Duration,
    /// Bytes of samples in memory, of all partitions together, before they become blocks.
    #[serde(with = "byte_size")]
    pub head_bytes: u64,
    /// Bytes of the logs of all partitions at which samples become blocks: what a start has to read.
    #[serde(with = "byte_size")]
    pub head_log_bytes: u64,
    /// Exemplars of a tenant that are kept, in memory.
    pub exemplars: usize,
    /// Blocks of a day and of similar size that are merged at once.
    pub compact_min_blocks: usize,
    /// Bytes of a block up to which blocks are merged.
    #[serde(with = "byte_size")]
    pub block_target_bytes: u64,
    /// zstd level of the columns of blocks that do not hold samples, 1 to 22.
    pub zstd_level: i32,
    /// Samples older than this are removed or thinned out; `"forever"` keeps them.
    #[serde(with = "optional_duration")]
    pub retention: Option<Duration>,
    /// Age up to which older samples are kept with a resolution of five minutes; less than `retention` for not at all.
    #[serde(with = "duration")]
    pub keep_5m: Duration,
    /// The same with a resolution of an hour.
    #[serde(with = "duration")]
    pub keep_1h: Duration,
    /// What is different for single tenants.
    pub tenants: BTreeMap<TenantId, MetricTenant>,
}

impl Default for MetricOptions {
    fn default() -> Self {
        MetricOptions {
            out_of_order_window: Duration::from_secs(30 * 60),
            max_future: Duration::from_secs(10 * 60),
            max_series: 2_000_000,
            max_new_series_per_hour: 0,
            max_labels: 128,
            max_label_name: 1 << 10,
            max_label_value: 4 << 10,
            head_age: Duration::from_secs(2 * 3600),
            head_bytes: 1 << 30,
            head_log_bytes: 2 << 30,
            exemplars: 100_000,
            compact_min_blocks: 4,
            block_target_bytes: 256 << 20,
            zstd_level: 3,
            retention: None,
            keep_5m: Duration::ZERO,
            keep_1h: Duration::ZERO,
            tenants: BTreeMap::new(),
        }
    }
}

impl MetricOptions {
    /// Every setting that makes no sense, in words.
    pub(crate) fn problems(&self, problems: &mut Vec<String>) {
        let mut check = |legal: bool, text: &str| {
            if !legal {
                problems.push(text.to_owned());
            }
        };
        let least = self.tenants.values().filter_map(|tenant| tenant.max_labels).chain([self.max_labels]).min();
        check(least >= Some(1), "store.metrics.max_labels must be at least 1");
        check(self.head_bytes >= 1 << 10, "store.metrics.head_bytes must be at least 1KiB");
        check(self.head_log_bytes >= 1 << 10, "store.metrics.head_log_bytes must be at least 1KiB");
        check(self.compact_min_blocks >= 2, "store.metrics.compact_min_blocks must be at least 2");
        check((1..=22).contains(&self.zstd_level), "store.metrics.zstd_level must be 1 to 22");
    }
}

pub(crate) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
