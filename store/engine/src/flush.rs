//! From a frozen memtable to splits: encode, store, enter in the catalog, swap, release the WAL.

use crate::buckets;
use crate::error::join_error;
use crate::memtable::Memtable;
use crate::partition::{Frozen, Partition};
use crate::shared::{Birth, Shared};
use crate::split::{EncodedSplit, SplitMeta, SplitOptions, SplitWriter};
use gantry_model::{LabelSet, TenantId, TimeRange};
use gantry_store_api::StoreError;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

/// Rows of a block of bodies. Merging holds a block of each input in memory.
const BLOCK_ROWS: usize = 16_384;

/// Most splits that one memtable of one tenant becomes, however many days its lines are spread over.
const MOST_RANGES: usize = 64;

/// Writes the oldest frozen memtable; `false` when there was none.
pub(crate) async fn flush_oldest(shared: &Arc<Shared>, partition: &Arc<Partition>) -> Result<bool, StoreError> {
    let _in_order = partition.flushing.lock().await;
    let Some(frozen) = partition.oldest_frozen() else { return Ok(false) };
    let started = Instant::now();
    let result = write_memtable(shared, partition, &frozen).await;
    let metas = match result {
        Ok(metas) => metas,
        Err(error) => {
            shared.metrics.error("flush", &error);
            partition.flush_failed(&error);
            return Err(error);
        }
    };
    if let Err(error) = shared.catalog.flushed(partition.number, &metas, frozen.end).await {
        shared.metrics.error("catalog", &error);
        partition.flush_failed(&error);
        return Err(error);
    }
    partition.flushed(metas.into_iter().map(|meta| shared.open_split(meta)).collect());
    shared.metrics.memtable_bytes.sub(frozen.memtable.bytes() as i64);
    shared.metrics.memtables_waiting.dec();
    shared.metrics.flushes.inc();
    shared.metrics.flush_seconds.observe(started.elapsed().as_secs_f64());
    if let Err(error) = partition.log.release(shared, frozen.end) {
        // The lines are safe; the files go at the next start.
        tracing::warn!(%error, "a WAL segment that is no longer needed stays");
        shared.metrics.error("release", &error);
    }
    Ok(true)
}

/// One split per tenant and day. Encoded one at a time, so that only one is in memory.
async fn write_memtable(
    shared: &Arc<Shared>,
    partition: &Partition,
    frozen: &Frozen,
) -> Result<Vec<SplitMeta>, StoreError> {
    let memtable = &frozen.memtable;
    let birth = Birth {
        partition: partition.number,
        level: 0,
        settled: false,
        arrived: shared.clock.now(),
        deletes_through: frozen.after_delete,
    };
    let mut metas = Vec::new();
    let mut tenants = memtable.tenants();
    tenants.sort();
    for tenant in tenants {
        for range in in_background(memtable, &tenant, ranges_of).await? {
            let level = shared.options.flush_zstd_level;
            let encoded =
                in_background(memtable, &tenant, move |table, tenant| encode(table, tenant, range, level)).await?;
            if let Some(encoded) = encoded {
                metas.push(shared.store_split(&tenant, birth, encoded).await?);
            }
        }
    }
    Ok(metas)
}

async fn in_background<T: Send + 'static>(
    memtable: &Arc<Memtable>,
    tenant: &TenantId,
    work: impl FnOnce(&Memtable, &TenantId) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    let (memtable, tenant) = (memtable.clone(), tenant.clone());
    tokio::task::spawn_blocking(move || work(&memtable, &tenant)).await.map_err(join_error)?
}

/// The days that the tenant's lines are of.
fn ranges_of(memtable: &Memtable, tenant: &TenantId) -> Result<Vec<TimeRange>, StoreError> {
    let Some((min, max)) = memtable.time_bounds(tenant) else { return Ok(Vec::new()) };
    let (first, last) = (buckets::day(min), buckets::day(max));
    if first == last {
        return Ok(vec![buckets::days(first, last)]);
    }
    let mut days = BTreeSet::new();
    memtable.for_each_sorted(tenant, TimeRange::ALL, &mut |_, at, _, _| {
        days.insert(buckets::day(at));
        Ok(())
    })?;
    Ok(buckets::ranges(&days, MOST_RANGES))
}

fn encode(
    memtable: &Memtable,
    tenant: &TenantId,
    range: TimeRange,
    zstd_level: i32,
) -> Result<Option<EncodedSplit>, StoreError> {
    let mut writer = SplitWriter::new(SplitOptions { zstd_level, block_rows: BLOCK_ROWS, indexed: false })?;
    let mut stream: Option<LabelSet> = None;
    memtable.for_each_sorted(tenant, range, &mut |labels, at, body, metadata| {
        if stream.as_ref() != Some(labels) {
            writer.begin_stream(labels)?;
            stream = Some(labels.clone());
        }
        writer.push(at, body, metadata)
    })?;
    writer.finish()
}
