//! From frozen heads to blocks: encode, store, enter in the catalog, swap, release the log.

use super::block::{BlockMeta, BlockWriter, EncodedBlock, NewRow};
use super::head::Head;
use super::labels;
use super::selection::{Source, read_sources};
use super::shard::{Frozen, Shard};
use super::store::MetricStore;
use crate::buckets;
use crate::error::join_error;
use gantry_chunk::{Scratch, frame, histogram};
use gantry_model::TenantId;
use gantry_model::metric::Samples;
use gantry_store_api::{MillisRange, StoreError};
use std::collections::BTreeSet;

/// Most blocks that one head of one tenant becomes, however many days its samples are spread over.
const MOST_RANGES: usize = 64;

/// Milliseconds of a UTC day.
pub(crate) const DAY_MS: i64 = 86_400_000;

impl MetricStore {
    /// Writes the oldest frozen heads of a shard; `false` when there were none.
    pub(crate) async fn flush_oldest(&self, shard: &Shard) -> Result<bool, StoreError> {
        let _in_order = shard.flushing.lock().await;
        let Some(frozen) = shard.oldest_frozen() else { return Ok(false) };
        if let Err(error) = self.flush_frozen(shard, &frozen).await {
            self.shared.metrics.error("flush", &error);
            shard.flush_failed(&error);
            return Err(error);
        }
        self.counters.flushes.inc();
        if let Err(error) = shard.log.release(&self.shared, frozen.end) {
            // The samples are safe; the files go at the next start.
            tracing::warn!(%error, "a WAL segment that is no longer needed stays");
            self.shared.metrics.error("release", &error);
        }
        Ok(true)
    }

    async fn flush_frozen(&self, shard: &Shard, frozen: &Frozen) -> Result<(), StoreError> {
        // The log has metadata, too.
        self.metadata.save(&self.shared.meta).await?;
        let mut metas = Vec::new();
        let tenants: BTreeSet<TenantId> = frozen.heads.tenants.read().keys().cloned().collect();
        for tenant in tenants {
            for range in with_head(frozen, &tenant, |head| Ok(ranges(head))).await? {
                let level = self.shared.options.metrics.zstd_level;
                let encoded = with_head(frozen, &tenant, move |head| encode(head, range, level)).await?;
                if let Some(encoded) = encoded {
                    metas.push(self.store_block(&tenant, shard.number, (0, 0), encoded).await?);
                }
            }
        }
        let exemplars = self.write_exemplars(shard).await?;
        self.shared.catalog.metrics_flushed(shard.number, &metas, &exemplars, frozen.end).await?;
        self.swap_exemplars(shard, exemplars).await;
        shard.flushed(metas.into_iter().map(|meta| self.open_block(meta)).collect());
        Ok(())
    }

    /// Stores the file of a block of a level and resolution, and describes it for the catalog.
    pub(crate) async fn store_block(
        &self,
        tenant: &TenantId,
        shard: u32,
        (level, resolution_ms): (u8, i64),
        encoded: EncodedBlock,
    ) -> Result<BlockMeta, StoreError> {
        let mut meta = BlockMeta {
            id: self.shared.new_id(),
            tenant: tenant.clone(),
            shard,
            level,
            resolution_ms,
            first_ms: encoded.times.0,
            last_ms: encoded.times.1,
            series: encoded.series,
            samples: encoded.samples,
            parquet: crate::split::ObjectInfo { len: 0, crc32: 0 },
            created_at: self.shared.clock.now(),
        };
        meta.parquet = self.shared.objects.put(&meta.path(), encoded.parquet).await?;
        Ok(meta)
    }
}

async fn with_head<T: Send + 'static>(
    frozen: &Frozen,
    tenant: &TenantId,
    work: impl FnOnce(&Head) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    let (heads, tenant) = (frozen.heads.clone(), tenant.clone());
    let there = move || {
        let tenants = heads.tenants.read();
        let head = tenants.get(&tenant).ok_or_else(|| StoreError::internal("a tenant left a frozen head"))?;
        work(head)
    };
    tokio::task::spawn_blocking(there).await.map_err(join_error)?
}

/// The days that the head's samples are of, as ranges of milliseconds.
fn ranges(head: &Head) -> Vec<MillisRange> {
    let Some((first, last)) = head.times else { return Vec::new() };
    let day = |at: i64| at.div_euclid(DAY_MS);
    if day(last) - day(first) < MOST_RANGES as i64 {
        let of = |day: i64| {
            let first = day.saturating_mul(DAY_MS);
            MillisRange { first, last: first.saturating_add(DAY_MS - 1) }
        };
        return (day(first)..=day(last)).map(of).collect();
    }
    let mut days = BTreeSet::new();
    let (mut scratch, mut samples) = (Scratch::default(), Samples::default());
    for series in &head.series {
        // What cannot be read shows when it is written.
        let sources = [Source::Head(Box::new(series.view()))];
        let _ = read_sources(&sources, MillisRange::ALL, &mut scratch, &mut samples);
        days.extend(samples.timestamps.iter().chain(samples.histograms.iter().map(|(at, _)| at)).map(|at| day(*at)));
    }
    let runs = buckets::ranges(&days, MOST_RANGES);
    // Buckets count in nanoseconds of 64 bits; the outermost ones reach to the ends of time.
    let count = runs.len();
    let bounds: Vec<i64> = runs.iter().map(|run| run.start.0.div_euclid(1_000_000)).collect();
    (0..count)
        .map(|n| MillisRange {
            first: if n == 0 { i64::MIN } else { bounds[n] },
            last: bounds.get(n + 1).map_or(i64::MAX, |next| next - 1),
        })
        .collect()
}

fn encode(head: &Head, range: MillisRange, zstd_level: i32) -> Result<Option<EncodedBlock>, StoreError> {
    let mut order: Vec<usize> = (0..head.series.len()).collect();
    order.sort_unstable_by(|a, b| labels::compare(&head.series[*a].labels, &head.series[*b].labels));
    let mut writer = BlockWriter::new(zstd_level, 0)?;
    let mut encoder = RowEncoder::default();
    for at in order {
        let series = &head.series[at];
        let sources = [Source::Head(Box::new(series.view()))];
        read_sources(&sources, range, &mut encoder.scratch, &mut encoder.samples)
            .map_err(|error| StoreError::corrupt(error.to_string()))?;
        encoder.push(&series.labels, &mut writer)?;
    }
    writer.finish()
}

/// Turns samples into rows.
#[derive(Debug, Default)]
pub(crate) struct RowEncoder {
    pub scratch: Scratch,
    pub samples: Samples,
    numbers: Vec<u8>,
    histograms: Vec<u8>,
}

impl RowEncoder {
    /// Adds a row with `samples`, unless there are none.
    pub(crate) fn push(&mut self, labels: &[u8], writer: &mut BlockWriter) -> Result<(), StoreError> {
        let samples = &self.samples;
        let ends = |times: &mut dyn DoubleEndedIterator<Item = i64>| {
            let first = times.next()?;
            Some((first, times.next_back().unwrap_or(first)))
        };
        let numbers = ends(&mut samples.timestamps.iter().copied());
        let histograms = ends(&mut samples.histograms.iter().map(|(at, _)| *at));
        let times = match (numbers, histograms) {
            (Some(a), Some(b)) => (a.0.min(b.0), a.1.max(b.1)),
            (Some(one), None) | (None, Some(one)) => one,
            (None, None) => return Ok(()),
        };
        self.numbers.clear();
        self.histograms.clear();
        frame::put(&mut self.numbers, &samples.timestamps, &samples.values, &mut self.scratch);
        histogram::put(&mut self.histograms, &samples.histograms, &mut self.scratch);
        let (numbers, histograms) = (&*self.numbers, &*self.histograms);
        writer.push(NewRow { labels, times, samples: samples.len() as u64, numbers, histograms })
    }
}
