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
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// Replays what is not in splits yet and gives the number of the next segment. Memory stays bounded: memtables are written
/// beside reading, which waits when more of them wait than may when the store is open.
///
/// `partitions`: how many share `recovery_bytes`.
pub(crate) async fn replay(
    shared: &Arc<Shared>,
    partition: &Arc<Partition>,
    partitions: usize,
    flushed: WalPosition,
) -> Result<u64, StoreError> {
    let options = &shared.options;
    let share = options.recovery_bytes / (partitions as u64 * options.memtable_bytes);
    let most = options.memtables_waiting.max(usize::try_from(share).unwrap_or(usize::MAX));
    let found = partition.log.open(shared, flushed)?;
    let (ended, frozen) = (CancellationToken::new(), Arc::new(Notify::new()));
    let reader = Reader { shared: shared.clone(), partition: partition.clone(), most, frozen: frozen.clone() };
    let read = async {
        let _ends = ended.clone().drop_guard();
        let read = move || found.segments.into_iter().try_for_each(|from| reader.read(from));
        tokio::task::spawn_blocking(read).await.map_err(join_error)?
    };
    let write = async {
        loop {
            let all_read = ended.is_cancelled();
            while partition.waiting() > most {
                flush_oldest(shared, partition).await?;
            }
            if all_read {
                return Ok(());
            }
            tokio::select! {
                () = frozen.notified() => {}
                () = ended.cancelled() => {}
            }
        }
    };
    tokio::try_join!(read, write)?;
    let end = WalPosition { segment: found.next, offset: HEADER };
    pass_cuts(shared, partition, end);
    if partition.memtable_rows() == 0 {
        partition.log.release(shared, end)?;
    }
    Ok(found.next)
}

struct Reader {
    shared: Arc<Shared>,
    partition: Arc<Partition>,
    /// Memtables that may wait.
    most: usize,
    /// Told when one more waits.
    frozen: Arc<Notify>,
}

impl Reader {
    /// Blocks.
    fn read(&self, from: WalPosition) -> Result<(), StoreError> {
        let Reader { shared, partition, .. } = self;
        let mut decoder = Decoder::default();
        partition.log.replay(shared, from, |Record { payload, offset, end }| {
            let (tenant, batch) = decoder.decode(payload)?;
            pass_cuts(shared, partition, WalPosition { offset, ..from });
            partition.active().insert(Arc::new(batch), &tenant);
            partition.touched(shared.clock.now());
            if freeze_if_full(shared, partition, WalPosition { offset: end, ..from }) {
                self.frozen.notify_one();
                // What is full now is one more than may wait: it is written while the next one fills.
                partition.wait_for_writing(self.most + 1);
            }
            Ok(())
        })
    }
}

/// Lines from here on are newer than the delete requests that cut the log before this place.
fn pass_cuts(shared: &Shared, partition: &Partition, at: WalPosition) {
    if partition.replayed_to(at) {
        shared.metrics.memtables_waiting.inc();
        shared.frozen.notify_one();
    }
}

fn freeze_if_full(shared: &Shared, partition: &Partition, end: WalPosition) -> bool {
    let frozen = partition.active().bytes() as u64 >= shared.options.memtable_bytes && partition.freeze(end);
    if frozen {
        shared.metrics.memtables_waiting.inc();
        shared.frozen.notify_one();
    }
    frozen
}
