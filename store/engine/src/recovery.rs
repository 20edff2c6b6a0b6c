//! Reads the WAL back into memtables after a start.

use crate::error::join_error;
use crate::flush::flush_oldest;
use crate::partition::Partition;
use crate::shared::Shared;
use crate::wal::WalPosition;
use crate::wal::codec::Decoder;
use crate::wal::log::Record;
use crate::wal::segment::HEADER;
use gantry_store_api::StoreError;
use std::sync::Arc;

/// Replays what is not in splits yet and gives the number of the next segment. Memory stays bounded: when more
/// memtables wait than appends may cause, they are written before reading goes on.
pub(crate) async fn replay(
    shared: &Arc<Shared>,
    partition: &Arc<Partition>,
    flushed: WalPosition,
) -> Result<u64, StoreError> {
    let found = partition.log.open(shared, flushed)?;
    for from in found.segments {
        let (shared_there, partition_there) = (shared.clone(), partition.clone());
        let read = move || replay_segment(&shared_there, &partition_there, from);
        tokio::task::spawn_blocking(read).await.map_err(join_error)??;
        while partition.waiting() > shared.options.memtables_waiting {
            flush_oldest(shared, partition).await?;
        }
    }
    let end = WalPosition { segment: found.next, offset: HEADER };
    pass_cuts(shared, partition, end);
    if partition.memtable_rows() == 0 {
        partition.log.release(shared, end)?;
    }
    Ok(found.next)
}

fn replay_segment(shared: &Shared, partition: &Partition, from: WalPosition) -> Result<(), StoreError> {
    let mut decoder = Decoder::default();
    partition.log.replay(shared, from, |Record { payload, offset, end }| {
        let (tenant, batch) = decoder.decode(payload)?;
        pass_cuts(shared, partition, WalPosition { offset, ..from });
        partition.active().insert(Arc::new(batch), &tenant);
        partition.touched(shared.clock.now());
        freeze_if_full(shared, partition, WalPosition { offset: end, ..from });
        Ok(())
    })
}

/// Lines from here on are newer than the delete requests that cut the log before this place.
fn pass_cuts(shared: &Shared, partition: &Partition, at: WalPosition) {
    if partition.replayed_to(at) {
        shared.metrics.memtables_waiting.inc();
        shared.frozen.notify_one();
    }
}

fn freeze_if_full(shared: &Shared, partition: &Partition, end: WalPosition) {
    if partition.active().bytes() as u64 >= shared.options.memtable_bytes && partition.freeze(end) {
        shared.metrics.memtables_waiting.inc();
        shared.frozen.notify_one();
    }
}
