//! [`Pool`]: the memory that all running queries share.
//!
//! What can go to disk (sorts, aggregates) shares three quarters of it in equal parts; what cannot takes what is free.
//! DataFusion's own fair pool lets those that spill take all of it, and then they find no room to merge what they spilled.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use datafusion::error::{DataFusionError, Result};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryLimit, MemoryPool, MemoryReservation};

/// Bytes of one process for all queries; a reservation beyond it is refused.
#[derive(Debug)]
pub(crate) struct Pool {
    limit: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Reserved by all.
    used: usize,
    /// Reserved by consumers that cannot spill.
    fixed: usize,
    /// Consumers that can.
    spillers: usize,
}

impl Pool {
    pub fn new(limit: usize) -> Self {
        Pool { limit, state: Mutex::default() }
    }

    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn refusal(&self, reservation: &MemoryReservation, additional: usize) -> DataFusionError {
        let (name, size) = (reservation.consumer().name(), reservation.size());
        DataFusionError::ResourcesExhausted(format!(
            "{additional} bytes more for {name}, which has {size}, of {} in all",
            self.limit
        ))
    }
}

impl State {
    /// Most that one consumer that spills may hold.
    fn share(&self, limit: usize) -> usize {
        (limit / 4 * 3).min(limit.saturating_sub(self.fixed)) / self.spillers.max(1)
    }

    fn add(&mut self, can_spill: bool, bytes: usize) {
        self.used += bytes;
        self.fixed += if can_spill { 0 } else { bytes };
    }
}

impl MemoryPool for Pool {
    fn name(&self) -> &str {
        "queries"
    }

    fn register(&self, consumer: &MemoryConsumer) {
        self.with(|state| state.spillers += usize::from(consumer.can_spill()));
    }

    fn unregister(&self, consumer: &MemoryConsumer) {
        self.with(|state| state.spillers -= usize::from(consumer.can_spill()));
    }

    fn grow(&self, reservation: &MemoryReservation, additional: usize) {
        self.with(|state| state.add(reservation.consumer().can_spill(), additional));
    }

    fn shrink(&self, reservation: &MemoryReservation, shrink: usize) {
        self.with(|state| {
            state.used -= shrink;
            state.fixed -= if reservation.consumer().can_spill() { 0 } else { shrink };
        });
    }

    fn try_grow(&self, reservation: &MemoryReservation, additional: usize) -> Result<()> {
        let can_spill = reservation.consumer().can_spill();
        self.with(|state| {
            let over = can_spill && reservation.size() + additional > state.share(self.limit);
            if over || state.used + additional > self.limit {
                return Err(self.refusal(reservation, additional));
            }
            state.add(can_spill, additional);
            Ok(())
        })
    }

    fn reserved(&self) -> usize {
        self.with(|state| state.used)
    }

    fn memory_limit(&self) -> MemoryLimit {
        MemoryLimit::Finite(self.limit)
    }
}

impl fmt::Display for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({} bytes)", self.name(), self.limit)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn what_spills_leaves_a_quarter_to_what_does_not() {
        let pool: Arc<dyn MemoryPool> = Arc::new(Pool::new(1000));
        let spiller = |name: &str| MemoryConsumer::new(name).with_can_spill(true).register(&pool);
        let (one, two) = (spiller("one"), spiller("two"));
        one.try_grow(375).unwrap();
        assert!(one.try_grow(1).is_err(), "half of three quarters each");
        two.try_grow(375).unwrap();
        let merge = MemoryConsumer::new("merge").register(&pool);
        merge.try_grow(250).unwrap();
        let refused = merge.try_grow(1).unwrap_err().to_string();
        assert!(refused.contains("1 bytes more for merge, which has 250, of 1000"), "{refused}");
        drop((one, two, merge));
        assert_eq!(pool.reserved(), 0);
    }

    #[test]
    fn what_does_not_spill_may_have_all_that_is_free_and_the_others_get_by() {
        let pool: Arc<dyn MemoryPool> = Arc::new(Pool::new(1000));
        let table = MemoryConsumer::new("table").register(&pool);
        table.try_grow(900).unwrap();
        let sort = MemoryConsumer::new("sort").with_can_spill(true).register(&pool);
        sort.try_grow(100).unwrap();
        assert!(sort.try_grow(1).is_err());
    }
}
