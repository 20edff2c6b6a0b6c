//! [`Store`]: partitions put together, and the traits of the contract on top of them.

use crate::StoreOptions;
use crate::background;
use crate::catalog::Contents;
use crate::compaction::Effort;
use crate::deletes::{Cuts, carry_out};
use crate::disk::{Disk, FileSystem, FreeSpace};
use crate::error::{io_context, join_error};
use crate::flush::flush_oldest;
use crate::held::HeldQuerier;
use crate::lock::DirectoryLock;
use crate::mask::Mask;
use crate::metric::{MetricCounters, MetricStore};
use crate::metrics::Metrics;
use crate::partition::Partition;
use crate::querier::{Snapshot, querier};
use crate::recovery::replay;
use crate::scatter::scatter;
use crate::shared::Shared;
use crate::wal::appender::WriteGroups;
use crate::wal::codec::{Encoder, MAX_RAW};
use crate::wal::queue::{Item, stopping};
use crate::wal::record::Record;
use crate::wal::writer::{Writer, answer, answered};
use async_trait::async_trait;
use gantry_meta::MetaStore;
use gantry_model::{Clock, LogBatch, TenantId, TimeRange};
use gantry_store_api::{Append, Commit, ErrorKind, Querier, Queryable, StoreError, Tail, TailRequest, TailStream};
use parking_lot::Mutex;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use tokio_util::sync::CancellationToken;

/// More than this in memtables is written at a clean stop; less is read back from the WAL in well under a second.
const FLUSH_AT_CLOSE: usize = 64 << 20;
/// The same for bytes of the logs of metrics.
const FLUSH_METRICS_AT_CLOSE: u64 = 128 << 20;
/// Batches with more text are encoded away from the async threads.
const ENCODE_INLINE: usize = 1 << 20;

/// A log store in one data directory. Make it with [`Store::open`], drive it with [`Store::run`].
#[derive(Debug)]
pub struct Store {
    pub(crate) shared: Arc<Shared>,
    pub(crate) partitions: Vec<Arc<Partition>>,
    pub(crate) metrics: MetricStore,
    encoder: Arc<Encoder>,
    writers: Mutex<Vec<JoinHandle<()>>>,
    closed: AtomicBool,
    _lock: DirectoryLock,
}

impl Store {
    /// Opens or creates the data directory and replays its WAL. When this returns everything that was ever acknowledged
    /// can be queried.
    ///
    /// # Errors
    /// `Unavailable` when another process has the directory, `Invalid` for options or a directory of another version.
    pub async fn open(
        options: StoreOptions,
        clock: Arc<dyn Clock>,
        registry: &prometheus::Registry,
    ) -> Result<Arc<Self>, StoreError> {
        let free = Arc::new(FileSystem(options.data.clone()));
        Self::open_with(options, clock, registry, free).await
    }

    pub(crate) async fn open_with(
        options: StoreOptions,
        clock: Arc<dyn Clock>,
        registry: &prometheus::Registry,
        free: Arc<dyn FreeSpace>,
    ) -> Result<Arc<Self>, StoreError> {
        let problems = options.problems();
        if !problems.is_empty() {
            return Err(StoreError::new(ErrorKind::Invalid, problems.join("; ")));
        }
        let data = &options.data;
        io_context(std::fs::create_dir_all(data), || format!("cannot create {}", data.display()))?;
        let lock = DirectoryLock::acquire(data)?;
        let drafts = options.drafts();
        io_context(empty_dir(&drafts), || format!("cannot empty {}", drafts.display()))?;
        let metrics = Metrics::new(registry)?;
        let counters = MetricCounters::new(registry)?;
        let disk = Disk::new(free, options.min_free, options.max_bytes);
        let opening = move || Shared::open(options, clock, disk, metrics);
        let shared = Arc::new(tokio::task::spawn_blocking(opening).await.map_err(join_error)??);
        let contents = shared.catalog.open(wanted_partitions(&shared.options)).await?;
        let cuts =
            shared.deletes.open(contents.splits.iter().map(|meta| meta.deletes_through).max().unwrap_or(0)).await?;
        let metrics = MetricStore::open(&shared, contents.partitions, &contents, counters).await?;
        let (partitions, writers) = open_partitions(&shared, contents, cuts).await?;
        let encoder = Arc::new(Encoder::new(shared.options.wal_compression));
        Ok(Arc::new(Store {
            shared,
            partitions,
            metrics,
            encoder,
            writers: Mutex::new(writers),
            closed: AtomicBool::new(false),
            _lock: lock,
        }))
    }

    /// Writes memtables that are full or old, merges splits, enforces retention and removes files nobody needs, until
    /// `cancel` fires; then stops the store as [`Store::close`] does.
    pub async fn run(self: Arc<Self>, cancel: CancellationToken) {
        background::run(&self, &cancel).await;
        if let Err(error) = self.close().await {
            tracing::error!(%error, "the store did not stop cleanly; nothing acknowledged is lost");
        }
    }

    /// Turns all that was appended before into splits.
    pub async fn flush(&self) -> Result<(), StoreError> {
        for partition in &self.partitions {
            self.freeze(partition).await?;
        }
        self.drain().await?;
        self.metrics.flush().await
    }

    /// Freezes what is in memory, making room for one more frozen memtable first.
    async fn freeze(&self, partition: &Arc<Partition>) -> Result<(), StoreError> {
        loop {
            while flush_oldest(&self.shared, partition).await? {}
            match answered(partition.queue.request_freeze()?).await {
                Err(error) if error.kind() == ErrorKind::Overloaded => {}
                frozen => return frozen,
            }
        }
    }

    /// Writes every frozen memtable.
    async fn drain(&self) -> Result<(), StoreError> {
        for partition in &self.partitions {
            while flush_oldest(&self.shared, partition).await? {}
        }
        Ok(())
    }

    /// Merges until every tenant, partition and day is as few splits as the target size allows.
    pub async fn compact(&self) -> Result<(), StoreError> {
        carry_out(self).await?;
        background::compact_everything(self).await?;
        self.metrics.compact(Effort::Everything).await?;
        self.shared.graveyard.sweep(&self.shared.objects).await.map(|_| ())
    }

    /// Removes the lines of delete requests that can no longer be cancelled; gives how many requests were finished.
    pub async fn carry_out_deletes(&self) -> Result<usize, StoreError> {
        let finished = carry_out(self).await?;
        self.shared.graveyard.sweep(&self.shared.objects).await?;
        Ok(finished)
    }

    /// Removes lines that are past their retention; gives how many splits were removed or rewritten.
    pub async fn enforce_retention(&self) -> Result<usize, StoreError> {
        let removed = crate::retention::enforce(&self.shared, &self.partitions).await?;
        let removed = removed + self.metrics.enforce_retention().await?;
        self.shared.graveyard.sweep(&self.shared.objects).await?;
        Ok(removed)
    }

    /// Stops accepting lines, finishes what was handed over, ends the tails. What is in memtables stays in the WAL,
    /// unless that would make the next start slow. Queries still work.
    pub async fn close(&self) -> Result<(), StoreError> {
        if self.closed.swap(true, Ordering::AcqRel) {
            return Ok(());
        }
        let held: usize = self.partitions.iter().map(|partition| partition.memtable_bytes()).sum();
        let much = held > FLUSH_AT_CLOSE || self.metrics.log_bytes() > FLUSH_METRICS_AT_CLOSE;
        let flushed = if much { self.flush().await } else { Ok(()) };
        for partition in &self.partitions {
            partition.queue.close();
        }
        let mut writers = std::mem::take(&mut *self.writers.lock());
        writers.extend(self.metrics.close());
        let joined = tokio::task::spawn_blocking(move || writers.into_iter().all(|writer| writer.join().is_ok())).await;
        self.shared.hub.close();
        match joined {
            Ok(true) => flushed,
            _ => Err(StoreError::internal("a WAL writer failed")),
        }
    }

    /// Whether `bytes` more fit on the disk of the data directory, as for an import that waits there.
    ///
    /// # Errors
    /// `StorageFull` when they do not.
    pub fn check_free(&self, bytes: u64) -> Result<(), StoreError> {
        self.shared.disk.check_free(bytes)
    }

    /// The metadata file of the data directory, for what else has to survive a restart. The prefixes `split/`, `wal/`
    /// and `store/` are the store's own.
    pub fn meta(&self) -> Arc<dyn MetaStore> {
        self.shared.meta.clone()
    }

    /// Encodes a batch for the log, away from the async threads when it is large.
    async fn encode(&self, tenant: &TenantId, batch: &Arc<LogBatch>) -> Result<Record, StoreError> {
        if batch.text_bytes() < ENCODE_INLINE {
            return self.encoder.encode(tenant, batch);
        }
        let (encoder, tenant, batch) = (self.encoder.clone(), tenant.clone(), batch.clone());
        let work = move || encoder.encode(&tenant, &batch);
        tokio::task::spawn_blocking(work).await.map_err(join_error)?
    }
}

fn wanted_partitions(options: &StoreOptions) -> u32 {
    match options.partitions {
        0 => std::thread::available_parallelism().map_or(1, |cores| cores.get().min(256) as u32),
        partitions => partitions,
    }
}

type Opened = (Vec<Arc<Partition>>, Vec<JoinHandle<()>>);

/// Replays all partitions at the same time, then starts their writers.
/// Makes the directory, and removes what a process left there that was killed.
fn empty_dir(dir: &Path) -> io::Result<()> {
    match std::fs::remove_dir_all(dir) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    std::fs::create_dir(dir)
}

async fn open_partitions(shared: &Arc<Shared>, contents: Contents, mut cuts: Cuts) -> Result<Opened, StoreError> {
    let new_partition = |number| {
        let dir = shared.options.data.join("wal").join(format!("p{number:03}"));
        Arc::new(Partition::new(number, dir, shared.options.wal_queue_bytes as usize))
    };
    let partitions: Vec<Arc<Partition>> = (0..contents.partitions).map(new_partition).collect();
    for meta in contents.splits {
        let Some(partition) = partitions.get(meta.partition as usize) else {
            let message = format!("split {} is of partition {}, which does not exist", meta.id, meta.partition);
            return Err(StoreError::corrupt(message));
        };
        partition.add_split(shared.open_split(meta));
    }
    let count = partitions.len();
    let replays = partitions.iter().map(|partition| {
        let flushed = contents.flushed.get(&partition.number).copied().unwrap_or_default();
        partition.expect_cuts(flushed, cuts.remove(&partition.number).unwrap_or_default());
        async move { replay(shared, partition, count, flushed).await }
    });
    let next_segments = futures::future::try_join_all(replays).await?;
    let mut writers = Vec::with_capacity(partitions.len());
    for (partition, next_segment) in partitions.iter().zip(next_segments) {
        shared.metrics.memtable_bytes.add(partition.memtable_bytes() as i64);
        let writer = Writer::new(partition.clone(), shared.clone(), next_segment);
        let thread = std::thread::Builder::new().name(format!("wal-{:03}", partition.number));
        let partition = partition.clone();
        let run = move || writer.run(&partition.queue);
        writers.push(io_context(thread.spawn(run), || "cannot start a WAL writer")?);
    }
    Ok((partitions, writers))
}

#[async_trait]
impl Append for Store {
    async fn append(&self, tenant: &TenantId, batch: LogBatch) -> Result<Commit, StoreError> {
        if self.closed.load(Ordering::Acquire) {
            return Err(stopping());
        }
        if batch.text_bytes() > MAX_RAW / 2 {
            return Err(StoreError::new(ErrorKind::Invalid, "a batch may hold at most 256 MiB of text"));
        }
        let commit = Commit { lines: batch.line_count() as u64, bytes: batch.text_bytes() as u64 };
        // Everything that can wait comes before the first hand-over: a cancelled append is whole or absent.
        let mut items = Vec::with_capacity(self.partitions.len());
        let mut answers = Vec::with_capacity(self.partitions.len());
        for (partition, part) in scatter(batch, self.partitions.len()) {
            let queue = &self.partitions[partition].queue;
            let part = Arc::new(part);
            let record = self.encode(tenant, &part).await?;
            let room = queue.reserve(record.own_bytes() + part.text_bytes()).await?;
            let (answer, receiver) = answer();
            items.push((queue, Item { tenant: tenant.clone(), batch: part, record, answer, room }));
            answers.push(receiver);
        }
        for (queue, item) in items {
            queue.push(item)?;
        }
        for receiver in answers {
            answered(receiver).await?;
        }
        self.shared.metrics.lines.inc_by(commit.lines);
        self.shared.metrics.text_bytes.inc_by(commit.bytes);
        Ok(commit)
    }
}

impl Queryable for Store {
    fn querier(&self, tenant: &TenantId, range: TimeRange) -> Arc<dyn Querier> {
        let (now, expiry) = (self.shared.clock.now(), self.shared.options.expiry_of(tenant));
        let range = TimeRange::new(range.start.max(expiry.earliest(now)), range.end);
        // Before the splits: a request that is carried out leaves this list after its splits were replaced.
        let pending = self.shared.deletes.pending(tenant);
        let mask = |after: u64| Mask::deletes(&pending, after).and_expired(&expiry, now);
        let mut snapshot = Snapshot::default();
        for partition in &self.partitions {
            partition.snapshot(tenant, &range, &mask, &mut snapshot);
        }
        let splits = snapshot.splits.iter().map(|(split, _)| split.clone()).collect();
        Arc::new(HeldQuerier { inner: querier(snapshot, tenant.clone(), range), splits })
    }

    fn version(&self, tenant: &TenantId, range: TimeRange) -> Option<u64> {
        let expiring = self.shared.options.expiry_of(tenant).latest(self.shared.clock.now());
        (range.start >= expiring).then(|| self.shared.versions.of(tenant, &range))
    }

    fn tenants(&self) -> Vec<TenantId> {
        let mut tenants: Vec<TenantId> = self.partitions.iter().flat_map(|partition| partition.tenants()).collect();
        tenants.sort();
        tenants.dedup();
        tenants
    }
}

impl Tail for Store {
    fn tail(&self, tenant: &TenantId, request: TailRequest) -> TailStream {
        self.shared.hub.subscribe(tenant, request)
    }
}

impl Drop for Store {
    /// Without a clean stop the writers still end, and write what they were handed.
    fn drop(&mut self) {
        for partition in &self.partitions {
            partition.queue.close();
        }
        self.shared.hub.close();
        for writer in std::mem::take(&mut *self.writers.lock()).into_iter().chain(self.metrics.close()) {
            let _ = writer.join();
        }
    }
}
