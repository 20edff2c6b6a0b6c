//! [`Appender`]: the end of a log, where its one writer appends groups of records; and the loop of such a writer.

use super::WalPosition;
use super::log::Log;
use super::queue::{Queue, Queued, Work};
use super::segment::{AppendError, HEADER, Segment};
use crate::SyncMode;
use crate::shared::Shared;
use gantry_store_api::StoreError;
use std::io::IoSlice;
use std::sync::Arc;
use std::time::Instant;

#[derive(Debug)]
pub(crate) struct Appender {
    log: Arc<Log>,
    shared: Arc<Shared>,
    /// `None` until the first group, and after an error that left its end unknown.
    segment: Option<Segment>,
    next_number: u64,
    /// With `sync = "interval"`: when the oldest unsynced group has to be synced.
    sync_due: Option<Instant>,
}

impl Appender {
    /// Appends from segment `next_number` on.
    pub(crate) fn new(log: Arc<Log>, shared: Arc<Shared>, next_number: u64) -> Self {
        Appender { log, shared, segment: None, next_number, sync_due: None }
    }

    /// Opens a segment when none is open, and another one when that is `full_at` bytes long.
    pub(crate) fn ensure_open(&mut self, full_at: u64) -> Result<(), StoreError> {
        match &self.segment {
            None => self.segment = Some(self.create()?),
            Some(segment) if segment.len() >= full_at => self.start_next(),
            Some(_) => {}
        }
        Ok(())
    }

    /// Writes whole records, and syncs them as the options say. After an error none of them is in the log.
    pub(crate) fn append(&mut self, records: &mut [IoSlice<'_>]) -> Result<(), StoreError> {
        let bytes: usize = records.iter().map(|part| part.len()).sum();
        let sync_now = self.shared.options.sync == SyncMode::Always;
        let Some(segment) = self.segment.as_mut() else {
            return Err(StoreError::internal("no WAL segment is open"));
        };
        match segment.append(records, sync_now) {
            Ok(()) => {
                self.log.grew(&self.shared, segment.number, segment.len());
                self.shared.metrics.wal_bytes.inc_by(bytes as u64);
                if !sync_now {
                    self.sync_due.get_or_insert_with(|| Instant::now() + self.shared.options.sync_interval);
                }
                Ok(())
            }
            Err(AppendError::RolledBack(error)) => Err(error),
            Err(AppendError::Broken(error)) => {
                self.segment = None;
                Err(error)
            }
        }
    }

    /// Starts a new segment; without one the old one goes on.
    pub(crate) fn start_next(&mut self) {
        self.sync();
        match self.create() {
            Ok(segment) => self.segment = Some(segment),
            Err(error) => self.shared.metrics.error("segment", &error),
        }
    }

    /// Where the next record will be.
    pub(crate) fn end(&self) -> WalPosition {
        match &self.segment {
            Some(segment) => WalPosition { segment: segment.number, offset: segment.len() },
            None => WalPosition { segment: self.next_number, offset: HEADER },
        }
    }

    fn create(&mut self) -> Result<Segment, StoreError> {
        let segment = Segment::create(self.log.dir(), self.next_number)?;
        self.next_number += 1;
        self.log.grew(&self.shared, segment.number, segment.len());
        Ok(segment)
    }

    /// Syncs what `sync = "interval"` has left unsynced.
    fn sync(&mut self) {
        if self.sync_due.take().is_none() {
            return;
        }
        if let Some(Err(error)) = self.segment.as_ref().map(Segment::sync) {
            tracing::error!(%error, "the WAL cannot be synced");
            self.shared.metrics.error("sync", &error);
            self.segment = None;
        }
    }

    fn is_due(&self) -> bool {
        self.sync_due.is_some_and(|due| due <= Instant::now())
    }

    /// Appends to a disk that is full.
    #[cfg(test)]
    pub(crate) fn lose_room(&mut self) {
        self.segment = Some(Segment::without_room(self.next_number));
    }
}

/// What the one thread that writes a log does with groups of items.
pub(crate) trait WriteGroups {
    type Item: Queued;

    fn log(&mut self) -> &mut Appender;

    /// Stores the items and answers them.
    fn handle(&mut self, items: Vec<Self::Item>);

    /// Whether what is in memory has to be frozen now.
    fn is_full(&self) -> bool;

    /// Freezes what is in memory.
    fn freeze(&mut self) -> Result<(), StoreError>;

    /// Works until the queue is closed and empty.
    fn run(mut self, queue: &Queue<Self::Item>)
    where
        Self: Sized,
    {
        let _close = CloseOnExit(queue);
        loop {
            let Work { items, freeze, finished } = queue.take(self.log().sync_due);
            if !items.is_empty() {
                self.handle(items);
            }
            let frozen = if self.is_full() || !freeze.is_empty() { self.freeze() } else { Ok(()) };
            for answer in freeze {
                let _ = answer.send(frozen.clone());
            }
            if finished || self.log().is_due() {
                self.log().sync();
            }
            if finished {
                return;
            }
        }
    }
}

/// Answers everyone who waits when the thread ends, however it ends.
struct CloseOnExit<'q, T: Queued>(&'q Queue<T>);

impl<T: Queued> Drop for CloseOnExit<'_, T> {
    fn drop(&mut self) {
        self.0.close();
        // Items that are still queued after a panic are dropped, which their senders see.
        while !self.0.take(Some(Instant::now())).items.is_empty() {}
    }
}
