//! What others are to be told of alerts, and when: at once when one fires or ends, and again as long as that holds.
//!
//! Who is told forgets a firing alert that is not repeated, so a notice says until when it holds.

use super::alert::{Alert, AlertState};
use super::{Group, Kind};
use gantry_model::LabelSet;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A firing alert outlives this many repetitions that fail to come.
const LIFE: i64 = 4;

/// An alert that fires or has ended. Instants are milliseconds since 1970.
#[derive(Clone, Debug, PartialEq)]
pub struct Notice {
    pub labels: LabelSet,
    pub annotations: BTreeMap<String, String>,
    pub starts_ms: i64,
    /// When it ended; of a firing one, when it is over unless this is repeated.
    pub ends_ms: i64,
    pub resolved: bool,
    /// What the rule asks.
    pub expr: Arc<str>,
}

impl Group {
    /// The notices that are due, which then count as given. Call it after an evaluation at `now_ms`.
    ///
    /// `repeat_ms`: how long after a notice it is given again; an ended alert is repeated, too, until it is forgotten.
    /// `interval_ms`: that of evaluations, since nothing is repeated faster.
    pub fn notices(&mut self, now_ms: i64, repeat_ms: i64, interval_ms: i64) -> Vec<Notice> {
        let valid_ms = now_ms.saturating_add(repeat_ms.max(interval_ms).saturating_mul(LIFE));
        let mut notices = Vec::new();
        for member in &mut self.rules {
            let Kind::Alerting(rule) = &mut member.kind else { continue };
            for alert in rule.active.values_mut().filter(|alert| alert.is_due(now_ms, repeat_ms)) {
                alert.told_ms = Some(now_ms);
                notices.push(alert.notice(valid_ms, rule.expr.clone()));
            }
        }
        notices
    }
}

impl Alert {
    fn is_due(&self, now_ms: i64, repeat_ms: i64) -> bool {
        if self.state == AlertState::Pending {
            return false;
        }
        let Some(told_ms) = self.told_ms else { return true };
        self.resolved_ms.is_some_and(|resolved| resolved > told_ms) || now_ms.saturating_sub(told_ms) > repeat_ms
    }

    fn notice(&self, valid_ms: i64, expr: Arc<str>) -> Notice {
        Notice {
            labels: self.labels.clone(),
            annotations: self.annotations.clone(),
            starts_ms: self.fired_ms.unwrap_or(self.active_ms),
            ends_ms: self.resolved_ms.unwrap_or(valid_ms),
            resolved: self.resolved_ms.is_some(),
            expr,
        }
    }
}
