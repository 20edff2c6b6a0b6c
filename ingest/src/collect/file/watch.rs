//! [`Watch`]: all files of one collector. Synchronous; [`super::collector`] calls it from a blocking thread.

mod discover;
mod rotation;

use super::checkpoint::{Checkpoint, Saved};
use super::finder::Finder;
use super::gather::{Gather, Gathered};
use super::identity::FileId;
use super::labels::{FileLabels, built_in};
use super::options::{CollectError, FileOptions};
use super::tail::{Context, Tail, Turn};
use crate::collect::Enrich;
use crate::collect::metrics::CollectorMetrics;
use crate::multiline::Joining;
use gantry_model::Clock;
use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// With fewer files all are looked at every time.
const FEW_FILES: usize = 64;

#[derive(Debug)]
pub(super) struct Watch {
    options: FileOptions,
    joining: Option<Joining>,
    enrichers: Vec<Arc<dyn Enrich>>,
    finder: Finder,
    clock: Arc<dyn Clock>,
    metrics: CollectorMetrics,
    tails: HashMap<FileId, Tail>,
    /// Whose turn it is: the front.
    turns: VecDeque<FileId>,
    /// From the checkpoint, not found again yet.
    restored: Vec<Saved>,
    checkpoint: PathBuf,
    saved: Option<Checkpoint>,
    /// The newest time given to a line that brought none.
    stamp: i64,
    generation: u64,
    buffer: Vec<u8>,
    /// Files that could not be read: told once.
    told: BTreeSet<PathBuf>,
}

impl Watch {
    /// # Errors
    /// When options are wrong or the checkpoint can not be read.
    pub fn new(options: FileOptions, clock: Arc<dyn Clock>, metrics: CollectorMetrics) -> Result<Self, CollectError> {
        options.check()?;
        let joining = Joining::new(&options.multiline, options.max_line_bytes)?;
        let finder = Finder::new(&options)?;
        let checkpoint = options.data_dir.join(format!("collect-{}.json", options.name));
        let data_dir = |source| CollectError::DataDir { path: options.data_dir.clone(), source };
        std::fs::create_dir_all(&options.data_dir).map_err(data_dir)?;
        let loaded = Checkpoint::load(&checkpoint).map_err(data_dir)?;
        Ok(Watch {
            joining,
            enrichers: built_in(),
            finder,
            clock,
            metrics,
            tails: HashMap::new(),
            turns: VecDeque::new(),
            stamp: loaded.stamp,
            generation: loaded.files.iter().map(|saved| saved.generation).max().unwrap_or(0),
            restored: loaded.files.clone(),
            saved: Some(loaded),
            checkpoint,
            buffer: Vec::new(),
            told: BTreeSet::new(),
            options,
        })
    }

    pub fn enrich(&mut self, enricher: Arc<dyn Enrich>) {
        self.enrichers.push(enricher);
    }

    /// The labels of a file's lines.
    fn labels(&self, path: &Path) -> FileLabels {
        FileLabels::of(path, &self.enrichers, &self.options.labels)
    }

    /// Reads files by turns until the batch is full or all are at their end.
    pub fn gather(&mut self) -> Gathered {
        let now = self.clock.now();
        let mut gather = Gather::new(now.nanos().max(self.stamp.saturating_add(1)));
        let mut waiting = self.waiting();
        let succeeded = self.succeeded();
        let many = self.tails.len() > FEW_FILES;
        let mut idle = 0;
        while gather.bytes() < self.options.batch_bytes && idle < self.turns.len() {
            idle += 1;
            self.turns.rotate_left(1);
            let Some(id) = self.turns.back().copied() else { break };
            let Some(tail) = self.tails.get_mut(&id) else { continue };
            if waiting.contains(&id) || (many && tail.is_resting(now)) {
                continue;
            }
            let buffer = &mut self.buffer;
            let (options, metrics, joining) = (&self.options, &self.metrics, self.joining.as_ref());
            let succeeded = succeeded.contains(&id);
            let mut cx = Context { options, joining, metrics, buffer, gather: &mut gather, now, succeeded };
            match tail.turn(&mut cx) {
                Ok(Turn::Nothing) => {}
                Ok(Turn::Read) => idle = 0,
                Ok(Turn::Truncated) => {
                    self.truncated(id);
                    waiting.insert(id);
                }
                Err(error) => self.unreadable(id, &error),
            }
        }
        let last = self.tails.values().filter_map(Tail::last_stamp).max();
        self.stamp = self.stamp.max(last.unwrap_or(i64::MIN));
        gather.finish()
    }

    /// Files of a path whose former generation is not read to its end.
    fn waiting(&self) -> HashSet<FileId> {
        let mut oldest: HashMap<&Path, u64> = HashMap::new();
        for tail in self.tails.values().filter(|tail| tail.detached && (!tail.at_end || tail.is_joining())) {
            let generation = oldest.entry(&tail.path).or_insert(tail.generation);
            *generation = tail.generation.min(*generation);
        }
        let waits = |tail: &&Tail| oldest.get(&*tail.path).is_some_and(|oldest| tail.generation > *oldest);
        self.tails.values().filter(waits).map(|tail| tail.id).collect()
    }

    /// Files with open entries whose path has a later generation.
    fn succeeded(&self) -> HashSet<FileId> {
        let joining = self.tails.values().filter(|tail| tail.detached && tail.is_joining());
        let later = |tail: &&Tail| {
            self.tails.values().any(|other| other.path == tail.path && other.generation > tail.generation)
        };
        joining.filter(later).map(|tail| tail.id).collect()
    }

    /// Nothing more can be read of it now: it holds up neither the batch nor younger files of its path.
    fn unreadable(&mut self, id: FileId, error: &std::io::Error) {
        let Some(tail) = self.tails.get_mut(&id) else { return };
        tail.at_end = true;
        let path = tail.path.clone();
        self.tell(&path, "read", error);
    }

    /// Every failure is counted; the log names each file once.
    fn tell(&mut self, path: &Path, operation: &str, error: &std::io::Error) {
        self.metrics.failed(operation);
        if self.told.insert(path.to_owned()) {
            tracing::warn!(file = %path.display(), operation, %error, "a file can not be collected");
        }
    }

    /// What was gathered is stored.
    pub fn commit(&mut self, gathered: &Gathered) {
        self.pass_over();
        for (format, lines) in gathered.lines {
            self.metrics.lines(format.name(), lines);
        }
        self.metrics.bytes.inc_by(gathered.batch.text_bytes() as u64);
    }

    /// What was gathered will not be sent again.
    pub fn pass_over(&mut self) {
        for tail in self.tails.values_mut() {
            tail.commit();
        }
    }

    /// Brings the checkpoint up to date when it is not. A failure is counted and collecting goes on: after a crash some
    /// lines would be sent twice, which is better than none.
    pub fn save(&mut self) {
        let mut files: Vec<Saved> = self.tails.values().map(Tail::saved).chain(self.restored.iter().cloned()).collect();
        files.sort_by_key(|saved| saved.generation);
        let checkpoint = Checkpoint::new(self.stamp, files);
        if self.saved.as_ref() == Some(&checkpoint) {
            return;
        }
        match checkpoint.save(&self.checkpoint) {
            Ok(()) => {
                self.saved = Some(checkpoint);
                self.told.remove(&self.checkpoint);
            }
            Err(error) => self.tell(&self.checkpoint.clone(), "checkpoint", &error),
        }
        self.measure();
    }

    fn measure(&self) {
        let lag: u64 = self.tails.values().map(Tail::lag).sum();
        self.metrics.lag.set(i64::try_from(lag).unwrap_or(i64::MAX));
        self.metrics.files.set(self.tails.len() as i64);
    }
}
