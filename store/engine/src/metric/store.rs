//! [`MetricStore`]: shards put together, and the traits of the contract on top of them.

use super::block::{Block, BlockMeta};
use super::counters::MetricCounters;
use super::exemplar_file::{self, ExemplarMeta};
use super::head::SeriesCounts;
use super::labels;
use super::metadata::Metadata;
use super::options::millis;
use super::querier::{ShardSnapshot, Snapshot};
use super::replay::Replay;
use super::shard::Shard;
use super::writer::{Item, Writer};
use crate::catalog::Contents;
use crate::compaction::Effort;
use crate::error::io_context;
use crate::graveyard::Buried;
use crate::shared::Shared;
use crate::stats::StoreStats;
use crate::store::Store;
use crate::wal::appender::WriteGroups;
use crate::wal::queue::stopping;
use crate::wal::writer::answered;
use async_trait::async_trait;
use gantry_model::metric::{MetricBatch, MetricMetadata};
use gantry_model::{TenantId, TimeRange, Timestamp};
use gantry_store_api::{
    AppendMetrics, Cardinality, ErrorKind, MetricCommit, MetricQuerier, MillisRange, QueryMetrics, StoreError,
};
use object_store::path::Path;
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use tokio::sync::oneshot;

/// Most bytes of a batch.
const MOST_BATCH: usize = 256 << 20;

/// Where to, positions and hashes of series, new metadata.
type Part<'a> = (&'a Arc<Shard>, Vec<(u32, u64)>, Vec<(String, MetricMetadata)>);

#[derive(Debug)]
pub(crate) struct MetricStore {
    pub shared: Arc<Shared>,
    pub shards: Vec<Arc<Shard>>,
    pub metadata: Arc<Metadata>,
    pub counters: MetricCounters,
    counts: Arc<SeriesCounts>,
    writers: Mutex<Vec<JoinHandle<()>>>,
    /// By shard and tenant.
    pub exemplar_files: Mutex<BTreeMap<(u32, TenantId), ExemplarMeta>>,
}

impl MetricStore {
    /// Replays the logs of all shards, then starts their writers.
    pub(crate) async fn open(
        shared: &Arc<Shared>,
        shards: u32,
        contents: &Contents,
        counters: MetricCounters,
    ) -> Result<Self, StoreError> {
        let counts = Arc::new(SeriesCounts::default());
        let metadata = Arc::new(Metadata::default());
        metadata.open(&*shared.meta).await?;
        let options = &shared.options;
        let new_shard = |number: u32| {
            let dir = options.data.join("wal").join(format!("m{number:03}"));
            let exemplars = options.metrics.exemplars.div_ceil(shards.max(1) as usize);
            Arc::new(Shard::new(number, dir, options.wal_queue_bytes as usize, exemplars))
        };
        let shards: Vec<Arc<Shard>> = (0..shards).map(new_shard).collect();
        for meta in &contents.exemplars {
            if let Some(shard) = shards.get(meta.shard as usize) {
                exemplar_file::load(&shared.objects, meta, &shard.exemplars).await;
            }
        }
        let replays = shards.iter().map(|shard| {
            let (shared, shard) = (shared.clone(), shard.clone());
            let from = contents.metrics_flushed.get(&shard.number).copied().unwrap_or_default();
            Replay { shared, shard, counts: counts.clone(), metadata: metadata.clone() }.run(from)
        });
        let next_segments = futures::future::try_join_all(replays).await?;
        let mut writers = Vec::with_capacity(shards.len());
        for (shard, next) in shards.iter().zip(next_segments) {
            let writer = Writer::new((shard.clone(), shards.len() as u64), shared.clone(), counts.clone(), next);
            let thread = std::thread::Builder::new().name(format!("wal-m{:03}", shard.number));
            let shard = shard.clone();
            let run = move || writer.run(&shard.queue);
            writers.push(io_context(thread.spawn(run), || "cannot start a WAL writer")?);
        }
        let writers = Mutex::new(writers);
        let files = contents.exemplars.iter().map(|meta| ((meta.shard, meta.tenant.clone()), meta.clone()));
        let exemplar_files = Mutex::new(files.collect());
        let store = MetricStore { shared: shared.clone(), shards, metadata, counters, counts, writers, exemplar_files };
        for meta in contents.blocks.iter().cloned() {
            let Some(shard) = store.shards.get(meta.shard as usize) else {
                let message = format!("block {} is of shard {}, which does not exist", meta.id, meta.shard);
                return Err(StoreError::corrupt(message));
            };
            shard.add_blocks(vec![store.open_block(meta)]);
        }
        Ok(store)
    }

    /// Makes an entry of the catalog readable.
    pub(crate) fn open_block(&self, meta: BlockMeta) -> Arc<Block> {
        let bytes = meta.parquet.len;
        self.counters.blocks.inc();
        self.counters.block_bytes.add(bytes as i64);
        if self.shared.objects.is_local() {
            self.shared.disk.splits.fetch_add(bytes, Ordering::Relaxed);
        }
        Block::new(self.shared.objects.store.clone(), meta, self.shared.cache.clone())
    }

    /// A block left the catalog: its file goes when nobody reads it any more.
    pub(crate) fn bury(&self, block: &Arc<Block>) {
        let meta = block.meta();
        self.counters.blocks.dec();
        self.counters.block_bytes.sub(meta.parquet.len as i64);
        if self.shared.objects.is_local() {
            self.shared.disk.splits.fetch_sub(meta.parquet.len, Ordering::Relaxed);
        }
        let held: Arc<dyn Buried> = block.clone();
        self.shared.graveyard.bury_files(&held, vec![meta.path()]);
    }

    /// Files of all blocks, and of exemplars.
    pub(crate) fn files(&self) -> Vec<Path> {
        let blocks = self.shards.iter().flat_map(|shard| shard.blocks()).map(|block| block.meta().path());
        blocks.chain(self.exemplar_files.lock().values().map(ExemplarMeta::path)).collect()
    }

    /// Samples of a resolution before this instant in milliseconds are past their retention.
    pub(crate) fn earliest(&self, tenant: &TenantId, resolution_ms: i64) -> i64 {
        let now = self.shared.clock.now().0 / 1_000_000;
        let retention = self.shared.options.metrics.retention_of(tenant, resolution_ms);
        retention.map_or(i64::MIN, |period| now.saturating_sub(millis(period)))
    }

    /// Changes with the samples of a range; `None` for those that may be thinned out or removed at any moment.
    pub(crate) fn version(&self, tenant: &TenantId, range: MillisRange) -> Option<u64> {
        let time = |at: i64| Timestamp(at.saturating_mul(1_000_000));
        let span = TimeRange::new(time(range.first), time(range.last).saturating_add(1));
        (range.first >= self.earliest(tenant, 0)).then(|| self.shared.metric_versions.of(tenant, &span))
    }

    /// Turns all that was appended before into blocks.
    pub(crate) async fn flush(&self) -> Result<(), StoreError> {
        for shard in &self.shards {
            loop {
                while self.flush_oldest(shard).await? {}
                match answered(shard.queue.request_freeze()?).await {
                    Err(error) if error.kind() == ErrorKind::Overloaded => {}
                    frozen => break frozen?,
                }
            }
            while self.flush_oldest(shard).await? {}
        }
        Ok(())
    }

    /// Bytes of the logs that a start would have to read.
    pub(crate) fn log_bytes(&self) -> u64 {
        self.shards.iter().map(|shard| shard.active_log_bytes()).sum()
    }

    /// Writes frozen heads.
    pub(crate) async fn flush_frozen_heads(&self) -> Result<(), StoreError> {
        for shard in &self.shards {
            while self.flush_oldest(shard).await? {}
        }
        Ok(())
    }

    /// Asks for heads that are old to be frozen.
    pub(crate) async fn freeze_old(&self) {
        let age = i64::try_from(self.shared.options.metrics.head_age.as_nanos()).unwrap_or(i64::MAX);
        let limit = self.shared.clock.now().saturating_sub(age);
        for shard in &self.shards {
            let is_old = shard.active_since().is_some_and(|since| since <= limit);
            if is_old && let Ok(request) = shard.queue.request_freeze() {
                // Whether it worked shows at the next tick.
                let _ = answered(request).await;
            }
        }
        self.measure();
    }

    /// Merges until nothing is left to do.
    pub(crate) async fn compact(&self, effort: Effort) -> Result<(), StoreError> {
        for shard in &self.shards {
            loop {
                let merged = self.compact_once(shard, effort).await;
                if !merged.inspect_err(|error| self.shared.metrics.error("compaction", error))? {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Nothing more is accepted; gives the threads that finish what was handed over.
    pub(crate) fn close(&self) -> Vec<JoinHandle<()>> {
        self.shards.iter().for_each(|shard| shard.queue.close());
        std::mem::take(&mut *self.writers.lock())
    }

    /// Sets the gauges to what is in memory now.
    pub(crate) fn measure(&self) {
        let heads = self.shards.iter().flat_map(|shard| shard.heads());
        self.counters.head_bytes.set(heads.map(|heads| heads.memory()).sum::<u64>() as i64);
        self.counters.series.set(self.counts.total() as i64);
    }

    pub(crate) fn add_stats(&self, stats: &mut StoreStats) {
        stats.metric_series = self.counts.total();
        for shard in &self.shards {
            stats.metric_head_bytes += shard.heads().iter().map(|heads| heads.memory()).sum::<u64>();
            for block in shard.blocks() {
                stats.metric_blocks += 1;
                stats.metric_samples += block.meta().samples;
                stats.metric_block_bytes += block.meta().parquet.len;
            }
        }
    }

    async fn append(&self, tenant: &TenantId, batch: MetricBatch) -> Result<MetricCommit, StoreError> {
        let size = batch.size_bytes();
        if size > MOST_BATCH {
            return Err(StoreError::new(ErrorKind::Invalid, "a batch may hold at most 256 MiB"));
        }
        let batch = Arc::new(batch);
        let parts = self.scatter(tenant, &batch);
        // Everything that can wait comes before the first hand-over: a cancelled append is whole or absent.
        let mut items = Vec::with_capacity(parts.len());
        let mut answers = Vec::with_capacity(parts.len());
        let (count, total) = (parts.len(), batch.series().len().max(1));
        for (shard, series, metadata) in parts {
            let share = if count == 1 { size } else { size * series.len() / total };
            let room = shard.queue.reserve(share).await?;
            let (answer, receiver) = oneshot::channel();
            let (tenant, batch) = (tenant.clone(), batch.clone());
            items.push((shard, Item { tenant, batch, series, metadata, answer, room }));
            answers.push(receiver);
        }
        for (shard, item) in items {
            shard.queue.push(item)?;
        }
        let mut commit = MetricCommit::default();
        for receiver in answers {
            let part = receiver.await.unwrap_or_else(|_| Err(stopping()))?;
            add(&mut commit, part);
        }
        self.counters.committed(&commit);
        Ok(commit)
    }

    /// Which series go where. Metadata that is new goes with the first shard.
    fn scatter(&self, tenant: &TenantId, batch: &MetricBatch) -> Vec<Part<'_>> {
        let shards = self.shards.len() as u64;
        let mut series: Vec<Vec<(u32, u64)>> =
            (0..shards).map(|_| Vec::with_capacity(batch.series().len() / shards as usize + 16)).collect();
        for (at, one) in batch.series().iter().enumerate() {
            let hash = labels::hash(batch.labels(one).as_bytes());
            // The low bits choose the place in a shard's table.
            series[((hash >> 32) % shards) as usize].push((at as u32, hash));
        }
        let is_new = |(family, about): &&(String, MetricMetadata)| self.metadata.add(tenant, family, about.clone());
        let mut metadata: Vec<_> = batch.metadata().iter().filter(is_new).cloned().collect();
        let parts = self.shards.iter().zip(series);
        parts
            .map(|(shard, series)| (shard, series, std::mem::take(&mut metadata)))
            .filter(|(_, series, metadata)| !series.is_empty() || !metadata.is_empty())
            .collect()
    }

    fn querier(&self, tenant: &TenantId) -> Arc<dyn MetricQuerier> {
        let snapshot = |shard: &Arc<Shard>| {
            let (heads, blocks) = shard.snapshot(tenant);
            ShardSnapshot { shard: shard.clone(), heads, blocks }
        };
        Arc::new(Snapshot {
            tenant: tenant.clone(),
            shards: self.shards.iter().map(snapshot).collect(),
            earliest: self.earliest(tenant, i64::MAX),
        })
    }

    fn tenants(&self) -> Vec<TenantId> {
        let mut tenants = BTreeSet::new();
        for heads in self.shards.iter().flat_map(|shard| shard.heads()) {
            let there = heads.tenants.read();
            tenants.extend(there.iter().filter(|(_, head)| head.samples > 0).map(|(tenant, _)| tenant.clone()));
        }
        for block in self.shards.iter().flat_map(|shard| shard.blocks()) {
            tenants.insert(block.meta().tenant.clone());
        }
        tenants.into_iter().collect()
    }

    fn cardinality(&self, tenant: &TenantId, limit: usize) -> Cardinality {
        let mut sum = Cardinality::default();
        let (mut values, mut bytes) = (HashMap::<String, BTreeMap<String, u64>>::new(), HashMap::<String, u64>::new());
        for shard in &self.shards {
            let active = shard.active();
            let tenants = active.tenants.read();
            let Some(head) = tenants.get(tenant) else { continue };
            sum.series += u64::from(head.index.len());
            sum.chunks += head.series.len() as u64;
            sum.times = match (sum.times, head.times) {
                (Some(a), Some(b)) => Some((a.0.min(b.0), a.1.max(b.1))),
                (a, b) => a.or(b),
            };
            for (name, pairs) in head.index.names() {
                let of_name = values.entry(name.to_owned()).or_default();
                for (value, series) in pairs {
                    *of_name.entry(value.to_owned()).or_default() += series as u64;
                    *bytes.entry(name.to_owned()).or_default() += (value.len() * series) as u64;
                }
            }
        }
        sum.label_pairs = values.values().map(|values| values.len() as u64).sum();
        sum.values_by_label = most(values.iter().map(|(name, values)| (name.clone(), values.len() as u64)), limit);
        sum.bytes_by_label = most(bytes.into_iter(), limit);
        let metrics = values.get(gantry_model::metric::METRIC_NAME).into_iter().flatten();
        sum.series_by_metric = most(metrics.map(|(name, count)| (name.clone(), *count)), limit);
        let pairs = values
            .iter()
            .flat_map(|(name, values)| values.iter().map(move |(value, count)| (format!("{name}={value}"), *count)));
        sum.series_by_pair = most(pairs, limit);
        sum
    }
}

/// The largest first; of equals by name.
fn most(rows: impl Iterator<Item = (String, u64)>, limit: usize) -> Vec<(String, u64)> {
    let mut rows: Vec<_> = rows.collect();
    rows.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    rows.truncate(limit);
    rows
}

fn add(sum: &mut MetricCommit, part: MetricCommit) {
    sum.samples += part.samples;
    sum.histograms += part.histograms;
    sum.exemplars += part.exemplars;
    for (reason, count) in part.rejected {
        *sum.rejected.entry(reason).or_default() += count;
    }
    sum.refused.extend(part.refused);
    sum.first_rejection = sum.first_rejection.take().or(part.first_rejection);
}

#[async_trait]
impl AppendMetrics for Store {
    async fn append_metrics(&self, tenant: &TenantId, batch: MetricBatch) -> Result<MetricCommit, StoreError> {
        self.metrics.append(tenant, batch).await
    }
}

impl QueryMetrics for Store {
    fn metric_querier(&self, tenant: &TenantId) -> Arc<dyn MetricQuerier> {
        self.metrics.querier(tenant)
    }

    fn metric_version(&self, tenant: &TenantId, range: MillisRange) -> Option<u64> {
        self.metrics.version(tenant, range)
    }

    fn metadata(&self, tenant: &TenantId, family: Option<&str>) -> BTreeMap<String, BTreeSet<MetricMetadata>> {
        self.metrics.metadata.get(tenant, family)
    }

    fn cardinality(&self, tenant: &TenantId, limit: usize) -> Cardinality {
        self.metrics.cardinality(tenant, limit)
    }

    fn metric_tenants(&self) -> Vec<TenantId> {
        self.metrics.tenants()
    }
}
