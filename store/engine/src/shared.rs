//! What all parts of one store share.

use crate::StoreOptions;
use crate::cache::Cache;
use crate::catalog::Catalog;
use crate::deletes::Deletes;
use crate::disk::Disk;
use crate::error::meta_error;
use crate::graveyard::Graveyard;
use crate::metrics::Metrics;
use crate::objects::Objects;
use crate::retention::Reminders;
use crate::split::{EncodedSplit, Split, SplitId, SplitMeta};
use crate::tail::TailHub;
use crate::versions::Versions;
use gantry_meta::{MetaStore, RedbMeta};
use gantry_model::{Clock, TenantId, Timestamp};
use gantry_store_api::StoreError;
use parking_lot::Mutex;
use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::sync::Notify;

/// Where a new split belongs and what it comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Birth {
    pub partition: u32,
    pub level: u8,
    pub settled: bool,
    /// See [`SplitMeta::arrived`].
    pub arrived: Timestamp,
    /// See [`SplitMeta::deletes_through`].
    pub deletes_through: u64,
}

impl Birth {
    /// As a split that is there.
    pub(crate) fn of(meta: &SplitMeta) -> Self {
        Birth {
            partition: meta.partition,
            level: meta.level,
            settled: meta.settled,
            arrived: meta.arrived(),
            deletes_through: meta.deletes_through,
        }
    }
}

#[derive(Debug)]
pub(crate) struct Shared {
    pub options: StoreOptions,
    pub clock: Arc<dyn Clock>,
    pub meta: Arc<dyn MetaStore>,
    pub catalog: Catalog,
    pub objects: Objects,
    pub disk: Disk,
    pub hub: Arc<TailHub>,
    pub metrics: Metrics,
    pub graveyard: Graveyard,
    pub deletes: Deletes,
    pub reminders: Reminders,
    /// Of lines.
    pub versions: Versions,
    /// Of samples.
    pub metric_versions: Versions,
    /// Told when a memtable was frozen.
    pub frozen: Notify,
    /// Told when heads of metrics were frozen.
    pub heads_frozen: Notify,
    /// Held while splits are merged or rewritten: the memory of a merge is needed once, whoever asks for it.
    pub merging: tokio::sync::Mutex<()>,
    pub cache: Arc<Cache>,
    last_id: Mutex<i64>,
    process: u32,
}

impl Shared {
    pub(crate) fn open(
        options: StoreOptions,
        clock: Arc<dyn Clock>,
        disk: Disk,
        metrics: Metrics,
    ) -> Result<Self, StoreError> {
        let meta = RedbMeta::open(options.data.join("meta.redb")).map_err(meta_error)?;
        let meta: Arc<dyn MetaStore> = Arc::new(meta);
        let budget = usize::try_from(options.cache_bytes).unwrap_or(usize::MAX);
        Ok(Shared {
            cache: Cache::counted(budget, metrics.cache.clone()),
            catalog: Catalog::new(meta.clone()),
            deletes: Deletes::new(meta.clone()),
            reminders: Reminders::default(),
            versions: Versions::default(),
            metric_versions: Versions::default(),
            meta,
            objects: Objects::open(&options)?,
            disk,
            hub: TailHub::new(metrics.clone()),
            metrics,
            graveyard: Graveyard::default(),
            frozen: Notify::new(),
            heads_frozen: Notify::new(),
            merging: tokio::sync::Mutex::default(),
            last_id: Mutex::new(0),
            process: std::hash::RandomState::new().build_hasher().finish() as u32,
            options,
            clock,
        })
    }

    /// An id that sorts after all earlier ones and that no other process makes, even if the clock stands still.
    pub(crate) fn new_id(&self) -> SplitId {
        let mut last = self.last_id.lock();
        *last = self.clock.now().0.max(*last + 1);
        SplitId(format!("{:016x}-{:08x}", *last, self.process))
    }

    /// Makes an entry of the catalog readable.
    pub(crate) fn open_split(&self, meta: SplitMeta) -> Arc<Split> {
        self.metrics.splits.inc();
        self.metrics.split_bytes.add(meta.stored_bytes() as i64);
        if self.objects.is_local() {
            self.disk.splits.fetch_add(meta.stored_bytes(), Ordering::Relaxed);
        }
        Split::new(self.objects.store.clone(), meta, self.cache.clone())
    }

    /// A split left the catalog: its files go when nobody reads it any more.
    pub(crate) fn bury(&self, split: Arc<Split>) {
        let bytes = split.meta().stored_bytes();
        self.metrics.splits.dec();
        self.metrics.split_bytes.sub(bytes as i64);
        if self.objects.is_local() {
            self.disk.splits.fetch_sub(bytes, Ordering::Relaxed);
        }
        self.graveyard.bury(split);
    }

    /// Stores both files of a split, data before index, and describes it for the catalog.
    pub(crate) async fn store_split(
        &self,
        tenant: &TenantId,
        birth: Birth,
        encoded: EncodedSplit,
    ) -> Result<SplitMeta, StoreError> {
        let summary = encoded.summary;
        let unknown = crate::split::ObjectInfo { len: 0, crc32: 0 };
        let mut meta = SplitMeta {
            id: self.new_id(),
            tenant: tenant.clone(),
            partition: birth.partition,
            level: birth.level,
            settled: birth.settled,
            min_ts: summary.min_ts,
            max_ts: summary.max_ts,
            rows: summary.rows,
            streams: summary.streams,
            text_bytes: summary.text_bytes,
            parquet: unknown,
            index: unknown,
            created_at: self.clock.now(),
            arrived: birth.arrived,
            deletes_through: birth.deletes_through,
        };
        meta.parquet = self.objects.put_split(&meta.parquet_path(), encoded.parquet).await?;
        meta.index = self.objects.put(&meta.index_path(), encoded.index).await?;
        Ok(meta)
    }
}
