//! A report of a backtest for people.

use crate::cli::{table, when};
use gantry_backtest::{Episode, Notification, Report, RuleReport};
use gantry_model::{LabelSet, Timestamp};
use std::collections::BTreeMap;
use std::time::Duration;

/// Tables of rules, alerts and notifications; at most `limit` alerts and notifications.
pub fn lines(report: &Report, limit: usize) -> Vec<String> {
    let mut lines = rules(&report.rules);
    for rule in &report.rules {
        if let Some((at_ms, why)) = &rule.failures.first {
            let (failed, of) = (rule.failures.count, rule.evaluations);
            lines.push(format!("{}: {failed} of {of} evaluations failed, first at {}: {why}", rule.name, time(*at_ms)));
        }
    }
    lines.extend([String::new(), format!("alerts that fired: {}", report.fired)]);
    lines.extend(alerts(&report.episodes, report.end_ms, limit));
    lines.extend([String::new(), notified(report)]);
    lines.extend(notifications(&report.notifications, limit));
    lines.extend(report.remarks.iter().map(|remark| format!("note: {remark}")));
    lines
}

fn header(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn rules(rules: &[RuleReport]) -> Vec<String> {
    let header = header(&[
        "group",
        "rule",
        "every",
        "evaluations",
        "series",
        "fired",
        "firing",
        "longest",
        "pending only",
        "failed",
    ]);
    let row = |rule: &RuleReport| {
        let of_alert = |text: String| if rule.is_alert { text } else { String::new() };
        vec![
            rule.group.clone(),
            rule.name.clone(),
            span(rule.interval_ms),
            rule.evaluations.to_string(),
            rule.series.to_string(),
            of_alert(rule.fired.to_string()),
            of_alert(span(rule.firing_ms)),
            of_alert(span(rule.longest_ms)),
            of_alert(rule.missed.to_string()),
            rule.failures.count.to_string(),
        ]
    };
    table::table(&header, &rules.iter().map(row).collect::<Vec<_>>())
}

fn alerts(episodes: &[Episode], end_ms: i64, limit: usize) -> Vec<String> {
    if episodes.is_empty() {
        return Vec::new();
    }
    let row = |one: &Episode| {
        let still = if one.resolved_ms.is_none() { " and on" } else { "" };
        let length = format!("{}{still}", span(one.firing_ms(end_ms)));
        vec![time(one.fired_ms), length, one.alert().to_owned(), labels(&one.labels)]
    };
    let rows: Vec<Vec<String>> = episodes.iter().take(limit).map(row).collect();
    let mut lines = table::table(&header(&["fired", "for", "alert", "labels"]), &rows);
    lines.extend(more(episodes.len(), limit));
    lines
}

/// How many notifications each receiver would have had.
fn notified(report: &Report) -> String {
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for one in &report.notifications {
        *counts.entry(&one.receiver).or_default() += 1;
    }
    let each: Vec<String> = counts.iter().map(|(receiver, count)| format!("{receiver}: {count}")).collect();
    let each = if each.is_empty() { String::new() } else { format!(" ({})", each.join(", ")) };
    format!("notifications: {}{each}", report.notified)
}

fn notifications(all: &[Notification], limit: usize) -> Vec<String> {
    if all.is_empty() {
        return Vec::new();
    }
    let row = |one: &Notification| {
        let receiver = format!("{} {}", one.receiver, one.integration);
        vec![time(one.at_ms), receiver, one.firing.to_string(), one.resolved.to_string(), labels(&one.group)]
    };
    let rows: Vec<Vec<String>> = all.iter().take(limit).map(row).collect();
    let mut lines = table::table(&header(&["at", "receiver", "firing", "resolved", "group"]), &rows);
    lines.extend(more(all.len(), limit));
    lines
}

fn more(all: usize, limit: usize) -> Option<String> {
    (all > limit).then(|| format!("... {} more: --limit, or --json", all - limit))
}

fn labels(labels: &LabelSet) -> String {
    let named = labels.iter().filter(|(name, _)| *name != "alertname");
    named.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
}

fn time(at_ms: i64) -> String {
    when::show(Timestamp::from_millis(at_ms))
}

fn span(millis: i64) -> String {
    humantime::format_duration(Duration::from_millis(u64::try_from(millis).unwrap_or(0))).to_string().replace(' ', "")
}
