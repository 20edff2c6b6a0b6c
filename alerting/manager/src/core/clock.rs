//! What a restart, a machine that slept or a clock that jumps must not do: end alerts of which nobody could report, tell
//! again what was told, or make groups wait for long.

use super::Core;
use crate::alert::{Alert, Fingerprint};
use gantry_model::{LabelSet, Timestamp};
use std::collections::BTreeSet;
use std::sync::Arc;

impl Core {
    /// Begins with what was restored. An alert that is over is looked at only when a receiver still believes that it fires; when
    /// its end was not reported, but nobody could report it meanwhile, it goes on for `resolve` nanoseconds.
    pub fn begin(&mut self, resolve: i64, now: Timestamp) {
        let believed: BTreeSet<Fingerprint> =
            self.log.values().flat_map(|entry| entry.firing.iter().copied()).collect();
        let restored: Vec<Arc<Alert>> = self.alerts.values().cloned().collect();
        for alert in restored {
            let over = alert.is_resolved(now);
            if over && !believed.contains(&alert.fingerprint()) {
                continue;
            }
            let alert = if over { self.outlived(alert, resolve, now) } else { alert };
            self.route(&alert, now);
        }
    }

    /// Ends what `source` reported before `since` and does not know any more; returns that, and whether nothing is left that
    /// it knows but has not reported again.
    pub fn settle(
        &mut self,
        source: &str,
        since: Timestamp,
        known: &dyn Fn(&LabelSet) -> bool,
        now: Timestamp,
    ) -> (Vec<Arc<Alert>>, bool) {
        let open = |alert: &&Arc<Alert>| alert.source == source && alert.updated < since && !alert.is_resolved(now);
        let (left, over): (Vec<_>, Vec<_>) =
            self.alerts.values().filter(open).cloned().partition(|alert| known(&alert.labels));
        let end = |alert: Arc<Alert>| {
            self.put(Alert { ends: now.max(alert.starts), updated: now, timeout: false, ..(*alert).clone() }, now)
        };
        (over.into_iter().map(end).collect(), left.is_empty())
    }

    /// The clock went from `before` to `now` in one step, and nobody could report: what fired before goes on.
    pub fn outlive(&mut self, resolve: i64, before: Timestamp, now: Timestamp) {
        let ended = |alert: &Alert| alert.is_resolved(now) && !alert.is_resolved(before);
        let alerts: Vec<Arc<Alert>> = self.alerts.values().filter(|alert| ended(alert)).cloned().collect();
        for alert in alerts {
            self.outlived(alert, resolve, now);
        }
    }

    /// The clock went back: no group waits longer than it would anew.
    pub fn wait_no_longer(&mut self, now: Timestamp) {
        for (id, group) in &mut self.groups {
            if let Some(route) = self.tree.at(id.route) {
                group.not_after(now.saturating_add(route.group_interval.max(route.group_wait)));
            }
        }
        for entry in self.log.values_mut() {
            entry.at = entry.at.min(now.nanos());
        }
    }

    /// An end that was reported counts; one that lay ahead when the alert was reported only said until when the report holds.
    fn outlived(&mut self, alert: Arc<Alert>, resolve: i64, now: Timestamp) -> Arc<Alert> {
        if alert.ends <= alert.updated {
            return alert;
        }
        let longer = Alert { ends: now.saturating_add(resolve), timeout: true, ..(*alert).clone() };
        let longer = Arc::new(longer);
        self.alerts.insert(longer.fingerprint(), longer.clone());
        longer
    }
}
