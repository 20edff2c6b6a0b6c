//! What is told of a group: the document of webhooks (version 4), and what templates see.

use crate::alert::Alert;
use crate::core::Notification;
use crate::when;
use gantry_model::LabelSet;
use serde::{Serialize, Serializer};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A group's alerts with what they have in common.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Data {
    /// As a regular expression that matches nothing else.
    pub receiver: String,
    /// `firing` when any alert fires, else `resolved`.
    pub status: &'static str,
    pub alerts: Vec<DataAlert>,
    pub group_labels: BTreeMap<String, String>,
    pub common_labels: BTreeMap<String, String>,
    pub common_annotations: BTreeMap<String, String>,
    #[serde(rename = "externalURL")]
    pub external_url: String,
    pub version: &'static str,
    pub group_key: String,
    /// How many alerts were left out.
    pub truncated_alerts: usize,
}

/// One alert.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DataAlert {
    pub status: &'static str,
    pub labels: BTreeMap<String, String>,
    pub annotations: BTreeMap<String, String>,
    #[serde(serialize_with = "instant")]
    pub starts_at: Option<gantry_model::Timestamp>,
    /// `None` while it fires.
    #[serde(serialize_with = "instant")]
    pub ends_at: Option<gantry_model::Timestamp>,
    #[serde(rename = "generatorURL")]
    pub generator_url: String,
    pub fingerprint: String,
}

fn instant<S: Serializer>(at: &Option<gantry_model::Timestamp>, into: S) -> Result<S::Ok, S::Error> {
    when::instant::serialize(at, into)
}

fn texts(labels: &LabelSet) -> BTreeMap<String, String> {
    labels.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// What all have.
fn common<'a>(mut all: impl Iterator<Item = &'a BTreeMap<String, String>>) -> BTreeMap<String, String> {
    let mut common = all.next().cloned().unwrap_or_default();
    for one in all {
        common.retain(|name, value| one.get(name) == Some(value));
    }
    common
}

impl Data {
    /// `external_url`: where people reach this server.
    pub fn of(notification: &Notification, external_url: &str) -> Self {
        let one = |alert: &Arc<Alert>| {
            let resolved = alert.is_resolved(notification.at);
            DataAlert {
                status: if resolved { "resolved" } else { "firing" },
                labels: texts(&alert.labels),
                annotations: alert.annotations.clone(),
                starts_at: Some(alert.starts),
                ends_at: resolved.then_some(alert.ends),
                generator_url: alert.generator_url.clone(),
                fingerprint: alert.fingerprint().to_string(),
            }
        };
        let alerts: Vec<DataAlert> = notification.alerts.iter().map(one).collect();
        Data {
            receiver: regex::escape(&notification.receiver),
            status: if alerts.iter().any(|alert| alert.status == "firing") { "firing" } else { "resolved" },
            group_labels: texts(&notification.group.labels),
            common_labels: common(alerts.iter().map(|alert| &alert.labels)),
            common_annotations: common(alerts.iter().map(|alert| &alert.annotations)),
            external_url: external_url.to_owned(),
            version: "4",
            group_key: notification.group_key.clone(),
            truncated_alerts: 0,
            alerts,
        }
    }

    pub fn is_firing(&self) -> bool {
        self.status == "firing"
    }

    /// The same with at most so many alerts; 0 is no limit.
    #[must_use]
    pub fn cut(mut self, most: usize) -> Self {
        if most > 0 && self.alerts.len() > most {
            self.truncated_alerts = self.alerts.len() - most;
            self.alerts.truncate(most);
        }
        self
    }
}
