//! Least and most replicas at an instant: those of the policy, and of the schedules in force.

use gantry_platform_model::ScalePolicy;
use std::borrow::Cow;

/// The policy with the range that counts, and the names of the schedules that are in force. The highest least counts, and the
/// lowest most that is not below it. A schedule never leads out of the policy's own range upwards.
pub(crate) fn in_force(policy: &ScalePolicy, now_ms: i64) -> (Cow<'_, ScalePolicy>, Vec<String>) {
    let active: Vec<_> = policy.schedules.iter().filter(|schedule| schedule.in_force(now_ms)).collect();
    if active.is_empty() {
        return (Cow::Borrowed(policy), Vec::new());
    }
    let least = active.iter().filter_map(|schedule| schedule.range().0).fold(policy.min_replicas, u32::max);
    let least = least.min(policy.max_replicas);
    let most = active.iter().filter_map(|schedule| schedule.range().1).fold(policy.max_replicas, u32::min).max(least);
    let names = active.iter().map(|schedule| schedule.name.clone()).collect();
    (Cow::Owned(ScalePolicy { min_replicas: least, max_replicas: most, ..policy.clone() }), names)
}
