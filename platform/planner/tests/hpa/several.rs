//! Several signals, missing ones, and branches that ask none.

use super::{NOW, decide, metric, policy, signal, total};
use gantry_planner::{Reading, Reason, Signal};
use gantry_platform_model::Target::Value;

fn two() -> gantry_platform_model::ScalePolicy {
    policy(2, 10, vec![metric("a", Value(100)), metric("b", Value(100))])
}

#[test]
fn the_highest_proposal_counts() {
    let decision = decide(&two(), 4, &[total("a", 50), total("b", 150)]);
    assert_eq!((decision.desired, decision.message.as_str()), (6, "b above target"));
    assert_eq!(decision.reason, Reason::DesiredWithinRange);
}

#[test]
fn a_missing_signal_stops_scaling_down_but_not_up() {
    let failed = signal("b", Reading::Failed("the query timed out".into()));
    let down = decide(&two(), 4, &[total("a", 50), failed.clone()]);
    assert_eq!((down.desired, down.reason), (4, Reason::SomeSignalsMissing));
    assert!(down.message.contains("the query timed out"), "{}", down.message);
    assert_eq!(decide(&two(), 4, &[total("a", 200), failed]).desired, 8);
}

#[test]
fn without_any_signal_it_holds() {
    for signals in [vec![], vec![signal("a", Reading::Total(vec![]))], vec![signal("a", Reading::Failed("x".into()))]] {
        let decision = decide(&two(), 4, &signals);
        assert_eq!((decision.desired, decision.reason, decision.recommendation), (4, Reason::NoSignal, None));
    }
}

#[test]
fn a_stale_signal_is_a_missing_one() {
    let policy = policy(1, 10, vec![metric("a", Value(100))]);
    let aged = |age_ms| Signal { at_ms: NOW - age_ms, ..total("a", 300) };
    assert_eq!(decide(&policy, 2, &[aged(60_000)]).desired, 4);
    let stale = decide(&policy, 2, &[aged(60_001)]);
    assert_eq!((stale.desired, stale.reason), (2, Reason::NoSignal));
    assert!(stale.message.contains("stale: 60 s old"), "{}", stale.message);
}

#[test]
fn what_is_out_of_range_comes_back_without_signals() {
    let cases = [
        ("stopped by hand", 0, 0, Reason::ScalingDisabled),
        ("below the minimum", 1, 2, Reason::TooFewReplicas),
        ("above the maximum", 30, 10, Reason::TooManyReplicas),
    ];
    for (name, current, desired, reason) in cases {
        let decision = decide(&two(), current, &[]);
        assert_eq!((decision.desired, decision.reason), (desired, reason), "{name}");
    }
}

#[test]
fn the_range_limits_what_signals_ask_for() {
    let most = decide(&two(), 8, &[total("a", 900), total("b", 0)]);
    assert_eq!((most.desired, most.reason, most.recommendation), (10, Reason::TooManyReplicas, Some(72)));
    assert_eq!((most.limits[0].from, most.limits[0].to), (72, 10));
}

#[test]
fn a_wrong_policy_holds() {
    let decision = decide(&policy(1, 10, vec![metric("a", Value(0))]), 4, &[total("a", 0)]);
    assert_eq!((decision.desired, decision.reason), (4, Reason::BadPolicy));
}
