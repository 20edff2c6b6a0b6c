//! Alerts that fire, compared with those that must.

use crate::file::AlertTest;
use crate::samples::shown_labels;
use gantry_alerting::{Alert, AlertState};
use gantry_model::LabelSet;
use gantry_query_lang::duration::format_prometheus_duration;
use std::collections::BTreeMap;

/// Labels and annotations.
type Shown = (LabelSet, BTreeMap<String, String>);

/// What is wrong with the alerts of this name, in promtool's words. `alerts`: those of all rules. `group`: name of the tests.
pub(crate) fn compare<'a>(test: &AlertTest, alerts: impl Iterator<Item = &'a Alert>, group: &str) -> Option<String> {
    let named = |alert: &&Alert| {
        alert.state == AlertState::Firing && alert.labels.get("alertname") == Some(test.alertname.as_str())
    };
    let mut found: Vec<Shown> =
        alerts.filter(named).map(|alert| (alert.labels.clone(), alert.annotations.clone())).collect();
    let mut wanted: Vec<Shown> = test
        .exp_alerts
        .iter()
        .map(|alert| {
            let own = alert.exp_labels.iter().map(|(name, value)| (name.as_str(), value.as_str()));
            (LabelSet::from_pairs(own.chain([("alertname", test.alertname.as_str())])), alert.exp_annotations.clone())
        })
        .collect();
    found.sort();
    wanted.sort();
    if found == wanted {
        return None;
    }
    let name = if group.is_empty() { String::new() } else { format!("    name: {group},\n") };
    let at = format_prometheus_duration(test.at_ms.saturating_mul(1_000_000));
    let (wanted, found) = (listed(&wanted), listed(&found));
    Some(format!("{name}    alertname: {}, time: {at}, \n        exp:{wanted}, \n        got:{found}", test.alertname))
}

fn listed(alerts: &[Shown]) -> String {
    const INDENT: &str = "            ";
    if alerts.is_empty() {
        return "[]".to_owned();
    }
    let one = |(at, (labels, annotations)): (usize, &Shown)| {
        let annotations = annotations.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let (labels, annotations) = (shown_labels(labels.iter()), shown_labels(annotations));
        format!("{INDENT}{at}:\n{INDENT}  Labels:{labels}\n{INDENT}  Annotations:{annotations}")
    };
    let all: Vec<String> = alerts.iter().enumerate().map(one).collect();
    format!("[\n{}\n{INDENT}]", all.join(",\n"))
}
