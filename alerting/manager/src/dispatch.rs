//! A group of alerts that are told together, and when.

use crate::alert::{Alert, Fingerprint};
use gantry_model::{LabelSet, Timestamp};
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Names a group: its route and what its alerts have in common.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct GroupId {
    pub route: usize,
    pub labels: LabelSet,
}

/// A group.
#[derive(Clone, Debug)]
pub struct Group {
    alerts: BTreeSet<Fingerprint>,
    next: Timestamp,
    /// Whether it was looked at once.
    begun: bool,
    /// Notifications that are under way.
    sending: usize,
    /// Whether one of them failed.
    failed: bool,
    /// What is over and gone when all of them have been heard: with the time of its last report.
    resolved: Vec<(Fingerprint, Timestamp)>,
}

impl Group {
    /// A group that is looked at first at `first`.
    pub fn new(first: Timestamp) -> Self {
        Group { alerts: BTreeSet::new(), next: first, begun: false, sending: 0, failed: false, resolved: Vec::new() }
    }

    /// `waited`: when the alert has waited long enough for others.
    pub fn insert(&mut self, print: Fingerprint, waited: Timestamp, now: Timestamp) {
        self.alerts.insert(print);
        if !self.begun && waited < now {
            self.next = now;
        }
    }

    /// Looks no later than then.
    pub fn not_after(&mut self, latest: Timestamp) {
        self.next = self.next.min(latest);
    }

    pub fn has(&self, print: &Fingerprint) -> bool {
        self.alerts.contains(print)
    }

    pub fn alerts(&self) -> impl Iterator<Item = &Fingerprint> {
        self.alerts.iter()
    }

    /// `None` while notifications are under way, and when there is nothing to tell.
    pub fn next_due(&self) -> Option<Timestamp> {
        (self.sending == 0 && !self.alerts.is_empty()).then_some(self.next)
    }

    /// Nobody needs it any more.
    pub fn is_over(&self) -> bool {
        self.alerts.is_empty() && self.sending == 0
    }

    /// The alerts to tell, sorted, now that it is time; it is looked at again at `next`.
    pub fn begin(&mut self, all: &BTreeMap<Fingerprint, Arc<Alert>>, next: Timestamp) -> Vec<Arc<Alert>> {
        (self.begun, self.next, self.failed) = (true, next, false);
        let mut alerts: Vec<Arc<Alert>> = self.alerts.iter().filter_map(|print| all.get(print).cloned()).collect();
        alerts.sort_by(|a, b| in_order(&a.labels, &b.labels));
        self.resolved = alerts.iter().map(|alert| (alert.fingerprint(), alert.updated)).collect();
        alerts
    }

    /// So many notifications go out.
    pub fn sending(&mut self, count: usize, all: &BTreeMap<Fingerprint, Arc<Alert>>, now: Timestamp) {
        self.resolved.retain(|(print, _)| all.get(print).is_some_and(|alert| alert.is_resolved(now)));
        self.sending = count;
        self.finish(all);
    }

    /// One was sent, or could not be.
    pub fn sent(&mut self, well: bool, all: &BTreeMap<Fingerprint, Arc<Alert>>) {
        self.sending = self.sending.saturating_sub(1);
        self.failed |= !well;
        self.finish(all);
    }

    fn finish(&mut self, all: &BTreeMap<Fingerprint, Arc<Alert>>) {
        if self.sending > 0 {
            return;
        }
        for (print, updated) in std::mem::take(&mut self.resolved) {
            let unchanged = all.get(&print).is_none_or(|alert| alert.updated == updated);
            if !self.failed && unchanged {
                self.alerts.remove(&print);
            }
        }
    }
}

/// First by `job` and `instance`, those without last, then by all labels, as Alertmanager sorts alerts.
pub fn in_order(a: &LabelSet, b: &LabelSet) -> Ordering {
    let by = |name: &str| match (a.get(name), b.get(name)) {
        (Some(a), Some(b)) => a.cmp(b),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => Ordering::Equal,
    };
    by("job").then_with(|| by("instance")).then_with(|| before(a, b))
}

/// `model.LabelSet.Before` of prometheus/common: names of both in order, an absent one first, then values.
pub fn before(a: &LabelSet, b: &LabelSet) -> Ordering {
    let fewer = a.len().cmp(&b.len());
    if fewer != Ordering::Equal {
        return fewer;
    }
    let names: BTreeSet<&str> = a.iter().chain(b.iter()).map(|(name, _)| name).collect();
    for name in names {
        let order = match (a.get(name), b.get(name)) {
            (None, _) => Ordering::Less,
            (_, None) => Ordering::Greater,
            (Some(a), Some(b)) => a.cmp(b),
        };
        if order != Ordering::Equal {
            return order;
        }
    }
    Ordering::Equal
}
