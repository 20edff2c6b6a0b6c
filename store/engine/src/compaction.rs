//! Which splits to merge, and doing it.

use crate::StoreOptions;
use crate::buckets;
use crate::mask::Mask;
use crate::merge::{Input, MergeError, merge};
use crate::partition::Partition;
use crate::shared::{Birth, Shared};
use crate::split::{Split, SplitMeta};
use gantry_model::{TenantId, Timestamp};
use gantry_store_api::StoreError;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

/// Splits smaller than this count as equally small.
const SMALLEST_TIER: u64 = 4 << 20;
/// Most inputs of one merge.
const MOST_INPUTS: usize = 32;
/// A day that ended this long ago, and got no split since, is merged into as few splits as possible.
const SETTLED_NANOS: i64 = 3_600 * 1_000_000_000;

/// How eager to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effort {
    /// What pays off.
    Tiered { now: Timestamp },
    /// Until every group is as few splits as the target size allows, all written by compaction.
    Everything,
}

/// Does one merge of the partition, if any is due.
pub(crate) async fn compact_once(
    shared: &Arc<Shared>,
    partition: &Partition,
    effort: Effort,
) -> Result<bool, StoreError> {
    let _alone = partition.compacting.lock().await;
    let Some(inputs) = pick(shared, partition.mergeable_splits(), effort) else { return Ok(false) };
    let old: Vec<SplitMeta> = inputs.iter().map(|split| split.meta().clone()).collect();
    shared.disk.check_free(old.iter().map(SplitMeta::stored_bytes).sum())?;
    let started = Instant::now();
    let tenant = old[0].tenant.clone();
    let mask = Mask::default().and_expired(&shared.options.expiry_of(&tenant), shared.clock.now());
    let inputs = inputs.into_iter().map(|split| Input { split, mask: mask.clone() }).collect();
    let encoded = match merge(inputs, shared.options.compact_zstd_level).await {
        Ok(encoded) => encoded,
        Err(failed) => return set_aside(partition, &old, failed),
    };
    let birth = Birth {
        partition: partition.number,
        level: old.iter().map(|meta| meta.level).max().unwrap_or(0).saturating_add(1),
        deletes_through: old.iter().map(|meta| meta.deletes_through).min().unwrap_or(0),
    };
    let new = match encoded {
        Some(encoded) => Some(shared.store_split(&tenant, birth, encoded).await?),
        None => None,
    };
    shared.catalog.replace(&old, new.as_slice()).await?;
    for removed in partition.replace(&tenant, &old, new.map(|meta| shared.open_split(meta))) {
        shared.bury(removed);
    }
    shared.metrics.compactions.inc();
    shared.metrics.compaction_seconds.observe(started.elapsed().as_secs_f64());
    Ok(true)
}

/// A split that cannot be read is left as it is, so that all others can still be merged.
fn set_aside(partition: &Partition, inputs: &[SplitMeta], failed: MergeError) -> Result<bool, StoreError> {
    let Some(input) = failed.input else { return Err(failed.error) };
    tracing::error!(split = %inputs[input].id, error = %failed.error, "a split cannot be read; compaction leaves it out");
    partition.leave_unmerged(inputs[input].id.clone());
    Ok(true)
}

/// The inputs of the next merge, oldest first. Splits that differ in which delete requests in force mean them are kept
/// apart: those can still be cancelled.
fn pick(shared: &Shared, splits: Vec<Arc<Split>>, effort: Effort) -> Option<Vec<Arc<Split>>> {
    let options = &shared.options;
    let mut groups: BTreeMap<(TenantId, i64, usize), Vec<Arc<Split>>> = BTreeMap::new();
    for split in splits {
        let meta = split.meta();
        let pending = shared.deletes.pending(&meta.tenant);
        let spared = pending.iter().filter(|delete| delete.number <= meta.deletes_through).count();
        groups.entry((meta.tenant.clone(), buckets::day(meta.min_ts), spared)).or_default().push(split);
    }
    groups.into_iter().find_map(|((_, day, _), mut group)| {
        group.sort_by(|a, b| a.meta().id.cmp(&b.meta().id));
        let metas: Vec<&SplitMeta> = group.iter().map(|split| split.meta()).collect();
        let chosen = pick_in_group(options, &metas, day, effort)?;
        Some(chosen.into_iter().map(|at| group[at].clone()).collect())
    })
}

/// Positions of what to merge in a group sorted by id.
fn pick_in_group(options: &StoreOptions, group: &[&SplitMeta], day: i64, effort: Effort) -> Option<Vec<usize>> {
    let target = options.split_target_bytes;
    match effort {
        Effort::Everything => pick_run(group, target, true),
        Effort::Tiered { now } => pick_tier(options, group).or_else(|| {
            let settled = now.saturating_sub(SETTLED_NANOS);
            let quiet = group.iter().all(|meta| meta.created_at < settled);
            let over = buckets::days(day, day).end < settled;
            if quiet && over { pick_run(group, target, false) } else { None }
        }),
    }
}

/// The first run of splits that fit one of the target size together. With `rewrite` a single split that a memtable became
/// is a run, too, since compaction writes it smaller.
fn pick_run(group: &[&SplitMeta], target: u64, rewrite: bool) -> Option<Vec<usize>> {
    let mut start = 0;
    while start < group.len() {
        let mut bytes = group[start].text_bytes;
        let mut end = start + 1;
        while end < group.len() && end - start < MOST_INPUTS && bytes + group[end].text_bytes <= target {
            bytes += group[end].text_bytes;
            end += 1;
        }
        if end - start > 1 || (rewrite && group[start].level == 0) {
            return Some((start..end).collect());
        }
        start = end;
    }
    None
}

/// Enough splits of similar size.
fn pick_tier(options: &StoreOptions, group: &[&SplitMeta]) -> Option<Vec<usize>> {
    let mut tiers: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    for (at, meta) in group.iter().enumerate() {
        if meta.text_bytes < options.split_target_bytes / 2 {
            tiers.entry(tier(meta.text_bytes)).or_default().push(at);
        }
    }
    tiers.into_values().find_map(|tier| {
        let mut bytes = 0;
        let fits = |at: &usize| {
            bytes += group[*at].text_bytes;
            bytes <= options.split_target_bytes
        };
        let chosen: Vec<usize> = tier.into_iter().take_while(fits).take(MOST_INPUTS).collect();
        (chosen.len() >= options.compact_min_splits).then_some(chosen)
    })
}

/// Sizes within a factor of four share a tier.
fn tier(bytes: u64) -> u32 {
    (bytes.max(SMALLEST_TIER) / SMALLEST_TIER).ilog2() / 2
}

#[cfg(test)]
#[path = "compaction_tests.rs"]
mod tests;
