//! Since when alerts are active, from what was written before a restart.

use super::{Group, Kind};
use crate::group::alert::{AlertState, Alerting};
use gantry_model::LabelSet;

/// The last point of `ALERTS_FOR_STATE` before a restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ForState {
    /// When it was written, milliseconds since 1970.
    pub at_ms: i64,
    /// What it says: since when the alert was active, in milliseconds since 1970.
    pub active_ms: i64,
}

impl Group {
    /// Lets alerts write no series before [`restore`](Group::restore): they would hide what is to be restored.
    #[must_use]
    pub fn awaiting_restore(mut self) -> Self {
        self.each_alerting(|rule| rule.awaits_restore = true);
        self
    }

    /// After the first evaluation: gives alerts the time that they were pending before a restart, not that of the outage.
    ///
    /// `last` finds the last point of a series, if it is recent enough to be believed. An alert that would fire sooner than
    /// `grace_ms` from now fires then, so that what it speaks of has time to come up. Rules whose `for` is shorter are not restored.
    pub fn restore(&mut self, now_ms: i64, grace_ms: i64, mut last: impl FnMut(&LabelSet) -> Option<ForState>) {
        self.each_alerting(|rule| {
            rule.awaits_restore = false;
            if rule.for_ms == 0 || rule.for_ms < grace_ms {
                return;
            }
            for alert in rule.active.values_mut().filter(|alert| alert.state != AlertState::Inactive) {
                if let Some(before) = last(&alert.for_state_labels()) {
                    alert.active_ms = since(before, rule.for_ms, grace_ms, now_ms);
                }
            }
        });
    }

    fn each_alerting(&mut self, mut what: impl FnMut(&mut Alerting)) {
        for member in &mut self.rules {
            if let Kind::Alerting(rule) = &mut member.kind {
                what(rule);
            }
        }
    }
}

fn since(before: ForState, for_ms: i64, grace_ms: i64, now_ms: i64) -> i64 {
    let pending_ms = before.at_ms.saturating_sub(before.active_ms);
    let remaining_ms = for_ms.saturating_sub(pending_ms);
    if remaining_ms <= 0 {
        // It fired before.
        before.active_ms
    } else if remaining_ms < grace_ms {
        now_ms.saturating_add(grace_ms).saturating_sub(for_ms)
    } else {
        before.active_ms.saturating_add(now_ms.saturating_sub(before.at_ms))
    }
}
