//! Which splits to merge, and doing it.
//!
//! Per tenant, partition and day: splits of similar size are merged when there are enough of them, so that a line is
//! rewritten once for every factor of four between a memtable and the target size. When the day is over for an hour and
//! nothing came meanwhile, what is there is *settled*: merged into as few splits as the target size allows and compressed
//! more, once. Settled splits are left alone; late lines settle apart. `docs/adr/0010-life-of-data.md` has the sums.

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
/// Most inputs of one merge, which holds blocks of each in memory. Those of splits that came from a merge are the larger ones,
/// and count twice.
const MOST_INPUTS: usize = 8;
/// A day that ended this long ago, and got no split since, is merged into as few splits as possible.
const SETTLED_NANOS: i64 = 3_600 * 1_000_000_000;

/// How eager to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effort {
    /// What pays off.
    Tiered { now: Timestamp },
    /// Until every group is as few splits as the target size allows, none of them as a memtable left it.
    Everything,
}

/// Does one merge of the partition, if any is due.
pub(crate) async fn compact_once(
    shared: &Arc<Shared>,
    partition: &Partition,
    effort: Effort,
) -> Result<bool, StoreError> {
    let _alone = partition.compacting.lock().await;
    let Some(Job { inputs, settle }) = pick(shared, partition.mergeable_splits(), effort) else { return Ok(false) };
    let old: Vec<SplitMeta> = inputs.iter().map(|split| split.meta().clone()).collect();
    shared.disk.check_free(old.iter().map(SplitMeta::stored_bytes).sum())?;
    let started = Instant::now();
    let tenant = old[0].tenant.clone();
    let mask = Mask::default().and_expired(&shared.options.expiry_of(&tenant), shared.clock.now());
    let inputs = inputs.into_iter().map(|split| Input { split, mask: mask.clone() }).collect();
    let merging = shared.merging.lock().await;
    let options = &shared.options;
    let zstd_level = if settle { options.settled_zstd_level } else { options.compact_zstd_level };
    let encoded = match merge(inputs, zstd_level, &options.drafts()).await {
        Ok(encoded) => encoded,
        Err(failed) => return set_aside(partition, &old, failed),
    };
    let birth = Birth {
        partition: partition.number,
        level: old.iter().map(|meta| meta.level).max().unwrap_or(0).saturating_add(1),
        settled: settle,
        arrived: old.iter().map(SplitMeta::arrived).min().unwrap_or_default(),
        deletes_through: old.iter().map(|meta| meta.deletes_through).min().unwrap_or(0),
    };
    let new = match encoded {
        Some(encoded) => Some(shared.store_split(&tenant, birth, encoded).await?),
        None => None,
    };
    drop(merging);
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

/// What to do next.
#[derive(Clone, Debug, PartialEq)]
struct Job<T> {
    /// Oldest first.
    inputs: Vec<T>,
    /// Written for good: with the stronger compression.
    settle: bool,
}

/// The next merge. Splits that differ in which delete requests in force mean them are kept apart: those can still be
/// cancelled.
fn pick(shared: &Shared, splits: Vec<Arc<Split>>, effort: Effort) -> Option<Job<Arc<Split>>> {
    let options = &shared.options;
    let mut groups: BTreeMap<(TenantId, i64, usize), Vec<Arc<Split>>> = BTreeMap::new();
    for split in splits {
        let meta = split.meta();
        let pending = shared.deletes.pending(&meta.tenant);
        let spared = pending.iter().filter(|delete| delete.number <= meta.deletes_through).count();
        groups.entry((meta.tenant.clone(), buckets::day(meta.min_ts), spared)).or_default().push(split);
    }
    groups.into_iter().find_map(|((_, day, _), mut group)| {
        // In order of arrival, so that what is merged makes splits that follow one another: where splits have times of a stream in
        // common, a query has to compare bodies.
        group.sort_by(|a, b| (a.meta().arrived(), &a.meta().id).cmp(&(b.meta().arrived(), &b.meta().id)));
        let metas: Vec<&SplitMeta> = group.iter().map(|split| split.meta()).collect();
        let Job { inputs, settle } = pick_in_group(options, &metas, day, effort)?;
        Some(Job { inputs: inputs.into_iter().map(|at| group[at].clone()).collect(), settle })
    })
}

/// Positions of what to merge in a group in order of arrival.
fn pick_in_group(options: &StoreOptions, group: &[&SplitMeta], day: i64, effort: Effort) -> Option<Job<usize>> {
    let now = match effort {
        Effort::Everything => {
            let all: Vec<usize> = (0..group.len()).collect();
            let inputs = pick_run(options, group, &all, |meta| meta.level == 0)?;
            let settle = inputs.iter().all(|at| group[*at].settled);
            return Some(Job { inputs, settle });
        }
        Effort::Tiered { now } => now,
    };
    let (settled, open): (Vec<usize>, Vec<usize>) = (0..group.len()).partition(|at| group[*at].settled);
    if let Some(inputs) = pick_tier(options, group, &open) {
        return Some(Job { inputs, settle: false });
    }
    let limit = now.saturating_sub(SETTLED_NANOS);
    let quiet = open.iter().all(|at| group[*at].created_at < limit);
    if quiet && buckets::days(day, day).end < limit {
        let pays = |meta: &SplitMeta| meta.level == 0 || options.settled_zstd_level > options.compact_zstd_level;
        if let Some(inputs) = pick_run(options, group, &open, pays) {
            return Some(Job { inputs, settle: true });
        }
    }
    // Late lines settle apart from the others, and are merged among themselves when there are enough of them.
    pick_tier(options, group, &settled).map(|inputs| Job { inputs, settle: true })
}

/// The first run of splits, among those at `wanted`, that fit one of the target size together. A single split is a run,
/// too, when it `pays` to rewrite it.
fn pick_run(
    options: &StoreOptions,
    group: &[&SplitMeta],
    wanted: &[usize],
    pays: impl Fn(&SplitMeta) -> bool,
) -> Option<Vec<usize>> {
    let mut start = 0;
    while start < wanted.len() {
        let (mut bytes, mut blocks, mut end) = (0, 0, start);
        while end < wanted.len() {
            let meta = group[wanted[end]];
            bytes += meta.text_bytes;
            blocks += blocks_held(meta);
            if end > start && (bytes > options.split_target_bytes || blocks > most_blocks(options)) {
                break;
            }
            end += 1;
        }
        if end - start > 1 || pays(group[wanted[start]]) {
            return Some(wanted[start..end].to_vec());
        }
        start = end;
    }
    None
}

/// Enough splits of similar size.
fn pick_tier(options: &StoreOptions, group: &[&SplitMeta], wanted: &[usize]) -> Option<Vec<usize>> {
    let mut tiers: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    for at in wanted.iter().copied() {
        let meta = group[at];
        if meta.text_bytes < options.split_target_bytes / 2 {
            tiers.entry(tier(meta.text_bytes)).or_default().push(at);
        }
    }
    tiers.into_values().find_map(|tier| {
        let (mut bytes, mut blocks) = (0, 0);
        let fits = |at: &usize| {
            bytes += group[*at].text_bytes;
            blocks += blocks_held(group[*at]);
            bytes <= options.split_target_bytes && blocks <= most_blocks(options)
        };
        let chosen: Vec<usize> = tier.into_iter().take_while(fits).collect();
        (chosen.len() >= options.compact_min_splits).then_some(chosen)
    })
}

/// What the inputs of a merge may count: as many merged splits as have to be there for one.
fn most_blocks(options: &StoreOptions) -> usize {
    MOST_INPUTS.max(2 * options.compact_min_splits)
}

/// What an input counts.
fn blocks_held(meta: &SplitMeta) -> usize {
    if meta.level == 0 { 1 } else { 2 }
}

/// Sizes within a factor of four share a tier.
fn tier(bytes: u64) -> u32 {
    (bytes.max(SMALLEST_TIER) / SMALLEST_TIER).ilog2() / 2
}

#[cfg(test)]
#[path = "compaction_tests.rs"]
mod tests;
