//! What is shown of a tenant's state.

use super::Core;
use crate::alert::{Alert, Fingerprint};
use crate::dispatch::before;
use crate::inhibit::Inhibitor;
use crate::matchers::all_match;
use crate::silence::Silence;
use gantry_model::{LabelSet, Matcher, Timestamp};
use regex::Regex;
use std::sync::Arc;

/// Which alerts.
#[derive(Clone, Debug)]
pub struct Filter {
    pub matchers: Vec<Matcher>,
    /// Anchored.
    pub receiver: Option<Regex>,
    pub active: bool,
    pub silenced: bool,
    pub inhibited: bool,
    /// Groups that are muted by their route's times.
    pub muted: bool,
}

impl Default for Filter {
    fn default() -> Self {
        Filter { matchers: Vec::new(), receiver: None, active: true, silenced: true, inhibited: true, muted: true }
    }
}

/// An alert with what hides it.
#[derive(Clone, Debug)]
pub struct ShownAlert {
    pub alert: Arc<Alert>,
    pub receivers: Vec<String>,
    pub silenced_by: Vec<String>,
    pub inhibited_by: Vec<Fingerprint>,
    pub muted_by: Vec<String>,
}

/// A group with its alerts.
#[derive(Clone, Debug)]
pub struct ShownGroup {
    pub labels: LabelSet,
    pub receiver: String,
    pub alerts: Vec<ShownAlert>,
}

impl Core {
    /// Alerts that are not resolved, in order of their fingerprints.
    pub fn alerts(&self, filter: &Filter, now: Timestamp) -> Vec<ShownAlert> {
        let inhibitor = self.inhibitor(now);
        let live = self.alerts.values().filter(|alert| !alert.is_resolved(now));
        let shown = live.map(|alert| {
            let receivers = self.tree.taking(&alert.labels).into_iter().map(|route| route.receiver.clone()).collect();
            self.shown(alert, receivers, Vec::new(), &inhibitor, now)
        });
        shown.filter(|alert| filter.wants(alert) && filter.wants_any_receiver(&alert.receivers)).collect()
    }

    /// Groups with alerts that are not resolved.
    pub fn groups(&self, filter: &Filter, now: Timestamp) -> Vec<ShownGroup> {
        let inhibitor = self.inhibitor(now);
        let mut found = Vec::new();
        for (id, group) in &self.groups {
            let Some(route) = self.tree.at(id.route) else { continue };
            let muted_by = route.muted_by(now).unwrap_or_default();
            if !filter.wants_any_receiver(std::slice::from_ref(&route.receiver))
                || (!filter.muted && !muted_by.is_empty())
            {
                continue;
            }
            let alerts =
                group.alerts().filter_map(|print| self.alerts.get(print)).filter(|alert| !alert.is_resolved(now));
            let shown = alerts.map(|alert| {
                let receivers = self.wanted_receivers(alert, filter);
                self.shown(alert, receivers, muted_by.clone(), &inhibitor, now)
            });
            let alerts: Vec<ShownAlert> = shown.filter(|alert| filter.wants(alert)).collect();
            if !alerts.is_empty() {
                found.push(ShownGroup { labels: id.labels.clone(), receiver: route.receiver.clone(), alerts });
            }
        }
        found.sort_by(|a, b| before(&a.labels, &b.labels).then_with(|| a.receiver.cmp(&b.receiver)));
        found
    }

    /// Silences with their matchers among these: those that end last first, active ones before pending ones before the rest.
    pub fn silences(&self, matchers: &[Matcher], now: Timestamp) -> Vec<&Silence> {
        let wanted = |silence: &&Silence| {
            let labels =
                LabelSet::from_pairs(silence.matchers.iter().map(|one| (one.name.as_str(), one.value.as_str())));
            all_match(matchers, &labels)
        };
        let mut found: Vec<&Silence> = self.silences.values().filter(wanted).collect();
        let rank = |silence: &Silence| match silence.state(now) {
            crate::SilenceState::Active => (0, silence.ends.nanos()),
            crate::SilenceState::Pending => (1, silence.starts.nanos()),
            crate::SilenceState::Expired => (2, -silence.ends.nanos()),
        };
        found.sort_by_key(|silence| (rank(silence), silence.id.clone()));
        found
    }

    /// The silence with an id.
    pub fn silence_by_id(&self, id: &str) -> Option<&Silence> {
        self.silences.get(id)
    }

    /// Of all that are told of an alert.
    fn wanted_receivers(&self, alert: &Alert, filter: &Filter) -> Vec<String> {
        let all = self.tree.taking(&alert.labels).into_iter().map(|route| route.receiver.clone());
        let mut wanted: Vec<String> = all.filter(|one| filter.wants_any_receiver(std::slice::from_ref(one))).collect();
        wanted.sort();
        wanted
    }

    fn inhibitor(&self, now: Timestamp) -> Inhibitor<'_> {
        Inhibitor::new(&self.rules, self.alerts.iter().map(|(print, alert)| (print, &**alert)), now)
    }

    fn shown(
        &self,
        alert: &Arc<Alert>,
        receivers: Vec<String>,
        muted_by: Vec<String>,
        inhibitor: &Inhibitor<'_>,
        now: Timestamp,
    ) -> ShownAlert {
        let silencing = self.silences.values().filter(|silence| silence.silences(&alert.labels, now));
        let silenced_by = silencing.map(|silence| silence.id.clone()).collect();
        let inhibited_by = inhibitor.hidden_by(&alert.labels).into_iter().collect();
        ShownAlert { alert: alert.clone(), receivers, silenced_by, inhibited_by, muted_by }
    }
}

impl ShownAlert {
    pub fn is_suppressed(&self) -> bool {
        !self.silenced_by.is_empty() || !self.inhibited_by.is_empty() || !self.muted_by.is_empty()
    }
}

impl Filter {
    fn wants(&self, shown: &ShownAlert) -> bool {
        (self.active || shown.is_suppressed())
            && (self.silenced || shown.silenced_by.is_empty())
            && (self.inhibited || shown.inhibited_by.is_empty())
            && all_match(&self.matchers, &shown.alert.labels)
    }

    fn wants_any_receiver(&self, receivers: &[String]) -> bool {
        self.receiver.as_ref().is_none_or(|wanted| receivers.iter().any(|receiver| wanted.is_match(receiver)))
    }
}
