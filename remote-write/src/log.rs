//! [`Log`]: the samples that wait to be sent, on disk, for all remotes together.
//!
//! One thread writes what waits with one sync, then everybody is answered. Remotes read what is synced. A segment goes
//! when every remote is past it, or when there are too many bytes: then the remotes that are not lose what it held.

use crate::cursor::Cursor;
use crate::reader::Reading;
use crate::record::Record;
use gantry_model::TenantId;
use gantry_store_api::{ErrorKind, StoreError};
use gantry_wal::follow::{Followed, Follower};
use gantry_wal::reader::{Item as Found, SegmentBytes};
use gantry_wal::segment::{self, AppendError, HEADER, Segment, file_name};
use gantry_wal::{WalPosition, io_context};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::IoSlice;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot, watch};

/// Appends that wait for the thread; each holds a request that was admitted.
const WAITING: usize = 1024;
/// Most bytes that are written with one sync.
const GROUP_BYTES: usize = 16 << 20;

/// The log and its writer. Dropping the last one ends the thread.
#[derive(Debug)]
pub(crate) struct Log {
    pub files: Arc<Files>,
    queue: mpsc::Sender<Item>,
}

#[derive(Debug)]
struct Item {
    record: Vec<u8>,
    answer: oneshot::Sender<Result<(), StoreError>>,
}

/// What is on disk, and who reads it.
#[derive(Debug)]
pub(crate) struct Files {
    pub dir: PathBuf,
    max_bytes: u64,
    segment_bytes: u64,
    /// Synced bytes of every segment.
    segments: Mutex<BTreeMap<u64, u64>>,
    /// Up to where records are synced.
    pub end: watch::Sender<WalPosition>,
    pub readings: Vec<Arc<Reading>>,
}

/// Who reads: a name and whose samples.
pub(crate) type Takes = Arc<dyn Fn(&TenantId) -> bool + Send + Sync>;

impl Log {
    /// Opens the log below `dir`, and starts its thread. Remotes without a cursor begin at the end.
    pub fn open(dir: &Path, max_bytes: u64, remotes: &[(String, Takes)]) -> Result<Log, StoreError> {
        io_context(std::fs::create_dir_all(dir), || format!("cannot create {}", dir.display()))?;
        if let Some(above) = dir.parent() {
            io_context(segment::sync_dir(above), || format!("cannot sync {}", above.display()))?;
        }
        let numbers = segment::list(dir)?;
        let next = numbers.last().map_or(1, |last| last + 1);
        let mut segments = BTreeMap::new();
        for number in numbers {
            if let Some(bytes) = cut_torn_end(&dir.join(file_name(number)))? {
                segments.insert(number, bytes);
            }
        }
        let end = WalPosition { segment: next, offset: HEADER };
        let names: Vec<String> = remotes.iter().map(|(name, _)| name.clone()).collect();
        Cursor::forget_others(dir, &names)?;
        let reading = |(name, takes): &(String, Takes)| {
            let cursor = Cursor::load(dir, name)?;
            let start = cursor.map_or(end, |cursor| cursor.done);
            if cursor.is_none() {
                // What is acknowledged from now on is for this remote, too, even if the process dies at once.
                Cursor { done: start, shards: 0 }.save(dir, name)?;
            }
            Ok(Arc::new(Reading::new(
                name.clone(),
                (start, end),
                cursor.map_or(0, |cursor| cursor.shards),
                takes.clone(),
            )))
        };
        let readings = remotes.iter().map(reading).collect::<Result<_, StoreError>>()?;
        let files = Arc::new(Files {
            dir: dir.to_owned(),
            max_bytes,
            segment_bytes: (max_bytes / 8).clamp(64 << 10, 16 << 20),
            segments: Mutex::new(segments),
            end: watch::Sender::new(end),
            readings,
        });
        files.release();
        let (queue, items) = mpsc::channel(WAITING);
        let writer = LogWriter { files: files.clone(), segment: None, next };
        let thread = std::thread::Builder::new().name("remote-write".to_owned());
        io_context(thread.spawn(move || writer.run(items)), || "cannot start the writer of remote write")?;
        Ok(Log { files, queue })
    }

    /// Returns when the record is on disk.
    pub async fn append(&self, record: Vec<u8>) -> Result<(), StoreError> {
        let (answer, written) = oneshot::channel();
        let stopping = || StoreError::new(ErrorKind::Unavailable, "the log of remote write is stopping");
        self.queue.send(Item { record, answer }).await.map_err(|_| stopping())?;
        written.await.unwrap_or_else(|_| Err(stopping()))
    }
}

/// Bytes of whole records; `None` when there is not even a header. What was being written at a crash is cut off.
fn cut_torn_end(path: &Path) -> Result<Option<u64>, StoreError> {
    let bytes = SegmentBytes::read(path)?;
    for item in bytes.items(0) {
        match item {
            Found::Torn { from, what } => {
                tracing::warn!(segment = %path.display(), from, what, "cutting the unfinished end of the WAL");
                let cut = || {
                    if from < HEADER {
                        return std::fs::remove_file(path);
                    }
                    let file = OpenOptions::new().write(true).open(path)?;
                    file.set_len(from)?;
                    file.sync_data()
                };
                io_context(cut(), || format!("cannot cut {}", path.display()))?;
                return Ok((from >= HEADER).then_some(from));
            }
            Found::Damaged { from, to, what } => {
                tracing::error!(segment = %path.display(), from, to, what, "samples that wait to be sent cannot be read");
            }
            Found::Record { .. } => {}
        }
    }
    Ok(Some(bytes.len()))
}

impl Files {
    pub fn path(&self, number: u64) -> PathBuf {
        self.dir.join(file_name(number))
    }

    /// Bytes on disk.
    pub fn bytes(&self) -> u64 {
        self.segments.lock().values().sum()
    }

    /// The segment that holds what comes at or after a place, and up to where it is synced. A place at the end of a
    /// segment means the next one. `None` when everything was read.
    pub fn next_from(&self, at: WalPosition) -> Option<(WalPosition, u64)> {
        let segments = self.segments.lock();
        for (number, end) in segments.range(at.segment..) {
            let offset = if *number == at.segment { at.offset } else { HEADER };
            if offset < *end {
                return Some((WalPosition { segment: *number, offset }, *end));
            }
        }
        None
    }

    /// Bytes that lie behind a place.
    pub fn behind(&self, at: WalPosition) -> u64 {
        let segments = self.segments.lock();
        let of =
            |(number, end): (&u64, &u64)| end.saturating_sub(if *number == at.segment { at.offset } else { HEADER });
        segments.range(at.segment..).map(of).sum()
    }

    /// Removes segments that every remote is past, and the oldest ones while there are too many bytes.
    pub fn release(&self) {
        let done = self.readings.iter().map(|reading| reading.done()).min().unwrap_or_default();
        loop {
            let (oldest, is_last, total) = {
                let segments = self.segments.lock();
                let Some(oldest) = segments.keys().next().copied() else { return };
                (oldest, segments.len() == 1, segments.values().sum::<u64>())
            };
            // The last one may be written to.
            if is_last || (oldest >= done.segment && total <= self.max_bytes) {
                return;
            }
            if oldest >= done.segment {
                self.lose(oldest);
            }
            self.segments.lock().remove(&oldest);
            let path = self.path(oldest);
            if let Err(error) = std::fs::remove_file(&path) {
                tracing::warn!(path = %path.display(), %error, "a segment of remote write that is no longer needed stays");
            }
        }
    }

    /// Tells the remotes that have not read all of a segment what they lose with it.
    fn lose(&self, number: u64) {
        let end = self.segments.lock().get(&number).copied().unwrap_or_default();
        for reading in &self.readings {
            let lost = reading.skip_segment(number, |from, takes| self.count(number, from, end, takes));
            if lost > 0 {
                tracing::error!(
                    remote = reading.name,
                    samples = lost,
                    max_bytes = self.max_bytes,
                    "samples that wait for a remote are dropped: the log of remote write is full; see remote_write_log.max_bytes"
                );
            }
        }
    }

    /// Samples of some tenants in a segment from an offset on. What cannot be read counts as none.
    fn count(&self, number: u64, from: u64, end: u64, takes: &Takes) -> u64 {
        let mut sum = 0;
        let Ok(mut follower) = Follower::open(&self.path(number), from) else { return 0 };
        loop {
            match follower.next(end) {
                Ok(Followed::Record(payload)) => {
                    let record = Record::parse(&payload).ok().filter(|record| takes(&record.tenant));
                    sum += record.map_or(0, |record| record.samples);
                }
                Ok(Followed::Damaged(_)) => {}
                Ok(Followed::End) | Err(_) => return sum,
            }
        }
    }
}

/// The one thread that writes.
struct LogWriter {
    files: Arc<Files>,
    segment: Option<Segment>,
    next: u64,
}

impl LogWriter {
    fn run(mut self, mut items: mpsc::Receiver<Item>) {
        while let Some(first) = items.blocking_recv() {
            let mut group = vec![first];
            let mut bytes = group[0].record.len();
            while bytes < GROUP_BYTES
                && let Ok(item) = items.try_recv()
            {
                bytes += item.record.len();
                group.push(item);
            }
            let outcome = self.write(&group);
            if let Err(error) = &outcome {
                tracing::error!(%error, "samples for remotes cannot be written: their senders are told to come again");
            }
            for item in group {
                // Whoever waited may be gone; the record is written all the same.
                let _ = item.answer.send(outcome.clone());
            }
        }
    }

    fn write(&mut self, group: &[Item]) -> Result<(), StoreError> {
        let is_full = self.segment.as_ref().is_some_and(|segment| segment.len() >= self.files.segment_bytes);
        if self.segment.is_none() || is_full {
            let segment = Segment::create(&self.files.dir, self.next)?;
            self.next += 1;
            self.files.segments.lock().insert(segment.number, segment.len());
            self.segment = Some(segment);
            self.files.release();
        }
        let Some(segment) = self.segment.as_mut() else { return Err(StoreError::internal("no segment is open")) };
        let mut parts: Vec<IoSlice<'_>> = group.iter().map(|item| IoSlice::new(&item.record)).collect();
        match segment.append(&mut parts, true) {
            Ok(()) => {
                let end = WalPosition { segment: segment.number, offset: segment.len() };
                self.files.segments.lock().insert(end.segment, end.offset);
                self.files.end.send_replace(end);
                Ok(())
            }
            Err(AppendError::RolledBack(error)) => Err(error),
            Err(AppendError::Broken(error)) => {
                self.segment = None;
                Err(error)
            }
        }
    }
}

#[cfg(test)]
mod tests;
