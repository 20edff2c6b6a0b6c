//! [`Stamps`]: the time of lines that bring none.

use gantry_model::{Clock, Timestamp};
use parking_lot::Mutex;
use std::sync::Arc;

/// The clock, but never the same instant twice and never backwards, so that lines sort in the order they were read.
#[derive(Debug)]
pub(super) struct Stamps {
    clock: Arc<dyn Clock>,
    last: Mutex<i64>,
}

impl Stamps {
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Stamps { clock, last: Mutex::new(i64::MIN) }
    }

    pub fn next(&self) -> Timestamp {
        let now = self.clock.now().nanos();
        let mut last = self.last.lock();
        *last = now.max(last.saturating_add(1));
        Timestamp(*last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gantry_model::ManualClock;

    #[test]
    fn stamps_rise_even_when_the_clock_does_not() {
        let clock = Arc::new(ManualClock::at(Timestamp(100)));
        let stamps = Stamps::new(clock.clone());
        assert_eq!(stamps.next(), Timestamp(100));
        assert_eq!(stamps.next(), Timestamp(101));
        clock.set(Timestamp(50));
        assert_eq!(stamps.next(), Timestamp(102));
        clock.set(Timestamp(200));
        assert_eq!(stamps.next(), Timestamp(200));
    }
}
