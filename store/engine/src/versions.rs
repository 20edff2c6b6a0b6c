//! [`Versions`]: numbers that change with the lines or samples of a stretch of time, so that answers can be kept.
//!
//! Counters by tenant and five minutes, in memory only. A line is counted after it can be seen and before it is
//! acknowledged: whoever read the number first and looked afterwards has either seen the line or an outdated number.

use gantry_model::{TenantId, TimeRange, Timestamp};
use parking_lot::Mutex;
use std::collections::{BTreeMap, HashMap};

const STRETCH_NANOS: i64 = 300 * 1_000_000_000;
/// Stretches of one tenant that are told apart; with more, all begin anew.
const MOST_STRETCHES: usize = 16_384;
/// A batch over more stretches than this changes them all.
const MOST_AT_ONCE: i64 = 64;

#[derive(Debug, Default)]
pub(crate) struct Versions(Mutex<HashMap<TenantId, Counters>>);

/// The version of a range is the sum of its counters and `all`. Sums only grow.
#[derive(Debug, Default)]
struct Counters {
    all: u64,
    stretches: BTreeMap<i64, u64>,
}

impl Versions {
    /// What lies between these times, both within, can be seen now.
    pub(crate) fn added(&self, tenant: &TenantId, (first, last): (Timestamp, Timestamp)) {
        let (first, last) = (stretch(first), stretch(last));
        let mut tenants = self.0.lock();
        let counters = tenants.entry(tenant.clone()).or_default();
        if last - first >= MOST_AT_ONCE {
            counters.all += 1;
            return;
        }
        (first..=last).for_each(|at| *counters.stretches.entry(at).or_default() += 1);
        if counters.stretches.len() > MOST_STRETCHES {
            counters.all += std::mem::take(&mut counters.stretches).into_values().sum::<u64>();
        }
    }

    /// Anything of the tenant may have been hidden, shown again or thinned out.
    pub(crate) fn changed(&self, tenant: &TenantId) {
        self.0.lock().entry(tenant.clone()).or_default().all += 1;
    }

    pub(crate) fn of(&self, tenant: &TenantId, range: &TimeRange) -> u64 {
        let tenants = self.0.lock();
        let Some(counters) = tenants.get(tenant) else { return 0 };
        if range.is_empty() {
            return counters.all;
        }
        let last = Timestamp(range.end.0 - 1);
        counters.all
            + counters.stretches.range(stretch(range.start)..=stretch(last)).map(|(_, count)| count).sum::<u64>()
    }
}

fn stretch(at: Timestamp) -> i64 {
    at.0.div_euclid(STRETCH_NANOS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(first: i64, last: i64) -> (Timestamp, Timestamp) {
        (Timestamp(first * STRETCH_NANOS), Timestamp(last * STRETCH_NANOS))
    }

    fn range(start: i64, end: i64) -> TimeRange {
        TimeRange::new(Timestamp(start * STRETCH_NANOS), Timestamp(end * STRETCH_NANOS))
    }

    #[test]
    fn only_the_stretches_of_a_line_change() {
        let (versions, tenant) = (Versions::default(), TenantId::default_tenant());
        versions.added(&tenant, span(5, 5));
        let before = [range(0, 5), range(5, 6), range(6, 9), range(0, 9)].map(|range| versions.of(&tenant, &range));
        versions.added(&tenant, span(5, 5));
        let after = [range(0, 5), range(5, 6), range(6, 9), range(0, 9)].map(|range| versions.of(&tenant, &range));
        assert_eq!([0, 1, 2, 3].map(|at| before[at] != after[at]), [false, true, false, true]);
    }

    #[test]
    fn versions_never_come_back_when_the_stretches_are_forgotten() {
        let (versions, tenant) = (Versions::default(), TenantId::default_tenant());
        let mut last = 0;
        for at in 0..2 * MOST_STRETCHES as i64 {
            versions.added(&tenant, span(at, at));
            let now = versions.of(&tenant, &range(0, i64::MAX / STRETCH_NANOS));
            assert!(now > last);
            last = now;
        }
        versions.added(&tenant, span(-1000, 1000));
        assert!(versions.of(&tenant, &range(0, 1)) > 0, "a wide batch changes everything");
    }
}
