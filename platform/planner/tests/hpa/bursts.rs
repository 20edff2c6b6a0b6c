//! Panic: bursts are met at once, and outlast their window.

use super::{NOW, metric, policy, total};
use gantry_planner::{Decision, History, Observed, Reading, Reason, Signal, plan};
use gantry_platform_model::Target::AverageValue;
use gantry_platform_model::{Behavior, Direction, MetricSpec, Panic, Query, RateKind, RatePolicy, ScalePolicy};

/// 100 a replica; one replica a minute more at most, were it not for bursts.
fn bursty() -> ScalePolicy {
    let slow = RatePolicy { kind: RateKind::Pods, value: 1, period_seconds: 60 };
    let behavior = Behavior {
        scale_up: Direction { policies: Some(vec![slow]), ..Direction::default() },
        scale_down: Direction { stabilization_window_seconds: Some(0), ..Direction::default() },
    };
    let burst = Some(Query::Promql("q".into()));
    let metrics = vec![MetricSpec { burst, ..metric("q", AverageValue(100)) }];
    let panic = Some(Panic { threshold_percent: 200, window_seconds: 60 });
    ScalePolicy { behavior: Some(behavior), panic, ..policy(1, 50, metrics) }
}

struct Course {
    history: History,
    current: u32,
}

impl Course {
    fn see(&mut self, at_s: i64, ready: u32, stable: i64, burst: Reading) -> Decision {
        let now = NOW + at_s * 1000;
        let signals = [Signal { at_ms: now, burst: Some(burst), ..total("q", stable) }];
        let decision = plan(&bursty(), &Observed { current: self.current, ready }, &signals, &self.history, now);
        self.history.remember(&decision, true);
        self.current = decision.desired;
        decision
    }
}

#[test]
fn a_burst_is_met_at_once_and_nothing_is_removed_until_it_is_over() {
    let mut course = Course { history: History::default(), current: 4 };
    let of = |value| Reading::Total(vec![value]);
    let cases = [
        ("below the threshold rates hold", 0, 4, 900, of(700), 5, Reason::ScaleUpLimit),
        ("200 % of what is ready is a burst", 2, 5, 500, of(1000), 10, Reason::Panic),
        ("it grows", 4, 5, 500, of(2000), 20, Reason::Panic),
        ("what gets ready ends the excess, not the panic", 6, 20, 500, of(2000), 20, Reason::Panic),
        ("no load, still within the window", 63, 20, 0, of(0), 20, Reason::Panic),
        ("the last instant of the window", 64, 20, 0, of(0), 20, Reason::Panic),
        ("over: the load counts again", 65, 20, 1000, of(0), 10, Reason::DesiredWithinRange),
    ];
    for (name, at_s, ready, stable, burst, desired, reason) in cases {
        let decision = course.see(at_s, ready, stable, burst);
        assert_eq!((decision.desired, decision.reason), (desired, reason), "{name}: {decision:#?}");
    }
    assert_eq!(course.history.panic, None);
}

#[test]
fn a_burst_stays_within_the_maximum() {
    let mut course = Course { history: History::default(), current: 4 };
    let decision = course.see(0, 4, 400, Reading::Total(vec![1_000_000]));
    assert_eq!((decision.desired, decision.reason), (50, Reason::Panic));
}

#[test]
fn a_burst_that_cannot_be_read_starts_nothing_and_ends_nothing() {
    let failed = || Reading::Failed("no answer".into());
    let mut course = Course { history: History::default(), current: 4 };
    assert_eq!(course.see(0, 4, 400, failed()).reason, Reason::DesiredWithinRange);
    assert_eq!(course.see(1, 4, 400, Reading::Total(vec![800])).desired, 8);
    let held = course.see(10, 8, 400, failed());
    assert_eq!((held.desired, held.reason), (8, Reason::Panic));
    assert_eq!(course.see(70, 8, 400, failed()).desired, 4);
}

#[test]
fn a_burst_counts_when_the_signal_itself_is_missing() {
    let signals =
        [Signal { burst: Some(Reading::Total(vec![900])), ..super::signal("q", Reading::Failed("x".into())) }];
    let decision = plan(&bursty(), &Observed { current: 3, ready: 3 }, &signals, &History::default(), NOW);
    assert_eq!((decision.desired, decision.reason), (9, Reason::Panic));
}
