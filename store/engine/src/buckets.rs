//! UTC days: the time buckets of splits.

use gantry_model::{TimeRange, Timestamp};
use std::collections::BTreeSet;

const DAY: i64 = 86_400 * 1_000_000_000;

/// Number of the UTC day since 1970.
pub(crate) fn day(at: Timestamp) -> i64 {
    at.0.div_euclid(DAY)
}

/// From the start of the first day to the end of the last.
pub(crate) fn days(first: i64, last: i64) -> TimeRange {
    let start = |day: i64| Timestamp(day.saturating_mul(DAY));
    TimeRange::new(start(first), start(last.saturating_add(1)))
}

/// One range per day, or per run of neighbouring days when there are more than `most` of them.
pub(crate) fn ranges(days_seen: &BTreeSet<i64>, most: usize) -> Vec<TimeRange> {
    let all: Vec<i64> = days_seen.iter().copied().collect();
    let per_range = all.len().div_ceil(most.max(1)).max(1);
    all.chunks(per_range).map(|run| days(run[0], run[run.len() - 1])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_before_1970_have_negative_numbers() {
        assert_eq!(day(Timestamp(-1)), -1);
        assert_eq!(day(Timestamp(0)), 0);
        assert!(days(-1, -1).contains(Timestamp(-1)));
        assert!(!days(-1, -1).contains(Timestamp(0)));
    }

    #[test]
    fn the_last_representable_instants_lie_in_their_day() {
        for at in [i64::MIN, i64::MAX - 1] {
            let day = day(Timestamp(at));
            assert!(days(day, day).contains(Timestamp(at)), "{at}");
        }
    }

    #[test]
    fn too_many_days_share_ranges() {
        let seen = (0..10).map(|n| n * 100).collect();
        let ranges = ranges(&seen, 4);
        assert_eq!(ranges.len(), 4);
        assert!(seen.iter().all(|d| ranges.iter().filter(|r| r.contains(days(*d, *d).start)).count() == 1));
    }
}
