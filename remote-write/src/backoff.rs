//! [`Backoff`]: how long to wait before the next try.

use std::time::Duration;

/// Doubles from try to try; half of each wait is left to chance, so that senders do not come all at once.
#[derive(Clone, Debug)]
pub(crate) struct Backoff {
    min: Duration,
    max: Duration,
    next: Duration,
    chance: u64,
}

impl Backoff {
    /// `seed` tells shards apart.
    pub fn new(min: Duration, max: Duration, seed: u64) -> Self {
        Backoff { min, max, next: min, chance: seed | 1 }
    }

    /// What was tried worked.
    pub fn reset(&mut self) {
        self.next = self.min;
    }

    /// The wait after a failure; at least what the other side asked for, up to `max` times ten.
    pub fn wait(&mut self, asked: Option<Duration>) -> Duration {
        let wait = self.next;
        self.next = (self.next * 2).min(self.max);
        // xorshift64*
        self.chance ^= self.chance >> 12;
        self.chance ^= self.chance << 25;
        self.chance ^= self.chance >> 27;
        let share = (self.chance.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11) as f64 / (1u64 << 53) as f64;
        let jittered = wait.mul_f64(0.5 + share / 2.0);
        jittered.max(asked.unwrap_or_default().min(self.max * 10))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_limit_and_begin_anew_after_a_success() {
        let (min, max) = (Duration::from_millis(30), Duration::from_millis(100));
        let mut backoff = Backoff::new(min, max, 7);
        for expected in [30, 60, 100, 100] {
            let wait = backoff.wait(None).as_millis();
            assert!(wait >= expected / 2 && wait <= expected, "{wait} of {expected}");
        }
        backoff.reset();
        assert!(backoff.wait(None) <= min);
    }

    #[test]
    fn the_other_side_may_ask_for_more_within_reason() {
        let mut backoff = Backoff::new(Duration::from_millis(1), Duration::from_secs(1), 7);
        assert_eq!(backoff.wait(Some(Duration::from_secs(2))), Duration::from_secs(2));
        assert_eq!(backoff.wait(Some(Duration::from_secs(3600))), Duration::from_secs(10));
    }
}
