//! [`MetaStore`]: small, precious, transactional key-value data: catalogs, checkpoints, desired state.
//!
//! Two implementations, one contract suite: [`RedbMeta`] keeps everything in one file, [`MemoryMeta`] in memory for tests.
//! Start with the trait. Never here: what the keys mean, bulk data, a clock.

mod error;
mod memory;
mod redb;
mod types;
mod watch;

#[cfg(test)]
mod contract;

pub use crate::redb::RedbMeta;
pub use error::{MetaError, MetaErrorKind};
pub use memory::MemoryMeta;
pub use types::{Compare, Entry, Expect, Op, TxnOutcome};
pub use watch::{Change, Watch, WatchEvent};

use async_trait::async_trait;

/// A transactional map from text keys to bytes.
///
/// # Rules for implementers
/// - A transaction happens whole or not at all, and is durable when `txn` returns.
/// - Revisions rise by one with every committed transaction that changes something, also across restarts. The version of
///   a key is the revision that last wrote it.
/// - All compares are evaluated before any operation, on one consistent state. Of several operations on one key the last
///   one counts.
/// - Watchers see committed changes in order of revision, each once, or are told that they missed some.
/// - Reads see every transaction that returned before they began.
#[async_trait]
pub trait MetaStore: std::fmt::Debug + Send + Sync {
    async fn get(&self, key: &str) -> Result<Option<Entry>, MetaError>;

    /// All entries whose key starts with `prefix`, sorted by key, from one consistent state.
    async fn range(&self, prefix: &str) -> Result<Vec<Entry>, MetaError>;

    /// Applies `ops` when every compare holds.
    async fn txn(&self, compares: Vec<Compare>, ops: Vec<Op>) -> Result<TxnOutcome, MetaError>;

    /// Changes of keys under `prefix` that are committed from now on.
    fn watch(&self, prefix: &str) -> Watch;

    /// Writes one key whatever it holds.
    async fn put(&self, key: &str, value: Vec<u8>) -> Result<(), MetaError> {
        self.txn(Vec::new(), vec![Op::put(key, value)]).await.map(|_| ())
    }
}
