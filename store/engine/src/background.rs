//! What the store does without being asked: writing memtables, merging, retention, removing files.

use crate::compaction::{Effort, compact_once};
use crate::flush::flush_oldest;
use crate::graveyard::remove_orphans;
use crate::partition::Partition;
use crate::store::Store;
use crate::wal::writer::answered;
use gantry_store_api::StoreError;
use object_store::path::Path;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often ages are looked at.
const TICK: Duration = Duration::from_millis(500);
/// How often splits are looked at for merging and removal.
const UPKEEP: Duration = Duration::from_secs(15);
/// Shortest and longest wait after a failure.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(4));
/// How often the stored objects are listed in search of orphans.
const ORPHANS: Duration = Duration::from_secs(1800);

/// Works until `cancel` fires; a step that was begun is finished first.
pub(crate) async fn run(store: &Arc<Store>, cancel: &CancellationToken) {
    tokio::join!(
        freeze_old(store, cancel),
        flush_frozen(store, cancel),
        every(UPKEEP, cancel, "compaction", || compact_due(store, cancel)),
        flush_heads(store, cancel),
        every(UPKEEP, cancel, "compaction of metrics", || async {
            store.metrics.compact(Effort::Tiered { now: store.shared.clock.now() }).await
        }),
        every(UPKEEP, cancel, "deletion", || async { store.carry_out_deletes().await.map(|_| ()) }),
        every(UPKEEP, cancel, "retention", || async { store.enforce_retention().await.map(|_| ()) }),
        every(ORPHANS, cancel, "orphans", || remove_unknown(store)),
    );
}

/// Runs `work` now and then, later after a failure.
async fn every<F: Future<Output = Result<(), StoreError>>>(
    period: Duration,
    cancel: &CancellationToken,
    doing: &'static str,
    work: impl Fn() -> F,
) {
    while !cancel.is_cancelled() {
        if let Err(error) = work().await {
            tracing::warn!(%error, doing, "background work failed and will be tried again");
        }
        pause(period, cancel).await;
    }
}

async fn pause(time: Duration, cancel: &CancellationToken) {
    tokio::select! {
        () = tokio::time::sleep(time) => {}
        () = cancel.cancelled() => {}
    }
}

/// Freezes memtables that are old though small.
async fn freeze_old(store: &Arc<Store>, cancel: &CancellationToken) {
    let age = i64::try_from(store.shared.options.memtable_age.as_nanos()).unwrap_or(i64::MAX);
    while !cancel.is_cancelled() {
        let limit = store.shared.clock.now().saturating_sub(age);
        for partition in &store.partitions {
            let is_old = partition.active_since().is_some_and(|since| since <= limit);
            if is_old && let Ok(request) = partition.queue.request_freeze() {
                // Whether it worked shows at the next tick.
                let _ = answered(request).await;
            }
        }
        store.metrics.freeze_old().await;
        pause(TICK, cancel).await;
    }
}

/// Writes frozen memtables as they come, one after the other: their encoding takes a core, and the appends need the rest.
async fn flush_frozen(store: &Arc<Store>, cancel: &CancellationToken) {
    let mut backoff = BACKOFF.0;
    while !cancel.is_cancelled() {
        match flush_all(store, cancel).await {
            Ok(()) => {
                backoff = BACKOFF.0;
                tokio::select! {
                    () = store.shared.frozen.notified() => {}
                    () = cancel.cancelled() => {}
                }
            }
            Err(error) => {
                tracing::error!(%error, "a memtable cannot be written; its lines stay in the WAL, trying again");
                pause(backoff, cancel).await;
                backoff = (backoff * 2).min(BACKOFF.1);
            }
        }
    }
}

/// Writes frozen heads of metrics as they come; memtables do not wait for them.
async fn flush_heads(store: &Arc<Store>, cancel: &CancellationToken) {
    let mut backoff = BACKOFF.0;
    while !cancel.is_cancelled() {
        match store.metrics.flush_frozen_heads().await {
            Ok(()) => {
                backoff = BACKOFF.0;
                tokio::select! {
                    () = store.shared.heads_frozen.notified() => {}
                    () = cancel.cancelled() => {}
                }
            }
            Err(error) => {
                tracing::error!(%error, "samples cannot be written as blocks; they stay in the WAL, trying again");
                pause(backoff, cancel).await;
                backoff = (backoff * 2).min(BACKOFF.1);
            }
        }
    }
}

/// The partition with the most waiting memtables goes first.
async fn flush_all(store: &Store, cancel: &CancellationToken) -> Result<(), StoreError> {
    while !cancel.is_cancelled() {
        let fullest = store.partitions.iter().max_by_key(|partition| partition.waiting());
        match fullest.filter(|partition| partition.waiting() > 0) {
            Some(partition) => flush_oldest(&store.shared, partition).await?,
            None => return Ok(()),
        };
    }
    Ok(())
}

async fn compact_due(store: &Store, cancel: &CancellationToken) -> Result<(), StoreError> {
    for partition in &store.partitions {
        let effort = Effort::Tiered { now: store.shared.clock.now() };
        while !cancel.is_cancelled() && merge_once(store, partition, effort).await? {}
    }
    store.shared.graveyard.sweep(&store.shared.objects).await.map(|_| ())
}

/// Merges until nothing is left to do.
pub(crate) async fn compact_everything(store: &Store) -> Result<(), StoreError> {
    for partition in &store.partitions {
        while merge_once(store, partition, Effort::Everything).await? {}
    }
    Ok(())
}

async fn merge_once(store: &Store, partition: &Partition, effort: Effort) -> Result<bool, StoreError> {
    let merged = compact_once(&store.shared, partition, effort).await;
    merged.inspect_err(|error| store.shared.metrics.error("compaction", error))
}

/// Removes objects that no split owns. Splits being written are younger than the age limit.
async fn remove_unknown(store: &Store) -> Result<(), StoreError> {
    let known = || -> HashSet<Path> {
        let splits = store.partitions.iter().flat_map(|partition| partition.splits());
        let of_splits = splits.flat_map(|split| [split.meta().parquet_path(), split.meta().index_path()]);
        of_splits.chain(store.metrics.files()).collect()
    };
    let shared = &store.shared;
    let age = shared.options.orphan_age;
    remove_orphans(&shared.objects, &shared.graveyard, shared.clock.now(), age, known).await.map(|_| ())
}
