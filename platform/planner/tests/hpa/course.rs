//! Decisions one after the other: stabilisation and rates.

use super::{NOW, metric, policy, total};
use gantry_planner::{History, Observed, Reason, Signal, plan};
use gantry_platform_model::Target::AverageValue;
use gantry_platform_model::{Behavior, Direction, RateKind, RatePolicy, ScalePolicy, Select};

/// Replicas after each sync of 15 s, when so many are needed as `demand` says.
fn course(policy: &ScalePolicy, first: u32, demand: &[u32]) -> Vec<u32> {
    let mut history = History::default();
    let mut current = first;
    let mut now_ms = NOW;
    let mut seen = Vec::new();
    for needed in demand {
        now_ms += 15_000;
        let signals = [Signal { at_ms: now_ms, ..total("m", i64::from(*needed) * 100) }];
        let decision = plan(policy, &Observed { current, ready: current }, &signals, &history, now_ms);
        history.remember(&decision, true);
        current = decision.desired;
        seen.push(current);
    }
    seen
}

fn plain() -> ScalePolicy {
    policy(1, 100, vec![metric("m", AverageValue(100))])
}

fn with(scale_up: Direction, scale_down: Direction) -> ScalePolicy {
    ScalePolicy { behavior: Some(Behavior { scale_up, scale_down }), ..plain() }
}

fn rate(kind: RateKind, value: u32, period_seconds: u32) -> RatePolicy {
    RatePolicy { kind, value, period_seconds }
}

fn rates(window: u32, select_policy: Select, policies: &[RatePolicy]) -> Direction {
    Direction {
        stabilization_window_seconds: Some(window),
        select_policy,
        policies: Some(policies.to_vec()),
        tolerance: None,
    }
}

#[test]
fn without_a_behaviour_replicas_double_from_four() {
    assert_eq!(course(&plain(), 1, &[1000; 6]), [4, 8, 16, 32, 64, 100]);
}

#[test]
fn with_the_default_behaviour_they_double_or_grow_by_four() {
    let policy = with(Direction::default(), Direction::default());
    assert_eq!(course(&policy, 1, &[1000; 6]), [5, 10, 20, 40, 80, 100]);
}

#[test]
fn an_idle_workload_keeps_its_replicas_until_the_last_high_recommendation_is_five_minutes_old() {
    for policy in [plain(), with(Direction::default(), Direction::default())] {
        // The first sync records 10; 20 syncs of 15 s later that is 300 s old.
        let demand = [[10].as_slice(), &[1; 20]].concat();
        let seen = course(&policy, 10, &demand);
        assert_eq!(seen[..20], [10; 20]);
        assert_eq!(seen[20], 1);
    }
}

#[test]
fn a_clock_that_is_set_back_or_on_does_not_hold_for_longer_than_a_window() {
    for jump_ms in [-7_200_000, 7_200_000] {
        let (policy, mut history, mut now_ms) = (plain(), History::default(), NOW);
        let mut see = |current: u32, needed: i64, after_ms: i64| {
            now_ms += after_ms;
            history.tidy(&policy, now_ms);
            let signals = [Signal { at_ms: now_ms, ..total("m", needed * 100) }];
            let decision = plan(&policy, &Observed { current, ready: current }, &signals, &history, now_ms);
            history.remember(&decision, true);
            decision.desired
        };
        assert_eq!(see(10, 10, 0), 10);
        see(10, 2, jump_ms);
        assert_eq!(see(10, 2, 300_000), 2, "{jump_ms}");
    }
}

#[test]
fn a_window_upwards_waits_for_demand_to_last() {
    let policy = with(rates(60, Select::Max, &[rate(RateKind::Pods, 100, 15)]), Direction::default());
    assert_eq!(course(&policy, 2, &[2, 9, 8, 9, 9, 9]), [2, 2, 2, 2, 8, 8]);
}

#[test]
fn rates_count_what_changed_within_their_period() {
    let cases = [
        ("two pods a minute", vec![rate(RateKind::Pods, 2, 60)], Select::Max, vec![12, 12, 12, 12, 14]),
        ("half a minute's worth", vec![rate(RateKind::Percent, 50, 30)], Select::Max, vec![15, 15, 23, 23, 35]),
        (
            "the least of two",
            vec![rate(RateKind::Pods, 3, 15), rate(RateKind::Percent, 100, 15)],
            Select::Min,
            vec![13, 16, 19, 22, 25],
        ),
        (
            "the most of two",
            vec![rate(RateKind::Pods, 3, 15), rate(RateKind::Percent, 100, 15)],
            Select::Max,
            vec![20, 40, 80, 100, 100],
        ),
        ("none", vec![rate(RateKind::Pods, 3, 15)], Select::Disabled, vec![10; 5]),
    ];
    for (name, policies, select, wanted) in cases {
        let policy = with(rates(0, select, &policies), Direction::default());
        assert_eq!(course(&policy, 10, &[1000; 5]), wanted, "{name}");
    }
}

#[test]
fn rates_downwards() {
    let cases = [
        ("two pods a sync", vec![rate(RateKind::Pods, 2, 15)], Select::Max, vec![18, 16, 14, 12, 10]),
        ("ten percent a minute", vec![rate(RateKind::Percent, 10, 60)], Select::Max, vec![18, 18, 18, 18, 16]),
        (
            "the least of two",
            vec![rate(RateKind::Pods, 1, 15), rate(RateKind::Percent, 50, 15)],
            Select::Min,
            vec![19, 18, 17, 16, 15],
        ),
        (
            "the most of two",
            vec![rate(RateKind::Pods, 1, 15), rate(RateKind::Percent, 50, 15)],
            Select::Max,
            vec![10, 5, 2, 1, 1],
        ),
        ("none", vec![rate(RateKind::Pods, 1, 15)], Select::Disabled, vec![20; 5]),
    ];
    for (name, policies, select, wanted) in cases {
        let policy = with(Direction::default(), rates(0, select, &policies));
        assert_eq!(course(&policy, 20, &[1; 5]), wanted, "{name}");
    }
}

#[test]
fn what_limited_a_decision_is_said() {
    let policy = with(Direction::default(), rates(0, Select::Max, &[rate(RateKind::Pods, 1, 15)]));
    let see = |current, needed: i64| {
        plan(&policy, &Observed { current, ready: current }, &[total("m", needed * 100)], &History::default(), NOW)
    };
    assert_eq!(see(5, 50).reason, Reason::ScaleUpLimit);
    assert_eq!(see(80, 900).reason, Reason::TooManyReplicas);
    assert_eq!(see(5, 1).reason, Reason::ScaleDownLimit);
    assert_eq!(see(2, 0).reason, Reason::TooFewReplicas);
    let stable = plan(&plain(), &Observed { current: 5, ready: 5 }, &[total("m", 100)], &History::default(), NOW);
    assert_eq!(
        (stable.desired, stable.reason),
        (5, Reason::ScaleDownStabilized),
        "a fresh history does not scale down"
    );
}

#[test]
fn a_decision_that_was_not_carried_out_is_no_change() {
    let policy = with(rates(0, Select::Max, &[rate(RateKind::Pods, 2, 60)]), Direction::default());
    let mut history = History::default();
    let signals = [total("m", 10_000)];
    for _ in 0..2 {
        let decision = plan(&policy, &Observed { current: 3, ready: 3 }, &signals, &history, NOW);
        assert_eq!(decision.desired, 5);
        history.remember(&decision, false);
    }
}
