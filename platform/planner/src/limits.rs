//! How far and how fast: stabilisation, rates, least and most.

use crate::decision::{Limited, Reason};
use crate::history::History;
use gantry_platform_model::{Behavior, Direction, RateKind, RatePolicy, ScalePolicy, Select};

/// Window of scaling down that is not given, in seconds.
const DOWN_WINDOW_S: u32 = 300;

/// The number that the limits leave of `asked`, and what they did. `least`: the minimum, 1 while a policy that goes to 0 is awake.
pub(crate) fn limit(
    policy: &ScalePolicy,
    history: &History,
    current: u32,
    asked: u32,
    least: u32,
    now_ms: i64,
) -> (u32, Vec<Limited>) {
    let mut trace = Trace { at: asked, steps: Vec::new() };
    let most = policy.max_replicas;
    match &policy.behavior {
        None => {
            let kept = recommendations(history, current, DOWN_WINDOW_S, now_ms).fold(asked, u32::max);
            trace.to(kept, Reason::ScaleDownStabilized);
            trace.at_least(least, Reason::TooFewReplicas);
            let doubled = current.saturating_mul(2).max(4);
            trace.at_most(
                most.min(doubled),
                if doubled < most { Reason::ScaleUpLimit } else { Reason::TooManyReplicas },
            );
        }
        Some(behavior) => {
            trace.stabilize(behavior, history, current, now_ms);
            trace.rate(behavior, history, (current, least, most), now_ms);
        }
    }
    (trace.at, trace.steps)
}

/// What was recommended; the replicas that are there when nothing was yet.
fn recommendations(history: &History, current: u32, window_s: u32, now_ms: i64) -> impl Iterator<Item = u32> {
    let first = (history.recommendations.is_empty() && window_s > 0).then_some(current);
    first.into_iter().chain(history.within(window_s, now_ms))
}

struct Trace {
    at: u32,
    steps: Vec<Limited>,
}

impl Trace {
    fn to(&mut self, to: u32, by: Reason) {
        if to != self.at {
            self.steps.push(Limited { by, from: self.at, to });
            self.at = to;
        }
    }

    fn at_most(&mut self, most: u32, by: Reason) {
        self.to(self.at.min(most), by);
    }

    fn at_least(&mut self, least: u32, by: Reason) {
        self.to(self.at.max(least), by);
    }

    fn stabilize(&mut self, behavior: &Behavior, history: &History, current: u32, now_ms: i64) {
        let window = |direction: &Direction, unset| direction.stabilization_window_seconds.unwrap_or(unset);
        let (up, down) = (window(&behavior.scale_up, 0), window(&behavior.scale_down, DOWN_WINDOW_S));
        let up = recommendations(history, current, up, now_ms).fold(self.at, u32::min);
        let down = recommendations(history, current, down, now_ms).fold(self.at, u32::max);
        let by = if self.at >= current { Reason::ScaleUpStabilized } else { Reason::ScaleDownStabilized };
        self.to(current.max(up).min(down), by);
    }

    fn rate(&mut self, behavior: &Behavior, history: &History, (current, least, most): (u32, u32, u32), now_ms: i64) {
        if self.at > current {
            let limit = up_limit(&behavior.scale_up, history, current, now_ms);
            let by = if limit < most { Reason::ScaleUpLimit } else { Reason::TooManyReplicas };
            self.at_most(limit.min(most), by);
        } else if self.at < current {
            let limit = down_limit(&behavior.scale_down, history, current, now_ms);
            let by = if limit > least { Reason::ScaleDownLimit } else { Reason::TooFewReplicas };
            self.at_least(limit.max(least), by);
        }
    }
}

/// Replicas at the start of a policy's period.
fn start(rate: &RatePolicy, history: &History, current: u32, now_ms: i64) -> i64 {
    let (added, removed) = history.changed(rate.period_seconds, now_ms);
    i64::from(current) - added + removed
}

fn clamped(replicas: i64) -> u32 {
    u32::try_from(replicas.max(0)).unwrap_or(u32::MAX)
}

fn up_limit(direction: &Direction, history: &History, current: u32, now_ms: i64) -> u32 {
    let allowed = |rate: RatePolicy| {
        let start = start(&rate, history, current, now_ms);
        clamped(match rate.kind {
            RateKind::Pods => start + i64::from(rate.value),
            RateKind::Percent => (start as f64 * (1.0 + f64::from(rate.value) / 100.0)).ceil() as i64,
        })
    };
    let allowed = direction.rates(true).into_iter().map(allowed);
    let limit = match direction.select_policy {
        Select::Disabled => None,
        Select::Max => allowed.max(),
        Select::Min => allowed.min(),
    };
    limit.unwrap_or(current).max(current)
}

fn down_limit(direction: &Direction, history: &History, current: u32, now_ms: i64) -> u32 {
    let allowed = |rate: RatePolicy| {
        let start = start(&rate, history, current, now_ms);
        clamped(match rate.kind {
            RateKind::Pods => start - i64::from(rate.value),
            RateKind::Percent => (start as f64 * (1.0 - f64::from(rate.value) / 100.0)) as i64,
        })
    };
    let allowed = direction.rates(false).into_iter().map(allowed);
    let limit = match direction.select_policy {
        Select::Disabled => None,
        Select::Max => allowed.min(),
        Select::Min => allowed.max(),
    };
    limit.unwrap_or(current).min(current)
}
