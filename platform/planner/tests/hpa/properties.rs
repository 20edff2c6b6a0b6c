//! What holds whatever is seen.

use super::{NOW, metric, pod, policy, signal};
use gantry_planner::{History, Observed, Reading, plan};
use gantry_platform_model::Target::{AverageValue, Utilization};
use gantry_platform_model::{Behavior, ScalePolicy};
use proptest::prelude::*;

proptest! {
    #[test]
    fn a_decision_stays_in_range_and_does_not_panic(
        min in 1_u32..20, more in 0_u32..50, current in 1_u32..100,
        queue in prop::collection::vec(any::<i64>(), 0..4),
        used in prop::collection::vec(prop::option::of(0_i64..i64::MAX), 0..8),
        with_behavior in any::<bool>(),
    ) {
        let metrics = vec![metric("queue", AverageValue(100)), metric("cpu", Utilization(50))];
        let behavior = with_behavior.then(Behavior::default);
        let policy = ScalePolicy { behavior, ..policy(min, min + more, metrics) };
        let pods = used.into_iter().map(pod).collect();
        let signals = [signal("queue", Reading::Total(queue)), signal("cpu", Reading::Pods { cpu: true, pods })];
        let mut history = History::default();
        let decision = plan(&policy, &Observed { current, ready: current }, &signals, &history, NOW);
        prop_assert!((min..=min + more).contains(&decision.desired), "{:?}", decision);
        history.remember(&decision, true);
        let next = plan(&policy, &Observed { current: decision.desired, ready: 0 }, &signals, &history, NOW + 1);
        prop_assert!((min..=min + more).contains(&next.desired), "{:?}", next);
    }
}
