//! The section `[alerting]`.

use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Who is told of alerts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AlertmanagerOptions {
    /// Alertmanager's configuration. Default none: alerts are taken and shown, and nobody is notified.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config: Option<PathBuf>,
    /// Other Alertmanagers that are told of alerts of rules, too: http://alertmanager:9093. Default none.
    pub alertmanagers: Vec<String>,
}

impl AlertmanagerOptions {
    /// What is wrong: the name of the option and why.
    pub fn problems(&self) -> Vec<(&'static str, String)> {
        let is_http = |url: &str| reqwest::Url::parse(url).is_ok_and(|url| ["http", "https"].contains(&url.scheme()));
        let wrong = self.alertmanagers.iter().filter(|url| !is_http(url));
        wrong.map(|url| ("alertmanagers", format!("{url:?} is no URL of HTTP"))).collect()
    }
}
