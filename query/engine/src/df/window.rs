//! [`Window`]: which steps of a metric query a line counts for.

use gantry_model::Timestamp;
use std::ops::Range;

/// Steps at `start + i * step`, each looking back over `range` from `offset` before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    pub start: Timestamp,
    /// Nanoseconds, positive.
    pub step: i64,
    /// Number of steps.
    pub count: usize,
    /// Nanoseconds: a step at `t` sees lines with `t - offset - range < time <= t - offset`.
    pub range: i64,
    /// Nanoseconds, negative for the future.
    pub offset: i64,
}

/// Steps `steps`, for every line with `after < time <= until`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bucket {
    pub steps: Range<usize>,
    after: i64,
    until: i64,
}

impl Bucket {
    /// Holds no time.
    pub const NONE: Bucket = Bucket { steps: 0..0, after: i64::MAX, until: i64::MIN };

    pub fn holds(&self, time: i64) -> bool {
        time > self.after && time <= self.until
    }
}

impl Window {
    /// The steps that see a line of this time, and for which other times that holds too.
    pub fn bucket(&self, time: i64) -> Bucket {
        let seen = time.saturating_add(self.offset);
        let gone = seen.saturating_add(self.range);
        let (first, end) = (self.first_at_or_after(seen), self.first_at_or_after(gone));
        let (seen_until, gone_until) = (self.nanos(first), self.nanos(end));
        let until = seen_until.min(gone_until.saturating_sub(self.range));
        let after =
            (seen_until.saturating_sub(self.step)).max(gone_until.saturating_sub(self.step).saturating_sub(self.range));
        let clamp = |step: i64| step.clamp(0, self.count as i64) as usize;
        let (after, until) = (after.saturating_sub(self.offset), until.saturating_sub(self.offset));
        Bucket { steps: clamp(first)..clamp(end), after, until }
    }

    /// The least `i`, perhaps negative, with `start + i * step >= time`.
    fn first_at_or_after(&self, time: i64) -> i64 {
        let distance = time.saturating_sub(self.start.nanos());
        distance.div_euclid(self.step) + i64::from(distance.rem_euclid(self.step) > 0)
    }

    fn nanos(&self, step: i64) -> i64 {
        self.start.nanos().saturating_add(self.step.saturating_mul(step))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(range: i64, offset: i64) -> Window {
        Window { start: Timestamp(100), step: 10, count: 5, range, offset }
    }

    /// Slow and obvious.
    fn steps_by_definition(w: &Window, time: i64) -> Vec<usize> {
        let sees = |at: i64| at - w.offset - w.range < time && time <= at - w.offset;
        (0..w.count).filter(|step| sees(w.start.nanos() + w.step * *step as i64)).collect()
    }

    #[test]
    fn buckets_agree_with_the_definition_for_every_time() {
        for (range, offset) in [(10, 0), (25, 0), (3, 0), (10, 7), (40, -12), (100, 0)] {
            let window = window(range, offset);
            for time in -50..300 {
                let bucket = window.bucket(time);
                assert!(bucket.holds(time));
                assert_eq!(
                    bucket.steps.clone().collect::<Vec<_>>(),
                    steps_by_definition(&window, time),
                    "{window:?} {time}"
                );
                for other in (-50..300).filter(|other| bucket.holds(*other)) {
                    assert_eq!(window.bucket(other).steps, bucket.steps);
                }
            }
        }
    }
}
