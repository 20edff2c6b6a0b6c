//! [`Partition`]: memtables and splits of a share of the streams, under one lock, so that a snapshot is consistent.

use crate::error::no_room;
use crate::mask::Mask;
use crate::memtable::Memtable;
use crate::querier::Snapshot;
use crate::split::{Split, SplitId, SplitMeta};
use crate::wal::WalPosition;
use crate::wal::log::Log;
use crate::wal::queue::{Item, Queue};
use gantry_model::{TenantId, TimeRange, Timestamp};
use gantry_store_api::StoreError;
use parking_lot::{Condvar, Mutex};
use std::collections::{BTreeMap, HashSet, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

#[derive(Debug)]
pub(crate) struct Partition {
    pub number: u32,
    pub log: Arc<Log>,
    pub queue: Queue<Item>,
    /// Held while a memtable is written, so that they become splits in order.
    pub flushing: tokio::sync::Mutex<()>,
    /// Held while splits are merged or removed.
    pub compacting: tokio::sync::Mutex<()>,
    state: Mutex<State>,
    /// Told when a frozen memtable has become splits, or could not.
    drained: Condvar,
}

#[derive(Debug, Default)]
struct State {
    active: Arc<Memtable>,
    /// When the first line came into the active memtable.
    active_since: Option<Timestamp>,
    /// Oldest first.
    frozen: VecDeque<Frozen>,
    splits: BTreeMap<TenantId, Vec<Arc<Split>>>,
    /// Number of the last delete request that is older than all lines of the active memtable.
    after_delete: u64,
    /// Number of the delete request that the next memtable comes after.
    wanted_cut: u64,
    /// Where the last request cut the log.
    cut: (u64, WalPosition),
    /// Where the active memtable begins.
    begin: WalPosition,
    /// Cuts that replay comes to.
    replay_cuts: VecDeque<(WalPosition, u64)>,
    /// Splits that could not be read by a merge.
    unmergeable: HashSet<SplitId>,
    /// Why the last flush failed.
    flush_error: Option<StoreError>,
}

/// A memtable that takes no more lines.
#[derive(Clone, Debug)]
pub(crate) struct Frozen {
    pub memtable: Arc<Memtable>,
    /// When it is in splits, so is the whole WAL before this place.
    pub end: WalPosition,
    /// Number of the last delete request that is older than all of its lines.
    pub after_delete: u64,
}

impl State {
    /// The active memtable is empty: the request that waits for a cut has it here.
    fn cut_here(&mut self) {
        if self.wanted_cut > self.after_delete {
            self.after_delete = self.wanted_cut;
            self.cut = (self.wanted_cut, self.begin);
        }
    }
}

impl Partition {
    pub(crate) fn new(number: u32, dir: PathBuf, queue_bytes: usize) -> Self {
        Partition {
            number,
            log: Arc::new(Log::new(dir)),
            queue: Queue::new(queue_bytes),
            flushing: tokio::sync::Mutex::default(),
            compacting: tokio::sync::Mutex::default(),
            state: Mutex::default(),
            drained: Condvar::new(),
        }
    }

    pub(crate) fn active(&self) -> Arc<Memtable> {
        self.state.lock().active.clone()
    }

    /// When the first line of the active memtable came.
    pub(crate) fn active_since(&self) -> Option<Timestamp> {
        self.state.lock().active_since
    }

    /// Notes that lines came into the active memtable.
    pub(crate) fn touched(&self, now: Timestamp) {
        self.state.lock().active_since.get_or_insert(now);
    }

    /// Starts a new memtable. Nothing happens to an empty one.
    pub(crate) fn freeze(&self, end: WalPosition) -> bool {
        let mut state = self.state.lock();
        if state.active.rows() == 0 {
            return false;
        }
        let memtable = std::mem::take(&mut state.active);
        let after_delete = state.after_delete;
        state.frozen.push_back(Frozen { memtable, end, after_delete });
        state.active_since = None;
        state.begin = end;
        state.cut_here();
        true
    }

    /// The next memtable is to come after delete request `number`.
    pub(crate) fn want_cut(&self, number: u64) {
        self.state.lock().wanted_cut = number;
    }

    /// Where the log was cut for delete request `number`; `None` when the active memtable has to be frozen first.
    pub(crate) fn cut_for(&self, number: u64) -> Option<WalPosition> {
        let mut state = self.state.lock();
        if state.active.rows() == 0 {
            // What the writer may be about to insert is not acknowledged yet: it comes after the request.
            state.cut_here();
        }
        (state.cut.0 >= number).then_some(state.cut.1)
    }

    /// Tells replay where the log begins and where delete requests cut it.
    pub(crate) fn expect_cuts(&self, begin: WalPosition, cuts: Vec<(WalPosition, u64)>) {
        let mut state = self.state.lock();
        state.begin = begin;
        state.replay_cuts = cuts.into();
    }

    /// Replay has come to a place of the log; `true` when a delete request cut it since the last one, and a memtable was
    /// frozen for that.
    pub(crate) fn replayed_to(&self, at: WalPosition) -> bool {
        let mut frozen = false;
        loop {
            let mut state = self.state.lock();
            let Some((_, number)) = state.replay_cuts.pop_front_if(|(cut, _)| *cut <= at) else { return frozen };
            state.wanted_cut = number;
            drop(state);
            if self.freeze(at) {
                frozen = true;
            } else {
                let mut state = self.state.lock();
                state.begin = at;
                state.cut_here();
            }
        }
    }

    /// Whether some frozen memtable has lines that are older than delete request `number`.
    pub(crate) fn holds_memtables_before(&self, number: u64) -> bool {
        self.state.lock().frozen.iter().any(|frozen| frozen.after_delete < number)
    }

    pub(crate) fn waiting(&self) -> usize {
        self.state.lock().frozen.len()
    }

    pub(crate) fn oldest_frozen(&self) -> Option<Frozen> {
        self.state.lock().frozen.front().cloned()
    }

    /// Blocks until fewer than `most` memtables wait, for a while; then gives the reason why appends cannot go on. After a
    /// failed flush it does not wait: the next attempt is some time away.
    pub(crate) fn wait_for_room(&self, most: usize, patience: Duration) -> Result<(), StoreError> {
        let mut state = self.state.lock();
        let hopeful = |state: &mut State| state.frozen.len() >= most && state.flush_error.is_none();
        self.drained.wait_while_for(&mut state, hopeful, patience);
        if state.frozen.len() < most {
            return Ok(());
        }
        Err(no_room(state.flush_error.as_ref(), "lines", "memtables wait to become splits"))
    }

    /// Blocks until at most `most` memtables wait, or one could not be written.
    pub(crate) fn wait_for_writing(&self, most: usize) {
        let mut state = self.state.lock();
        self.drained.wait_while(&mut state, |state| state.frozen.len() > most && state.flush_error.is_none());
    }

    pub(crate) fn flush_failed(&self, error: &StoreError) {
        self.state.lock().flush_error = Some(error.clone());
        self.drained.notify_all();
    }

    /// The oldest frozen memtable is now these splits: swaps them in one step.
    pub(crate) fn flushed(&self, splits: Vec<Arc<Split>>) {
        let mut state = self.state.lock();
        state.frozen.pop_front();
        state.flush_error = None;
        for split in splits {
            state.splits.entry(split.meta().tenant.clone()).or_default().push(split);
        }
        drop(state);
        self.drained.notify_all();
    }

    /// Adds a split of the catalog at the start.
    pub(crate) fn add_split(&self, split: Arc<Split>) {
        self.state.lock().splits.entry(split.meta().tenant.clone()).or_default().push(split);
    }

    /// Swaps splits of one tenant in one step; gives the removed ones.
    pub(crate) fn replace(&self, tenant: &TenantId, old: &[SplitMeta], new: Option<Arc<Split>>) -> Vec<Arc<Split>> {
        let is_old = |id: &SplitId| old.iter().any(|meta| meta.id == *id);
        let mut state = self.state.lock();
        let splits = state.splits.entry(tenant.clone()).or_default();
        let (removed, mut kept): (Vec<_>, Vec<_>) =
            std::mem::take(splits).into_iter().partition(|s| is_old(&s.meta().id));
        kept.extend(new);
        if kept.is_empty() {
            state.splits.remove(tenant);
        } else {
            *splits = kept;
        }
        removed
    }

    /// All splits, by tenant.
    pub(crate) fn splits(&self) -> Vec<Arc<Split>> {
        self.state.lock().splits.values().flatten().cloned().collect()
    }

    /// Splits that compaction may touch.
    pub(crate) fn mergeable_splits(&self) -> Vec<Arc<Split>> {
        let state = self.state.lock();
        let mergeable = |split: &&Arc<Split>| !state.unmergeable.contains(&split.meta().id);
        state.splits.values().flatten().filter(mergeable).cloned().collect()
    }

    /// Keeps a split out of merges until the next start.
    pub(crate) fn leave_unmerged(&self, split: SplitId) {
        self.state.lock().unmergeable.insert(split);
    }

    /// Adds what this partition holds of `tenant` in `range`.
    /// `mask` says what is hidden of lines that are newer than the delete request of a number.
    pub(crate) fn snapshot(
        &self,
        tenant: &TenantId,
        range: &TimeRange,
        mask: &dyn Fn(u64) -> Mask,
        into: &mut Snapshot,
    ) {
        let state = self.state.lock();
        let frozen = state.frozen.iter().map(|frozen| (&frozen.memtable, frozen.after_delete));
        let memtables = frozen.chain([(&state.active, state.after_delete)]);
        into.memtables.extend(memtables.map(|(memtable, after)| (memtable.clone(), mask(after))));
        let splits = state.splits.get(tenant).into_iter().flatten().filter(|split| split.meta().overlaps(range));
        into.splits.extend(splits.map(|split| (split.clone(), mask(split.meta().deletes_through))));
    }

    pub(crate) fn tenants(&self) -> Vec<TenantId> {
        let state = self.state.lock();
        let in_memory = state.frozen.iter().map(|frozen| &frozen.memtable).chain([&state.active]);
        let mut tenants: Vec<TenantId> = in_memory.flat_map(|memtable| memtable.tenants()).collect();
        tenants.extend(state.splits.keys().cloned());
        tenants
    }

    /// Bytes in memtables.
    pub(crate) fn memtable_bytes(&self) -> usize {
        let state = self.state.lock();
        state.active.bytes() + state.frozen.iter().map(|frozen| frozen.memtable.bytes()).sum::<usize>()
    }

    /// Lines in memtables, duplicates included.
    pub(crate) fn memtable_rows(&self) -> usize {
        let state = self.state.lock();
        state.active.rows() + state.frozen.iter().map(|frozen| frozen.memtable.rows()).sum::<usize>()
    }
}
