//! The log store: an acknowledged line survives a crash, can be queried at once, and ends up in small, open files.
//!
//! ```text
//!   append --> WAL (one writer per partition, group commit) --> memtable --> tails --> acknowledged
//!                                                                  |
//!                                         flush: splits (Parquet + index) + one catalog transaction
//!                                                                  |
//!                                               compaction, retention, removal of files
//! ```
//! Start with [`Store`], then `partition` for what a snapshot is, `wal` for durability, [`split`] for the files.
//! Never here: HTTP, query languages, who may do what.

mod background;
mod buckets;
pub mod cache;
mod catalog;
mod check;
mod compaction;
mod deletes;
mod disk;
mod error;
mod expiry;
pub mod export;
mod flush;
mod graveyard;
mod held;
mod lock;
pub mod mask;
mod masked;
pub mod memtable;
mod merge;
mod metric;
mod metrics;
mod objects;
mod options;
mod partition;
pub mod querier;
mod recovery;
mod retention;
mod rewrite;
mod scan;
mod scatter;
mod shared;
pub mod split;
mod stats;
mod store;
mod tail;
#[cfg(test)]
mod tests;
mod units;
mod versions;
mod wal;

pub use check::{CheckReport, Problem, Severity, check};
pub use expiry::{StreamRetention, StreamRules};
pub use metric::{Kept, MetricOptions, MetricTenant};
pub use options::{S3Options, Secret, StoreOptions, SyncMode, TenantRetention, WalCompression};
pub use stats::StoreStats;
pub use store::Store;
