//! [`Log`]: the segments of one log on disk, and what they hold after a start.

use super::WalPosition;
use super::follow::{Followed, Follower};
use super::reader::{Item, SegmentBytes, begins_well};
use super::segment::{self, HEADER, file_name, sync_dir};
use crate::error::io_context;
use crate::shared::Shared;
use gantry_store_api::StoreError;
use parking_lot::Mutex;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

/// Directory and sizes of the segments of a partition or a shard.
#[derive(Debug)]
pub(crate) struct Log {
    dir: PathBuf,
    /// Bytes of every segment on disk by number.
    segments: Mutex<BTreeMap<u64, u64>>,
}

/// What [`Log::open`] found.
#[derive(Debug)]
pub(crate) struct Found {
    /// Segments that have to be replayed, each from an offset on.
    pub segments: Vec<WalPosition>,
    /// Number of the next segment: none was ever numbered so.
    pub next: u64,
}

/// A whole record. `offset` and `end` are places in its segment.
#[derive(Debug)]
pub(crate) struct Record<'a> {
    pub payload: &'a [u8],
    pub offset: u64,
    pub end: u64,
}

impl Log {
    pub(crate) fn new(dir: PathBuf) -> Self {
        Log { dir, segments: Mutex::default() }
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Creates the directory when it is missing, and finds what is behind `flushed`. Segments before it go.
    pub(crate) fn open(&self, shared: &Shared, flushed: WalPosition) -> Result<Found, StoreError> {
        let dir = &self.dir;
        io_context(create_dirs(&shared.options.data, dir), || format!("cannot create {}", dir.display()))?;
        let numbers = segment::list(dir)?;
        for number in numbers.iter().copied() {
            let path = self.path(number);
            let bytes = io_context(path.metadata(), || format!("cannot read {}", path.display()))?.len();
            self.grew(shared, number, bytes);
        }
        self.release(shared, flushed)?;
        let next = numbers.last().map_or(1, |last| last + 1).max(flushed.segment);
        let kept = numbers.into_iter().filter(|number| *number >= flushed.segment);
        let offset = |number| if number == flushed.segment { flushed.offset } else { HEADER };
        Ok(Found { segments: kept.map(|segment| WalPosition { segment, offset: offset(segment) }).collect(), next })
    }

    /// Hands over every record from a place on to the end of its segment. What cannot be read is reported, and a copy of
    /// the segment is kept; an unfinished end was never acknowledged and is cut off.
    ///
    /// `each` says what is wrong with a record that it cannot take.
    pub(crate) fn replay(
        &self,
        shared: &Shared,
        from: WalPosition,
        mut each: impl FnMut(Record<'_>) -> Result<(), String>,
    ) -> Result<(), StoreError> {
        let path = self.path(from.segment);
        let damaged = Cell::new(false);
        let mut hand = |record: Record<'_>| {
            let (offset, end) = (record.offset, record.end);
            match each(record) {
                Ok(()) => shared.metrics.replayed_records.inc(),
                Err(what) => {
                    report_damage(shared, &path, (offset, end, what));
                    damaged.set(true);
                }
            }
        };
        let (good, len) = whole_records(&path, from.offset, &mut hand)?;
        if good < len {
            // Only what is wrong has to be looked at as a whole.
            let bytes = SegmentBytes::read(&path)?;
            for item in bytes.items(good) {
                match item {
                    Item::Record { payload, offset, end } => hand(Record { payload, offset, end }),
                    Item::Damaged { from, to, what } => {
                        report_damage(shared, &path, (from, to, what));
                        damaged.set(true);
                    }
                    Item::Torn { from: end, what } => {
                        self.cut_torn_end(shared, WalPosition { offset: end, ..from }, bytes.len(), &what)?;
                    }
                }
            }
        }
        if damaged.get() { keep_aside(&path) } else { Ok(()) }
    }

    /// Notes how long a segment is now.
    pub(crate) fn grew(&self, shared: &Shared, number: u64, bytes: u64) {
        let before = self.segments.lock().insert(number, bytes).unwrap_or(0);
        account(shared, before, bytes);
    }

    /// Removes the segments before `end`: what they held is stored elsewhere.
    pub(crate) fn release(&self, shared: &Shared, end: WalPosition) -> Result<(), StoreError> {
        let mut segments = self.segments.lock();
        let kept = segments.split_off(&end.segment);
        let released = std::mem::replace(&mut *segments, kept);
        drop(segments);
        for (number, bytes) in &released {
            account(shared, *bytes, 0);
            let path = self.path(*number);
            io_context(std::fs::remove_file(&path), || format!("cannot remove {}", path.display()))?;
        }
        if released.is_empty() {
            return Ok(());
        }
        io_context(sync_dir(&self.dir), || format!("cannot sync {}", self.dir.display()))
    }

    fn path(&self, number: u64) -> PathBuf {
        self.dir.join(file_name(number))
    }

    /// The bytes behind the last whole record were never acknowledged.
    fn cut_torn_end(&self, shared: &Shared, at: WalPosition, len: u64, what: &str) -> Result<(), StoreError> {
        let (path, from) = (self.path(at.segment), at.offset);
        tracing::warn!(segment = %path.display(), from, bytes = len - from, what, "cutting the unfinished end of the WAL");
        let without_record = from < HEADER;
        let cut = || {
            if without_record {
                return std::fs::remove_file(&path);
            }
            let file = OpenOptions::new().write(true).open(&path)?;
            file.set_len(from)?;
            file.sync_data()
        };
        io_context(cut(), || format!("cannot cut {}", path.display()))?;
        self.grew(shared, at.segment, if without_record { 0 } else { from });
        if without_record {
            self.segments.lock().remove(&at.segment);
        }
        Ok(())
    }
}

/// Hands over records, each in memory alone, up to the first thing that is none; returns where that is, and where the segment
/// ends.
fn whole_records(path: &Path, offset: u64, each: &mut dyn FnMut(Record<'_>)) -> Result<(u64, u64), StoreError> {
    let len = io_context(path.metadata(), || format!("cannot read {}", path.display()))?.len();
    if !begins_well(path)? {
        return Ok((0, len.max(1)));
    }
    let mut records = Follower::open(path, offset)?;
    let mut offset = records.at();
    while let Followed::Record(payload) = records.next(len)? {
        each(Record { payload: &payload, offset, end: records.at() });
        offset = records.at();
    }
    Ok((offset, len))
}

fn account(shared: &Shared, before: u64, now: u64) {
    shared.disk.wal.fetch_add(now, Ordering::Relaxed);
    shared.disk.wal.fetch_sub(before, Ordering::Relaxed);
    shared.metrics.wal_size.add(now as i64 - before as i64);
}

fn report_damage(shared: &Shared, path: &Path, (from, to, what): (u64, u64, String)) {
    shared.metrics.damaged_records.inc();
    tracing::error!(
        segment = %path.display(), from, to, what,
        "acknowledged data in the WAL cannot be read; a copy of the segment is kept beside it as *.corrupt"
    );
}

/// A second name for the file, which stays when the segment goes.
fn keep_aside(path: &Path) -> Result<(), StoreError> {
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

/// Creates `dir` so that it survives a loss of power; every directory up to `data` is synced.
fn create_dirs(data: &Path, dir: &Path) -> std::io::Result<()> {
    if dir.is_dir() {
        return Ok(());
    }
    std::fs::create_dir_all(dir)?;
    dir.ancestors().take_while(|above| above.starts_with(data)).try_for_each(sync_dir)
}
