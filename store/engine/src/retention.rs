//! Removes splits by age and by size, per tenant, and what is too old in the others, per stream.
//!
//! A split is rewritten without its old lines when all lines of some stream in it are past their retention. A split is of
//! one day, so it is rewritten about once for every period that differs. Queries hide old lines earlier, by their mask.

use crate::expiry::TenantExpiry;
use crate::mask::{Mask, StreamMask};
use crate::partition::Partition;
use crate::rewrite::{Fate, fate, rewrite};
use crate::shared::Shared;
use crate::split::{Split, SplitId, SplitMeta};
use gantry_model::{TenantId, Timestamp};
use gantry_store_api::StoreError;
use parking_lot::Mutex;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// When the next stream of a split will be past its retention, so that its index is not read before.
#[derive(Debug, Default)]
pub(crate) struct Reminders(Mutex<HashMap<SplitId, Timestamp>>);

impl Reminders {
    fn is_due(&self, split: &SplitId, now: Timestamp) -> bool {
        self.0.lock().get(split).is_none_or(|at| *at <= now)
    }

    fn remind(&self, split: &SplitId, at: Timestamp) {
        self.0.lock().insert(split.clone(), at);
    }

    fn forget_all_but(&self, known: &[Arc<Split>]) {
        let known: std::collections::HashSet<&SplitId> = known.iter().map(|split| &split.meta().id).collect();
        self.0.lock().retain(|id, _| known.contains(id));
    }
}

/// Removes what is due now; gives how many splits were removed or rewritten.
pub(crate) async fn enforce(shared: &Arc<Shared>, partitions: &[Arc<Partition>]) -> Result<usize, StoreError> {
    let mut by_tenant: BTreeMap<TenantId, Vec<Arc<Split>>> = BTreeMap::new();
    let all: Vec<Arc<Split>> = partitions.iter().flat_map(|partition| partition.splits()).collect();
    shared.reminders.forget_all_but(&all);
    for split in all {
        by_tenant.entry(split.meta().tenant.clone()).or_default().push(split);
    }
    let now = shared.clock.now();
    let mut removed = 0;
    for (tenant, splits) in by_tenant {
        let limits = shared.options.retention_of(&tenant);
        let expiry = shared.options.expiry_of(&tenant);
        let metas: Vec<SplitMeta> = splits.iter().map(|split| split.meta().clone()).collect();
        drop(splits);
        for meta in due(metas, Some(expiry.earliest(now)), limits.max_bytes) {
            removed += usize::from(remove(shared, partitions, &tenant, meta).await?);
        }
        if expiry.has_streams() {
            for partition in partitions {
                removed += enforce_streams(shared, partition, &tenant, &expiry).await?;
            }
        }
    }
    Ok(removed)
}

/// Rewrites the splits in which all lines of some stream are too old.
async fn enforce_streams(
    shared: &Arc<Shared>,
    partition: &Partition,
    tenant: &TenantId,
    expiry: &Arc<TenantExpiry>,
) -> Result<usize, StoreError> {
    let now = shared.clock.now();
    let (mask, latest) = (Mask::default().and_expired(expiry, now), expiry.latest(now));
    let _alone = partition.compacting.lock().await;
    let mut changed = 0;
    for split in partition.mergeable_splits() {
        let meta = split.meta().clone();
        if meta.tenant != *tenant || meta.min_ts >= latest || !shared.reminders.is_due(&meta.id, now) {
            continue;
        }
        let outcome = match fate(&split, &mask, StreamMask::hides_all).await {
            Ok(Fate::Stays) => remind(shared, &split, expiry).await,
            Ok(fate) => {
                changed += 1;
                rewrite(shared, partition, split, mask.clone(), fate, 0).await
            }
            Err(error) => Err(error),
        };
        if let Err(error) = outcome {
            tracing::error!(split = %meta.id, %error, "lines past their retention stay in a split that cannot be rewritten");
            shared.metrics.error("retention", &error);
            partition.leave_unmerged(meta.id);
        }
    }
    Ok(changed)
}

async fn remind(shared: &Shared, split: &Split, expiry: &TenantExpiry) -> Result<(), StoreError> {
    let open = split.open().await?;
    let next = open.index.streams.iter().map(|stream| expiry.gone_at(&stream.labels, stream.max_ts)).min();
    shared.reminders.remind(&split.meta().id, next.unwrap_or(Timestamp::MAX));
    Ok(())
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
    shared.versions.changed(tenant);
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
            settled: false,
            min_ts: Timestamp(0),
            max_ts: Timestamp(max_ts),
            rows: 1,
            streams: 1,
            text_bytes: 1,
            parquet: ObjectInfo { len: bytes, crc32: 0 },
            index: ObjectInfo { len: 0, crc32: 0 },
            created_at: Timestamp(0),
            arrived: Timestamp(0),
            deletes_through: 0,
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
