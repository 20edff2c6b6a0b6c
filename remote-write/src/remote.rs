//! [`Remote`]: reads the log for one remote, divides what it reads among shards, and stops in order.

use crate::deliver::Deliver;
use crate::log::Log;
use crate::metrics::Metrics;
use crate::options::{RemoteWriteLogOptions, RemoteWriteOptions};
use crate::pick::{Picked, Picker};
use crate::piece::{Piece, divide};
use crate::reader::{LogReader, Reading};
use crate::record::Record;
use crate::reshard::{Seen, desired};
use crate::shard::{Common, Shard};
use crate::upkeep::{Families, Upkeep};
use gantry_model::Clock;
use gantry_model::relabel::InvalidRelabel;
use gantry_store_api::QueryMetrics;
use gantry_wal::WalPosition;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Pieces that wait for a shard, beside the limit of samples.
const PIECES: usize = 1024;
/// How often it is looked whether there should be more shards.
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// How long reading pauses after an error.
const PAUSE: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(crate) struct Remote {
    options: RemoteWriteOptions,
    flush_deadline: Duration,
    log: Arc<Log>,
    reading: Arc<Reading>,
    reader: LogReader,
    picker: Picker,
    common: Arc<Common>,
    metrics: Metrics,
}

/// Why feeding ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    /// All was handed over, and the process stops.
    Drained,
    /// The process stops, and the remote takes nothing.
    GaveUp,
    /// Another number of shards is wanted.
    Reshard(usize),
}

/// Where pieces go.
#[derive(Debug)]
struct Outlet {
    pieces: mpsc::Sender<Piece>,
    room: Arc<Semaphore>,
}

/// What a remote needs from outside.
#[derive(Clone)]
pub(crate) struct Around {
    pub query: Arc<dyn QueryMetrics>,
    pub clock: Arc<dyn Clock>,
    pub metrics: Metrics,
    pub stop: CancellationToken,
}

impl Remote {
    pub fn new(
        options: RemoteWriteOptions,
        log_options: &RemoteWriteLogOptions,
        log: &Arc<Log>,
        reading: Arc<Reading>,
        deliver: Arc<dyn Deliver>,
        around: &Around,
    ) -> Result<Self, InvalidRelabel> {
        let common = Arc::new(Common {
            name: reading.name.clone(),
            queue: options.queue_config.clone(),
            message: options.protobuf_message,
            max_age_ms: i64::try_from(log_options.max_age.as_millis()).unwrap_or(i64::MAX),
            deliver,
            families: Families::new(around.query.clone()),
            clock: around.clock.clone(),
            metrics: around.metrics.of(&reading.name),
            is_waiting: Default::default(),
            is_dropping: Default::default(),
            logged: Default::default(),
            hurry: around.stop.clone(),
            gave_up: CancellationToken::new(),
        });
        Ok(Remote {
            picker: Picker::new(&options)?,
            flush_deadline: log_options.flush_deadline,
            reader: LogReader::new(log.files.clone(), reading.clone()),
            log: log.clone(),
            options,
            reading,
            common,
            metrics: around.metrics.clone(),
        })
    }

    /// Sends until it is told to stop, then what waits, as long as the remote takes it and the deadline allows.
    pub async fn run(mut self) {
        let queue = &self.options.queue_config;
        let (least, most) = (queue.min_shards, queue.max_shards);
        let shards = Arc::new(AtomicUsize::new(self.reading.shards_before.clamp(least, most)));
        let upkeep = Upkeep {
            files: self.log.files.clone(),
            reading: self.reading.clone(),
            common: self.common.clone(),
            shards: shards.clone(),
            log_bytes: self.metrics.log_bytes.clone(),
        };
        // A new remote has a place in the log from now on.
        upkeep.save(None);
        let mut beside = JoinSet::new();
        beside.spawn(upkeep.clone().run());
        beside.spawn(upkeep.clone().describe(self.options.metadata_config.clone()));
        let (stop, deadline) = (self.common.hurry.clone(), self.flush_deadline);
        let late = async move {
            stop.cancelled().await;
            tokio::time::sleep(deadline).await;
        };
        tokio::select! {
            () = self.generations(&shards) => {}
            () = late => {}
        }
        beside.shutdown().await;
        upkeep.save(None);
        let behind = self.log.files.behind(self.reading.done());
        if behind > 0 {
            tracing::info!(remote = self.common.name, bytes = behind, "samples wait on disk for the next start");
        }
    }

    /// Runs shards; another number of them begins when those before have nothing left, so that series keep their order.
    async fn generations(&mut self, shards: &AtomicUsize) {
        loop {
            let count = shards.load(Ordering::Relaxed);
            self.common.metrics.shards.set(count as i64);
            let (mut running, mut outlets) = (JoinSet::new(), Vec::with_capacity(count));
            for number in 0..count {
                let (pieces, inlet) = mpsc::channel(PIECES);
                let room = Arc::new(Semaphore::new(self.common.queue.capacity));
                outlets.push(Outlet { pieces, room });
                running.spawn(Shard::new(self.common.clone(), number, inlet).run());
            }
            let ended = self.feed(&outlets).await;
            drop(outlets);
            while running.join_next().await.is_some() {}
            match ended {
                Ended::Drained | Ended::GaveUp => return,
                Ended::Reshard(wanted) => {
                    tracing::info!(
                        remote = self.common.name,
                        from = count,
                        to = wanted,
                        "the number of shards changes"
                    );
                    shards.store(wanted, Ordering::Relaxed);
                }
            }
        }
    }

    async fn feed(&mut self, outlets: &[Outlet]) -> Ended {
        let mut end = self.log.files.end.subscribe();
        let gave_up = self.common.gave_up.clone();
        let mut look = Look::new(&self.options, outlets.len());
        loop {
            end.mark_unchanged();
            match self.reader.next() {
                Ok(Some((payload, at))) => {
                    let pushed = self.push(&payload, at, outlets);
                    tokio::select! {
                        () = pushed => {}
                        () = gave_up.cancelled() => return Ended::GaveUp,
                    }
                }
                Ok(None) if self.common.hurry.is_cancelled() => return Ended::Drained,
                Ok(None) => self.wait(&mut end).await,
                Err(error) => {
                    tracing::error!(remote = self.common.name, %error, "the log of remote write cannot be read");
                    if self.common.hurry.is_cancelled() {
                        return Ended::GaveUp;
                    }
                    tokio::time::sleep(PAUSE).await;
                }
            }
            if !self.common.hurry.is_cancelled()
                && let Some(wanted) = look.at(&self.log, &self.reading, &self.common)
            {
                return Ended::Reshard(wanted);
            }
        }
    }

    async fn wait(&self, end: &mut watch::Receiver<WalPosition>) {
        tokio::select! {
            // The sender lives as long as the log, which is held here.
            _ = end.changed() => {}
            () = self.common.hurry.cancelled() => {}
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }

    /// Hands a record to the shards; waits while they have no room.
    async fn push(&mut self, payload: &[u8], end: WalPosition, outlets: &[Outlet]) {
        let metrics = &self.common.metrics;
        let now_ms = self.common.clock.now().0.div_euclid(1_000_000);
        let record = match Record::parse(payload) {
            Ok(record) if (self.reading.takes)(&record.tenant) => record,
            Ok(_) => return drop(self.reading.tracker.begin(end, 0)),
            Err(what) => {
                tracing::error!(remote = self.common.name, what, "samples that wait to be sent cannot be read");
                return drop(self.reading.tracker.begin(end, 0));
            }
        };
        if now_ms.saturating_sub(record.written_ms) > self.common.max_age_ms {
            self.common.too_old(record.samples);
            return drop(self.reading.tracker.begin(end, 0));
        }
        let picked = self.picker.pick(&record, now_ms).unwrap_or_else(|what| {
            tracing::error!(remote = self.common.name, what, "samples that wait to be sent cannot be read");
            metrics.dropped("damaged", record.samples);
            Picked::default()
        });
        metrics.dropped("relabelled", picked.relabelled);
        metrics.dropped("sample_age_limit", picked.too_old);
        metrics.dropped("native_histogram", picked.histograms);
        let shares = divide(&picked.batch, outlets.len(), self.common.queue.max_samples_per_send);
        let ticket = self.reading.tracker.begin(end, shares.len());
        let again = end <= self.reading.again_until;
        let (batch, capacity) = (Arc::new(picked.batch), self.common.queue.capacity);
        for (shard, share) in shares {
            let outlet = &outlets[shard];
            let wanted = u32::try_from(share.samples.max(1).min(capacity)).unwrap_or(u32::MAX);
            // Neither is ever closed while a piece is handed over: the shard lives as long as its outlet, or gave up.
            let Ok(room) = outlet.room.clone().acquire_many_owned(wanted).await else { return };
            let (tenant, written_ms) = (record.tenant.clone(), record.written_ms);
            let piece = Piece { tenant, written_ms, batch: batch.clone(), share, again, ticket: ticket.clone(), room };
            if outlet.pieces.send(piece).await.is_err() {
                return;
            }
        }
        let waiting: usize = outlets.iter().map(|outlet| capacity - outlet.room.available_permits()).sum();
        metrics.pending.set(waiting as i64);
    }
}

/// Looks now and then whether there should be another number of shards.
#[derive(Debug)]
struct Look {
    bounds: (usize, usize),
    shards: usize,
    next: tokio::time::Instant,
    behind: u64,
    quiet: u32,
}

impl Look {
    fn new(options: &RemoteWriteOptions, shards: usize) -> Self {
        let bounds = (options.queue_config.min_shards, options.queue_config.max_shards);
        Look { bounds, shards, next: tokio::time::Instant::now() + LOOK_EVERY, behind: 0, quiet: 0 }
    }

    fn at(&mut self, log: &Log, reading: &Reading, common: &Common) -> Option<usize> {
        if tokio::time::Instant::now() < self.next {
            return None;
        }
        self.next = tokio::time::Instant::now() + LOOK_EVERY;
        let behind = log.files.behind(reading.next());
        let is_taking = !common.is_waiting.load(Ordering::Relaxed);
        let seen = Seen { behind, behind_before: self.behind, is_taking };
        self.behind = behind;
        let wanted = desired(self.shards, self.bounds, seen, &mut self.quiet);
        (wanted != self.shards).then_some(wanted)
    }
}

impl std::fmt::Debug for Around {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Around").field("clock", &self.clock).finish_non_exhaustive()
    }
}
