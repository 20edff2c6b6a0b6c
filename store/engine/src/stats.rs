//! Numbers for an operator.

use crate::store::Store;
use serde::Serialize;
use std::sync::atomic::Ordering;

/// What the store holds at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct StoreStats {
    pub partitions: usize,
    pub tenants: usize,
    pub splits: u64,
    /// Lines in splits.
    pub split_rows: u64,
    /// Stored bytes of all splits.
    pub split_bytes: u64,
    /// Bytes of bodies and metadata in splits before encoding.
    pub split_text_bytes: u64,
    pub memtable_bytes: u64,
    /// Lines in memtables, repeated ones included.
    pub memtable_rows: u64,
    /// Memtables that wait to become splits.
    pub memtables_waiting: u64,
    pub wal_bytes: u64,
    pub tail_subscribers: u64,
    /// Series in memory.
    pub metric_series: u64,
    /// Bytes of series and samples in memory.
    pub metric_head_bytes: u64,
    pub metric_blocks: u64,
    /// Samples in blocks, repeated ones included.
    pub metric_samples: u64,
    pub metric_block_bytes: u64,
    /// Replaced or expired splits whose files are still being read.
    pub splits_to_remove: u64,
}

impl Store {
    pub fn stats(&self) -> StoreStats {
        use gantry_store_api::Queryable;
        let mut stats = StoreStats {
            partitions: self.partitions.len(),
            tenants: self.tenants().len(),
            wal_bytes: self.shared.disk.wal.load(Ordering::Relaxed),
            tail_subscribers: self.shared.hub.subscribers() as u64,
            splits_to_remove: self.shared.graveyard.len() as u64,
            ..StoreStats::default()
        };
        self.metrics.add_stats(&mut stats);
        for partition in &self.partitions {
            stats.memtable_bytes += partition.memtable_bytes() as u64;
            stats.memtable_rows += partition.memtable_rows() as u64;
            stats.memtables_waiting += partition.waiting() as u64;
            for split in partition.splits() {
                stats.splits += 1;
                stats.split_rows += split.meta().rows;
                stats.split_bytes += split.meta().stored_bytes();
                stats.split_text_bytes += split.meta().text_bytes;
            }
        }
        stats
    }
}
