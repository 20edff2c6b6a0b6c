//! [`QueryOptions`]: the budgets of queries.

use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::time::Duration;

/// The section `[query]` of the configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct QueryOptions {
    /// How long a query may take, waiting for a free slot included.
    #[serde(with = "human_duration")]
    pub timeout: Duration,
    /// Most lines that a log query may ask for.
    pub max_lines: usize,
    /// Most series that a metric query may answer.
    pub max_series: usize,
    /// Longest time between start and end of a query.
    #[serde(with = "human_duration")]
    pub max_range: Duration,
    /// Most bytes of bodies and metadata that one query may read.
    pub max_scan_bytes: u64,
    /// Memory that all running queries share, in bytes. A query that would need more is refused.
    pub memory_bytes: usize,
    /// In which directory SQL statements put intermediate results that do not fit into `memory_bytes`: in a directory
    /// `gantry-spill` there, which is emptied at the start. The data directory when it is not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spill_dir: Option<PathBuf>,
    /// Most bytes of intermediate results on disk.
    pub spill_bytes: u64,
    /// Memory for values of metric queries that are kept, in bytes, so that a dashboard that asks again computes only what
    /// is new: one half for LogQL, one for PromQL. 0 keeps none.
    pub result_cache_bytes: usize,
    /// Most rows that a SQL statement may answer.
    pub max_sql_rows: usize,
    /// Queries that run at the same time; 0 stands for twice the number of cores.
    pub max_concurrent: usize,
    /// Queries of one tenant that run at the same time; 0 stands for one less than `max_concurrent`, so that a tenant with
    /// long queries leaves room for the others.
    pub max_concurrent_per_tenant: usize,
    /// Queries that wait for a slot, half of them at most of one tenant, before more are refused with 429.
    pub max_queued: usize,
    /// Threads that one query may use; 0 stands for the number of cores.
    pub parallelism: usize,
    /// How old the newest sample of a series may be for PromQL to take it, when the query does not say.
    #[serde(with = "human_duration")]
    pub promql_lookback: Duration,
    /// Most samples that one PromQL query may read.
    pub promql_max_samples: u64,
    /// Whether PromQL has the functions, aggregations and computed durations that Prometheus calls experimental.
    pub promql_experimental: bool,
    /// Live tails at the same time.
    pub max_tails: usize,
    /// Lines kept for a slow reader of a tail before it starts to lose some.
    pub tail_buffer_lines: usize,
}

impl Default for QueryOptions {
    fn default() -> Self {
        QueryOptions {
            timeout: Duration::from_secs(60),
            max_lines: 5000,
            max_series: 500,
            max_range: Duration::from_secs(721 * 3600),
            max_scan_bytes: 1 << 40,
            memory_bytes: 256 << 20,
            spill_dir: None,
            spill_bytes: 10 << 30,
            result_cache_bytes: 32 << 20,
            max_sql_rows: 1_000_000,
            max_concurrent: 0,
            max_concurrent_per_tenant: 0,
            max_queued: 100,
            parallelism: 0,
            promql_lookback: Duration::from_secs(300),
            promql_max_samples: 100_000_000,
            promql_experimental: false,
            max_tails: 100,
            tail_buffer_lines: 10_000,
        }
    }
}

impl QueryOptions {
    /// Threads for one query.
    pub fn partitions(&self) -> usize {
        match self.parallelism {
            0 => cores(),
            n => n,
        }
    }

    /// Queries that run at the same time.
    pub fn slots(&self) -> usize {
        match self.max_concurrent {
            0 => 2 * cores(),
            n => n,
        }
    }
}

impl QueryOptions {
    /// Queries of one tenant that run at the same time.
    pub fn slots_of_tenant(&self) -> usize {
        match self.max_concurrent_per_tenant {
            0 => self.slots().saturating_sub(1).max(1),
            n => n.min(self.slots()),
        }
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// Durations as people write them: `1m`, `30d`.
mod human_duration {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};
    use std::time::Duration;

    pub fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&humantime::format_duration(*duration))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        humantime::parse_duration(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}
