//! Removes the lines that requests mean from the files: whole splits where nothing else is in them, else by rewriting.

use super::Pending;
use crate::flush::flush_oldest;
use crate::mask::{Mask, StreamMask};
use crate::partition::Partition;
use crate::rewrite::{Fate, fate, rewrite};
use crate::shared::Shared;
use crate::store::Store;
use gantry_model::{TenantId, TimeRange};
use gantry_store_api::StoreError;
use std::sync::Arc;

/// Does what is due: requests that can no longer be cancelled. Gives how many were finished.
pub(crate) async fn carry_out(store: &Store) -> Result<usize, StoreError> {
    let shared = &store.shared;
    let period = i64::try_from(shared.options.delete_cancel_period.as_nanos()).unwrap_or(i64::MAX);
    let limit = shared.clock.now().saturating_sub(period);
    let mut finished = 0;
    for (tenant, pending) in shared.deletes.all_pending() {
        // A later request never comes before an earlier one, even if the clock went back.
        let due: Vec<Arc<Pending>> = pending.iter().take_while(|one| one.created_at <= limit).cloned().collect();
        if due.is_empty() {
            continue;
        }
        let due = shared.deletes.start(&tenant, &due).await?;
        let mut clean = true;
        for partition in &store.partitions {
            clean &= clean_partition(shared, partition, &tenant, &due).await?;
        }
        if clean {
            shared.deletes.finish(&tenant, &due, shared.clock.now()).await?;
            finished += due.len();
        }
    }
    Ok(finished)
}

/// False when some split cannot be read: its request stays in force.
async fn clean_partition(
    shared: &Arc<Shared>,
    partition: &Arc<Partition>,
    tenant: &TenantId,
    due: &[Arc<Pending>],
) -> Result<bool, StoreError> {
    let Some(last) = due.last().map(|pending| pending.number) else { return Ok(true) };
    while partition.holds_memtables_before(last) {
        flush_oldest(shared, partition).await?;
    }
    let _alone = partition.compacting.lock().await;
    let meant = |range: &TimeRange, split: &crate::split::SplitMeta| range.overlaps_closed(split.min_ts, split.max_ts);
    let mut clean = true;
    for split in partition.splits() {
        let meta = split.meta().clone();
        let concerned = due.iter().any(|one| one.number > meta.deletes_through && meant(&one.range, &meta));
        if meta.tenant != *tenant || !concerned {
            continue;
        }
        let mask = Mask::deletes(due, meta.deletes_through);
        let outcome = match fate(&split, &mask, StreamMask::touches).await {
            Ok(Fate::Stays) => continue,
            Ok(fate) => rewrite(shared, partition, split, mask, fate, last).await,
            Err(error) => Err(error),
        };
        if let Err(error) = outcome {
            tracing::error!(split = %meta.id, %error, "deleted lines stay in a split that cannot be rewritten; they are hidden");
            shared.metrics.error("delete", &error);
            clean = false;
        }
    }
    Ok(clean)
}
