//! Whether there is room to write: free space of the disk, and the quota.

use crate::error::io_context;
use gantry_store_api::{ErrorKind, StoreError};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Answers how many bytes the data directory's disk has left.
pub(crate) trait FreeSpace: std::fmt::Debug + Send + Sync {
    fn free_bytes(&self) -> Result<u64, StoreError>;
}

/// Asks the file system.
#[derive(Debug)]
pub(crate) struct FileSystem(pub PathBuf);

impl FreeSpace for FileSystem {
    fn free_bytes(&self) -> Result<u64, StoreError> {
        let stat = rustix::fs::statvfs(&self.0).map_err(std::io::Error::from);
        let stat = io_context(stat, || format!("cannot ask for the free space of {}", self.0.display()))?;
        Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
    }
}

/// The two limits and what counts against the quota.
#[derive(Debug)]
pub(crate) struct Disk {
    free: Arc<dyn FreeSpace>,
    min_free: u64,
    quota: Option<u64>,
    /// Bytes of WAL segments.
    pub wal: AtomicU64,
    /// Bytes of splits; stays 0 when they live elsewhere.
    pub splits: AtomicU64,
}

impl Disk {
    pub(crate) fn new(free: Arc<dyn FreeSpace>, min_free: u64, quota: Option<u64>) -> Self {
        Disk { free, min_free, quota, wal: AtomicU64::new(0), splits: AtomicU64::new(0) }
    }

    /// Whether a new append may be written.
    pub(crate) fn check_write(&self) -> Result<(), StoreError> {
        let used = self.wal.load(Ordering::Relaxed) + self.splits.load(Ordering::Relaxed);
        if let Some(quota) = self.quota.filter(|quota| used >= *quota) {
            let message = format!(
                "the store holds {used} bytes and may hold {quota}; raise store.max_bytes or shorten the retention"
            );
            return Err(StoreError::new(ErrorKind::StorageFull, message));
        }
        self.check_free(0)
    }

    /// Whether `bytes` can be written and still leave the reserve. What makes room in the end, such as a flush, does
    /// not ask: the reserve is there for it.
    pub(crate) fn check_free(&self, bytes: u64) -> Result<(), StoreError> {
        let free = self.free.free_bytes()?;
        if free >= self.min_free.saturating_add(bytes) {
            return Ok(());
        }
        let message = format!(
            "the disk has {free} bytes left, {} are kept in reserve; make room or lower store.min_free",
            self.min_free
        );
        Err(StoreError::new(ErrorKind::StorageFull, message))
    }
}
