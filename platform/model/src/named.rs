//! [`Policy`]: a policy of scaling with a name, when it is looked at, and who carries out what is decided.

use crate::policy::{Period, Query, ScalePolicy};
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

/// One policy as it is written down. Its fields and those of [`ScalePolicy`] stand side by side.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Policy {
    pub name: String,
    /// How often it is looked at.
    pub interval_seconds: Period,
    /// Where the number of replicas is read; without it they are what was last decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replicas: Option<ReplicaQueries>,
    pub executor: ExecutorSpec,
    #[serde(flatten)]
    pub scale: ScalePolicy,
}

/// Queries for the replicas there are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ReplicaQueries {
    pub current: Query,
    /// Those of them that are ready; absent: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ready: Option<Query>,
}

/// Who is told of a decision.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ExecutorSpec {
    /// Nobody: others ask.
    #[default]
    None,
    Webhook(WebhookSpec),
}

/// Where a change is posted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct WebhookSpec {
    pub url: String,
    /// A file with the key by which requests are signed (HMAC-SHA256).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_file: Option<String>,
    /// How long one attempt may take.
    #[serde(default = "five")]
    pub timeout_seconds: Period,
    /// How often an attempt is repeated before the next look at the policy.
    #[serde(default = "two")]
    pub retries: u32,
}

fn five() -> Period {
    5
}

fn two() -> u32 {
    2
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Head {
    name: String,
    #[serde(default = "fifteen")]
    interval_seconds: Period,
    #[serde(default)]
    replicas: Option<ReplicaQueries>,
    #[serde(default)]
    executor: ExecutorSpec,
}

fn fifteen() -> Period {
    15
}

impl<'de> Deserialize<'de> for Policy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut rest = Map::deserialize(deserializer)?;
        let known = ["name", "intervalSeconds", "replicas", "executor"];
        let head: Map<String, Value> = known.iter().filter_map(|name| rest.remove_entry(*name)).collect();
        let head: Head = serde_json::from_value(Value::Object(head)).map_err(D::Error::custom)?;
        let scale = serde_json::from_value(Value::Object(rest)).map_err(D::Error::custom)?;
        let Head { name, interval_seconds, replicas, executor } = head;
        Ok(Policy { name, interval_seconds, replicas, executor, scale })
    }
}

impl Policy {
    /// Everything that is wrong, in words for the one who wrote it. Empty when nothing is.
    pub fn problems(&self) -> Vec<String> {
        let mut found = self.scale.problems();
        let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if self.name.is_empty() || self.name.len() > 63 || !self.name.chars().all(allowed) || self.name.starts_with('.')
        {
            found.push("name must be 1 to 63 letters, digits, dashes, dots or underscores".to_owned());
        }
        if !(1..=86_400).contains(&self.interval_seconds) {
            found.push("intervalSeconds must be between 1 and 86400".to_owned());
        }
        if let ExecutorSpec::Webhook(webhook) = &self.executor {
            if !webhook.url.starts_with("http://") && !webhook.url.starts_with("https://") {
                found.push("executor.webhook.url must start with http:// or https://".to_owned());
            }
            if !(1..=300).contains(&webhook.timeout_seconds) || webhook.retries > 10 {
                found.push("executor.webhook: timeoutSeconds must be between 1 and 300, retries at most 10".to_owned());
            }
        }
        for (at, metric) in self.scale.metrics.iter().enumerate() {
            if metric.query.is_none() {
                found.push(format!("metrics[{at}] ({}): a query is needed: promql, logql or sql", metric.name));
            }
        }
        found
    }
}
