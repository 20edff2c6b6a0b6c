//! Which rules read what other rules write, judged by names: `true` when in doubt.

use crate::history::Replaces;
use gantry_alerting::{Rule, RuleFile};
use gantry_model::{LabelSet, Selector};
use std::collections::BTreeSet;
use std::sync::Arc;

const OF_ALERTS: [&str; 2] = ["ALERTS", "ALERTS_FOR_STATE"];

/// Whether a selector may find what a rule writes.
pub(crate) fn may_read(selector: &Selector, rule: &Rule) -> bool {
    let finds = |labels: &[(&str, &str)]| {
        let labels = LabelSet::from_pairs(labels.iter().copied());
        let known = |name: &str| labels.get(name).is_some();
        selector.0.iter().filter(|matcher| known(&matcher.name)).all(|matcher| matcher.matches(&labels))
    };
    if rule.alert.is_empty() {
        return finds(&[("__name__", &rule.record)]);
    }
    OF_ALERTS.iter().any(|name| finds(&[("__name__", name), ("alertname", &rule.alert)]))
}

/// Stored series that the rules of a file write, too.
pub(crate) fn written_by(file: &RuleFile) -> Replaces {
    let (mut records, mut alerts) = (BTreeSet::new(), BTreeSet::new());
    for rule in file.rules() {
        if rule.alert.is_empty() {
            records.insert(rule.record.clone())
        } else {
            alerts.insert(rule.alert.clone())
        };
    }
    Arc::new(move |labels: &LabelSet| {
        let name = labels.get("__name__").unwrap_or_default();
        records.contains(name)
            || OF_ALERTS.contains(&name) && labels.get("alertname").is_some_and(|alert| alerts.contains(alert))
    })
}

/// Whether templates of the rule ask queries.
pub(crate) fn asks(rule: &Rule) -> bool {
    rule.labels.values().chain(rule.annotations.values()).any(|text| text.contains("query"))
}
