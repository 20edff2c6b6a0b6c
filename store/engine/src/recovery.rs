//! Reads the WAL back into memtables after a start.

use crate::error::{io_context, join_error};
use crate::flush::flush_oldest;
use crate::partition::Partition;
use crate::shared::Shared;
use crate::wal::WalPosition;
use crate::wal::codec::Decoder;
use crate::wal::reader::{Item, SegmentBytes};
use crate::wal::segment::{self, HEADER, file_name, sync_dir};
use gantry_store_api::StoreError;
use std::fs::OpenOptions;
use std::path::Path;
use std::sync::Arc;

/// Replays what is not in splits yet and gives the number of the next segment. Memory stays bounded: when more
/// memtables wait than appends may cause, they are written before reading goes on.
pub(crate) async fn replay(
    shared: &Arc<Shared>,
    partition: &Arc<Partition>,
    flushed: WalPosition,
) -> Result<u64, StoreError> {
    let dir = &partition.dir;
    io_context(create_dirs(&shared.options.data, dir), || format!("cannot create {}", dir.display()))?;
    let numbers = segment::list(dir)?;
    let next = numbers.last().map_or(1, |last| last + 1).max(flushed.segment);
    for number in numbers.iter().copied() {
        let path = dir.join(file_name(number));
        let bytes = io_context(path.metadata(), || format!("cannot read {}", path.display()))?.len();
        partition.segment_grew(shared, number, bytes);
    }
    partition.release_segments(shared, flushed)?;
    for number in numbers.into_iter().filter(|number| *number >= flushed.segment) {
        let from = if number == flushed.segment { flushed.offset } else { HEADER };
        let (shared_there, partition_there) = (shared.clone(), partition.clone());
        let read = move || replay_segment(&shared_there, &partition_there, number, from);
        tokio::task::spawn_blocking(read).await.map_err(join_error)??;
        while partition.waiting() > shared.options.memtables_waiting {
            flush_oldest(shared, partition).await?;
        }
    }
    pass_cuts(shared, partition, WalPosition { segment: next, offset: HEADER });
    if partition.memtable_rows() == 0 {
        partition.release_segments(shared, WalPosition { segment: next, offset: HEADER })?;
    }
    Ok(next)
}

/// Creates `dir` so that it survives a loss of power; every directory up to `data` is synced.
pub(crate) fn create_dirs(data: &Path, dir: &Path) -> std::io::Result<()> {
    if dir.is_dir() {
        return Ok(());
    }
    std::fs::create_dir_all(dir)?;
    dir.ancestors().take_while(|above| above.starts_with(data)).try_for_each(sync_dir)
}

fn replay_segment(shared: &Shared, partition: &Partition, number: u64, from: u64) -> Result<(), StoreError> {
    let path = partition.dir.join(file_name(number));
    let bytes = SegmentBytes::read(&path)?;
    let mut decoder = Decoder::default();
    let mut damaged = false;
    for item in bytes.items(from) {
        match item {
            Item::Record { payload, offset, end } => match decoder.decode(payload) {
                Ok((tenant, batch)) => {
                    pass_cuts(shared, partition, WalPosition { segment: number, offset });
                    partition.active().insert(Arc::new(batch), &tenant);
                    partition.touched(shared.clock.now());
                    shared.metrics.replayed_records.inc();
                    freeze_if_full(shared, partition, WalPosition { segment: number, offset: end });
                }
                Err(what) => {
                    report_damage(shared, &path, offset, end, &what);
                    damaged = true;
                }
            },
            Item::Damaged { from, to, what } => {
                report_damage(shared, &path, from, to, &what);
                damaged = true;
            }
            Item::Torn { from, what } => cut_torn_end(shared, partition, number, from, bytes.len(), &what)?,
        }
    }
    if damaged { keep_aside(&path) } else { Ok(()) }
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

pub(crate) fn report_damage(shared: &Shared, path: &Path, from: u64, to: u64, what: &str) {
    shared.metrics.damaged_records.inc();
    tracing::error!(
        segment = %path.display(), from, to, what,
        "acknowledged data in the WAL cannot be read; a copy of the segment is kept beside it as *.corrupt"
    );
}

/// The bytes behind the last whole record were never acknowledged.
fn cut_torn_end(
    shared: &Shared,
    partition: &Partition,
    number: u64,
    from: u64,
    len: u64,
    what: &str,
) -> Result<(), StoreError> {
    let path = partition.dir.join(file_name(number));
    tracing::warn!(segment = %path.display(), from, bytes = len - from, what, "cutting the unfinished end of the WAL");
    let cut = || {
        if from < HEADER {
            return std::fs::remove_file(&path);
        }
        let file = OpenOptions::new().write(true).open(&path)?;
        file.set_len(from)?;
        file.sync_data()
    };
    io_context(cut(), || format!("cannot cut {}", path.display()))?;
    if from < HEADER {
        partition.forget_segment(shared, number);
    } else {
        partition.segment_grew(shared, number, from);
    }
    Ok(())
}

/// A second name for the file, which stays when the segment goes.
pub(crate) fn keep_aside(path: &Path) -> Result<(), StoreError> {
    let aside = path.with_extension("wal.corrupt");
    match std::fs::hard_link(path, &aside) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
            io_context(Err(error), || format!("cannot keep {}", aside.display()))
        }
        _ => match path.parent() {
            Some(dir) => io_context(sync_dir(dir), || format!("cannot sync {}", dir.display())),
            None => Ok(()),
        },
    }
}
