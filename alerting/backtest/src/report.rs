//! What came of a backtest. Instants and durations are milliseconds, instants since 1970.

use gantry_model::LabelSet;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What came of a backtest.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    pub start_ms: i64,
    pub end_ms: i64,
    /// In the order of the file.
    pub rules: Vec<RuleReport>,
    /// Alerts that fired, in order of time; the first ones when there are more than a report holds.
    pub episodes: Vec<Episode>,
    /// How many fired.
    pub fired: u64,
    /// What people would have been sent, in order of time; the first ones when there are more than a report holds.
    pub notifications: Vec<Notification>,
    /// How many there would have been.
    pub notified: u64,
    /// What is to be known of this report.
    pub remarks: Vec<String>,
}

/// What became of one rule.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RuleReport {
    pub group: String,
    /// Of the alert or of the recorded series.
    pub name: String,
    pub is_alert: bool,
    pub interval_ms: i64,
    pub evaluations: u64,
    /// Most series of an answer.
    pub series: u64,
    /// How many alerts fired, one that came back counted again.
    pub fired: u64,
    /// Time that alerts fired, that of all of them added up, and the longest.
    pub firing_ms: i64,
    pub longest_ms: i64,
    /// Alerts that were pending and never fired, and the longest of those.
    pub missed: u64,
    pub longest_missed_ms: i64,
    pub failures: Failures,
}

/// Evaluations that failed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Failures {
    pub count: u64,
    /// When the first one was, and why.
    pub first: Option<(i64, String)>,
}

/// An alert from its beginning to its end.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Episode {
    pub group: String,
    pub labels: LabelSet,
    /// Those of its first firing evaluation.
    pub annotations: BTreeMap<String, String>,
    /// The value when it began to fire.
    pub value: f64,
    /// Since when it was pending.
    pub active_ms: i64,
    pub fired_ms: i64,
    /// `None`: it fires at the end.
    pub resolved_ms: Option<i64>,
}

/// What people would have been sent at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notification {
    pub at_ms: i64,
    pub receiver: String,
    /// Of the receiver's ways to be told, this one.
    pub integration: String,
    /// What the alerts have in common: the labels that they are grouped by.
    pub group: LabelSet,
    pub firing: u64,
    pub resolved: u64,
}

impl Episode {
    /// How long it fired, if `end_ms` is the end of the backtest.
    pub fn firing_ms(&self, end_ms: i64) -> i64 {
        self.resolved_ms.unwrap_or(end_ms).saturating_sub(self.fired_ms)
    }

    /// The name of the alert.
    pub fn alert(&self) -> &str {
        self.labels.get("alertname").unwrap_or_default()
    }
}
