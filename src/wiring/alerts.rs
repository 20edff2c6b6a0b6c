//! Alerts: the embedded Alertmanager, and what hands it the alerts of rules.

use crate::config::Config;
use crate::reload::Reread;
use crate::supervisor::{Kind, Supervisor};
use anyhow::Context;
use async_trait::async_trait;
use gantry_alertmanager::{Alertmanager, Config as Routing, Outward, PostedAlert};
use gantry_meta::MetaStore;
use gantry_model::{Clock, LabelSet, Timestamp};
use gantry_ruler::{GroupId, Notify, Told};
use parking_lot::Mutex;
use prometheus::Registry;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;
use tracing::error;

/// Starts to notify; `url` is where people reach this server.
pub async fn start(
    supervisor: &Supervisor,
    config: &Config,
    url: String,
    meta: Arc<dyn MetaStore>,
    clock: Arc<dyn Clock>,
    registry: &Registry,
) -> anyhow::Result<Arc<Alertmanager>> {
    let routing = match &config.alerting.config {
        Some(file) => read(file).await?,
        None => Routing::without_receivers(),
    };
    let opened = Alertmanager::open(routing, url, meta, clock, registry).await;
    let manager = Arc::new(opened.context("the Alertmanager cannot start")?);
    // After the rules, which tell it of alerts to the last.
    let (running, stop) = (manager.clone(), supervisor.stopping(Kind::Outgoing));
    supervisor.spawn(Kind::Outgoing, "alertmanager", async move {
        running.run(stop).await;
        Ok(())
    });
    Ok(manager)
}

async fn read(file: &Path) -> anyhow::Result<Routing> {
    let text = tokio::fs::read_to_string(file).await;
    let text = text.with_context(|| format!("the Alertmanager's configuration {} cannot be read", file.display()))?;
    let dir = file.parent().unwrap_or(Path::new(""));
    Routing::parse_in(&text, dir)
        .with_context(|| format!("the Alertmanager's configuration {} is wrong", file.display()))
}

/// The Alertmanager's configuration.
pub struct RoutingFile {
    file: PathBuf,
    manager: Arc<Alertmanager>,
    /// When the file was changed that was taken last.
    known: Mutex<Option<SystemTime>>,
}

impl RoutingFile {
    /// `file` was read just now.
    pub fn new(file: PathBuf, manager: Arc<Alertmanager>) -> Self {
        let known = Mutex::new(changed(&file));
        RoutingFile { file, manager, known }
    }
}

fn changed(file: &Path) -> Option<SystemTime> {
    std::fs::metadata(file).ok()?.modified().ok()
}

#[async_trait]
impl Reread for RoutingFile {
    fn what(&self) -> &'static str {
        "the Alertmanager's configuration"
    }

    fn name(&self) -> &'static str {
        "alertmanager"
    }

    async fn reread(&self, forced: bool) -> anyhow::Result<bool> {
        let now = changed(&self.file);
        if !forced && now.is_some() && *self.known.lock() == now {
            return Ok(false);
        }
        let taken = async { anyhow::Ok(self.manager.reconfigure(read(&self.file).await?)?) }.await;
        // One that is wrong is read again, so that it is known to be wrong as long as it is.
        *self.known.lock() = now.filter(|_| taken.is_ok());
        taken?;
        Ok(true)
    }
}

/// Starts to send alerts of rules to other Alertmanagers; `None` when there are none.
pub fn outward(supervisor: &Supervisor, config: &Config, registry: &Registry) -> anyhow::Result<Option<Elsewhere>> {
    if config.alerting.alertmanagers.is_empty() {
        return Ok(None);
    }
    let outward = Arc::new(Outward::new(&config.alerting.alertmanagers, registry)?);
    let (running, stop) = (outward.clone(), supervisor.stopping(Kind::Outgoing));
    supervisor.spawn(Kind::Outgoing, "other alertmanagers", async move {
        running.run(stop).await;
        Ok(())
    });
    Ok(Some(Elsewhere(outward)))
}

/// Hands alerts of rules to other Alertmanagers.
pub struct Elsewhere(Arc<Outward>);

impl Elsewhere {
    /// Where alerts are sent, without credentials.
    pub fn servers(&self) -> Vec<String> {
        self.0.servers().collect()
    }
}

#[async_trait]
impl Notify for Elsewhere {
    async fn notify(&self, group: &GroupId, alerts: Vec<Told>) {
        self.0.put(&group.tenant, &alerts.into_iter().map(posted).collect::<Vec<_>>());
    }
}

/// Hands alerts of rules to the embedded Alertmanager.
pub struct Embedded(pub Arc<Alertmanager>);

#[async_trait]
impl Notify for Embedded {
    async fn notify(&self, group: &GroupId, alerts: Vec<Told>) {
        let posted = alerts.into_iter().map(posted).collect();
        // A firing alert is told again soon, an ended one until it is forgotten.
        if let Err(error) = self.0.put_from(&group.to_string(), &group.tenant, posted).await {
            error!(%group, %error, "alerts of rules were not taken; they are told again");
        }
    }

    async fn settle(&self, group: &GroupId, known: &BTreeSet<LabelSet>) -> bool {
        let settled = self.0.settle(&group.to_string(), &group.tenant, &|labels| known.contains(labels)).await;
        settled.unwrap_or_else(|error| {
            error!(%group, %error, "alerts that ended before the start are told as over later");
            false
        })
    }
}

fn posted(told: Told) -> PostedAlert {
    let Told { notice, generator_url } = told;
    PostedAlert {
        labels: notice.labels.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        annotations: notice.annotations,
        starts_at: Some(Timestamp::from_millis(notice.starts_ms)),
        ends_at: Some(Timestamp::from_millis(notice.ends_ms)),
        generator_url,
    }
}
