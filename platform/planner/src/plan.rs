//! From a policy and what is seen to a decision.

use crate::decision::{Basis, Decision, Proposal, Reason};
use crate::history::History;
use crate::propose::{Reading, Signal, believed, propose, propose_ahead, total};
use crate::{limits, panic, range};
use gantry_platform_model::{ScalePolicy, ToZero};
use serde::{Deserialize, Serialize};

/// What there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observed {
    /// Replicas that were last asked for.
    pub current: u32,
    /// Of these, running and ready.
    pub ready: u32,
}

/// What signals say of going to 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wakefulness {
    Active,
    Idle,
    /// A signal is missing and no other is above the threshold, or none says anything without replicas.
    Unknown,
}

/// Decides. The caller applies the decision and lets `history` [`remember`](History::remember) it.
///
/// A policy that has [`problems`](ScalePolicy::problems) holds.
pub fn plan(policy: &ScalePolicy, observed: &Observed, signals: &[Signal], history: &History, now_ms: i64) -> Decision {
    let current = observed.current;
    let mut decision = Decision {
        at_ms: now_ms,
        current,
        desired: current,
        reason: Reason::DesiredWithinRange,
        message: String::new(),
        proposals: Vec::new(),
        limits: Vec::new(),
        recommendation: None,
        active: false,
        range: (policy.min_replicas, policy.max_replicas),
        schedules: Vec::new(),
        panic: history.panic,
    };
    if let Some(problem) = policy.problems().into_iter().next() {
        return settled(decision, current, Reason::BadPolicy, format!("hold: the policy is wrong: {problem}"));
    }
    if current == 0 && policy.min_replicas != 0 {
        return settled(
            decision,
            0,
            Reason::ScalingDisabled,
            "there are 0 replicas, which the policy never asks for".into(),
        );
    }
    let (ranged, schedules) = range::in_force(policy, now_ms);
    let policy = &*ranged;
    decision.range = (policy.min_replicas, policy.max_replicas);
    decision.schedules = schedules;
    if current > policy.max_replicas {
        let message = format!("{current} replicas are more than the maximum of {}", policy.max_replicas);
        return settled(decision, policy.max_replicas, Reason::TooManyReplicas, message);
    }
    if current < policy.min_replicas {
        let message = format!("{current} replicas are fewer than the minimum of {}", policy.min_replicas);
        return settled(decision, policy.min_replicas, Reason::TooFewReplicas, message);
    }
    decision.proposals = policy.metrics.iter().map(|m| propose(policy, m, signals, observed, now_ms)).collect();
    decision.proposals.extend(policy.metrics.iter().filter_map(|m| propose_ahead(policy, m, signals, observed)));
    let decision = match policy.to_zero {
        Some(to_zero) if policy.min_replicas == 0 => by_activity(policy, &to_zero, signals, history, decision),
        _ => by_signals(policy, history, decision, policy.min_replicas),
    };
    panic::meet(policy, observed, signals, decision)
}

fn settled(mut decision: Decision, desired: u32, reason: Reason, message: String) -> Decision {
    decision.desired = desired;
    decision.reason = reason;
    decision.message = message;
    decision
}

fn wakefulness(policy: &ScalePolicy, to_zero: &ToZero, signals: &[Signal], now_ms: i64) -> Wakefulness {
    let mut answer = Wakefulness::Idle;
    let mut totals = 0;
    for metric in &policy.metrics {
        match believed(metric, signals, now_ms) {
            Ok(Reading::Total(values)) if total(values) > i128::from(to_zero.activation) => return Wakefulness::Active,
            Ok(Reading::Total(_)) => totals += 1,
            Ok(Reading::Pods { .. }) => {}
            Ok(Reading::Failed(_)) | Err(_) => answer = Wakefulness::Unknown,
        }
    }
    if totals == 0 { Wakefulness::Unknown } else { answer }
}

fn by_activity(
    policy: &ScalePolicy,
    to_zero: &ToZero,
    signals: &[Signal],
    history: &History,
    mut decision: Decision,
) -> Decision {
    let now_ms = decision.at_ms;
    let awake = wakefulness(policy, to_zero, signals, now_ms);
    decision.active = awake == Wakefulness::Active;
    let threshold = to_zero.activation;
    match (awake, decision.current) {
        (Wakefulness::Active, 0) => {
            settled(decision, 1, Reason::Activated, format!("a signal is above the activation of {threshold}m"))
        }
        (Wakefulness::Unknown, 0) => {
            settled(decision, 0, Reason::NoSignal, "a signal is missing, and no other is above the activation".into())
        }
        (Wakefulness::Idle, 0) => settled(decision, 0, Reason::Idle, format!("no signal is above {threshold}m")),
        (Wakefulness::Idle, _) => {
            let idle_ms = now_ms.saturating_sub(history.active_ms.unwrap_or(now_ms));
            if idle_ms >= i64::from(to_zero.cooldown_seconds) * 1000 {
                let message = format!("no signal is above {threshold}m for {} s", idle_ms / 1000);
                return settled(decision, 0, Reason::Idle, message);
            }
            let decision = by_signals(policy, history, decision, 1);
            if decision.desired > 1 || decision.reason == Reason::NoSignal {
                return decision;
            }
            let message = format!("idle for {} s of {} s", idle_ms / 1000, to_zero.cooldown_seconds);
            settled(decision, 1, Reason::CoolingDown, message)
        }
        (Wakefulness::Active | Wakefulness::Unknown, _) => by_signals(policy, history, decision, 1),
    }
}

/// The highest proposal; the first metric that makes it.
fn highest(proposals: &[Proposal]) -> Option<(&str, Basis, u32)> {
    let mut best: Option<(&str, Basis, u32)> = None;
    for proposal in proposals {
        if let Ok(replicas) = proposal.replicas
            && best.is_none_or(|(.., most)| replicas > most)
        {
            best = Some((&proposal.metric, proposal.basis, replicas));
        }
    }
    best
}

fn by_signals(policy: &ScalePolicy, history: &History, mut decision: Decision, least: u32) -> Decision {
    let current = decision.current;
    let measured = || decision.proposals.iter().filter(|proposal| proposal.basis == Basis::Measured);
    let failed = measured().find_map(|p| Some((p.metric.clone(), p.replicas.as_ref().err()?.clone())));
    // What is only expected does not stand in for what cannot be measured.
    let known = measured().any(|proposal| proposal.replicas.is_ok());
    let Some((metric, basis, asked)) = highest(&decision.proposals).filter(|_| known) else {
        let message = failed.map_or_else(|| "no metrics".into(), |(metric, why)| format!("hold: {metric}: {why}"));
        return settled(decision, current, Reason::NoSignal, message);
    };
    if let Some((missing, why)) = failed
        && asked < current
    {
        let message = format!("hold: {metric} asks for {asked}, but {missing}: {why}");
        return settled(decision, current, Reason::SomeSignalsMissing, message);
    }
    let message = match asked.cmp(&current) {
        std::cmp::Ordering::Greater if basis == Basis::Forecast => format!("{metric} will be above target"),
        std::cmp::Ordering::Greater => format!("{metric} above target"),
        std::cmp::Ordering::Less => "All metrics below target".to_owned(),
        std::cmp::Ordering::Equal => format!("{metric} asks for what there is"),
    };
    decision.recommendation = Some(asked);
    let (desired, steps) = limits::limit(policy, history, current, asked, least, decision.at_ms);
    let reason = steps.last().map_or(Reason::DesiredWithinRange, |step| step.by);
    decision.limits = steps;
    settled(decision, desired, reason, message)
}
