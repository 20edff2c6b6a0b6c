//! What the planner decides, case by case, as Kubernetes' controller of HorizontalPodAutoscalers would.

mod ahead;
mod bursts;
mod course;
mod one_signal;
mod properties;
mod schedules;
mod several;
mod zero;

use gantry_planner::{Decision, History, Observed, Phase, Pod, Reading, Ready, Signal, Usage, plan};
use gantry_platform_model::{MetricSpec, ScalePolicy, Target};

/// Far from 0, so that windows lie before it.
const NOW: i64 = 10_000_000;

fn metric(name: &str, target: Target) -> MetricSpec {
    MetricSpec { name: name.into(), query: None, burst: None, forecast: None, target, max_age_seconds: 60 }
}

fn policy(min: u32, max: u32, metrics: Vec<MetricSpec>) -> ScalePolicy {
    ScalePolicy {
        min_replicas: min,
        max_replicas: max,
        metrics,
        behavior: None,
        to_zero: None,
        schedules: Vec::new(),
        panic: None,
    }
}

fn signal(name: &str, reading: Reading) -> Signal {
    Signal::new(name, NOW, reading)
}

fn total(name: &str, value: i64) -> Signal {
    signal(name, Reading::Total(vec![value]))
}

/// Ready for long, requests 1000m.
fn pod(used: Option<i64>) -> Pod {
    Pod {
        phase: Phase::Running,
        started_ms: Some(NOW - 3_600_000),
        ready: Some(Ready { ready: true, since_ms: NOW - 3_590_000 }),
        request: Some(1000),
        usage: used.map(|value| Usage { value, at_ms: NOW - 5_000, window_ms: 15_000 }),
    }
}

fn decide(policy: &ScalePolicy, current: u32, signals: &[Signal]) -> Decision {
    plan(policy, &Observed { current, ready: current }, signals, &History::default(), NOW)
}
