//! Everything an operator can set.

use crate::expiry::{StreamRules, TenantExpiry};
use crate::metric::MetricOptions;
use crate::units::{byte_size, duration, optional_byte_size, optional_duration};
use gantry_model::TenantId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Options of the store. Sizes are written as `"256MiB"` or a number of bytes, durations as `"5m"`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StoreOptions {
    /// Directory with the lock file, the catalog, the WAL and, unless `object_store` says otherwise, the splits.
    pub data: PathBuf,
    /// Where splits live: empty for `<data>/objects`, or `s3://bucket/prefix`.
    pub object_store: String,
    pub s3: S3Options,
    /// When an append is acknowledged: after the disk has it, or after it was handed to the operating system.
    pub sync: SyncMode,
    /// With `sync = "interval"`: how much time may be lost with the power.
    #[serde(with = "duration")]
    pub sync_interval: Duration,
    /// What is done to lines before they are written to the WAL.
    pub wal_compression: WalCompression,
    /// Number of partitions of a new data directory; 0 for one per core. Fixed once the directory exists.
    pub partitions: u32,
    /// Bytes of records and text that may wait for one partition's writer.
    #[serde(with = "byte_size")]
    pub wal_queue_bytes: u64,
    /// Bytes that one partition's memtable may hold before it becomes splits.
    #[serde(with = "byte_size")]
    pub memtable_bytes: u64,
    /// Age at which a memtable becomes splits though it is small.
    #[serde(with = "duration")]
    pub memtable_age: Duration,
    /// Memtables per partition that may wait to be written before appends have to wait, too.
    pub memtables_waiting: usize,
    /// After a kill: bytes of lines that may wait in memory, all partitions together, when the server is ready; more are written as
    /// splits before. At least as many memtables as `memtables_waiting` says.
    #[serde(with = "byte_size")]
    pub recovery_bytes: u64,
    /// zstd level of splits that are written from memtables, 1 to 22.
    pub flush_zstd_level: i32,
    /// zstd level of splits that compaction writes, 1 to 22.
    pub compact_zstd_level: i32,
    /// zstd level of splits of days that are over, which are written once more for good, 1 to 22.
    pub settled_zstd_level: i32,
    /// Splits of similar size that are merged at once.
    pub compact_min_splits: usize,
    /// Bytes of text up to which splits are merged.
    #[serde(with = "byte_size")]
    pub split_target_bytes: u64,
    /// Bytes of indexes and other parts of splits that are kept in memory, of all kinds together.
    #[serde(with = "byte_size")]
    pub cache_bytes: u64,
    /// Lines older than this are removed; `"forever"` or nothing keeps them.
    #[serde(with = "optional_duration")]
    pub retention: Option<Duration>,
    /// Stored bytes of one tenant; the oldest splits go first. Nothing for no limit.
    #[serde(with = "optional_byte_size")]
    pub max_bytes_per_tenant: Option<u64>,
    /// Retention of single tenants, in place of the two settings above.
    pub tenants: BTreeMap<TenantId, TenantRetention>,
    /// Rules by stream; the configuration has them in `[retention]`.
    #[serde(skip)]
    pub stream_rules: StreamRules,
    /// How long a delete request can be cancelled before its lines are removed from the files. They are hidden at once.
    #[serde(with = "duration")]
    pub delete_cancel_period: Duration,
    pub metrics: MetricOptions,
    /// Free bytes on the disk of `data` below which writes are refused.
    #[serde(with = "byte_size")]
    pub min_free: u64,
    /// Bytes that WAL and local splits may take together. Nothing for no limit.
    #[serde(with = "optional_byte_size")]
    pub max_bytes: Option<u64>,
    /// Age at which a stored file that the catalog does not know is removed.
    #[serde(with = "duration")]
    pub orphan_age: Duration,
}

impl Default for StoreOptions {
    fn default() -> Self {
        StoreOptions {
            data: PathBuf::from("data"),
            object_store: String::new(),
            s3: S3Options::default(),
            sync: SyncMode::Always,
            sync_interval: Duration::from_millis(200),
            wal_compression: WalCompression::default(),
            partitions: 0,
            wal_queue_bytes: 32 << 20,
            memtable_bytes: 24 << 20,
            memtable_age: Duration::from_secs(300),
            memtables_waiting: 1,
            recovery_bytes: 448 << 20,
            flush_zstd_level: 1,
            compact_zstd_level: 3,
            settled_zstd_level: 9,
            compact_min_splits: 4,
            split_target_bytes: 512 << 20,
            cache_bytes: 64 << 20,
            retention: None,
            max_bytes_per_tenant: None,
            tenants: BTreeMap::new(),
            stream_rules: StreamRules::default(),
            delete_cancel_period: Duration::from_secs(600),
            metrics: MetricOptions::default(),
            min_free: 256 << 20,
            max_bytes: None,
            orphan_age: Duration::from_secs(3600),
        }
    }
}

impl StoreOptions {
    /// Where splits lie while they are merged, on the local disk whatever `object_store` is. Emptied at every start.
    pub(crate) fn drafts(&self) -> PathBuf {
        self.data.join("drafts")
    }

    /// Every setting that makes no sense, in words.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let mut check = |legal: bool, text: &str| {
            if !legal {
                problems.push(text.to_owned());
            }
        };
        check(!self.data.as_os_str().is_empty(), "store.data must name a directory");
        check(self.partitions <= 256, "store.partitions must be at most 256");
        check(self.memtable_bytes >= 1 << 10, "store.memtable_bytes must be at least 1KiB");
        check(self.memtables_waiting >= 1, "store.memtables_waiting must be at least 1");
        check((1..=22).contains(&self.flush_zstd_level), "store.flush_zstd_level must be 1 to 22");
        check((1..=22).contains(&self.compact_zstd_level), "store.compact_zstd_level must be 1 to 22");
        check((1..=22).contains(&self.settled_zstd_level), "store.settled_zstd_level must be 1 to 22");
        check(self.compact_min_splits >= 2, "store.compact_min_splits must be at least 2");
        check(
            self.object_store.is_empty() || self.object_store.starts_with("s3://"),
            "store.object_store must be empty or start with s3://",
        );
        self.metrics.problems(&mut problems);
        problems
    }

    /// What holds for one tenant.
    pub fn retention_of(&self, tenant: &TenantId) -> TenantRetention {
        let general = TenantRetention { retention: self.retention, max_bytes: self.max_bytes_per_tenant };
        self.tenants.get(tenant).cloned().unwrap_or(general)
    }

    /// How long the tenant's lines are kept, stream by stream.
    pub(crate) fn expiry_of(&self, tenant: &TenantId) -> Arc<TenantExpiry> {
        TenantExpiry::new(self.retention_of(tenant).retention, &self.stream_rules, tenant)
    }
}

/// When an append is acknowledged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SyncMode {
    /// After fdatasync.
    #[default]
    Always,
    /// Before it; a timer syncs.
    Interval,
}

/// How the WAL holds lines. Segments of every kind can be read whatever is set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WalCompression {
    /// As they are: the least CPU, and most bytes for the disk.
    #[default]
    None,
    /// By zstd at its fastest: a third to a quarter of the bytes, for disks that are slow or paid by the byte.
    Zstd,
}

/// Retention of one tenant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TenantRetention {
    #[serde(with = "optional_duration")]
    pub retention: Option<Duration>,
    #[serde(with = "optional_byte_size")]
    pub max_bytes: Option<u64>,
}

/// How to reach S3 or something compatible. What is empty comes from the usual `AWS_` environment variables.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct S3Options {
    pub endpoint: String,
    pub region: String,
    pub access_key_id: String,
    pub secret_access_key: Secret,
    /// Allows an `http://` endpoint.
    pub allow_http: bool,
}

/// A text that is never shown.
#[derive(Clone, Default, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    pub fn new(secret: impl Into<String>) -> Self {
        Secret(secret.into())
    }

    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "\"\"" } else { "\"<secret>\"" })
    }
}

impl Serialize for Secret {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(if self.0.is_empty() { "" } else { "<secret>" })
    }
}
