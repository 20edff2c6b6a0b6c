//! The one thread that writes a partition: log first, then memtable, then tails, then the answers.

use super::appender::{Appender, WriteGroups};
use super::queue::{Answer, Item};
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
    log: Appender,
}

impl Writer {
    pub(crate) fn new(partition: Arc<Partition>, shared: Arc<Shared>, next_segment: u64) -> Self {
        let log = Appender::new(partition.log.clone(), shared.clone(), next_segment);
        Writer { partition, shared, log }
    }

    /// Whether the group may be written: memory, disk, a segment to write to.
    fn admit(&mut self) -> Result<(), StoreError> {
        self.shared.disk.check_write()?;
        if self.is_full() {
            self.partition.wait_for_room(self.shared.options.memtables_waiting, PATIENCE)?;
            self.freeze()?;
        }
        // Segments start with memtables.
        self.log.ensure_open(u64::MAX)
    }

    fn write(&mut self, items: &[Item]) -> Result<(), StoreError> {
        let mut group: Vec<_> = items.iter().flat_map(|item| item.record.parts()).collect();
        self.log.append(&mut group)
    }

    fn make_visible(&self, items: Vec<Item>) {
        let active = self.partition.active();
        let before = active.bytes();
        for item in &items {
            active.insert(item.batch.clone(), &item.tenant);
            let times = || item.batch.rows().iter().map(|row| row.timestamp);
            times().min().zip(times().max()).iter().for_each(|span| self.shared.versions.added(&item.tenant, *span));
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
}

impl WriteGroups for Writer {
    type Item = Item;

    fn log(&mut self) -> &mut Appender {
        &mut self.log
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

    fn is_full(&self) -> bool {
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
        self.log.start_next();
        if self.partition.freeze(self.log.end()) {
            self.shared.metrics.memtables_waiting.inc();
            self.shared.frozen.notify_one();
        }
        Ok(())
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
