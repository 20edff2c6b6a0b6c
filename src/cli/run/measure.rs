//! [`Measure`]: what the command and all that it started use, sent while it runs.

use anyhow::Context;
use gantry_ingest::machine::{MachineOptions, Processes, Watched, Watching};
use gantry_model::TenantId;
use reqwest::StatusCode;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(10);

/// Sends `process_*` to `<address>/api/v1/import/prometheus`.
#[derive(Debug)]
pub(super) struct Measure {
    http: reqwest::Client,
    url: String,
    tenant: TenantId,
    /// Of every series, as `NAME=VALUE`.
    labels: Vec<String>,
    processes: Arc<Processes>,
    interval: Duration,
    _watching: Watching,
}

impl Measure {
    /// Process `pid`, whose lines have the label `app`. `labels` are added, and win over `job` and `instance`.
    pub fn new(
        pid: u32,
        app: &str,
        labels: &BTreeMap<String, String>,
        tenant: TenantId,
        server: (String, reqwest::ClientBuilder),
        interval: Duration,
    ) -> anyhow::Result<Self> {
        let (address, http) = server;
        let (watched, machine) = (Watched::default(), MachineOptions::default());
        let own = [("job".to_owned(), "run".to_owned()), ("instance".to_owned(), machine.instance())];
        let mut all = BTreeMap::from(own);
        all.extend(labels.clone());
        Ok(Measure {
            http: http.timeout(TIMEOUT).build().context("no client for metrics")?,
            url: format!("{address}/api/v1/import/prometheus"),
            tenant,
            labels: all.iter().map(|(name, value)| format!("{name}={value}")).collect(),
            _watching: watched.watch(app, pid),
            processes: Arc::new(Processes::of_others(machine.roots(), watched)),
            interval,
        })
    }

    /// For ever. A server that takes no metrics is not asked again; one that is away or refuses is, with the next values.
    pub async fn run(self) -> Infallible {
        let mut told = None;
        loop {
            tokio::time::sleep(self.interval).await;
            match self.send().await {
                Ok(status) if status.is_success() => {}
                Ok(status @ (StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED)) => {
                    tracing::debug!(url = self.url, %status, "the server takes no metrics");
                    return pending().await;
                }
                Ok(status) if told == Some(status) => {}
                Ok(status) => {
                    tracing::warn!(url = self.url, %status, "metrics of the command were refused");
                    told = Some(status);
                }
                Err(error) => tracing::debug!(url = self.url, "metrics of the command could not be sent: {error:#}"),
            }
        }
    }

    async fn send(&self) -> anyhow::Result<StatusCode> {
        let processes = self.processes.clone();
        let text = tokio::task::spawn_blocking(move || processes.text()).await?;
        let labels: Vec<(&str, &str)> = self.labels.iter().map(|label| ("extra_label", label.as_str())).collect();
        let request = self.http.post(&self.url).query(&labels).header("X-Scope-OrgID", self.tenant.as_str());
        Ok(request.body(text).send().await?.status())
    }
}
