//! [`Windows`]: cuts time into pieces that hold more and more rows, as far as the bounds of units tell.

use gantry_model::{TimeRange, Timestamp};

/// Rows of the first window, about: where all rows are wanted, and where most do not pass.
const FIRST_ROWS: f64 = 8192.0;
const FIRST_FILTERED_ROWS: f64 = 16_384.0;
/// Rows that are searched in one go when an index has found them: opening their blocks again for every window would cost
/// more than searching all.
const FEW_ROWS: f64 = 2_097_152.0;
/// Each window holds so many times the rows of the one before.
const GROWTH: f64 = 8.0;
/// Candidates of a window at most, about: they are in memory together.
const MOST_CANDIDATES: f64 = 1_048_576.0;
/// Of so many rows one is taken for a candidate, however few there were.
const RAREST: f64 = 1.0 / 1024.0;

/// What finds the rows of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Search {
    /// All rows are wanted.
    Nothing,
    /// Lines are looked through.
    Lines,
    /// So they are, but an index said of most that they need not be.
    Index,
}

/// Windows from the newest (or oldest) on. Together they hold all time.
///
/// Inside, times are *ranks*: what comes first has the larger one.
#[derive(Debug)]
pub(super) struct Windows {
    /// Lowest and highest rank (inclusive) and rows of each unit.
    units: Vec<(i128, i128, f64)>,
    newest: bool,
    /// What is before this was given out.
    edge: i128,
    /// Rows that were given out, about.
    done: f64,
    rows: f64,
    /// Rows of the last window, about.
    given: f64,
    /// Share of the rows that were candidates, lately.
    share: f64,
    ended: bool,
}

impl Windows {
    /// From bounds (inclusive) and rows of each unit; `search` says how large the first window is.
    pub(super) fn new(
        units: impl Iterator<Item = (Timestamp, Timestamp, usize)>,
        newest: bool,
        search: Search,
    ) -> Self {
        let ranked = |(min, max, rows): (Timestamp, Timestamp, usize)| {
            let (min, max) = (i128::from(min.0), i128::from(max.0));
            if newest { (min, max, rows as f64) } else { (-max, -min, rows as f64) }
        };
        let units: Vec<_> = units.map(ranked).collect();
        let edge = units.iter().map(|(_, max, _)| max + 1).max().unwrap_or(0);
        let all: f64 = units.iter().map(|(_, _, rows)| rows).sum();
        let rows = match search {
            Search::Nothing => FIRST_ROWS,
            Search::Index if all <= FEW_ROWS => all,
            Search::Index | Search::Lines => FIRST_FILTERED_ROWS,
        };
        Windows { ended: units.is_empty(), units, newest, edge, done: 0.0, rows, given: 0.0, share: 1.0 }
    }

    /// The next window, and the bound of all that comes after it.
    pub(super) fn next(&mut self) -> Option<(TimeRange, Timestamp)> {
        if self.ended {
            return None;
        }
        let lowest = self.units.iter().map(|(min, _, _)| *min).min().unwrap_or(self.edge);
        let from = self.reach(lowest, self.done + self.rows);
        let window = self.range(from, self.edge);
        self.ended = from <= lowest;
        self.given = self.rows_from(from) - self.done;
        self.done += self.given;
        self.edge = from;
        self.rows = (self.rows * GROWTH).min(MOST_CANDIDATES / self.share);
        Some((window, self.bound(from)))
    }

    /// How many candidates the last window held. Where little is found, windows may be larger: every granule that a window
    /// touches is looked at once more.
    pub(super) fn learn(&mut self, found: usize) {
        self.share = (found as f64 / self.given.max(1.0)).clamp(RAREST, 1.0);
    }

    /// The highest rank below the edge from which on there are `rows` rows; `lowest` when there are not so many.
    fn reach(&self, lowest: i128, rows: f64) -> i128 {
        let (mut low, mut high) = (lowest, self.edge);
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if self.rows_from(middle) >= rows { low = middle } else { high = middle }
        }
        low
    }

    /// Rows of this rank or a higher one, as if they were spread evenly.
    fn rows_from(&self, rank: i128) -> f64 {
        let share = |(min, max, rows): &(i128, i128, f64)| {
            let above = (max - rank + 1).clamp(0, max - min + 1);
            rows * (above as f64 / (max - min + 1) as f64)
        };
        self.units.iter().map(share).sum()
    }

    /// Ranks from `from` on and below `to`.
    fn range(&self, from: i128, to: i128) -> TimeRange {
        if self.newest { TimeRange::new(time(from), time(to)) } else { TimeRange::new(time(1 - to), time(1 - from)) }
    }

    /// The time of what has a rank below `rank`, at the most.
    fn bound(&self, rank: i128) -> Timestamp {
        if self.ended {
            return if self.newest { Timestamp::MIN } else { Timestamp::MAX };
        }
        time(if self.newest { rank - 1 } else { 1 - rank })
    }
}

fn time(nanos: i128) -> Timestamp {
    Timestamp(nanos.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(units: &[(i64, i64, usize)], newest: bool) -> Vec<(TimeRange, Timestamp)> {
        let units = units.iter().map(|(min, max, rows)| (Timestamp(*min), Timestamp(*max), *rows));
        let mut windows = Windows::new(units, newest, Search::Nothing);
        std::iter::from_fn(|| windows.next()).collect()
    }

    #[test]
    fn windows_follow_each_other_and_grow() {
        let units = [(0, 999_999, 100_000), (500_000, 999_999, 100_000)];
        for newest in [true, false] {
            let windows = all(&units, newest);
            assert!(windows.len() >= 3, "{windows:?}");
            for pair in windows.windows(2) {
                let ((first, bound), (second, _)) = (&pair[0], &pair[1]);
                if newest {
                    assert_eq!((first.start, bound.0), (second.end, second.end.0 - 1));
                } else {
                    assert_eq!((first.end, *bound), (second.start, second.start));
                }
            }
            let lengths: Vec<i64> = windows.iter().map(|(range, _)| range.end.0 - range.start.0).collect();
            assert_eq!(lengths.iter().sum::<i64>(), 1_000_000);
            assert!(lengths[0] < lengths[1], "{lengths:?}");
        }
    }

    #[test]
    fn what_an_index_found_is_searched_in_one_go_unless_it_is_much() {
        let count = |search, rows| {
            let units = [(Timestamp(0), Timestamp(999_999), rows)].into_iter();
            let mut windows = Windows::new(units, true, search);
            std::iter::from_fn(move || windows.next()).count()
        };
        assert_eq!(count(Search::Index, 1_000_000), 1);
        assert!(count(Search::Index, 4_000_000) > 1);
        assert!(count(Search::Lines, 1_000_000) > 1);
    }

    #[test]
    fn rows_of_one_instant_are_one_window() {
        assert_eq!(all(&[(5, 5, 1_000_000)], true), [(TimeRange::new(Timestamp(5), Timestamp(6)), Timestamp::MIN)]);
        assert_eq!(all(&[(5, 5, 1_000_000)], false), [(TimeRange::new(Timestamp(5), Timestamp(6)), Timestamp::MAX)]);
        assert!(all(&[], true).is_empty());
    }

    #[test]
    fn the_ends_of_time_are_no_trouble() {
        for newest in [true, false] {
            let windows = all(&[(i64::MIN, i64::MAX - 1, 100_000), (0, 0, 1)], newest);
            assert!(windows.len() > 1);
            let length = |range: &TimeRange| i128::from(range.end.0) - i128::from(range.start.0);
            assert_eq!(windows.iter().map(|(range, _)| length(range)).sum::<i128>(), u64::MAX as i128);
        }
    }
}
