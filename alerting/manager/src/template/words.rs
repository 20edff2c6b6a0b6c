//! What the templates that receivers use by default say, as Alertmanager's say it.

use crate::data::{Data, DataAlert};
use gantry_template::url_query;
use std::collections::BTreeMap;
use std::fmt::Write;

type Texts = BTreeMap<String, String>;

/// The name of the alert first, the others in order.
pub fn sorted(map: &Texts) -> Vec<(&String, &String)> {
    let first = map.get_key_value("alertname");
    first.into_iter().chain(map.iter().filter(|(name, _)| *name != "alertname")).collect()
}

/// All values with blanks between them.
pub fn values(map: &Texts) -> String {
    sorted(map).into_iter().map(|(_, value)| value.as_str()).collect::<Vec<_>>().join(" ")
}

/// `[FIRING:2] Latency eu (checkout page)`: what the group has, and in parentheses what its alerts have beside that.
pub fn subject(data: &Data) -> String {
    let firing = data.alerts.iter().filter(|alert| alert.ends_at.is_none()).count();
    let count = if data.is_firing() { format!(":{firing}") } else { String::new() };
    let mut text = format!("[{}{count}] {} ", data.status.to_uppercase(), values(&data.group_labels));
    if data.common_labels.len() > data.group_labels.len() {
        let mut others = data.common_labels.clone();
        others.retain(|name, _| !data.group_labels.contains_key(name));
        text.push_str(&format!("({})", values(&others)));
    }
    text
}

/// What the severest alert calls for: of those that fire, else of the others. Empty: no alert says how severe it is.
pub fn priority(data: &Data) -> &'static str {
    let severest = |status: &str| {
        let alerts = data.alerts.iter().filter(|alert| alert.status == status);
        let ranks = alerts.filter_map(|alert| match alert.labels.get("severity")?.as_str() {
            "critical" => Some((3, "High")),
            "warning" => Some((2, "Medium")),
            "info" => Some((1, "Low")),
            _ => None,
        });
        ranks.max().map(|(_, name)| name)
    };
    severest("firing").or_else(|| severest("resolved")).unwrap_or_default()
}

pub fn link(data: &Data) -> String {
    format!("{}/#/alerts?receiver={}", data.external_url, url_query(&data.receiver))
}

fn list(out: &mut String, title: &str, bullet: &str, map: &Texts) {
    out.push_str(title);
    for (name, value) in sorted(map) {
        // Writing to a text does not fail.
        let _ = writeln!(out, "{bullet}{name} = {value}");
    }
}

pub fn alert(alert: &DataAlert) -> String {
    let mut text = String::new();
    list(&mut text, "Labels:\n", " - ", &alert.labels);
    list(&mut text, "Annotations:\n", " - ", &alert.annotations);
    text + &format!("Source: {}\n", alert.generator_url)
}

pub fn alert_in_markdown(alert: &DataAlert) -> String {
    let mut text = String::new();
    list(&mut text, "\nLabels:\n", "  - ", &alert.labels);
    list(&mut text, "\nAnnotations:\n", "  - ", &alert.annotations);
    text + &format!("\nSource: {}\n", alert.generator_url)
}

/// Alerts that fire, and those that do not.
fn halves(data: &Data, shown: fn(&DataAlert) -> String) -> [(&'static str, String); 2] {
    let of = |fires: bool| data.alerts.iter().filter(|alert| alert.ends_at.is_none() == fires).map(shown).collect();
    [("Alerts Firing:\n", of(true)), ("Alerts Resolved:\n", of(false))]
}

pub fn listing(data: &Data) -> String {
    let [firing, resolved] = halves(data, alert).map(|(title, text)| match text.as_str() {
        "" => text,
        _ => format!("{title}{text}"),
    });
    format!("{firing}\n{resolved}")
}

/// `mark` precedes the titles, `end` follows each list.
pub fn spaced(data: &Data, mark: &str, end: &str, shown: fn(&DataAlert) -> String) -> String {
    let [firing, resolved] = halves(data, shown).map(|(title, text)| match text.as_str() {
        "" => text,
        _ => format!("\n{mark}{title}{text}{end}\n"),
    });
    format!("\n{firing}\n{resolved}\n")
}
