//! Bursts, after Knative's autoscaler (knative/serving, `pkg/autoscaler/scaling`).
//!
//! A burst that asks for a multiple of the ready replicas starts a panic. While it lasts, what the burst asks for counts at
//! once, and there are never fewer replicas than at its height. It ends when no such burst was seen for a window.

use crate::decision::{Decision, Limited, Reason};
use crate::history::Panicking;
use crate::plan::Observed;
use crate::propose::{Signal, propose_burst};
use gantry_platform_model::{Panic, ScalePolicy};

/// Most replicas for each ready one.
const RATE_UP: u32 = 1000;

/// The decision, with what a burst adds. What was at 0 wakes first.
pub(crate) fn meet(policy: &ScalePolicy, observed: &Observed, signals: &[Signal], mut decision: Decision) -> Decision {
    let Some(panic) = policy.panic else {
        decision.panic = None;
        return decision;
    };
    let (now_ms, ready) = (decision.at_ms, observed.ready.max(1));
    let bursts = policy.metrics.iter().filter_map(|metric| propose_burst(metric, signals, ready, now_ms));
    let bursts: Vec<_> = bursts.collect();
    let wanted = bursts.iter().filter_map(|burst| burst.replicas.as_ref().ok()).max().copied().unwrap_or(0);
    decision.proposals.extend(bursts);
    if decision.current == 0 {
        return decision;
    }
    decision.panic = state(panic, decision.panic, wanted, ready, now_ms);
    let Some(state) = &mut decision.panic else { return decision };
    let wanted = wanted.min(ready.saturating_mul(RATE_UP));
    let height = state.most.max(wanted).max(decision.current).min(policy.max_replicas);
    if height > decision.desired {
        decision.limits.push(Limited { by: Reason::Panic, from: decision.desired, to: height });
        decision.message =
            format!("a burst {} s ago asks for {wanted}; {}", (now_ms - state.last_ms) / 1000, decision.message);
        (decision.desired, decision.reason) = (height, Reason::Panic);
    }
    state.most = state.most.max(decision.desired);
    decision
}

/// Entered, extended, going on, or over.
fn state(panic: Panic, before: Option<Panicking>, wanted: u32, ready: u32, now_ms: i64) -> Option<Panicking> {
    let over = u64::from(wanted) * 100 >= u64::from(panic.threshold_percent) * u64::from(ready);
    match before {
        Some(before) if over => Some(Panicking { last_ms: now_ms, ..before }),
        None if over => Some(Panicking { since_ms: now_ms, last_ms: now_ms, most: 0 }),
        before => before.filter(|before| before.last_ms + i64::from(panic.window_seconds) * 1000 >= now_ms),
    }
}
