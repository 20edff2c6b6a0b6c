//! The one thread that writes a shard: heads judge and take the samples, the log gets what they took, then the answers.
//!
//! Samples can be read a moment before they are durable. When the log cannot be written their sender gets an error, and
//! what the heads keep of them is logged when it is sent again, because the log gets repeated samples, too. ADR 11.

use super::head::{Head, Heads, Rules, SeriesCounts};
use super::record::EntryWriter;
use super::shard::Shard;
use crate::shared::Shared;
use crate::wal::appender::{Appender, WriteGroups};
use crate::wal::queue::Queued;
use gantry_chunk::Scratch;
use gantry_model::metric::{Exemplar, MetricBatch, MetricMetadata};
use gantry_model::{TenantId, Timestamp};
use gantry_store_api::{MetricCommit, StoreError};
use std::io::IoSlice;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

/// Bytes at which a segment is full: a start reads one at a time into memory.
const SEGMENT_BYTES: u64 = 64 << 20;
/// How long a group waits for a head to be written before it is refused.
const PATIENCE: Duration = Duration::from_secs(5);

/// A shard's part of a batch on its way to disk.
#[derive(Debug)]
pub(crate) struct Item {
    pub tenant: TenantId,
    pub batch: Arc<MetricBatch>,
    /// Positions of the series in the batch, with the hashes of their labels.
    pub series: Vec<(u32, u64)>,
    /// Metadata of the batch that is new.
    pub metadata: Vec<(String, MetricMetadata)>,
    pub answer: oneshot::Sender<Result<MetricCommit, StoreError>>,
    /// Given back when the item has been answered.
    pub room: OwnedSemaphorePermit,
}

impl Queued for Item {
    fn bytes(&self) -> usize {
        self.series.len() * 16
    }
}

#[derive(Debug)]
pub(crate) struct Writer {
    shard: Arc<Shard>,
    shared: Arc<Shared>,
    counts: Arc<SeriesCounts>,
    /// Shards that share the limits of memory and log.
    shards: u64,
    log: Appender,
    /// Which numbering of series records speak of.
    dictionary: u64,
    entries: EntryWriter,
    scratch: Scratch,
    group: Vec<u8>,
}

impl Writer {
    /// One of `shards`, whose next segment has this number.
    pub(crate) fn new(
        (shard, shards): (Arc<Shard>, u64),
        shared: Arc<Shared>,
        counts: Arc<SeriesCounts>,
        next_segment: u64,
    ) -> Self {
        let log = Appender::new(shard.log.clone(), shared.clone(), next_segment);
        Writer {
            shard,
            shared,
            counts,
            shards: shards.max(1),
            log,
            // Segments are never numbered twice: neither are dictionaries.
            dictionary: next_segment << 20,
            entries: EntryWriter::default(),
            scratch: Scratch::default(),
            group: Vec::new(),
        }
    }

    /// Whether the group may be written: memory, disk, a segment to write to.
    fn admit(&mut self) -> Result<(), StoreError> {
        self.shared.disk.check_write()?;
        if self.is_full() {
            self.shard.wait_for_room(PATIENCE)?;
            self.freeze()?;
        }
        self.log.ensure_open(SEGMENT_BYTES)
    }

    /// Gives the samples to the heads, and fills the group with the records of what they took.
    fn take_in(&mut self, items: &[Item]) -> Result<Vec<MetricCommit>, StoreError> {
        self.group.clear();
        let active = self.shard.active();
        let mut commits = Vec::with_capacity(items.len());
        for item in items {
            let mut commit = MetricCommit::default();
            self.take_in_samples(&active, item, &mut commit);
            let exemplars = self.take_in_exemplars(item, &mut commit);
            let (tenant, metadata) = (&item.tenant, &item.metadata);
            self.entries.finish(&mut self.group, tenant, self.dictionary, &exemplars, metadata)?;
            commits.push(commit);
        }
        Ok(commits)
    }

    fn take_in_samples(&mut self, active: &Heads, item: &Item, commit: &mut MetricCommit) {
        let now = self.shared.clock.now().0 / 1_000_000;
        let rules = Rules { limits: self.shared.options.metrics.limits_of(&item.tenant), now, replay: false };
        let mut tenants = active.tenants.write();
        let head = active.head(&mut tenants, &item.tenant, &self.counts);
        for (at, hash) in &item.series {
            head.append((&item.batch, *at, *hash), rules, &mut self.entries, &mut self.scratch, commit);
        }
        drop(tenants);
        // Whether or not the log takes them: they can be seen from here on.
        span(item).iter().for_each(|span| self.shared.metric_versions.added(&item.tenant, *span));
    }

    fn take_in_exemplars(&self, item: &Item, commit: &mut MetricCommit) -> Vec<(Arc<[u8]>, Exemplar)> {
        let mut taken = Vec::new();
        if item.batch.exemplar_count() == 0 {
            return taken;
        }
        for (at, _) in &item.series {
            let series = &item.batch.series()[*at as usize];
            let exemplars = item.batch.exemplars(series);
            if exemplars.is_empty() {
                continue;
            }
            let labels: Arc<[u8]> = item.batch.labels(series).as_bytes().into();
            for exemplar in exemplars {
                match self.shard.exemplars.push(&item.tenant, &labels, exemplar.clone()) {
                    // One that is kept already is logged again: its first record may have been lost with an error.
                    Ok(_) => {
                        commit.exemplars += 1;
                        taken.push((labels.clone(), exemplar.clone()));
                    }
                    Err(reason) => *commit.rejected.entry(reason).or_default() += 1,
                }
            }
        }
        taken
    }

    fn write(&mut self) -> Result<(), StoreError> {
        if self.group.is_empty() {
            return Ok(());
        }
        self.log.append(&mut [IoSlice::new(&self.group)])?;
        self.shard.touched(self.shared.clock.now(), self.group.len() as u64);
        Ok(())
    }

    /// Numbers of series that were given out may be unknown to the log: it is told all labels again.
    fn start_dictionary(&mut self) {
        self.dictionary += 1;
        let active = self.shard.active();
        active.tenants.write().values_mut().for_each(Head::forget_logged);
    }
}

impl WriteGroups for Writer {
    type Item = Item;

    fn log(&mut self) -> &mut Appender {
        &mut self.log
    }

    fn handle(&mut self, items: Vec<Item>) {
        let started = Instant::now();
        let outcome = self.admit().and_then(|()| self.take_in(&items)).and_then(|commits| {
            self.write()?;
            Ok(commits)
        });
        match outcome {
            Ok(commits) => {
                self.shared.metrics.wal_sync_seconds.observe(started.elapsed().as_secs_f64());
                self.shared.metrics.wal_groups.inc();
                for (Item { answer, room, .. }, commit) in items.into_iter().zip(commits) {
                    let _ = answer.send(Ok(commit));
                    drop(room);
                }
            }
            Err(error) => {
                self.shared.metrics.error("append", &error);
                self.start_dictionary();
                for item in items {
                    let _ = item.answer.send(Err(error.clone()));
                }
            }
        }
    }

    fn is_full(&self) -> bool {
        let options = &self.shared.options.metrics;
        self.shard.active_log_bytes() >= options.head_log_bytes / self.shards
            || self.shard.active().sample_bytes() >= options.head_bytes / self.shards
    }

    /// Freezes the active heads and starts a new segment with the new ones. Without a new segment the old one goes on.
    ///
    /// `Overloaded` when as many heads wait as may: memory is bounded whoever asks.
    fn freeze(&mut self) -> Result<(), StoreError> {
        if self.shard.active().is_empty() {
            return Ok(());
        }
        self.shard.wait_for_room(Duration::ZERO)?;
        self.log.start_next();
        self.dictionary += 1;
        if self.shard.freeze(self.log.end()) {
            self.shared.heads_frozen.notify_one();
        }
        Ok(())
    }
}

/// The first and the last time of the samples of an item.
fn span(item: &Item) -> Option<(Timestamp, Timestamp)> {
    let series = || item.series.iter().map(|(at, _)| &item.batch.series()[*at as usize]);
    let numbers = || series().flat_map(|series| item.batch.samples(series).0.iter().copied());
    let histograms = || series().flat_map(|series| item.batch.histograms(series).iter().map(|(at, _)| *at));
    let time = |at: i64| Timestamp(at.saturating_mul(1_000_000));
    let times = || numbers().chain(histograms());
    times().min().zip(times().max()).map(|(first, last)| (time(first), time(last)))
}

#[cfg(test)]
mod tests;
