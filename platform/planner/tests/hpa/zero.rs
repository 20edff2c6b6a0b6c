//! Down to nothing, and up again.

use super::{NOW, metric, policy, signal, total};
use gantry_planner::{Decision, History, Observed, Reading, Reason, Signal, plan};
use gantry_platform_model::Target::AverageValue;
use gantry_platform_model::{ScalePolicy, ToZero};

fn sleepy() -> ScalePolicy {
    let to_zero = Some(ToZero { activation: 50, cooldown_seconds: 120 });
    ScalePolicy { to_zero, ..policy(0, 10, vec![metric("queue", AverageValue(100))]) }
}

fn see(current: u32, signals: &[Signal], active_s_ago: i64) -> Decision {
    let history = History { active_ms: Some(NOW - active_s_ago * 1000), ..History::default() };
    plan(&sleepy(), &Observed { current, ready: current }, signals, &history, NOW)
}

#[test]
fn going_to_zero_and_back() {
    let failed = || signal("queue", Reading::Failed("no answer".into()));
    let cases = [
        ("asleep with nothing to do", 0, total("queue", 0), 999, 0, Reason::Idle),
        ("the threshold itself does not wake", 0, total("queue", 50), 999, 0, Reason::Idle),
        ("above it does", 0, total("queue", 51), 999, 1, Reason::Activated),
        ("asleep without a signal", 0, failed(), 999, 0, Reason::NoSignal),
        ("idle, but not for long", 1, total("queue", 0), 119, 1, Reason::CoolingDown),
        ("idle for long enough", 1, total("queue", 0), 120, 0, Reason::Idle),
        ("awake without a signal is not idle", 1, failed(), 999, 1, Reason::NoSignal),
        ("active work keeps one", 1, total("queue", 60), 999, 1, Reason::DesiredWithinRange),
    ];
    for (name, current, signal, active_s_ago, desired, reason) in cases {
        let decision = see(current, &[signal], active_s_ago);
        assert_eq!((decision.desired, decision.reason), (desired, reason), "{name}: {decision:?}");
    }
}

#[test]
fn a_fresh_history_waits_for_the_whole_cooldown() {
    let mut history = History::default();
    let idle = |history: &History, now_ms| {
        let signals = [Signal { at_ms: now_ms, ..total("queue", 0) }];
        plan(&sleepy(), &Observed { current: 1, ready: 1 }, &signals, history, now_ms)
    };
    history.remember(&idle(&history, NOW), true);
    assert_eq!(idle(&history, NOW + 119_999).desired, 1);
    assert_eq!(idle(&history, NOW + 120_000).desired, 0);
}

#[test]
fn signals_of_replicas_alone_never_put_to_sleep() {
    let pods = signal("queue", Reading::Pods { cpu: false, pods: vec![super::pod(Some(0))] });
    assert_eq!(see(1, &[pods], 999).desired, 1);
}
