//! The one thread that writes a partition: log first, then memtable, then tails, then the answers.

use super::WalPosition;
use super::queue::{Answer, Item, Work};
use super::segment::{AppendError, HEADER, Segment};
use crate::SyncMode;
use crate::partition::Partition;
use crate::shared::Shared;
use gantry_store_api::StoreError;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a group waits for a memtable to be written before it is refused.
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(crate) struct Writer {
    partition: Arc<Partition>,
    shared: Arc<Shared>,
    /// `None` until the first group, and after an error that left its end unknown.
    segment: Option<Segment>,
    next_segment: u64,
    /// With `sync = "interval"`: when the oldest unsynced group has to be synced.
    sync_due: Option<Instant>,
}

/// Answers everyone who waits when the thread ends, however it ends.
struct CloseOnExit(Arc<Partition>);

impl Drop for CloseOnExit {
    fn drop(&mut self) {
        self.0.queue.close();
        // Items that are still queued after a panic are dropped, which their senders see.
        while !self.0.queue.take(Some(Instant::now())).items.is_empty() {}
    }
}

impl Writer {
    pub(crate) fn new(partition: Arc<Partition>, shared: Arc<Shared>, next_segment: u64) -> Self {
        Writer { partition, shared, segment: None, next_segment, sync_due: None }
    }

    /// Works until the queue is closed and empty.
    pub(crate) fn run(mut self) {
        let _close = CloseOnExit(self.partition.clone());
        loop {
            let Work { items, freeze, finished } = self.partition.queue.take(self.sync_due);
            if !items.is_empty() {
                self.handle(items);
            }
            let frozen = if self.memtable_is_full() || !freeze.is_empty() { self.freeze() } else { Ok(()) };
            for answer in freeze {
                let _ = answer.send(frozen.clone());
            }
            if finished || self.sync_due.is_some_and(|due| due <= Instant::now()) {
                self.sync();
            }
            if finished {
                return;
            }
        }
    }

    fn handle(&mut self, items: Vec<Item>) {
        let started = Instant::now();
        let written = self.admit().and_then(|()| self.write(&items));
        if let Err(error) = written {
            self.shared.metrics.error("append", &error);
            for item in items {
                let _ = item.answer.send(Err(error.clone()));
            }
            return;
        }
        self.shared.metrics.wal_sync_seconds.observe(started.elapsed().as_secs_f64());
        self.shared.metrics.wal_groups.inc();
        self.make_visible(items);
    }

    /// Whether the group may be written: memory, disk, a segment to write to.
    fn admit(&mut self) -> Result<(), StoreError> {
        self.shared.disk.check_write()?;
        if self.memtable_is_full() {
            self.partition.wait_for_room(self.shared.options.memtables_waiting, PATIENCE)?;
            self.freeze()?;
        }
        if self.segment.is_none() {
            self.segment = Some(self.create_segment()?);
        }
        Ok(())
    }

    fn write(&mut self, items: &[Item]) -> Result<(), StoreError> {
        let mut group: Vec<_> = items.iter().flat_map(|item| item.record.parts()).collect();
        let bytes: usize = items.iter().map(|item| item.record.len()).sum();
        let sync_now = self.shared.options.sync == SyncMode::Always;
        let Some(segment) = self.segment.as_mut() else {
            return Err(StoreError::internal("no WAL segment is open"));
        };
        match segment.append(&mut group, sync_now) {
            Ok(()) => {
                self.partition.segment_grew(&self.shared, segment.number, segment.len());
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

    fn make_visible(&self, items: Vec<Item>) {
        let active = self.partition.active();
        let before = active.bytes();
        for item in &items {
            active.insert(item.batch.clone(), &item.tenant);
            self.shared.versions.added(&item.tenant, &item.batch);
        }
        self.partition.touched(self.shared.clock.now());
        self.shared.metrics.memtable_bytes.add((active.bytes() - before) as i64);
        for item in &items {
            self.shared.hub.publish(&item.tenant, &item.batch);
        }
        for Item { answer, room, .. } in items {
            let _ = answer.send(Ok(()));
            drop(room);
        }
    }

    fn memtable_is_full(&self) -> bool {
        self.partition.active().bytes() as u64 >= self.shared.options.memtable_bytes
    }

    /// Freezes the active memtable and starts a new segment with the new one. Without a new segment the old one goes on:
    /// the place up to which the frozen memtable reaches is exact either way.
    ///
    /// `Overloaded` when as many memtables wait as may: memory is bounded whoever asks.
    fn freeze(&mut self) -> Result<(), StoreError> {
        if self.partition.active().rows() == 0 {
            return Ok(());
        }
        self.partition.wait_for_room(self.shared.options.memtables_waiting, Duration::ZERO)?;
        self.sync();
        match self.create_segment() {
            Ok(segment) => self.segment = Some(segment),
            Err(error) => self.shared.metrics.error("segment", &error),
        }
        let end = match &self.segment {
            Some(segment) => WalPosition { segment: segment.number, offset: segment.len() },
            None => WalPosition { segment: self.next_segment, offset: HEADER },
        };
        if self.partition.freeze(end) {
            self.shared.metrics.memtables_waiting.inc();
            self.shared.frozen.notify_one();
        }
        Ok(())
    }

    fn create_segment(&mut self) -> Result<Segment, StoreError> {
        let segment = Segment::create(&self.partition.dir, self.next_segment)?;
        self.next_segment += 1;
        self.partition.segment_grew(&self.shared, segment.number, segment.len());
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
}

/// Waits for the writer's answer.
pub(crate) async fn answered(answer: tokio::sync::oneshot::Receiver<Result<(), StoreError>>) -> Result<(), StoreError> {
    answer.await.unwrap_or_else(|_| Err(super::queue::stopping()))
}

/// A pair to be answered through.
pub(crate) fn answer() -> (Answer, tokio::sync::oneshot::Receiver<Result<(), StoreError>>) {
    tokio::sync::oneshot::channel()
}
