//! [`Reading`] and [`LogReader`]: where a remote is in the log.

use crate::log::{Files, Takes};
use crate::tracker::Tracker;
use gantry_store_api::StoreError;
use gantry_wal::WalPosition;
use gantry_wal::follow::{Followed, Follower};
use gantry_wal::segment::HEADER;
use parking_lot::Mutex;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What the log knows of a remote.
pub(crate) struct Reading {
    pub name: String,
    pub takes: Takes,
    pub tracker: Arc<Tracker>,
    /// Shards at the last run; 0 when there was none.
    pub shards_before: usize,
    /// Records up to here may have been sent before the start.
    pub again_until: WalPosition,
    /// The next record that will be read.
    next: Mutex<WalPosition>,
    /// Samples that were dropped unread since somebody asked.
    lost: AtomicU64,
}

impl fmt::Debug for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reading").field("name", &self.name).field("next", &self.next).finish_non_exhaustive()
    }
}

impl Reading {
    pub fn new(
        name: String,
        (start, again_until): (WalPosition, WalPosition),
        shards_before: usize,
        takes: Takes,
    ) -> Self {
        let (tracker, next) = (Tracker::new(start), Mutex::new(start));
        Reading { name, takes, tracker, shards_before, again_until, next, lost: AtomicU64::new(0) }
    }

    /// Everything before this place was delivered or given up.
    pub fn done(&self) -> WalPosition {
        self.tracker.done()
    }

    pub fn next(&self) -> WalPosition {
        *self.next.lock()
    }

    /// Samples that were lost unread since the last call.
    pub fn take_lost(&self) -> u64 {
        self.lost.swap(0, Ordering::Relaxed)
    }

    /// A segment goes: reading continues with the next one. `count` says how many samples lie in it from an offset on.
    pub fn skip_segment(&self, number: u64, count: impl FnOnce(u64, &Takes) -> u64) -> u64 {
        let mut next = self.next.lock();
        if next.segment > number {
            return 0;
        }
        let from = if next.segment == number { next.offset } else { HEADER };
        let lost = count(from, &self.takes);
        *next = WalPosition { segment: number + 1, offset: HEADER };
        self.lost.fetch_add(lost, Ordering::Relaxed);
        lost
    }
}

/// Reads the log for one remote.
#[derive(Debug)]
pub(crate) struct LogReader {
    files: Arc<Files>,
    reading: Arc<Reading>,
    open: Option<(u64, Follower)>,
}

/// A record's payload and where the record ends.
pub(crate) type ReadRecord = (Vec<u8>, WalPosition);

impl LogReader {
    pub fn new(files: Arc<Files>, reading: Arc<Reading>) -> Self {
        LogReader { files, reading, open: None }
    }

    /// The next record that is synced; `None` when there is none. Damaged ones are said and left out.
    pub fn next(&mut self) -> Result<Option<ReadRecord>, StoreError> {
        let reading = self.reading.clone();
        // Held while reading, so that the segment does not go meanwhile.
        let mut next = reading.next.lock();
        loop {
            let Some((at, end)) = self.files.next_from(*next) else { return Ok(None) };
            let mut follower = match self.open.take() {
                Some((number, follower)) if number == at.segment && follower.at() == at.offset => follower,
                _ => Follower::open(&self.files.path(at.segment), at.offset)?,
            };
            let found = follower.next(end)?;
            *next = WalPosition { segment: at.segment, offset: follower.at() };
            self.open = Some((at.segment, follower));
            match found {
                Followed::Record(payload) => return Ok(Some((payload, *next))),
                Followed::Damaged(what) => {
                    tracing::error!(
                        remote = reading.name,
                        segment = at.segment,
                        from = at.offset,
                        what,
                        "samples that wait to be sent cannot be read"
                    );
                }
                Followed::End => {}
            }
        }
    }
}
