//! [`Tracker`]: how far a remote has everything, although shards finish in any order.

use gantry_wal::WalPosition;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Records that were read from the log and are not finished yet.
#[derive(Debug)]
pub(crate) struct Tracker(Mutex<State>);

#[derive(Debug)]
struct State {
    next: u64,
    /// By number: where the record ends.
    open: BTreeMap<u64, WalPosition>,
    /// Finished, while an earlier one is not.
    finished: BTreeMap<u64, WalPosition>,
    done: WalPosition,
}

/// One record under way. It is finished when each of its parts is; one that is dropped before never is, and will be read
/// again after a start.
#[derive(Debug)]
pub(crate) struct Ticket {
    tracker: Arc<Tracker>,
    number: u64,
    parts: AtomicUsize,
}

impl Tracker {
    /// Everything before `done` is finished.
    pub fn new(done: WalPosition) -> Arc<Self> {
        let state = State { next: 0, open: BTreeMap::new(), finished: BTreeMap::new(), done };
        Arc::new(Tracker(Mutex::new(state)))
    }

    /// A record that ends here was read, and becomes so many parts. Records are told in their order.
    pub fn begin(self: &Arc<Self>, end: WalPosition, parts: usize) -> Arc<Ticket> {
        let mut state = self.0.lock();
        let number = state.next;
        state.next += 1;
        state.open.insert(number, end);
        drop(state);
        let ticket = Ticket { tracker: self.clone(), number, parts: AtomicUsize::new(parts) };
        if parts == 0 {
            self.finish(number);
        }
        Arc::new(ticket)
    }

    /// Everything before this place is finished.
    pub fn done(&self) -> WalPosition {
        self.0.lock().done
    }

    fn finish(&self, number: u64) {
        let mut state = self.0.lock();
        let Some(end) = state.open.remove(&number) else { return };
        state.finished.insert(number, end);
        let first_open = state.open.keys().next().copied().unwrap_or(u64::MAX);
        while let Some(entry) = state.finished.first_entry()
            && *entry.key() < first_open
        {
            let end = entry.remove();
            state.done = state.done.max(end);
        }
    }
}

impl Ticket {
    /// One of its parts was delivered, or given up for good.
    pub fn part_finished(&self) {
        if self.parts.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.tracker.finish(self.number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(offset: u64) -> WalPosition {
        WalPosition { segment: 1, offset }
    }

    #[test]
    fn a_dropped_ticket_is_never_finished() {
        let tracker = Tracker::new(at(0));
        drop(tracker.begin(at(1), 1));
        tracker.begin(at(2), 1).part_finished();
        assert_eq!(tracker.done(), at(0));
    }

    proptest! {
        /// Against a list of records, each with how many parts are left.
        #[test]
        fn done_is_the_end_of_the_longest_finished_beginning(
            parts in proptest::collection::vec(0usize..4, 1..20),
            order in proptest::collection::vec(any::<prop::sample::Index>(), 0..60),
        ) {
            let tracker = Tracker::new(at(0));
            let tickets: Vec<_> = parts.iter().enumerate().map(|(n, parts)| tracker.begin(at(n as u64 + 1), *parts)).collect();
            let mut left = parts;
            let expected = |left: &[usize]| left.iter().take_while(|parts| **parts == 0).count() as u64;
            prop_assert_eq!(tracker.done(), at(expected(&left)));
            for index in order {
                let n = index.index(left.len());
                if left[n] > 0 {
                    left[n] -= 1;
                    tickets[n].part_finished();
                    prop_assert_eq!(tracker.done(), at(expected(&left)));
                }
            }
        }
    }
}
