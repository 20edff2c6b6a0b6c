//! Removes whole splits by age and by size, per tenant.

use crate::partition::Partition;
use crate::shared::Shared;
use crate::split::{Split, SplitMeta};
use gantry_model::{TenantId, Timestamp};
use gantry_store_api::StoreError;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Removes what is due now; gives how many splits that were.
pub(crate) async fn enforce(shared: &Arc<Shared>, partitions: &[Arc<Partition>]) -> Result<usize, StoreError> {
    let mut by_tenant: BTreeMap<TenantId, Vec<Arc<Split>>> = BTreeMap::new();
    for split in partitions.iter().flat_map(|partition| partition.splits()) {
        by_tenant.entry(split.meta().tenant.clone()).or_default().push(split);
    }
    let now = shared.clock.now();
    let mut removed = 0;
    for (tenant, splits) in by_tenant {
        let limits = shared.options.retention_of(&tenant);
        let age = limits.retention.map(|age| i64::try_from(age.as_nanos()).unwrap_or(i64::MAX));
        let metas: Vec<SplitMeta> = splits.iter().map(|split| split.meta().clone()).collect();
        drop(splits);
        for meta in due(metas, age.map(|age| now.saturating_sub(age)), limits.max_bytes) {
            removed += usize::from(remove(shared, partitions, &tenant, meta).await?);
        }
    }
    Ok(removed)
}

/// Splits whose last line is older than `cutoff`, then the oldest of the rest until they fit `max_bytes`.
fn due(mut splits: Vec<SplitMeta>, cutoff: Option<Timestamp>, max_bytes: Option<u64>) -> Vec<SplitMeta> {
    splits.sort_by_key(|meta| meta.max_ts);
    let mut kept: u64 = splits.iter().map(SplitMeta::stored_bytes).sum();
    let is_due = |meta: &SplitMeta| {
        let expired = cutoff.is_some_and(|cutoff| meta.max_ts < cutoff);
        let too_much = max_bytes.is_some_and(|most| kept > most);
        if expired || too_much {
            kept -= meta.stored_bytes();
        }
        expired || too_much
    };
    splits.into_iter().filter(is_due).collect()
}

/// `false` when compaction replaced the split in the meantime: its successor's turn comes with the next round.
async fn remove(
    shared: &Arc<Shared>,
    partitions: &[Arc<Partition>],
    tenant: &TenantId,
    meta: SplitMeta,
) -> Result<bool, StoreError> {
    let Some(partition) = partitions.iter().find(|partition| partition.number == meta.partition) else {
        return Ok(false);
    };
    let _no_merge = partition.compacting.lock().await;
    let still_there = partition.splits().iter().any(|split| split.meta().id == meta.id);
    if !still_there {
        return Ok(false);
    }
    let old = [meta];
    shared.catalog.replace(&old, &[]).await?;
    for split in partition.replace(tenant, &old, None) {
        shared.bury(split);
    }
    shared.metrics.retired_splits.inc();
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::split::{ObjectInfo, SplitId};

    fn meta(max_ts: i64, bytes: u64) -> SplitMeta {
        SplitMeta {
            id: SplitId(max_ts.to_string()),
            tenant: TenantId::default_tenant(),
            partition: 0,
            level: 0,
            min_ts: Timestamp(0),
            max_ts: Timestamp(max_ts),
            rows: 1,
            streams: 1,
            text_bytes: 1,
            parquet: ObjectInfo { len: bytes, crc32: 0 },
            index: ObjectInfo { len: 0, crc32: 0 },
            created_at: Timestamp(0),
        }
    }

    fn due_at(splits: Vec<SplitMeta>, cutoff: Option<i64>, max_bytes: Option<u64>) -> Vec<i64> {
        due(splits, cutoff.map(Timestamp), max_bytes).iter().map(|meta| meta.max_ts.0).collect()
    }

    #[test]
    fn a_split_goes_when_its_last_line_is_too_old() {
        let splits = vec![meta(30, 1), meta(10, 1), meta(20, 1)];
        assert_eq!(due_at(splits.clone(), Some(20), None), [10]);
        assert_eq!(due_at(splits, None, None), Vec::<i64>::new());
    }

    #[test]
    fn the_oldest_go_until_the_rest_fits() {
        let splits = vec![meta(30, 50), meta(10, 50), meta(20, 50)];
        assert_eq!(due_at(splits.clone(), None, Some(100)), [10]);
        assert_eq!(due_at(splits.clone(), None, Some(99)), [10, 20]);
        assert_eq!(due_at(splits, Some(20), Some(100)), [10]);
    }
}
