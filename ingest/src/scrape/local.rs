//! [`LocalJob`]: a source of this machine that is scraped without a network.

use super::config::{ScrapeConfig, StaticConfig};
use super::fetch::Fetch;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// One job with one target.
#[derive(Clone, Debug)]
pub struct LocalJob {
    /// The label `job`.
    pub name: &'static str,
    /// The label `instance`.
    pub instance: String,
    pub interval: Duration,
    /// Is asked for `machine://localhost/NAME`.
    pub fetch: Arc<dyn Fetch>,
}

impl LocalJob {
    pub(super) fn config(&self) -> ScrapeConfig {
        let target = StaticConfig {
            targets: vec!["localhost".to_owned()],
            labels: BTreeMap::from([("instance".to_owned(), self.instance.clone())]),
        };
        ScrapeConfig {
            job_name: self.name.to_owned(),
            scrape_interval: Some(self.interval),
            scrape_timeout: Some(self.interval.min(Duration::from_secs(10))),
            scheme: "machine".to_owned(),
            metrics_path: format!("/{}", self.name),
            static_configs: vec![target],
            ..ScrapeConfig::default()
        }
    }
}
