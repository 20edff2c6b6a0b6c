//! [`Shard`]: heads and blocks of a share of the series, under one lock, so that a snapshot is consistent.

use super::block::{Block, BlockMeta};
use super::exemplars::Exemplars;
use super::head::Heads;
use super::writer::Item;
use crate::error::no_room;
use crate::split::SplitId;
use crate::wal::WalPosition;
use crate::wal::log::Log;
use crate::wal::queue::Queue;
use gantry_model::{TenantId, Timestamp};
use gantry_store_api::StoreError;
use parking_lot::{Condvar, Mutex};
use std::collections::{BTreeMap, HashSet, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Frozen heads that may wait to become blocks before appends have to wait, too.
const WAITING: usize = 1;

#[derive(Debug)]
pub(crate) struct Shard {
    pub number: u32,
    pub log: Arc<Log>,
    pub queue: Queue<Item>,
    pub exemplars: Exemplars,
    /// Held while a head is written.
    pub flushing: tokio::sync::Mutex<()>,
    /// Held while blocks are merged or removed.
    pub compacting: tokio::sync::Mutex<()>,
    state: Mutex<State>,
    /// Told when a frozen head has become blocks, or could not.
    drained: Condvar,
}

#[derive(Debug, Default)]
struct State {
    active: Arc<Heads>,
    /// When the first sample came into the active heads.
    active_since: Option<Timestamp>,
    /// Bytes of the log that hold them.
    active_log_bytes: u64,
    /// Oldest first.
    frozen: VecDeque<Frozen>,
    /// Sorted as [`BlockMeta::by_age`] says.
    blocks: BTreeMap<TenantId, Vec<Arc<Block>>>,
    /// Blocks that could not be read by a merge.
    unmergeable: HashSet<SplitId>,
    /// Why the last flush failed.
    flush_error: Option<StoreError>,
}

impl State {
    fn heads(&self) -> Vec<Arc<Heads>> {
        self.frozen.iter().map(|frozen| &frozen.heads).chain([&self.active]).cloned().collect()
    }

    fn add(&mut self, new: Vec<Arc<Block>>) {
        for block in new {
            let blocks = self.blocks.entry(block.meta().tenant.clone()).or_default();
            let place = blocks.partition_point(|other| other.meta().by_age() < block.meta().by_age());
            blocks.insert(place, block);
        }
    }
}

/// Heads that take no more samples.
#[derive(Clone, Debug)]
pub(crate) struct Frozen {
    pub heads: Arc<Heads>,
    /// When they are in blocks, so is the whole log before this place.
    pub end: WalPosition,
}

impl Shard {
    pub(crate) fn new(number: u32, dir: PathBuf, queue_bytes: usize, exemplars: usize) -> Self {
        Shard {
            number,
            log: Arc::new(Log::new(dir)),
            queue: Queue::new(queue_bytes),
            exemplars: Exemplars::new(exemplars),
            flushing: tokio::sync::Mutex::default(),
            compacting: tokio::sync::Mutex::default(),
            state: Mutex::default(),
            drained: Condvar::new(),
        }
    }

    pub(crate) fn active(&self) -> Arc<Heads> {
        self.state.lock().active.clone()
    }

    /// When the first sample of the active heads came.
    pub(crate) fn active_since(&self) -> Option<Timestamp> {
        self.state.lock().active_since
    }

    /// Notes that samples came into the active heads, with so many bytes of the log.
    pub(crate) fn touched(&self, now: Timestamp, log_bytes: u64) {
        let mut state = self.state.lock();
        state.active_since.get_or_insert(now);
        state.active_log_bytes += log_bytes;
    }

    pub(crate) fn active_log_bytes(&self) -> u64 {
        self.state.lock().active_log_bytes
    }

    /// Heads of all ages, the oldest first.
    pub(crate) fn heads(&self) -> Vec<Arc<Heads>> {
        self.state.lock().heads()
    }

    /// What there is of a tenant, each sample in one place: heads as [`Shard::heads`], and blocks, those that were stored
    /// earlier first.
    pub(crate) fn snapshot(&self, tenant: &TenantId) -> (Vec<Arc<Heads>>, Vec<Arc<Block>>) {
        let state = self.state.lock();
        (state.heads(), state.blocks.get(tenant).cloned().unwrap_or_default())
    }

    /// All blocks.
    pub(crate) fn blocks(&self) -> Vec<Arc<Block>> {
        self.state.lock().blocks.values().flatten().cloned().collect()
    }

    /// Blocks that compaction may touch.
    pub(crate) fn mergeable(&self) -> Vec<Arc<Block>> {
        let state = self.state.lock();
        let mergeable = |block: &&Arc<Block>| !state.unmergeable.contains(&block.meta().id);
        state.blocks.values().flatten().filter(mergeable).cloned().collect()
    }

    /// Keeps a block out of merges until the next start.
    pub(crate) fn leave_unmerged(&self, block: SplitId) {
        self.state.lock().unmergeable.insert(block);
    }

    /// Adds blocks of the catalog at the start.
    pub(crate) fn add_blocks(&self, blocks: Vec<Arc<Block>>) {
        self.state.lock().add(blocks);
    }

    /// Swaps blocks in one step; gives the removed ones.
    pub(crate) fn replace(&self, old: &[BlockMeta], new: Vec<Arc<Block>>) -> Vec<Arc<Block>> {
        let mut state = self.state.lock();
        let mut removed = Vec::new();
        for meta in old {
            let blocks = state.blocks.entry(meta.tenant.clone()).or_default();
            removed.extend(blocks.extract_if(.., |block| block.meta().id == meta.id));
        }
        state.add(new);
        state.blocks.retain(|_, blocks| !blocks.is_empty());
        removed
    }

    /// The oldest frozen heads are now these blocks: swaps them in one step.
    pub(crate) fn flushed(&self, blocks: Vec<Arc<Block>>) {
        let mut state = self.state.lock();
        let gone = state.frozen.pop_front();
        state.flush_error = None;
        state.add(blocks);
        drop(state);
        // Letting go of many series takes a while.
        drop(gone);
        self.drained.notify_all();
    }

    /// Starts new heads. Nothing happens to empty ones. Only the writer calls this.
    pub(crate) fn freeze(&self, end: WalPosition) -> bool {
        let active = self.active();
        if active.is_empty() {
            return false;
        }
        let successor = Arc::new(active.successor());
        let mut state = self.state.lock();
        let heads = std::mem::replace(&mut state.active, successor);
        state.frozen.push_back(Frozen { heads, end });
        state.active_since = None;
        state.active_log_bytes = 0;
        true
    }

    pub(crate) fn oldest_frozen(&self) -> Option<Frozen> {
        self.state.lock().frozen.front().cloned()
    }

    /// Blocks until few enough heads wait, for a while; then gives the reason why appends cannot go on.
    pub(crate) fn wait_for_room(&self, patience: Duration) -> Result<(), StoreError> {
        let mut state = self.state.lock();
        let hopeful = |state: &mut State| state.frozen.len() >= WAITING && state.flush_error.is_none();
        self.drained.wait_while_for(&mut state, hopeful, patience);
        if state.frozen.len() < WAITING {
            return Ok(());
        }
        Err(no_room(state.flush_error.as_ref(), "samples", "heads of series wait to become blocks"))
    }

    pub(crate) fn flush_failed(&self, error: &StoreError) {
        self.state.lock().flush_error = Some(error.clone());
        self.drained.notify_all();
    }
}
