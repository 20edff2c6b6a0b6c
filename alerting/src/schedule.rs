//! When a group is evaluated: at fixed instants that depend on nothing but the group, so that a restart does not move them.

use gantry_model::LabelSet;

/// The instants of a group: one each interval, and groups spread over it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    interval_ms: i64,
    offset_ms: i64,
}

/// An evaluation to do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// The instant to evaluate at, milliseconds since 1970; not after now.
    pub at_ms: i64,
    /// Evaluations that were not done since the last one.
    pub missed: u64,
}

impl Schedule {
    /// `interval_ms` below 1 counts as 1. `file` and `group` name the group.
    pub fn new(interval_ms: i64, file: &str, group: &str) -> Self {
        let interval_ms = interval_ms.max(1);
        let hash = LabelSet::from_pairs([("file", file), ("group", group)]).stream_id().0;
        // The rest is below an i64.
        let offset_ms = (hash % interval_ms.unsigned_abs() as u128) as i64;
        Schedule { interval_ms, offset_ms }
    }

    /// The evaluation that is due at `now_ms`, if the last one was at `last_ms`.
    ///
    /// A clock that is set back by less than an interval repeats none; set back further, evaluations go on from there.
    pub fn due(&self, last_ms: Option<i64>, now_ms: i64) -> Option<Due> {
        let at_ms = self.at_or_before(now_ms);
        let Some(last_ms) = last_ms else { return Some(Due { at_ms, missed: 0 }) };
        let ahead_ms = at_ms.saturating_sub(last_ms);
        if (-self.interval_ms..=0).contains(&ahead_ms) {
            return None;
        }
        let missed = u64::try_from(ahead_ms / self.interval_ms - 1).unwrap_or(0);
        Some(Due { at_ms, missed })
    }

    /// The first instant after `now_ms`.
    pub fn next(&self, now_ms: i64) -> i64 {
        self.at_or_before(now_ms).saturating_add(self.interval_ms)
    }

    fn at_or_before(&self, now_ms: i64) -> i64 {
        now_ms.saturating_sub(now_ms.saturating_sub(self.offset_ms).rem_euclid(self.interval_ms))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000;

    #[test]
    fn instants_are_an_interval_apart_and_stay_after_a_restart() {
        let schedule = Schedule::new(MINUTE, "a.yml", "g");
        let first = schedule.due(None, 1_000_000).unwrap().at_ms;
        assert!((940_001..=1_000_000).contains(&first), "{first}");
        assert_eq!(schedule.next(first), first + MINUTE);
        assert_eq!(schedule.next(first - 1), first);
        assert_eq!(Schedule::new(MINUTE, "a.yml", "g").due(None, first + MINUTE - 1).unwrap().at_ms, first);
    }

    #[test]
    fn groups_are_spread_over_the_interval() {
        let instants: std::collections::BTreeSet<i64> =
            (0..100).map(|n| Schedule::new(MINUTE, "a.yml", &n.to_string()).next(0)).collect();
        assert!(
            instants.len() > 90 && instants.iter().any(|at| *at < 20_000) && instants.iter().any(|at| *at > 40_000)
        );
    }

    #[test]
    fn what_was_missed_is_counted_and_clocks_may_jump() {
        let schedule = Schedule::new(MINUTE, "a.yml", "g");
        let last = schedule.due(None, 100 * MINUTE).unwrap().at_ms;
        let cases = [
            ("not yet", MINUTE - 1, None),
            ("on time", MINUTE, Some((MINUTE, 0))),
            ("late", MINUTE + 30_000, Some((MINUTE, 0))),
            ("an hour of sleep", 60 * MINUTE, Some((60 * MINUTE, 59))),
            ("a clock set back a little", -MINUTE + 1, None),
            ("a clock set back an hour", -60 * MINUTE, Some((-60 * MINUTE, 0))),
        ];
        for (name, after, wanted) in cases {
            let due = schedule.due(Some(last), last + after).map(|due| (due.at_ms - last, due.missed));
            assert_eq!(due, wanted, "{name}");
        }
    }
}
