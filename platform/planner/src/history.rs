//! What earlier decisions leave to later ones.

use crate::decision::Decision;
use gantry_platform_model::ScalePolicy;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Longest window and period of a policy: what is older is forgotten.
const KEPT_MS: i64 = 3_600_000;
/// Most entries of a kind; a decision a second for an hour.
const KEPT: usize = 3_600;

/// Earlier recommendations and changes of one policy. Keep it with the policy; a fresh one does not scale down at once.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct History {
    pub recommendations: VecDeque<Recommendation>,
    pub changes: VecDeque<Change>,
    /// When a signal was last above the threshold of activation.
    pub active_ms: Option<i64>,
    #[serde(default)]
    pub panic: Option<Panicking>,
}

/// A burst, from its first moment on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Panicking {
    pub since_ms: i64,
    /// When it was last seen.
    pub last_ms: i64,
    /// Most replicas that were decided meanwhile: there are not fewer before it is over.
    pub most: u32,
}

/// What signals asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recommendation {
    pub at_ms: i64,
    pub replicas: u32,
}

/// A change that was carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    pub at_ms: i64,
    /// Replicas added; negative: removed.
    pub by: i64,
}

impl History {
    /// Takes in a decision. `applied`: the change, if one was decided, was carried out.
    pub fn remember(&mut self, decision: &Decision, applied: bool) {
        let now = decision.at_ms;
        if self.recommendations.is_empty() {
            self.recommendations.push_back(Recommendation { at_ms: now, replicas: decision.current });
        }
        if let Some(replicas) = decision.recommendation {
            self.recommendations.push_back(Recommendation { at_ms: now, replicas });
        }
        if applied && decision.desired != decision.current {
            self.changes
                .push_back(Change { at_ms: now, by: i64::from(decision.desired) - i64::from(decision.current) });
        }
        if decision.active || self.active_ms.is_none() {
            self.active_ms = Some(now);
        }
        self.panic = decision.panic;
        forget(&mut self.recommendations, |entry| entry.at_ms <= now.saturating_sub(KEPT_MS));
        forget(&mut self.changes, |entry| entry.at_ms <= now.saturating_sub(KEPT_MS));
    }

    /// Forgets what this policy does not look back at, and what lies ahead because the clock was set back: else it would count
    /// until the clock is there again.
    pub fn tidy(&mut self, policy: &ScalePolicy, now_ms: i64) {
        self.recommendations.retain(|entry| entry.at_ms <= now_ms);
        self.changes.retain(|change| change.at_ms <= now_ms);
        self.active_ms = self.active_ms.map(|at_ms| at_ms.min(now_ms));
        if let Some(panic) = &mut self.panic {
            (panic.since_ms, panic.last_ms) = (panic.since_ms.min(now_ms), panic.last_ms.min(now_ms));
        }
        let directions = policy.behavior.iter().flat_map(|b| [(&b.scale_up, true), (&b.scale_down, false)]);
        let (mut window, mut period) = (300, 15);
        for (direction, up) in directions {
            window = window.max(direction.stabilization_window_seconds.unwrap_or(0));
            period = direction.rates(up).iter().map(|rate| rate.period_seconds).fold(period, u32::max);
        }
        let before = |seconds: u32| now_ms.saturating_sub(i64::from(seconds) * 1000);
        forget(&mut self.recommendations, |entry| entry.at_ms <= before(window));
        forget(&mut self.changes, |entry| entry.at_ms <= before(period));
    }

    /// Recommendations of less than `window_s` seconds ago.
    pub(crate) fn within(&self, window_s: u32, now_ms: i64) -> impl Iterator<Item = u32> {
        let after = now_ms.saturating_sub(i64::from(window_s) * 1000);
        self.recommendations.iter().filter(move |entry| entry.at_ms > after).map(|entry| entry.replicas)
    }

    /// Replicas that were added and removed less than `period_s` seconds ago.
    pub(crate) fn changed(&self, period_s: u32, now_ms: i64) -> (i64, i64) {
        let after = now_ms.saturating_sub(i64::from(period_s) * 1000);
        let recent = self.changes.iter().filter(|change| change.at_ms > after);
        recent.fold((0, 0), |(up, down), change| (up + change.by.max(0), down - change.by.min(0)))
    }
}

fn forget<T>(entries: &mut VecDeque<T>, old: impl Fn(&T) -> bool) {
    // One stays: that there was one before counts.
    while entries.len() > KEPT || (entries.len() > 1 && entries.front().is_some_and(&old)) {
        entries.pop_front();
    }
}
