//! Watches the alerts of a rule from evaluation to evaluation: when they begin, fire and end.

use crate::report::{Episode, RuleReport};
use gantry_alerting::{Alert, AlertState};
use gantry_model::LabelSet;
use std::collections::BTreeMap;

#[derive(Debug, Default)]
pub(crate) struct Watch {
    firing: BTreeMap<LabelSet, Episode>,
    /// Since when alerts are pending.
    pending: BTreeMap<LabelSet, i64>,
    done: Vec<Episode>,
}

impl Watch {
    /// Looks at the alerts after an evaluation at `now_ms`.
    pub fn look<'a>(&mut self, now_ms: i64, alerts: impl Iterator<Item = &'a Alert>, report: &mut RuleReport) {
        let (mut pending, mut firing) = (BTreeMap::new(), 0);
        for alert in alerts {
            match alert.state {
                AlertState::Pending => _ = pending.insert(alert.labels.clone(), alert.active_ms),
                AlertState::Firing => {
                    firing += 1;
                    if !self.firing.contains_key(&alert.labels) {
                        self.firing.insert(alert.labels.clone(), began(alert, now_ms, report));
                    }
                }
                AlertState::Inactive => {
                    if let Some(episode) = self.firing.remove(&alert.labels) {
                        self.end(episode, alert.resolved_ms.unwrap_or(now_ms), report);
                    }
                }
            }
        }
        if firing < self.firing.len() {
            // All were forgotten: the rule found too many.
            std::mem::take(&mut self.firing).into_values().for_each(|episode| self.end(episode, now_ms, report));
        }
        for (labels, since) in std::mem::replace(&mut self.pending, pending) {
            if self.pending.get(&labels) != Some(&since) && !self.firing.contains_key(&labels) {
                report.missed += 1;
                report.longest_missed_ms = report.longest_missed_ms.max(now_ms - since);
            }
        }
    }

    /// Whether one fires that did not before.
    pub fn has_news<'a>(&self, mut alerts: impl Iterator<Item = &'a Alert>) -> bool {
        alerts.any(|alert| alert.state == AlertState::Firing && !self.firing.contains_key(&alert.labels))
    }

    /// How many episodes there are.
    pub fn len(&self) -> usize {
        self.firing.len() + self.done.len()
    }

    /// The backtest is over.
    pub fn finish(mut self, end_ms: i64, report: &mut RuleReport) -> Vec<Episode> {
        for episode in self.firing.into_values() {
            count(&episode, end_ms, report);
            self.done.push(episode);
        }
        self.done
    }

    fn end(&mut self, mut episode: Episode, at_ms: i64, report: &mut RuleReport) {
        episode.resolved_ms = Some(at_ms);
        count(&episode, at_ms, report);
        self.done.push(episode);
    }
}

fn began(alert: &Alert, now_ms: i64, report: &mut RuleReport) -> Episode {
    report.fired += 1;
    Episode {
        group: report.group.clone(),
        labels: alert.labels.clone(),
        annotations: alert.annotations.clone(),
        value: alert.value,
        active_ms: alert.active_ms,
        fired_ms: alert.fired_ms.unwrap_or(now_ms),
        resolved_ms: None,
    }
}

fn count(episode: &Episode, end_ms: i64, report: &mut RuleReport) {
    let firing_ms = episode.firing_ms(end_ms);
    report.firing_ms = report.firing_ms.saturating_add(firing_ms);
    report.longest_ms = report.longest_ms.max(firing_ms);
}
